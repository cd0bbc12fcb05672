/* The report as text: rules in shadow, then each shadow policy as a matrix of verdicts, and notes
 * on how far the figures can be trusted. Everything was counted by batch/report; here are only
 * sums over cells of those counts, and the layout. Columns are fixed: names that are too long
 * push their row to the right rather than being cut. */
#include "shadow_output.h"

#include "clients/cli/io/money.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/hash.h"
#include "core/base/value.h"

#include <inttypes.h>
#include <stdio.h>

#define NAME_WIDTH_MAX  40
#define RULES_SHOWN_MAX 20
#define TEXT_SHOWN_MAX  90

/* ---- pieces ---- */

/* With thousands separators, right-aligned; width 0: as wide as it is. */
static void put_count(struct buffer *out, int width, uint64_t count) {
    char number[QUANTITY_COUNT_SIZE];
    buffer_printf(out, "%*s", width, quantity_format_count(count, number));
}

/* "12.3 %", "-" of nothing. */
static const char *percent(uint64_t part, uint64_t whole, char ret_string[16]) {
    if (whole == 0)
        snprintf(ret_string, 16, "-");
    else
        snprintf(ret_string, 16, "%.1f %%", 100.0 * (double)part / (double)whole);
    return ret_string;
}

/* Event times are UTC. */
static void put_time(struct buffer *out, int64_t us) {
    char when[64];
    value_format(value_timestamp(us), when, sizeof when);
    buffer_printf(out, "%s", when);
}

/* "1,204.50 EUR, 80.00 USD": what there is most of first would need rates. */
static void put_amounts(struct buffer *out, const struct shadow_set *set) {
    char money[MONEY_SIZE];
    for (size_t i = 0; i < set->sum_count; i++)
        buffer_printf(out, "%s%s%s %s", i ? ", " : "",
                      set->sums[i].minor == INT64_MAX ? "over " : "",
                      money_format(set->sums[i].minor, text_of(set->sums[i].currency), money),
                      set->sums[i].currency);
    if (set->unsummed > 0) {
        buffer_printf(out, ", and ");
        put_count(out, 0, set->unsummed);
        buffer_printf(out, " in other currencies");
    }
}

/* "30 of 41 known are fraud (73.2 %)" */
static void put_precision(struct buffer *out, const struct shadow_set *set) {
    char share[16], number[QUANTITY_COUNT_SIZE];
    uint64_t known = shadow_set_known(set), fraud = shadow_set_fraud(set);
    if (known == 0) {
        buffer_printf(out, "no outcome known");
        return;
    }
    put_count(out, 0, fraud);
    buffer_printf(out, " of %s known are fraud (%s)", quantity_format_count(known, number),
                  percent(fraud, known, share));
}

/* A rule's changes are counted by the verdict they would have led to. */
static struct shadow_set all_changes(const struct shadow_rule *rule) {
    struct shadow_set all = {0};
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        shadow_set_add(&all, &rule->changes[verdict]);
    return all;
}

/* ---- examples ---- */

/* A verdict and its score; below 0 there is no score to show. */
static void put_side(struct buffer *out, enum verdict verdict, int64_t score) {
    if (verdict == VERDICT_NONE)
        buffer_printf(out, "refused");
    else if (score < 0)
        buffer_printf(out, "%s", verdict_name(verdict));
    else
        buffer_printf(out, "%s %" PRId64, verdict_name(verdict), score);
}

/* Texts of a reason or names of rules, in one line. */
static void put_cut(struct buffer *out, struct text t) {
    size_t length = t.length;
    if (length > TEXT_SHOWN_MAX) {
        length = TEXT_SHOWN_MAX;
        while (length > 0 && !text_begins_character(t.data[length]))
            length--;
    }
    buffer_append(out, t.data, length);
    if (length < t.length)
        buffer_append_string(out, "…");
}

/* What happened on the left of the arrow, what would have happened on the right. */
static void put_example(struct buffer *out, const struct shadow_example *example) {
    char money[MONEY_SIZE];
    buffer_printf(out, "    %" TEXT_FORMAT " at ", TEXT_ARGS(example->id));
    put_time(out, example->event_time_us);
    if (*example->currency)
        buffer_printf(out, ", %s %s",
                      money_format(example->amount_minor, text_of(example->currency), money),
                      example->currency);
    buffer_printf(out, ": ");
    put_side(out, example->live, example->live_score);
    buffer_printf(out, " → ");
    put_side(out, example->shadow, example->shadow_score);
    if (example->label != LABEL_NONE)
        buffer_printf(out, ", outcome %s", label_name(example->label));
    buffer_printf(out, "\n");
    if (example->rules.length) {
        buffer_printf(out, "      ");
        put_cut(out, example->rules);
        buffer_printf(out, "\n");
    }
}

