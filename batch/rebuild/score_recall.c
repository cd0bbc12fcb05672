/* Outcomes come later than the decisions: those of the new records are read first and put to the
 * scores of earlier nights while these are copied. */
#include "score_recall.h"

#include "batch/base/record_bytes.h"
#include "batch/thresholds/sample_files.h"
#include "rebuild_job.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>
#include <unistd.h>

#define FILE_KIND  'c'
#define SCORE_BITS 10u
#define LABEL_BITS 4u
#define POSITION_LAST                                                                              \
    ((UINT64_C(1) << (53 - SCORE_BITS - LABEL_BITS)) - 1) /* a double has 53 bits */
_Static_assert(DECISION_SCORE_MAX < 1 << SCORE_BITS, "a score fits");
_Static_assert(LABEL_COUNT <= 1 << LABEL_BITS, "a label fits");

struct new_label {
    uint64_t position;    /* of the transaction */
    uint64_t by_position; /* of the outcome */
    enum label label;
};

struct score_recall {
    struct threshold_job *job;
    int64_t after_us; /* the period begins behind it */
    uint64_t identity;
    int64_t other_us; /* event time of the newest one that another policy has decided; 0: none */
    struct sample_file *earlier; /* NULL: there are none */
    struct new_label *labels;
    size_t label_count, label_capacity, next_label;
    int draft; /* -1: none, or it is kept */
    struct sample_writer *writer;
};

/* ---- what scores depend on ---- */

static uint64_t hash_values(const struct threshold_values *values, uint64_t hash) {
    hash = hash64(&values->has_overall, sizeof values->has_overall, hash);
    hash = hash64(&values->overall, sizeof values->overall, hash);
    for (size_t i = 0; i < values->group_count; i++) {
        hash = hash64(values->keys[i].data, values->keys[i].length, hash);
        hash = hash64(&values->values[i], sizeof values->values[i], hash);
    }
    return hash;
}

/* The policy, and the values of the thresholds that its scores depend on. */
static uint64_t identity_of(const struct snapshot *snapshot, const struct thresholds *thresholds) {
    uint64_t hash = hash64(&snapshot->id, sizeof snapshot->id, sample_inputs(snapshot));
    for (size_t i = 0; i < snapshot->threshold_count; i++) {
        const struct threshold *threshold = &snapshot->thresholds[i];
        const struct threshold_values *values =
            threshold->is_scored
                ? thresholds_find(thresholds, threshold->name, threshold->definition)
                : NULL;
        hash = hash64(&i, sizeof i, hash);
        if (values)
            hash = hash_values(values, hash);
    }
    return hash;
}

/* ---- new outcomes ---- */

static int add_label(struct score_recall *recall, const struct record *record,
                     struct error *ret_error) {
    const struct outcome_record *outcome = &record->outcome;
    size_t most = (size_t)recall->job->rebuild->options->memory_bytes / 8 / sizeof *recall->labels;
    if (recall->label_count == recall->label_capacity) {
        size_t capacity = recall->label_capacity ? 2 * recall->label_capacity : 1024;
        if (capacity > most)
            return error_set(ret_error, ERROR_TOO_LARGE, "too many new outcomes");
        recall->label_capacity = capacity;
        recall->labels =
            check_reallocarray(recall->labels, recall->label_capacity, sizeof *recall->labels);
    }
    recall->labels[recall->label_count++] =
        (struct new_label){.position = outcome->transaction_position,
                           .by_position = record->position,
                           .label = outcome->label};
    return 0;
}

static int read_part(struct score_recall *recall, size_t part, struct arena *arena,
                     struct error *ret_error) {
    const struct rebuild *rebuild = recall->job->rebuild;
    struct archive_part_reader *reader;
    struct archive_part_record found;
    int r = archive_part_open(rebuild->parts, part, rebuild->before.place.position,
                              rebuild->options->drop_cache, &reader, ret_error);
    if (r < 0)
        return r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1) {
        struct record record;
        if (found.type != RECORD_OUTCOME)
            continue;
        arena_reset(arena);
        r = archive_part_decode(reader, arena, &record, ret_error);
        if (r == 0)
            r = add_label(recall, &record, ret_error);
        if (r < 0)
            break;
    }
    archive_part_close(reader);
    return r;
}

