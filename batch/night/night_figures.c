/* The pass over the archive. What a label may still change is kept as a word for each record:
 *
 *   bits 0–5   day + 1; 0: no transaction of these days
 *   bits 6–8   label
 *   bits 9–31  set of rules that fired
 */
#include "night_figures.h"

#include "batch/base/day.h"
#include "batch/base/record_bytes.h"
#include "batch/report/report_tally.h"
#include "core/base/check.h"
#include "core/store/archive/archive_parts.h"
#include "night_arms.h"
#include "night_rules.h"

#include <stdlib.h>
#include <string.h>

#define PROGRESS_STEP 4096 /* records */
#define WORD_LABEL    6
#define WORD_SET      9
#define WORD_SETS_MAX (1u << 23)

struct scan {
    const struct night_figures_options *options;
    struct progress *progress;
    struct archive_parts *parts;
    struct night_figures figures;
    struct night_rules rules;
    uint64_t first_position, tracked_from;
    uint32_t *words; /* from tracked_from on */
    uint64_t word_count;
};

/* NULL: not one of these days. */
static struct night_day *day_at(struct scan *scan, int64_t time_us) {
    int64_t index = day_of_us(time_us) - scan->figures.first_day;
    return index >= 0 && index < NIGHT_DAYS ? &scan->figures.days[index] : NULL;
}

static uint32_t *word_at(const struct scan *scan, uint64_t position) {
    if (position < scan->tracked_from || position - scan->tracked_from >= scan->word_count)
        return NULL;
    return &scan->words[position - scan->tracked_from];
}

static bool is_fraud(enum label label) {
    return label == LABEL_FRAUD || label == LABEL_CHARGEBACK;
}

/* ---- records ---- */

static bool read_amount(const struct scan *scan, const struct transaction *transaction,
                        int64_t *ret_minor) {
    return scan->options->schema &&
           schema_base_amount(scan->options->schema, transaction, ret_minor);
}

static void count_decision(struct night_day *day, const struct decision *decision) {
    uint32_t score = decision->score <= DECISION_SCORE_MAX ? decision->score : DECISION_SCORE_MAX;
    day->transactions++;
    day->verdicts[decision->verdict]++;
    day->scores[score]++;
    day->degraded += decision->degraded;
    day->failed_decisions += decision->rule_errors > 0;
}

static void take_transaction(struct scan *scan, const struct record *record) {
    const struct transaction *transaction = &record->transaction.transaction;
    const struct decision *decision = &record->transaction.decision;
    struct night_figures *figures = &scan->figures;
    int64_t event_us = transaction->event_time_us, amount;
    int64_t lead_us = event_us - record->receive_time_us;
    struct night_day *received = day_at(scan, record->receive_time_us);
    struct night_day *day = day_at(scan, event_us);
    if (record->transaction.is_backfilled) { /* nobody acted on it: no part of a day's figures */
        if (received)
            received->backfilled++;
        return;
    }
    if (event_us > figures->newest_event_us)
        figures->newest_event_us = event_us;
    figures->future += event_us > scan->options->now_us + NIGHT_EARLY_US;
    if (received && lead_us > NIGHT_EARLY_US) {
        received->early++;
        if (lead_us > received->early_us_max)
            received->early_us_max = lead_us;
    }
    if (!day)
        return;
    count_decision(day, decision);
    bool has_amount = read_amount(scan, transaction, &amount);
    size_t age = NIGHT_DAYS - 1 - (size_t)(day - figures->days);
    night_arms_take(figures->arms, record, age);
    day->hours[(event_us - day_of_us(event_us) * DAY_US) / (DAY_US / 24)]++;
    if (has_amount)
        day->amounts[decision->verdict] += amount;
    else
        day->without_amount++;
    day->labels[LABEL_NONE][report_is_alert(decision->verdict)]++;
    size_t index = (size_t)(day - figures->days);
    uint32_t set = night_rules_take(&scan->rules, decision, index);
    uint32_t *word = word_at(scan, record->position);
    if (word && set < WORD_SETS_MAX)
        *word = (uint32_t)(index + 1) | (uint32_t)LABEL_NONE << WORD_LABEL | set << WORD_SET;
    else
        figures->untracked++;
}

/* When something became known by the client's clock, as far as that can be: after the transaction
 * of event_us, and not after the record was received. */
static int64_t known_us(const struct record *record, int64_t known, int64_t event_us) {
    if (known <= 0 || known > record->receive_time_us)
        known = record->receive_time_us;
    return known < event_us ? event_us : known;
}

