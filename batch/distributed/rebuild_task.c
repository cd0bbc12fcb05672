/* The description, little-endian: "HRT2", then version of the program (u64 length, bytes), policy
 * (u64 length, payload of its record), its position if it is a guess (u64), first position of
 * the ids (u64), shares (u64), bytes of a block (u64); for each entity of the plan its ranges:
 * prefix (u64 length, bytes), number of cuts (u64), cuts (u64 each); ranges of the ids (u64); the
 * parts. */
#include "rebuild_task.h"

#include "batch/tasks/task_bytes.h"
#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC TEXT_LITERAL("HRT2")

/* ---------------------------------------------------------------------------------------------
 * Out */

static void put_ranges(const struct ranges *ranges, struct buffer *buffer) {
    task_bytes_put(buffer, (struct text){.data = ranges->prefix, .length = ranges->prefix_length});
    buffer_append_u64(buffer, ranges->cut_count);
    for (size_t i = 0; i < ranges->cut_count; i++)
        buffer_append_u64(buffer, ranges->cuts[i]);
}

void rebuild_task_describe(const struct rebuild *rebuild, size_t shares, struct buffer *ret_bytes) {
    task_bytes_put_head(MAGIC, ret_bytes);
    task_bytes_put_policy(rebuild->folded, ret_bytes);
    buffer_append_u64(ret_bytes, rebuild->guessed_at);
    buffer_append_u64(ret_bytes, rebuild->ids_from);
    buffer_append_u64(ret_bytes, shares);
    buffer_append_u64(ret_bytes, rebuild->budget.block_bytes);
    for (size_t i = 0; i < rebuild->plan->entity_count; i++)
        put_ranges(&rebuild->ranges[i], ret_bytes);
    buffer_append_u64(ret_bytes, rebuild->id_ranges);
    size_t count = archive_parts_count(rebuild->parts);
    struct archive_part_bounds *parts = check_calloc(count + 1, sizeof *parts);
    for (size_t i = 0; i < count; i++)
        parts[i] = archive_part_bounds(rebuild->parts, i);
    task_bytes_put_parts(parts, count, ret_bytes);
    free(parts);
}

/* ---------------------------------------------------------------------------------------------
 * In */

/* The bytes may be unaligned. */
static void get_ranges(struct cursor *cursor, struct ranges *ret_ranges) {
    struct text prefix = task_bytes_get(cursor);
    uint64_t count = cursor_u64(cursor);
    if (cursor->failed || count >= RANGES_MAX || prefix.length > RANGES_PREFIX_MAX) {
        cursor->failed = true;
        return;
    }
    uint64_t *cuts = check_calloc(count + 1, sizeof *cuts);
    for (uint64_t i = 0; i < count; i++)
        cuts[i] = cursor_u64(cursor);
    ranges_restore(ret_ranges, prefix, cuts, (size_t)count);
    free(cuts);
}

static void get_streams(struct rebuild *rebuild, struct cursor *cursor) {
    size_t entities = rebuild->plan->entity_count;
    rebuild->ranges = check_calloc(entities, sizeof *rebuild->ranges);
    rebuild->first_stream = check_calloc(entities + 2, sizeof *rebuild->first_stream);
    for (size_t i = 0; i < entities && !cursor->failed; i++, rebuild->ranges_count++) {
        get_ranges(cursor, &rebuild->ranges[i]);
        rebuild->first_stream[i + 1] = rebuild->first_stream[i] + rebuild->ranges[i].count;
    }
    rebuild->id_ranges = (size_t)cursor_u64(cursor);
    rebuild->first_stream[entities + 1] = rebuild->first_stream[entities] + rebuild->id_ranges;
}

#define BLOCK_BYTES_MAX ((size_t)1 << 20)

