/* Sums per worker, added up at the end. Money is read once per row in minor units of one currency,
 * the last policy's, so that a replay under several archived policies still adds up. */
#include "report.h"

#include "batch/base/day.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "report_amount.h"
#include "report_card_key.h"

#include <stdlib.h>

/* Of all reasons of a decision, and what their texts are made from. */
#define REASONS_BYTES_MAX (4u << 20)

/* How to read rows of one policy, and its rules' sums. */
struct reading {
    struct report_rule_sums sums;
    struct report_amount amount;
    const struct entity_binding *card; /* NULL: the policy has no such entity */
};

/* One worker's sums, aligned to a cache line: workers write theirs with every row. */
struct report_worker {
    _Alignas(64) struct report_tally tally;
    struct reading *readings; /* by policy, in the order in which they were met */
    size_t reading_count, last;
    struct report_changes changes;
    struct arena reasons; /* of one change */
    uint64_t refused, against_refused, degraded, rule_errors, changed;
    int64_t first_us, last_us;
};

struct report {
    struct report_options options;
    const struct snapshot *policy; /* its currency is the report's; NULL: the archive has none */
    struct report_worker *workers;
    size_t worker_count;
    struct report_cards *cards;
    struct report_models *models;
    struct report_model_drift *model_drift; /* at the end */
    struct report_figures figures;
};

static void worker_init(const struct report *report, struct report_worker *worker) {
    *worker = (struct report_worker){.first_us = INT64_MAX, .last_us = INT64_MIN};
    report_tally_init(&worker->tally);
    arena_init(&worker->reasons, REASONS_BYTES_MAX);
    report_changes_init(&worker->changes, report->options.listed);
}

struct report *report_new(const struct report_options *options, const struct replay *replay) {
    struct report *report = check_calloc(1, sizeof *report);
    *report = (struct report){.options = *options,
                              .policy = replay_last_policy(replay),
                              .worker_count = replay_workers(replay),
                              .cards = report_cards_new(options->k, options->blocked_after_days)};
    report->models = report_models_new(report->policy, report->worker_count);
    report->workers = aligned_alloc(64, report->worker_count * sizeof *report->workers);
    if (!report->workers)
        check_exhausted("memory");
    for (size_t i = 0; i < report->worker_count; i++)
        worker_init(report, &report->workers[i]);
    report_changes_init(&report->figures.changes, options->listed);
    return report;
}

static void worker_deinit(struct report_worker *worker) {
    report_tally_deinit(&worker->tally);
    arena_deinit(&worker->reasons);
    for (size_t i = 0; i < worker->reading_count; i++)
        report_rule_sums_deinit(&worker->readings[i].sums);
    free(worker->readings);
    report_changes_deinit(&worker->changes);
}

void report_free(struct report *report) {
    if (!report)
        return;
    for (size_t i = 0; i < report->worker_count; i++)
        worker_deinit(&report->workers[i]);
    free(report->workers);
    report_tally_deinit(&report->figures.tally);
    report_rules_deinit(&report->figures.rules);
    report_changes_deinit(&report->figures.changes);
    report_cards_free(report->cards);
    report_models_free(report->models);
    free(report->model_drift);
    free(report);
}

/* ---- policies ---- */

/* Finds or makes the worker's reading for a policy. Rows of one policy follow each other, so the
 * last one mostly fits. */
static struct reading *reading_of(const struct report *report, struct report_worker *worker,
                                  const struct snapshot *snapshot, uint64_t first_position) {
    size_t last = worker->last;
    if (last < worker->reading_count && worker->readings[last].sums.snapshot == snapshot)
        return &worker->readings[last];
    for (size_t i = 0; i < worker->reading_count; i++)
        if (worker->readings[i].sums.snapshot == snapshot)
            return &worker->readings[worker->last = i];
    worker->readings =
        check_reallocarray(worker->readings, worker->reading_count + 1, sizeof *worker->readings);
    struct reading *reading = &worker->readings[worker->last = worker->reading_count++];
    size_t entity = report_card_entity(snapshot, report->options.card);
    *reading = (struct reading){
        .amount = report_amount_of(snapshot, report->policy->schema.base_currency),
        .card = entity == SIZE_MAX ? NULL : &snapshot->bindings[entity],
    };
    report_rule_sums_init(&reading->sums, snapshot, first_position);
    return reading;
}

