/* Classes live as long as a flow belongs to them, and are found by their keys; those with something
 * to do are on a list, and within each its flows with something to do. The head of a list is served
 * while it has credit, and then goes to the end with credit for its next turn. */
#include "front_sp_queue.h"

#include "core/base/check.h"

#include <stdlib.h>

/* Bytes that all together may read in a turn, and one flow at least, if it may read at all. */
#define READ_BYTES       ((size_t)512 << 10)
#define READ_BYTES_LEAST ((size_t)2 << 10)

/* Credit of a turn, for a weight of 1: a few ordinary requests. */
#define QUANTUM INT64_C(2048)

struct queue_class {
    uint64_t key;
    unsigned weight;
    size_t members;            /* flows, with or without requests */
    struct flow *first, *last; /* listed */
    size_t listed;
    int64_t credit;
    struct queue_class *previous, *next; /* of those with listed flows */
    struct queue_class *next_in_bucket;
    uint64_t turn;                  /* the last in which it could read */
    size_t read;                    /* bytes, in that turn */
    size_t readers, readers_before; /* flows that could, in that turn and the one before */
};

/* ---- classes ---- */

static struct queue_class **bucket_of(struct queue *queue, uint64_t key) {
    return &queue->buckets[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 56];
}

static struct queue_class *enter_class(struct queue *queue, uint64_t key, unsigned weight) {
    struct queue_class **at = bucket_of(queue, key), *class = *at;
    while (class && class->key != key)
        class = class->next_in_bucket;
    if (!class) {
        class = check_calloc(1, sizeof *class);
        class->key = key;
        class->weight = weight;
        class->next_in_bucket = *at;
        *at = class;
    }
    if (class->first) /* it may have changed with the tokens */
        queue->weights += (uint64_t)weight - class->weight;
    class->weight = weight;
    class->members++;
    return class;
}

static void leave_class(struct queue *queue, struct queue_class *class) {
    if (--class->members > 0)
        return;
    struct queue_class **at = bucket_of(queue, class->key);
    while (*at != class)
        at = &(*at)->next_in_bucket;
    *at = class->next_in_bucket;
    free(class);
}

static void append_class(struct queue *queue, struct queue_class *class) {
    class->previous = queue->last;
    class->next = NULL;
    if (queue->last)
        queue->last->next = class;
    else
        queue->first = class;
    queue->last = class;
}

static void remove_class(struct queue *queue, struct queue_class *class) {
    if (class->previous)
        class->previous->next = class->next;
    else
        queue->first = class->next;
    if (class->next)
        class->next->previous = class->previous;
    else
        queue->last = class->previous;
}

/* ---- flows ---- */

static void append_flow(struct queue_class *class, struct flow *flow) {
    flow->previous = class->last;
    flow->next = NULL;
    if (class->last)
        class->last->next = flow;
    else
        class->first = flow;
    class->last = flow;
}

static void remove_flow(struct queue_class *class, struct flow *flow) {
    if (flow->previous)
        flow->previous->next = flow->next;
    else
        class->first = flow->next;
    if (flow->next)
        flow->next->previous = flow->previous;
    else
        class->last = flow->previous;
}

/* Credit is not saved up while there is nothing to do; a debt stays. */
static void forget_credit(int64_t *credit) {
    if (*credit > 0)
        *credit = 0;
}

/* Who has no debt is served when he is at the head for the first time. */
static void give_first_credit(int64_t *credit, int64_t quantum) {
    if (*credit == 0)
        *credit = quantum;
}

static void list(struct queue *queue, struct flow *flow) {
    struct queue_class *class = flow->class;
    if (flow->is_listed || flow->is_blocked || !flow->first)
        return;
    flow->is_listed = true;
    give_first_credit(&flow->credit, QUANTUM);
    append_flow(class, flow);
    queue->cost += flow->cost;
    if (class->listed++ > 0)
        return;
    give_first_credit(&class->credit, QUANTUM * class->weight);
    append_class(queue, class);
    queue->weights += class->weight;
}

static void unlist(struct queue *queue, struct flow *flow) {
    struct queue_class *class = flow->class;
    if (!flow->is_listed)
        return;
    flow->is_listed = false;
    remove_flow(class, flow);
    forget_credit(&flow->credit);
    queue->cost -= flow->cost;
    if (--class->listed > 0)
        return;
    remove_class(queue, class);
    forget_credit(&class->credit);
    queue->weights -= class->weight;
}

void flow_init(struct flow *flow, struct queue *queue) {
    *flow = (struct flow){.class = enter_class(queue, 0, 1)};
    flow->end = &flow->first;
}

static void recycle(struct queue *queue, struct waiting *waiting) {
    queue->pool->used_bytes -= sizeof *waiting;
    waiting->next = queue->idle;
    queue->idle = waiting;
}

