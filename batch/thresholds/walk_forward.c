/* Each worker keeps what its own rows contributed, so taking rows needs no lock; the results do not
 * depend on who took which row, because thresholds are quantiles and cut-offs are counts. A night
 * applies the new outcomes, drops what no later night can read, and runs the same functions as a
 * rebuild over the rest. */
#include "walk_forward.h"

#include "batch/base/day.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "threshold_cutoff.h"
#include "threshold_guard.h"
#include "threshold_job.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX (1u << 20) /* that expressions build for one transaction */

/* A value of a threshold; its group's key lies in the same worker's `keys`. */
struct kept_value {
    int64_t event_time_us;
    double value;
    size_t key_offset;
    uint32_t threshold, key_length;
};

/* A score, for budgets. */
struct kept_score {
    int64_t event_time_us;
    uint64_t position;
    uint16_t score;
    uint8_t label;
};

struct later_label {
    uint64_t position;
    enum label label;
};

/* What one worker has taken. Scores are sorted by position at each night. */
struct kept_rows {
    struct kept_value *values;
    size_t value_count, value_room;
    struct kept_score *scores;
    size_t score_count, score_room;
    struct buffer keys;
    struct arena texts;
};

struct walk_forward {
    struct walk_forward_options options;
    struct kept_rows *workers;
    atomic_size_t bytes; /* kept, of all workers */
    struct later_label *labels;
    size_t label_count, label_room;
    int64_t newest_us; /* INT64_MIN: none yet */
};

struct walk_forward *walk_forward_new(const struct walk_forward_options *options) {
    struct walk_forward *walk = check_calloc(1, sizeof *walk);
    walk->options = *options;
    walk->newest_us = INT64_MIN;
    walk->workers = check_calloc(options->workers, sizeof *walk->workers);
    for (size_t i = 0; i < options->workers; i++) {
        buffer_init(&walk->workers[i].keys);
        arena_init(&walk->workers[i].texts, TEXT_BYTES_MAX);
    }
    return walk;
}

void walk_forward_free(struct walk_forward *walk) {
    if (!walk)
        return;
    for (size_t i = 0; i < walk->options.workers; i++) {
        free(walk->workers[i].values);
        free(walk->workers[i].scores);
        buffer_deinit(&walk->workers[i].keys);
        arena_deinit(&walk->workers[i].texts);
    }
    free(walk->workers);
    free(walk->labels);
    free(walk);
}

static int64_t score_reach_us(const struct snapshot *snapshot) {
    int64_t reach = 0;
    for (size_t i = 0; i < snapshot->budget_count; i++)
        reach = snapshot->budgets[i].over_us > reach ? snapshot->budgets[i].over_us : reach;
    return reach;
}

int64_t walk_forward_reach_us(const struct snapshot *snapshot) {
    int64_t reach = score_reach_us(snapshot);
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        reach = snapshot->thresholds[i].over_us > reach ? snapshot->thresholds[i].over_us : reach;
    return reach;
}

/* ---- taking ---- */

/* Counts bytes in use, not capacities: the half that is allowed includes no slack of the arrays. */
static int count_bytes(struct walk_forward *walk, size_t bytes, struct error *ret_error) {
    if (atomic_fetch_add(&walk->bytes, bytes) + bytes <= walk->options.memory_bytes / 2)
        return 0;
    return error_set(ret_error, ERROR_TOO_LARGE,
                     "the history that thresholds and budgets look at takes more than half of the "
                     "%zu MiB of memory: allow more, or replay without walk-forward",
                     walk->options.memory_bytes >> 20);
}

static int keep_value(struct walk_forward *walk, struct kept_rows *kept,
                      const struct walk_forward_row *row, const struct threshold_value *value,
                      struct error *ret_error) {
    if (kept->value_count == kept->value_room) {
        kept->value_room = kept->value_room ? 2 * kept->value_room : 1024;
        kept->values = check_reallocarray(kept->values, kept->value_room, sizeof *kept->values);
    }
    kept->values[kept->value_count++] =
        (struct kept_value){.event_time_us = row->event_time_us,
                            .value = value->value,
                            .key_offset = kept->keys.length,
                            .threshold = (uint32_t)value->threshold,
                            .key_length = (uint32_t)value->key_length};
    buffer_append(&kept->keys, value->key, value->key_length);
    return count_bytes(walk, sizeof *kept->values + value->key_length, ret_error);
}

