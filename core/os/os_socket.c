/* os_socket.c - stream sockets of the real os: TCP over IPv4 and IPv6, never blocking, without
 * Nagle's delay and without SIGPIPE. */
#include "os/os.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HOST_BYTES 256 /* of an endpoint, NUL included */
#define PORT_BYTES 32
#define BACKLOG 128
#define POLLS_INLINE 32 /* waited for without taking memory */
#define NS_PER_S 1000000000u

struct pbase_os_socket {
    const pbase_alloc *alloc;
    int fd;
};

/* "host:port" or "[v6]:port" into its two texts. */
static pbase_status endpoint_split(const char *endpoint, char host[HOST_BYTES],
                                   char port[PORT_BYTES], pbase_error *err)
{
    const char *colon = strrchr(endpoint, ':');
    const char *from = endpoint;
    size_t host_size;
    if (colon == NULL || colon[1] == '\0' || strlen(colon + 1) >= PORT_BYTES) {
        goto invalid;
    }
    host_size = (size_t)(colon - endpoint);
    if (endpoint[0] == '[') {
        if (host_size < 2 || colon[-1] != ']') {
            goto invalid;
        }
        from++;
        host_size -= 2;
    }
    if (host_size >= HOST_BYTES) {
        goto invalid;
    }
    memcpy(host, from, host_size);
    host[host_size] = '\0';
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return PBASE_OK;
invalid:
    return PBASE_FAIL(err, PBASE_INVALID, "'%s' is not an endpoint; write host:port or [v6]:port",
                      endpoint);
}

static pbase_status endpoint_resolve(const char *endpoint, int flags, struct addrinfo **out,
                                     pbase_error *err)
{
    char host[HOST_BYTES];
    char port[PORT_BYTES];
    struct addrinfo hints = {.ai_flags = flags, .ai_socktype = SOCK_STREAM};
    int number;
    pbase_status status = endpoint_split(endpoint, host, port, err);
    if (status != PBASE_OK) {
        return status;
    }
    number = getaddrinfo(host[0] == '\0' ? NULL : host, port, &hints, out);
    if (number != 0) {
        return PBASE_FAIL(err, PBASE_NETWORK, "looking up '%s': %s", endpoint,
                          gai_strerror(number));
    }
    return PBASE_OK;
}

static pbase_status socket_wrap(const pbase_os *os, int fd, pbase_os_socket **out, pbase_error *err)
{
    int on = 1;
    pbase_os_socket *made = pbase_alloc_new(os->memory, sizeof(*made));
    if (made == NULL) {
        (void)close(fd); /* nothing was sent */
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "making a socket");
    }
    /* Only a matter of speed, and not every family has it. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    made->alloc = os->memory;
    made->fd = fd;
    *out = made;
    return PBASE_OK;
}

/* Binds or begins to connect; returns 0 or the errno. */
static int address_use(int fd, const struct addrinfo *address, bool listening)
{
    int on = 1;
    if (listening) {
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
            bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
            return errno;
        }
        return 0;
    }
    return connect(fd, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS ? 0
                                                                                           : errno;
}

/* Takes the first address that is not refused at once. */
static pbase_status socket_open(const pbase_os *os, const char *endpoint, bool listening,
                                pbase_os_socket **out, pbase_error *err)
{
    struct addrinfo *all = NULL;
    int number = 0;
    pbase_status status = endpoint_resolve(endpoint, listening ? AI_PASSIVE : 0, &all, err);
    if (status != PBASE_OK) {
        return status;
    }
    for (struct addrinfo *one = all; one != NULL; one = one->ai_next) {
        int fd = socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            number = errno;
            continue;
        }
        number = address_use(fd, one, listening);
        if (number == 0) {
            freeaddrinfo(all);
            return socket_wrap(os, fd, out, err);
        }
        (void)close(fd); /* nothing was sent */
    }
    freeaddrinfo(all);
    return PBASE_FAIL(err, number == EADDRINUSE ? PBASE_BUSY : PBASE_NETWORK, "%s '%s': %s",
                      listening ? "listening on" : "connecting to", endpoint, strerror(number));
}

static pbase_status socket_listen(const pbase_os *os, const char *endpoint, pbase_os_socket **out,
                                  pbase_error *err)
{
    return socket_open(os, endpoint, true, out, err);
}

static pbase_status socket_connect(const pbase_os *os, const char *endpoint, pbase_os_socket **out,
                                   pbase_error *err)
{
    return socket_open(os, endpoint, false, out, err);
}

static bool is_nothing_now(int number)
{
    return number == EAGAIN || number == EINTR;
}

static pbase_status socket_accept(pbase_os_socket *listener, pbase_os_socket **out,
                                  pbase_error *err)
{
    const pbase_os taker = {.memory = listener->alloc};
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        /* A peer that left before it was accepted is nobody waiting. */
        bool nobody = is_nothing_now(errno) || errno == ECONNABORTED;
        return PBASE_FAIL(err, nobody ? PBASE_BUSY : PBASE_NETWORK, "accepting a connection: %s",
                          strerror(errno));
    }
    return socket_wrap(&taker, fd, out, err);
}

