/* The fold phase. Each stream is one job: its entries are grouped by key (rebuild_groups.c), each
 * group is folded into a state in one go, on top of the key's state in the generation before, and
 * states of that generation without new entries are copied in between: a merge of two sorted
 * sequences. The calling thread writes what the jobs produce, stream after stream, which is the
 * order of the tables.
 *
 * A stream that exceeds a thread's share of memory is folded in pieces. Each piece gives a sorted
 * run of states in a file (rebuild_runs.c); the runs are merged, and states of one key are merged
 * into one (bulk_merge()). */
#include "rebuild_fold.h"

#include "rebuild_ids.h"
#include "rebuild_job.h"

#include "core/base/check.h"
#include "core/feature/state/bulk.h"
#include "core/store/generation/generation_base.h"
#include "rebuild_groups.h"
#include "rebuild_runs.h"

#include <stdlib.h>
#include <string.h>

#define CHECK_EVERY 64 /* states: one in so many is validated */

struct fold_thread {
    struct bulk *bulk, *merge;
    uint8_t *copy; /* of those blocks of a piece that were in the file */
    size_t copy_size;
    struct groups groups;       /* of the piece at hand */
    struct bulk_entry *entries; /* of the group at hand */
    size_t entry_capacity;
    struct buffer key; /* of the group at hand: the range's prefix and the key's rest */
    struct run_file runs;
    struct buffer state; /* of a key that is in several runs, while it is merged */
    uint8_t *ids;
    size_t ids_size;
};

struct fold {
    struct rebuild *rebuild;
    struct generation_names names;
    size_t first, end;         /* the streams that are folded */
    struct generation *before; /* shared, with a cursor per stream; NULL: none */
    struct fold_thread *threads;
    struct ordered_queue *ordered_queue;
    atomic_bool misses_states, is_late; /* see note_late() */
};

/* One stream while a thread folds it. */
struct folding {
    struct fold *fold;
    struct fold_thread *thread;
    const struct entity_plan *plan;
    const struct ranges *ranges;
    size_t entity, range, stream;
    struct ordered_queue_producer producer;
    /* The next state of the generation before in this range. */
    struct generation_cursor *cursor;
    struct text before_key, before_state;
    bool has_before;
    size_t made; /* states */
    int failed;  /* an invalid state was built; kept here as pass_…() return a bool */
    struct error error;
};

/* ---------------------------------------------------------------------------------------------
 * Folding and passing on */

static int64_t newest_us(const struct folding *folding) {
    return folding->fold->rebuild->report.tally.newest_event_time_us;
}

static bool is_idle(const struct folding *folding, struct text state) {
    const struct plan *plan = folding->fold->rebuild->plan;
    return encoded_is_idle(state.data, state.length, folding->plan, plan->lateness_us,
                           newest_us(folding));
}

/* Validates one state in CHECK_EVERY: a fault in building them would affect many. That what is on
 * the disk is what was built is verified later, for all of it. */
static bool is_whole(struct folding *folding, struct text state) {
    if (state.length == 0 || folding->made++ % CHECK_EVERY != 0 ||
        state_check(state.data, state.length, folding->plan, &folding->error) == 0)
        return true;
    folding->failed = error_prefix(&folding->error, "an invalid state was built");
    return false;
}

/* Queues a state for the table, unless it is idle: tables have no idle entities. false: stopped. */
static bool pass_on(struct folding *folding, struct text key, struct text state) {
    if (is_idle(folding, state))
        return true;
    const struct generation_names *names = &folding->fold->names;
    size_t size = generation_state_size(names, folding->entity, key, state);
    uint8_t *at = ordered_queue_reserve(&folding->producer, size);
    if (at)
        generation_state_put(names, folding->entity, key, state, at);
    return at;
}

static void next_before(struct folding *folding) {
    struct text rest;
    folding->has_before =
        folding->cursor &&
        generation_cursor_next(folding->cursor, &folding->before_key, &folding->before_state) &&
        ranges_find(folding->ranges, folding->before_key, &rest) == folding->range;
}

static void open_before(struct folding *folding) {
    const struct generation *before = folding->fold->before;
    if (!before)
        return;
    char begin[RANGES_PREFIX_MAX + 8];
    folding->cursor = generation_cursor_open(before, folding->entity);
    generation_cursor_seek(folding->cursor, ranges_begin(folding->ranges, folding->range, begin));
    next_before(folding);
}

