/* One client of the front: its buffers, its place in the front's lists, and its answers. */
#pragma once

#include "front_sp_input.h"
#include "front_sp_state.h"
#include "front_sp_stream.h"

/* Bytes of answers that a client has not taken: beyond it, its next requests wait. */
#define UNSENT_MAX ((size_t)256 << 10)
/* The same when half of the memory for all of them is used. */
#define UNSENT_MAX_SHORT ((size_t)16 << 10)

/* Why a connection's requests are not handled for now. */
enum pause {
    PAUSE_INPUT,  /* every complete request was taken */
    PAUSE_OUTPUT, /* too many bytes wait to be written */
    PAUSE_QUEUE,  /* too many wait in the queue */
    PAUSE_SERVER, /* the front drains */
    PAUSE_END,    /* the input is invalid from here on */
};

struct connection {
    struct front_sp *front;
    struct connection *previous, *next; /* of all that are open */
    struct connection *next_due;        /* of those that batch_settle() will serve */
    bool is_due;                        /* on the list above */
    bool closed;
    bool input_ended; /* the client will send no more */
    bool is_alive;    /* bytes have moved since active_us was set */
    bool has_more;    /* to read: the last read filled its room */
    bool is_short;    /* of memory for input; tried again with the next tick */
    enum pause pause;
    enum ending ending; /* with PAUSE_END: why */
    struct stream stream;
    struct input input;
    struct flow flow;       /* its requests in the queue */
    uint64_t token_hash;    /* of the token that the flow's class is of; 0: none */
    unsigned class_version; /* when it was asked for */
    /* When the bytes that are read came is unknown, if the socket was not emptied before. So at
     * times the bytes in the socket are counted: those up to `marked` had come by marked_us. */
    uint64_t received, marked;
    int64_t marked_us;
    int64_t paused_us;               /* since when it has not been read; 0: it is */
    struct chunk *output;            /* NULL: everything is written */
    size_t output_begin, output_end; /* the bytes to be written, in the chunk */
    size_t unanswered;               /* requests in the server */
    int64_t active_us;               /* last sign of life before is_alive */
    int64_t begun_us;  /* an incomplete message has been there since; 0: there is none */
    int64_t unsent_us; /* answers wait since, or since many were taken; 0: none wait */
    uint64_t put;      /* bytes of output, ever */
    uint64_t taken;    /* of them sent, when unsent_us was set */
};

/* Closes the socket and leaves the list of open connections. The memory lives on until
 * connection_release(): requests in the server still point to it. */
void connection_close(struct connection *connection, enum ending ending);
/* Frees it if it is closed and on no list, with no request in the server. */
void connection_release(struct connection *connection);

/* Bytes that the client has not taken. */
size_t connection_unsent(const struct connection *connection);
/* Are they too many? */
bool connection_is_unread(const struct connection *connection);
/* Appends bytes to the output; connection_flush() sends them. */
void connection_put(struct connection *connection, const void *bytes, size_t size);
/* Puts an answer behind the connection's others. To be followed by a connection_flush(). */
void connection_put_answer(struct connection *connection, const struct input_request *request,
                           const void *bytes, size_t length);
/* The same for a request in a slot, which is idle then. To be followed by a
 * connection_flush(), at the latest by batch_serve(). Closed connections drop it. */
void connection_answer(struct slot *slot, const void *bytes, size_t length);
/* Writes what the socket takes. False: something is left. May close the connection. */
bool connection_flush(struct connection *connection);
/* Puts it on the front's list of connections to be served. */
void connection_mark_due(struct connection *connection);
