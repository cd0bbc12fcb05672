/* A part's values come from all shares; each share's are in the order of positions, so that with
 * one cursor a share they are taken as the records are read again. */
#include "feature_rows.h"

#include "batch/base/record_bytes.h"
#include "core/base/check.h"
#include "core/store/archive/file.h"
#include "feature_entries.h"
#include "task_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DECISION_BYTES_MAX ((size_t)64 << 20)

struct feature_rows {
    struct entity_entries_sink sink;
    const struct feature_task *task;
    const struct feature_listener *listener;
    char *folder;
    char *file; /* of the part, which came as a row; NULL: none */
    struct engine *entries, *judge;
    /* What is in force: of the records up to the one at hand. */
    struct cursor rare;
    struct list_table *lists;
    struct thresholds *thresholds;
    const struct thresholds *given; /* that decide instead; NULL: none */
    bool is_recorded;               /* nothing is decided */
    struct arena arena, decision;
    /* The part whose rows come. */
    bool has_part;
    size_t part;
    struct arrow_order order;
    struct buffer *values;  /* of each share */
    struct cursor *cursors; /* in them */
    struct buffer outcomes;
    uint8_t *labels; /* of each position */
    uint64_t *known; /* by which record */
    /* The record at hand. */
    uint64_t position;
    size_t *first_value; /* of each entity, in what was read */
    struct value *read;
    struct entity_reading *readings;
    int failed;
    struct error error;
    uint64_t refused;
};

/* ---------------------------------------------------------------------------------------------
 * What was read for a record */

static int mismatch(const struct feature_rows *rows, size_t share, struct error *ret_error) {
    return error_set(ret_error, ERROR_DAMAGED,
                     "record %" PRIu64
                     ": the values of share %zu are another record's: a part has changed",
                     rows->position, share);
}

static void take_entity(struct entity_entries_sink *self, const struct entity_entries *entries_of) {
    struct feature_rows *rows = (struct feature_rows *)self;
    const struct feature_task *task = rows->task;
    size_t entity = entries_of->entity;
    size_t share = feature_share(task, entity, entries_of->key_hash);
    struct cursor *cursor = &rows->cursors[share];
    uint64_t position = task->parts[rows->part].first + cursor_varint(cursor);
    uint64_t head = cursor_varint(cursor);
    if (rows->failed < 0)
        return;
    struct value *values = rows->read + rows->first_value[entity];
    for (size_t i = 0; i < task->policy->plan.entities[entity].feature_count; i++)
        values[i] = feature_value_get(cursor);
    if (cursor->failed || position != rows->position || head >> 1 != entity)
        rows->failed = mismatch(rows, share, &rows->error);
    rows->readings[entity] = (struct entity_reading){.values = values, .is_late = head & 1};
}

static int read_values(struct feature_rows *rows, const struct record *record,
                       struct error *ret_error) {
    size_t entities = rows->task->policy->plan.entity_count;
    memset(rows->readings, 0, entities * sizeof *rows->readings);
    rows->position = record->position;
    rows->failed = 0;
    engine_entity_entries(rows->entries, record, &rows->sink);
    if (rows->failed < 0)
        *ret_error = rows->error;
    return rows->failed;
}

/* ---------------------------------------------------------------------------------------------
 * Records */

static int take_transaction(struct feature_rows *rows, const struct record *record,
                            struct error *ret_error) {
    struct decision decision;
    struct text field;
    size_t at = (size_t)(record->position - rows->task->parts[rows->part].first);
    enum label label = (enum label)rows->labels[at];
    if (rows->is_recorded) {
        rows->listener->row(rows->listener->user, record, &record->transaction.decision, label);
        return 0;
    }
    int r = read_values(rows, record, ret_error);
    if (r < 0)
        return r;
    arena_reset(&rows->decision);
    engine_use_recorded(rows->judge, &record->transaction.decision);
    r = engine_judge(rows->judge, &record->transaction.transaction, rows->readings, true,
                     &rows->decision, &decision, &field, ret_error);
    if (r == -ERROR_INVALID) { /* the policy refuses it */
        rows->refused++;
        return 0;
    }
    if (r < 0)
        return error_prefix(ret_error, "the transaction at position %" PRIu64, record->position);
    decision.position = record->position;
    rows->listener->row(rows->listener->user, record, &decision, label);
    return 0;
}

static void take_thresholds(struct feature_rows *rows, const struct threshold_set *set) {
    struct thresholds *before = rows->thresholds;
    rows->thresholds = threshold_set_is_empty(set) ? NULL : thresholds_new(set);
    if (!rows->given)
        engine_use_thresholds(rows->judge, rows->thresholds);
    thresholds_free(before);
}

static void take_rare(struct feature_rows *rows, const struct record *record) {
    switch (record->type) {
    case RECORD_LIST_CHANGE:
    case RECORD_BRAKE:
    case RECORD_EXPERIMENT: /* it is ignored: one policy is for all */
        list_table_apply(rows->lists, record);
        break;
    case RECORD_GENERATION:
        take_thresholds(rows, &record->generation.thresholds);
        break;
    case RECORD_SNAPSHOT: /* one policy is for all */
    case RECORD_TRANSACTION:
    case RECORD_OUTCOME:
    case RECORD_AMENDMENT:
    case RECORD_ENGINE:
    case RECORD_SHADOW:
    case RECORD_ERASURE:
    case RECORD_LOST:
    case RECORD_TYPE_COUNT:
        break;
    }
}

