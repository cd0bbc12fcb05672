/* An endpoint owns its transport and its probe. Requests are on it only while they are queued or
 * sent; ejecting it does not touch these, because a slow server may still answer them. */
#include "clients/c/delivery/endpoint.h"
#include "clients/c/base/clock.h"
#include "clients/c/base/fail.h"
#include "clients/c/transport/nng.h"
#include "clients/c/transport/stream.h"

#include "core/base/check.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------------------------
 * Opening: the scheme decides between a socket of our own and nng's library */

#define PROBE_DEADLINE_US_MIN 100000

#define NNG_PREFIX "nng+" /* asks for nng's library where stream.c would do: "nng+tcp://..." */

static int fail_address(const char *address, const char *why, struct harrier_error *ret_error) {
    return fail(ret_error, HARRIER_ERROR_INVALID, "addresses",
                "address \"%.200s\" cannot be dialled: %s; expected for example "
                "tcp://127.0.0.1:7731 or ipc:///run/harrier/harrier.sock",
                address, why);
}

static int open_transport(struct endpoint *endpoint, const char *address,
                          struct harrier_error *ret_error) {
    const char *why = NULL;
    if (stream_takes(address)) {
        endpoint->stream = stream_new(&endpoint->transport, address, &why);
        return endpoint->stream ? 0 : fail_address(address, why, ret_error);
    }
    if (!strstr(address, "://"))
        return fail_address(address, "it has no scheme", ret_error);
    if (strncmp(address, NNG_PREFIX, strlen(NNG_PREFIX)) == 0)
        address += strlen(NNG_PREFIX);
    endpoint->nng = nng_endpoint_new(&endpoint->transport, address, &why);
    return endpoint->nng ? 0 : fail_address(address, why, ret_error);
}

int endpoint_open(struct harrier_client *client, struct endpoint *endpoint, const char *address,
                  const struct transport_handlers *handlers, struct harrier_error *ret_error) {
    struct error error;
    struct request status = {.call = CALL_STATUS};
    endpoint->transport.client = client;
    endpoint->transport.handlers = handlers;
    ring_init(&endpoint->transport.unsent);
    ring_init(&endpoint->transport.sent);
    endpoint->address = text_copy(text_of(address));
    endpoint->probe = exchange_new(client);
    endpoint->probe->probe = true;
    endpoint->probe->endpoint = endpoint;
    endpoint->probe->call = CALL_STATUS;
    buffer_reserve(&endpoint->probe->wire, WIRE_HEAD_ROOM);
    endpoint->probe->wire.length = WIRE_HEAD_ROOM;
    check(message_encode_rest(&status, &endpoint->probe->wire, &error) == 0);
    return open_transport(endpoint, address, ret_error);
}

void endpoint_close(struct endpoint *endpoint) {
    if (endpoint->stream)
        stream_free(endpoint->stream);
    if (endpoint->nng)
        nng_endpoint_free(endpoint->nng);
    free(endpoint->address);
}

/* ---------------------------------------------------------------------------------------------
 * Choosing */

/* Which of the refusals was the endpoint's last one; 0: it has not refused the exchange. */
static unsigned refused_at(const struct exchange *exchange, const struct endpoint *endpoint) {
    if (exchange->refusals == 0)
        return 0;
    return exchange->refused_at[endpoint - exchange->client->endpoints];
}

/* Since the exchange last waited. */
static bool has_tried(const struct exchange *exchange, const struct endpoint *endpoint) {
    return refused_at(exchange, endpoint) > exchange->refusals_waited;
}

/* Asked even while it is ejected: the word of a standby is newer. Those that are up cannot decide,
 * so without it every call would fail until a probe succeeds. */
static bool is_named(const struct exchange *exchange) {
    const struct endpoint *named = exchange->named;
    return named && named->route.connected && !named->route.standby && !has_tried(exchange, named);
}

struct endpoint *endpoint_untried(const struct exchange *exchange) {
    const struct harrier_client *client = exchange->client;
    for (size_t i = 0; i < client->endpoint_count; i++) {
        struct endpoint *endpoint = &client->endpoints[i];
        if (route_may_decide(&endpoint->route) && !has_tried(exchange, endpoint))
            return endpoint;
    }
    return is_named(exchange) ? exchange->named : NULL;
}

/* Of those that are up, the one whose refusal of the exchange is the longest ago: one of several
 * standbys will become the primary, whichever the others name. */
