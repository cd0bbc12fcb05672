/* Streams into tables. Threads fold the streams, each by itself: the entries are gathered under
 * their keys, each key's are made into a state at once, on top of the state it had in the
 * generation that the rebuild goes on from, and what that has between the keys is passed on. The
 * thread that called writes what they make, stream after stream, which is the order of the tables.
 *
 * A stream that is too large for a thread's share of memory is folded in pieces; each gives a
 * sorted run of states in a file, and the runs are merged, states of the same key too. */
#include "rebuild_internal.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/feature/bulk.h"
#include "numbered.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_EVERY 16 /* states */

/* All entries of one key in the piece at hand. */
struct group {
    const uint8_t *key;
    uint64_t hash;
    uint32_t key_length;
    uint32_t first, count; /* its entries in fold_thread.sorted */
};

struct gathered {
    const uint8_t *at; /* the entry in its stream */
    uint32_t group;
};

/* A run of states in the thread's file: u16 length of the key, u16 is there a late transaction, u32
 * length of the state, key, state. What is passed on to the writer looks the same. */
struct state_run {
    uint64_t offset, end;
    struct buffer window; /* what was read of it */
    size_t at;            /* in the window */
    struct text key, state;
    bool has_state, is_late;
};
#define RUN_HEAD   8
#define RUN_WINDOW ((size_t)128 << 10)

struct fold_thread {
    struct generation *before; /* its own way in; NULL: there is none */
    struct bulk *bulk, *merge;
    uint8_t *copy; /* of a piece's blocks that were in the file */
    size_t copy_size;
    struct gathered *gathered; /* in the order of the stream */
    const uint8_t **sorted;    /* the entries group by group, in the order of the keys */
    struct group *groups;
    uint32_t *slots; /* group + 1; 0: free */
    struct numbered *order, *order_scratch;
    struct bulk_entry *entries;
    size_t gathered_count, gathered_capacity, sorted_capacity, order_capacity;
    size_t group_count, group_capacity, slot_count, entry_capacity;
    int file; /* of runs; −1: none yet */
    uint64_t file_bytes;
    struct buffer run;   /* being written to it */
    struct buffer state; /* of a key that is in several runs */
    uint8_t *ids;
    size_t ids_size;
};

struct fold {
    struct rebuild *rebuild;
    struct fold_thread *threads;
    struct outlet *outlet;
    atomic_bool is_late; /* a transaction came so late that only a full rebuild knows its history */
};

/* One stream on its way. */
struct folding {
    struct fold *fold;
    struct fold_thread *thread;
    const struct entity_plan *plan;
    const struct ranges *ranges;
    size_t entity, range, stream;
    struct outlet_maker maker;
    /* Where the generation before has come to in this range. */
    struct generation_cursor *cursor;
    struct text before_key, before_state;
    bool has_before;
    size_t made; /* states */
    int failed;  /* a state is none: what pass_…() could not return */
    struct error error;
};

/* ---------------------------------------------------------------------------------------------
 * Gathering: a piece's entries under their keys */

static const uint8_t *entry_at(const uint8_t *at, struct stream_entry *ret_entry) {
    memcpy(&ret_entry->key_length, at, 2);
    memcpy(&ret_entry->body_size, at + 2, 2);
    memcpy(&ret_entry->time_us, at + 4, 8);
    ret_entry->key = at + STREAM_ENTRY_HEAD;
    return ret_entry->key + (ret_entry->key_length & (STREAM_ENTRY_TRANSACTION - 1)) +
           ret_entry->body_size;
}

static size_t key_length(const struct stream_entry *entry) {
    return entry->key_length & (STREAM_ENTRY_TRANSACTION - 1);
}

static void grow_slots(struct fold_thread *thread) {
    free(thread->slots);
    thread->slot_count = thread->slot_count ? 2 * thread->slot_count : 4096;
    thread->slots = check_calloc(thread->slot_count, sizeof *thread->slots);
    for (uint32_t i = 0; i < thread->group_count; i++) {
        size_t at = thread->groups[i].hash & (thread->slot_count - 1);
        while (thread->slots[at])
            at = (at + 1) & (thread->slot_count - 1);
        thread->slots[at] = i + 1;
    }
}

