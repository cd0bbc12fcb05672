#include "tune_rows.h"

#include "core/base/check.h"
#include "core/policy/eval/expression.h"

#include <stdlib.h>

size_t tune_row_size(const struct tune_problem *problem) {
    size_t size = sizeof(struct tune_row) + problem->column_count * (sizeof(uint64_t) + 1) +
                  problem->rule_count;
    return (size + 7) / 8 * 8;
}

void tune_reader_init(struct tune_reader *reader, const struct tune_problem *problem,
                      const struct tunables *tunables, struct report_amount amount,
                      int64_t immature_from_us) {
    *reader = (struct tune_reader){
        .problem = problem,
        .tunables = tunables,
        .amount = amount,
        .immature_from_us = immature_from_us,
        .is_chosen = check_calloc(tunables->snapshot->rule_count + 1, sizeof *reader->is_chosen),
        .base = check_calloc(1, problem->bases.size),
        .bases.size = problem->bases.size,
        .row_size = tune_row_size(problem)};
    arena_init(&reader->arena, EXPRESSION_MEMORY_MAX + EXPRESSION_LEFT_MAX);
    for (size_t i = 0; i < problem->rule_count; i++)
        reader->is_chosen[problem->rules[i].index] = true;
}

void tune_reader_deinit(struct tune_reader *reader) {
    arena_deinit(&reader->arena);
    free(reader->is_chosen);
    free(reader->base);
    free(reader->rows);
    tune_bases_deinit(&reader->bases);
    *reader = (struct tune_reader){0};
}

/* ---- the parts of a row ---- */

static uint64_t *values_of(const struct tune_row *row) {
    return (uint64_t *)(uintptr_t)(row + 1);
}

static uint8_t *types_of(const struct tune_problem *problem, const struct tune_row *row) {
    return (uint8_t *)(values_of(row) + problem->column_count);
}

static uint8_t *counts_of(const struct tune_problem *problem, const struct tune_row *row) {
    return types_of(problem, row) + problem->column_count;
}

struct value tune_row_value(const struct tune_problem *problem, const struct tune_row *row,
                            size_t column) {
    struct value value = {.type = (enum value_type)types_of(problem, row)[column]};
    uint64_t bits = values_of(row)[column];
    if (value.type == VALUE_DOUBLE)
        memcpy(&value.number, &bits, sizeof value.number);
    else if (value.type == VALUE_INT)
        value.integer = (int64_t)bits;
    else if (value.type == VALUE_BOOL)
        value.boolean = bits != 0;
    return value;
}

bool tune_row_counts(const struct tune_problem *problem, const struct tune_row *row, size_t rule) {
    return counts_of(problem, row)[rule] != 0;
}

static void put_value(const struct tune_problem *problem, struct tune_row *row, size_t column,
                      struct value value) {
    uint64_t *bits = &values_of(row)[column];
    types_of(problem, row)[column] = (uint8_t)value.type;
    *bits = 0;
    if (value.type == VALUE_DOUBLE)
        memcpy(bits, &value.number, sizeof *bits);
    else if (value.type == VALUE_INT)
        *bits = (uint64_t)value.integer;
    else if (value.type == VALUE_BOOL)
        *bits = value.boolean;
}

/* ---- what is not tuned ---- */

static void count_rule(struct tune_base *base, const struct rule *rule) {
    if (rule->group == SIZE_MAX)
        base->ungrouped += rule->score;
    else
        base->groups[rule->group] = group_total_with(base->groups[rule->group], rule->score);
    base->asked = verdict_more_severe(base->asked, rule->verdict);
}

static bool is_counted(const struct tune_reader *reader, const struct replay_row *row,
                       size_t rule) {
    return !reader->is_chosen[rule] &&
           engine_rule_would_count(row->engine, (uint32_t)rule,
                                   row->record->transaction.transaction.event_time_us);
}

/* Rules whose condition is an error ask for their on_error; which they are, no row says. */
static void count_failures(struct tune_reader *reader, const struct replay_row *row,
                           const struct value *frame) {
    const struct snapshot *snapshot = reader->tunables->snapshot;
    for (size_t i = 0; i < snapshot->rule_count; i++) {
        if (!is_counted(reader, row, i))
            continue;
        arena_reset(&reader->arena);
        struct value value = expression_eval(snapshot->rules[i].when, frame, &reader->arena);
        if (value.type == VALUE_ERROR)
            reader->base->asked = verdict_more_severe(
                reader->base->asked, verdict_on_error(snapshot->rules[i].on_error));
    }
}