static int compare_labels(const void *left, const void *right) {
    const struct new_label *a = left, *b = right;
    if (a->position != b->position)
        return a->position < b->position ? -1 : 1;
    return (a->by_position > b->by_position) - (a->by_position < b->by_position);
}

static int read_labels(struct score_recall *recall, struct error *ret_error) {
    const struct rebuild *rebuild = recall->job->rebuild;
    size_t parts = archive_parts_count(rebuild->parts);
    struct arena arena;
    int r = 0;
    arena_init(&arena, RECORD_BYTES_MAX);
    for (size_t i = archive_parts_find(rebuild->parts, rebuild->before.place.position);
         i < parts && r == 0; i++)
        if (archive_parts_part(rebuild->parts, i).types >> RECORD_OUTCOME & 1)
            r = read_part(recall, i, &arena, ret_error);
    arena_deinit(&arena);
    if (r == 0 && recall->label_count > 0)
        qsort(recall->labels, recall->label_count, sizeof *recall->labels, compare_labels);
    return r;
}

/* The last one of the transaction, or the one it had. Positions only rise from call to call. */
static enum label label_of(struct score_recall *recall, uint64_t position, enum label label) {
    while (recall->next_label < recall->label_count &&
           recall->labels[recall->next_label].position <= position) {
        if (recall->labels[recall->next_label].position == position)
            label = recall->labels[recall->next_label].label;
        recall->next_label++;
    }
    return label;
}

/* ---- opening ---- */

static void forget_earlier(struct score_recall *recall) {
    sample_file_close(recall->earlier);
    recall->earlier = NULL;
}

static int begin_draft(struct score_recall *recall, struct error *ret_error) {
    struct text no_key = {.data = "", .length = 0};
    recall->draft = sample_draft_open(recall->job->rebuild->options->generations, ret_error);
    if (recall->draft < 0)
        return -(int)ret_error->code;
    recall->writer = sample_writer_new(recall->draft);
    return sample_writer_group(recall->writer, 0, no_key, ret_error);
}

static void end_draft(struct score_recall *recall) {
    sample_writer_free(recall->writer);
    recall->writer = NULL;
    if (recall->draft < 0)
        return;
    close(recall->draft);
    recall->draft = -1;
    sample_draft_remove(recall->job->rebuild->options->generations);
}

/* A file that cannot be used is as good as none, as are outcomes that take too much memory, and
 * tables from which new transactions cannot be decided. */
static int open_earlier(struct score_recall *recall, struct error *ret_error) {
    const struct rebuild *rebuild = recall->job->rebuild;
    struct error ignored;
    if (rebuild->before.place.position == 0 || rebuild->misses_states ||
        sample_kept_open(rebuild->options->generations, FILE_KIND, recall->identity,
                         rebuild->before.place, &recall->earlier, &ignored) < 0)
        return 0;
    recall->other_us = (int64_t)recall->earlier->origin.from.chain;
    int r = read_labels(recall, ret_error);
    if (r == -ERROR_TOO_LARGE) {
        forget_earlier(recall);
        r = 0;
    }
    return r;
}

