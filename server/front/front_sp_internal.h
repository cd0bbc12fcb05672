/* What the files of the front on libevent share:
 *
 *   front_sp.c             the thread and its loop; answers from other threads; draining, closing
 *   front_sp_acceptor.c    accepting, limits, the watchdog
 *   front_sp_connection.c  one client: requests in, answers out, back-pressure, timeouts
 *   front_sp_input.c       bytes → requests
 *   front_sp_stream.c      the socket below, plain or TLS
 *   front_sp_chunk.c       memory for bytes
 *
 * One thread, the loop's, touches everything here but what is marked otherwise. */
#pragma once

#include "front.h"
#include "front_sp_input.h"
#include "listening.h"
#include "probe.h"
#include "server/ops/metrics.h"
#include "tls.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

struct bufferevent;
struct connection;

/* Bytes of answers that a client has not taken: beyond it, its next requests wait. */
#define UNSENT_MAX ((size_t)256 << 10)

/* ---- a request in the server ---- */

struct slot {
    struct front_request request;  /* first: front_reply() gets this pointer */
    struct slot *next;             /* idle, or answered by another thread */
    struct connection *connection; /* NULL: idle */
    struct input_request input;
    _Atomic int64_t since_us; /* for the watchdog; 0: idle */
    struct buffer answer;     /* given by another thread */
};

/* ---- the socket below: front_sp_stream.c ---- */

struct stream {
    int descriptor; /* -1: closed */
    bool reading, writing;
    struct event *readable, *writable; /* plain */
    struct bufferevent *tls;           /* else NULL */
};

/* tls NULL: plain. The descriptor is the stream's, even when it fails. */
int stream_open(struct stream *stream, struct connection *connection, int descriptor,
                struct tls *tls, struct error *ret_error);
void stream_close(struct stream *stream); /* twice is allowed */
/* As recv() and send(), non-blocking: the number of bytes, 0 for the end, or -1 with errno. */
ssize_t stream_read(struct stream *stream, void *bytes, size_t size);
ssize_t stream_write(struct stream *stream, const void *bytes, size_t size);
/* To be told of more to read, of room to write. */
void stream_want(struct stream *stream, bool reading, bool writing);
/* Taken by write(), but not by the system yet. */
size_t stream_unsent(const struct stream *stream);

/* ---- a client: front_sp_connection.c ---- */

enum pause {
    PAUSE_INPUT,  /* everything that came in whole was taken */
    PAUSE_OUTPUT, /* too much waits to be written */
    PAUSE_SERVER, /* too many requests are unanswered, or no slot is free */
    PAUSE_BATCH,  /* enough for one call of the handler */
    PAUSE_END,    /* nothing that follows can be understood */
};

struct connection {
    struct front_sp *front;
    struct connection *previous, *next; /* of all that are open */
    struct connection *next_waiting;    /* for a slot */
    struct connection *next_due;        /* of those that front_sp_settle() is to go on with */
    bool is_waiting, is_due, is_more, closed;
    bool input_ended, is_alive;
    enum pause pause;   /* what stopped it last */
    enum ending ending; /* with PAUSE_END: why */
    bool is_short;      /* of memory for what it sends */
    struct stream stream;
    struct input input;
    struct chunk *output; /* NULL: everything is written */
    size_t output_begin, output_end;
    size_t unanswered; /* requests in the server */
    int64_t active_us; /* last sign of life before is_alive */
    int64_t begun_us;  /* something has begun since, and is not complete; 0: nothing */
    int64_t unsent_us; /* answers wait since, or since many were taken; 0: none do */
    uint64_t put;      /* bytes that were to be sent, ever */
    uint64_t taken;    /* of them, when unsent_us was set */
};

/* Takes the descriptor. */
void connection_open(struct front_sp *front, int descriptor, enum sp_stream kind, struct tls *tls);
void connection_close(struct connection *connection, enum ending ending);
/* From the stream. */
void connection_readable(struct connection *connection);
void connection_writable(struct connection *connection);
void connection_lost(struct connection *connection, enum ending ending);
/* The answer goes behind the others of its connection; connection_go_on() is to follow. The slot is
 * idle again. */
void connection_answer(struct slot *slot, const void *bytes, size_t length);
/* Answers and writes whatever can be, for a list of them that are due: all their requests go to the
 * handler together. They may be freed. */
void connections_go_on(struct connection *due);
void connection_go_on(struct connection *connection); /* for one that is not */
/* Has it been idle, or stalled, for too long? */
void connection_check(struct connection *connection, int64_t now_us);
/* Writes what can be written. False: something is left. */
bool connection_flush(struct connection *connection);

/* ---- an address: front_sp_acceptor.c ---- */

struct acceptor {
    struct front_sp *front;
    const char *address;
    int lock; /* descriptor, -1: none needed */
    struct listening listening;
    struct event *acceptable;
    atomic_bool must_reopen;
    /* The thread of watch(): */
    struct sockaddr_storage where;
    socklen_t where_length;
    struct probe probe;
    unsigned unanswered; /* probes in a row */
};

int acceptor_open(struct acceptor *acceptor, struct front_sp *front, const char *address,
                  struct error *ret_error);
void acceptor_close(struct acceptor *acceptor);
/* The loop's thread: opens again if watch() wants it. */
void acceptor_look(struct acceptor *acceptor);
/* Accepting was given up for want of descriptors or memory: now there may be some. */
void acceptor_accept_again(struct acceptor *acceptor);
/* The thread of watch(). */
void acceptor_watch(struct acceptor *acceptor, int64_t now_us);

/* ---- all together: front_sp.c ---- */

struct front_sp {
    struct front front; /* first: the seam hands this pointer around */
    struct front_settings settings;
    pthread_t thread;
    struct event_base *base;
    struct event *wake, *tick;
    int wake_descriptor;
    struct acceptor *acceptors;
    size_t acceptor_count;
    struct chunk_pool pool;
    struct connection *connections; /* open */
    _Atomic size_t connection_count;
    struct connection *waiting, **waiting_end; /* for a slot, in order of arrival */
    struct connection *due, **due_end;         /* something is to be done about them */
    struct event *settle;
    struct slot *slots, *idle;
    struct front_request **batch; /* what goes to the handler next, as many as there are slots */
    size_t batch_count, batch_bytes;
    size_t unanswered_max; /* of one connection */
    int64_t said_us;       /* last line about limits: one a minute is enough */
    int64_t ending_us;     /* until when answers may still leave */
    struct tls *tls;       /* NULL: no address wants it */
    /* Any thread: */
    _Atomic(struct slot *) answered; /* by other threads, the last first */
    atomic_size_t serving;           /* slots with the handler */
    atomic_bool handling;            /* the loop is in the handler, or about to be */
    atomic_bool draining, ending;
};

/* The handler may be called until front_sp_leave(). False: draining. */
bool front_sp_enter(struct front_sp *front);
void front_sp_leave(struct front_sp *front);
/* The connection has something to do: front_sp_settle() is to go on with it. */
void front_sp_note_due(struct front_sp *front, struct connection *connection);
/* At the end of every callback of the loop: once nothing else is left in this turn of it, goes on
 * with all connections that are due, together, and with those that wait for a slot. */
void front_sp_settle(struct front_sp *front);
int64_t front_sp_now_us(const struct front_sp *front);
/* A warning, at most once a minute. */
bool front_sp_may_say(struct front_sp *front);