int walk_forward_take(struct walk_forward *walk, size_t worker, const struct walk_forward_row *row,
                      struct error *ret_error) {
    const struct snapshot *snapshot = walk->options.snapshot;
    struct kept_rows *kept = &walk->workers[worker];
    struct threshold_value value;
    int r = 0;
    for (size_t i = 0; i < snapshot->threshold_count && r == 0; i++) {
        arena_reset(&kept->texts);
        if (threshold_value_read(snapshot, i, row->frame, &kept->texts, &value))
            r = keep_value(walk, kept, row, &value, ret_error);
    }
    if (r < 0 || snapshot->budget_count == 0 || row->is_backfilled)
        return r;
    if (kept->score_count == kept->score_room) {
        kept->score_room = kept->score_room ? 2 * kept->score_room : 1024;
        kept->scores = check_reallocarray(kept->scores, kept->score_room, sizeof *kept->scores);
    }
    kept->scores[kept->score_count++] = (struct kept_score){.event_time_us = row->event_time_us,
                                                            .position = row->position,
                                                            .score = (uint16_t)row->score};
    return count_bytes(walk, sizeof *kept->scores, ret_error);
}

void walk_forward_note_outcome(struct walk_forward *walk, uint64_t transaction_position,
                               enum label label) {
    if (walk->options.snapshot->budget_count == 0)
        return;
    if (walk->label_count == walk->label_room) {
        walk->label_room = walk->label_room ? 2 * walk->label_room : 1024;
        walk->labels = check_reallocarray(walk->labels, walk->label_room, sizeof *walk->labels);
    }
    walk->labels[walk->label_count++] =
        (struct later_label){.position = transaction_position, .label = label};
}

/* ---- nights ---- */

bool walk_forward_is_night(int64_t newest_us, int64_t event_time_us) {
    return newest_us != INT64_MIN && day_of_us(event_time_us) > day_of_us(newest_us);
}

void walk_forward_note_time(struct walk_forward *walk, int64_t event_time_us) {
    if (event_time_us > walk->newest_us)
        walk->newest_us = event_time_us;
}

static int compare_scores(const void *left, const void *right) {
    const struct kept_score *a = left, *b = right;
    return (a->position > b->position) - (a->position < b->position);
}

/* The transaction's score, among those of one worker; NULL: it is not there. */
static struct kept_score *find_score(const struct kept_rows *kept, uint64_t position) {
    const struct kept_score wanted = {.position = position};
    if (kept->score_count == 0)
        return NULL;
    return bsearch(&wanted, kept->scores, kept->score_count, sizeof wanted, compare_scores);
}

/* Applies the outcomes noted since the last night, in order: the last one of a transaction counts.
 */
static void take_labels(struct walk_forward *walk) {
    for (size_t w = 0; w < walk->options.workers; w++) {
        struct kept_rows *kept = &walk->workers[w];
        if (kept->score_count > 0)
            qsort(kept->scores, kept->score_count, sizeof *kept->scores, compare_scores);
        for (size_t i = 0; i < walk->label_count; i++) {
            struct kept_score *score = find_score(kept, walk->labels[i].position);
            if (score)
                score->label = (uint8_t)walk->labels[i].label;
        }
    }
    walk->label_count = 0;
}

/* Drops what no later night can read: newest_us never decreases, so what is older than its period
 * now stays so. */
static void forget_old(struct walk_forward *walk, struct kept_rows *kept) {
    const struct snapshot *snapshot = walk->options.snapshot;
    int64_t score_reach = score_reach_us(snapshot);
    size_t values = 0, scores = 0, bytes = kept->keys.length;
    struct buffer keys;
    buffer_init(&keys);
    for (size_t i = 0; i < kept->value_count; i++) {
        struct kept_value value = kept->values[i];
        if (value.event_time_us <= walk->newest_us - snapshot->thresholds[value.threshold].over_us)
            continue;
        const uint8_t *key = kept->keys.bytes + value.key_offset;
        value.key_offset = keys.length;
        buffer_append(&keys, key, value.key_length);
        kept->values[values++] = value;
    }
    for (size_t i = 0; i < kept->score_count; i++)
        if (kept->scores[i].event_time_us > walk->newest_us - score_reach)
            kept->scores[scores++] = kept->scores[i];
    bytes += (kept->value_count - values) * sizeof *kept->values +
             (kept->score_count - scores) * sizeof *kept->scores - keys.length;
    atomic_fetch_sub(&walk->bytes, bytes);
    kept->value_count = values;
    kept->score_count = scores;
    buffer_deinit(&kept->keys);
    kept->keys = keys;
}

