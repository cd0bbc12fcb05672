/* A client: its connections, and the places for requests that share them.
 *
 * One REQ socket per address, with one dialer that nng keeps connecting. Each exchange has a
 * context on every socket, so that many requests travel on one connection. nng's own resending is
 * switched off (NNG_OPT_REQ_RESENDTIME): a request whose connection breaks ends with
 * NNG_ECONNRESET, and exchange.c sends it again, perhaps to the other server.
 *
 * Locks: the mutex is never held while nng is called, but for nng_aio_abort(). */
#include "clients/c/client.h"

#include "core/base/check.h"

#include <nng/protocol/reqrep0/req.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEADLINE_US_DEFAULT   100000
#define IN_FLIGHT_MAX_DEFAULT 64
#define IN_FLIGHT_MAX_MAX     4096
#define RECONNECT_MS_MIN      10
#define RECONNECT_MS_MAX      500
#define ABORT_AGAIN_US        5000

int64_t monotonic_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---------------------------------------------------------------------------------------------
 * Connections */

/* ADD_PRE comes before the first request is sent on the connection, ADD_POST may come after that.
 */
static void connected(nng_pipe pipe, nng_pipe_ev event, void *argument) {
    (void)event;
    struct server *server = argument;
    pthread_mutex_lock(&server->client->mutex);
    server->pipe = nng_pipe_id(pipe);
    pthread_mutex_unlock(&server->client->mutex);
}

static void disconnected(nng_pipe pipe, nng_pipe_ev event, void *argument) {
    (void)event;
    struct server *server = argument;
    pthread_mutex_lock(&server->client->mutex);
    if (server->pipe == nng_pipe_id(pipe)) /* not yet a newer one */
        server->pipe = 0;
    pthread_mutex_unlock(&server->client->mutex);
}

static int set_options(nng_socket socket) {
    int r = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, MESSAGE_RESPONSE_SIZE_MAX);
    if (r == 0)
        r = nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_MS_MIN);
    if (r == 0)
        r = nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MS_MAX);
    if (r == 0)
        r = nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    return r;
}