/* As many as --examples asked for; batch/report chose them. */
static void put_examples(struct buffer *out, const struct shadow_examples *examples) {
    if (examples->count == 0)
        return;
    buffer_printf(out, "  examples\n");
    for (size_t i = 0; i < examples->count; i++)
        put_example(out, &examples->of[i]);
}

/* ---- rules ---- */

/* As wide as the longest name, within limits. */
static int name_width(const struct shadow_report *report) {
    size_t width = 4;
    for (size_t i = 0; i < report->rule_count; i++)
        if (report->rules[i].name.length > width)
            width = report->rules[i].name.length;
    return (int)(width > NAME_WIDTH_MAX ? NAME_WIDTH_MAX : width);
}

/* Share is of all transactions, precision of those with a known outcome. */
static void put_rule(struct buffer *out, const struct shadow_rule *rule, int width,
                     uint64_t transactions) {
    char share[16];
    struct shadow_set changes = all_changes(rule);
    uint64_t known = shadow_set_known(&rule->fired);
    buffer_printf(out, "  %-*" TEXT_FORMAT, width, TEXT_ARGS(rule->name));
    put_count(out, 10, rule->fired.transactions);
    buffer_printf(out, "%9s", percent(rule->fired.transactions, transactions, share));
    put_count(out, 10, known);
    buffer_printf(out, "%11s", percent(shadow_set_fraud(&rule->fired), known, share));
    put_count(out, 10, changes.transactions);
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        put_count(out, 11, rule->changes[verdict].transactions);
    buffer_printf(out, "\n");
}

/* First the table, then each rule that would change something, with its examples. */
static void put_rules(struct buffer *out, const struct shadow_report *report) {
    int width = name_width(report);
    buffer_printf(out, "\nRules in shadow, and the decisions that each would change\n\n");
    buffer_printf(out, "  %-*s%10s%9s%10s%11s%10s%11s%11s%11s%11s\n", width, "rule", "fired",
                  "share", "known", "precision", "changes", "to approve", "review", "challenge",
                  "decline");
    for (size_t i = 0; i < report->rule_count; i++)
        put_rule(out, &report->rules[i], width, report->all.transactions);
    for (size_t i = 0; i < report->rule_count; i++) {
        const struct shadow_rule *rule = &report->rules[i];
        struct shadow_set changes = all_changes(rule);
        if (changes.transactions == 0)
            continue;
        buffer_printf(out, "\n  %" TEXT_FORMAT " would change ", TEXT_ARGS(rule->name));
        put_count(out, 0, changes.transactions);
        buffer_printf(out, ": ");
        put_precision(out, &changes);
        if (changes.sum_count > 0) {
            buffer_printf(out, "; ");
            put_amounts(out, &changes);
        }
        buffer_printf(out, "\n");
        put_examples(out, &rule->examples);
    }
}

/* ---- policies ---- */

/* All that the live policy gave this verdict. */
static struct shadow_set row_of(const struct shadow_policy *policy, enum verdict live) {
    struct shadow_set set = {0};
    for (size_t shadow = 0; shadow < VERDICT_COUNT; shadow++)
        shadow_set_add(&set, &policy->cells[live][shadow]);
    return set;
}

/* All that the shadow policy would have given it; VERDICT_NONE: that it would have refused. */
static struct shadow_set column_of(const struct shadow_policy *policy, enum verdict shadow) {
    struct shadow_set set = {0};
    for (size_t live = 0; live < VERDICT_COUNT; live++)
        shadow_set_add(&set, &policy->cells[live][shadow]);
    return set;
}

/* order: −1 the shadow is milder, 0 the same, 1 stricter. Refusals are none of these. */
static struct shadow_set side_of(const struct shadow_policy *policy, int order) {
    struct shadow_set set = {0};
    for (int live = VERDICT_APPROVE; live < VERDICT_COUNT; live++)
        for (int shadow = VERDICT_APPROVE; shadow < VERDICT_COUNT; shadow++)
            if ((shadow > live) - (shadow < live) == order)
                shadow_set_add(&set, &policy->cells[live][shadow]);
    return set;
}

