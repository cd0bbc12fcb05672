#include "train_rows.h"

#include "batch/base/machine.h"
#include "batch/report/report_amount.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/eval/expression.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define LEVELS 32
/* What a row costs at worst while a model is trained: a value with a float of it, the library's
 * sparse matrix (8 bytes for each) and its bins (up to 4). Sorting before that takes less. */
#define VALUE_BYTES  24u
#define ROW_BYTES    (2 * sizeof(struct train_row) + 64)
#define FAILED_SHARE 100 /* at most one in so many may fail */

/* One worker's rows. */
struct part {
    struct train_row *rows;
    uint8_t *levels; /* of each row; frauds have LEVELS */
    double *values;
    size_t count, capacity;
    unsigned level; /* what has been applied to them */
    struct arena arena;
    double *inputs; /* scratch */
    uint64_t refused, immature, suspected, failed, positives, transactions;
    struct text failure_of;
    uint64_t failure_position;
    char failure[256];
};

struct reading {
    const struct train_rows_options *options;
    const struct replay *replay;
    size_t input_count;
    uint64_t rows_max;
    int64_t immature_from_us;
    atomic_uint_fast64_t frauds, others[LEVELS]; /* others: by their own level */
    atomic_uint level;
    struct part *parts;
    size_t part_count;
};

/* ---- sampling ---- */

static unsigned level_of(uint64_t hash) {
    unsigned zeros = hash == 0 ? LEVELS - 1 : (unsigned)__builtin_ctzll(hash);
    return zeros < LEVELS ? zeros : LEVELS - 1;
}

static uint64_t kept_at(struct reading *reading, unsigned level) {
    uint64_t kept = atomic_load(&reading->frauds);
    for (unsigned i = level; i < LEVELS; i++)
        kept += atomic_load(&reading->others[i]);
    return kept;
}

/* Drops rows below the level that is in force now, in place. */
static void drop_sampled(struct part *part, size_t input_count, unsigned level) {
    size_t kept = 0;
    for (size_t i = 0; i < part->count; i++) {
        if (part->levels[i] < level)
            continue;
        if (kept != i) {
            part->rows[kept] = part->rows[i];
            part->levels[kept] = part->levels[i];
            memcpy(part->values + kept * input_count, part->values + i * input_count,
                   input_count * sizeof *part->values);
        }
        kept++;
    }
    part->count = kept;
    part->level = level;
}

/* Counts the row, and raises the level as far as needed. Counts only grow, so the level at the end
 * does not depend on the order in which rows were counted. */
static int count_row(struct reading *reading, bool is_positive, unsigned level,
                     struct error *ret_error) {
    if (is_positive)
        atomic_fetch_add(&reading->frauds, 1);
    else
        atomic_fetch_add(&reading->others[level], 1);
    unsigned now = atomic_load(&reading->level);
    while (kept_at(reading, now) > reading->rows_max) {
        if (now == LEVELS - 1 || atomic_load(&reading->frauds) > reading->rows_max)
            return error_set(ret_error, ERROR_TOO_LARGE,
                             "%" PRIu64 " frauds with %zu inputs do not fit: give more memory, a "
                             "shorter range or fewer inputs",
                             (uint64_t)atomic_load(&reading->frauds), reading->input_count);
        if (atomic_compare_exchange_strong(&reading->level, &now, now + 1))
            now++;
    }
    return 0;
}

/* ---- a row ---- */

static const char *failure_name(int code) {
    switch ((enum expression_error)code) {
    case EXPRESSION_OVERFLOW:
        return "overflow";
    case EXPRESSION_DIVISION_BY_ZERO:
        return "division by zero";
    case EXPRESSION_BAD_ARGUMENT:
        return "an argument outside its range";
    case EXPRESSION_TOO_LARGE:
        return "a value over its limit";
    case EXPRESSION_NO_SUCH_KEY:
        return "no such key";
    case EXPRESSION_OUT_OF_RANGE:
        return "an index outside its list";
    case EXPRESSION_REPEATED_KEY:
        return "a repeated key";
    case EXPRESSION_ERROR_COUNT:
        break;
    }
    return "an error";
}

