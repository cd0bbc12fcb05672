/* The scheduler of a parallel replay: which worker does what next. Stages: replay_chunk.h.
 *
 * Several chunks are in flight. A free worker takes the first job that is ready, of the oldest
 * chunk that has one; when there is none, it reads another chunk. The worker that read a chunk owns
 * it and also does its entries and decide jobs, so that rows stay in one processor's cache; only
 * shards' items and values move. A worker without work of its own helps others. Jobs are ready:
 *
 *   read      when no other chunk is being read and a chunk is free
 *   entries   when the chunk is read and no chunk before it ends with a barrier
 *   features  of a shard: when all entries of the chunk are made and the chunk before has finished
 *             this shard
 *   decide    when all shards of the chunk are finished and all parts of the chunk before are taken
 *
 * The thread that runs the replay emits decided chunks, oldest first, applies the barriers between
 * them, and works as worker 0 while there is nothing to emit.
 *
 * One mutex guards the bookkeeping; jobs run without it. The data of a chunk needs no lock: what a
 * stage writes is read by later stages only. */
#include "replay_pipeline.h"

#include "replay_decide.h"
#include "replay_emit.h"
#include "replay_entries.h"
#include "replay_features.h"
#include "replay_job.h"
#include "replay_read.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Chunks in flight for each worker: one that waits long, for pages or for a processor, must not
 * stop the others. Usually two or three are in use. */
#define CHUNKS_EACH 4

enum job_kind { JOB_NONE, JOB_READ, JOB_ENTRIES, JOB_FEATURES, JOB_DECIDE };

struct job {
    enum job_kind kind;
    struct replay_chunk *chunk;
    size_t lane, index; /* shard or part */
};

struct pipeline {
    struct replay *replay;
    bool decides; /* workers decide; otherwise rows are decided as they are emitted */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct replay_chunk *chunks; /* [ring_count] */
    struct replay_chunk **ring;  /* chunks in flight, by number */
    struct replay_chunk **free;  /* the others, most recently emitted last */
    size_t ring_count, free_count;
    uint64_t first, end; /* chunks in flight: [first, end), including one being read */
    bool is_reading;     /* chunk end − 1 is being read */
    bool is_at_end;      /* the archive is read */
    bool is_stopping;    /* workers exit */
    bool is_ending;      /* the progress asked to stop: only chunks in flight are finished */
    size_t waiting;      /* workers asleep on `changed` */
    atomic_uint changes; /* counts job completions; spinning workers read it without the lock */
};

struct pipeline_worker {
    pthread_t thread;
    struct pipeline *pipeline;
    size_t number;
};

static struct replay_chunk *chunk_of(const struct pipeline *pipeline, uint64_t number) {
    return pipeline->ring[number % pipeline->ring_count];
}

/* ---- finding a job; under the lock ---- */

static bool is_chunk_decided(const struct pipeline *pipeline, const struct replay_chunk *chunk) {
    if (chunk->entries_done < chunk->part_count || chunk->features_done < chunk->features_count)
        return false;
    return !pipeline->decides || chunk->decide_done == chunk->part_count;
}

/* A worker looking for a job. */
struct seeker {
    struct pipeline *pipeline;
    size_t worker;
    bool takes_all; /* also shards and chunks of other workers */
};

/* Cache affinity: a shard's states are in the caches of the worker that had it last, so it gets the
 * shard again unless it is behind. */
static bool is_for(const struct seeker *seeker, size_t shard) {
    return seeker->takes_all || shard % seeker->pipeline->replay->workers == seeker->worker;
}

static bool is_own(const struct seeker *seeker, const struct replay_chunk *chunk) {
    return seeker->takes_all || chunk->owner == seeker->worker;
}

/* before: the previous chunk, or NULL if that is not in flight. Both have the same lanes, since
 * there is no barrier between them. */