static struct endpoint *next_up(const struct exchange *exchange) {
    const struct harrier_client *client = exchange->client;
    struct endpoint *next = NULL;
    for (size_t i = 0; i < client->endpoint_count; i++) {
        struct endpoint *endpoint = &client->endpoints[i];
        if (route_is_up(&endpoint->route) &&
            (!next || refused_at(exchange, endpoint) < refused_at(exchange, next)))
            next = endpoint;
    }
    return next;
}

static struct endpoint *first_connected(const struct harrier_client *client) {
    for (size_t i = 0; i < client->endpoint_count; i++)
        if (client->endpoints[i].route.connected)
            return &client->endpoints[i];
    return NULL;
}

struct endpoint *endpoint_choose(const struct exchange *exchange) {
    struct endpoint *endpoint = endpoint_untried(exchange);
    if (!endpoint)
        endpoint = next_up(exchange);
    return endpoint ? endpoint : first_connected(exchange->client);
}

bool endpoint_another_may_decide(const struct endpoint *endpoint) {
    const struct harrier_client *client = endpoint->transport.client;
    for (size_t i = 0; i < client->endpoint_count; i++)
        if (&client->endpoints[i] != endpoint && route_may_decide(&client->endpoints[i].route))
            return true;
    return false;
}

/* ---------------------------------------------------------------------------------------------
 * Up and ejected; marked as a standby */

static void record_up(struct endpoint *endpoint) {
    meter_set(&endpoint->transport.client->meter, "harrier_client_address_up",
              route_is_up(&endpoint->route) ? 1 : 0, "address", endpoint->address);
}

static void record_ejection(struct endpoint *endpoint) {
    meter_count(&endpoint->transport.client->meter, "harrier_client_ejections_total", 1, "address",
                endpoint->address);
}

void endpoint_set_connected(struct endpoint *endpoint, bool connected) {
    bool was_up = route_is_up(&endpoint->route);
    endpoint->route.connected = connected;
    if (was_up || route_is_up(&endpoint->route))
        record_up(endpoint);
}

void endpoint_failed(struct endpoint *endpoint, int64_t now_us) {
    struct harrier_client *client = endpoint->transport.client;
    if (client->endpoint_count == 1) /* there is nothing to move to: never ejected */
        return;
    bool was_up = route_is_up(&endpoint->route);
    if (!route_failed(&endpoint->route, client->eject_after, now_us, client_random(client)))
        return;
    record_ejection(endpoint);
    if (was_up)
        record_up(endpoint);
}

/* Called for every answer; the common one has nothing to reset. */
void endpoint_succeeded(struct endpoint *endpoint) {
    if (endpoint->route.failures == 0 && !endpoint->route.ejected)
        return;
    bool changes = endpoint->route.ejected && endpoint->route.connected;
    route_succeeded(&endpoint->route);
    if (changes)
        record_up(endpoint);
}

/* Compared as they are written: an address that is not in the list is never connected to, because
 * that would show it the token. */
static struct endpoint *find(const struct harrier_client *client, struct text address) {
    for (size_t i = 0; i < client->endpoint_count; i++)
        if (text_is(address, client->endpoints[i].address))
            return &client->endpoints[i];
    return NULL;
}

static void note_refusal(struct exchange *exchange) {
    if (exchange->refusals == 0)
        memset(exchange->refused_at, 0, sizeof exchange->refused_at);
    exchange->refusals++;
    exchange->refused_at[exchange->endpoint - exchange->client->endpoints] = exchange->refusals;
}

/* In this order, so that a standby that names itself stays one. */
void endpoint_mark(struct exchange *exchange, struct text primary) {
    exchange->named = find(exchange->client, primary);
    if (exchange->named)
        exchange->named->route.standby = false;
    exchange->endpoint->route.standby = true;
    note_refusal(exchange);
}

/* A standby answers what only reads, and may answer a dry run. */
void endpoint_unmark(const struct exchange *exchange) {
    bool writes = exchange->call == CALL_REPORT_OUTCOME || exchange->call == CALL_CHANGE_LIST ||
                  exchange->call == CALL_AMEND || exchange->call == CALL_CHANGE_BRAKE ||
                  exchange->call == CALL_BACKFILL ||
                  (exchange->call == CALL_SCORE && !exchange->dry_run);
    if (writes)
        exchange->endpoint->route.standby = false;
}

/* ---------------------------------------------------------------------------------------------
 * Exchanges */