/* The first input that fails; the first of all transactions is reported, whoever reads it. */
static void note_failure(struct part *part, const struct policy_model *model,
                         const struct replay_row *row) {
    const struct value *frame = engine_frame(row->engine);
    const struct model_shape *shape = model_shape(model->model);
    if (part->failed++ > 0 && row->record->position > part->failure_position)
        return;
    part->failure_position = row->record->position;
    for (size_t i = 0; i < shape->input_count; i++) {
        arena_reset(&part->arena);
        struct value v = expression_eval(model->bindings[i].expression, frame, &part->arena);
        if (v.type != VALUE_ERROR)
            continue;
        snprintf(part->failure, sizeof part->failure,
                 "%" TEXT_FORMAT " of transaction %" TEXT_FORMAT ": %s",
                 TEXT_ARGS(shape->inputs[i]), TEXT_ARGS(row->record->transaction.transaction.id),
                 failure_name(v.error_code));
        return;
    }
}

static void put_row(struct reading *reading, struct part *part, const struct replay_row *row,
                    bool is_positive, unsigned level) {
    size_t inputs = reading->input_count;
    if (part->count == part->capacity) {
        part->capacity = part->capacity ? part->capacity * 2 : 1024;
        part->rows = check_reallocarray(part->rows, part->capacity, sizeof *part->rows);
        part->levels = check_reallocarray(part->levels, part->capacity, sizeof *part->levels);
        part->values =
            check_reallocarray(part->values, part->capacity, inputs * sizeof *part->values);
    }
    part->rows[part->count] =
        (struct train_row){.event_time_us = row->record->transaction.transaction.event_time_us,
                           .position = row->record->position,
                           .weight = 1,
                           .is_positive = is_positive};
    part->levels[part->count] = (uint8_t)(is_positive ? LEVELS : level);
    for (size_t i = 0; i < inputs; i++)
        part->values[part->count * inputs + i] = part->inputs[i];
    part->count++;
}

/* false: it says nothing about fraud, and labels are asked for. One that is too young does not
 * count even if its outcome is known: frauds are known sooner than that the others are none, so the
 * youngest rows would be frauds alone. */
static bool is_usable(const struct reading *reading, struct part *part,
                      const struct replay_row *row, bool *ret_positive) {
    *ret_positive = false;
    if (reading->options->is_unlabelled)
        return true;
    if (row->record->transaction.transaction.event_time_us > reading->immature_from_us) {
        part->immature++;
        return false;
    }
    enum report_class class = report_class_of(row->outcome, 0, INT64_MAX);
    part->suspected += class == REPORT_SUSPECTED;
    *ret_positive = class == REPORT_POSITIVE;
    return report_class_counts(class);
}

static int take_row(void *user, size_t worker, const struct replay_row *row,
                    struct buffer *prepared, struct error *ret_error) {
    struct reading *reading = user;
    struct part *part = &reading->parts[worker];
    const struct transaction *transaction = &row->record->transaction.transaction;
    const struct policy_model *model = reading->options->model;
    struct value error;
    bool is_positive;
    (void)prepared;
    part->transactions++;
    if (!row->decision) {
        part->refused++;
        return 0;
    }
    if (!is_usable(reading, part, row, &is_positive))
        return 0;
    part->positives += is_positive;
    arena_reset(&part->arena);
    if (!policy_model_inputs(model, engine_frame(row->engine), &part->arena, part->inputs,
                             &error)) {
        note_failure(part, model, row);
        return 0;
    }
    unsigned level =
        level_of(hash64(transaction->id.data, transaction->id.length, reading->options->seed));
    int r = count_row(reading, is_positive, level, ret_error);
    if (r < 0)
        return r;
    unsigned now = atomic_load(&reading->level);
    if (now > part->level)
        drop_sampled(part, reading->input_count, now);
    if (is_positive || level >= now)
        put_row(reading, part, row, is_positive, level);
    return 0;
}

/* ---- all of them, in order ---- */

struct place {
    int64_t event_time_us;
    uint64_t position;
    uint32_t part;
    uint32_t index;
};