static pbase_status socket_finish_connect(pbase_os_socket *socket, pbase_error *err)
{
    int number = 0;
    socklen_t size = sizeof(number);
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof(peer);
    if (getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0) {
        number = errno;
    }
    if (number == 0 && getpeername(socket->fd, (struct sockaddr *)&peer, &peer_size) != 0) {
        number = errno;
    }
    if (number == 0) {
        return PBASE_OK;
    }
    return PBASE_FAIL(err, number == ENOTCONN ? PBASE_BUSY : PBASE_NETWORK, "connecting: %s",
                      strerror(number));
}

static pbase_status socket_receive(pbase_os_socket *socket, void *data, size_t size,
                                   size_t *out_received, pbase_error *err)
{
    ssize_t got = recv(socket->fd, data, size, 0);
    if (got < 0) {
        return PBASE_FAIL(err, is_nothing_now(errno) ? PBASE_BUSY : PBASE_NETWORK, "receiving: %s",
                          strerror(errno));
    }
    *out_received = (size_t)got;
    return PBASE_OK;
}

static pbase_status socket_send(pbase_os_socket *socket, const void *data, size_t size,
                                size_t *out_sent, pbase_error *err)
{
    ssize_t put = send(socket->fd, data, size, MSG_NOSIGNAL);
    if (put < 0) {
        return PBASE_FAIL(err, is_nothing_now(errno) ? PBASE_BUSY : PBASE_NETWORK, "sending: %s",
                          strerror(errno));
    }
    *out_sent = (size_t)put;
    return PBASE_OK;
}

/* One ppoll until the deadline; true when it was interrupted and must be asked again. */
static bool poll_interrupted(const pbase_os *os, struct pollfd *fds, size_t count,
                             uint64_t deadline_ns, int *out_ready)
{
    uint64_t now = deadline_ns == UINT64_MAX ? 0 : os->system->monotonic_ns(os);
    uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(left / NS_PER_S),
                               .tv_nsec = (long)(left % NS_PER_S)};
    *out_ready = ppoll(fds, count, deadline_ns == UINT64_MAX ? NULL : &timeout, NULL);
    return *out_ready < 0 && errno == EINTR;
}

static void polls_begin(const pbase_os_poll *polls, struct pollfd *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fds[i] = (struct pollfd){
            .fd = polls[i].socket->fd,
            .events = (short)(((polls[i].events & PBASE_OS_READABLE) != 0 ? POLLIN : 0) |
                              ((polls[i].events & PBASE_OS_WRITABLE) != 0 ? POLLOUT : 0)),
        };
    }
}

/* An error or a hang-up makes everything wanted ready: the next call on the socket tells which. */
static void polls_end(pbase_os_poll *polls, const struct pollfd *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool broken = (fds[i].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
        uint32_t ready = ((fds[i].revents & POLLIN) != 0 ? PBASE_OS_READABLE : 0) |
                         ((fds[i].revents & POLLOUT) != 0 ? PBASE_OS_WRITABLE : 0);
        polls[i].ready = broken ? polls[i].events : ready;
    }
}

static pbase_status socket_wait(const pbase_os *os, pbase_os_poll *polls, size_t count,
                                uint64_t deadline_ns, pbase_error *err)
{
    struct pollfd few[POLLS_INLINE];
    struct pollfd *fds = few;
    int ready = 0;
    pbase_status status = PBASE_OK;
    if (count > POLLS_INLINE) {
        fds = pbase_alloc_zeroed(os->memory, count, sizeof(*fds));
        if (fds == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "waiting for %zu sockets", count);
        }
    }
    polls_begin(polls, fds, count);
    while (poll_interrupted(os, fds, count, deadline_ns, &ready)) {
        continue;
    }
    if (ready < 0) {
        status = PBASE_FAIL(err, PBASE_NETWORK, "waiting for sockets: %s", strerror(errno));
    } else if (ready == 0) {
        status = PBASE_FAIL(err, PBASE_TIMEOUT, "no socket became ready in time");
    } else {
        polls_end(polls, fds, count);
    }
    if (fds != few) {
        pbase_alloc_free(os->memory, fds, count * sizeof(*fds));
    }
    return status;
}

static pbase_status socket_local_endpoint(pbase_os_socket *socket, pbase_buffer *out,
                                          pbase_error *err)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    char host[HOST_BYTES];
    char port[PORT_BYTES];
    int number;
    if (getsockname(socket->fd, (struct sockaddr *)&address, &size) != 0) {
        return PBASE_FAIL(err, PBASE_NETWORK, "asking for a socket's address: %s", strerror(errno));
    }
    number = getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
                         NI_NUMERICHOST | NI_NUMERICSERV);
    if (number != 0) {
        return PBASE_FAIL(err, PBASE_NETWORK, "writing a socket's address: %s",
                          gai_strerror(number));
    }
    return pbase_buffer_append_text(out, err, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
                                    host, port);
}

static void socket_close(pbase_os_socket *socket)
{
    if (socket != NULL) {
        (void)close(socket->fd); /* what the peer must have was sent and answered */
        pbase_alloc_free(socket->alloc, socket, sizeof(*socket));
    }
}

const pbase_os_socket_ops os_socket_real = {
    .struct_size = sizeof(pbase_os_socket_ops),
    .listen = socket_listen,
    .accept = socket_accept,
    .connect = socket_connect,
    .finish_connect = socket_finish_connect,
    .receive = socket_receive,
    .send = socket_send,
    .wait = socket_wait,
    .local_endpoint = socket_local_endpoint,
    .close = socket_close,
};
