/* Shares in the text are percentages with one decimal, as many as the intervals of a few thousand
 * transactions allow; the JSON has them as they are. */
#include "policy_arms.h"

#include "quoted_path.h"

#include "clients/cli/io/money.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/policy/lists/experiment.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME   "  %-22s"
#define COLUMN "%24s"

/* ---- text ---- */

static void put_head(const struct arms_phase *phase, struct buffer *out) {
    char champion[HASH_HEX_SIZE], challenger[HASH_HEX_SIZE];
    char first[QUANTITY_TIME_SIZE], last[QUANTITY_TIME_SIZE];
    hash_hex(phase->champion, champion);
    hash_hex(phase->challenger, challenger);
    buffer_printf(out, "experiment %" TEXT_FORMAT ": ", TEXT_ARGS(phase->experiment));
    experiment_put_share(out, phase->share);
    buffer_printf(out, " of %" TEXT_FORMAT " to ", TEXT_ARGS(phase->key));
    quoted_path_write(NULL, phase->policy, out);
    buffer_printf(out, " (snapshot %s) beside snapshot %s\n", challenger, champion);
    buffer_printf(out, "  positions %" PRIu64 " to ", phase->from_position);
    if (phase->until_position)
        buffer_printf(out, "%" PRIu64, phase->until_position);
    else
        buffer_append_string(out, "now");
    if (phase->first_us || phase->last_us)
        buffer_printf(out, ", event times %s to %s", quantity_format_time(phase->first_us, first),
                      quantity_format_time(phase->last_us, last));
    buffer_append_string(out, "\n\n");
}

static void put_count(const struct arms_phase *phase, const char *name,
                      uint64_t (*count)(const struct arm_tally *arm), struct buffer *out) {
    char number[QUANTITY_COUNT_SIZE];
    buffer_printf(out, NAME, name);
    for (enum arm arm = ARM_CHAMPION; arm < ARM_COUNT; arm++)
        buffer_printf(out, COLUMN, quantity_format_count(count(&phase->arms[arm]), number));
    buffer_append_u8(out, '\n');
}

/* "2.4 % (1.9 to 3.1)"; of a difference in percentage points, with signs. */
static void put_share(struct report_share share, bool is_difference, struct buffer *out) {
    char cell[64] = "-";
    if (share.is_known)
        snprintf(cell, sizeof cell,
                 is_difference ? "%+.1f (%+.1f to %+.1f)" : "%.1f %% (%.1f to %.1f)",
                 100 * share.value, 100 * share.low, 100 * share.high);
    buffer_printf(out, COLUMN, cell);
}

static void put_figure(const struct arms_phase *phase, enum arm_figure figure, const char *name,
                       struct buffer *out) {
    struct report_share champion = arm_figure(&phase->arms[ARM_CHAMPION], figure);
    struct report_share challenger = arm_figure(&phase->arms[ARM_CHALLENGER], figure);
    buffer_printf(out, NAME, name);
    put_share(champion, false, out);
    put_share(challenger, false, out);
    put_share(report_difference(champion, challenger), true, out);
    buffer_append_u8(out, '\n');
}

static int64_t sum_in(const struct shadow_set *set, const char *currency) {
    for (size_t i = 0; i < set->sum_count; i++)
        if (strcmp(set->sums[i].currency, currency) == 0)
            return set->sums[i].minor;
    return 0;
}

static const struct shadow_set *fraud(const struct arm_tally *arm) {
    return &arm->fraud;
}
static const struct shadow_set *missed(const struct arm_tally *arm) {
    return &arm->missed;
}
static const struct shadow_set *declined_wrongly(const struct arm_tally *arm) {
    return &arm->declined_wrongly;
}

/* A row for each currency that either arm has. */
static void put_money(const struct arms_phase *phase, const char *name,
                      const struct shadow_set *(*set)(const struct arm_tally *arm),
                      struct buffer *out) {
    char money[MONEY_SIZE], title[64];
    struct shadow_set both = *set(&phase->arms[ARM_CHAMPION]);
    shadow_set_add(&both, set(&phase->arms[ARM_CHALLENGER]));
    for (size_t i = 0; i < both.sum_count; i++) {
        const char *currency = both.sums[i].currency;
        snprintf(title, sizeof title, "%s, %s", name, currency);
        buffer_printf(out, NAME, title);
        for (enum arm arm = ARM_CHAMPION; arm < ARM_COUNT; arm++)
            buffer_printf(
                out, COLUMN,
                money_format(sum_in(set(&phase->arms[arm]), currency), text_of(currency), money));
        buffer_append_u8(out, '\n');
    }
}

static uint64_t decisions(const struct arm_tally *arm) {
    return arm->decisions;
}
static uint64_t degraded(const struct arm_tally *arm) {
    return arm->degraded;
}
static uint64_t mature(const struct arm_tally *arm) {
    return arm->mature;
}
static uint64_t frauds(const struct arm_tally *arm) {
    return arm->fraud.transactions;
}
static uint64_t missed_frauds(const struct arm_tally *arm) {
    return arm->missed.transactions;
}

