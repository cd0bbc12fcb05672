/* Requests that wait for the handler, and whose turn it is.
 *
 * Two levels share the server's time: classes (a client's token, or all that have none) by their
 * weights, and the flows of a class (its connections) alike. Each level is a deficit round robin
 * (Shreedhar and Varghese, SIGCOMM 1995) in its surplus form: who has credit is served and pays
 * what the request costs, even if that is more than the credit, and gets new credit in turn. So the
 * order needs no look at sizes, and nobody is ever more than one request ahead of his share. Within
 * a flow, requests keep their order.
 *
 * A flow that is blocked (its client takes no answers) keeps its requests, but is in nobody's way.
 * The loop's thread only. */
#pragma once

#include "front_sp_input.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_BUCKETS 256

struct queue_class;

struct waiting {
    struct waiting *next;
    struct input_request input; /* holds its chunk */
    int64_t arrived_us;         /* monotonic */
    uint64_t deadline_us;       /* after that; 0: none */
    size_t cost;
    bool asks_for_verdicts, may_answer_much; /* as front_look says */
};

/* One connection's part of the queue. */
struct flow {
    struct queue_class *class;
    struct flow *previous, *next; /* of those of the class that are listed */
    struct waiting *first, **end;
    size_t cost; /* of all that wait */
    int64_t credit;
    int64_t empty_us;   /* when it was empty last, with nothing refused lately; monotonic */
    int64_t refused_us; /* when a request of it was refused last */
    bool is_blocked;
    bool is_listed; /* has requests, and is not blocked */
};

struct queue {
    struct chunk_pool *pool;          /* pays for struct waiting, too */
    struct queue_class *first, *last; /* those with listed flows, in turn */
    struct queue_class *buckets[QUEUE_BUCKETS];
    struct waiting *idle;
    size_t cost;      /* of the requests of listed flows */
    uint64_t weights; /* of the classes on the list */
    uint64_t turn;    /* of the loop */
    uint64_t reading,
        reading_before; /* weights of the classes that read in this turn and the last */
};

void queue_init(struct queue *queue, struct chunk_pool *pool);
/* All flows must have been deinitialised. */
void queue_deinit(struct queue *queue);

/* In the class 0, of weight 1. The flow must not move. */
void flow_init(struct flow *flow, struct queue *queue);
/* Drops what waits. */
void flow_deinit(struct flow *flow, struct queue *queue);
/* From now on it belongs to the class with this key. The weight, at least 1, becomes that of all
 * its flows. */
void flow_join(struct flow *flow, struct queue *queue, uint64_t key, unsigned weight);
void flow_block(struct flow *flow, struct queue *queue, bool is_blocked);

/* Takes over the request's chunk. Never fails: its bytes are in memory already, and reading stops
 * when there is too little. */
void queue_put(struct queue *queue, struct flow *flow, const struct waiting *waiting);
/* The next request; what it held is the caller's now. False: nobody's turn. */
bool queue_take(struct queue *queue, struct flow **ret_flow, struct waiting *ret_waiting);

/* To look at requests only to refuse them takes time, too, and who sends the most would take the
 * most of it from the others. So what is read in a turn is shared in the same way, by what was read
 * in the turn before: the bytes that a flow may read now, 0 if its class has had its part. To be
 * asked once a turn for each flow that has something to read. */
size_t queue_read_allowance(struct queue *queue, struct flow *flow);
void queue_count_read(struct flow *flow, size_t bytes);
void queue_end_round(struct queue *queue);

/* The cost of all that is served before a request of this cost of this flow is done, as far as that
 * is known now: no more than everything, and no more than what its share makes of its own. */
size_t queue_cost_before(const struct queue *queue, const struct flow *flow, size_t cost);