/* Transactions that this shadow policy decided: fewer than all if it was added later. */
static uint64_t decided(const struct shadow_policy *policy) {
    uint64_t all = 0;
    for (size_t live = 0; live < VERDICT_COUNT; live++)
        for (size_t shadow = 0; shadow < VERDICT_COUNT; shadow++)
            all += policy->cells[live][shadow].transactions;
    return all;
}

/* Rows are live verdicts, columns the shadow's; the diagonal is agreement. The column of refusals
 * appears only if there are any. */
static void put_matrix(struct buffer *out, const struct shadow_policy *policy) {
    bool refuses = column_of(policy, VERDICT_NONE).transactions > 0;
    buffer_printf(out, "\n  %-14s%13s\n  %-14s", "", "shadow", "live");
    for (enum verdict shadow = VERDICT_APPROVE; shadow < VERDICT_COUNT; shadow++)
        buffer_printf(out, "%13s", verdict_name(shadow));
    buffer_printf(out, "%s%13s\n", refuses ? "       refuse" : "", "all");
    for (enum verdict live = VERDICT_APPROVE; live < VERDICT_COUNT; live++) {
        buffer_printf(out, "  %-14s", verdict_name(live));
        for (enum verdict shadow = VERDICT_APPROVE; shadow < VERDICT_COUNT; shadow++)
            put_count(out, 13, policy->cells[live][shadow].transactions);
        if (refuses)
            put_count(out, 13, policy->cells[live][VERDICT_NONE].transactions);
        put_count(out, 13, row_of(policy, live).transactions);
        buffer_printf(out, "\n");
    }
    buffer_printf(out, "  %-14s", "all");
    for (enum verdict shadow = VERDICT_APPROVE; shadow < VERDICT_COUNT; shadow++)
        put_count(out, 13, column_of(policy, shadow).transactions);
    if (refuses)
        put_count(out, 13, column_of(policy, VERDICT_NONE).transactions);
    put_count(out, 13, decided(policy));
    buffer_printf(out, "\n");
}

/* A count, its share, its precision and its money. */
static void put_side_line(struct buffer *out, const struct shadow_policy *policy, const char *what,
                          const struct shadow_set *set) {
    char share[16];
    buffer_printf(out, "  %-14s", what);
    put_count(out, 13, set->transactions);
    buffer_printf(out, "%9s", percent(set->transactions, decided(policy), share));
    if (set->transactions > 0) {
        buffer_printf(out, "   ");
        put_precision(out, set);
        if (set->sum_count > 0) {
            buffer_printf(out, "; ");
            put_amounts(out, set);
        }
    }
    buffer_printf(out, "\n");
}

/* The matrix in four lines. */
static void put_sides(struct buffer *out, const struct shadow_policy *policy) {
    struct shadow_set same = side_of(policy, 0), stricter = side_of(policy, 1),
                      milder = side_of(policy, -1), refused = column_of(policy, VERDICT_NONE);
    buffer_printf(out, "\n");
    put_side_line(out, policy, "the same", &same);
    put_side_line(out, policy, "stricter", &stricter);
    put_side_line(out, policy, "milder", &milder);
    if (refused.transactions > 0)
        put_side_line(out, policy, "an error", &refused); /* in the place of a decision */
}

/* Transactions, their precision, and how much of all known fraud is among them. */
static void put_stopped(struct buffer *out, const struct shadow_set *set, uint64_t all_fraud) {
    char share[16];
    put_count(out, 13, set->transactions);
    buffer_printf(out, "%11s", percent(shadow_set_fraud(set), shadow_set_known(set), share));
    buffer_printf(out, "%11s", percent(shadow_set_fraud(set), all_fraud, share));
}

/* Of what each side stops in any way, and of what it declines. */
static void put_precisions(struct buffer *out, const struct shadow_policy *policy) {
    static const struct {
        const char *name;
        enum verdict least;
    } lines[] = {{"not approved", VERDICT_REVIEW}, {"declined", VERDICT_DECLINE}};
    uint64_t all_fraud = 0;
    for (enum verdict live = VERDICT_APPROVE; live < VERDICT_COUNT; live++) {
        struct shadow_set row = row_of(policy, live);
        all_fraud += shadow_set_fraud(&row);
    }
    buffer_printf(out, "\n  %-14s%13s%11s%11s%13s%11s%11s\n", "", "live", "precision", "of fraud",
                  "shadow", "precision", "of fraud");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct shadow_set live = {0}, shadow = {0};
        for (enum verdict verdict = lines[i].least; verdict < VERDICT_COUNT; verdict++) {
            struct shadow_set row = row_of(policy, verdict), column = column_of(policy, verdict);
            shadow_set_add(&live, &row);
            shadow_set_add(&shadow, &column);
        }
        buffer_printf(out, "  %-14s", lines[i].name);
        put_stopped(out, &live, all_fraud);
        put_stopped(out, &shadow, all_fraud);
        buffer_printf(out, "\n");
    }
}