static void move_label(struct night_day *day, enum label label, bool alerted, bool has_amount,
                       int64_t amount, int by) {
    if (by < 0 && day->labels[label][alerted] == 0) /* its transaction is not one of these */
        return;
    day->labels[label][alerted] += (uint64_t)(int64_t)by;
    if (has_amount && label != LABEL_NONE)
        day->label_amounts[label][alerted] += (night_sum)by * amount;
}

static void take_outcome(struct scan *scan, const struct record *record) {
    const struct outcome_record *outcome = &record->outcome;
    if (outcome->is_backfilled)
        return;
    int64_t known = known_us(record, outcome->known_time_us, outcome->transaction.event_time_us);
    int64_t amount = 0;
    struct night_day *arrived = day_at(scan, known);
    struct night_day *day = day_at(scan, outcome->transaction.event_time_us);
    bool has_amount = read_amount(scan, &outcome->transaction, &amount);
    bool alerted = report_is_alert(outcome->verdict);
    if (arrived)
        arrived->outcomes[outcome->label]++;
    if (!day)
        return;
    move_label(day, outcome->previous, alerted, has_amount, amount, -1);
    move_label(day, outcome->label, alerted, has_amount, amount, 1);
    night_arms_take_outcome(scan->figures.arms, outcome,
                            NIGHT_DAYS - 1 - (size_t)(day - scan->figures.days),
                            has_amount ? amount : 0);
    int64_t age = day_of_us(known) - day_of_us(outcome->transaction.event_time_us);
    if (is_fraud(outcome->label) && !is_fraud(outcome->previous) && age < NIGHT_DAYS)
        day->frauds_by_age[age]++;
    uint32_t *word = word_at(scan, outcome->transaction_position);
    if (word && *word)
        *word = (*word & ~(UINT32_C(7) << WORD_LABEL)) | (uint32_t)outcome->label << WORD_LABEL;
}

static void take_amendment(struct scan *scan, const struct record *record) {
    const struct amendment_record *amendment = &record->amendment;
    if (amendment->is_backfilled)
        return;
    int64_t event_us = amendment->transaction.event_time_us;
    struct night_day *day = day_at(scan, known_us(record, amendment->known_time_us, event_us));
    if (day)
        amendment_tally_add(&day->amendments, scan->options->schema, amendment);
}

static void take_record(struct scan *scan, const struct record *record) {
    struct night_figures *figures = &scan->figures;
    bool is_transaction = record->type == RECORD_TRANSACTION;
    struct night_day *received = day_at(scan, record->receive_time_us);
    figures->records++;
    figures->position = record->position;
    if (record->receive_time_us > figures->newest_receive_us)
        figures->newest_receive_us = record->receive_time_us;
    if (received)
        received->received++;
    if (source_table_takes(record))
        night_sources_take(figures->sources, record);
    if (is_transaction)
        take_transaction(scan, record);
    else if (record->type == RECORD_OUTCOME)
        take_outcome(scan, record);
    else if (record->type == RECORD_AMENDMENT)
        take_amendment(scan, record);
}

/* ---- parts ---- */

static int read_part(struct scan *scan, size_t part, struct arena *arena, struct error *ret_error) {
    uint64_t last = scan->options->until.position;
    struct archive_part_reader *reader;
    struct archive_part_record found;
    struct record record;
    int r = archive_part_open(scan->parts, part, 0, true, &reader, ret_error);
    if (r < 0)
        return r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1 && found.position <= last) {
        arena_reset(arena);
        r = archive_part_decode(reader, arena, &record, ret_error);
        if (r < 0)
            break;
        take_record(scan, &record);
        if (scan->figures.records % PROGRESS_STEP == 0 &&
            progress_update(scan->progress, "figures", found.position - scan->first_position,
                            last - scan->first_position) != 0) {
            r = error_set(ret_error, ERROR_INTERRUPTED, "the figures were interrupted");
            break;
        }
    }
    archive_part_close(reader);
    return r < 0 ? r : 0;
}

/* Sizes of segments by the day of receipt; and the first part that may have a transaction of these
 * days: event times are not later than receipt by a day. */
static size_t look_at_parts(struct scan *scan) {
    size_t count = archive_parts_count(scan->parts), first = count;
    for (size_t i = count; i-- > 0;) {
        struct archive_part part = archive_parts_part(scan->parts, i);
        if (part.is_head)
            break;
        struct night_day *day = day_at(scan, part.day * DAY_US);
        scan->figures.archive_bytes += part.stored;
        if (day)
            day->stored_bytes += part.stored;
        if (part.day >= scan->figures.first_day - 1 && part.first <= scan->options->until.position)
            first = i;
    }
    return first;
}