/* The rare records before this position, most of which other parts have. */
static int catch_up(struct feature_rows *rows, uint64_t position, struct error *ret_error) {
    struct rare_record found;
    for (;;) {
        struct cursor before = rows->rare;
        struct record record;
        if (!feature_rare_next(&rows->rare, &found) || found.position >= position) {
            rows->rare = before;
            return 0;
        }
        arena_reset(&rows->arena);
        int r = record_decode(found.type, found.payload.data, found.payload.length, &rows->arena,
                              &record, ret_error);
        if (r < 0)
            return error_prefix(ret_error, "record %" PRIu64, found.position);
        record.position = found.position;
        take_rare(rows, &record);
    }
}

static int read_records(struct feature_rows *rows, struct archive_part_reader *reader,
                        struct error *ret_error) {
    struct archive_part_record found;
    int r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1) {
        struct record record;
        if (found.type != RECORD_TRANSACTION && found.type != RECORD_OUTCOME)
            continue;
        r = catch_up(rows, found.position, ret_error);
        if (r < 0)
            return r;
        arena_reset(&rows->arena);
        r = archive_part_decode(reader, &rows->arena, &record, ret_error);
        if (r == 0 && record.type == RECORD_TRANSACTION)
            r = take_transaction(rows, &record, ret_error);
        if (r < 0)
            return r;
    }
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * A part */

static int take_outcomes(struct feature_rows *rows, struct error *ret_error) {
    const struct archive_part_bounds *part = &rows->task->parts[rows->part];
    size_t count = (size_t)(part->until.position + 1 - part->first);
    struct cursor cursor = cursor_of(rows->outcomes.bytes, rows->outcomes.length);
    struct feature_outcome outcome;
    rows->labels = check_realloc(rows->labels, count + 1);
    rows->known = check_reallocarray(rows->known, count + 1, sizeof *rows->known);
    memset(rows->labels, LABEL_NONE, count);
    memset(rows->known, 0, count * sizeof *rows->known);
    while (feature_outcome_next(&cursor, &outcome)) {
        size_t at = (size_t)(outcome.transaction_position - part->first);
        if (at >= count || outcome.label >= LABEL_COUNT)
            return error_set(ret_error, ERROR_DAMAGED,
                             "an outcome of position %" PRIu64 " is not of part %zu",
                             outcome.transaction_position, rows->part);
        if (outcome.position <= rows->known[at])
            continue;
        rows->known[at] = outcome.position;
        rows->labels[at] = (uint8_t)outcome.label;
    }
    return 0;
}

static int read_part(struct feature_rows *rows, struct error *ret_error) {
    struct archive_parts *parts;
    struct archive_part_reader *reader;
    const struct archive_part_bounds *bounds = &rows->task->parts[rows->part];
    int r = archive_parts_open_one(rows->folder, bounds, &parts, ret_error);
    if (r < 0)
        return r;
    r = archive_part_open(parts, 0, 0, false, &reader, ret_error);
    if (r == 0) {
        r = read_records(rows, reader, ret_error);
        archive_part_close(reader);
    }
    archive_parts_close(parts);
    return r;
}

/* Values that no record has asked for. Outcomes are applied, not read, so there is none of them. */
static int check_all_taken(const struct feature_rows *rows, struct error *ret_error) {
    for (size_t share = 0; share < rows->task->shares; share++)
        if (cursor_left(&rows->cursors[share]) > 0)
            return mismatch(rows, share, ret_error);
    return 0;
}

static void forget_part(struct feature_rows *rows) {
    for (size_t share = 0; share < rows->task->shares; share++)
        buffer_clear(&rows->values[share]);
    buffer_clear(&rows->outcomes);
    if (rows->file)
        unlink(rows->file);
    free(rows->file);
    rows->file = NULL;
    rows->has_part = false;
}

static int end_part(struct feature_rows *rows, struct error *ret_error) {
    if (!rows->has_part)
        return 0;
    for (size_t share = 0; share < rows->task->shares; share++)
        rows->cursors[share] = cursor_of(rows->values[share].bytes, rows->values[share].length);
    int r = take_outcomes(rows, ret_error);
    if (r == 0)
        r = read_part(rows, ret_error);
    if (r == 0)
        r = check_all_taken(rows, ret_error);
    forget_part(rows);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Rows */

static int take_file(struct feature_rows *rows, struct text block, struct error *ret_error) {
    struct cursor cursor = cursor_of(block.data, block.length);
    struct text name = task_bytes_get(&cursor);
    const char *slash = name.length ? memchr(name.data, '/', name.length) : NULL;
    if (cursor.failed || !slash)
        return error_set(ret_error, ERROR_INVALID, "the file of a part is damaged");
    char *day = name_printf("%s/%.*s", rows->folder, (int)(slash - name.data), name.data);
    char *path = name_printf("%s/%" TEXT_FORMAT, rows->folder, TEXT_ARGS(name));
    int made = mkdir(day, 0700), failure = errno;
    free(day);
    rows->file = path;
    int file = made == 0 || failure == EEXIST
                   ? open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600)
                   : -1;
    if (file < 0 || file_write_at(file, cursor.at, cursor_left(&cursor), 0) < 0)
        failure = errno;
    else
        failure = 0;
    if (file >= 0)
        close(file);
    return failure ? error_set_errno(ret_error, failure, "cannot write %s", path) : 0;
}