/* The busiest are not picked out: rules come in the policy's order. */
static void put_fired(struct buffer *out, const struct shadow_policy *policy) {
    size_t shown = 0;
    if (policy->rule_count == 0)
        return;
    buffer_printf(out, "\n  rules that fired with effect\n");
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (policy->fired[i] == 0)
            continue;
        if (shown++ == RULES_SHOWN_MAX) {
            buffer_printf(out, "    … and more (--json lists all)\n");
            return;
        }
        buffer_printf(out, "  ");
        put_count(out, 12, policy->fired[i]);
        if (policy->snapshot)
            buffer_printf(out, "  %" TEXT_FORMAT "\n", TEXT_ARGS(policy->snapshot->rules[i].name));
        else
            buffer_printf(out, "  rule %zu\n", i);
    }
}

/* Matrix, sums, precision, rules, examples. */
static void put_policy(struct buffer *out, const struct shadow_policy *policy) {
    char id[HASH_HEX_SIZE], number[QUANTITY_COUNT_SIZE];
    hash_hex(policy->snapshot_id, id);
    buffer_printf(out, "\nShadow policy %" TEXT_FORMAT " %s: ", TEXT_ARGS(policy->name), id);
    put_count(out, 0, decided(policy));
    buffer_printf(out, " transactions\n");
    put_matrix(out, policy);
    put_sides(out, policy);
    put_precisions(out, policy);
    put_fired(out, policy);
    if (policy->rule_errors > 0)
        buffer_printf(out, "\n  its rules failed %s times\n",
                      quantity_format_count(policy->rule_errors, number));
    if (policy->examples.count > 0)
        buffer_printf(out, "\n");
    put_examples(out, &policy->examples);
}

/* ---- what to keep in mind ---- */

/* Each note explains a way in which the figures can mislead. */
static void put_caveats(struct buffer *out, const struct shadow_report *report) {
    uint64_t degraded = 0, unknown = 0;
    char number[QUANTITY_COUNT_SIZE];
    for (size_t i = 0; i < report->policy_count; i++)
        degraded += report->policies[i].degraded;
    for (size_t i = 0; i < report->rule_count; i++)
        unknown += report->rules[i].unknown;
    buffer_printf(
        out, "\nNotes\n"
             "  - Precision is over known outcomes (fraud and chargeback against legit), as of "
             "the archive's end;\n"
             "    young transactions have few. Declined transactions seldom get an outcome, so it "
             "says\n    little about those that would be approved instead.\n"
             "  - History follows the live policy, and so do features over verdicts, fired() and "
             "suppressions.\n"
             "  - Each rule in shadow is evaluated as if it were the only one to go live.\n");
    if (degraded > 0)
        buffer_printf(out,
                      "  - %s shadow decisions lacked features that the live policy does not have, "
                      "or had them late.\n",
                      quantity_format_count(degraded, number));
    if (unknown > 0)
        buffer_printf(out,
                      "  - For %s firings in shadow, an older version did not record what they "
                      "would have changed.\n",
                      quantity_format_count(unknown, number));
}

void shadow_output_text(const struct shadow_report *report, struct buffer *out) {
    char known[QUANTITY_COUNT_SIZE], share[16];
    uint64_t outcomes = report->all.transactions - report->all.labels[LABEL_NONE];
    buffer_printf(out, "transactions   ");
    put_count(out, 0, report->all.transactions);
    buffer_printf(out, ", %s with an outcome (%s)\n", quantity_format_count(outcomes, known),
                  percent(outcomes, report->all.transactions, share));
    if (report->all.transactions > 0) {
        buffer_printf(out, "event times    ");
        put_time(out, report->first_us);
        buffer_printf(out, " to ");
        put_time(out, report->last_us);
        buffer_printf(out, "\n");
    }
    if (report->rule_count > 0)
        put_rules(out, report);
    for (size_t i = 0; i < report->policy_count; i++)
        put_policy(out, &report->policies[i]);
    if (report->rule_count == 0 && report->policy_count == 0)
        buffer_printf(out, "\nNo rule fired in shadow, and no shadow policy decided.\n");
    else
        put_caveats(out, report);
}