/* Copies the states of the generation before that sort before the key (NULL: all that are left).
 * ret_state: the key's own state there, or empty; it points into the mapped table. false: stopped.
 */
static bool pass_before(struct folding *folding, const struct text *key, struct text *ret_state) {
    *ret_state = (struct text){0};
    while (folding->has_before) {
        int order = key ? text_compare(folding->before_key, *key) : -1;
        if (order > 0)
            return true;
        if (order == 0)
            *ret_state = folding->before_state;
        else if (!pass_on(folding, folding->before_key, folding->before_state))
            return false;
        next_before(folding);
        if (order == 0)
            return true;
    }
    return true;
}

/* Does the group have a transaction that came later than the lateness allows? */
static bool has_late(const struct folding *folding, const struct group *group) {
    const struct rebuild *rebuild = folding->fold->rebuild;
    int64_t newest_before_us = rebuild->before_tally.newest_event_time_us;
    if (newest_before_us == INT64_MIN)
        return false;
    for (size_t i = group->first; i < group->end; i++) {
        struct stream_entry entry = groups_entry(&folding->thread->groups, i);
        if (entry.may_be_late && entry.time_us < newest_before_us - rebuild->plan->lateness_us)
            return true;
    }
    return false;
}

/* An entity that is missing from the generation before may have been left out as idle. Entries
 * within the lateness cannot reach such a history; a later one may, and then only a full rebuild
 * gives the right state. If the state is idle again it is not needed, but what the transaction read
 * of it is not known. */
static void note_late(struct folding *folding, struct text before, struct text state) {
    if (before.length > 0)
        return;
    atomic_store(&folding->fold->misses_states, true);
    /* Nothing is older than the tables of a pruned archive's beginning: there is no better state.
     */
    if (!is_idle(folding, state) && !folding->fold->rebuild->starts_at_base)
        atomic_store(&folding->fold->is_late, true);
}

/* Insertion sort by time, with a bounded number of moves: groups are nearly in order, and
 * bulk_fold() copes with any order, only more slowly. */
static void sort_nearly(struct bulk_entry *entries, size_t count) {
    size_t moves_left = 64 + 4 * count;
    for (size_t i = 1; i < count && moves_left > 0; i++) {
        struct bulk_entry entry = entries[i];
        size_t j = i;
        for (; j > 0 && entries[j - 1].time_us > entry.time_us && moves_left > 0; j--, moves_left--)
            entries[j] = entries[j - 1];
        entries[j] = entry;
    }
}

static struct bulk_entry *entries_of(struct fold_thread *thread, const struct group *group) {
    size_t count = group->end - group->first;
    if (count > thread->entry_capacity) {
        thread->entry_capacity = count + count / 2;
        thread->entries =
            check_reallocarray(thread->entries, thread->entry_capacity, sizeof *thread->entries);
    }
    for (size_t i = 0; i < count; i++) {
        struct stream_entry entry = groups_entry(&thread->groups, group->first + i);
        thread->entries[i] = (struct bulk_entry){
            .time_us = entry.time_us, .body = stream_entry_body(&entry), .size = entry.body_size};
    }
    sort_nearly(thread->entries, count);
    return thread->entries;
}

static struct text fold_group(struct folding *folding, const struct group *group,
                              struct text before) {
    struct fold_thread *thread = folding->thread;
    return bulk_fold(thread->bulk, folding->plan, folding->fold->rebuild->plan->lateness_us, before,
                     entries_of(thread, group), group->end - group->first);
}

/* The group's full key; valid until the next call. */
static struct text key_of(struct folding *folding, const struct group *group) {
    struct buffer *key = &folding->thread->key;
    key->length = ranges_prefix(folding->ranges, folding->range).length;
    buffer_append(key, group->rest.data, group->rest.length);
    return (struct text){.data = (const char *)key->bytes, .length = key->length};
}

/* Puts the range's prefix into thread->key, where key_of() appends each rest. */
static void begin_keys(struct folding *folding) {
    struct text prefix = ranges_prefix(folding->ranges, folding->range);
    buffer_clear(&folding->thread->key);
    buffer_append(&folding->thread->key, prefix.data, prefix.length);
}