static int take_row(struct feature_rows *rows, const struct arrow_row *row,
                    struct error *ret_error) {
    int r = arrow_order_next(&rows->order, row, ret_error);
    if (r > 0)
        r = end_part(rows, ret_error);
    if (r < 0)
        return r;
    if (row->stream < 0 || (size_t)row->stream >= rows->task->part_count)
        return error_set(ret_error, ERROR_INVALID, "part %" PRId32 " is not known", row->stream);
    rows->has_part = true;
    rows->part = (size_t)row->stream;
    if (row->sequence == FEATURE_FILE)
        return take_file(rows, row->block, ret_error);
    uint64_t share = (uint64_t)row->sequence >> 32;
    struct buffer *to = row->sequence >= FEATURE_OUTCOMES ? &rows->outcomes
                        : share < rows->task->shares      ? &rows->values[share]
                                                          : NULL;
    if (!to)
        return error_set(ret_error, ERROR_INVALID, "share %" PRIu64 " is not known", share);
    buffer_append(to, row->block.data, row->block.length);
    return 0;
}

int feature_rows_take(struct feature_rows *rows, const struct arrow_rows *batch,
                      struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < batch->count && r == 0; i++) {
        struct arrow_row row = arrow_rows_at(batch, i);
        r = take_row(rows, &row, ret_error);
    }
    return r;
}

int feature_rows_end(struct feature_rows *rows, struct error *ret_error) {
    return end_part(rows, ret_error);
}

void feature_rows_use_thresholds(struct feature_rows *rows, const struct thresholds *given) {
    rows->given = given;
    engine_use_thresholds(rows->judge, given);
}

void feature_rows_use_recorded(struct feature_rows *rows) {
    rows->is_recorded = true;
}

const struct value *feature_rows_frame(const struct feature_rows *rows) {
    return engine_frame(rows->judge);
}

const struct thresholds *feature_rows_thresholds(const struct feature_rows *rows) {
    return rows->thresholds;
}

uint64_t feature_rows_refused(const struct feature_rows *rows) {
    return rows->refused;
}

/* ---------------------------------------------------------------------------------------------
 * New and free */

static void lay_out(struct feature_rows *rows) {
    const struct plan *plan = &rows->task->policy->plan;
    size_t values = 0;
    rows->first_value = check_calloc(plan->entity_count + 1, sizeof *rows->first_value);
    for (size_t i = 0; i < plan->entity_count; i++) {
        rows->first_value[i] = values;
        values += plan->entities[i].feature_count;
    }
    rows->read = check_calloc(values + 1, sizeof *rows->read);
    rows->readings = check_calloc(plan->entity_count + 1, sizeof *rows->readings);
}

struct feature_rows *feature_rows_new(const struct feature_task *task, struct text rare,
                                      const char *folder, const struct feature_listener *listener) {
    struct feature_rows *rows = check_calloc(1, sizeof *rows);
    *rows = (struct feature_rows){.sink = {.take = take_entity},
                                  .task = task,
                                  .listener = listener,
                                  .folder = text_copy(text_of(folder)),
                                  .entries = engine_new(task->policy, task->policy),
                                  .judge = engine_new(task->policy, task->policy),
                                  .rare = cursor_of(rare.data, rare.length),
                                  .lists = list_table_new()};
    engine_use_lists(rows->judge, rows->lists);
    engine_omit_hash(rows->judge);
    engine_omit_check(rows->judge);
    engine_use_thresholds(rows->judge, NULL);
    arena_init(&rows->arena, RECORD_BYTES_MAX);
    arena_init(&rows->decision, DECISION_BYTES_MAX);
    rows->values = check_calloc(task->shares, sizeof *rows->values);
    rows->cursors = check_calloc(task->shares, sizeof *rows->cursors);
    lay_out(rows);
    return rows;
}

void feature_rows_free(struct feature_rows *rows) {
    if (!rows)
        return;
    forget_part(rows);
    engine_free(rows->entries);
    engine_free(rows->judge);
    list_table_free(rows->lists);
    thresholds_free(rows->thresholds);
    for (size_t share = 0; share < rows->task->shares; share++)
        buffer_deinit(&rows->values[share]);
    buffer_deinit(&rows->outcomes);
    arena_deinit(&rows->arena);
    arena_deinit(&rows->decision);
    free(rows->values);
    free(rows->cursors);
    free(rows->labels);
    free(rows->known);
    free(rows->first_value);
    free(rows->read);
    free(rows->readings);
    free(rows->folder);
    free(rows);
}
