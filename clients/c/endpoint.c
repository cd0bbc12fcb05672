/* One address: what its connection does to the requests on it, and its place among the others. The
 * bytes are stream.c's, or nng.c's. */
#include "client.h"
#include "nng.h"
#include "stream.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------------------------
 * Opening: by its scheme, an address is for a socket of ours, or for nng's library */

#define NNG_PREFIX "nng+" /* nng's library for what we could do ourselves: "nng+tcp://…" */

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
        endpoint->stream = stream_new(endpoint, address, &why);
        return endpoint->stream ? 0 : fail_address(address, why, ret_error);
    }
    if (!strstr(address, "://"))
        return fail_address(address, "it has no scheme", ret_error);
    if (strncmp(address, NNG_PREFIX, strlen(NNG_PREFIX)) == 0)
        address += strlen(NNG_PREFIX);
    endpoint->nng = nng_endpoint_new(endpoint, address, &why);
    return endpoint->nng ? 0 : fail_address(address, why, ret_error);
}

int endpoint_open(struct harrier_client *client, struct endpoint *endpoint, const char *address,
                  struct harrier_error *ret_error) {
    struct error error;
    struct request status = {.call = CALL_STATUS};
    endpoint->client = client;
    endpoint->address = text_copy(text_of(address));
    ring_init(&endpoint->unsent);
    ring_init(&endpoint->sent);
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
 * Which address */

/* The first that is up; else the first that is connected. */
struct endpoint *endpoint_choose(struct harrier_client *client) {
    for (size_t i = 0; i < client->endpoint_count; i++)
        if (route_is_up(&client->endpoints[i].route))
            return &client->endpoints[i];
    for (size_t i = 0; i < client->endpoint_count; i++)
        if (client->endpoints[i].route.connected)
            return &client->endpoints[i];
    return NULL;
}

bool endpoint_another_is_up(const struct endpoint *endpoint) {
    const struct harrier_client *client = endpoint->client;
    for (size_t i = 0; i < client->endpoint_count; i++)
        if (&client->endpoints[i] != endpoint && route_is_up(&client->endpoints[i].route))
            return true;
    return false;
}

static void note_up(struct endpoint *endpoint) {
    meter_set(&endpoint->client->meter, "harrier_client_address_up",
              route_is_up(&endpoint->route) ? 1 : 0, "address", endpoint->address);
}

static void note_ejection(struct endpoint *endpoint) {
    meter_count(&endpoint->client->meter, "harrier_client_ejections_total", 1, "address",
                endpoint->address);
}

/* What has not been sent to it at all goes where it would go now. */
static void move_unsent(struct endpoint *endpoint, int64_t now_us) {
    struct ring moved, *element;
    ring_init(&moved);
    while ((element = ring_first(&endpoint->unsent))) {
        struct exchange *exchange = RING_OF(element, struct exchange, place);
        endpoint_forget(exchange);
        ring_append(&moved, element);
    }
    while ((element = ring_first(&moved))) {
        struct exchange *exchange = RING_OF(element, struct exchange, place);
        if (exchange->probe)
            exchange_end(exchange, END_BROKEN);
        else
            exchange_dispatch(exchange, now_us);
    }
}

void endpoint_failed(struct endpoint *endpoint, int64_t now_us) {
    struct harrier_client *client = endpoint->client;
    if (client->endpoint_count == 1)
        return;
    bool was_up = route_is_up(&endpoint->route);
    if (!route_failed(&endpoint->route, client->eject_after, now_us, client_random(client)))
        return;
    note_ejection(endpoint);
    if (was_up)
        note_up(endpoint);
}

void endpoint_succeeded(struct endpoint *endpoint) {
    bool changes = endpoint->route.ejected && endpoint->route.connected;
    route_succeeded(&endpoint->route);
    if (changes)
        note_up(endpoint);
}

/* ---------------------------------------------------------------------------------------------
 * What the connection does */

void endpoint_up(struct endpoint *endpoint, int64_t now_us) {
    struct harrier_client *client = endpoint->client;
    struct ring *element;
    endpoint->route.connected = true;
    if (route_is_up(&endpoint->route))
        note_up(endpoint);
    while ((element = ring_first(&client->waiting)))
        exchange_dispatch(RING_OF(element, struct exchange, place), now_us);
    poller_wake(client); /* if it is nng that tells */
}

void endpoint_down(struct endpoint *endpoint, int64_t now_us) {
    bool was_up = route_is_up(&endpoint->route);
    struct ring *element;
    endpoint->route.connected = false;
    if (was_up)
        note_up(endpoint);
    while ((element = ring_first(&endpoint->sent)))
        exchange_broke(RING_OF(element, struct exchange, place), now_us);
    move_unsent(endpoint, now_us);
    poller_wake(endpoint->client);
}

void endpoint_answer(struct endpoint *endpoint, uint32_t id, const uint8_t *payload,
                     size_t length) {
    struct exchange *exchange = exchange_find(endpoint->client, id);
    if (!exchange || exchange->endpoint != endpoint) /* too late */
        return;
    buffer_clear(&exchange->answer);
    buffer_append(&exchange->answer, payload, length);
    exchange_end(exchange, END_ANSWERED);
}

void endpoint_oversized(struct endpoint *endpoint, uint32_t id, int64_t now_us) {
    struct exchange *exchange = exchange_find(endpoint->client, id);
    if (!exchange || exchange->endpoint != endpoint)
        return;
    endpoint_failed(endpoint, now_us);
    exchange_end(exchange, END_OVERSIZED);
}

void endpoint_forget(struct exchange *exchange) {
    if (exchange->state == EXCHANGE_QUEUED && exchange->wire_sent > 0 && exchange->endpoint->stream)
        stream_keep_rest(exchange->endpoint->stream, exchange);
    exchange->wire_sent = 0;
    ring_remove(&exchange->place);
}

void endpoint_flush(struct endpoint *endpoint, int64_t now_us) {
    if (!endpoint->route.connected || ring_is_empty(&endpoint->unsent))
        return;
    if (endpoint->stream)
        stream_flush(endpoint->stream, now_us);
    else
        nng_endpoint_flush(endpoint->nng, now_us);
}

/* ---------------------------------------------------------------------------------------------
 * Probes: a status request of our own to an address that is left out */

static void start_probe(struct endpoint *endpoint, int64_t now_us) {
    struct harrier_client *client = endpoint->client;
    struct exchange *probe = endpoint->probe;
    uint64_t deadline_us = client->deadline_us;
    endpoint->route.probing = true;
    probe->deadline_us = deadline_us < PROBE_DEADLINE_US_MIN ? PROBE_DEADLINE_US_MIN : deadline_us;
    probe->begun_at_us = now_us;
    probe->deadline_at_us = now_us + (int64_t)probe->deadline_us;
    memcpy(probe->token, client->token, sizeof probe->token);
    timers_set(&client->timers, &probe->timer, probe->deadline_at_us);
    endpoint_forget(probe); /* the one before may have no answer yet: a call's made it needless */
    exchange_send_to(probe, endpoint, now_us);
    endpoint_flush(endpoint, now_us);
}

static bool says_ready(struct exchange *probe) {
    struct response response;
    struct error error;
    arena_reset(&probe->arena);
    return message_decode_response(probe->answer.bytes, probe->answer.length, &probe->arena,
                                   &response, &error) == 0 &&
           response.error.code == 0 && response.call == CALL_STATUS &&
           text_is(response.status.state, "ready");
}

void endpoint_probed(struct endpoint *endpoint) {
    struct harrier_client *client = endpoint->client;
    struct exchange *probe = endpoint->probe;
    if (client->aborted)
        return;
    if (probe->end == END_ANSWERED && says_ready(probe))
        endpoint_succeeded(endpoint);
    else if (route_probe_failed(&endpoint->route, monotonic_us(), client_random(client)))
        note_ejection(endpoint);
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
