/* What all files of the front on libevent share: the front itself, its slots and its addresses.
 *
 * From the ground up; calls go down only:
 *
 *   front_sp_chunk.c       memory for bytes
 *   front_sp_input.c       bytes to requests
 *   front_sp_queue.c       requests that wait, and whose turn it is
 *   front_pace.c           how long that will take
 *   front_sp_stream.c      the socket, plain or TLS
 *   front_sp_state.c       this: what the rest shares
 *   front_sp_connection.c  one client: its answers, its end
 *   front_sp_receive.c     reading from it
 *   front_sp_batch.c       requests of all clients to the handler, together
 *   front_sp_events.c      what the loop reports of a client
 *   front_sp_acceptor.c    accepting, limits, the watchdog
 *   front_sp.c             the thread and its loop; answers from other threads; draining, closing
 *
 * One thread, the loop's, touches everything here, except where marked otherwise. */
#pragma once

#include "core/base/buffer.h"
#include "front_pace.h"
#include "front_sp_chunk.h"
#include "front_sp_input.h"
#include "front_sp_queue.h"
#include "server/front/front.h"
#include "server/net/listening.h"
#include "server/net/probe.h"
#include "server/net/tls.h"
#include "server/ops/metrics.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

struct connection;

/* A request in the server. As many as requests_max; they are allocated once. */
struct slot {
    struct front_request request;  /* first: front_reply() gets this pointer */
    struct slot *next;             /* idle, or answered by another thread */
    struct connection *connection; /* NULL: idle */
    struct input_request input;
    int64_t handed_us;        /* to the handler; monotonic */
    bool may_answer_much;     /* as front_look says */
    _Atomic int64_t since_us; /* monotonic, of its arrival, for the watchdog; 0: idle */
    struct buffer answer;     /* given by another thread */
};

/* An address that the front listens on. */
struct acceptor {
    struct front_sp *front;
    const char *address;
    int lock; /* descriptor, -1: none needed */
    struct listening listening;
    struct event *acceptable; /* NULL: not listening */
    atomic_bool must_reopen;  /* set by the watchdog */
    /* The watchdog's thread: */
    struct sockaddr_storage where;
    socklen_t where_length;
    struct probe probe;
};

struct front_sp {
    struct front front; /* first: callers hold a pointer to it */
    struct front_settings settings;
    pthread_t thread;
    struct event_base *base;
    struct event *wake, *tick;
    int wake_descriptor; /* eventfd */
    struct acceptor *acceptors;
    size_t acceptor_count;
    struct chunk_pool pool;
    struct connection *connections; /* open */
    _Atomic size_t connection_count;
    struct queue queue; /* of requests that no slot has yet */
    struct pace pace;
    bool answers_at_once; /* the handler has, in this turn */
    bool is_backlogged;   /* the queue was not empty after the last turn, which ended then: */
    int64_t turned_us;
    uint64_t class_secret;             /* of hashes of tokens */
    struct connection *due, **due_end; /* to be served when the turn ends */
    struct event *settle; /* active: at the end of this turn; with a timeout of 0: in the next */
    struct slot *slots, *idle;
    struct front_request **batch; /* what goes to the handler next, as many as there are slots */
    size_t batch_count, batch_bytes, batch_cost;
    uint64_t refused[FRONT_REFUSAL_COUNT]; /* in this turn */
    size_t unanswered_max;                 /* of one connection */
    int64_t logged_us;                     /* last line about limits: one a minute is enough */
    int64_t ending_us;                     /* until when answers may still leave; monotonic */
    struct tls *tls;                       /* NULL: no address wants it */
    /* Any thread: */
    atomic_int inner;                /* connect_inside(): to be taken over by the loop; -1: none */
    _Atomic(struct slot *) answered; /* by other threads, the last first */
    atomic_size_t serving;           /* slots with the handler */
    atomic_bool handling;            /* the loop is in the handler, or about to be */
    atomic_bool draining, ending;
};

/* The handler may be called until front_sp_leave(). False: draining. */
bool front_sp_enter(struct front_sp *front);
void front_sp_leave(struct front_sp *front);
/* Monotonic. */
int64_t front_sp_now_us(const struct front_sp *front);
/* May a warning about limits be logged? At most one a minute. */
bool front_sp_may_log(struct front_sp *front);
/* Accepting stops when the process has no descriptors or memory left; now there may be some. */
void front_sp_accept_again(struct front_sp *front);