static uint32_t add_group(struct fold_thread *thread, const uint8_t *key, size_t length,
                          uint64_t hash) {
    if (thread->group_count == thread->group_capacity) {
        thread->group_capacity = thread->group_capacity ? 2 * thread->group_capacity : 1024;
        thread->groups =
            check_reallocarray(thread->groups, thread->group_capacity, sizeof *thread->groups);
    }
    check(thread->group_count < UINT32_MAX);
    uint32_t index = (uint32_t)thread->group_count++;
    thread->groups[index] =
        (struct group){.key = key, .hash = hash, .key_length = (uint32_t)length};
    return index;
}

static uint32_t group_of(struct fold_thread *thread, const uint8_t *key, size_t length) {
    if (2 * (thread->group_count + 1) > thread->slot_count)
        grow_slots(thread);
    uint64_t hash = hash64(key, length, 0);
    size_t at = hash & (thread->slot_count - 1);
    for (; thread->slots[at]; at = (at + 1) & (thread->slot_count - 1)) {
        const struct group *group = &thread->groups[thread->slots[at] - 1];
        if (group->hash == hash && group->key_length == length &&
            memcmp(group->key, key, length) == 0)
            return thread->slots[at] - 1;
    }
    thread->slots[at] = (uint32_t)thread->group_count + 1;
    return add_group(thread, key, length, hash);
}

static void gather(struct fold_thread *thread, const uint8_t *at,
                   const struct stream_entry *entry) {
    if (thread->gathered_count == thread->gathered_capacity) {
        thread->gathered_capacity =
            thread->gathered_capacity ? 2 * thread->gathered_capacity : 4096;
        thread->gathered = check_reallocarray(thread->gathered, thread->gathered_capacity,
                                              sizeof *thread->gathered);
    }
    uint32_t group = group_of(thread, entry->key, key_length(entry));
    thread->groups[group].count++;
    check(thread->gathered_count < UINT32_MAX);
    thread->gathered[thread->gathered_count++] = (struct gathered){.at = at, .group = group};
}

static void gather_block(struct fold_thread *thread, const uint8_t *bytes, size_t length) {
    const uint8_t *end = bytes + length;
    while (bytes < end) {
        struct stream_entry entry;
        const uint8_t *next = entry_at(bytes, &entry);
        gather(thread, bytes, &entry);
        bytes = next;
    }
}

static void forget_gathered(struct fold_thread *thread) {
    thread->gathered_count = thread->group_count = 0;
    if (thread->slots)
        memset(thread->slots, 0, thread->slot_count * sizeof *thread->slots);
}

static struct text group_key(const struct group *group) {
    return (struct text){.data = (const char *)group->key, .length = group->key_length};
}

/* By the whole key. */
static void sort_few(const struct fold_thread *thread, struct numbered *items, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct numbered item = items[i];
        struct text key = group_key(&thread->groups[item.item]);
        size_t j = i;
        for (; j > 0 && text_compare(group_key(&thread->groups[items[j - 1].item]), key) > 0; j--)
            items[j] = items[j - 1];
        items[j] = item;
    }
}

#define SORT_FEW 24

/* By the eight bytes at `from`, and those that are equal there by the next ones. All agree in what
 * comes before. */
static void sort_items(struct fold_thread *thread, struct numbered *items, size_t count,
                       size_t from) {
    for (size_t i = 0; i < count; i++)
        items[i].number = ranges_number_at(group_key(&thread->groups[items[i].item]), from);
    numbered_sort(items, thread->order_scratch, count);
    for (size_t i = 0; i < count;) {
        size_t next = i + 1;
        while (next < count && items[next].number == items[i].number)
            next++;
        if (next - i <= SORT_FEW || from > GENERATION_KEY_MAX)
            sort_few(thread, items + i, next - i);
        else
            sort_items(thread, items + i, next - i, from + 8);
        i = next;
    }
}