/* ---- a row ---- */

static struct report_fact fact_of(const struct report *report, const struct reading *reading,
                                  const struct replay_row *row, const struct value *frame) {
    const struct transaction *transaction = &row->record->transaction.transaction;
    struct report_fact fact = {
        .class = report_class_of(row->outcome, transaction->event_time_us,
                                 report->options.immature_from_us),
        .has_outcome = row->outcome != LABEL_NONE,
        .day = day_of_us(transaction->event_time_us),
        .verdicts = {row->decision->verdict, row->against->verdict},
        .scores = {row->decision->score, row->against->score},
    };
    fact.has_amount = report_amount_read(&reading->amount, transaction, frame, &fact.amount_minor);
    return fact;
}

/* Counts a changed verdict and keeps it if it belongs to the sample. Reasons are formatted only for
 * those that do: that is the expensive part. */
static int keep_change(const struct report *report, struct report_worker *worker,
                       const struct replay_row *row, struct error *ret_error) {
    const struct transaction *transaction = &row->record->transaction.transaction;
    struct decision decision = *row->decision;
    uint64_t hash = hash_text(transaction->id);
    worker->changed++;
    if (!report_changes_wants(&worker->changes, hash, row->record->position))
        return 0;
    arena_reset(&worker->reasons);
    int r = report->options.texts
                ? 0
                : engine_reasons(row->engine, &worker->reasons, &decision, ret_error);
    if (r < 0)
        return r;
    struct report_change change = {
        .hash = hash,
        .position = row->record->position,
        .id = {.data = text_copy(transaction->id), .length = transaction->id.length},
        .event_time_us = transaction->event_time_us,
        .amount_minor = transaction->amount_minor,
        .label = row->outcome,
    };
    if (transaction->currency.length == 3)
        memcpy(change.currency, transaction->currency.data, 3);
    report_decision_fill(&change.sides[REPORT_REPLAYED], &decision);
    report_decision_fill(&change.sides[REPORT_AGAINST], row->against);
    report_changes_put(&worker->changes, change);
    return 0;
}

/* What report_take() passes to report_row() for card precision: these bits and the card's hash. */
enum card_mark { MARK_COUNTS = 1, MARK_POSITIVE = 2, MARK_CARD = 4, MARK_HISTORY = 8 };

static void append_mark(struct buffer *prepared, unsigned mark, uint64_t card) {
    buffer_append_u8(prepared, (uint8_t)mark);
    buffer_append_u64(prepared, card);
}

static void append_card(const struct reading *reading, enum report_class class,
                        const struct value *frame, unsigned mark, struct buffer *prepared) {
    uint64_t card = 0;
    if (!report_class_counts(class)) {
        append_mark(prepared, 0, 0);
        return;
    }
    mark |= MARK_COUNTS | (class == REPORT_POSITIVE ? MARK_POSITIVE : 0);
    if (reading->card && report_card_read(reading->card, frame, &card))
        mark |= MARK_CARD;
    append_mark(prepared, mark, card);
}

static void note_time(struct report_worker *worker, int64_t at_us) {
    if (at_us < worker->first_us)
        worker->first_us = at_us;
    if (at_us > worker->last_us)
        worker->last_us = at_us;
}

static void count_refusal(struct report_worker *worker, const struct replay_row *row) {
    if (row->decision)
        worker->against_refused++;
    else
        worker->refused++;
}

