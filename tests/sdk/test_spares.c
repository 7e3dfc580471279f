/* Idle objects are had by one thread at a time, and none is lost. */
#include "os/os.h"
#include "spares.h"
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

static void what_was_given_is_taken_once(void **state)
{
    (void)state;
    spares idle;
    int object = 0;
    spares_init(&idle);
    assert_null(spares_take(&idle));

    assert_true(spares_give(&idle, &object));

    assert_ptr_equal(spares_take(&idle), &object);
    assert_null(spares_take(&idle));
}

static void a_full_pool_takes_no_more(void **state)
{
    (void)state;
    spares idle;
    int objects[SPARES_MAX + 1];
    spares_init(&idle);
    for (size_t i = 0; i < SPARES_MAX; i++) {
        assert_true(spares_give(&idle, &objects[i]));
    }
    assert_false(spares_give(&idle, &objects[SPARES_MAX]));
    for (size_t i = 0; i < SPARES_MAX; i++) {
        assert_non_null(spares_take(&idle));
    }
    assert_null(spares_take(&idle));
}

enum { THREADS = 4, ROUNDS = 20000 };
typedef struct {
    spares idle;
    _Atomic unsigned users[2]; /* of each object at this moment */
    _Atomic unsigned shared;   /* times that an object had two users */
} contest;

static void worker_run(void *state)
{
    contest *c = (contest *)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        _Atomic unsigned *mine = (_Atomic unsigned *)spares_take(&c->idle);
        if (mine != NULL) {
            atomic_fetch_add(&c->shared, atomic_fetch_add(mine, 1) != 0);
            atomic_fetch_sub(mine, 1);
            (void)spares_give(&c->idle, mine); /* there is room for two */
        }
    }
}

static void threads_never_have_the_same_object(void **state)
{
    (void)state;
    const pbase_os *os = pbase_os_real();
    pbase_os_thread *threads[THREADS];
    contest c = {.shared = 0};
    spares_init(&c.idle);
    assert_true(spares_give(&c.idle, &c.users[0]) && spares_give(&c.idle, &c.users[1]));
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(os->thread->start(os, "worker", worker_run, &c, &threads[i], NULL),
                         PBASE_OK);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        os->thread->join(threads[i]);
    }
    assert_int_equal(c.shared, 0);
    assert_non_null(spares_take(&c.idle));
    assert_non_null(spares_take(&c.idle));
    assert_null(spares_take(&c.idle));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_given_is_taken_once),
        cmocka_unit_test(a_full_pool_takes_no_more),
        cmocka_unit_test(threads_never_have_the_same_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