/* Puts the entries in the order of the sorted groups, so that they can be fetched ahead. */
static void sort_entries(struct fold_thread *thread) {
    if (thread->gathered_count > thread->sorted_capacity) {
        thread->sorted_capacity = thread->gathered_count + thread->gathered_count / 2;
        free(thread->sorted);
        thread->sorted = check_calloc(thread->sorted_capacity, sizeof *thread->sorted);
    }
    uint32_t first = 0;
    for (size_t i = 0; i < thread->group_count; i++) {
        struct group *group = &thread->groups[thread->order[i].item];
        uint32_t count = group->count;
        group->first = first;
        group->count = 0;
        first += count;
    }
    for (size_t i = 0; i < thread->gathered_count; i++) {
        struct group *group = &thread->groups[thread->gathered[i].group];
        thread->sorted[group->first + group->count++] = thread->gathered[i].at;
    }
}

/* In order of their keys. */
static struct numbered *sort_groups(struct folding *folding) {
    struct fold_thread *thread = folding->thread;
    size_t count = thread->group_count;
    if (count > thread->order_capacity) {
        thread->order_capacity = count + count / 2;
        free(thread->order);
        free(thread->order_scratch);
        thread->order = check_calloc(thread->order_capacity, sizeof *thread->order);
        thread->order_scratch = check_calloc(thread->order_capacity, sizeof *thread->order);
    }
    for (size_t i = 0; i < count; i++)
        thread->order[i].item = i;
    size_t common = folding->ranges->prefix_length;
    for (size_t i = 0; i < count; i++)
        if (thread->groups[i].key_length < common ||
            memcmp(thread->groups[i].key, folding->ranges->prefix, common) != 0)
            common = 0;
    sort_items(thread, thread->order, count, common);
    sort_entries(thread);
    return thread->order;
}

/* ---------------------------------------------------------------------------------------------
 * Folding and passing on */

static int64_t newest_us(const struct folding *folding) {
    return folding->fold->rebuild->report.tally.newest_event_time_us;
}

static bool is_idle(const struct folding *folding, struct text state) {
    const struct plan *plan = folding->fold->rebuild->plan;
    return state_is_idle(state.data, state.length, folding->plan, plan->lateness_us,
                         newest_us(folding));
}

/* Some of the states that are made here are checked here, while they are at hand: what is wrong in
 * the making is wrong in many. What is written is compared later, all of it, with what was passed
 * on. */
static bool is_whole(struct folding *folding, struct text state) {
    if (state.length == 0 || folding->made++ % CHECK_EVERY != 0 ||
        state_check(state.data, state.length, folding->plan, &folding->error) == 0)
        return true;
    folding->failed = error_prefix(&folding->error, "a state that was made is none");
    return false;
}

/* false: stopped. */
static bool pass_on(struct folding *folding, struct text key, struct text state) {
    if (is_idle(folding, state))
        return true;
    uint8_t *at = outlet_room(&folding->maker, RUN_HEAD + key.length + state.length);
    if (!at)
        return false;
    uint16_t lengths[2] = {(uint16_t)key.length, 0};
    uint32_t state_length = (uint32_t)state.length;
    memcpy(at, lengths, 4);
    memcpy(at + 4, &state_length, 4);
    memcpy(at + RUN_HEAD, key.data, key.length);
    memcpy(at + RUN_HEAD + key.length, state.data, state.length);
    return true;
}

static void next_before(struct folding *folding) {
    folding->has_before =
        folding->cursor &&
        generation_cursor_next(folding->cursor, &folding->before_key, &folding->before_state) &&
        ranges_find(folding->ranges, folding->before_key) == folding->range;
}

static void open_before(struct folding *folding) {
    if (!folding->thread->before)
        return;
    char begin[RANGES_PREFIX_MAX + 8];
    folding->cursor = generation_cursor_open(folding->thread->before, folding->entity);
    generation_cursor_seek(folding->cursor, ranges_begin(folding->ranges, folding->range, begin));
    next_before(folding);
}

/* Passes on what comes before the key. ret_state: what the key had, or empty. false: stopped. */
static bool pass_before(struct folding *folding, const struct text *key, struct text *ret_state) {
    *ret_state = (struct text){0};
    while (folding->has_before) {
        int order = key ? text_compare(folding->before_key, *key) : -1;
        if (order > 0)
            return true;
        if (order == 0)
            *ret_state = folding->before_state; /* in the table: it stays where it is */
        else if (!pass_on(folding, folding->before_key, folding->before_state))
            return false;
        next_before(folding);
        if (order == 0)
            return true;
    }
    return true;
}