static int compare_places(const void *a, const void *b) {
    const struct place *first = a, *second = b;
    if (first->event_time_us != second->event_time_us)
        return first->event_time_us < second->event_time_us ? -1 : 1;
    return (first->position > second->position) - (first->position < second->position);
}

static struct place *sorted_places(const struct reading *reading, size_t count) {
    struct place *places = check_calloc(count + 1, sizeof *places);
    size_t at = 0;
    for (size_t p = 0; p < reading->part_count; p++)
        for (size_t i = 0; i < reading->parts[p].count; i++)
            places[at++] = (struct place){.event_time_us = reading->parts[p].rows[i].event_time_us,
                                          .position = reading->parts[p].rows[i].position,
                                          .part = (uint32_t)p,
                                          .index = (uint32_t)i};
    qsort(places, count, sizeof *places, compare_places);
    return places;
}

static void merge_counts(const struct reading *reading, struct train_rows *rows) {
    uint64_t earliest = UINT64_MAX;
    for (size_t p = 0; p < reading->part_count; p++) {
        const struct part *part = &reading->parts[p];
        rows->transactions += part->transactions;
        rows->positives += part->positives;
        rows->refused += part->refused;
        rows->immature += part->immature;
        rows->suspected += part->suspected;
        rows->failed += part->failed;
        if (part->failed > 0 && part->failure_position < earliest) {
            earliest = part->failure_position;
            memcpy(rows->failure, part->failure, sizeof rows->failure);
        }
    }
}

static void merge(struct reading *reading, struct train_rows *rows) {
    size_t inputs = reading->input_count;
    *rows = (struct train_rows){.input_count = inputs, .level = atomic_load(&reading->level)};
    merge_counts(reading, rows);
    for (size_t p = 0; p < reading->part_count; p++) {
        if (reading->parts[p].level < rows->level)
            drop_sampled(&reading->parts[p], inputs, rows->level);
        rows->count += reading->parts[p].count;
    }
    rows->sampled = rows->transactions - rows->refused - rows->immature - rows->suspected -
                    rows->failed - rows->count;
    struct place *places = sorted_places(reading, rows->count);
    rows->rows = check_calloc(rows->count + 1, sizeof *rows->rows);
    rows->values = check_calloc(rows->count + 1, inputs * sizeof *rows->values);
    for (size_t i = 0; i < rows->count; i++) {
        const struct part *part = &reading->parts[places[i].part];
        rows->rows[i] = part->rows[places[i].index];
        if (!rows->rows[i].is_positive)
            rows->rows[i].weight = (float)(UINT32_C(1) << rows->level);
        memcpy(rows->values + i * inputs, part->values + places[i].index * inputs,
               inputs * sizeof *rows->values);
    }
    free(places);
    if (rows->count > 0) {
        rows->first_us = rows->rows[0].event_time_us;
        rows->last_us = rows->rows[rows->count - 1].event_time_us;
    }
}

static int check_rows(const struct train_rows *rows, bool is_unlabelled, struct error *ret_error) {
    size_t positives = 0;
    for (size_t i = 0; i < rows->count; i++)
        positives += rows->rows[i].is_positive;
    if (rows->transactions == 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "the training range has no transactions");
    if (rows->failed > 0 && rows->failed >= rows->transactions / FAILED_SHARE + 1)
        return error_set(ret_error, ERROR_INVALID,
                         "an input fails for %" PRIu64 " of %" PRIu64
                         " transactions (at most one in %d may), first: %s",
                         rows->failed, rows->transactions, FAILED_SHARE, rows->failure);
    if (rows->count == 0)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "none of the %" PRIu64 " transactions of the training range can be used: "
                         "the policy refuses %" PRIu64 ", and %" PRIu64
                         " are too young for their outcomes to be known",
                         rows->transactions, rows->refused, rows->immature);
    if (is_unlabelled && rows->count == 1)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "the training range has one transaction that can be used; expected at "
                         "least 2");
    if (is_unlabelled)
        return 0;
    if (positives == 0)
        return error_set(
            ret_error, ERROR_NOT_FOUND,
            "the training range has no transaction that was known to be fraud when the "
            "test range begins: there is nothing to learn from");
    if (positives == rows->count)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "the training range has nothing but frauds: there is nothing to tell them "
                         "from");
    return 0;
}

