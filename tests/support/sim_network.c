/* sim_network.c - connections between the machines of a world.
 *
 * A connection is two pipes of segments, each with the moment of its arrival. Nothing happens by
 * itself: every call looks at the clock and does what has become due. Between two machines that are
 * cut off nothing is ever due. */
#include "sim_world_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_BYTES 32u
#define WINDOW_BYTES 65536u /* under way in one direction; then send is BUSY */
#define PORT_FIRST 32768u   /* of those that the os picks */
#define CUTS_MAX 64u

typedef struct segment segment;
struct segment {
    segment *next;
    uint64_t arrives_ns;
    size_t size, taken;
    uint8_t bytes[];
};

typedef struct {
    segment *first, **end;
    size_t bytes;
    uint64_t last_ns;  /* arrival of the last segment: order is kept */
    uint64_t ended_ns; /* arrival of the end; SIM_NO_DEADLINE: it is open */
} pipe_state;

typedef enum { LINK_CONNECTING, LINK_REFUSED, LINK_CONNECTED } link_state;

typedef struct connection connection;
struct connection {
    connection *next;
    link_state state;
    uint64_t due_ns; /* of a connecting one: arrival at the listener */
    bool broken;
    bool open[2]; /* side 0 connected, side 1 accepted; a side that was not accepted is open */
    char host[2][HOST_BYTES];
    uint16_t port[2];
    pipe_state pipes[2]; /* by the side that sends */
};

struct pbase_os_socket {
    sim_os *sim;
    connection *link; /* NULL: it listens */
    int side;
    uint16_t port;         /* of a listener */
    pbase_os_socket *next; /* of the network's listeners */
};

struct sim_network {
    uint64_t delay_min_ns, delay_max_ns;
    uint16_t port_next;
    pbase_os_socket *listeners;
    connection *links;
    struct {
        char one[HOST_BYTES], other[HOST_BYTES];
    } cuts[CUTS_MAX];
    size_t cut_count;
};

static void *zeroed(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        abort(); /* a test without memory cannot go on */
    }
    return memory;
}

/* ------------------------------------------------------------------------- life and faults ---- */

sim_network *sim_network_create(void)
{
    sim_network *network = zeroed(sizeof *network);
    network->delay_min_ns = 50000;
    network->delay_max_ns = 2000000;
    network->port_next = PORT_FIRST;
    return network;
}

static void link_free(connection *link)
{
    for (int side = 0; side < 2; side++) {
        while (link->pipes[side].first != NULL) {
            segment *first = link->pipes[side].first;
            link->pipes[side].first = first->next;
            free(first);
        }
    }
    free(link);
}

void sim_network_destroy(sim_network *network)
{
    while (network != NULL && network->links != NULL) {
        connection *link = network->links;
        network->links = link->next;
        link_free(link);
    }
    free(network);
}

void sim_network_changed(sim_world *world)
{
    sim_world_wake(world, world->network, true);
}

void sim_network_delay(sim_world *world, uint64_t min_ns, uint64_t max_ns)
{
    world->network->delay_min_ns = min_ns;
    world->network->delay_max_ns = max_ns;
}

static bool is_pair(const char *a, const char *b, const char *one, const char *other)
{
    return (strcmp(a, one) == 0 && strcmp(b, other) == 0) ||
           (strcmp(a, other) == 0 && strcmp(b, one) == 0);
}

static bool is_cut(const sim_network *network, const connection *link)
{
    for (size_t i = 0; i < network->cut_count; i++) {
        if (is_pair(network->cuts[i].one, network->cuts[i].other, link->host[0], link->host[1])) {
            return true;
        }
    }
    return false;
}

void sim_network_cut(sim_world *world, const char *one, const char *other)
{
    sim_network *network = world->network;
    if (network->cut_count == CUTS_MAX) {
        abort(); /* the test is wrong */
    }
    size_t at = network->cut_count++;
    (void)snprintf(network->cuts[at].one, HOST_BYTES, "%s", one);
    (void)snprintf(network->cuts[at].other, HOST_BYTES, "%s", other);
    sim_network_changed(world);
}