/* Is there a transaction among them that came later than the lateness allows? */
static bool has_late(const struct folding *folding, const struct group *group) {
    const struct rebuild *rebuild = folding->fold->rebuild;
    const struct fold_thread *thread = folding->thread;
    int64_t newest_before_us = rebuild->before_tally.newest_event_time_us;
    if (newest_before_us == INT64_MIN)
        return false;
    for (uint32_t i = 0; i < group->count; i++) {
        struct stream_entry entry;
        entry_at(thread->sorted[group->first + i], &entry);
        if (entry.key_length & STREAM_ENTRY_TRANSACTION &&
            entry.time_us < newest_before_us - rebuild->plan->lateness_us)
            return true;
    }
    return false;
}

/* An entity that is not in the generation before may have been left out of it as idle. A
 * transaction within the lateness finds nothing of such a history; one that came later might. */
static void note_late(struct folding *folding, struct text before, struct text state) {
    if (before.length == 0 && !is_idle(folding, state))
        atomic_store(&folding->fold->is_late, true);
}

static struct bulk_entry *entries_of(struct fold_thread *thread, const struct group *group) {
    if (group->count > thread->entry_capacity) {
        thread->entry_capacity = group->count + group->count / 2;
        thread->entries =
            check_reallocarray(thread->entries, thread->entry_capacity, sizeof *thread->entries);
    }
    enum { AHEAD = 12 };
    const uint8_t *const *sorted = thread->sorted + group->first;
    size_t left = thread->gathered_count - group->first;
    for (size_t i = 0; i < group->count; i++) {
        struct stream_entry entry;
        if (i + AHEAD < left) { /* others' too */
            __builtin_prefetch(sorted[i + AHEAD]);
            __builtin_prefetch(sorted[i + AHEAD] + 63);
        }
        entry_at(sorted[i], &entry);
        thread->entries[i] = (struct bulk_entry){.time_us = entry.time_us,
                                                 .body = entry.key + key_length(&entry),
                                                 .size = entry.body_size};
    }
    return thread->entries;
}

static struct text fold_group(struct folding *folding, const struct group *group,
                              struct text before) {
    struct fold_thread *thread = folding->thread;
    return bulk_fold(thread->bulk, folding->plan, folding->fold->rebuild->plan->lateness_us, before,
                     entries_of(thread, group), group->count);
}

/* The piece at hand is the whole stream. false: stopped. */
static bool pass_groups(struct folding *folding) {
    const struct numbered *order = sort_groups(folding);
    struct text before;
    enum { AHEAD = 8 };
    for (size_t i = 0; i < folding->thread->group_count; i++) {
        if (i + AHEAD < folding->thread->group_count)
            __builtin_prefetch(&folding->thread->groups[order[i + AHEAD].item]);
        const struct group *group = &folding->thread->groups[order[i].item];
        struct text key = group_key(group);
        if (!pass_before(folding, &key, &before))
            return false;
        struct text state = fold_group(folding, group, before);
        if (folding->cursor && has_late(folding, group))
            note_late(folding, before, state);
        if (!is_whole(folding, state) || !pass_on(folding, key, state))
            return false;
    }
    return pass_before(folding, NULL, &before);
}

/* ---------------------------------------------------------------------------------------------
 * Pieces */

static int write_run_bytes(struct folding *folding, struct error *ret_error) {
    struct fold_thread *thread = folding->thread;
    if (thread->file < 0) {
        int file = generation_writer_scratch_file(folding->fold->rebuild->writer, ret_error);
        if (file < 0)
            return file;
        thread->file = file;
    }
    const uint8_t *bytes = thread->run.bytes;
    size_t left = thread->run.length;
    while (left > 0) {
        ssize_t r = pwrite(thread->file, bytes, left, (off_t)thread->file_bytes);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return error_set_errno(ret_error, r < 0 ? errno : ENOSPC,
                                   "cannot write what does not fit into memory");
        bytes += r;
        left -= (size_t)r;
        thread->file_bytes += (uint64_t)r;
    }
    buffer_clear(&thread->run);
    return 0;
}

