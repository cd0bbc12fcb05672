/* One address: what its connection does to the requests on it, and its place among the others. The
 * bytes are stream.c's, or nng.c's. */
#include "clients/c/client.h"
#include "clients/c/nng.h"
#include "clients/c/stream.h"

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

static int open_transport(struct link *link, const char *address, struct harrier_error *ret_error) {
    const char *why = NULL;
    if (stream_takes(address)) {
        link->stream = stream_new(link, address, &why);
        return link->stream ? 0 : fail_address(address, why, ret_error);
    }
    if (!strstr(address, "://"))
        return fail_address(address, "it has no scheme", ret_error);
    if (strncmp(address, NNG_PREFIX, strlen(NNG_PREFIX)) == 0)
        address += strlen(NNG_PREFIX);
    link->nng = nng_link_new(link, address, &why);
    return link->nng ? 0 : fail_address(address, why, ret_error);
}

int link_open(struct harrier_client *client, struct link *link, const char *address,
              struct harrier_error *ret_error) {
    struct error error;
    struct request status = {.call = CALL_STATUS};
    link->client = client;
    link->address = text_copy(text_of(address));
    ring_init(&link->unsent);
    ring_init(&link->sent);
    link->probe = exchange_new(client);
    link->probe->probe = true;
    link->probe->link = link;
    link->probe->call = CALL_STATUS;
    buffer_reserve(&link->probe->wire, WIRE_HEAD_ROOM);
    link->probe->wire.length = WIRE_HEAD_ROOM;
    check(message_encode_rest(&status, &link->probe->wire, &error) == 0);
    return open_transport(link, address, ret_error);
}

void link_close(struct link *link) {
    if (link->stream)
        stream_free(link->stream);
    if (link->nng)
        nng_link_free(link->nng);
    free(link->address);
}

/* ---------------------------------------------------------------------------------------------
 * Which address */

/* The first that is up; else the first that is connected. */
struct link *link_choose(struct harrier_client *client) {
    for (size_t i = 0; i < client->link_count; i++)
        if (route_is_up(&client->links[i].route))
            return &client->links[i];
    for (size_t i = 0; i < client->link_count; i++)
        if (client->links[i].route.connected)
            return &client->links[i];
    return NULL;
}

bool link_another_is_up(const struct link *link) {
    const struct harrier_client *client = link->client;
    for (size_t i = 0; i < client->link_count; i++)
        if (&client->links[i] != link && route_is_up(&client->links[i].route))
            return true;
    return false;
}

static void note_up(struct link *link) {
    meter_set(&link->client->meter, "harrier_client_address_up", route_is_up(&link->route) ? 1 : 0,
              "address", link->address);
}

static void note_ejection(struct link *link) {
    meter_count(&link->client->meter, "harrier_client_ejections_total", 1, "address",
                link->address);
}

/* What has not been sent to it at all goes where it would go now. */
static void move_unsent(struct link *link, int64_t now_us) {
    struct ring moved, *element;
    ring_init(&moved);
    while ((element = ring_first(&link->unsent))) {
        struct exchange *exchange = RING_OF(element, struct exchange, place);
        link_forget(exchange);
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

void link_failed(struct link *link, int64_t now_us) {
    struct harrier_client *client = link->client;
    if (client->link_count == 1)
        return;
    bool was_up = route_is_up(&link->route);
    if (!route_failed(&link->route, client->eject_after, now_us, client_random(client)))
        return;
    note_ejection(link);
    if (was_up)
        note_up(link);
}

void link_succeeded(struct link *link) {
    bool changes = link->route.ejected && link->route.connected;
    route_succeeded(&link->route);
    if (changes)
        note_up(link);
}

/* ---------------------------------------------------------------------------------------------
 * What the connection does */

void link_up(struct link *link, int64_t now_us) {
    struct harrier_client *client = link->client;
    struct ring *element;
    link->route.connected = true;
    if (route_is_up(&link->route))
        note_up(link);
    while ((element = ring_first(&client->waiting)))
        exchange_dispatch(RING_OF(element, struct exchange, place), now_us);
    pump_wake(client); /* if it is nng that tells */
}

void link_down(struct link *link, int64_t now_us) {
    bool was_up = route_is_up(&link->route);
    struct ring *element;
    link->route.connected = false;
    if (was_up)
        note_up(link);
    while ((element = ring_first(&link->sent)))
        exchange_broke(RING_OF(element, struct exchange, place), now_us);
    move_unsent(link, now_us);
    pump_wake(link->client);
}

void link_answer(struct link *link, uint32_t id, const uint8_t *payload, size_t length) {
    struct exchange *exchange = exchange_find(link->client, id);
    if (!exchange || exchange->link != link) /* too late */
        return;
    buffer_clear(&exchange->answer);
    buffer_append(&exchange->answer, payload, length);
    exchange_end(exchange, END_ANSWERED);
}

void link_oversized(struct link *link, uint32_t id, int64_t now_us) {
    struct exchange *exchange = exchange_find(link->client, id);
    if (!exchange || exchange->link != link)
        return;
    link_failed(link, now_us);
    exchange_end(exchange, END_OVERSIZED);
}

void link_forget(struct exchange *exchange) {
    if (exchange->state == EXCHANGE_QUEUED && exchange->wire_sent > 0 && exchange->link->stream)
        stream_keep_rest(exchange->link->stream, exchange);
    exchange->wire_sent = 0;
    ring_remove(&exchange->place);
}

void link_flush(struct link *link, int64_t now_us) {
    if (!link->route.connected || ring_is_empty(&link->unsent))
        return;
    if (link->stream)
        stream_flush(link->stream, now_us);
    else
        nng_link_flush(link->nng, now_us);
}

/* ---------------------------------------------------------------------------------------------
 * Probes: a status request of our own to an address that is left out */

static void start_probe(struct link *link, int64_t now_us) {
    struct harrier_client *client = link->client;
    struct exchange *probe = link->probe;
    uint64_t deadline_us = client->deadline_us;
    link->route.probing = true;
    probe->deadline_us = deadline_us < PROBE_DEADLINE_US_MIN ? PROBE_DEADLINE_US_MIN : deadline_us;
    probe->begun_at_us = now_us;
    probe->deadline_at_us = now_us + (int64_t)probe->deadline_us;
    memcpy(probe->token, client->token, sizeof probe->token);
    timers_set(&client->timers, &probe->timer, probe->deadline_at_us);
    link_forget(probe); /* the one before may have no answer yet: a call's made it needless */
    exchange_send_to(probe, link, now_us);
    link_flush(link, now_us);
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

void link_probed(struct link *link) {
    struct harrier_client *client = link->client;
    struct exchange *probe = link->probe;
    if (client->aborted)
        return;
    if (probe->end == END_ANSWERED && says_ready(probe))
        link_succeeded(link);
    else if (route_probe_failed(&link->route, monotonic_us(), client_random(client)))
        note_ejection(link);
}

int64_t link_next_at(const struct link *link) {
    int64_t at_us = route_probe_at(&link->route);
    if (link->stream) {
        int64_t stream_at_us = stream_next_at(link->stream);
        if (stream_at_us < at_us)
            at_us = stream_at_us;
    }
    return at_us;
}

void link_timers(struct link *link, int64_t now_us) {
    if (link->stream)
        stream_timer(link->stream, now_us);
    if (route_probe_at(&link->route) <= now_us)
        start_probe(link, now_us);
}