static bool find_features(const struct seeker *seeker, struct replay_chunk *chunk,
                          const struct replay_chunk *before, struct job *ret_job) {
    const struct replay_lane_rows *lanes = chunk->lanes;
    size_t at = 0;
    if (before && before->entries_done < before->part_count) /* its owner is behind */
        return false;
    for (size_t lane = 0; lane < chunk->lane_count; lane++)
        for (size_t shard = 0; shard < lanes[lane].shard_count; shard++, at++) {
            if (!is_for(seeker, shard) || chunk->features_state[at] != REPLAY_UNTOUCHED ||
                (before && before->features_state[at] != REPLAY_DONE))
                continue;
            chunk->features_state[at] = REPLAY_TAKEN;
            chunk->features_taken++;
            *ret_job =
                (struct job){.kind = JOB_FEATURES, .chunk = chunk, .lane = lane, .index = shard};
            return true;
        }
    return false;
}

static bool find_in_chunk(const struct seeker *seeker, struct replay_chunk *chunk,
                          const struct replay_chunk *before, struct job *ret_job) {
    const struct replay *replay = seeker->pipeline->replay;
    if (chunk->entries_taken < chunk->part_count && is_own(seeker, chunk)) {
        if (chunk->entries_taken == 0)
            replay_chunk_lanes(chunk, replay->lanes, replay->lane_count);
        *ret_job =
            (struct job){.kind = JOB_ENTRIES, .chunk = chunk, .index = chunk->entries_taken++};
        return true;
    }
    if (chunk->entries_done < chunk->part_count)
        return false;
    if (chunk->features_done < chunk->features_count)
        return chunk->features_taken < chunk->features_count &&
               find_features(seeker, chunk, before, ret_job);
    /* take() promises each worker ascending rows: all parts of the chunk before must be taken. */
    if (!seeker->pipeline->decides || chunk->decide_taken == chunk->part_count ||
        !is_own(seeker, chunk) || (before && before->decide_taken < before->part_count))
        return false;
    *ret_job = (struct job){.kind = JOB_DECIDE, .chunk = chunk, .index = chunk->decide_taken++};
    return true;
}

/* The free chunk to read into: the most recently used one, which is still in a cache, preferably
 * one that this worker owned. */
static struct replay_chunk *take_free(struct pipeline *pipeline, size_t worker) {
    size_t at = pipeline->free_count - 1;
    for (size_t i = pipeline->free_count; i-- > 0;)
        if (pipeline->free[i]->owner == worker) {
            at = i;
            break;
        }
    struct replay_chunk *chunk = pipeline->free[at];
    pipeline->free_count--;
    for (; at < pipeline->free_count; at++)
        pipeline->free[at] = pipeline->free[at + 1];
    chunk->owner = worker;
    return chunk;
}

static struct job seek(const struct seeker *seeker) {
    struct pipeline *pipeline = seeker->pipeline;
    struct job job = {.kind = JOB_NONE};
    const struct replay_chunk *before = NULL;
    uint64_t read_until = pipeline->end - pipeline->is_reading;
    for (uint64_t i = pipeline->first; i < read_until; i++) {
        struct replay_chunk *chunk = chunk_of(pipeline, i);
        if (find_in_chunk(seeker, chunk, before, &job))
            return job;
        /* Nothing behind a barrier may start before it is applied. */
        if (chunk->is_barrier)
            break;
        before = chunk;
    }
    if (!pipeline->is_reading && !pipeline->is_at_end && !pipeline->is_ending &&
        pipeline->end - pipeline->first < pipeline->ring_count) {
        job = (struct job){.kind = JOB_READ, .chunk = take_free(pipeline, seeker->worker)};
        pipeline->ring[pipeline->end++ % pipeline->ring_count] = job.chunk;
        pipeline->is_reading = true;
    }
    return job;
}

