/* signals.c - the only handlers of the program. */
#include "signals.h"

#include <signal.h>
#include <string.h>

uint32_t signals_cancelled;
static volatile sig_atomic_t ended, resized;

static void cancel(int signal_number)
{
    (void)signal_number;
    __atomic_store_n(&signals_cancelled, 1, __ATOMIC_RELAXED);
}

static void end(int signal_number)
{
    ended = 1;
    cancel(signal_number);
}

static void resize(int signal_number)
{
    (void)signal_number;
    resized = 1;
}

static void install(int signal_number, void (*handler)(int), int flags)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    (void)sigaction(signal_number, &action, NULL); /* cannot fail for these numbers */
}

void signals_install(void)
{
    install(SIGINT, cancel, (int)SA_RESETHAND);
    install(SIGTERM, cancel, (int)SA_RESETHAND);
    install(SIGPIPE, SIG_IGN, 0); /* a closed pipe is an error of write */
}

void signals_install_for_shell(void)
{
    /* A query that writes to the terminal must not fail because of Ctrl-C, but end between rows;
     * waiting for a key must end when the shell is to end. */
    install(SIGINT, cancel, (int)SA_RESTART);
    install(SIGWINCH, resize, (int)SA_RESTART);
    install(SIGTERM, end, 0);
    install(SIGHUP, end, 0);
}

void signals_clear(void)
{
    __atomic_store_n(&signals_cancelled, ended ? 1 : 0, __ATOMIC_RELAXED);
}

bool signals_ended(void)
{
    return ended != 0;
}

bool signals_resized(void)
{
    bool was = resized != 0;
    resized = 0;
    return was;
}
