/* A ring of batches: the thread fills them in turn, the caller empties them in turn, and may follow
 * so closely that both are in the same one: each row is there for the caller as soon as it is read,
 * for the next one may be long in coming.
 *
 * What protects what: filled_count and emptied_count are changed under the lock; `ready` is
 * atomic and tells the caller how many rows are whole; a batch's `end` and `error` may be read
 * once filled_count has passed it. The mapped file belongs to the thread from start to stop. */
#include "rows_prefetch.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"
#include "protobuf_row.h"
#include "row_transaction.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define BATCHES      4
#define BATCH_ROWS   256
#define BATCH_BYTES  ((size_t)1 << 20)  /* when so much is in it, it is full */
#define ROW_BYTES    ((size_t)96 << 20) /* the most that one row may take, with its original */
#define WAIT_NS      100000000          /* between two looks at whether to stop */
#define SECOND_IN_NS 1000000000

struct batch {
    struct prefetched_row rows[BATCH_ROWS];
    atomic_size_t ready; /* rows that are whole; 0 again when the batch is handed back */
    struct arena arena;
    atomic_uint_least64_t done, total; /* of the file, behind its last row */
    /* Once it is filled: */
    int end; /* 1: more follows; 0, < 0: nothing, and why */
    struct error error;
};

struct rows_prefetch {
    struct mapped_file *file;
    bool quiet;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    size_t filled_count, emptied_count; /* batches so far, under the lock */
    atomic_bool is_awaited;             /* the caller has no row */
    atomic_bool stopped;
    struct batch batches[BATCHES];
    size_t at; /* the caller's, into the batch that it empties */
};

/* ---- the thread ---- */

/* Errors are as large as hundreds of bytes, so good rows carry a pointer only. */
static const struct error *keep_error(struct arena *arena, const struct error *error) {
    static const struct error too_large = {ERROR_TOO_LARGE, "the row is too large"};
    struct error *kept = arena_alloc(arena, sizeof *kept);
    if (!kept)
        return &too_large;
    *kept = *error;
    return kept;
}

static int convert(const struct mapped_file *file, const struct row *row, struct arena *arena,
                   struct prefetched_row *into, struct error *ret_error) {
    if (!file->is_protobuf)
        return row_import(file->mapping, row, arena, &into->row, &into->field, ret_error);
    return protobuf_row_transaction(row->original.raw, arena, &into->row.transaction, &into->field,
                                    ret_error);
}

/* One row into the batch: 1; else how the file ended. The original comes first: a row that is too
 * large to be converted is kept, too. */
static int read_row(struct rows_prefetch *ahead, struct batch *batch, size_t index) {
    struct prefetched_row *into = &batch->rows[index];
    struct error error;
    struct row row;
    int r = mapped_file_next(ahead->file, ahead->quiet, &row, &batch->error);
    if (r <= 0)
        return r;
    *into = (struct prefetched_row){0};
    check(row_original_copy(&row.original, &batch->arena, &into->original)); /* below ROW_BYTES */
    if (r == ROWS_BAD_ROW)
        into->error = keep_error(&batch->arena, &batch->error);
    else if (convert(ahead->file, &row, &batch->arena, into, &error) < 0)
        into->error = keep_error(&batch->arena, &error);
    return 1;
}

/* Either the caller sees what is there when it begins to wait, or we see that it waits. */
static void wake(struct rows_prefetch *ahead) {
    if (!atomic_load(&ahead->is_awaited))
        return;
    pthread_mutex_lock(&ahead->lock);
    pthread_cond_signal(&ahead->filled);
    pthread_mutex_unlock(&ahead->lock);
}

/* Relaxed: progress may be a row behind. */
static void note_extent(struct rows_prefetch *ahead, struct batch *batch) {
    uint64_t done, total;
    input_extent(ahead->file->input, &done, &total);
    atomic_store_explicit(&batch->done, done, memory_order_relaxed);
    atomic_store_explicit(&batch->total, total, memory_order_relaxed);
}

/* A full batch, the end, or a stop; rows are published one by one. */
static void fill(struct rows_prefetch *ahead, struct batch *batch) {
    size_t count = 0;
    arena_reset(&batch->arena);
    do {
        batch->end = read_row(ahead, batch, count);
        note_extent(ahead, batch);
        if (batch->end != 1)
            return;
        atomic_store(&batch->ready, ++count);
        wake(ahead);
    } while (count < BATCH_ROWS && batch->arena.used < BATCH_BYTES &&
             !atomic_load_explicit(&ahead->stopped, memory_order_relaxed));
}

/* Waits until a batch is empty. False: stop. */
static bool await_empty(struct rows_prefetch *ahead) {
    pthread_mutex_lock(&ahead->lock);
    while (ahead->filled_count - ahead->emptied_count == BATCHES && !atomic_load(&ahead->stopped))
        pthread_cond_wait(&ahead->emptied, &ahead->lock);
    pthread_mutex_unlock(&ahead->lock);
    return !atomic_load(&ahead->stopped);
}