/* The piece at hand becomes a run. */
static int write_run(struct folding *folding, struct state_run *ret_run, struct error *ret_error) {
    struct fold_thread *thread = folding->thread;
    const struct numbered *order = sort_groups(folding);
    *ret_run = (struct state_run){.offset = thread->file_bytes};
    int r = 0;
    for (size_t i = 0; i < thread->group_count && r == 0; i++) {
        const struct group *group = &thread->groups[order[i].item];
        struct text state = fold_group(folding, group, (struct text){0});
        bool is_late = folding->cursor && has_late(folding, group);
        uint16_t lengths[2] = {(uint16_t)group->key_length, is_late};
        buffer_append(&thread->run, lengths, 4);
        buffer_append_u32(&thread->run, (uint32_t)state.length);
        buffer_append(&thread->run, group->key, group->key_length);
        buffer_append(&thread->run, state.data, state.length);
        if (thread->run.length >= RUN_WINDOW)
            r = write_run_bytes(folding, ret_error);
    }
    if (r == 0)
        r = write_run_bytes(folding, ret_error);
    ret_run->end = thread->file_bytes;
    return r;
}

/* Makes `size` bytes from run->at on available. */
static int fill_window(const struct fold_thread *thread, struct state_run *run, size_t size,
                       struct error *ret_error) {
    size_t left = run->window.length - run->at;
    if (left >= size)
        return 0;
    if (left > 0)
        memmove(run->window.bytes, run->window.bytes + run->at, left);
    run->window.length = left;
    run->at = 0;
    size_t wanted = size - left > RUN_WINDOW ? size - left : RUN_WINDOW;
    if (wanted > run->end - run->offset)
        wanted = (size_t)(run->end - run->offset);
    uint8_t *at = buffer_reserve(&run->window, wanted);
    while (wanted > 0) {
        ssize_t r = pread(thread->file, at, wanted, (off_t)run->offset);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return error_set_errno(ret_error, r < 0 ? errno : EIO,
                                   "cannot read what did not fit into memory");
        at += r;
        wanted -= (size_t)r;
        run->offset += (uint64_t)r;
        run->window.length += (size_t)r;
    }
    return 0;
}

static int next_state(const struct fold_thread *thread, struct state_run *run,
                      struct error *ret_error) {
    run->has_state = run->at < run->window.length || run->offset < run->end;
    if (!run->has_state)
        return 0;
    int r = fill_window(thread, run, RUN_HEAD, ret_error);
    if (r < 0)
        return r;
    uint16_t lengths[2];
    uint32_t state_length;
    memcpy(lengths, run->window.bytes + run->at, 4);
    memcpy(&state_length, run->window.bytes + run->at + 4, 4);
    size_t size = RUN_HEAD + (size_t)lengths[0] + state_length;
    r = fill_window(thread, run, size, ret_error);
    if (r < 0)
        return r;
    const char *at = (const char *)run->window.bytes + run->at + RUN_HEAD;
    run->key = (struct text){.data = at, .length = lengths[0]};
    run->state = (struct text){.data = at + lengths[0], .length = state_length};
    run->is_late = lengths[1];
    run->at += size;
    return 0;
}

static struct text keep_state(struct fold_thread *thread, struct text state) {
    buffer_clear(&thread->state);
    buffer_append(&thread->state, state.data, state.length);
    return (struct text){.data = (const char *)thread->state.bytes, .length = state.length};
}

/* Puts the least key's states together, its state before too, and goes on in those runs. */
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
    /* The key lies in the first run's window: that one goes on last. */
    int r = 0;
    for (size_t i = count; i-- > least && r == 0;)
        if (runs[i].has_state && text_equal(runs[i].key, key))
            r = next_state(thread, &runs[i], ret_error);
    return r;
}