/* The usual case: the piece at hand is the whole stream, so no run is needed. false: stopped. */
static bool pass_groups(struct folding *folding) {
    struct groups *groups = &folding->thread->groups;
    struct group group = {0};
    struct text before;
    groups_sort(groups);
    while (groups_next(groups, &group)) {
        struct text key = key_of(folding, &group);
        if (!pass_before(folding, &key, &before))
            return false;
        struct text state = fold_group(folding, &group, before);
        if (folding->cursor && has_late(folding, &group))
            note_late(folding, before, state);
        if (!is_whole(folding, state) || !pass_on(folding, key, state))
            return false;
    }
    return pass_before(folding, NULL, &before);
}

/* ---------------------------------------------------------------------------------------------
 * Pieces */

/* Folds the piece at hand into a run. The generation before is left out here: pass_least() merges
 * it once, not once per run. */
static int write_run(struct folding *folding, struct state_run *ret_run, struct error *ret_error) {
    struct fold_thread *thread = folding->thread;
    struct group group = {0};
    groups_sort(&thread->groups);
    state_run_begin(&thread->runs, ret_run);
    int r = 0;
    while (r == 0 && groups_next(&thread->groups, &group)) {
        struct text state = fold_group(folding, &group, (struct text){0});
        bool is_late = folding->cursor && has_late(folding, &group);
        r = state_run_add(&thread->runs, key_of(folding, &group), state, is_late, ret_error);
    }
    return r < 0 ? r : state_run_end(&thread->runs, ret_run, ret_error);
}

static struct text keep_state(struct fold_thread *thread, struct text state) {
    buffer_clear(&thread->state);
    buffer_append(&thread->state, state.data, state.length);
    return (struct text){.data = (const char *)thread->state.bytes, .length = state.length};
}

/* Merges the states of the least key, including the one of the generation before, and advances the
 * runs that had it. The order of merging does not matter: a state is the same for any order of
 * entries. */
static int pass_least(struct folding *folding, struct state_run *runs, size_t count, size_t least,
                      bool *ret_stopped, struct error *ret_error) {
    struct fold_thread *thread = folding->thread;
    struct text key = runs[least].key, before;
    *ret_stopped = !pass_before(folding, &key, &before);
    if (*ret_stopped)
        return 0;
    struct text state = before;
    bool is_late = false;
    for (size_t i = least; i < count; i++) {
        if (!runs[i].has_state || !text_equal(runs[i].key, key))
            continue;
        is_late |= runs[i].is_late;
        struct text sum = state.length
                              ? bulk_merge(thread->merge, folding->plan, folding->plan->lateness_us,
                                           state, runs[i].state)
                              : runs[i].state;
        state = keep_state(thread, sum);
    }
    if (is_late)
        note_late(folding, before, state);
    *ret_stopped = !is_whole(folding, state) || !pass_on(folding, key, state);
    /* `key` points into the window of the first of these runs: advance that one last. */
    int r = 0;
    for (size_t i = count; i-- > least && r == 0;)
        if (runs[i].has_state && text_equal(runs[i].key, key))
            r = state_run_next(&thread->runs, &runs[i], ret_error);
    return r;
}

static int pass_runs(struct folding *folding, struct state_run *runs, size_t count,
                     struct error *ret_error) {
    int r = 0;
    bool stopped = false;
    for (size_t i = 0; i < count && r == 0; i++)
        r = state_run_next(&folding->thread->runs, &runs[i], ret_error);
    while (r == 0 && !stopped) {
        size_t least = count;
        for (size_t i = 0; i < count; i++)
            if (runs[i].has_state &&
                (least == count || text_compare(runs[i].key, runs[least].key) < 0))
                least = i;
        if (least == count)
            break;
        r = pass_least(folding, runs, count, least, &stopped, ret_error);
    }
    struct text before;
    if (r == 0 && !stopped)
        pass_before(folding, NULL, &before);
    return r;
}

/* Collects blocks from `from` on until a piece is full, at least one. Returns the first block that
 * is left. */