/* A job of the worker's own first; any job if there is none. */
static struct job find_job(struct pipeline *pipeline, size_t worker) {
    struct seeker seeker = {.pipeline = pipeline, .worker = worker};
    struct job job = seek(&seeker);
    if (job.kind == JOB_NONE) {
        seeker.takes_all = true;
        job = seek(&seeker);
    }
    return job;
}

/* ---- doing a job ---- */

static void do_job(const struct pipeline *pipeline, const struct job *job, size_t worker) {
    const struct replay *replay = pipeline->replay;
    switch (job->kind) {
    case JOB_READ:
        replay_chunk_clear(job->chunk);
        replay_read(replay, job->chunk);
        break;
    case JOB_ENTRIES:
        replay_entries(replay, job->chunk, job->index, worker);
        break;
    case JOB_FEATURES:
        replay_features(replay, job->chunk, job->lane, job->index, worker);
        break;
    case JOB_DECIDE:
        replay_decide_part(replay, job->chunk, job->index, worker);
        break;
    case JOB_NONE:
        break;
    }
}

static size_t features_index(const struct job *job) {
    size_t at = job->index;
    for (size_t lane = 0; lane < job->lane; lane++)
        at += job->chunk->lanes[lane].shard_count;
    return at;
}

/* Under the lock. */
static void report_change(struct pipeline *pipeline) {
    atomic_fetch_add_explicit(&pipeline->changes, 1, memory_order_relaxed);
    if (pipeline->waiting > 0)
        pthread_cond_broadcast(&pipeline->changed);
}

/* Under the lock. */
static void finish_job(struct pipeline *pipeline, const struct job *job) {
    switch (job->kind) {
    case JOB_READ:
        pipeline->is_reading = false;
        pipeline->is_at_end = job->chunk->is_last;
        break;
    case JOB_ENTRIES:
        job->chunk->entries_done++;
        break;
    case JOB_FEATURES:
        job->chunk->features_state[features_index(job)] = REPLAY_DONE;
        job->chunk->features_done++;
        break;
    case JOB_DECIDE:
        job->chunk->decide_done++;
        break;
    case JOB_NONE:
        break;
    }
    report_change(pipeline);
}

/* Under the lock, which is released while the job runs. false: no job was ready. */
static bool work(struct pipeline *pipeline, size_t worker) {
    struct job job = find_job(pipeline, worker);
    if (job.kind == JOB_NONE)
        return false;
    pthread_mutex_unlock(&pipeline->lock);
    do_job(pipeline, &job, worker);
    pthread_mutex_lock(&pipeline->lock);
    finish_job(pipeline, &job);
    return true;
}

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Spins before sleeping. A job takes some 10 µs; sleeping and waking takes longer than that, much
 * longer on a virtual machine. */
#define LOOKS 1000

/* Under the lock, which is released while it waits. */
static void wait_for_change(struct pipeline *pipeline) {
    const unsigned seen = atomic_load_explicit(&pipeline->changes, memory_order_relaxed);
    bool is_same = true;
    pthread_mutex_unlock(&pipeline->lock);
    for (int i = 0; i < LOOKS && is_same; i++) {
        pause_briefly();
        is_same = atomic_load_explicit(&pipeline->changes, memory_order_relaxed) == seen;
    }
    pthread_mutex_lock(&pipeline->lock);
    is_same = atomic_load_explicit(&pipeline->changes, memory_order_relaxed) == seen;
    if (!is_same)
        return;
    pipeline->waiting++;
    pthread_cond_wait(&pipeline->changed, &pipeline->lock);
    pipeline->waiting--;
}

static void *work_on(void *argument) {
    struct pipeline_worker *worker = argument;
    struct pipeline *pipeline = worker->pipeline;
    pthread_mutex_lock(&pipeline->lock);
    while (!pipeline->is_stopping)
        if (!work(pipeline, worker->number))
            wait_for_change(pipeline);
    pthread_mutex_unlock(&pipeline->lock);
    return NULL;
}

/* ---- the thread that runs the replay ---- */

/* Under the lock, which is released while it emits: no job uses a chunk that is fully decided, and
 * none starts behind its barrier. */
