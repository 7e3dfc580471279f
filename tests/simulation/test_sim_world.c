/* test_sim_world.c - threads that take turns by a seed, and a network that keeps the rules of one. */
#include "seed.h"
#include "sim_world.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static sim_world *world;
static sim_os *sim, *other;
static const pbase_os *os, *far;

static void begin_with(uint64_t seed)
{
    world = sim_world_create(seed);
    sim = sim_world_machine(world, "a");
    other = sim_world_machine(world, "b");
    os = sim_os_interface(sim);
    far = sim_os_interface(other);
}

static void end_all(void)
{
    assert_int_equal(sim_os_memory_used(sim), 0);
    assert_int_equal(sim_os_memory_used(other), 0);
    sim_os_destroy(sim);
    sim_os_destroy(other);
    sim_world_destroy(world);
}

static int begin(void **unused)
{
    (void)unused;
    begin_with(11);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    end_all();
    return 0;
}

static pbase_os_thread *start(const pbase_os *on, void (*run)(void *), void *state)
{
    pbase_os_thread *thread = NULL;
    assert_int_equal(on->thread->start(on, "worker", run, state, &thread, NULL), PBASE_OK);
    return thread;
}

/* ------------------------------------------------------------------------------- threads ---- */

typedef struct {
    pbase_os_mutex *mutex; /* NULL: without */
    pbase_os_cond *changed;
    uint64_t count;
    bool ready, seen;
} shared_state;

#define ROUNDS 50u

static void count_up(void *state)
{
    shared_state *shared = state;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        if (shared->mutex != NULL) {
            os->lock->mutex_lock(shared->mutex);
        }
        uint64_t before = shared->count;
        os->thread->yield(os); /* where an update gets lost */
        shared->count = before + 1;
        if (shared->mutex != NULL) {
            os->lock->mutex_unlock(shared->mutex);
        }
    }
}

static uint64_t count_with(pbase_os_mutex *mutex)
{
    shared_state shared = {.mutex = mutex};
    pbase_os_thread *threads[3];
    for (size_t i = 0; i < 3; i++) {
        threads[i] = start(os, count_up, &shared);
    }
    for (size_t i = 0; i < 3; i++) {
        os->thread->join(threads[i]);
    }
    return shared.count;
}

static void a_mutex_lets_one_in_at_a_time(void **unused)
{
    (void)unused;
    pbase_os_mutex *mutex = NULL;
    assert_int_equal(os->lock->mutex_create(os, &mutex, NULL), PBASE_OK);
    assert_int_equal(count_with(mutex), 3 * ROUNDS);
    os->lock->mutex_destroy(mutex);
}

static void updates_without_a_mutex_get_lost(void **unused)
{
    (void)unused;
    assert_true(count_with(NULL) < 3 * ROUNDS);
}

static void one_seed_gives_one_run_and_another_another(void **unused)
{
    (void)unused;
    uint64_t counts[3], traces[3];
    const uint64_t seeds[3] = {5, 5, 6};
    end_all();
    for (size_t i = 0; i < 3; i++) {
        begin_with(seeds[i]);
        counts[i] = count_with(NULL);
        traces[i] = sim_world_trace(world);
        assert_true(sim_world_switches(world) > ROUNDS);
        end_all();
    }
    begin_with(11);
    assert_int_equal(counts[0], counts[1]);
    assert_true(traces[0] == traces[1]);
    assert_true(traces[0] != traces[2]);
}

static void wait_until_ready(void *state)
{
    shared_state *shared = state;
    os->lock->mutex_lock(shared->mutex);
    while (!shared->ready) {
        (void)os->lock->cond_wait(shared->changed, shared->mutex, PBASE_NO_DEADLINE);
    }
    shared->seen = true;
    os->lock->mutex_unlock(shared->mutex);
}

static void a_condition_wakes_who_waits(void **unused)
{
    (void)unused;
    shared_state shared = {.count = 0};
    assert_int_equal(os->lock->mutex_create(os, &shared.mutex, NULL), PBASE_OK);
    assert_int_equal(os->lock->cond_create(os, &shared.changed, NULL), PBASE_OK);
    pbase_os_thread *waiter = start(os, wait_until_ready, &shared);
    for (int i = 0; i < 20; i++) {
        os->thread->yield(os);
    }
    assert_false(shared.seen);
    os->lock->mutex_lock(shared.mutex);
    shared.ready = true;
    os->lock->cond_signal(shared.changed);
    os->lock->mutex_unlock(shared.mutex);
    os->thread->join(waiter);
    assert_true(shared.seen);
    os->lock->cond_destroy(shared.changed);
    os->lock->mutex_destroy(shared.mutex);
}