void endpoint_enqueue(struct endpoint *endpoint, struct exchange *exchange) {
    exchange_assign_id(exchange);
    exchange->endpoint = endpoint;
    exchange->state = EXCHANGE_QUEUED;
    exchange->wire_from = exchange->wire_sent = 0; /* the head is written when its turn comes */
    ring_append(&endpoint->transport.unsent, &exchange->place);
}

/* A frame that is partly written must be completed, or the server would take the next frame's bytes
 * for its rest. nng's library has its own copy of the message. */
void endpoint_forget(struct exchange *exchange) {
    if (exchange->state == EXCHANGE_QUEUED && exchange->wire_sent > 0 && exchange->endpoint->stream)
        stream_keep_rest(exchange->endpoint->stream, exchange);
    exchange->wire_sent = 0;
    ring_remove(&exchange->place);
}

bool endpoint_wants_to_write(const struct endpoint *endpoint) {
    return !ring_is_empty(&endpoint->transport.unsent) ||
           (endpoint->stream && stream_has_output(endpoint->stream));
}

void endpoint_flush(struct endpoint *endpoint, int64_t now_us) {
    if (!endpoint->route.connected || !endpoint_wants_to_write(endpoint))
        return;
    if (endpoint->stream)
        stream_flush(endpoint->stream, now_us);
    else
        nng_endpoint_flush(endpoint->nng, now_us);
}

/* ---------------------------------------------------------------------------------------------
 * Probes: a status request of the client's own to an ejected address. A customer's call is never
 * used to find out whether a server has recovered. */

/* Uses the token that a call showed last: the token function may be slow or fail, and is the
 * user's. */
static void start_probe(struct endpoint *endpoint, int64_t now_us) {
    struct harrier_client *client = endpoint->transport.client;
    struct exchange *probe = endpoint->probe;
    uint64_t deadline_us = client->deadline_us;
    endpoint->route.probing = true;
    probe->deadline_us = deadline_us < PROBE_DEADLINE_US_MIN ? PROBE_DEADLINE_US_MIN : deadline_us;
    probe->begun_at_us = now_us;
    probe->deadline_at_us = now_us + (int64_t)probe->deadline_us;
    memcpy(probe->token, client->token, sizeof probe->token);
    timers_set(&client->timers, &probe->timer, probe->deadline_at_us);
    endpoint_forget(probe); /* an earlier one may be unanswered: a call has succeeded meanwhile */
    endpoint_enqueue(endpoint, probe);
    endpoint_flush(endpoint, now_us);
}

/* A draining or starting server answers too, but must not get calls yet. A standby is in order: it
 * is up, if not the primary. */
static bool is_ready(struct exchange *probe) {
    struct response response;
    struct error error;
    arena_reset(&probe->arena);
    return message_decode_response(probe->answer.bytes, probe->answer.length, &probe->arena,
                                   &response, &error) == 0 &&
           response.error.code == 0 && response.call == CALL_STATUS &&
           (text_is(response.status.state, "ready") || text_is(response.status.state, "standby"));
}

void endpoint_probed(struct endpoint *endpoint) {
    struct harrier_client *client = endpoint->transport.client;
    struct exchange *probe = endpoint->probe;
    if (client->aborted) /* ended by closing the client, which is not its fault */
        return;
    if (probe->end == END_ANSWERED && is_ready(probe))
        endpoint_succeeded(endpoint);
    else if (route_probe_failed(&endpoint->route, monotonic_us(), client_random(client)))
        record_ejection(endpoint);
}

/* ---------------------------------------------------------------------------------------------
 * For the poller. nng's library polls by itself. */

void endpoint_poll(const struct endpoint *endpoint, struct pollfd *ret_poll) {
    *ret_poll = (struct pollfd){.fd = -1};
    if (endpoint->stream)
        stream_poll(endpoint->stream, ret_poll);
}

void endpoint_ready(struct endpoint *endpoint, int64_t now_us) {
    stream_ready(endpoint->stream, now_us);
}

int64_t endpoint_next_at(const struct endpoint *endpoint) {
    int64_t at_us = route_probe_at(&endpoint->route);
    if (endpoint->stream) {
        int64_t stream_at_us = stream_next_at(endpoint->stream);
        if (stream_at_us < at_us)
            at_us = stream_at_us;
    }
    return at_us;
}

void endpoint_timers(struct endpoint *endpoint, int64_t now_us) {
    if (endpoint->stream)
        stream_timer(endpoint->stream, now_us);
    if (route_probe_at(&endpoint->route) <= now_us)
        start_probe(endpoint, now_us);
}
