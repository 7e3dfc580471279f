/* signals.h - Ctrl-C and its relatives as a flag that every call watches.
 *
 * Threads: the flag is set from signal handlers and read from any thread. */
#ifndef PBASE_CLI_SIGNALS_H
#define PBASE_CLI_SIGNALS_H
#include <stdbool.h>
#include <stdint.h>

/* Once set, everything that waits or runs ends with CANCELLED. */
extern uint32_t signals_cancelled;

/* SIGINT and SIGTERM set the flag; a second one ends the program at once. */
void signals_install(void);
/* For a shell on a terminal: SIGINT sets the flag each time, and SIGTERM asks it to end, too. */
void signals_install_for_shell(void);
/* Clears the flag, before the next statement. */
void signals_clear(void);
/* SIGTERM or SIGHUP came to a shell. */
bool signals_ended(void);
/* The window changed since the last call. */
bool signals_resized(void);

#endif