static void a_wait_that_nobody_ends_moves_the_clock_to_its_deadline(void **unused)
{
    (void)unused;
    pbase_os_mutex *mutex = NULL;
    pbase_os_cond *never = NULL;
    assert_int_equal(os->lock->mutex_create(os, &mutex, NULL), PBASE_OK);
    assert_int_equal(os->lock->cond_create(os, &never, NULL), PBASE_OK);
    uint64_t hour = UINT64_C(3600) * 1000000000u;
    uint64_t deadline = os->system->monotonic_ns(os) + hour;
    os->lock->mutex_lock(mutex);
    assert_false(os->lock->cond_wait(never, mutex, deadline));
    os->lock->mutex_unlock(mutex);
    uint64_t now = os->system->monotonic_ns(os);
    assert_true(now >= deadline && now < deadline + hour);
    os->lock->cond_destroy(never);
    os->lock->mutex_destroy(mutex);
}

static void sleepers_wake_in_the_order_of_their_deadlines(void **unused)
{
    (void)unused;
    uint64_t began = os->system->monotonic_ns(os);
    far->system->sleep_ns(far, 1000000000);
    assert_true(os->system->monotonic_ns(os) >= began + 1000000000); /* one clock for all */
}

static void read_twice(void *state)
{
    pbase_os_rwlock *lock = state;
    os->rwlock->read_lock(lock);
    os->thread->yield(os);
    os->rwlock->read_unlock(lock);
}

static void readers_share_a_lock_and_a_writer_has_it_alone(void **unused)
{
    (void)unused;
    pbase_os_rwlock *lock = NULL;
    assert_int_equal(os->rwlock->create(os, &lock, NULL), PBASE_OK);
    os->rwlock->read_lock(lock);
    pbase_os_thread *reader = start(os, read_twice, lock);
    os->thread->join(reader); /* gets in beside us */
    os->rwlock->read_unlock(lock);
    os->rwlock->write_lock(lock);
    reader = start(os, read_twice, lock);
    for (int i = 0; i < 20; i++) {
        os->thread->yield(os);
    }
    os->rwlock->write_unlock(lock);
    os->thread->join(reader);
    os->rwlock->destroy(lock);
}

static void lock_for_ever(void *state)
{
    os->lock->mutex_lock(state);
}

static void threads_that_wait_for_each_other_end_the_program(void **unused)
{
    (void)unused;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pbase_os_mutex *mutex = NULL;
        (void)signal(SIGABRT, SIG_DFL);
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(1);
        }
        begin_with(3);
        (void)os->lock->mutex_create(os, &mutex, NULL);
        os->lock->mutex_lock(mutex);
        os->thread->join(start(os, lock_for_ever, mutex));
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* ------------------------------------------------------------------------------- network ---- */

static pbase_status wait_for(const pbase_os *on, pbase_os_socket *socket, uint32_t events,
                             uint64_t timeout_ns)
{
    pbase_os_poll poll = {.socket = socket, .events = events};
    return on->socket->wait(on, &poll, 1, on->system->monotonic_ns(on) + timeout_ns, NULL);
}

#define SECOND UINT64_C(1000000000)

/* A connection from machine a to port 7000 of machine b. */
typedef struct {
    pbase_os_socket *listener, *near_end, *far_end;
} link_pair;

static void link_up(link_pair *link)
{
    assert_int_equal(far->socket->listen(far, "b:7000", &link->listener, NULL), PBASE_OK);
    assert_int_equal(os->socket->connect(os, "b:7000", &link->near_end, NULL), PBASE_OK);
    assert_int_equal(wait_for(os, link->near_end, PBASE_OS_WRITABLE, SECOND), PBASE_OK);
    assert_int_equal(os->socket->finish_connect(link->near_end, NULL), PBASE_OK);
    assert_int_equal(wait_for(far, link->listener, PBASE_OS_READABLE, SECOND), PBASE_OK);
    assert_int_equal(far->socket->accept(link->listener, &link->far_end, NULL), PBASE_OK);
}

