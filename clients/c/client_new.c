/* Making, closing and freeing a client.
 *
 * Closing runs in steps: refuse new calls, wait for those under way, end the rest (`aborted`), stop
 * the loop, close the connections. Freeing in a child of fork() does none of this: the parent's
 * threads do not exist there, and its connections must not be disturbed. */
#include "clients/c/base/clock.h"
#include "clients/c/base/fail.h"
#include "clients/c/delivery/dispatch.h"
#include "clients/c/delivery/endpoint.h"
#include "clients/c/exchange/token.h"
#include "clients/c/loop.h"
#include "clients/c/transport/stream.h"
#include "clients/c/transport/tls.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#define DEADLINE_US_DEFAULT   100000
#define IN_FLIGHT_MAX_DEFAULT 1024
#define IN_FLIGHT_MAX_MAX     10000
#define RETRIES_MAX_DEFAULT   3
#define RETRIES_MAX_MAX       1000
#define EJECT_AFTER_DEFAULT   3

/* ---------------------------------------------------------------------------------------------
 * Options */

static int check_addresses(const struct harrier_options *options, struct harrier_error *ret_error) {
    if (options->address && options->address_count > 0)
        return fail(ret_error, HARRIER_ERROR_INVALID, "addresses",
                    "there is an address and a list of them; expected one of the two");
    if (options->address_count > CLIENT_ADDRESSES_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "addresses",
                    "there are %zu addresses; expected at most %d", options->address_count,
                    CLIENT_ADDRESSES_MAX);
    const char *const *addresses =
        options->address_count ? options->addresses : (const char *const *)&options->address;
    size_t count = options->address_count ? options->address_count : 1;
    for (size_t i = 0; i < count; i++) {
        if (!addresses[i] || !addresses[i][0])
            return fail(ret_error, HARRIER_ERROR_INVALID, "addresses",
                        "an address is missing; expected for example tcp://127.0.0.1:7731");
        for (size_t j = 0; j < i; j++)
            if (strcmp(addresses[i], addresses[j]) == 0)
                return fail(ret_error, HARRIER_ERROR_INVALID, "addresses",
                            "\"%.200s\" appears twice", addresses[i]);
    }
    return 0;
}

static int check_options(const struct harrier_options *options, struct harrier_error *ret_error) {
    if (!options)
        return fail(ret_error, HARRIER_ERROR_INVALID, "", "there are no options");
    int r = check_addresses(options, ret_error);
    if (r < 0)
        return r;
    if (options->deadline_us > HARRIER_DEADLINE_US_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "deadline_us",
                    "deadline_us %llu is over an hour; expected at most %llu",
                    (unsigned long long)options->deadline_us,
                    (unsigned long long)HARRIER_DEADLINE_US_MAX);
    if (options->in_flight_max > IN_FLIGHT_MAX_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "in_flight_max",
                    "in_flight_max is %u; expected at most %d", options->in_flight_max,
                    IN_FLIGHT_MAX_MAX);
    if (options->retries_max < HARRIER_RETRIES_NONE || options->retries_max > RETRIES_MAX_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "retries_max",
                    "retries_max is %d; expected at most %d, or HARRIER_RETRIES_NONE",
                    options->retries_max, RETRIES_MAX_MAX);
    if ((unsigned)options->fallback > HARRIER_VERDICT_DECLINE)
        return fail(ret_error, HARRIER_ERROR_INVALID, "fallback",
                    "fallback is %d; expected a verdict", (int)options->fallback);
    if (options->metrics &&
        (!options->metrics->count || !options->metrics->observe || !options->metrics->set))
        return fail(ret_error, HARRIER_ERROR_INVALID, "metrics",
                    "a function is missing; expected count, observe and set");
    return token_check(options->token, ret_error);
}

/* Zero means the default in every option. The options have been checked. */
static void take_options(struct harrier_client *client, const struct harrier_options *options) {
    client->deadline_us = options->deadline_us ? options->deadline_us : DEADLINE_US_DEFAULT;
    client->in_flight_max = options->in_flight_max ? options->in_flight_max : IN_FLIGHT_MAX_DEFAULT;
    client->eject_after = options->eject_after ? options->eject_after : EJECT_AFTER_DEFAULT;
    client->retries_max = options->retries_max == 0 ? RETRIES_MAX_DEFAULT
                          : options->retries_max == HARRIER_RETRIES_NONE
                              ? 0
                              : (unsigned)options->retries_max;
    client->busy_when_full = options->busy_when_full;
    client->fallback = options->fallback;
    client->fallback_function = options->fallback_function;
    client->fallback_user = options->fallback_user;
    client->token_function = options->token_function;
    client->token_user = options->token_user;
    if (options->token)
        memcpy(client->token, options->token, strlen(options->token) + 1);
    meter_init(&client->meter, options->metrics);
}

/* ---------------------------------------------------------------------------------------------
 * Beginning and end */

static void init_state(struct harrier_client *client) {
    lock_init(&client->mutex, LOCK_CLIENT);
    condition_init(&client->room);
    condition_init(&client->changed);
    condition_init(&client->loop_baton);
    ring_init(&client->waiting);
    ring_init(&client->ended);
    ring_init(&client->followers);
    client->process = getpid();
    if (getrandom(&client->random, sizeof client->random, GRND_NONBLOCK) != sizeof client->random)
        client->random = (uint64_t)monotonic_us() * UINT64_C(0x9e3779b97f4a7c15);
    client->random |= 1;
    client->last_id = (uint32_t)(client->random >> 32);
    size_t buckets = 64;
    while (buckets < client->in_flight_max)
        buckets *= 2;
    client->ids = check_calloc(buckets, sizeof(struct exchange *));
    client->ids_mask = buckets - 1;
}

