/* Values stay where the engine for batches keeps them. The value over all groups is found by its
 * order, 16 bits at a time (as batch/thresholds/sample_select.c does): each pass counts in tasks,
 * for all thresholds at once, until what is left of a threshold fits into its share of the memory.
 * A MAD takes a second search, among the distances from the median. */
#include "distributed_thresholds.h"

#include "batch/rebuild/rebuild_job.h"
#include "batch/thresholds/found_groups.h"
#include "core/base/check.h"
#include "core/store/archive/file.h"
#include "threshold_rows.h"
#include "threshold_search.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES ((size_t)1 << 20)

struct distributed_thresholds {
    struct distributed_rebuild *rebuild;
    const struct distributed_options *options;
    enum distributed_stage stage;
    const struct threshold_job *job;
    /* DISTRIBUTED_GROUPS */
    struct arena *arena;
    struct found_groups *groups; /* of each threshold */
    size_t group_bytes;
    int file; /* groups that thresholds keep in the tables, as they came; -1: none */
    uint64_t file_bytes;
    struct buffer file_end; /* not written yet */
    uint64_t last_hash;
    struct buffer last_key;
    bool has_last;
    /* DISTRIBUTED_COUNTS */
    struct threshold_search *searches;
    uint64_t told[2]; /* tasks that have told what they made: of features, of records */
    /* Scores. */
    struct score_counts *counts;
    bool is_other;
    size_t outputs; /* that came */
};

struct distributed_thresholds *
distributed_thresholds_new(struct distributed_rebuild *rebuild,
                           const struct distributed_options *options) {
    struct distributed_thresholds *thresholds = check_calloc(1, sizeof *thresholds);
    thresholds->rebuild = rebuild;
    thresholds->options = options;
    thresholds->file = -1;
    buffer_init(&thresholds->file_end);
    buffer_init(&thresholds->last_key);
    return thresholds;
}

void distributed_thresholds_free(struct distributed_thresholds *thresholds) {
    if (thresholds->file >= 0)
        close(thresholds->file);
    buffer_deinit(&thresholds->file_end);
    buffer_deinit(&thresholds->last_key);
    free(thresholds);
}

/* ---------------------------------------------------------------------------------------------
 * A stage */

static size_t part_count(const struct distributed_thresholds *thresholds) {
    return archive_parts_count(thresholds->job->rebuild->parts);
}

/* Tasks that get rows of an export of features; each has some parts. */
static size_t output_count(const struct distributed_thresholds *thresholds) {
    size_t count = part_count(thresholds), shares = thresholds->options->shares;
    return shares < count ? shares : count;
}

static void describe_features(const struct distributed_thresholds *thresholds,
                              struct buffer *ret_bytes) {
    const struct archive_parts *parts = thresholds->job->rebuild->parts;
    size_t count = part_count(thresholds);
    struct archive_part_bounds *bounds = check_calloc(count + 1, sizeof *bounds);
    for (size_t i = 0; i < count; i++)
        bounds[i] = archive_part_bounds(parts, i);
    feature_task_describe(bounds, count, thresholds->job->snapshot, thresholds->options->shares,
                          output_count(thresholds), ret_bytes);
    free(bounds);
}

static int run_stage(struct distributed_thresholds *thresholds, enum distributed_stage stage,
                     int64_t longest_us, const struct threshold_set *set,
                     const struct threshold_pass *passes, struct error *ret_error) {
    struct buffer features, description;
    buffer_init(&features);
    buffer_init(&description);
    describe_features(thresholds, &features);
    threshold_task_describe(thresholds->job, buffer_text(&features), longest_us, set, passes,
                            &description);
    thresholds->stage = stage;
    int r = thresholds->options->run(thresholds->options->user, thresholds->rebuild, stage,
                                     buffer_text(&description), ret_error);
    thresholds->stage = DISTRIBUTED_FOLD;
    buffer_deinit(&features);
    buffer_deinit(&description);
    return r < 0 ? r : 0;
}