/* ---- the replay ---- */

/* What the archive's span tells before anything is replayed. */
static int check_span(const struct train_rows_options *options, const struct replay *replay,
                      struct error *ret_error) {
    int64_t first_us, newest_us;
    if (!replay_span(replay, &first_us, &newest_us) || newest_us < options->from_us ||
        first_us >= options->until_us)
        return error_set(ret_error, ERROR_NOT_FOUND, "the training range has no transactions");
    if (newest_us < options->outcomes_until_us)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "the test range has no transactions: the archive ends before it");
    return 0;
}

static void open_parts(struct reading *reading) {
    reading->part_count = replay_workers(reading->replay);
    reading->parts = check_calloc(reading->part_count, sizeof *reading->parts);
    for (size_t i = 0; i < reading->part_count; i++) {
        arena_init(&reading->parts[i].arena, EXPRESSION_MEMORY_MAX + EXPRESSION_LEFT_MAX);
        reading->parts[i].inputs = check_calloc(reading->input_count, sizeof(double));
    }
}

static void close_parts(struct reading *reading) {
    for (size_t i = 0; i < reading->part_count; i++) {
        struct part *part = &reading->parts[i];
        arena_deinit(&part->arena);
        free(part->inputs);
        free(part->rows);
        free(part->levels);
        free(part->values);
    }
    free(reading->parts);
}

int train_rows_read(const struct train_rows_options *options, struct progress *progress,
                    struct train_rows *ret_rows, struct error *ret_error) {
    const struct replay_options replay_options = {.archive = options->archive,
                                                  .snapshot = options->snapshot,
                                                  .ignore_brakes = true,
                                                  .threads = options->threads,
                                                  .from_us = options->from_us,
                                                  .to_us = options->until_us,
                                                  .outcomes = true,
                                                  .outcomes_until_us = options->outcomes_until_us};
    uint64_t memory = options->memory_bytes ? options->memory_bytes : machine_memory_quarter();
    struct reading reading = {.options = options,
                              .input_count = model_shape(options->model->model)->input_count,
                              .immature_from_us =
                                  options->outcomes_after_us < 0
                                      ? INT64_MAX
                                      : options->outcomes_until_us - options->outcomes_after_us};
    const struct replay_listener listener = {.take = take_row, .user = &reading};
    struct replay_report report;
    struct replay *replay;
    reading.rows_max = memory / (reading.input_count * VALUE_BYTES + ROW_BYTES);
    if (reading.rows_max > UINT32_MAX)
        reading.rows_max = UINT32_MAX;
    int r = replay_open(&replay_options, progress, &replay, ret_error);
    if (r < 0)
        return r;
    reading.replay = replay;
    open_parts(&reading);
    r = check_span(options, replay, ret_error);
    if (r == 0)
        r = replay_run(replay, &listener, progress, &report, ret_error);
    replay_close(replay);
    struct train_rows rows = {0};
    if (r == 0) {
        merge(&reading, &rows);
        r = check_rows(&rows, options->is_unlabelled, ret_error);
    }
    close_parts(&reading);
    if (r < 0)
        train_rows_deinit(&rows);
    else
        *ret_rows = rows;
    return r;
}

void train_rows_deinit(struct train_rows *rows) {
    free(rows->values);
    free(rows->rows);
    *rows = (struct train_rows){0};
}

/* ---- the hash ---- */

void train_rows_hash(const struct train_rows *rows, char ret_hex[65]) {
    struct sha256 *sha = sha256_new();
    uint8_t digest[32], word[8];
    for (size_t i = 0; i < rows->count; i++) {
        store_u64(word, rows->rows[i].position);
        sha256_add(sha, word, 8);
        store_u64(word, (uint64_t)rows->rows[i].event_time_us);
        sha256_add(sha, word, 8);
        word[0] = rows->rows[i].is_positive;
        sha256_add(sha, word, 1);
        sha256_add(sha, rows->values + i * rows->input_count,
                   rows->input_count * sizeof *rows->values);
    }
    sha256_finish(sha, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}
