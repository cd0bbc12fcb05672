/* The histograms of the days that a night replayed are kept in one file, named by its reported day,
 * which is written at once: a night that is cut off leaves all of them or none.
 *
 *   "HRNH" 1 · inputs (sample_inputs()), position and chain of the tables (8 each) · features
 * (varint) · for each its name (varint and bytes) · days (varint) · for each: days before the
 * reported one (varint), a histogram of each feature · counts of models (varint), the counts
 * (report_models.h) · hash of all before (8)
 *
 * One that is damaged, or of other features, is not used. */
#include "night_drift.h"

#include "batch/base/day.h"
#include "batch/replay/replay.h"
#include "batch/thresholds/sample_files.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/file.h"
#include "core/store/nights/night_files.h"
#include "night_day.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC           "HRNH\1"
#define HEAD_BYTES      (sizeof MAGIC - 1 + 3 * 8)
#define FILE_BYTES_MAX  ((size_t)256 << 20)
#define DAYS            (NIGHT_WEEK + 1) /* the last one is the reported day */
#define DAYS_BEFORE_MIN 3                /* kept ones are too few below that */
#define STATE_BYTES     1024             /* of memory, as a rule of thumb */

/* Histograms of all features for each day. */
struct day_histograms {
    struct night_histogram *days[DAYS]; /* of all features; NULL: none */
};

struct drift {
    const struct night_drift_options *options;
    uint64_t inputs; /* what values depend on beside the archive */
    const struct text *names;
    size_t feature_count;
    struct day_histograms kept;
    struct day_histograms *workers;
    size_t worker_count;
    struct report_models *models; /* of the reported day */
};

/* A feature is found by its name: mostly behind the one before it. SIZE_MAX: none. */
static size_t find_feature(const struct drift *drift, struct text name, size_t guess) {
    if (guess < drift->feature_count && text_equal(drift->names[guess], name))
        return guess;
    for (size_t i = 0; i < drift->feature_count; i++)
        if (text_equal(drift->names[i], name))
            return i;
    return SIZE_MAX;
}

/* ---- kept histograms ---- */

static void encode(const struct drift *drift, size_t first_day, struct buffer *out) {
    buffer_append(out, MAGIC, sizeof MAGIC - 1);
    buffer_append_u64(out, drift->inputs);
    buffer_append_u64(out, drift->options->until.position);
    buffer_append_u64(out, drift->options->until.chain);
    buffer_append_varint(out, drift->feature_count);
    for (size_t i = 0; i < drift->feature_count; i++) {
        buffer_append_varint(out, drift->names[i].length);
        buffer_append(out, drift->names[i].data, drift->names[i].length);
    }
    buffer_append_varint(out, DAYS - first_day);
    for (size_t day = first_day; day < DAYS; day++) {
        buffer_append_varint(out, DAYS - 1 - day);
        for (size_t i = 0; i < drift->feature_count; i++)
            night_histogram_encode(&drift->kept.days[day][i], out);
    }
    size_t count;
    report_models_counts(drift->models, &count);
    buffer_append_varint(out, count);
    report_models_encode(drift->models, out);
    buffer_append_u64(out, hash64(out->bytes, out->length, 0));
}

static struct night_histogram *histograms_new(const struct drift *drift) {
    return check_calloc(drift->feature_count + 1, sizeof(struct night_histogram));
}

static bool has_same_features(const struct drift *drift, struct cursor *cursor) {
    bool is_same = cursor_varint(cursor) == drift->feature_count;
    for (size_t i = 0; i < drift->feature_count && is_same && !cursor->failed; i++)
        is_same = text_equal(cursor_text(cursor, (size_t)cursor_varint(cursor)), drift->names[i]);
    return is_same && !cursor->failed;
}

/* The next day of a file: taken if it is one of those to compare, and not known yet. `ago`: days
 * from the file's reported day to this night's. */
static void decode_day(struct drift *drift, struct cursor *cursor, size_t ago) {
    uint64_t age = cursor_varint(cursor);
    struct night_histogram *histograms = histograms_new(drift);
    for (size_t i = 0; i < drift->feature_count && !cursor->failed; i++)
        night_histogram_decode(cursor, &histograms[i]);
    if (!cursor->failed && age < DAYS && age + ago < DAYS &&
        !drift->kept.days[DAYS - 1 - age - ago])
        drift->kept.days[DAYS - 1 - age - ago] = histograms;
    else
        free(histograms);
}