static int pass_runs(struct folding *folding, struct state_run *runs, size_t count,
                     struct error *ret_error) {
    int r = 0;
    bool stopped = false;
    for (size_t i = 0; i < count && r == 0; i++)
        r = next_state(folding->thread, &runs[i], ret_error);
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

/* Gathers blocks from `from` on that make up a piece. Returns the first one that does not. */
static size_t gather_piece(struct folding *folding, const struct spill_block *blocks, size_t count,
                           size_t from, int *ret_result, struct error *ret_error) {
    struct fold_thread *thread = folding->thread;
    const struct rebuild *rebuild = folding->fold->rebuild;
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
    forget_gathered(thread);
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
            gather_block(thread, at, blocks[i].length);
    }
    *ret_result = r;
    return to;
}

static int fold_pieces(struct folding *folding, struct error *ret_error) {
    struct fold_thread *thread = folding->thread;
    const struct spill_block *blocks;
    size_t count = spill_blocks(folding->fold->rebuild->spill, folding->stream, &blocks);
    int r;
    size_t next = gather_piece(folding, blocks, count, 0, &r, ret_error);
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
        if (r < 0 || next == count || crew_is_stopped(folding->maker.crew))
            break;
        next = gather_piece(folding, blocks, count, next, &r, ret_error);
        if (r < 0)
            break;
    }
    if (r == 0 && !crew_is_stopped(folding->maker.crew))
        r = pass_runs(folding, runs, run_count, ret_error);
    for (size_t i = 0; i < run_count; i++)
        buffer_deinit(&runs[i].window);
    free(runs);
    thread->file_bytes = 0; /* the next runs overwrite these */
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Threads */

static size_t entity_of(const struct rebuild *rebuild, size_t stream) {
    size_t entity = 0;
    while (rebuild->first_stream[entity + 1] <= stream)
        entity++;
    return entity;
}

static int fold_states_of(struct folding *folding, struct error *ret_error) {
    const struct rebuild *rebuild = folding->fold->rebuild;
    folding->plan = &rebuild->plan->entities[folding->entity];
    open_before(folding);
    int r = fold_pieces(folding, ret_error);
    generation_cursor_close(folding->cursor);
    if (r < 0 || folding->failed == 0)
        return r;
    *ret_error = folding->error;
    return folding->failed;
}

static int fold_stream(void *user, struct crew *crew, size_t worker, size_t job,
                       struct error *ret_error) {
    struct fold *fold = user;
    struct rebuild *rebuild = fold->rebuild;
    struct fold_thread *thread = &fold->threads[worker];
    struct folding folding = {.fold = fold, .thread = thread, .stream = job};
    folding.entity = entity_of(rebuild, job);
    folding.ranges = &rebuild->ranges[folding.entity];
    folding.range = job - rebuild->first_stream[folding.entity];
    outlet_begin(&folding.maker, fold->outlet, crew, job);
    int r = folding.entity < rebuild->plan->entity_count
                ? fold_states_of(&folding, ret_error)
                : rebuild_fold_ids(rebuild, job, thread->before, &thread->ids, &thread->ids_size,
                                   &folding.maker, ret_error);
    if (r < 0)
        crew_stop(crew); /* before the stream looks complete */
    spill_forget(rebuild->spill, job);
    outlet_end(&folding.maker);
    return r;
}

static int open_thread(struct rebuild *rebuild, struct fold_thread *thread,
                       struct error *ret_error) {
    *thread = (struct fold_thread){.bulk = bulk_new(), .merge = bulk_new(), .file = -1};
    buffer_init(&thread->run);
    buffer_init(&thread->state);
    if (rebuild->before.id == 0)
        return 0;
    int r =
        generation_open_current(rebuild->options->generations, false, &thread->before, ret_error);
    if (r == 0 && generation_manifest(thread->before)->id != rebuild->before.id)
        r = error_set(ret_error, ERROR_UNAVAILABLE,
                      "%s: the current generation was changed meanwhile",
                      rebuild->options->generations);
    if (r == 0)
        r = generation_bind(thread->before, rebuild->plan, ret_error);
    return r;
}