void sim_network_heal(sim_world *world, const char *one, const char *other)
{
    sim_network *network = world->network;
    size_t kept = 0;
    for (size_t i = 0; i < network->cut_count; i++) {
        if (!is_pair(network->cuts[i].one, network->cuts[i].other, one, other)) {
            network->cuts[kept++] = network->cuts[i];
        }
    }
    network->cut_count = kept;
    sim_network_changed(world);
}

void sim_network_reset(sim_world *world, const char *one, const char *other)
{
    for (connection *link = world->network->links; link != NULL; link = link->next) {
        link->broken = link->broken || is_pair(link->host[0], link->host[1], one, other);
    }
    sim_network_changed(world);
}

/* ---------------------------------------------------------------------------- connections ---- */

static uint64_t delay(sim_world *world)
{
    const sim_network *network = world->network;
    return network->delay_min_ns +
           seed_below(&world->random, network->delay_max_ns - network->delay_min_ns + 1);
}

static pbase_os_socket *listener_at(const sim_network *network, const char *host, uint16_t port)
{
    pbase_os_socket *listener = network->listeners;
    while (listener != NULL && (listener->port != port || strcmp(listener->sim->name, host) != 0)) {
        listener = listener->next;
    }
    return listener;
}

/* Connections that have reached their listener, or the place where none is. */
static void advance(sim_world *world)
{
    sim_network *network = world->network;
    for (connection *link = network->links; link != NULL; link = link->next) {
        if (link->state == LINK_CONNECTING && link->due_ns <= world->clock_ns &&
            !is_cut(network, link)) {
            bool heard = listener_at(network, link->host[1], link->port[1]) != NULL;
            link->state = heard ? LINK_CONNECTED : LINK_REFUSED;
        }
    }
}

static void drop_if_unused(sim_network *network, connection *link)
{
    if (link->open[0] || link->open[1]) {
        return;
    }
    connection **at = &network->links;
    while (*at != link) {
        at = &(*at)->next;
    }
    *at = link->next;
    link_free(link);
}

/* A connected one that nobody has accepted yet. */
static connection *waiting_for(const pbase_os_socket *listener)
{
    const sim_network *network = listener->sim->world->network;
    connection *found = NULL; /* links are kept newest first: the last one is the oldest */
    for (connection *link = network->links; link != NULL; link = link->next) {
        if (link->state == LINK_CONNECTED && !link->open[1] && link->open[0] &&
            link->pipes[1].ended_ns == 0 && link->port[1] == listener->port &&
            strcmp(link->host[1], listener->sim->name) == 0) {
            found = link;
        }
    }
    return found;
}

static pbase_os_socket *socket_new(sim_os *sim, connection *link, int side)
{
    pbase_os_socket *socket = pbase_alloc_zeroed(&sim->memory, 1, sizeof *socket);
    if (socket != NULL) {
        socket->sim = sim;
        socket->link = link;
        socket->side = side;
    }
    return socket;
}

/* "host:port"; the machine itself is "", "localhost" and "127.0.0.1" too. */
static pbase_status parse(const sim_os *sim, const char *endpoint, char host[HOST_BYTES],
                          uint16_t *out_port, pbase_error *err)
{
    const char *colon = strrchr(endpoint, ':');
    char *end = NULL;
    unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);
    if (colon == NULL || end == colon + 1 || *end != '\0' || port > 65535 ||
        (size_t)(colon - endpoint) >= HOST_BYTES) {
        return PBASE_FAIL(err, PBASE_INVALID, "'%s' is not host:port", endpoint);
    }
    (void)snprintf(host, HOST_BYTES, "%.*s", (int)(colon - endpoint), endpoint);
    if (host[0] == '\0' || strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0) {
        (void)snprintf(host, HOST_BYTES, "%s", sim->name);
    }
    *out_port = (uint16_t)port;
    return PBASE_OK;
}

/* Every call begins so: other threads may go first, then what is due happens. */
static pbase_status begin(sim_os *sim, pbase_error *err)
{
    if (sim->world == NULL) {
        return PBASE_FAIL(err, PBASE_UNSUPPORTED,
                          "a simulated machine outside a world has no network");
    }
    sim_world_pass(sim->world);
    advance(sim->world);
    if (sim->crashed) {
        return PBASE_FAIL(err, PBASE_NETWORK, "the simulated machine has crashed");
    }
    return sim_call_check(sim, OS_CALL_SOCKET, err);
}