/* This night's own file, of an earlier attempt, holds only for the same records. */
static bool is_usable(const struct drift *drift, const uint8_t *bytes, size_t length, size_t ago) {
    const struct night_drift_options *options = drift->options;
    const uint8_t *ids = bytes + sizeof MAGIC - 1;
    return length >= HEAD_BYTES + 8 && memcmp(bytes, MAGIC, sizeof MAGIC - 1) == 0 &&
           load_u64(bytes + length - 8) == hash64(bytes, length - 8, 0) &&
           load_u64(ids) == drift->inputs &&
           (ago > 0 || (load_u64(ids + 8) == options->until.position &&
                        load_u64(ids + 16) == options->until.chain));
}

/* Of an earlier attempt. Its day is of no use without them. */
static void decode_models(struct drift *drift, struct cursor *cursor) {
    size_t count;
    report_models_counts(drift->models, &count);
    uint64_t found = cursor_left(cursor) > 0 ? cursor_varint(cursor) : 0;
    if (!cursor->failed && found == count)
        report_models_decode(drift->models, cursor);
    if (!cursor->failed && found == count)
        return;
    free(drift->kept.days[DAYS - 1]);
    drift->kept.days[DAYS - 1] = NULL;
}

static void decode(struct drift *drift, const char *file, size_t length, size_t ago) {
    const uint8_t *bytes = (const uint8_t *)file;
    if (!is_usable(drift, bytes, length, ago))
        return;
    struct cursor cursor = cursor_of(bytes + HEAD_BYTES, length - HEAD_BYTES - 8);
    uint64_t days = has_same_features(drift, &cursor) ? cursor_varint(&cursor) : 0;
    for (uint64_t i = 0; i < days && !cursor.failed; i++)
        decode_day(drift, &cursor, ago);
    if (ago == 0)
        decode_models(drift, &cursor);
}

static void load_kept(struct drift *drift) {
    for (size_t ago = 0; ago < DAYS; ago++) {
        char date[NIGHT_DATE_SIZE], *bytes;
        size_t length;
        struct error ignored; /* then it is computed again */
        night_date_format(drift->options->day - (int64_t)ago, date);
        if (file_load(drift->options->folder, date, FILE_BYTES_MAX, &bytes, &length, &ignored) < 0)
            continue;
        decode(drift, bytes, length, ago);
        free(bytes);
    }
}

static int keep(const struct drift *drift, size_t first_day, struct error *ret_error) {
    char date[NIGHT_DATE_SIZE];
    struct buffer bytes;
    buffer_init(&bytes);
    encode(drift, first_day, &bytes);
    int r = night_file_write(drift->options->folder, night_date_format(drift->options->day, date),
                             bytes.bytes, bytes.length, ret_error);
    buffer_deinit(&bytes);
    return r;
}

/* ---- the replay ---- */

static int take_row(void *user, size_t worker, const struct replay_row *row,
                    struct buffer *prepared, struct error *ret_error) {
    (void)prepared, (void)ret_error;
    struct drift *drift = user;
    const struct decision *decision = row->decision;
    int64_t day = day_of_us(row->record->transaction.transaction.event_time_us) -
                  (drift->options->day - NIGHT_WEEK);
    if (!decision || row->record->transaction.is_backfilled || day < 0 || day >= DAYS)
        return 0;
    if (day == DAYS - 1)
        report_models_take(drift->models, worker, row);
    struct night_histogram **histograms = &drift->workers[worker].days[day];
    if (!*histograms)
        *histograms = histograms_new(drift);
    size_t guess = 0;
    for (size_t i = 0; i < decision->feature_count; i++) {
        size_t feature = find_feature(drift, decision->features[i].name, guess);
        guess = feature + 1;
        if (feature != SIZE_MAX)
            (*histograms)[feature].counts[night_histogram_bin(decision->features[i].value)]++;
    }
    return 0;
}

