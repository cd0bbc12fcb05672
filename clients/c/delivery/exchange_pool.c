/* Exchanges are large (buffers, an arena, a condition), so they are kept and reused; a client has
 * as many as it ever had callers at once. The idle list is a stack: the exchange used last is the
 * one most likely still in the cache. */
#include "clients/c/delivery/exchange_pool.h"
#include "clients/c/base/clock.h"
#include "clients/c/delivery/endpoint.h"

#include <string.h>

struct exchange *exchange_pool_take(struct harrier_client *client) {
    client_lock(client);
    client->callers++;
    struct exchange *exchange = client->idle;
    if (exchange)
        client->idle = exchange->next_idle;
    else
        exchange = exchange_new(client);
    client_unlock(client);
    exchange->pipelined = false;
    exchange->begun_at_us = monotonic_us();
    return exchange;
}

/* Idle exchanges keep their buffers, but not those of an exceptionally large message. */
static void trim(struct buffer *buffer) {
    enum { KEPT = 64 << 10 };
    if (buffer->capacity <= KEPT)
        return;
    buffer_deinit(buffer);
    buffer_init(buffer);
}

void exchange_pool_put(struct exchange *exchange) {
    struct harrier_client *client = exchange->client;
    arena_reset(&exchange->arena);
    if (exchange->wire.length >= WIRE_HEAD_ROOM) /* it held the token */
        explicit_bzero(exchange->wire.bytes, WIRE_HEAD_ROOM);
    trim(&exchange->wire);
    trim(&exchange->answer);
    client_lock(client);
    exchange->state = EXCHANGE_IDLE;
    exchange->next_idle = client->idle;
    client->idle = exchange;
    if (client->meter.on)
        meter_report(&client->meter, &client->mutex);
    client->callers--;
    if (client->closing)
        pthread_cond_broadcast(&client->changed);
    client_unlock(client);
}

/* room_waiters saves signalling a condition that no thread waits for. */
static bool wait_for_room(struct harrier_client *client, int64_t until_us) {
    client->room_waiters++;
    bool in_time = true;
    while (client->in_flight >= client->in_flight_max && !client->closing && in_time)
        in_time = condition_wait(&client->room, &client->mutex, until_us);
    client->room_waiters--;
    return client->in_flight < client->in_flight_max;
}

static void record_in_flight(struct harrier_client *client) {
    meter_set(&client->meter, "harrier_client_in_flight", (double)client->in_flight, NULL, NULL);
}

int exchange_pool_admit(struct exchange *exchange, bool may_wait) {
    struct harrier_client *client = exchange->client;
    bool room = client->in_flight < client->in_flight_max;
    if (!room && may_wait && !client->closing)
        room = wait_for_room(client, exchange->deadline_at_us);
    if (client->closing)
        return -(int)HARRIER_ERROR_CLOSED;
    if (!room)
        return -(int)HARRIER_ERROR_BUSY;
    client->in_flight++;
    record_in_flight(client);
    return 0;
}

void exchange_pool_release(struct exchange *exchange) {
    struct harrier_client *client = exchange->client;
    /* Here, and not when the answer arrives: whether it was `unavailable` is known only after
     * decoding. */
    if (exchange->answered_well) {
        endpoint_succeeded(exchange->endpoint);
        endpoint_unmark(exchange);
    }
    client->in_flight--;
    record_in_flight(client);
    if (client->room_waiters > 0)
        pthread_cond_signal(&client->room);
}
