/* A request's deadline begins when its bytes arrive, but the kernel does not say when that was. As
 * long as each turn of the loop empties the socket, it is now. Otherwise the bytes that are left
 * are counted: those had come by the time of counting, whenever they are read. */
#include "front_sp_receive.h"

#include <errno.h>

/* The pool is used up. A connection with an incomplete message is closed: its memory may be what
 * others lack. One without tries again at the next tick. */
static void run_short(struct connection *connection) {
    if (connection->input.end > connection->input.begin)
        connection_close(connection, ENDING_MEMORY);
    else
        connection->is_short = true;
}

static void mark(struct connection *connection, int64_t by_us) {
    connection->marked = connection->received + stream_unread(&connection->stream);
    connection->marked_us = by_us;
}

/* What has been read had come by now. */
void receive_pause(struct connection *connection, int64_t now_us) {
    if (connection->paused_us != 0)
        return;
    connection->paused_us = now_us;
    if (connection->received > connection->marked) {
        connection->marked = connection->received;
        connection->marked_us = now_us;
    }
}

/* Nobody knows when that came which is in the socket now, so it counts from the pause on; what
 * comes later does not. */
void receive_resume(struct connection *connection) {
    if (connection->paused_us != 0)
        mark(connection, connection->paused_us);
    connection->paused_us = 0;
}

/* When requests wait all the time, reading has its limits. */
static size_t allowance(struct connection *connection) {
    struct front_sp *front = connection->front;
    return front->pace.is_standing ? queue_read_allowance(&front->queue, &connection->flow)
                                   : SIZE_MAX;
}

void receive(struct connection *connection) {
    size_t room, most = allowance(connection);
    connection->has_more = most == 0;
    if (most == 0)
        return;
    receive_resume(connection);
    uint8_t *at = input_room(&connection->input, &room);
    if (!at) {
        run_short(connection);
        return;
    }
    if (room > most)
        room = most;
    ssize_t got = stream_read(&connection->stream, at, room);
    if (got > 0) {
        input_add(&connection->input, (size_t)got);
        connection->received += (size_t)got;
        queue_count_read(&connection->flow, (size_t)got);
        connection->is_alive = true;
        connection->has_more = (size_t)got == room;
    } else if (got == 0) {
        connection->input_ended = true;
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        connection_close(connection, ENDING_CLIENT);
    }
}

int64_t receive_arrived_us(const struct connection *connection, int64_t now_us) {
    return connection->received <= connection->marked ? connection->marked_us : now_us;
}

void receive_later(struct connection *connection, int64_t now_us) {
    if (connection->received >= connection->marked)
        mark(connection, now_us);
}
