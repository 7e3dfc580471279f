/* os_thread.c - threads of the real os: POSIX threads with every signal blocked, so that the
 * application's handlers run on its own threads only. */
#include "os/os.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#define THREAD_NAME_BYTES 16 /* of the kernel, NUL included */

struct pbase_os_thread {
    const pbase_alloc *alloc;
    pthread_t thread;
    void (*run)(void *state);
    void *state;
    char name[THREAD_NAME_BYTES];
};

static void *thread_main(void *argument)
{
    pbase_os_thread *thread = argument;
    (void)pthread_setname_np(pthread_self(), thread->name); /* for debuggers only */
    thread->run(thread->state);
    return NULL;
}

static int thread_create_quiet(pbase_os_thread *thread)
{
    sigset_t all;
    sigset_t before;
    int number;
    (void)sigfillset(&all); /* fails for wrong arguments only, like the two masks below */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    number = pthread_create(&thread->thread, NULL, thread_main, thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}

static pbase_status thread_start(const pbase_os *os, const char *name, void (*run)(void *state),
                                 void *state, pbase_os_thread **out, pbase_error *err)
{
    int number;
    pbase_os_thread *thread = pbase_alloc_zeroed(os->memory, 1, sizeof(*thread));
    if (thread == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "starting thread '%s'", name);
    }
    thread->alloc = os->memory;
    thread->run = run;
    thread->state = state;
    memcpy(thread->name, name, strnlen(name, THREAD_NAME_BYTES - 1));
    number = thread_create_quiet(thread);
    if (number != 0) {
        pbase_alloc_free(os->memory, thread, sizeof(*thread));
        return PBASE_FAIL(err, number == ENOMEM ? PBASE_NO_MEMORY : PBASE_LIMIT,
                          "starting thread '%s': %s", name, strerror(number));
    }
    *out = thread;
    return PBASE_OK;
}

static void thread_join(pbase_os_thread *thread)
{
    if (thread != NULL) {
        int number = pthread_join(thread->thread, NULL);
        PBASE_ASSERT(number == 0); /* else it was joined twice, or joins itself */
        pbase_alloc_free(thread->alloc, thread, sizeof(*thread));
    }
}

static void thread_yield(const pbase_os *os)
{
    (void)os;            /* the real one has no state */
    (void)sched_yield(); /* cannot fail on Linux */
}

static uint64_t thread_id(const pbase_os *os)
{
    (void)os; /* the real one has no state */
    return (uint64_t)gettid();
}

const pbase_os_thread_ops os_thread_real = {
    .struct_size = sizeof(pbase_os_thread_ops),
    .start = thread_start,
    .join = thread_join,
    .yield = thread_yield,
    .id = thread_id,
};