static void put_phase(const struct arms_phase *phase, const char *age, struct buffer *out) {
    char number[QUANTITY_COUNT_SIZE];
    put_head(phase, out);
    buffer_printf(out, NAME COLUMN COLUMN COLUMN "\n", "", "champion", "challenger", "difference");
    put_count(phase, "decisions", decisions, out);
    for (enum arm_figure figure = ARM_APPROVE; figure <= ARM_ALERTS; figure++)
        put_figure(phase, figure, arm_figure_name(figure), out);
    put_count(phase, "degraded", degraded, out);
    buffer_printf(out, "\n  of transactions older than %s:\n", age);
    put_count(phase, "transactions", mature, out);
    put_count(phase, "frauds", frauds, out);
    put_count(phase, "frauds missed", missed_frauds, out);
    put_figure(phase, ARM_FRAUD, "fraud", out);
    put_figure(phase, ARM_CAUGHT, "fraud caught", out);
    put_figure(phase, ARM_PRECISION, "precision of alerts", out);
    put_money(phase, "fraud", fraud, out);
    put_money(phase, "fraud missed", missed, out);
    put_money(phase, "declined wrongly", declined_wrongly, out);
    if (phase->arms[ARM_NONE].decisions > 0)
        buffer_printf(out,
                      "\n  %s transactions without %" TEXT_FORMAT
                      " were decided by the champion and are in no arm.\n",
                      quantity_format_count(phase->arms[ARM_NONE].decisions, number),
                      TEXT_ARGS(phase->key));
    buffer_append_u8(out, '\n');
}

void policy_arms_text(const struct arms_report *report, int64_t outcomes_after_us,
                      struct buffer *out) {
    char age[QUANTITY_DURATION_SIZE];
    quantity_format_duration((uint64_t)outcomes_after_us, age);
    if (report->phase_count == 0) {
        buffer_append_string(out, "There was no challenger.\n");
        return;
    }
    for (size_t i = 0; i < report->phase_count; i++)
        put_phase(&report->phases[i], age, out);
    buffer_append_string(
        out,
        "Shares have intervals of 95 % (Wilson), differences in percentage points likewise "
        "(Newcombe, method 10). They\ntake transactions as independent: one customer's are not, so "
        "true intervals are wider. Amounts have none.\n");
}

/* ---- JSON ---- */

static void json_share(struct buffer *out, const char *key, struct report_share share) {
    if (!share.is_known)
        return;
    json_begin_object(out, key);
    json_add_value(out, TEXT_LITERAL("value"), value_double(share.value));
    json_add_value(out, TEXT_LITERAL("low"), value_double(share.low));
    json_add_value(out, TEXT_LITERAL("high"), value_double(share.high));
    json_end_object(out);
}

static void json_money(struct buffer *out, const char *key, const struct shadow_set *set) {
    json_begin_object(out, key);
    for (size_t i = 0; i < set->sum_count; i++)
        json_add_signed(out, set->sums[i].currency, set->sums[i].minor);
    json_end_object(out);
}

static void json_arm(struct buffer *out, const struct arms_phase *phase, enum arm arm) {
    const struct arm_tally *tally = &phase->arms[arm];
    json_begin_object(out, arm == ARM_NONE ? "without_key" : arm_name(arm));
    json_add_unsigned(out, "decisions", tally->decisions);
    json_begin_object(out, "verdicts");
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        json_add_unsigned(out, verdict_name(verdict), tally->verdicts[verdict]);
    json_end_object(out);
    json_add_unsigned(out, "degraded", tally->degraded);
    json_add_unsigned(out, "rule_errors", tally->rule_errors);
    json_add_unsigned(out, "mature", tally->mature);
    json_add_unsigned(out, "alerts", tally->alerts);
    json_add_unsigned(out, "frauds", tally->fraud.transactions);
    json_add_unsigned(out, "frauds_caught", tally->fraud_alerts);
    json_add_unsigned(out, "frauds_missed", tally->missed.transactions);
    json_add_unsigned(out, "declined_wrongly", tally->declined_wrongly.transactions);
    json_money(out, "fraud_minor", &tally->fraud);
    json_money(out, "fraud_missed_minor", &tally->missed);
    json_money(out, "declined_wrongly_minor", &tally->declined_wrongly);
    json_begin_object(out, "shares");
    for (enum arm_figure figure = 0; figure < ARM_FIGURE_COUNT; figure++)
        json_share(out, arm_figure_name(figure), arm_figure(tally, figure));
    json_end_object(out);
    json_end_object(out);
}

void policy_arms_json_phase(const struct arms_phase *phase, int64_t outcomes_after_us,
                            struct buffer *out) {
    json_add_text(out, "experiment", phase->experiment);
    json_add_signed(out, "outcomes_after_us", outcomes_after_us);
    json_add_text(out, "key", phase->key);
    json_add_unsigned(out, "share_e4", phase->share);
    json_add_hex(out, "champion_id", phase->champion);
    json_add_hex(out, "challenger_id", phase->challenger);
    json_add_text(out, "challenger_name", phase->policy);
    json_add_unsigned(out, "from_position", phase->from_position);
    if (phase->until_position)
        json_add_unsigned(out, "until_position", phase->until_position);
    if (phase->first_us || phase->last_us) {
        json_add_time(out, "first_event_time", phase->first_us);
        json_add_time(out, "last_event_time", phase->last_us);
    }
    for (enum arm arm = ARM_NONE; arm < ARM_COUNT; arm++)
        json_arm(out, phase, arm);
    json_begin_object(out, "differences");
    for (enum arm_figure figure = 0; figure < ARM_FIGURE_COUNT; figure++)
        json_share(out, arm_figure_name(figure),
                   report_difference(arm_figure(&phase->arms[ARM_CHAMPION], figure),
                                     arm_figure(&phase->arms[ARM_CHALLENGER], figure)));
    json_end_object(out);
}

void policy_arms_json(const struct arms_report *report, int64_t outcomes_after_us,
                      struct buffer *out) {
    for (size_t i = 0; i < report->phase_count; i++) {
        json_begin_object(out, NULL);
        policy_arms_json_phase(&report->phases[i], outcomes_after_us, out);
        json_end_object(out);
        buffer_append_u8(out, '\n');
    }
}
