/* clients.h - several clients of one file space at once: threads of this process, or processes.
 *
 *     clients group;
 *     clients_start(&group, CLIENTS_PROCESSES, 4, data, sets, body, state);
 *     ... talk to group.items[n].fd ...
 *     clients_end(&group);
 *
 * Each runs `body` with a handle of database "main": threads share one space, a process opens its
 * own. It talks to the test through a socket; what it finds wrong it says with client_fail, which
 * ends the whole test program, or its process, which clients_end reports. Threads: confined. */
#ifndef PBASE_TEST_CLIENTS_H
#define PBASE_TEST_CLIENTS_H
#include "space_fixture.h"

#include <sys/types.h>

#define CLIENTS_MAX 16u

typedef enum { CLIENTS_THREADS, CLIENTS_PROCESSES } clients_kind;

typedef struct client client;
typedef void (*client_body)(client *self);
struct client {
    uint32_t number; /* from 0 */
    int fd;          /* of the test: its end; of the body: the other one */
    pbase_database *database;
    client_body body;
    void *state; /* shared by threads, a copy in a process */
};

typedef struct {
    clients_kind kind;
    uint32_t count;
    space_fixture fixture; /* of threads */
    client items[CLIENTS_MAX], bodies[CLIENTS_MAX];
    pbase_os_thread *threads[CLIENTS_MAX];
    pid_t processes[CLIENTS_MAX];
} clients;

/* `data`: the folder of the space, which is made when missing; `sets`: NULL-ended assignments of the
 * configuration, or NULL. */
void clients_start(clients *self, clients_kind kind, uint32_t count, const char *data,
                   const char *const *sets, client_body body, void *state);
/* Waits until every body has returned. Fails the test when a process ended otherwise, unless it was
 * killed by clients_kill. */
void clients_end(clients *self);
/* Kills a process; the next clients_end forgives it. */
void clients_kill(clients *self, uint32_t number);

/* Prints and ends the program. */
void client_fail(const client *self, const char *what, const pbase_error *err);
/* Whole messages over a socket; false when the other side is gone. */
bool message_send(int fd, const void *bytes, size_t size);
bool message_receive(int fd, void *out, size_t size);

#endif