/* ---------------------------------------------------------------------------------------------
 * Groups */

static int damaged(struct error *ret_error) {
    return error_set(ret_error, ERROR_INVALID, "a row of thresholds is damaged");
}

static int add_group(struct distributed_thresholds *thresholds, size_t index, struct text key,
                     double value, struct error *ret_error) {
    const struct threshold_job *job = thresholds->job;
    return found_groups_add(&thresholds->groups[index], &job->snapshot->thresholds[index],
                            (struct found_group){.key = key, .value = value},
                            (size_t)job->rebuild->options->memory_bytes, &thresholds->group_bytes,
                            thresholds->arena, ret_error);
}

static int flush_file(struct distributed_thresholds *thresholds, struct error *ret_error) {
    struct buffer *end = &thresholds->file_end;
    if (end->length > 0 && thresholds->file < 0)
        thresholds->file = rebuild_scratch_file(thresholds->job->rebuild, ret_error);
    if (end->length > 0 && thresholds->file < 0)
        return -(int)ret_error->code;
    if (end->length > 0 &&
        file_write_at(thresholds->file, end->bytes, end->length, thresholds->file_bytes) < 0)
        return error_set_errno(ret_error, errno, "cannot write the groups of thresholds");
    thresholds->file_bytes += end->length;
    buffer_clear(end);
    return 0;
}

/* They come in the tables' order: shares have ranges of hashes. Groups of two thresholds may have
 * the same hash and key only by a collision of 64 bits. */
static int add_baseline(struct distributed_thresholds *thresholds, uint64_t hash, struct text key,
                        double value, struct error *ret_error) {
    struct text last = buffer_text(&thresholds->last_key);
    if (thresholds->has_last && (hash < thresholds->last_hash ||
                                 (hash == thresholds->last_hash && text_compare(key, last) < 0)))
        return error_set(ret_error, ERROR_INVALID, "groups of thresholds are out of order");
    thresholds->has_last = true;
    thresholds->last_hash = hash;
    buffer_clear(&thresholds->last_key);
    buffer_append(&thresholds->last_key, key.data, key.length);
    buffer_append_u64(&thresholds->file_end, hash);
    buffer_append_varint(&thresholds->file_end, key.length);
    buffer_append(&thresholds->file_end, key.data, key.length);
    buffer_append(&thresholds->file_end, &value, sizeof value);
    return thresholds->file_end.length >= FILE_BYTES ? flush_file(thresholds, ret_error) : 0;
}

static bool get_group(struct cursor *cursor, struct text *ret_key, double *ret_value) {
    uint64_t length = cursor_varint(cursor);
    if (cursor->failed || length > THRESHOLD_KEY_MAX)
        return false;
    *ret_key = cursor_text(cursor, (size_t)length);
    uint64_t bits = cursor_u64(cursor);
    memcpy(ret_value, &bits, sizeof bits);
    return !cursor->failed;
}

/* How many values of each threshold a share had. */
static int take_grouped(struct distributed_thresholds *thresholds, struct text block,
                        struct error *ret_error) {
    struct cursor cursor = cursor_of(block.data, block.length);
    for (size_t i = 0; i < thresholds->job->snapshot->threshold_count; i++)
        thresholds->searches[i].grouped += cursor_varint(&cursor);
    return cursor.failed || cursor_left(&cursor) > 0 ? damaged(ret_error) : 0;
}

static int take_groups(struct distributed_thresholds *thresholds, const struct arrow_row *row,
                       struct error *ret_error) {
    struct cursor cursor = cursor_of(row->block.data, row->block.length);
    size_t count = thresholds->job->snapshot->threshold_count, index = (size_t)row->stream;
    int r = 0;
    if (index > count + 1)
        return damaged(ret_error);
    if (index == count + 1)
        return take_grouped(thresholds, row->block, ret_error);
    while (r == 0 && cursor_left(&cursor) > 0) {
        uint64_t hash = index == count ? cursor_u64(&cursor) : 0;
        struct text key;
        double value;
        if (!get_group(&cursor, &key, &value))
            return damaged(ret_error);
        r = index == count ? add_baseline(thresholds, hash, key, value, ret_error)
                           : add_group(thresholds, index, key, value, ret_error);
    }
    return r;
}