/* The thread. A batch that ends the file is counted as filled, too: the caller finds the reason
 * in it. */
static void *work(void *user) {
    struct rows_prefetch *ahead = user;
    for (int end = 1; end == 1 && await_empty(ahead);) {
        struct batch *batch = &ahead->batches[ahead->filled_count % BATCHES];
        fill(ahead, batch);
        end = batch->end;
        pthread_mutex_lock(&ahead->lock);
        ahead->filled_count++;
        pthread_cond_signal(&ahead->filled);
        pthread_mutex_unlock(&ahead->lock);
    }
    return NULL;
}

/* ---- the caller ---- */

struct rows_prefetch *rows_prefetch_start(struct mapped_file *file, bool quiet) {
    struct rows_prefetch *ahead = check_calloc(1, sizeof *ahead);
    ahead->file = file;
    ahead->quiet = quiet;
    input_stop_at(file->input, &ahead->stopped);
    for (size_t i = 0; i < BATCHES; i++)
        arena_init(&ahead->batches[i].arena, BATCH_BYTES + ROW_BYTES);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    lock_init(&ahead->lock, LOCK_ROWS_PREFETCH);
    pthread_cond_init(&ahead->filled, &monotonic);
    pthread_cond_init(&ahead->emptied, NULL);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&ahead->thread, NULL, work, ahead) != 0)
        check_exhausted("threads, or of memory for one");
    return ahead;
}

static struct batch *batch_in_hand(struct rows_prefetch *ahead) {
    return &ahead->batches[ahead->emptied_count % BATCHES]; /* which only the caller changes */
}

/* Waits until the batch has another row or is filled. False: stop. */
static bool await_row(struct rows_prefetch *ahead, const volatile int *stop) {
    struct batch *batch = batch_in_hand(ahead);
    pthread_mutex_lock(&ahead->lock);
    atomic_store(&ahead->is_awaited, true);
    while (ahead->filled_count == ahead->emptied_count && atomic_load(&batch->ready) == ahead->at &&
           !*stop) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WAIT_NS;
        until.tv_sec += until.tv_nsec / SECOND_IN_NS;
        until.tv_nsec %= SECOND_IN_NS;
        pthread_cond_timedwait(&ahead->filled, &ahead->lock, &until);
    }
    atomic_store(&ahead->is_awaited, false);
    pthread_mutex_unlock(&ahead->lock);
    return !*stop;
}

/* Is the batch filled, so that what it has is all it will have? */
static bool is_filled(struct rows_prefetch *ahead) {
    pthread_mutex_lock(&ahead->lock);
    bool is_filled = ahead->filled_count > ahead->emptied_count;
    pthread_mutex_unlock(&ahead->lock);
    return is_filled;
}

/* The rows given out of this batch are no longer valid. */
static void hand_back(struct rows_prefetch *ahead) {
    atomic_store(&batch_in_hand(ahead)->ready, 0);
    ahead->at = 0;
    pthread_mutex_lock(&ahead->lock);
    ahead->emptied_count++;
    pthread_cond_signal(&ahead->emptied);
    pthread_mutex_unlock(&ahead->lock);
}

int rows_prefetch_next(struct rows_prefetch *ahead, const volatile int *stop,
                       const struct prefetched_row **ret_row, struct error *ret_error) {
    for (;;) {
        struct batch *batch = batch_in_hand(ahead);
        bool was_filled = ahead->at == atomic_load(&batch->ready) && is_filled(ahead);
        if (ahead->at < atomic_load(&batch->ready)) {
            *ret_row = &batch->rows[ahead->at++];
            return 1;
        }
        if (!was_filled) {
            if (!await_row(ahead, stop))
                return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
            continue;
        }
        if (batch->end < 0)
            *ret_error = batch->error;
        if (batch->end <= 0)
            return batch->end;
        hand_back(ahead);
    }
}

void rows_prefetch_extent(const struct rows_prefetch *ahead, uint64_t *ret_done,
                          uint64_t *ret_total) {
    const struct batch *batch = &ahead->batches[ahead->emptied_count % BATCHES];
    *ret_done = atomic_load_explicit(&batch->done, memory_order_relaxed);
    *ret_total = atomic_load_explicit(&batch->total, memory_order_relaxed);
}

void rows_prefetch_stop(struct rows_prefetch *ahead) {
    if (!ahead)
        return;
    pthread_mutex_lock(&ahead->lock);
    atomic_store(&ahead->stopped, true);
    pthread_cond_signal(&ahead->emptied);
    pthread_mutex_unlock(&ahead->lock);
    check(pthread_join(ahead->thread, NULL) == 0);
    for (size_t i = 0; i < BATCHES; i++)
        arena_deinit(&ahead->batches[i].arena);
    pthread_cond_destroy(&ahead->filled);
    pthread_cond_destroy(&ahead->emptied);
    pthread_mutex_destroy(&ahead->lock);
    free(ahead);
}