static int put_values(const struct walk_forward *walk, struct threshold_sample *sample,
                      struct error *ret_error) {
    int r = 0;
    for (size_t w = 0; w < walk->options.workers; w++) {
        const struct kept_rows *kept = &walk->workers[w];
        for (size_t i = 0; i < kept->value_count && r == 0; i++) {
            const struct kept_value *from = &kept->values[i];
            struct threshold_value value = {
                .threshold = from->threshold, .key_length = from->key_length, .value = from->value};
            if (from->key_length > 0)
                memcpy(value.key, kept->keys.bytes + from->key_offset, from->key_length);
            r = threshold_sample_put(sample, &value, 1, ret_error);
        }
    }
    return r;
}

static int compute_values(const struct walk_forward *walk, struct threshold_job *job,
                          struct arena *arena, struct threshold_set *set, struct error *ret_error) {
    struct threshold_values *values = NULL;
    struct threshold_sample *sample = threshold_sample_new(
        job->snapshot, walk->options.memory_bytes / 2, walk->options.make_file, walk->options.user);
    int r = put_values(walk, sample, ret_error);
    if (r == 0)
        r = threshold_sample_compute(sample, arena, &values, ret_error);
    threshold_sample_free(sample);
    if (r < 0)
        return r;
    size_t count = job->snapshot->threshold_count;
    bool *too_large = arena_calloc(arena, count, sizeof *too_large);
    check(too_large);
    threshold_limit(values, too_large, count);
    threshold_guard(job, values, too_large);
    set->thresholds = values;
    set->threshold_count = count;
    return 0;
}

static void compute_cutoffs(const struct walk_forward *walk, const struct threshold_job *job,
                            struct arena *arena, struct threshold_set *set) {
    const struct snapshot *snapshot = job->snapshot;
    uint32_t all[VERDICT_COUNT];
    struct score_counts *counts = check_calloc(snapshot->budget_count, sizeof *counts);
    struct threshold_cutoff *cutoffs = arena_calloc(arena, snapshot->budget_count, sizeof *cutoffs);
    check(cutoffs);
    for (size_t w = 0; w < walk->options.workers; w++)
        for (size_t i = 0; i < walk->workers[w].score_count; i++) {
            const struct kept_score *score = &walk->workers[w].scores[i];
            for (size_t b = 0; b < snapshot->budget_count; b++)
                if (threshold_in_period(job, score->event_time_us, snapshot->budgets[b].over_us))
                    score_counts_add(&counts[b], score->score, (enum label)score->label);
        }
    threshold_cutoffs(job, counts, cutoffs, &set->cutoff_count, all);
    set->cutoffs = cutoffs;
    free(counts);
}

int walk_forward_compute(struct walk_forward *walk, const struct thresholds *in_force,
                         struct thresholds **ret_thresholds, struct error *ret_error) {
    struct threshold_report report = {0};
    struct threshold_set set = {0};
    struct arena arena;
    arena_init(&arena, SIZE_MAX / 4); /* what is kept limits it */
    arena_init(&report.arena, SIZE_MAX / 4);
    struct threshold_job job = {.snapshot = walk->options.snapshot,
                                .newest_us = walk->newest_us,
                                .in_force = in_force,
                                .report = &report};
    take_labels(walk);
    for (size_t w = 0; w < walk->options.workers; w++)
        forget_old(walk, &walk->workers[w]);
    int r = compute_values(walk, &job, &arena, &set, ret_error);
    if (r == 0) {
        compute_cutoffs(walk, &job, &arena, &set);
        *ret_thresholds = thresholds_new(&set);
    }
    arena_deinit(&arena);
    arena_deinit(&report.arena);
    return r;
}