static size_t collect_piece(struct folding *folding, const struct spill_block *blocks, size_t count,
                            size_t from, int *ret_result, struct error *ret_error) {
    struct fold_thread *thread = folding->thread;
    struct rebuild *rebuild = folding->fold->rebuild;
    size_t to = from, bytes = 0, copied = 0;
    for (; to < count && (to == from || bytes + blocks[to].length <= rebuild->budget.piece_bytes);
         to++) {
        bytes += blocks[to].length;
        copied += blocks[to].bytes ? 0 : blocks[to].length;
    }
    if (copied > thread->copy_size) {
        free(thread->copy);
        thread->copy = check_malloc(copied);
        thread->copy_size = copied;
    }
    groups_clear(&thread->groups);
    uint8_t *copy = thread->copy;
    int r = 0;
    for (size_t i = from; i < to && r == 0; i++) {
        const uint8_t *at = blocks[i].bytes;
        if (!at) {
            r = spill_read(rebuild->spill, &blocks[i], copy, ret_error);
            at = copy;
            copy += blocks[i].length;
        }
        if (r == 0)
            groups_collect(&thread->groups, at, blocks[i].length);
    }
    *ret_result = r;
    return to;
}

static int fold_pieces(struct folding *folding, struct error *ret_error) {
    struct fold_thread *thread = folding->thread;
    const struct spill_block *blocks;
    size_t count = spill_blocks(folding->fold->rebuild->spill, folding->stream, &blocks);
    int r;
    size_t next = collect_piece(folding, blocks, count, 0, &r, ret_error);
    if (r < 0)
        return r;
    if (next == count) {
        pass_groups(folding);
        return 0;
    }
    struct state_run *runs = NULL;
    size_t run_count = 0;
    for (;;) {
        runs = check_reallocarray(runs, run_count + 1, sizeof *runs);
        r = write_run(folding, &runs[run_count++], ret_error);
        if (r < 0 || next == count || thread_pool_is_stopped(folding->producer.thread_pool))
            break;
        next = collect_piece(folding, blocks, count, next, &r, ret_error);
        if (r < 0)
            break;
    }
    if (r == 0 && !thread_pool_is_stopped(folding->producer.thread_pool))
        r = pass_runs(folding, runs, run_count, ret_error);
    for (size_t i = 0; i < run_count; i++)
        state_run_close(&runs[i]);
    free(runs);
    run_file_clear(&thread->runs);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Threads */

static int fold_states_of(struct folding *folding, struct error *ret_error) {
    const struct rebuild *rebuild = folding->fold->rebuild;
    folding->plan = &rebuild->plan->entities[folding->entity];
    folding->ranges = &rebuild->ranges[folding->entity];
    open_before(folding);
    begin_keys(folding);
    int r = fold_pieces(folding, ret_error);
    generation_cursor_close(folding->cursor);
    if (r < 0 || folding->failed == 0)
        return r;
    *ret_error = folding->error;
    return folding->failed;
}

static int fold_stream(void *user, struct thread_pool *thread_pool, size_t worker, size_t job,
                       struct error *ret_error) {
    struct fold *fold = user;
    struct rebuild *rebuild = fold->rebuild;
    struct fold_thread *thread = &fold->threads[worker];
    size_t stream = fold->first + job;
    struct folding folding = {.fold = fold, .thread = thread, .stream = stream};
    folding.entity = rebuild_entity_of(rebuild, stream);
    folding.range = stream - rebuild->first_stream[folding.entity];
    ordered_queue_begin(&folding.producer, fold->ordered_queue, thread_pool, job);
    int r = folding.entity < rebuild->plan->entity_count
                ? fold_states_of(&folding, ret_error)
                : rebuild_fold_ids(rebuild, stream, fold->before, &thread->ids, &thread->ids_size,
                                   &folding.producer, ret_error);
    if (r < 0)
        thread_pool_stop(thread_pool); /* before ordered_queue_end(): the writer must not take the
                                          stream for complete */
    spill_forget(rebuild->spill, stream);
    ordered_queue_end(&folding.producer);
    return r;
}

/* Opened again without verification: choose_before() has read all of it. */
static int open_generation(struct fold *fold, struct error *ret_error) {
    const struct rebuild *rebuild = fold->rebuild;
    if (rebuild->before.id == 0)
        return 0;
    if (rebuild->starts_at_base) {
        int r =
            generation_open_base_of(rebuild->options->archive, archive_parts_begin(rebuild->parts),
                                    rebuild->plan->id, false, &fold->before, ret_error);
        if (r < 0 || !rebuild->base_lacks_plan)
            return r < 0 ? r : generation_bind(fold->before, rebuild->plan, ret_error);
        generation_bind_without_states(fold->before);
        return 0;
    }
    int r = generation_open_current(rebuild->options->generations, false, &fold->before, ret_error);
    if (r == 0 && generation_manifest(fold->before)->id != rebuild->before.id)
        r = error_set(ret_error, ERROR_UNAVAILABLE,
                      "%s: the current generation changed during the rebuild",
                      rebuild->options->generations);
    if (r == 0)
        r = generation_bind(fold->before, rebuild->plan, ret_error);
    return r;
}

static void open_thread(struct rebuild *rebuild, struct fold_thread *thread) {
    *thread = (struct fold_thread){.bulk = bulk_new(), .merge = bulk_new()};
    run_file_init(&thread->runs, rebuild_scratch_file, rebuild);
    buffer_init(&thread->state);
    buffer_init(&thread->key);
}

static void close_thread(struct fold_thread *thread) {
    bulk_free(thread->bulk);
    bulk_free(thread->merge);
    groups_deinit(&thread->groups);
    run_file_deinit(&thread->runs);
    free(thread->copy);
    free(thread->entries);
    free(thread->ids);
    buffer_deinit(&thread->state);
    buffer_deinit(&thread->key);
}

/* ---------------------------------------------------------------------------------------------
 * Writing */

static int put_entries(struct rebuild *rebuild, size_t stream,
                       const struct ordered_queue_block *block, struct error *ret_error) {
    if (rebuild->take_entries)
        return rebuild->take_entries(rebuild, stream, block->bytes, block->length, ret_error);
    return generation_writer_entries(rebuild->writer, rebuild_entity_of(rebuild, stream),
                                     block->bytes, block->length, ret_error);
}

/* Writes one stream's states as its job produces them. LMDB has one writer, hence one thread. */
static int write_stream(struct fold *fold, struct thread_pool *thread_pool, size_t stream,
                        struct error *ret_error) {
    struct rebuild *rebuild = fold->rebuild;
    struct ordered_queue_block *block = NULL;
    int r = 0, taken;
    while (r == 0 && !thread_pool_is_stopped(thread_pool) &&
           (taken = ordered_queue_take(fold->ordered_queue, stream - fold->first, &block)) != 0) {
        r = rebuild_progress(rebuild, REBUILD_FOLD, stream, fold->end, ret_error);
        if (taken < 0)
            continue;
        if (r == 0)
            r = put_entries(rebuild, stream, block, ret_error);
        ordered_queue_release(fold->ordered_queue, block);
    }
    return r;
}

static int run_thread_pool(struct fold *fold, struct error *ret_error) {
    struct rebuild *rebuild = fold->rebuild;
    size_t streams = fold->end - fold->first;
    fold->ordered_queue = ordered_queue_new(streams, rebuild->budget.ordered_queue_bytes);
    struct thread_pool *thread_pool =
        thread_pool_start(rebuild->threads, streams, fold_stream, fold);
    int r = 0;
    for (size_t stream = fold->first;
         stream < fold->end && r == 0 && !thread_pool_is_stopped(thread_pool); stream++) {
        r = write_stream(fold, thread_pool, stream, ret_error);
        if (r == 0 && atomic_load(&fold->is_late))
            thread_pool_stop(thread_pool);
    }
    if (r < 0)
        thread_pool_stop(thread_pool);
    struct error thread_pool_error;
    int thread_pool_result = thread_pool_finish(thread_pool, &thread_pool_error);
    if (r == 0 && thread_pool_result < 0) {
        *ret_error = thread_pool_error;
        r = thread_pool_result;
    }
    ordered_queue_free(fold->ordered_queue);
    return r;
}

int rebuild_fold(struct rebuild *rebuild, size_t first, size_t end, struct error *ret_error) {
    struct fold fold = {.rebuild = rebuild, .first = first, .end = end};
    generation_names_init(&fold.names, rebuild->plan);
    fold.threads = check_calloc(rebuild->threads, sizeof *fold.threads);
    for (size_t i = 0; i < rebuild->threads; i++)
        open_thread(rebuild, &fold.threads[i]);
    int r = open_generation(&fold, ret_error);
    if (r == 0)
        r = run_thread_pool(&fold, ret_error);
    for (size_t i = 0; i < rebuild->threads; i++)
        close_thread(&fold.threads[i]);
    generation_close(fold.before);
    generation_names_deinit(&fold.names);
    free(fold.threads);
    /* An amendment puts old entries in, but reads nothing. */
    rebuild->misses_states = rebuild->has_late && atomic_load(&fold.misses_states);
    return r < 0 ? r : atomic_load(&fold.is_late);
}