static void link_down(link_pair *link)
{
    os->socket->close(link->near_end);
    far->socket->close(link->far_end);
    far->socket->close(link->listener);
}

static void send_text(pbase_os_socket *socket, const char *text)
{
    size_t size = strlen(text);
    while (size > 0) {
        size_t sent = 0;
        assert_int_equal(os->socket->send(socket, text, size, &sent, NULL), PBASE_OK);
        text += sent;
        size -= sent;
    }
}

static void expect_text(pbase_os_socket *socket, const char *text)
{
    char got[64] = "";
    size_t all = 0;
    while (all < strlen(text)) {
        size_t part = 0;
        assert_int_equal(wait_for(far, socket, PBASE_OS_READABLE, SECOND), PBASE_OK);
        assert_int_equal(far->socket->receive(socket, got + all, sizeof got - 1 - all, &part, NULL),
                         PBASE_OK);
        all += part;
    }
    assert_string_equal(got, text);
}

static void what_is_sent_arrives_in_order_and_takes_time(void **unused)
{
    (void)unused;
    link_pair link;
    char byte;
    size_t got = 0;
    link_up(&link);
    sim_network_delay(world, 5000000, 9000000);
    uint64_t began = os->system->monotonic_ns(os);
    send_text(link.near_end, "one ");
    send_text(link.near_end, "two ");
    send_text(link.near_end, "three");
    assert_int_equal(far->socket->receive(link.far_end, &byte, 1, &got, NULL), PBASE_BUSY);
    expect_text(link.far_end, "one two three");
    assert_true(os->system->monotonic_ns(os) >= began + 5000000);
    link_down(&link);
}

static void a_closed_side_is_an_end_for_the_other(void **unused)
{
    (void)unused;
    link_pair link;
    char bytes[8];
    size_t got = 9;
    link_up(&link);
    send_text(link.near_end, "bye");
    os->socket->close(link.near_end);
    expect_text(link.far_end, "bye");
    assert_int_equal(wait_for(far, link.far_end, PBASE_OS_READABLE, SECOND), PBASE_OK);
    assert_int_equal(far->socket->receive(link.far_end, bytes, sizeof bytes, &got, NULL), PBASE_OK);
    assert_int_equal(got, 0);
    assert_int_equal(far->socket->send(link.far_end, "x", 1, &got, NULL), PBASE_NETWORK);
    far->socket->close(link.far_end);
    far->socket->close(link.listener);
}

static void nobody_listening_refuses(void **unused)
{
    (void)unused;
    pbase_os_socket *socket = NULL;
    assert_int_equal(os->socket->connect(os, "b:7001", &socket, NULL), PBASE_OK);
    assert_int_equal(os->socket->finish_connect(socket, NULL), PBASE_BUSY);
    assert_int_equal(wait_for(os, socket, PBASE_OS_WRITABLE, SECOND), PBASE_OK);
    assert_int_equal(os->socket->finish_connect(socket, NULL), PBASE_NETWORK);
    os->socket->close(socket);
}

static void a_port_has_one_listener_and_port_0_picks_one(void **unused)
{
    (void)unused;
    pbase_os_socket *first = NULL, *second = NULL;
    pbase_buffer name;
    pbase_buffer_init(&name, os->memory);
    assert_int_equal(os->socket->listen(os, ":7000", &first, NULL), PBASE_OK);
    assert_int_equal(os->socket->listen(os, "a:7000", &second, NULL), PBASE_BUSY);
    assert_int_equal(os->socket->listen(os, "a:0", &second, NULL), PBASE_OK);
    assert_int_equal(os->socket->local_endpoint(second, &name, NULL), PBASE_OK);
    assert_memory_equal(name.data, "a:", 2);
    assert_int_equal(os->socket->listen(os, "nonsense", &first, NULL), PBASE_INVALID);
    pbase_buffer_fini(&name);
    os->socket->close(first);
    os->socket->close(second);
}

static void a_cut_holds_everything_back_until_it_is_healed(void **unused)
{
    (void)unused;
    link_pair link;
    link_up(&link);
    sim_network_cut(world, "b", "a");
    send_text(link.near_end, "late");
    assert_int_equal(wait_for(far, link.far_end, PBASE_OS_READABLE, 100 * SECOND), PBASE_TIMEOUT);
    sim_network_heal(world, "a", "b");
    expect_text(link.far_end, "late");
    link_down(&link);
}

