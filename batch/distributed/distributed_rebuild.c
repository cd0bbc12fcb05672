#include "distributed_rebuild.h"

#include "batch/base/record_bytes.h"
#include "batch/rebuild/list_queue.h"
#include "batch/rebuild/rebuild_policy.h"
#include "batch/rebuild/rebuild_records.h"
#include "core/base/check.h"
#include "distributed_thresholds.h"
#include "part_summary.h"
#include "rebuild_task.h"

#include <inttypes.h>
#include <stdlib.h>

struct distributed_rebuild {
    struct rebuild_elsewhere elsewhere;
    const struct distributed_options *options;
    struct rebuild *rebuild;
    struct sums sums;
    struct list_queue *lists;
    bool *has_part; /* whose summary came */
    size_t parts;   /* of them */
    uint64_t policy_position;
    struct buffer policy; /* the last one in the archive, if it is behind the guess */
    struct arrow_order order;
    uint64_t generation_position;      /* of the last adopted tables' record so far */
    bool is_settled, policy_was_other; /* see settle() */
    bool is_folding;                   /* else rows are of thresholds */
    struct distributed_thresholds *thresholds;
};

/* ---------------------------------------------------------------------------------------------
 * Rows */

static int take_summary(struct distributed_rebuild *distributed, const struct arrow_row *row,
                        struct error *ret_error) {
    struct part_summary summary;
    size_t part = (size_t)row->sequence;
    int r = part_summary_get(row->block, &summary, ret_error);
    if (r < 0)
        return r;
    if (part >= archive_parts_count(distributed->rebuild->parts) || distributed->has_part[part])
        return error_set(ret_error, ERROR_INVALID, "part %zu is scanned twice, or not known", part);
    distributed->has_part[part] = true;
    distributed->parts++;
    rebuild_add_sums(&distributed->sums, &summary.sums);
    if (summary.policy_position > distributed->policy_position) {
        distributed->policy_position = summary.policy_position;
        buffer_clear(&distributed->policy);
        buffer_append(&distributed->policy, summary.policy.data, summary.policy.length);
    }
    if (summary.sums.newest_generation_position > distributed->generation_position) {
        struct buffer *last = &distributed->rebuild->last_generation;
        distributed->generation_position = summary.sums.newest_generation_position;
        buffer_clear(last);
        buffer_append(last, summary.generation.data, summary.generation.length);
    }
    list_queue_put_kept(distributed->lists, part, summary.list_changes, summary.sources);
    return list_queue_finish(distributed->lists, part, ret_error);
}

/* 1: the policy behind the guess has other features. */
static int settle_policy(struct distributed_rebuild *distributed, struct error *ret_error) {
    struct rebuild *rebuild = distributed->rebuild;
    struct later_policy later = {0};
    if (distributed->policy_position == 0)
        return 0;
    struct arena arena;
    struct record record;
    const struct buffer *policy = &distributed->policy;
    arena_init(&arena, RECORD_BYTES_MAX);
    int r =
        record_decode(RECORD_SNAPSHOT, policy->bytes, policy->length, &arena, &record, ret_error);
    if (r == 0) {
        record.position = distributed->policy_position;
        r = !rebuild_note_policy(rebuild, &record, &later);
    }
    arena_deinit(&arena);
    if (r == 0)
        rebuild_use_later_policy(rebuild, &later);
    snapshot_unref(later.snapshot);
    if (r <= 0)
        return r;
    r = rebuild_take_policy(rebuild, buffer_text(policy), ret_error);
    return r < 0 ? r : 1;
}

static int check_parts(const struct distributed_rebuild *distributed, struct error *ret_error) {
    size_t parts = archive_parts_count(distributed->rebuild->parts);
    if (distributed->parts == parts)
        return 0;
    return error_set(ret_error, ERROR_INVALID, "%zu of the archive's %zu parts are scanned",
                     distributed->parts, parts);
}

/* All summaries come before the first entries, so that nothing is written after a wrong guess. */
static int settle(struct distributed_rebuild *distributed, struct error *ret_error) {
    int r = 0;
    if (!distributed->is_settled) {
        distributed->is_settled = true;
        r = check_parts(distributed, ret_error);
        if (r == 0) {
            rebuild_take_sums(distributed->rebuild, &distributed->sums);
            r = settle_policy(distributed, ret_error);
        }
        distributed->policy_was_other = r > 0;
    }
    if (distributed->policy_was_other)
        return error_set(ret_error, ERROR_UNAVAILABLE,
                         "the archive's last policy has other features than the one that was "
                         "guessed: starting over");
    return r;
}