void flow_deinit(struct flow *flow, struct queue *queue) {
    unlist(queue, flow);
    for (struct waiting *at = flow->first, *next; at; at = next) {
        next = at->next;
        chunk_release(queue->pool, at->input.chunk);
        recycle(queue, at);
    }
    if (flow->class)
        leave_class(queue, flow->class);
    *flow = (struct flow){.end = &flow->first};
}

void flow_join(struct flow *flow, struct queue *queue, uint64_t key, unsigned weight) {
    check(weight > 0);
    unlist(queue, flow);
    struct queue_class *before = flow->class;
    flow->class = enter_class(queue, key, weight);
    leave_class(queue, before);
    list(queue, flow);
}

void flow_block(struct flow *flow, struct queue *queue, bool is_blocked) {
    flow->is_blocked = is_blocked;
    if (is_blocked)
        unlist(queue, flow);
    else
        list(queue, flow);
}

/* ---- requests ---- */

void queue_put(struct queue *queue, struct flow *flow, const struct waiting *waiting) {
    struct waiting *own = queue->idle;
    if (own)
        queue->idle = own->next;
    else
        own = check_malloc(sizeof *own);
    queue->pool->used_bytes += sizeof *own;
    *own = *waiting;
    own->next = NULL;
    *flow->end = own;
    flow->end = &own->next;
    flow->cost += own->cost;
    if (flow->is_listed)
        queue->cost += own->cost;
    else
        list(queue, flow);
}

/* Whose turn it is. A debt of many quanta takes as many rounds, of nothing but additions. */
static struct queue_class *class_to_serve(struct queue *queue) {
    while (queue->first->credit <= 0) {
        struct queue_class *class = queue->first;
        class->credit += QUANTUM * class->weight;
        remove_class(queue, class);
        append_class(queue, class);
    }
    return queue->first;
}

static struct flow *flow_to_serve(struct queue_class *class) {
    while (class->first->credit <= 0) {
        struct flow *flow = class->first;
        flow->credit += QUANTUM;
        remove_flow(class, flow);
        append_flow(class, flow);
    }
    return class->first;
}

bool queue_take(struct queue *queue, struct flow **ret_flow, struct waiting *ret_waiting) {
    if (!queue->first)
        return false;
    struct queue_class *class = class_to_serve(queue);
    struct flow *flow = flow_to_serve(class);
    struct waiting *waiting = flow->first;
    *ret_flow = flow;
    *ret_waiting = *waiting;
    class->credit -= (int64_t)waiting->cost;
    flow->credit -= (int64_t)waiting->cost;
    flow->cost -= waiting->cost;
    queue->cost -= waiting->cost;
    flow->first = waiting->next;
    recycle(queue, waiting);
    if (!flow->first) {
        flow->end = &flow->first;
        unlist(queue, flow);
    }
    return true;
}

size_t queue_cost_before(const struct queue *queue, const struct flow *flow, size_t cost) {
    const struct queue_class *class = flow->class;
    size_t all = queue->cost + cost;
    uint64_t weights = queue->weights + (class->listed > 0 ? 0 : class->weight);
    uint64_t flows = class->listed + (flow->is_listed ? 0 : 1);
    /* Its class has weight / weights of the time, and it has its part of that. */
    double own = (double)(flow->cost + cost) * (double)flows * (double)weights / class->weight;
    return own < (double)all ? (size_t)own : all;
}

/* ---- reading ---- */

size_t queue_read_allowance(struct queue *queue, struct flow *flow) {
    struct queue_class *class = flow->class;
    if (class->turn != queue->turn) {
        class->readers_before = class->turn + 1 == queue->turn ? class->readers : 0;
        class->readers = class->read = 0;
        class->turn = queue->turn;
        queue->reading += class->weight;
    }
    class->readers++;
    uint64_t weights =
        queue->reading_before > class->weight ? queue->reading_before : class->weight;
    size_t part = READ_BYTES * class->weight / weights;
    if (class->read >= part)
        return 0;
    size_t own = class->readers_before > 1 ? part / class->readers_before : part;
    if (own > part - class->read)
        own = part - class->read;
    return own < READ_BYTES_LEAST ? READ_BYTES_LEAST : own;
}

void queue_count_read(struct flow *flow, size_t bytes) {
    flow->class->read += bytes;
}

void queue_end_round(struct queue *queue) {
    queue->turn++;
    queue->reading_before = queue->reading;
    queue->reading = 0;
}

/* ---- beginning and end ---- */

void queue_init(struct queue *queue, struct chunk_pool *pool) {
    *queue = (struct queue){.pool = pool, .turn = 1};
}

void queue_deinit(struct queue *queue) {
    check(!queue->first);
    for (struct waiting *at = queue->idle, *next; at; at = next) {
        next = at->next;
        free(at);
    }
    for (size_t i = 0; i < QUEUE_BUCKETS; i++)
        check(!queue->buckets[i]);
}