static int emit_first(struct pipeline *pipeline, struct replay_output *output,
                      struct error *ret_error) {
    struct replay_chunk *chunk = chunk_of(pipeline, pipeline->first);
    pthread_mutex_unlock(&pipeline->lock);
    int r = replay_emit_chunk(output, chunk, ret_error);
    pthread_mutex_lock(&pipeline->lock);
    pipeline->first++;
    pipeline->free[pipeline->free_count++] = chunk;
    pipeline->is_ending = output->is_stopping;
    report_change(pipeline);
    return r;
}

static bool is_first_decided(const struct pipeline *pipeline) {
    return pipeline->first < pipeline->end - pipeline->is_reading &&
           is_chunk_decided(pipeline, chunk_of(pipeline, pipeline->first));
}

/* A chunk being read counts as in flight, so the run never ends under a running job of that kind.
 */
static bool is_done(const struct pipeline *pipeline) {
    return (pipeline->is_at_end || pipeline->is_ending) && pipeline->first == pipeline->end;
}

static int run(struct pipeline *pipeline, struct replay_output *output, struct error *ret_error) {
    int r = 0;
    pthread_mutex_lock(&pipeline->lock);
    while (r == 0 && !is_done(pipeline)) {
        if (is_first_decided(pipeline))
            r = emit_first(pipeline, output, ret_error);
        else if (!work(pipeline, 0))
            wait_for_change(pipeline);
    }
    pipeline->is_stopping = true;
    report_change(pipeline);
    pthread_mutex_unlock(&pipeline->lock);
    return r;
}

static void pipeline_init(struct pipeline *pipeline, struct replay *replay) {
    *pipeline = (struct pipeline){
        .replay = replay,
        .decides = replay->listener->take || !replay->listener->row || replay->walk,
        .ring_count = replay->workers == 1 ? 1 : CHUNKS_EACH * replay->workers,
    };
    lock_init(&pipeline->lock, LOCK_REPLAY_PIPELINE);
    check(pthread_cond_init(&pipeline->changed, NULL) == 0);
    pipeline->chunks = check_calloc(pipeline->ring_count, sizeof *pipeline->chunks);
    pipeline->ring = check_calloc(pipeline->ring_count, sizeof(*pipeline->ring));
    pipeline->free = check_calloc(pipeline->ring_count, sizeof(*pipeline->free));
    for (size_t i = 0; i < pipeline->ring_count; i++) {
        replay_chunk_init(&pipeline->chunks[i]);
        pipeline->chunks[i].owner = i % replay->workers;
        pipeline->free[pipeline->free_count++] = &pipeline->chunks[i];
    }
}

static void pipeline_deinit(struct pipeline *pipeline) {
    for (size_t i = 0; i < pipeline->ring_count; i++)
        replay_chunk_deinit(&pipeline->chunks[i]);
    free(pipeline->chunks);
    free(pipeline->ring);
    free(pipeline->free);
    pthread_cond_destroy(&pipeline->changed);
    pthread_mutex_destroy(&pipeline->lock);
}

int replay_run_chunks(struct replay_output *output, struct error *ret_error) {
    size_t count = output->replay->workers;
    struct pipeline pipeline;
    pipeline_init(&pipeline, output->replay);
    struct pipeline_worker *workers = check_calloc(count, sizeof *workers);
    for (size_t i = 1; i < count; i++) {
        workers[i] = (struct pipeline_worker){.pipeline = &pipeline, .number = i};
        if (pthread_create(&workers[i].thread, NULL, work_on, &workers[i]) != 0)
            check_exhausted("threads, or of memory for one: use fewer (--threads)");
    }
    int r = run(&pipeline, output, ret_error);
    for (size_t i = 1; i < count; i++)
        check(pthread_join(workers[i].thread, NULL) == 0);
    free(workers);
    pipeline_deinit(&pipeline);
    return r;
}