static int take_row(struct distributed_rebuild *distributed, const struct arrow_row *row,
                    struct error *ret_error) {
    struct rebuild *rebuild = distributed->rebuild;
    if (row->stream < ARROW_STREAM_SUMMARY || row->stream >= (int32_t)rebuild_streams(rebuild))
        return error_set(ret_error, ERROR_INVALID, "stream %" PRId32 " is not known", row->stream);
    int r = arrow_order_next(&distributed->order, row, ret_error);
    if (r < 0)
        return r;
    if (row->stream == ARROW_STREAM_SUMMARY)
        return take_summary(distributed, row, ret_error);
    r = settle(distributed, ret_error);
    return r < 0 ? r
                 : generation_writer_entries(
                       rebuild->writer, rebuild_entity_of(rebuild, (size_t)row->stream),
                       (const uint8_t *)row->block.data, row->block.length, ret_error);
}

int distributed_rebuild_take(struct distributed_rebuild *distributed, const struct arrow_rows *rows,
                             struct error *ret_error) {
    int r = 0;
    if (!distributed->is_folding)
        return distributed_thresholds_take(distributed->thresholds, rows, ret_error);
    for (size_t i = 0; i < rows->count && r == 0; i++) {
        struct arrow_row row = arrow_rows_at(rows, i);
        r = take_row(distributed, &row, ret_error);
    }
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * The run */

static int run_tasks(struct distributed_rebuild *distributed, struct error *ret_error) {
    struct buffer description;
    buffer_init(&description);
    rebuild_task_describe(distributed->rebuild, distributed->options->shares, &description);
    distributed->is_folding = true;
    int r = distributed->options->run(distributed->options->user, distributed, DISTRIBUTED_FOLD,
                                      buffer_text(&description), ret_error);
    distributed->is_folding = false;
    buffer_deinit(&description);
    if (r == 0)
        r = settle(distributed, ret_error);
    return distributed->policy_was_other ? 1 : r;
}

static int run(struct rebuild_elsewhere *self, struct rebuild *rebuild, struct error *ret_error) {
    struct distributed_rebuild *distributed = (struct distributed_rebuild *)self;
    size_t parts = archive_parts_count(rebuild->parts);
    distributed->rebuild = rebuild;
    distributed->sums = REBUILD_SUMS_NONE;
    distributed->lists = list_queue_new(rebuild->lists, rebuild->sources, parts);
    distributed->has_part = check_calloc(parts, sizeof *distributed->has_part);
    distributed->parts = 0;
    distributed->policy_position = 0;
    distributed->order = (struct arrow_order){0};
    distributed->generation_position = 0;
    distributed->is_settled = distributed->policy_was_other = false;
    buffer_clear(&rebuild->last_generation);
    buffer_init(&distributed->policy);
    int r = run_tasks(distributed, ret_error);
    buffer_deinit(&distributed->policy);
    list_queue_free(distributed->lists);
    free(distributed->has_part);
    return r;
}

static int compute_values(struct rebuild_elsewhere *self, struct threshold_job *job,
                          struct threshold_values **ret_values, struct error *ret_error) {
    struct distributed_rebuild *distributed = (struct distributed_rebuild *)self;
    return distributed_thresholds_values(distributed->thresholds, job, ret_values, ret_error);
}

static int put_baselines(struct rebuild_elsewhere *self, rebuild_baseline_take *take, void *user,
                         struct error *ret_error) {
    struct distributed_rebuild *distributed = (struct distributed_rebuild *)self;
    return distributed_thresholds_baselines(distributed->thresholds, take, user, ret_error);
}

static int count_scores(struct rebuild_elsewhere *self, struct threshold_job *job,
                        const struct threshold_set *values, int64_t longest_us, bool recorded,
                        struct score_counts *counts, struct error *ret_error) {
    struct distributed_rebuild *distributed = (struct distributed_rebuild *)self;
    return distributed_thresholds_scores(distributed->thresholds, job, values, longest_us, recorded,
                                         counts, ret_error);
}

int distributed_rebuild_run(const struct rebuild_options *options,
                            const struct distributed_options *distributed_options,
                            struct progress *progress, struct rebuild_report *ret_report,
                            struct error *ret_error) {
    uint64_t range_bytes = distributed_options->range_bytes;
    struct distributed_rebuild distributed = {
        .elsewhere = {.run = run,
                      .values = compute_values,
                      .baselines = put_baselines,
                      .scores = count_scores,
                      .range_bytes = range_bytes ? range_bytes : DISTRIBUTED_RANGE_BYTES,
                      .streams_max = DISTRIBUTED_STREAMS_MAX},
        .options = distributed_options,
    };
    struct rebuild_options filled = *options;
    filled.elsewhere = &distributed.elsewhere;
    distributed.thresholds = distributed_thresholds_new(&distributed, distributed_options);
    int r = rebuild_run(&filled, progress, ret_report, ret_error);
    distributed_thresholds_free(distributed.thresholds);
    return r;
}