static int open_server(struct harrier_client *client, const char *address,
                       struct harrier_error *ret_error) {
    struct server *server = &client->servers[client->server_count];
    nng_dialer dialer;
    int r = nng_req0_open(&server->socket);
    if (r != 0)
        return fail(ret_error, HARRIER_ERROR_UNAVAILABLE, "", "cannot open a socket: %s",
                    nng_strerror(r));
    client->server_count++;
    server->client = client;
    server->address = text_copy(text_of(address));
    r = set_options(server->socket);
    if (r == 0)
        r = nng_pipe_notify(server->socket, NNG_PIPE_EV_ADD_PRE, connected, server);
    if (r == 0)
        r = nng_pipe_notify(server->socket, NNG_PIPE_EV_REM_POST, disconnected, server);
    if (r == 0)
        r = nng_dialer_create(&dialer, server->socket, address);
    if (r == 0)
        r = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    if (r != 0)
        return fail(ret_error, HARRIER_ERROR_INVALID, "address",
                    "address \"%.200s\" cannot be dialled: %s; expected for example "
                    "tcp://127.0.0.1:7731 or ipc:///run/harrier/harrier.sock",
                    address, nng_strerror(r));
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Places for requests */

static void exchange_free(struct exchange *exchange) {
    if (exchange->aio)
        nng_aio_free(exchange->aio); /* waits for its callback */
    for (size_t i = 0; i < exchange->context_count; i++)
        nng_ctx_close(exchange->contexts[i]);
    if (exchange->answer)
        nng_msg_free(exchange->answer);
    buffer_deinit(&exchange->request);
    arena_deinit(&exchange->arena);
    free(exchange);
}

static struct exchange *exchange_new(struct harrier_client *client, bool pipelined,
                                     struct harrier_error *ret_error) {
    struct exchange *exchange = check_calloc(1, sizeof *exchange);
    exchange->client = client;
    exchange->pipelined = pipelined;
    buffer_init(&exchange->request);
    arena_init(&exchange->arena, MESSAGE_RESPONSE_ARENA_LIMIT);
    int r = nng_aio_alloc(&exchange->aio, pipelined ? submit_aio_done : NULL, exchange);
    for (size_t i = 0; r == 0 && i < client->server_count; i++) {
        r = nng_ctx_open(&exchange->contexts[i], client->servers[i].socket);
        exchange->context_count += r == 0;
    }
    if (r == 0)
        return exchange;
    exchange_free(exchange);
    fail(ret_error, HARRIER_ERROR_UNAVAILABLE, "", "cannot prepare a request: %s", nng_strerror(r));
    return NULL;
}

static struct exchange *pop_idle(struct exchange **idle) {
    struct exchange *exchange = *idle;
    if (exchange)
        *idle = exchange->next_idle;
    return exchange;
}

/* Made outside of the lock, as nng is called. */
static struct exchange *add_exchange(struct harrier_client *client, bool pipelined,
                                     struct harrier_error *ret_error) {
    struct exchange *exchange = exchange_new(client, pipelined, ret_error);
    if (!exchange)
        return NULL;
    pthread_mutex_lock(&client->mutex);
    exchange->next = client->all;
    client->all = exchange;
    pthread_mutex_unlock(&client->mutex);
    return exchange;
}

struct exchange *client_take(struct harrier_client *client, struct harrier_error *ret_error) {
    pthread_mutex_lock(&client->mutex);
    struct exchange *exchange = pop_idle(&client->idle);
    pthread_mutex_unlock(&client->mutex);
    return exchange ? exchange : add_exchange(client, false, ret_error);
}

static bool is_full(const struct harrier_client *client) {
    return !client->idle_pipelined && client->pipelined_count >= client->in_flight_max;
}

/* false when there is still no room at the deadline */
static bool wait_for_room(struct harrier_client *client, int64_t deadline_at_us) {
    struct timespec until = {.tv_sec = deadline_at_us / 1000000,
                             .tv_nsec = deadline_at_us % 1000000 * 1000};
    int r = 0;
    while (is_full(client) && !client->closing && r == 0)
        r = pthread_cond_timedwait(&client->changed, &client->mutex, &until);
    return !is_full(client);
}

struct exchange *client_take_pipelined(struct harrier_client *client, int64_t deadline_at_us,
                                       struct harrier_error *ret_error) {
    pthread_mutex_lock(&client->mutex);
    bool room = client->busy_when_full ? !is_full(client) : wait_for_room(client, deadline_at_us);
    bool closing = client->closing;
    if (!room || closing) {
        pthread_mutex_unlock(&client->mutex);
        if (closing)
            fail(ret_error, HARRIER_ERROR_UNAVAILABLE, "", "the client is being freed");
        else
            fail(ret_error, HARRIER_ERROR_BUSY, "",
                 "%zu requests are in flight; expected at most that many (in_flight_max)",
                 client->in_flight_max);
        return NULL;
    }
    client->in_flight++;
    struct exchange *exchange = pop_idle(&client->idle_pipelined);
    if (!exchange)
        client->pipelined_count++;
    pthread_mutex_unlock(&client->mutex);
    if (exchange)
        return exchange;
    exchange = add_exchange(client, true, ret_error);
    if (!exchange) {
        pthread_mutex_lock(&client->mutex);
        client->pipelined_count--;
        pthread_mutex_unlock(&client->mutex);
        client_landed(client);
    }
    return exchange;
}

void client_put(struct exchange *exchange) {
    struct harrier_client *client = exchange->client;
    struct exchange **idle = exchange->pipelined ? &client->idle_pipelined : &client->idle;
    arena_reset(&exchange->arena);
    pthread_mutex_lock(&client->mutex);
    exchange->next_idle = *idle;
    *idle = exchange;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->mutex);
}

void client_landed(struct harrier_client *client) {
    pthread_mutex_lock(&client->mutex);
    client->in_flight--;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->mutex);
}

void harrier_wait(struct harrier_client *client, size_t in_flight) {
    pthread_mutex_lock(&client->mutex);
    while (client->in_flight > in_flight)
        pthread_cond_wait(&client->changed, &client->mutex);
    pthread_mutex_unlock(&client->mutex);
}