static int use_groups(struct distributed_thresholds *thresholds, size_t index,
                      struct threshold_values *values, struct error *ret_error) {
    found_groups_use(&thresholds->groups[index], thresholds->arena, values);
    for (size_t i = 1; i < values->group_count; i++)
        if (text_equal(values->keys[i], values->keys[i - 1]))
            return error_set(ret_error, ERROR_INVALID, "a group of a threshold came twice");
    return 0;
}

static bool has_groups(const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        if (snapshot->thresholds[i].key_count > 0)
            return true;
    return false;
}

static int find_groups(struct distributed_thresholds *thresholds, struct threshold_values *values,
                       struct error *ret_error) {
    const struct snapshot *snapshot = thresholds->job->snapshot;
    int r = 0;
    if (!has_groups(snapshot))
        return 0;
    thresholds->groups = check_calloc(snapshot->threshold_count, sizeof *thresholds->groups);
    r = run_stage(thresholds, DISTRIBUTED_GROUPS, 0, NULL, NULL, ret_error);
    if (r == 0)
        r = flush_file(thresholds, ret_error);
    for (size_t i = 0; i < snapshot->threshold_count; i++) {
        if (r == 0)
            r = use_groups(thresholds, i, &values[i], ret_error);
        free(thresholds->groups[i].groups);
    }
    free(thresholds->groups);
    thresholds->groups = NULL;
    return r;
}