int report_take(struct report *report, size_t worker_index, const struct replay_row *row,
                struct buffer *prepared, struct error *ret_error) {
    check(worker_index < report->worker_count);
    struct report_worker *worker = &report->workers[worker_index];
    int64_t at_us = row->record->transaction.transaction.event_time_us;
    bool is_history = at_us < report->options.history_until_us;
    if (!row->decision || !row->against) {
        if (!is_history)
            count_refusal(worker, row);
        append_mark(prepared, 0, 0);
        return 0;
    }
    const struct value *frame = engine_frame(row->engine);
    struct reading *reading =
        reading_of(report, worker, engine_rules(row->engine), row->record->position);
    struct report_fact fact = fact_of(report, reading, row, frame);
    append_card(reading, fact.class, frame, is_history ? MARK_HISTORY : 0, prepared);
    if (is_history)
        return 0;
    report_tally_add(&worker->tally, &fact);
    report_rule_sums_add(&reading->sums, &fact, row->engine, row->decision, row->fired,
                         row->fired_count);
    report_models_take(report->models, worker_index, row);
    note_time(worker, at_us);
    worker->degraded += row->decision->degraded;
    worker->rule_errors += row->decision->rule_errors > 0;
    if (row->decision->verdict == row->against->verdict)
        return 0;
    return keep_change(report, worker, row, ret_error);
}

void report_row(struct report *report, const struct replay_row *row, struct text mark) {
    struct cursor cursor = cursor_of(mark.data, mark.length);
    unsigned bits = cursor_u8(&cursor);
    uint64_t card = cursor_u64(&cursor);
    check(!cursor.failed);
    if ((bits & MARK_COUNTS) == 0)
        return;
    const struct report_card_row card_row = {
        .day = day_of_us(row->record->transaction.transaction.event_time_us),
        .has_card = (bits & MARK_CARD) != 0,
        .positive = (bits & MARK_POSITIVE) != 0,
        .is_history = (bits & MARK_HISTORY) != 0,
        .card = card,
        .scores = {row->decision->score, row->against->score},
    };
    report_cards_add(report->cards, &card_row);
}

/* ---- all workers together ---- */

/* Moves all sums from one worker to another and leaves the first one empty. */
static void move(const struct report *report, struct report_worker *from,
                 struct report_worker *to) {
    report_tally_merge(&to->tally, &from->tally);
    report_changes_merge(&to->changes, &from->changes);
    for (size_t i = 0; i < from->reading_count; i++) {
        const struct report_rule_sums *sums = &from->readings[i].sums;
        struct reading *reading = reading_of(report, to, sums->snapshot, sums->first_position);
        report_rule_sums_merge(&reading->sums, sums);
    }
    to->refused += from->refused;
    to->against_refused += from->against_refused;
    to->degraded += from->degraded;
    to->rule_errors += from->rule_errors;
    to->changed += from->changed;
    if (from->first_us < to->first_us)
        to->first_us = from->first_us;
    if (from->last_us > to->last_us)
        to->last_us = from->last_us;
    worker_deinit(from);
    worker_init(report, from);
}

/* Moves everything to the first worker. */
static struct report_worker *collect(struct report *report) {
    for (size_t i = 1; i < report->worker_count; i++)
        move(report, &report->workers[i], &report->workers[0]);
    return &report->workers[0];
}

/* ---- encoding ---- */

void report_encode(struct report *report, struct buffer *out) {
    const struct report_worker *all = collect(report);
    buffer_append_varint(out, all->refused);
    buffer_append_varint(out, all->against_refused);
    buffer_append_varint(out, all->degraded);
    buffer_append_varint(out, all->rule_errors);
    buffer_append_varint(out, all->changed);
    buffer_append_zigzag(out, all->first_us);
    buffer_append_zigzag(out, all->last_us);
    report_tally_encode(&all->tally, out);
    report_changes_encode(&all->changes, out);
    report_cards_encode(report->cards, out);
    buffer_append_varint(out, all->reading_count);
    for (size_t i = 0; i < all->reading_count; i++) {
        const struct report_rule_sums *sums = &all->readings[i].sums;
        buffer_append_u64(out, sums->snapshot->id);
        buffer_append_varint(out, sums->first_position);
        report_rule_sums_encode(sums, out);
    }
    report_models_encode(report->models, out);
}

/* NULL: the replay has no policy with this id. */
static const struct snapshot *find_rules(const struct replay *replay, uint64_t id) {
    const struct snapshot *snapshot;
    for (size_t i = 0; (snapshot = replay_rules(replay, i)); i++)
        if (snapshot->id == id)
            return snapshot;
    return NULL;
}