void harrier_drain(struct harrier_client *client) {
    harrier_wait(client, 0);
}

/* ---------------------------------------------------------------------------------------------
 * The whole */

static int check_options(const struct harrier_options *options, struct harrier_error *ret_error) {
    if (!options || !options->address || !options->address[0])
        return fail(ret_error, HARRIER_ERROR_INVALID, "address",
                    "address is missing; expected for example tcp://127.0.0.1:7731");
    if (options->deadline_us > HARRIER_DEADLINE_US_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "deadline_us",
                    "deadline_us %llu is over an hour; expected at most %llu",
                    (unsigned long long)options->deadline_us,
                    (unsigned long long)HARRIER_DEADLINE_US_MAX);
    if (options->in_flight_max > IN_FLIGHT_MAX_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "in_flight_max",
                    "in_flight_max is %u; expected at most %d", options->in_flight_max,
                    IN_FLIGHT_MAX_MAX);
    return token_check(options->token, ret_error);
}

static void init_locks(struct harrier_client *client) {
    pthread_condattr_t attributes;
    check(pthread_mutex_init(&client->mutex, NULL) == 0);
    check(pthread_condattr_init(&attributes) == 0);
    check(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    check(pthread_cond_init(&client->changed, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

int harrier_client_new(const struct harrier_options *options, struct harrier_client **ret_client,
                       struct harrier_error *ret_error) {
    int r = check_options(options, ret_error);
    if (r < 0)
        return r;
    struct harrier_client *client = check_calloc(1, sizeof *client);
    client->deadline_us = options->deadline_us ? options->deadline_us : DEADLINE_US_DEFAULT;
    client->in_flight_max = options->in_flight_max ? options->in_flight_max : IN_FLIGHT_MAX_DEFAULT;
    client->busy_when_full = options->busy_when_full;
    init_locks(client);
    harrier_client_set_token(client, options->token); /* checked above */
    r = open_server(client, options->address, ret_error);
    if (r == 0 && options->fallback_address && options->fallback_address[0])
        r = open_server(client, options->fallback_address, ret_error);
    if (r < 0) {
        harrier_client_free(client);
        return r;
    }
    *ret_client = client;
    return 0;
}

/* Until all callbacks have returned. An aio may be between two operations when it is aborted; so
 * this is done until nothing is under way. */
static void end_exchanges(struct harrier_client *client) {
    pthread_mutex_lock(&client->mutex);
    client->closing = true;
    pthread_cond_broadcast(&client->changed);
    while (client->in_flight > 0) {
        for (struct exchange *exchange = client->all; exchange; exchange = exchange->next)
            nng_aio_abort(exchange->aio, NNG_ECLOSED);
        int64_t until_us = monotonic_us() + ABORT_AGAIN_US;
        struct timespec until = {.tv_sec = until_us / 1000000,
                                 .tv_nsec = until_us % 1000000 * 1000};
        pthread_cond_timedwait(&client->changed, &client->mutex, &until);
    }
    pthread_mutex_unlock(&client->mutex);
}

/* The order matters: nng 1.5.2 crashes when a socket is closed while a thread is still leaving one
 * of its contexts. Once each aio is freed, none is. */
void harrier_client_free(struct harrier_client *client) {
    if (!client)
        return;
    for (size_t i = 0; i < client->server_count; i++) {
        nng_pipe_notify(client->servers[i].socket, NNG_PIPE_EV_ADD_PRE, NULL, NULL);
        nng_pipe_notify(client->servers[i].socket, NNG_PIPE_EV_REM_POST, NULL, NULL);
    }
    end_exchanges(client);
    for (struct exchange *exchange = client->all, *next; exchange; exchange = next) {
        next = exchange->next;
        exchange_free(exchange);
    }
    for (size_t i = 0; i < client->server_count; i++) {
        nng_close(client->servers[i].socket);
        free(client->servers[i].address);
    }
    pthread_cond_destroy(&client->changed);
    pthread_mutex_destroy(&client->mutex);
    explicit_bzero(client->token, sizeof client->token);
    free(client);
}