static void read_base(struct tune_reader *reader, const struct replay_row *row,
                      const struct value *frame) {
    const struct snapshot *snapshot = reader->tunables->snapshot;
    memset(reader->base, 0, reader->problem->bases.size);
    reader->base->asked = VERDICT_APPROVE;
    for (size_t i = 0; i < row->fired_count; i++)
        if (is_counted(reader, row, row->fired[i]))
            count_rule(reader->base, &snapshot->rules[row->fired[i]]);
    if (row->decision->rule_errors > 0)
        count_failures(reader, row, frame);
    for (size_t i = 0; i < snapshot->budget_count && row->thresholds; i++) {
        enum verdict verdict = snapshot->budgets[i].verdict;
        reader->base->adopted[verdict] = engine_cutoff(row->engine, verdict);
        reader->adopted[verdict] |= reader->base->adopted[verdict] != 0;
    }
}

/* ---- a row ---- */

/* Texts and lists are no values of columns, so nothing of the arena is kept. */
static struct value read_column(struct tune_reader *reader, const struct tune_column *column,
                                const struct value *frame) {
    const struct expression *const *parts = reader->tunables->parts;
    arena_reset(&reader->arena);
    struct value value = expression_eval(parts[column->part], frame, &reader->arena);
    if (column->factor == SIZE_MAX)
        return value;
    arena_reset(&reader->arena);
    return tune_pivot(value, expression_eval(parts[column->factor], frame, &reader->arena),
                      column->relation, column->present);
}

void tune_reader_read(struct tune_reader *reader, const struct replay_row *row,
                      struct tune_row *ret_row) {
    const struct tune_problem *problem = reader->problem;
    const struct transaction *transaction = &row->record->transaction.transaction;
    const struct value *frame = engine_frame(row->engine);
    memset(ret_row, 0, reader->row_size);
    ret_row->event_time_us = transaction->event_time_us;
    ret_row->score = (uint16_t)row->decision->score;
    ret_row->verdict = (uint8_t)row->decision->verdict;
    ret_row->class = (uint8_t)report_class_of(row->outcome, transaction->event_time_us,
                                              reader->immature_from_us);
    report_amount_read(&reader->amount, transaction, frame, &ret_row->amount_minor);
    for (size_t i = 0; i < problem->column_count; i++)
        put_value(problem, ret_row, i, read_column(reader, &problem->columns[i], frame));
    for (size_t i = 0; i < problem->rule_count; i++)
        counts_of(problem, ret_row)[i] = engine_rule_would_count(
            row->engine, (uint32_t)problem->rules[i].index, transaction->event_time_us);
    read_base(reader, row, frame);
}

/* ---- keeping ---- */

void tune_reader_add(struct tune_reader *reader, const struct replay_row *row) {
    if (reader->row_count == reader->row_capacity) {
        reader->row_capacity = reader->row_capacity ? 2 * reader->row_capacity : 1024;
        reader->rows = check_reallocarray(reader->rows, reader->row_capacity, reader->row_size);
    }
    struct tune_row *kept = tune_reader_row(reader, reader->row_count++);
    tune_reader_read(reader, row, kept);
    kept->base = tune_bases_put(&reader->bases, reader->base);
}

/* ---- codes ---- */

/* A rule that fires or fails under some setting. */
static bool may_matter(enum tune_truth truth) {
    return truth != TUNE_FALSE && truth != TUNE_ABSENT;
}

void tune_row_code(const struct tune_problem *problem, const struct tune_row *row,
                   uint16_t *ret_codes, uint64_t *ret_live) {
    memset(ret_live, 0, problem->words * sizeof *ret_live);
    for (size_t i = 0; i < problem->column_count; i++)
        ret_codes[i] = tune_code(&problem->columns[i], tune_row_value(problem, row, i));
    for (size_t i = 0; i < problem->rule_count; i++)
        if (tune_row_counts(problem, row, i) &&
            may_matter(tune_condition_any(problem, &problem->rules[i], ret_codes)))
            tune_set_put(ret_live, i, true);
}