int distributed_thresholds_baselines(struct distributed_thresholds *thresholds,
                                     rebuild_baseline_take *take, void *user,
                                     struct error *ret_error) {
    struct buffer piece;
    uint64_t at = 0;
    int r = 0;
    buffer_init(&piece);
    buffer_reserve(&piece, FILE_BYTES);
    while (r == 0 && at < thresholds->file_bytes) {
        ssize_t got = file_read_at(thresholds->file, piece.bytes, FILE_BYTES, at);
        struct cursor cursor = cursor_of(piece.bytes, got > 0 ? (size_t)got : 0);
        size_t used = 0;
        struct text key;
        double value;
        for (;;) { /* the last group of a piece goes on in the next one */
            uint64_t hash = cursor_u64(&cursor);
            if (!get_group(&cursor, &key, &value) || r < 0)
                break;
            used = (size_t)(cursor.at - piece.bytes);
            r = take(user, hash, key, value, ret_error);
        }
        if (r == 0 && used == 0)
            r = error_set_errno(ret_error, got < 0 ? errno : EIO,
                                "cannot read the groups of thresholds");
        at += used;
    }
    buffer_deinit(&piece);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Over all groups */

static int take_told(struct distributed_thresholds *thresholds, struct text block,
                     struct error *ret_error) {
    struct cursor cursor = cursor_of(block.data, block.length);
    for (size_t i = 0; i < 2; i++)
        thresholds->told[i] += cursor_u64(&cursor);
    for (size_t i = 0; i < thresholds->job->snapshot->threshold_count; i++)
        thresholds->searches[i].made += cursor_u64(&cursor);
    return cursor.failed || cursor_left(&cursor) > 0 ? damaged(ret_error) : 0;
}

static int take_counts(struct distributed_thresholds *thresholds, const struct arrow_row *row,
                       struct error *ret_error) {
    struct cursor cursor = cursor_of(row->block.data, row->block.length);
    if ((size_t)row->stream > thresholds->job->snapshot->threshold_count)
        return damaged(ret_error);
    if ((size_t)row->stream == thresholds->job->snapshot->threshold_count)
        return take_told(thresholds, row->block, ret_error);
    struct threshold_search *search = &thresholds->searches[row->stream];
    if (search->pass.kind == THRESHOLD_PASS_NONE)
        return damaged(ret_error);
    while (cursor_left(&cursor) > 0 && !cursor.failed) {
        if (search->pass.kind == THRESHOLD_PASS_COUNT) {
            unsigned digit = cursor_u8(&cursor);
            digit |= (unsigned)cursor_u8(&cursor) << 8;
            search->counts[digit] += cursor_u64(&cursor);
        } else if (search->kept_count == search->expected) {
            return damaged(ret_error);
        } else {
            search->kept[search->kept_count++] = cursor_u64(&cursor);
        }
    }
    return cursor.failed ? damaged(ret_error) : 0;
}

/* Each task that made values is heard of in each pass. */
static int check_told(const struct distributed_thresholds *thresholds, struct error *ret_error) {
    const struct threshold_job *job = thresholds->job;
    uint64_t expected[2] = {0};
    for (size_t i = 0; i < job->snapshot->threshold_count; i++)
        expected[job->reads_records[i]] =
            job->reads_records[i] ? part_count(thresholds) : output_count(thresholds);
    for (size_t i = 0; i < 2; i++)
        if (thresholds->told[i] != expected[i])
            return error_set(ret_error, ERROR_INVALID,
                             "values of thresholds came from %" PRIu64
                             " tasks over %s, and %" PRIu64 " were expected",
                             thresholds->told[i], i ? "records" : "features", expected[i]);
    return 0;
}

static int run_pass(struct distributed_thresholds *thresholds, struct threshold_pass *passes,
                    bool *ret_is_done, struct error *ret_error) {
    size_t count = thresholds->job->snapshot->threshold_count;
    size_t kept_max =
        (size_t)thresholds->job->rebuild->options->memory_bytes / 8 / count / sizeof(uint64_t);
    bool is_done = true;
    for (size_t i = 0; i < count; i++) {
        threshold_search_begin_pass(&thresholds->searches[i]);
        passes[i] = thresholds->searches[i].pass;
        is_done &= passes[i].kind == THRESHOLD_PASS_NONE;
    }
    *ret_is_done = is_done;
    if (is_done)
        return 0;
    memset(thresholds->told, 0, sizeof thresholds->told);
    int r = run_stage(thresholds, DISTRIBUTED_COUNTS, 0, NULL, passes, ret_error);
    if (r == 0)
        r = check_told(thresholds, ret_error);
    for (size_t i = 0; i < count && r == 0; i++)
        r = threshold_search_advance(&thresholds->searches[i], kept_max, ret_error);
    return r;
}

static int find_overall(struct distributed_thresholds *thresholds, struct threshold_values *values,
                        struct error *ret_error) {
    size_t count = thresholds->job->snapshot->threshold_count;
    struct threshold_pass *passes = check_calloc(count, sizeof *passes);
    bool is_done = false;
    int r = 0;
    while (r == 0 && !is_done)
        r = run_pass(thresholds, passes, &is_done, ret_error);
    for (size_t i = 0; i < count; i++)
        threshold_search_use(&thresholds->searches[i], &values[i]);
    free(passes);
    return r;
}

static void begin_searches(struct distributed_thresholds *thresholds) {
    const struct snapshot *snapshot = thresholds->job->snapshot;
    thresholds->searches = check_calloc(snapshot->threshold_count, sizeof *thresholds->searches);
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        threshold_search_init(&thresholds->searches[i], &snapshot->thresholds[i]);
}

static void end_searches(struct distributed_thresholds *thresholds) {
    for (size_t i = 0; i < thresholds->job->snapshot->threshold_count; i++)
        threshold_search_deinit(&thresholds->searches[i]);
    free(thresholds->searches);
    thresholds->searches = NULL;
}

/* ---------------------------------------------------------------------------------------------
 * All of it */

static int read_values(struct distributed_thresholds *thresholds, struct error *ret_error) {
    const struct threshold_job *job = thresholds->job;
    bool has_records = false, has_features = false;
    for (size_t i = 0; i < job->snapshot->threshold_count; i++) {
        has_records |= job->reads_records[i];
        has_features |= !job->reads_records[i];
    }
    int r = 0;
    if (has_records)
        r = run_stage(thresholds, DISTRIBUTED_RECORD_VALUES, 0, NULL, NULL, ret_error);
    if (r == 0 && has_features)
        r = run_stage(thresholds, DISTRIBUTED_FEATURE_VALUES, 0, NULL, NULL, ret_error);
    return r;
}

int distributed_thresholds_values(struct distributed_thresholds *thresholds,
                                  struct threshold_job *job, struct threshold_values **ret_values,
                                  struct error *ret_error) {
    const struct snapshot *snapshot = job->snapshot;
    struct arena *arena = &job->rebuild->computed;
    struct threshold_values *values =
        arena_calloc(arena, snapshot->threshold_count, sizeof *values);
    check(values);
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        values[i] = threshold_values_of(&snapshot->thresholds[i]);
    *ret_values = values;
    if (snapshot->threshold_count == 0) /* only budgets */
        return 0;
    thresholds->job = job;
    thresholds->arena = arena;
    begin_searches(thresholds);
    int r = read_values(thresholds, ret_error);
    if (r == 0)
        r = find_groups(thresholds, values, ret_error);
    if (r == 0)
        r = find_overall(thresholds, values, ret_error);
    end_searches(thresholds);
    return r;
}

int distributed_thresholds_scores(struct distributed_thresholds *thresholds,
                                  struct threshold_job *job, const struct threshold_set *values,
                                  int64_t longest_us, bool recorded, struct score_counts *counts,
                                  struct error *ret_error) {
    thresholds->job = job;
    thresholds->counts = counts;
    thresholds->is_other = false;
    thresholds->outputs = 0;
    int r =
        run_stage(thresholds, recorded ? DISTRIBUTED_RECORDED_SCORES : DISTRIBUTED_DERIVED_SCORES,
                  longest_us, values, NULL, ret_error);
    thresholds->counts = NULL;
    if (r == 0 && thresholds->outputs != output_count(thresholds))
        r = error_set(ret_error, ERROR_INVALID, "scores came from %zu tasks, and %zu were expected",
                      thresholds->outputs, output_count(thresholds));
    return r < 0 ? r : thresholds->is_other;
}

static int take_scores(struct distributed_thresholds *thresholds, const struct arrow_row *row,
                       struct error *ret_error) {
    int r = threshold_scores_add(thresholds->job, row->block, thresholds->counts, ret_error);
    if (r > 0 && thresholds->stage == DISTRIBUTED_DERIVED_SCORES)
        return damaged(ret_error);
    thresholds->is_other |= r > 0;
    thresholds->outputs++;
    return r < 0 ? r : 0;
}

static int take_row(struct distributed_thresholds *thresholds, const struct arrow_row *row,
                    struct error *ret_error) {
    if (row->stream < 0)
        return damaged(ret_error);
    switch (thresholds->stage) {
    case DISTRIBUTED_GROUPS:
        return take_groups(thresholds, row, ret_error);
    case DISTRIBUTED_COUNTS:
        return take_counts(thresholds, row, ret_error);
    case DISTRIBUTED_RECORDED_SCORES:
    case DISTRIBUTED_DERIVED_SCORES:
        return take_scores(thresholds, row, ret_error);
    case DISTRIBUTED_FOLD:
    case DISTRIBUTED_RECORD_VALUES:
    case DISTRIBUTED_FEATURE_VALUES:
        break;
    }
    return error_set(ret_error, ERROR_INVALID, "values of thresholds stay with the tasks");
}

int distributed_thresholds_take(struct distributed_thresholds *thresholds,
                                const struct arrow_rows *rows, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < rows->count && r == 0; i++) {
        struct arrow_row row = arrow_rows_at(rows, i);
        r = take_row(thresholds, &row, ret_error);
    }
    return r;
}