int score_recall_open(struct threshold_job *job, const struct thresholds *thresholds,
                      int64_t longest_us, struct score_recall **ret_recall,
                      struct error *ret_error) {
    const struct rebuild *rebuild = job->rebuild;
    *ret_recall = NULL;
    if (job->snapshot->budget_count == 0 || rebuild->options->elsewhere ||
        rebuild->target.position > POSITION_LAST)
        return 0;
    struct score_recall *recall = check_calloc(1, sizeof *recall);
    *recall = (struct score_recall){.job = job,
                                    .after_us = job->newest_us - longest_us,
                                    .identity = identity_of(job->snapshot, thresholds),
                                    .draft = -1};
    int r = open_earlier(recall, ret_error);
    if (r == 0)
        r = begin_draft(recall, ret_error);
    if (r < 0)
        score_recall_close(recall);
    else
        *ret_recall = recall;
    return r;
}

void score_recall_close(struct score_recall *recall) {
    if (!recall)
        return;
    forget_earlier(recall);
    end_draft(recall);
    free(recall->labels);
    free(recall);
}

bool score_recall_has_earlier(const struct score_recall *recall) {
    return recall && recall->earlier;
}

bool score_recall_has_other(const struct score_recall *recall) {
    return score_recall_has_earlier(recall) && recall->other_us > recall->after_us;
}

/* ---- reading and writing ---- */

static struct recalled_score decode(double value, int64_t event_time_us) {
    uint64_t number = (uint64_t)value;
    return (struct recalled_score){
        .position = number >> (SCORE_BITS + LABEL_BITS),
        .event_time_us = event_time_us,
        .score = (uint32_t)(number >> LABEL_BITS & ((1u << SCORE_BITS) - 1)),
        .label = (enum label)(number & ((1u << LABEL_BITS) - 1)),
    };
}

int score_recall_put(struct score_recall *recall, const struct recalled_score *score,
                     struct error *ret_error) {
    double value = (double)(((score->position << SCORE_BITS | score->score) << LABEL_BITS) |
                            (unsigned)score->label);
    if (score->event_time_us <= recall->after_us)
        return 0;
    if (score->is_other && score->event_time_us > recall->other_us)
        recall->other_us = score->event_time_us;
    return sample_writer_values(recall->writer, &value, &score->event_time_us, 1, ret_error);
}

static int read_block(struct score_recall *recall, const struct sample_cursor *cursor,
                      void (*take)(void *user, const struct recalled_score *score), void *user,
                      struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < cursor->block_values && r == 0; i++) {
        struct recalled_score score = decode(cursor->values[i], cursor->times_us[i]);
        score.label = label_of(recall, score.position, score.label);
        if (score.event_time_us <= recall->after_us)
            continue;
        take(user, &score);
        r = score_recall_put(recall, &score, ret_error);
    }
    return r;
}

int score_recall_read(struct score_recall *recall,
                      void (*take)(void *user, const struct recalled_score *score), void *user,
                      struct error *ret_error) {
    const struct sample_section *section = sample_file_section(recall->earlier, 0);
    struct sample_cursor cursor;
    int r = 0;
    if (!section) /* no transaction was in the period */
        return 0;
    sample_cursor_init(&cursor, recall->earlier, section, 0);
    while (r == 0 && (r = sample_cursor_block(&cursor, ret_error)) > 0)
        r = read_block(recall, &cursor, take, user, ret_error);
    sample_cursor_deinit(&cursor);
    return r;
}

int score_recall_restart(struct score_recall *recall, struct error *ret_error) {
    forget_earlier(recall);
    recall->other_us = 0;
    end_draft(recall);
    return begin_draft(recall, ret_error);
}

int score_recall_keep(struct score_recall *recall, struct error *ret_error) {
    struct rebuild *rebuild = recall->job->rebuild;
    const struct sample_origin origin = {.inputs = recall->identity,
                                         .from = {.chain = (uint64_t)recall->other_us},
                                         .to = rebuild->target};
    int r = sample_writer_end(recall->writer, origin, ret_error);
    if (r == 0)
        r = sample_draft_keep(rebuild->options->generations, recall->draft, FILE_KIND,
                              rebuild->target.position, ret_error);
    if (r < 0)
        return r;
    close(recall->draft);
    recall->draft = -1;
    return 0;
}
