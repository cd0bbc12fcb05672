/* Runs are kept between requests, since a run that has served one has the memory for the next:
 * under load nothing is allocated. Two limits keep a few large requests from holding memory for
 * ever. */
#include "run_pool.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"
#include "request_log.h"

#include <stdlib.h>

/* Room for decoding a request and for everything its answer says; 1,000 decisions with all their
 * features fit, and an answer that does not fit into its message is refused by the encoder. */
#define RUN_ARENA_BYTES (MESSAGE_ARENA_LIMIT + ((size_t)96 << 20))
/* What one run keeps for the next request; more is given back to the system. */
#define RUN_KEPT_BYTES ((size_t)4 << 20)
/* What all of them keep: there may be as many as max_requests. */
#define RUNS_KEPT_BYTES ((size_t)128 << 20)

struct run_pool {
    pthread_mutex_t lock;
    struct run *idle;
    size_t kept_bytes; /* what the idle ones hold together */
};

static struct run *run_new(struct service *service) {
    struct run *run = check_calloc(1, sizeof *run);
    run->service = service;
    arena_init(&run->arena, RUN_ARENA_BYTES);
    buffer_init(&run->answer);
    return run;
}

struct run *runs_take(struct service *service, struct front_request *const *requests,
                      size_t count) {
    struct run_pool *pool = service->run_pool;
    struct run *runs = NULL, **end = &runs;
    pthread_mutex_lock(&pool->lock);
    for (size_t i = 0; i < count; i++, end = &(*end)->next) {
        *end = pool->idle ? pool->idle : run_new(service);
        pool->idle = (*end)->next;
        pool->kept_bytes -= (*end)->kept_bytes;
        (*end)->request = requests[i];
    }
    *end = NULL;
    pthread_mutex_unlock(&pool->lock);
    return runs;
}

/* Sends the answer and counts. Afterwards the run is as new but for its memory. */
static void reply(struct run *run, int64_t now_us) {
    struct service *service = run->service;
    const struct service_settings *settings = &service->settings;
    int64_t took_us = now_us - run->request->arrived_us;
    if (!run->is_probe) {
        metric_add(settings->metrics, REQUESTS, run->message.call, 1);
        metric_observe(settings->metrics, REQUEST_DURATION, run->message.call, took_us);
    }
    request_log(run, took_us);
    front_reply(run->request, run->answer.bytes, run->answer.length);

    snapshot_unref(run->rules);
    snapshot_unref(run->challenger);
    (run->arena.used > RUN_KEPT_BYTES ? arena_deinit : arena_reset)(&run->arena);
    (run->answer.capacity > RUN_KEPT_BYTES ? buffer_deinit : buffer_clear)(&run->answer);
    *run = (struct run){.next = run->next,
                        .service = service,
                        .arena = run->arena,
                        .answer = run->answer,
                        .kept_bytes = arena_held(&run->arena) + run->answer.capacity};
}

/* Under the pool's lock. */
static void keep(struct run_pool *pool, struct run *run) {
    if (pool->kept_bytes + run->kept_bytes > RUNS_KEPT_BYTES) {
        arena_deinit(&run->arena);
        buffer_deinit(&run->answer);
        run->kept_bytes = 0;
    }
    pool->kept_bytes += run->kept_bytes;
    run->next = pool->idle;
    pool->idle = run;
}

void runs_reply(struct run *runs) {
    if (!runs)
        return;
    struct service *service = runs->service;
    struct run_pool *pool = service->run_pool;
    int64_t now_us = clock_monotonic_us(service->settings.clock);
    for (struct run *run = runs; run; run = run->next)
        reply(run, now_us);
    pthread_mutex_lock(&pool->lock);
    for (struct run *next; runs; runs = next) {
        next = runs->next;
        keep(pool, runs);
    }
    pthread_mutex_unlock(&pool->lock);
}

void run_reply(struct run *run) {
    run->next = NULL;
    runs_reply(run);
}

static void run_free(struct run *run) {
    arena_deinit(&run->arena);
    buffer_deinit(&run->answer);
    free(run);
}

void run_pool_open(struct service *service) {
    service->run_pool = check_calloc(1, sizeof *service->run_pool);
    lock_init(&service->run_pool->lock, LOCK_RUN_POOL);
}

void run_pool_close(struct service *service) {
    struct run_pool *pool = service->run_pool;
    for (struct run *run = pool->idle, *next; run; run = next) {
        next = run->next;
        run_free(run);
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