/* ----------------------------------------------------------------------------- the calls ---- */

static pbase_status network_listen(const pbase_os *os, const char *endpoint, pbase_os_socket **out,
                                   pbase_error *err)
{
    sim_os *sim = sim_of(os);
    char host[HOST_BYTES];
    uint16_t port = 0;
    pbase_status status = begin(sim, err);
    if (status == PBASE_OK) {
        status = parse(sim, endpoint, host, &port, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    sim_network *network = sim->world->network;
    port = port == 0 ? network->port_next++ : port;
    if (listener_at(network, sim->name, port) != NULL) {
        return PBASE_FAIL(err, PBASE_BUSY, "listening on '%s': it is in use", endpoint);
    }
    pbase_os_socket *socket = socket_new(sim, NULL, 0);
    if (socket == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a socket");
    }
    socket->port = port;
    socket->next = network->listeners;
    network->listeners = socket;
    *out = socket;
    return PBASE_OK;
}

static pbase_status network_accept(pbase_os_socket *listener, pbase_os_socket **out,
                                   pbase_error *err)
{
    pbase_status status = begin(listener->sim, err);
    connection *link = status == PBASE_OK ? waiting_for(listener) : NULL;
    if (status != PBASE_OK) {
        return status;
    }
    if (link == NULL) {
        return PBASE_FAIL(err, PBASE_BUSY, "nobody is waiting");
    }
    pbase_os_socket *socket = socket_new(listener->sim, link, 1);
    if (socket == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a socket");
    }
    link->open[1] = true;
    link->pipes[1].ended_ns = SIM_NO_DEADLINE;
    *out = socket;
    return PBASE_OK;
}

static pbase_status network_connect(const pbase_os *os, const char *endpoint, pbase_os_socket **out,
                                    pbase_error *err)
{
    sim_os *sim = sim_of(os);
    char host[HOST_BYTES];
    uint16_t port = 0;
    pbase_status status = begin(sim, err);
    if (status == PBASE_OK) {
        status = parse(sim, endpoint, host, &port, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    connection *link = zeroed(sizeof *link);
    pbase_os_socket *socket = socket_new(sim, link, 0);
    if (socket == NULL) {
        free(link);
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a socket");
    }
    sim_network *network = sim->world->network;
    link->due_ns = sim->world->clock_ns + delay(sim->world);
    link->open[0] = true;
    link->pipes[0].end = &link->pipes[0].first;
    link->pipes[1].end = &link->pipes[1].first;
    link->pipes[0].ended_ns = SIM_NO_DEADLINE;
    link->port[0] = network->port_next++;
    link->port[1] = port;
    (void)snprintf(link->host[0], HOST_BYTES, "%s", sim->name);
    (void)snprintf(link->host[1], HOST_BYTES, "%s", host);
    link->next = network->links;
    network->links = link;
    sim_network_changed(sim->world);
    *out = socket;
    return PBASE_OK;
}

static pbase_status broken(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NETWORK, "the connection was reset");
}

/* OK for a stream that is up. */
static pbase_status check_up(const pbase_os_socket *socket, pbase_error *err)
{
    const connection *link = socket->link;
    if (link == NULL) {
        return PBASE_FAIL(err, PBASE_NETWORK, "the socket listens");
    }
    if (link->state == LINK_CONNECTING) {
        return PBASE_FAIL(err, PBASE_BUSY, "the connection is not there yet");
    }
    if (link->state == LINK_REFUSED) {
        return PBASE_FAIL(err, PBASE_NETWORK, "connecting: refused, nobody listens on %s:%u",
                          link->host[1], link->port[1]);
    }
    return link->broken ? broken(err) : PBASE_OK;
}

static pbase_status network_finish_connect(pbase_os_socket *socket, pbase_error *err)
{
    pbase_status status = begin(socket->sim, err);
    return status == PBASE_OK ? check_up(socket, err) : status;
}

static bool peer_is_gone(const pbase_os_socket *socket)
{
    const pipe_state *theirs = &socket->link->pipes[1 - socket->side];
    return theirs->ended_ns != 0 && theirs->ended_ns <= socket->sim->world->clock_ns;
}

static pbase_status network_send(pbase_os_socket *socket, const void *data, size_t size,
                                 size_t *out_sent, pbase_error *err)
{
    pbase_status status = begin(socket->sim, err);
    status = status == PBASE_OK ? check_up(socket, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    sim_world *world = socket->sim->world;
    pipe_state *pipe = &socket->link->pipes[socket->side];
    if (peer_is_gone(socket)) {
        return PBASE_FAIL(err, PBASE_NETWORK, "sending: the other side has closed");
    }
    if (pipe->bytes >= WINDOW_BYTES) {
        return PBASE_FAIL(err, PBASE_BUSY, "sending: the window is full");
    }
    size_t room = WINDOW_BYTES - pipe->bytes, taken = size < room ? size : room;
    if (taken > 1 && seed_below(&world->random, 4) == 0) { /* as a full buffer would */
        taken = 1 + (size_t)seed_below(&world->random, taken);
    }
    segment *sent = zeroed(sizeof *sent + taken);
    memcpy(sent->bytes, data, taken);
    sent->size = taken;
    sent->arrives_ns = world->clock_ns + delay(world);
    sent->arrives_ns = sent->arrives_ns > pipe->last_ns ? sent->arrives_ns : pipe->last_ns;
    pipe->last_ns = sent->arrives_ns;
    pipe->bytes += taken;
    *pipe->end = sent;
    pipe->end = &sent->next;
    sim_network_changed(world);
    *out_sent = taken;
    return PBASE_OK;
}

static bool has_arrived(const pbase_os_socket *socket, uint64_t at_ns)
{
    const sim_world *world = socket->sim->world;
    return at_ns <= world->clock_ns && !is_cut(world->network, socket->link);
}

static size_t take_arrived(pbase_os_socket *socket, pipe_state *pipe, uint8_t *out, size_t size)
{
    size_t got = 0;
    while (got < size && pipe->first != NULL && has_arrived(socket, pipe->first->arrives_ns)) {
        segment *first = pipe->first;
        size_t left = first->size - first->taken;
        size_t part = left < size - got ? left : size - got;
        memcpy(out + got, first->bytes + first->taken, part);
        first->taken += part;
        got += part;
        pipe->bytes -= part;
        if (first->taken == first->size) {
            pipe->first = first->next;
            pipe->end = pipe->first == NULL ? &pipe->first : pipe->end;
            free(first);
        }
    }
    return got;
}

static bool has_ended(const pbase_os_socket *socket, const pipe_state *pipe)
{
    return pipe->first == NULL && pipe->ended_ns != 0 && pipe->ended_ns != SIM_NO_DEADLINE &&
           has_arrived(socket, pipe->ended_ns);
}

static pbase_status network_receive(pbase_os_socket *socket, void *data, size_t size,
                                    size_t *out_received, pbase_error *err)
{
    pbase_status status = begin(socket->sim, err);
    status = status == PBASE_OK ? check_up(socket, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    pipe_state *pipe = &socket->link->pipes[1 - socket->side];
    size_t got = take_arrived(socket, pipe, data, size);
    if (got == 0 && size > 0 && !has_ended(socket, pipe)) {
        return PBASE_FAIL(err, PBASE_BUSY, "nothing has arrived");
    }
    if (got > 0) {
        sim_network_changed(socket->sim->world); /* there is room for more */
    }
    *out_received = got;
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------- waiting ---- */

static bool is_readable(const pbase_os_socket *socket)
{
    if (socket->link == NULL) {
        return waiting_for(socket) != NULL;
    }
    const pipe_state *pipe = &socket->link->pipes[1 - socket->side];
    return socket->link->broken || socket->link->state == LINK_REFUSED ||
           (pipe->first != NULL && has_arrived(socket, pipe->first->arrives_ns)) ||
           has_ended(socket, pipe);
}

static bool is_writable(const pbase_os_socket *socket)
{
    const connection *link = socket->link;
    return link != NULL &&
           (link->broken || link->state == LINK_REFUSED ||
            (link->state == LINK_CONNECTED &&
             (link->pipes[socket->side].bytes < WINDOW_BYTES || peer_is_gone(socket))));
}

static uint32_t ready_of(const pbase_os_poll *poll)
{
    uint32_t ready = is_readable(poll->socket) ? PBASE_OS_READABLE : 0;
    ready |= is_writable(poll->socket) ? PBASE_OS_WRITABLE : 0;
    return ready & poll->events;
}

static size_t look(pbase_os_poll *polls, size_t count)
{
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        polls[i].ready = ready_of(&polls[i]);
        ready += polls[i].ready != 0;
    }
    return ready;
}

uint64_t sim_network_next_arrival(const sim_world *world)
{
    uint64_t next = SIM_NO_DEADLINE;
    for (const connection *link = world->network->links; link != NULL; link = link->next) {
        if (is_cut(world->network, link)) {
            continue;
        }
        uint64_t moments[5] = {link->state == LINK_CONNECTING ? link->due_ns : 0};
        for (int side = 0; side < 2; side++) {
            const pipe_state *pipe = &link->pipes[side];
            moments[1 + side] = pipe->first == NULL ? 0 : pipe->first->arrives_ns;
            moments[3 + side] = pipe->ended_ns;
        }
        for (size_t i = 0; i < 5; i++) {
            if (moments[i] > world->clock_ns && moments[i] < next) {
                next = moments[i];
            }
        }
    }
    return next;
}

static pbase_status network_wait(const pbase_os *os, pbase_os_poll *polls, size_t count,
                                 uint64_t deadline_ns, pbase_error *err)
{
    sim_os *sim = sim_of(os);
    pbase_status status = begin(sim, err);
    while (status == PBASE_OK && look(polls, count) == 0) {
        sim_world *world = sim->world;
        if (world->clock_ns >= deadline_ns) {
            return PBASE_FAIL(err, PBASE_TIMEOUT, "nothing became ready");
        }
        uint64_t arrival = sim_network_next_arrival(world);
        (void)sim_world_wait(world, world->network, arrival < deadline_ns ? arrival : deadline_ns);
        advance(world);
    }
    return status;
}

static pbase_status network_local_endpoint(pbase_os_socket *socket, pbase_buffer *out,
                                           pbase_error *err)
{
    char text[HOST_BYTES + 8];
    uint16_t port = socket->link == NULL ? socket->port : socket->link->port[socket->side];
    (void)snprintf(text, sizeof text, "%s:%u", socket->sim->name, port);
    return pbase_buffer_append(out, text, strlen(text), err);
}

static void listener_remove(sim_network *network, const pbase_os_socket *socket)
{
    pbase_os_socket **at = &network->listeners;
    while (*at != socket) {
        at = &(*at)->next;
    }
    *at = socket->next;
    for (connection *link = network->links; link != NULL; link = link->next) {
        if (link->port[1] == socket->port && strcmp(link->host[1], socket->sim->name) == 0 &&
            link->state == LINK_CONNECTED && link->pipes[1].ended_ns == 0) {
            link->broken = true; /* connected, and never accepted */
        }
    }
}

static void network_close(pbase_os_socket *socket)
{
    if (socket == NULL) {
        return;
    }
    sim_os *sim = socket->sim;
    sim_network *network = sim->world->network;
    if (socket->link == NULL) {
        listener_remove(network, socket);
    } else {
        pipe_state *pipe = &socket->link->pipes[socket->side];
        uint64_t at_ns = sim->world->clock_ns + delay(sim->world);
        pipe->ended_ns = at_ns > pipe->last_ns ? at_ns : pipe->last_ns;
        socket->link->open[socket->side] = false;
        drop_if_unused(network, socket->link);
    }
    pbase_alloc_free(&sim->memory, socket, sizeof *socket);
    sim_network_changed(sim->world);
}

const pbase_os_socket_ops sim_socket_ops = {
    .struct_size = sizeof(pbase_os_socket_ops),
    .listen = network_listen,
    .accept = network_accept,
    .connect = network_connect,
    .finish_connect = network_finish_connect,
    .receive = network_receive,
    .send = network_send,
    .wait = network_wait,
    .local_endpoint = network_local_endpoint,
    .close = network_close,
};