static void a_connection_across_a_cut_comes_up_when_it_is_healed(void **unused)
{
    (void)unused;
    pbase_os_socket *listener = NULL, *socket = NULL;
    assert_int_equal(far->socket->listen(far, "b:1", &listener, NULL), PBASE_OK);
    sim_network_cut(world, "a", "b");
    assert_int_equal(os->socket->connect(os, "b:1", &socket, NULL), PBASE_OK);
    assert_int_equal(wait_for(os, socket, PBASE_OS_WRITABLE, 10 * SECOND), PBASE_TIMEOUT);
    sim_network_heal(world, "a", "b");
    assert_int_equal(wait_for(os, socket, PBASE_OS_WRITABLE, SECOND), PBASE_OK);
    assert_int_equal(os->socket->finish_connect(socket, NULL), PBASE_OK);
    os->socket->close(socket);
    far->socket->close(listener);
}

static void a_reset_breaks_both_sides(void **unused)
{
    (void)unused;
    link_pair link;
    size_t moved = 0;
    char byte;
    link_up(&link);
    sim_network_reset(world, "a", "b");
    assert_int_equal(os->socket->send(link.near_end, "x", 1, &moved, NULL), PBASE_NETWORK);
    assert_int_equal(wait_for(far, link.far_end, PBASE_OS_READABLE, SECOND), PBASE_OK);
    assert_int_equal(far->socket->receive(link.far_end, &byte, 1, &moved, NULL), PBASE_NETWORK);
    link_down(&link);
}

#define STREAM_BYTES 400000u

static void send_stream(void *state)
{
    pbase_os_socket *socket = state;
    uint8_t bytes[5000];
    for (size_t at = 0; at < STREAM_BYTES;) {
        size_t want = STREAM_BYTES - at < sizeof bytes ? STREAM_BYTES - at : sizeof bytes;
        size_t sent = 0;
        for (size_t i = 0; i < want; i++) {
            bytes[i] = (uint8_t)((at + i) * 7);
        }
        pbase_status status = os->socket->send(socket, bytes, want, &sent, NULL);
        if (status == PBASE_BUSY) {
            assert_int_equal(wait_for(os, socket, PBASE_OS_WRITABLE, 100 * SECOND), PBASE_OK);
        } else {
            assert_int_equal(status, PBASE_OK);
            at += sent;
        }
    }
}

static void a_full_window_makes_the_sender_wait(void **unused)
{
    (void)unused;
    link_pair link;
    link_up(&link);
    pbase_os_thread *sender = start(os, send_stream, link.near_end);
    for (size_t at = 0; at < STREAM_BYTES;) {
        uint8_t bytes[3000];
        size_t got = 0;
        assert_int_equal(wait_for(far, link.far_end, PBASE_OS_READABLE, 100 * SECOND), PBASE_OK);
        assert_int_equal(far->socket->receive(link.far_end, bytes, sizeof bytes, &got, NULL),
                         PBASE_OK);
        for (size_t i = 0; i < got; i++) {
            assert_int_equal(bytes[i], (uint8_t)((at + i) * 7));
        }
        at += got;
    }
    os->thread->join(sender);
    link_down(&link);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_mutex_lets_one_in_at_a_time),
        SENTENCE(updates_without_a_mutex_get_lost),
        SENTENCE(one_seed_gives_one_run_and_another_another),
        SENTENCE(a_condition_wakes_who_waits),
        SENTENCE(a_wait_that_nobody_ends_moves_the_clock_to_its_deadline),
        SENTENCE(sleepers_wake_in_the_order_of_their_deadlines),
        SENTENCE(readers_share_a_lock_and_a_writer_has_it_alone),
        SENTENCE(threads_that_wait_for_each_other_end_the_program),
        SENTENCE(what_is_sent_arrives_in_order_and_takes_time),
        SENTENCE(a_closed_side_is_an_end_for_the_other),
        SENTENCE(nobody_listening_refuses),
        SENTENCE(a_port_has_one_listener_and_port_0_picks_one),
        SENTENCE(a_cut_holds_everything_back_until_it_is_healed),
        SENTENCE(a_connection_across_a_cut_comes_up_when_it_is_healed),
        SENTENCE(a_reset_breaks_both_sides),
        SENTENCE(a_full_window_makes_the_sender_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