static void decode_sums(const struct report *report, const struct replay *replay,
                        struct cursor *cursor) {
    struct report_worker *all = &report->workers[0];
    size_t before = all->reading_count;
    const struct snapshot *snapshot = find_rules(replay, cursor_u64(cursor));
    uint64_t first_position = cursor_varint(cursor);
    if (snapshot && !cursor->failed) {
        struct reading *reading = reading_of(report, all, snapshot, first_position);
        report_rule_sums_decode(&reading->sums, cursor);
    }
    cursor->failed |= all->reading_count == before;
}

int report_decode(struct report *report, const struct replay *replay, struct text bytes,
                  struct error *ret_error) {
    struct cursor cursor = cursor_of(bytes.data, bytes.length);
    struct report_worker *all = &report->workers[0];
    all->refused = cursor_varint(&cursor);
    all->against_refused = cursor_varint(&cursor);
    all->degraded = cursor_varint(&cursor);
    all->rule_errors = cursor_varint(&cursor);
    all->changed = cursor_varint(&cursor);
    all->first_us = cursor_zigzag(&cursor);
    all->last_us = cursor_zigzag(&cursor);
    report_tally_decode(&all->tally, &cursor);
    report_changes_decode(&all->changes, &cursor);
    report_cards_decode(report->cards, &cursor);
    uint64_t all_sums = cursor_varint(&cursor);
    for (uint64_t i = 0; i < all_sums && !cursor.failed; i++)
        decode_sums(report, replay, &cursor);
    report_models_decode(report->models, &cursor);
    if (cursor.failed || cursor_left(&cursor) > 0)
        return error_set(ret_error, ERROR_DAMAGED, "the figures are damaged");
    return 0;
}

/* ---- the end ---- */

static int compare_sums(const void *a, const void *b) {
    const struct report_rule_sums *first = *(const struct report_rule_sums *const *)a,
                                  *second = *(const struct report_rule_sums *const *)b;
    return (first->first_position > second->first_position) -
           (first->first_position < second->first_position);
}

/* In the order of their first rows. */
static void finish_rules(struct report_rules *rules, const struct report_worker *all) {
    size_t count = all->reading_count;
    const struct report_rule_sums **all_sums = check_calloc(count + 1, sizeof(*all_sums));
    for (size_t i = 0; i < count; i++)
        all_sums[i] = &all->readings[i].sums;
    qsort(all_sums, count, sizeof(*all_sums), compare_sums);
    report_rules_init(rules, all_sums, count);
    free(all_sums);
}

static void take_over(struct report_figures *figures, struct report_worker *all) {
    report_tally_merge(&figures->tally, &all->tally);
    report_changes_merge(&figures->changes, &all->changes);
    finish_rules(&figures->rules, all);
    figures->refused = all->refused;
    figures->against_refused = all->against_refused;
    figures->degraded = all->degraded;
    figures->rule_errors = all->rule_errors;
    figures->changed = all->changed;
    figures->first_us = all->first_us;
    figures->last_us = all->last_us;
}

const struct report_figures *report_finish(struct report *report) {
    struct report_figures *figures = &report->figures;
    take_over(figures, collect(report));
    report_changes_finish(&figures->changes);
    figures->transactions = report_rows(&figures->tally);
    if (report->policy) {
        size_t entity = report_card_entity(report->policy, report->options.card);
        if (entity != SIZE_MAX)
            figures->card = report->policy->plan.entities[entity].name;
    }
    figures->card_days = report_cards_finish(report->cards, &figures->card_day_count);
    figures->late_cards = report_cards_late(report->cards);
    figures->blocked_cards = report_cards_blocked(report->cards);
    report->model_drift = report_models_drift(report->models, &figures->model_drift_count);
    figures->model_drift = report->model_drift;
    for (enum report_side side = 0; side < REPORT_SIDES; side++) {
        const struct report_scores *unblocked = report_cards_scores(report->cards, side);
        figures->ranking[side] = unblocked ? unblocked : &figures->tally.sides[side].scores;
    }
    return figures;
}