/* Files are read even if no address uses TLS, so that a mistake shows at once. */
static int open_tls(struct harrier_client *client, const char *const *addresses, size_t count,
                    const struct harrier_tls *settings, struct harrier_error *ret_error) {
    bool is_needed = settings != NULL;
    for (size_t i = 0; i < count; i++)
        is_needed |= stream_is_secure(addresses[i]);
    return is_needed ? tls_context_new(settings, &client->tls, ret_error) : 0;
}

static int open_endpoints(struct harrier_client *client, const struct harrier_options *options,
                          struct harrier_error *ret_error) {
    const char *const *addresses =
        options->address_count ? options->addresses : (const char *const *)&options->address;
    size_t count = options->address_count ? options->address_count : 1;
    client->endpoints = check_calloc(count, sizeof *client->endpoints);
    client->polls = check_calloc(count + 1, sizeof(struct pollfd));
    client->wake_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (client->wake_descriptor < 0)
        return fail(ret_error, HARRIER_ERROR_UNAVAILABLE, "", "cannot create an eventfd: %s",
                    strerror(errno));
    int r = open_tls(client, addresses, count, options->tls, ret_error);
    if (r < 0)
        return r;
    client->endpoint_count = count; /* nng may call back before the last is open */
    for (size_t i = 0; i < count && r == 0; i++)
        r = endpoint_open(client, &client->endpoints[i], addresses[i], &dispatch_handlers,
                          ret_error);
    return r;
}

int harrier_client_new(const struct harrier_options *options, struct harrier_client **ret_client,
                       struct harrier_error *ret_error) {
    int r = check_options(options, ret_error);
    if (r < 0)
        return r;
    struct harrier_client *client = check_calloc(1, sizeof *client);
    take_options(client, options);
    init_state(client);
    r = open_endpoints(client, options, ret_error);
    if (r < 0) {
        harrier_client_free(client);
        return r;
    }
    *ret_client = client;
    return 0;
}

/* Until no thread is in a call and no callback is due. Returns false on timeout. */
static bool wait_until_left(struct harrier_client *client, int64_t until_us) {
    bool in_time = true;
    while ((client->callers > 0 || client->pipelined > 0) && in_time)
        in_time = condition_wait(&client->changed, &client->mutex, until_us);
    return client->callers == 0 && client->pipelined == 0;
}

/* From here on dispatch_send() ends exchanges instead of sending them. */
static void end_all(struct harrier_client *client) {
    client->aborted = true;
    for (struct exchange *exchange = client->all; exchange; exchange = exchange->next_all)
        if (exchange->state != EXCHANGE_IDLE && exchange->state != EXCHANGE_ENDED)
            dispatch_end(exchange, END_CLOSED);
}

void harrier_client_close(struct harrier_client *client, int64_t timeout_us) {
    if (client->process != getpid())
        return;
    int64_t now_us = monotonic_us(), until_us = INT64_MAX;
    if (timeout_us >= 0 && timeout_us < INT64_MAX - now_us)
        until_us = now_us + timeout_us;
    client_lock(client);
    client->closing = true;
    pthread_cond_broadcast(&client->room);
    if (!wait_until_left(client, until_us)) {
        end_all(client);
        wait_until_left(client, INT64_MAX);
    }
    /* Several threads may close at once; only the first one frees what is shared. */
    bool first = !client->closed;
    client->closed = true;
    client_unlock(client);
    if (!first)
        return;
    loop_end(client);
    client_lock(client);
    end_all(client); /* only probes are left */
    if (client->meter.on)
        meter_report(&client->meter, &client->mutex);
    client_unlock(client);
    for (size_t i = 0; i < client->endpoint_count; i++)
        endpoint_close(&client->endpoints[i]);
    if (client->wake_descriptor >= 0)
        close(client->wake_descriptor);
}

/* Not in a child of fork(): pthread_cond_destroy() waits for waiters, which do not exist there. */
static void destroy_locks(struct harrier_client *client) {
    for (struct exchange *exchange = client->all; exchange; exchange = exchange->next_all)
        pthread_cond_destroy(&exchange->woken);
    pthread_cond_destroy(&client->room);
    pthread_cond_destroy(&client->changed);
    pthread_cond_destroy(&client->loop_baton);
    pthread_mutex_destroy(&client->mutex);
}

/* In a child of fork(): closes its copies of the descriptors, which leaves the connections of the
 * parent alone. */
static void abandon(struct harrier_client *client) {
    for (size_t i = 0; i < client->endpoint_count; i++) {
        struct pollfd socket;
        endpoint_poll(&client->endpoints[i], &socket);
        if (socket.fd >= 0)
            close(socket.fd);
    }
    close(client->wake_descriptor);
}

void harrier_client_free(struct harrier_client *client) {
    if (!client)
        return;
    if (client->process == getpid()) {
        harrier_client_close(client, 0);
        destroy_locks(client);
    } else if (!client->closed) {
        abandon(client);
    }
    for (struct exchange *exchange = client->all, *next; exchange; exchange = next) {
        next = exchange->next_all;
        exchange_free(exchange);
    }
    tls_context_free(client->tls);
    explicit_bzero(client->token, sizeof client->token);
    timers_deinit(&client->timers);
    meter_deinit(&client->meter);
    free(client->ids);
    free(client->endpoints);
    free(client->polls);
    free(client);
}