/* Adds up the workers' histograms, and keeps those of the replayed days. */
static int take_replayed(struct drift *drift, int64_t from_day, struct error *ret_error) {
    size_t first_day = (size_t)(from_day - (drift->options->day - NIGHT_WEEK));
    for (size_t day = first_day; day < DAYS; day++) {
        free(drift->kept.days[day]);
        drift->kept.days[day] = histograms_new(drift);
        for (size_t worker = 0; worker < drift->worker_count; worker++)
            for (size_t i = 0; drift->workers[worker].days[day] && i < drift->feature_count; i++)
                night_histogram_add(&drift->kept.days[day][i],
                                    &drift->workers[worker].days[day][i]);
    }
    return keep(drift, first_day, ret_error);
}

/* From the tables of an earlier night, or else from the first record. */
static int open_replay(struct drift *drift, int64_t from_day, struct progress *progress,
                       struct replay **ret_replay, struct error *ret_error) {
    struct replay_options options = {
        .archive = drift->options->archive,
        .snapshot = drift->options->snapshot,
        .generations = drift->options->generations,
        .threads = drift->options->threads,
        .memory_bytes = drift->options->memory_bytes,
        .until = drift->options->until,
        .from_us = from_day * DAY_US,
        .to_us = (drift->options->day + 1) * DAY_US,
        .features = true,
    };
    int r = replay_open(&options, progress, ret_replay, ret_error);
    if (r != -ERROR_NOT_FOUND)
        return r;
    options.generations = NULL;
    return replay_open(&options, progress, ret_replay, ret_error);
}

/* Its states, which are no more than those of the tables and than one of each entity for each
 * record, and the histograms: of each worker and day, and the kept ones. */
static bool is_too_large(const struct drift *drift, const struct replay *replay,
                         struct night_drift *result) {
    const struct night_drift_options *options = drift->options;
    uint64_t records = replay_until(replay).position - replay_start(replay).position;
    uint64_t states = records * options->snapshot->plan.entity_count;
    if (states > options->states)
        states = options->states;
    size_t workers = replay_workers(replay);
    uint64_t bytes = states * STATE_BYTES +
                     (workers + 1) * DAYS * drift->feature_count * sizeof(struct night_histogram) +
                     report_models_bytes(options->snapshot, workers);
    if (bytes <= options->memory_bytes)
        return false;
    snprintf(result->reason, sizeof result->reason,
             "the replay would take about %" PRIu64 " MiB of memory for %" PRIu64
             " states and %zu features, and --memory is %" PRIu64 " MiB",
             bytes >> 20, states, drift->feature_count, options->memory_bytes >> 20);
    return true;
}

static int run_replay(struct drift *drift, int64_t from_day, struct progress *progress,
                      struct night_drift *result, struct error *ret_error) {
    const struct replay_listener listener = {.take = take_row, .user = drift};
    struct replay_report report;
    struct replay *replay;
    int r = open_replay(drift, from_day, progress, &replay, ret_error);
    if (r < 0)
        return r;
    if (is_too_large(drift, replay, result)) {
        replay_close(replay);
        return 0;
    }
    drift->worker_count = replay_workers(replay);
    drift->workers = check_calloc(drift->worker_count, sizeof *drift->workers);
    report_models_free(drift->models);
    drift->models = report_models_new(drift->options->snapshot, drift->worker_count);
    r = replay_run(replay, &listener, progress, &report, ret_error);
    if (r == 0)
        result->replayed = report.records;
    replay_close(replay);
    return r < 0 ? r : take_replayed(drift, from_day, ret_error);
}

/* ---- comparing ---- */

/* In whole days, rounded up. */
static int64_t reach_of(const struct snapshot *snapshot, struct text name) {
    for (size_t e = 0; e < snapshot->plan.entity_count; e++) {
        const struct entity_plan *entity = &snapshot->plan.entities[e];
        size_t begin = entity->name.length + 1;
        if (name.length <= begin || memcmp(name.data, entity->name.data, begin - 1) != 0)
            continue;
        const struct text rest = {name.data + begin, name.length - begin};
        for (size_t i = 0; i < entity->feature_count; i++)
            if (text_equal(entity->features[i].name, rest))
                return (entity->features[i].window_us + entity->features[i].delay_us + DAY_US - 1) /
                       DAY_US;
    }
    return 0;
}