/* As many words as the memory allows, for the newest records. */
static void track(struct scan *scan, size_t first_part) {
    uint64_t last = scan->options->until.position;
    if (first_part >= archive_parts_count(scan->parts))
        return;
    scan->first_position = archive_parts_part(scan->parts, first_part).first;
    uint64_t most = scan->options->memory_bytes / sizeof *scan->words;
    scan->word_count = last - scan->first_position + 1;
    if (scan->word_count > most)
        scan->word_count = most;
    scan->tracked_from = last + 1 - scan->word_count;
    scan->words = check_calloc(scan->word_count + 1, sizeof *scan->words);
}

/* What became of the transactions that each rule fired for. */
static void count_labels(struct scan *scan) {
    for (uint64_t i = 0; i < scan->word_count; i++)
        if (scan->words[i])
            night_rules_label(&scan->rules, scan->words[i] >> WORD_SET,
                              (enum label)(scan->words[i] >> WORD_LABEL & 7));
}

static void scan_init(struct scan *scan) {
    struct night_figures *figures = &scan->figures;
    figures->first_day = scan->options->day - (NIGHT_DAYS - 1);
    figures->days = check_calloc(NIGHT_DAYS, sizeof *figures->days);
    figures->newest_event_us = figures->newest_receive_us = INT64_MIN;
    if (scan->options->schema) {
        memcpy(figures->currency, scan->options->schema->base_currency, sizeof figures->currency);
        figures->digits = scan->options->schema->base_digits;
    }
    figures->sources = check_malloc(sizeof *figures->sources);
    night_sources_init(figures->sources, scan->options->day);
    night_rules_init(&scan->rules);
}

int night_figures_make(const struct night_figures_options *options, struct progress *progress,
                       struct night_figures *ret_figures, struct error *ret_error) {
    struct scan scan = {.options = options, .progress = progress};
    struct arena arena;
    int r = archive_parts_open(options->archive, &scan.parts, ret_error);
    if (r < 0)
        return r;
    arena_init(&arena, RECORD_BYTES_MAX);
    scan_init(&scan);
    r = night_arms_open(options->archive, options->until.position, &scan.figures.arms, ret_error);
    size_t part = look_at_parts(&scan);
    track(&scan, part);
    for (; part < archive_parts_count(scan.parts) && r == 0; part++)
        if (archive_parts_part(scan.parts, part).first <= options->until.position)
            r = read_part(&scan, part, &arena, ret_error);
    count_labels(&scan);
    night_arms_finish(scan.figures.arms, scan.figures.currency);
    scan.figures.rules =
        night_rules_finish(&scan.rules, &scan.figures.rule_count, &scan.figures.other_rules);
    free(scan.words);
    archive_parts_close(scan.parts);
    arena_deinit(&arena);
    if (r < 0)
        night_figures_deinit(&scan.figures);
    else
        *ret_figures = scan.figures;
    return r;
}

void night_figures_deinit(struct night_figures *figures) {
    for (size_t i = 0; i < figures->rule_count; i++)
        free((void *)(uintptr_t)figures->rules[i].name.data);
    if (figures->sources)
        night_sources_deinit(figures->sources);
    free(figures->sources);
    free(figures->rules);
    free(figures->days);
    night_arms_close(figures->arms);
    *figures = (struct night_figures){0};
}

uint64_t night_day_frauds_at(const struct night_day *day, size_t age_days) {
    uint64_t count = 0;
    for (size_t age = 0; age <= age_days && age < NIGHT_DAYS; age++)
        count += day->frauds_by_age[age];
    return count;
}

uint64_t night_day_alerts(const struct night_day *day) {
    return day->verdicts[VERDICT_REVIEW] + day->verdicts[VERDICT_CHALLENGE] +
           day->verdicts[VERDICT_DECLINE];
}

const struct night_age_group night_age_groups[NIGHT_AGE_GROUPS] = {
    {0, 0}, {1, 6}, {7, 13}, {14, 20}, {21, NIGHT_DAYS - 1}};

struct night_age_figures night_age_figures(const struct night_figures *figures,
                                           const struct night_age_group *group) {
    struct night_age_figures sums = {0};
    for (size_t age = group->youngest; age <= group->oldest; age++) {
        const struct night_day *day = &figures->days[NIGHT_DAYS - 1 - age];
        sums.transactions += day->transactions;
        sums.known += night_day_known(day);
        sums.found += night_day_frauds(day, true);
        sums.missed += night_day_frauds(day, false);
        sums.amount_found += night_day_fraud_amount(day, true);
        sums.amount_missed += night_day_fraud_amount(day, false);
    }
    return sums;
}
