/* clients.c - threads that share a space, or forked processes that open it themselves. */
#include "clients.h"

#include "os/os.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

void client_fail(const client *self, const char *what, const pbase_error *err)
{
    (void)fprintf(stderr, "client %u: %s: %s (%s)\n", self->number, what,
                  err == NULL ? "" : err->message, err == NULL ? "" : err->hint);
    _exit(3);
}

bool message_send(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent <= 0 && errno != EINTR) {
            return false;
        }
        at += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

bool message_receive(int fd, void *out, size_t size)
{
    uint8_t *at = out;
    while (size > 0) {
        ssize_t got = recv(fd, at, size, 0);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        at += got > 0 ? got : 0;
        size -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

static void prepare(space_fixture *fixture, const char *data, const char *const *sets)
{
    fixture_prepare(fixture, data, NULL);
    for (; sets != NULL && *sets != NULL; sets++) {
        fixture_set(fixture, *sets);
    }
}

static void run_thread(void *state)
{
    client *self = state;
    self->body(self);
    (void)shutdown(self->fd, SHUT_RDWR);
}

/* The whole life of a child process. */
static void run_process(client *self, const char *data, const char *const *sets)
{
    space_fixture fixture;
    pbase_error err;
    pbase_error_init(&err);
    prepare(&fixture, data, sets);
    if (fixture_try_open(&fixture, &err) != PBASE_OK) {
        client_fail(self, "opening the space", &err);
    }
    self->database = fixture.database;
    self->body(self);
    fixture_close(&fixture);
    (void)fflush(NULL);
    _exit(0);
}

static void start_process(clients *self, uint32_t number, const char *data, const char *const *sets)
{
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (uint32_t i = 0; i <= number; i++) {
            (void)close(self->items[i].fd); /* the test's ends */
        }
        run_process(&self->bodies[number], data, sets);
    }
    self->processes[number] = child;
    (void)close(self->bodies[number].fd);
}

void clients_start(clients *self, clients_kind kind, uint32_t count, const char *data,
                   const char *const *sets, client_body body, void *state)
{
    assert_true(count <= CLIENTS_MAX);
    memset(self, 0, sizeof *self);
    self->kind = kind;
    self->count = count;
    if (kind == CLIENTS_THREADS) {
        prepare(&self->fixture, data, sets);
        fixture_open(&self->fixture);
    }
    for (uint32_t i = 0; i < count; i++) {
        int ends[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        client one = {
            .number = i, .database = self->fixture.database, .body = body, .state = state};
        self->items[i] = self->bodies[i] = one;
        self->items[i].fd = ends[0];
        self->bodies[i].fd = ends[1];
        if (kind == CLIENTS_PROCESSES) {
            start_process(self, i, data, sets);
        } else {
            const pbase_os *os = pbase_os_real();
            assert_int_equal(os->thread->start(os, "client", run_thread, &self->bodies[i],
                                               &self->threads[i], NULL),
                             PBASE_OK);
        }
    }
}

void clients_kill(clients *self, uint32_t number)
{
    if (self->processes[number] > 0) {
        int status = 0;
        (void)kill(self->processes[number], SIGKILL);
        assert_int_equal(waitpid(self->processes[number], &status, 0), self->processes[number]);
        self->processes[number] = 0;
    }
}

static void wait_for_process(clients *self, uint32_t number)
{
    int status = 0;
    if (self->processes[number] == 0) {
        return;
    }
    assert_int_equal(waitpid(self->processes[number], &status, 0), self->processes[number]);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fail_msg("client %u ended with status 0x%x", number, (unsigned)status);
    }
}

void clients_end(clients *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        (void)shutdown(self->items[i].fd, SHUT_WR); /* a body that listens hears the end */
    }
    for (uint32_t i = 0; i < self->count; i++) {
        if (self->kind == CLIENTS_PROCESSES) {
            wait_for_process(self, i);
        } else {
            pbase_os_real()->thread->join(self->threads[i]);
            (void)close(self->bodies[i].fd);
        }
        (void)close(self->items[i].fd);
    }
    if (self->kind == CLIENTS_THREADS) {
        fixture_close(&self->fixture);
    }
}