/* Numbers that memory is asked for by. */
static bool is_sound(const struct rebuild_task *task) {
    size_t block_bytes = task->rebuild.budget.block_bytes;
    return task->shares > 0 && task->shares <= TASK_SHARES_MAX && block_bytes > 0 &&
           block_bytes <= BLOCK_BYTES_MAX && block_bytes % (size_t)sysconf(_SC_PAGESIZE) == 0 &&
           task->rebuild.id_ranges > 0 && task->rebuild.id_ranges < RANGES_MAX;
}

static int read_description(struct rebuild_task *task, struct text description,
                            struct error *ret_error) {
    struct cursor cursor = cursor_of(description.data, description.length);
    struct rebuild *rebuild = &task->rebuild;
    int checked = task_bytes_get_head(&cursor, MAGIC, ret_error);
    if (checked < 0)
        return checked;
    int r = task_bytes_get_policy(&cursor, &rebuild->folded, ret_error);
    if (r < 0)
        return r;
    if (rebuild->folded) {
        rebuild->snapshot = snapshot_ref(rebuild->folded);
        rebuild->plan = &rebuild->folded->plan;
    }
    cursor.failed |= !rebuild->folded;
    rebuild->guessed_at = cursor_u64(&cursor);
    rebuild->ids_from = cursor_u64(&cursor);
    task->shares = (size_t)cursor_u64(&cursor);
    rebuild->budget.block_bytes = (size_t)cursor_u64(&cursor);
    if (!cursor.failed)
        get_streams(rebuild, &cursor);
    task->parts = task_bytes_get_parts(&cursor, &task->part_count);
    if (cursor.failed || cursor_left(&cursor) > 0 || !is_sound(task))
        return error_set(ret_error, ERROR_INVALID, "the description of the rebuild is damaged");
    return 0;
}

/* One thread folds one stream at a time: half of the memory for its blocks, a sixth for the piece
 * at hand, the rest for what comes out. */
static void divide_memory(struct rebuild *rebuild, uint64_t memory_bytes) {
    struct budget *budget = &rebuild->budget;
    budget->streams_bytes = (size_t)(memory_bytes / 2);
    budget->piece_bytes = (size_t)(memory_bytes / 24);
    budget->ordered_queue_bytes = (size_t)(memory_bytes / 12);
}

int rebuild_task_open(struct text description, const char *scratch, uint64_t memory_bytes,
                      struct rebuild_task **ret_task, struct error *ret_error) {
    struct rebuild_task *task = check_calloc(1, sizeof *task);
    task->scratch = text_copy(text_of(scratch));
    task->options = (struct rebuild_options){
        .archive = task->scratch, .generations = task->scratch, .memory_bytes = memory_bytes};
    task->rebuild = (struct rebuild){
        .options = &task->options, .threads = 1, .before_tally.newest_event_time_us = INT64_MIN};
    int r = read_description(task, description, ret_error);
    if (r < 0) {
        rebuild_task_close(task);
        return r;
    }
    divide_memory(&task->rebuild, memory_bytes);
    *ret_task = task;
    return 0;
}

void rebuild_task_close(struct rebuild_task *task) {
    if (!task)
        return;
    struct rebuild *rebuild = &task->rebuild;
    for (size_t i = 0; i < rebuild->ranges_count; i++)
        ranges_deinit(&rebuild->ranges[i]);
    free(rebuild->ranges);
    free(rebuild->first_stream);
    snapshot_unref(rebuild->snapshot);
    snapshot_unref(rebuild->folded);
    free(task->parts);
    free(task->scratch);
    free(task);
}

struct spill *rebuild_task_spill(struct rebuild_task *task) {
    const struct spill_options options = {
        .streams = rebuild_streams(&task->rebuild),
        .writers = 1,
        .block_bytes = task->rebuild.budget.block_bytes,
        .limit_bytes = task->rebuild.budget.streams_bytes,
        .make_file = rebuild_scratch_file,
        .user = &task->rebuild,
    };
    return spill_new(&options);
}