static void compare(const struct drift *drift, struct night_drift *result) {
    const struct night_histogram *now = drift->kept.days[DAYS - 1];
    result->features = check_calloc(drift->feature_count + 1, sizeof *result->features);
    result->count = drift->feature_count;
    for (size_t day = 0; day + 1 < DAYS; day++)
        result->days_before += drift->kept.days[day] && drift->feature_count > 0 &&
                               night_histogram_total(drift->kept.days[day]) > 0;
    struct night_histogram *before = check_malloc(sizeof *before);
    for (size_t i = 0; i < drift->feature_count; i++) {
        struct night_feature_drift *feature = &result->features[i];
        memset(before, 0, sizeof *before);
        for (size_t day = 0; day + 1 < DAYS; day++)
            if (drift->kept.days[day])
                night_histogram_add(before, &drift->kept.days[day][i]);
        *feature = (struct night_feature_drift){
            .name = {.data = text_copy(drift->names[i]), .length = drift->names[i].length},
            .reach_days = reach_of(drift->options->snapshot, drift->names[i]),
            .absent = now[i].counts[NIGHT_BINS - 1],
            .absent_before = before->counts[NIGHT_BINS - 1]};
        feature->is_compared =
            night_histogram_compare(before, &now[i], &feature->index, &feature->noise);
        result->rows = night_histogram_total(&now[i]);
        result->rows_before = night_histogram_total(before);
    }
    free(before);
}

/* ---- the whole ---- */

static unsigned count_kept(const struct drift *drift) {
    unsigned count = 0;
    for (size_t day = 0; day + 1 < DAYS; day++)
        count += drift->kept.days[day] != NULL;
    return count;
}

static int fill(struct drift *drift, struct progress *progress, struct night_drift *result,
                struct error *ret_error) {
    const struct night_drift_options *options = drift->options;
    load_kept(drift);
    int64_t from_day =
        count_kept(drift) >= DAYS_BEFORE_MIN ? options->day : options->day - NIGHT_WEEK;
    if (drift->kept.days[DAYS - 1]) /* an earlier attempt has replayed it */
        return 0;
    return run_replay(drift, from_day, progress, result, ret_error);
}

static void drift_free(struct drift *drift) {
    for (size_t day = 0; day < DAYS; day++) {
        for (size_t worker = 0; worker < drift->worker_count; worker++)
            free(drift->workers[worker].days[day]);
        free(drift->kept.days[day]);
    }
    free(drift->workers);
    report_models_free(drift->models);
}

/* Of aggregates, what is computed from them and what models give; what is internal has no name. */
static struct text *feature_names(const struct snapshot *snapshot, size_t *ret_count) {
    struct text *names = check_calloc(snapshot->slot_count + 1, sizeof *names);
    size_t count = 0;
    size_t reported =
        snapshot->feature_count + snapshot->computed_count + snapshot->model_slot_count;
    for (size_t i = 0; i < reported; i++) {
        size_t slot = snapshot->first_feature + i;
        if (snapshot->slot_names[slot].length > 0)
            names[count++] = snapshot->slot_names[slot];
    }
    *ret_count = count;
    return names;
}

int night_drift_make(const struct night_drift_options *options, struct progress *progress,
                     struct night_drift *ret_drift, struct error *ret_error) {
    struct drift drift = {.options = options, .inputs = sample_inputs(options->snapshot)};
    struct night_drift result = {0};
    struct text *names = feature_names(options->snapshot, &drift.feature_count);
    drift.names = names;
    drift.models = report_models_new(options->snapshot, 1);
    int r = fill(&drift, progress, &result, ret_error);
    if (r == 0 && !*result.reason) {
        compare(&drift, &result);
        result.models = report_models_drift(drift.models, &result.model_count);
    }
    drift_free(&drift);
    free(names);
    if (r == 0)
        *ret_drift = result;
    return r;
}

void night_drift_deinit(struct night_drift *drift) {
    for (size_t i = 0; i < drift->count; i++)
        free((void *)(uintptr_t)drift->features[i].name.data);
    free(drift->features);
    free(drift->models);
    *drift = (struct night_drift){0};
}