static void close_thread(struct fold_thread *thread) {
    generation_close(thread->before);
    bulk_free(thread->bulk);
    bulk_free(thread->merge);
    if (thread->file >= 0)
        close(thread->file);
    free(thread->copy);
    free(thread->gathered);
    free(thread->sorted);
    free(thread->groups);
    free(thread->slots);
    free(thread->order);
    free(thread->order_scratch);
    free(thread->entries);
    free(thread->ids);
    buffer_deinit(&thread->run);
    buffer_deinit(&thread->state);
}

/* ---------------------------------------------------------------------------------------------
 * Writing */

static int write_states(struct rebuild *rebuild, size_t entity, const struct outlet_block *block,
                        struct error *ret_error) {
    const uint8_t *at = block->bytes, *end = at + block->length;
    int r = 0;
    while (at < end && r == 0) {
        uint16_t lengths[2];
        uint32_t state_length;
        memcpy(lengths, at, 4);
        memcpy(&state_length, at + 4, 4);
        struct text key = {.data = (const char *)at + RUN_HEAD, .length = lengths[0]};
        struct text state = {.data = key.data + key.length, .length = state_length};
        r = generation_writer_state(rebuild->writer, entity, key, state, ret_error);
        at += RUN_HEAD + key.length + state.length;
    }
    return r;
}

static int write_ids(struct rebuild *rebuild, const struct outlet_block *block,
                     struct error *ret_error) {
    int r = 0;
    for (size_t at = 0; at < block->length && r == 0; at += FOLDED_ID_SIZE) {
        uint64_t folded[2];
        memcpy(folded, block->bytes + at, FOLDED_ID_SIZE);
        const struct known_id known = {.position = folded[1] >> 8,
                                       .label = (enum label)(folded[1] & 0xff)};
        r = generation_writer_id(rebuild->writer, folded[0], known, ret_error);
    }
    return r;
}

static int write_stream(struct fold *fold, struct crew *crew, size_t stream,
                        struct error *ret_error) {
    struct rebuild *rebuild = fold->rebuild;
    size_t entity = entity_of(rebuild, stream);
    struct outlet_block *block = NULL;
    int r = 0, taken;
    while (r == 0 && !crew_is_stopped(crew) &&
           (taken = outlet_take(fold->outlet, stream, &block)) != 0) {
        r = rebuild_tell(rebuild, REBUILD_FOLD, stream, rebuild_streams(rebuild), ret_error);
        if (taken < 0)
            continue;
        if (r == 0)
            r = entity < rebuild->plan->entity_count
                    ? write_states(rebuild, entity, block, ret_error)
                    : write_ids(rebuild, block, ret_error);
        free(block);
    }
    return r;
}

static int run_crew(struct fold *fold, struct error *ret_error) {
    struct rebuild *rebuild = fold->rebuild;
    size_t streams = rebuild_streams(rebuild);
    fold->outlet = outlet_new(streams, rebuild->budget.outlet_bytes);
    struct crew *crew = crew_hire(rebuild->threads, streams, fold_stream, fold);
    int r = 0;
    for (size_t stream = 0; stream < streams && r == 0 && !crew_is_stopped(crew); stream++) {
        r = write_stream(fold, crew, stream, ret_error);
        if (r == 0 && atomic_load(&fold->is_late))
            crew_stop(crew);
    }
    if (r < 0)
        crew_stop(crew);
    struct error crew_error;
    int crew_result = crew_dismiss(crew, &crew_error);
    if (r == 0 && crew_result < 0) {
        *ret_error = crew_error;
        r = crew_result;
    }
    outlet_free(fold->outlet);
    return r;
}

int rebuild_fold(struct rebuild *rebuild, struct error *ret_error) {
    struct fold fold = {.rebuild = rebuild};
    fold.threads = check_calloc(rebuild->threads, sizeof *fold.threads);
    int r = 0;
    size_t opened = 0;
    while (opened < rebuild->threads && r == 0)
        r = open_thread(rebuild, &fold.threads[opened++], ret_error);
    if (r == 0)
        r = run_crew(&fold, ret_error);
    for (size_t i = 0; i < opened; i++)
        close_thread(&fold.threads[i]);
    free(fold.threads);
    return r < 0 ? r : atomic_load(&fold.is_late);
}
