/* The socket table of the real os, over the loopback address. */
#include "os/os.h"
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND 1000000000u

static const pbase_os *os;

static uint64_t soon(void)
{
    return os->system->monotonic_ns(os) + 5 * (uint64_t)SECOND;
}

static void wait_for(pbase_os_socket *socket, uint32_t events)
{
    pbase_os_poll poll = {.socket = socket, .events = events};
    assert_int_equal(os->socket->wait(os, &poll, 1, soon(), NULL), PBASE_OK);
    assert_int_equal(poll.ready & events, events);
}

/* A listener on a port the system chose, and its endpoint. */
static pbase_os_socket *listener_make(pbase_buffer *endpoint)
{
    pbase_os_socket *listener = NULL;
    assert_int_equal(os->socket->listen(os, "127.0.0.1:0", &listener, NULL), PBASE_OK);
    assert_int_equal(os->socket->local_endpoint(listener, endpoint, NULL), PBASE_OK);
    assert_int_equal(pbase_buffer_append_u8(endpoint, 0, NULL), PBASE_OK);
    return listener;
}

static void bytes_travel_between_two_ends(void **state)
{
    pbase_os_socket *client = NULL;
    pbase_os_socket *server = NULL;
    pbase_buffer endpoint;
    char data[8] = {0};
    size_t size = 0;
    (void)state;
    pbase_buffer_init(&endpoint, os->memory);
    pbase_os_socket *listener = listener_make(&endpoint);
    assert_int_equal(os->socket->accept(listener, &server, NULL), PBASE_BUSY);

    assert_int_equal(os->socket->connect(os, (const char *)endpoint.data, &client, NULL), PBASE_OK);
    wait_for(client, PBASE_OS_WRITABLE);
    assert_int_equal(os->socket->finish_connect(client, NULL), PBASE_OK);
    wait_for(listener, PBASE_OS_READABLE);
    assert_int_equal(os->socket->accept(listener, &server, NULL), PBASE_OK);
    assert_int_equal(os->socket->receive(server, data, sizeof(data), &size, NULL), PBASE_BUSY);
    assert_int_equal(os->socket->send(client, "hello", 5, &size, NULL), PBASE_OK);
    assert_int_equal(size, 5);
    wait_for(server, PBASE_OS_READABLE);
    assert_int_equal(os->socket->receive(server, data, sizeof(data), &size, NULL), PBASE_OK);

    assert_int_equal(size, 5);
    assert_memory_equal(data, "hello", 5);
    os->socket->close(client);
    wait_for(server, PBASE_OS_READABLE);
    assert_int_equal(os->socket->receive(server, data, sizeof(data), &size, NULL), PBASE_OK);
    assert_int_equal(size, 0); /* the peer closed */
    os->socket->close(server);
    os->socket->close(listener);
    pbase_buffer_fini(&endpoint);
}

static void a_wait_without_news_times_out(void **state)
{
    pbase_buffer endpoint;
    (void)state;
    pbase_buffer_init(&endpoint, os->memory);
    pbase_os_poll poll = {.socket = listener_make(&endpoint), .events = PBASE_OS_READABLE};

    pbase_status status =
        os->socket->wait(os, &poll, 1, os->system->monotonic_ns(os) + 10000000, NULL);

    assert_int_equal(status, PBASE_TIMEOUT);
    os->socket->close(poll.socket);
    pbase_buffer_fini(&endpoint);
}

static void a_refused_connection_says_so_when_it_finishes(void **state)
{
    pbase_os_socket *client = NULL;
    pbase_buffer endpoint;
    (void)state;
    pbase_buffer_init(&endpoint, os->memory);
    os->socket->close(listener_make(&endpoint)); /* nobody listens there now */

    pbase_status status = os->socket->connect(os, (const char *)endpoint.data, &client, NULL);
    if (status == PBASE_OK) {
        wait_for(client, PBASE_OS_WRITABLE);
        status = os->socket->finish_connect(client, NULL);
        os->socket->close(client);
    }

    assert_int_equal(status, PBASE_NETWORK);
    pbase_buffer_fini(&endpoint);
}

static void texts_that_are_no_endpoints_are_invalid(void **state)
{
    static const char *const texts[] = {"", "localhost", "localhost:", "[::1:80", "::1]:80", "[:1"};
    pbase_os_socket *socket = NULL;
    (void)state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        pbase_status status = os->socket->connect(os, texts[i], &socket, NULL);
        assert_true(status == PBASE_INVALID || status == PBASE_NETWORK);
        assert_null(socket);
    }
}

static void the_same_port_twice_is_busy(void **state)
{
    pbase_os_socket *second = NULL;
    pbase_buffer endpoint;
    (void)state;
    pbase_buffer_init(&endpoint, os->memory);
    pbase_os_socket *listener = listener_make(&endpoint);

    assert_int_equal(os->socket->listen(os, (const char *)endpoint.data, &second, NULL),
                     PBASE_BUSY);

    os->socket->close(listener);
    pbase_buffer_fini(&endpoint);
}

static int set_up(void **state)
{
    (void)state;
    os = pbase_os_real();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_travel_between_two_ends),
        cmocka_unit_test(a_wait_without_news_times_out),
        cmocka_unit_test(a_refused_connection_says_so_when_it_finishes),
        cmocka_unit_test(texts_that_are_no_endpoints_are_invalid),
        cmocka_unit_test(the_same_port_twice_is_busy),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
