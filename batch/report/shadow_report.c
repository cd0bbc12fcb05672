/* A replay with the option `recorded` supplies the rows, each with the shadow decisions that the
 * server archived beside its own; this file counts them. One thread: reading dominates. */
#include "shadow_report.h"

#include "batch/chunk/replay_history.h"
#include "batch/replay/replay.h"
#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>
#include <string.h>

/* ---- sets ---- */

static int64_t sum_with(int64_t sum, int64_t amount) {
    return __builtin_add_overflow(sum, amount, &sum) ? INT64_MAX : sum;
}

static void add_sum(struct shadow_set *set, const struct shadow_sum *sum) {
    size_t i = 0;
    while (i < set->sum_count && strcmp(set->sums[i].currency, sum->currency) != 0)
        i++;
    if (i == SHADOW_CURRENCIES_MAX) {
        set->unsummed += sum->transactions;
        return;
    }
    if (i == set->sum_count) {
        set->sums[set->sum_count++] = *sum;
        return;
    }
    set->sums[i].transactions += sum->transactions;
    set->sums[i].minor = sum_with(set->sums[i].minor, sum->minor);
}

void shadow_set_add(struct shadow_set *to, const struct shadow_set *set) {
    to->transactions += set->transactions;
    for (size_t label = 0; label < LABEL_COUNT; label++)
        to->labels[label] += set->labels[label];
    for (size_t i = 0; i < set->sum_count; i++)
        add_sum(to, &set->sums[i]);
    to->unsummed += set->unsummed;
}

uint64_t shadow_set_fraud(const struct shadow_set *set) {
    return set->labels[LABEL_FRAUD] + set->labels[LABEL_CHARGEBACK];
}

uint64_t shadow_set_known(const struct shadow_set *set) {
    return shadow_set_fraud(set) + set->labels[LABEL_LEGIT];
}

struct shadow_set shadow_set_of(const struct transaction *transaction, enum label label) {
    struct shadow_set set = {.transactions = 1};
    set.labels[label] = 1;
    if (transaction->currency.length == 3) {
        struct shadow_sum *sum = &set.sums[set.sum_count++];
        memcpy(sum->currency, transaction->currency.data, 3);
        sum->transactions = 1;
        sum->minor = transaction->amount_minor;
    }
    return set;
}

/* ---- examples ---- */

static void example_deinit(struct shadow_example *example) {
    free((void *)(uintptr_t)example->id.data);
    free((void *)(uintptr_t)example->rules.data);
}

static struct text copy_of(struct text t) {
    return (struct text){.data = text_copy(t), .length = t.length};
}

/* Would it be kept? */
static bool is_wanted(const struct shadow_examples *examples, size_t most, uint64_t hash) {
    return most > 0 && (examples->count < most || hash < examples->of[examples->count - 1].hash);
}

/* Inserts by hash, evicting the greatest one when full. Takes over the example's texts. */
static void insert(struct shadow_examples *examples, size_t most, struct shadow_example example) {
    if (!examples->of)
        examples->of = check_calloc(most, sizeof *examples->of);
    if (examples->count == most)
        example_deinit(&examples->of[--examples->count]);
    size_t at = examples->count++;
    for (; at > 0 && examples->of[at - 1].hash > example.hash; at--)
        examples->of[at] = examples->of[at - 1];
    examples->of[at] = example;
}

static void examples_deinit(struct shadow_examples *examples) {
    for (size_t i = 0; i < examples->count; i++)
        example_deinit(&examples->of[i]);
    free(examples->of);
}

/* ---- a row ---- */

struct report_builder {
    const struct shadow_report_options *options;
    struct shadow_report *report;
};

/* What all examples of a row have. */
static struct shadow_example example_of(const struct replay_row *row, uint64_t hash) {
    const struct transaction *transaction = &row->record->transaction.transaction;
    const struct decision *decision = &row->record->transaction.decision;
    struct shadow_example example = {
        .hash = hash,
        .id = copy_of(transaction->id),
        .position = row->record->position,
        .event_time_us = transaction->event_time_us,
        .amount_minor = transaction->amount_minor,
        .live = decision->verdict,
        .live_score = decision->score,
        .shadow_score = -1,
        .label = row->outcome,
    };
    if (transaction->currency.length == 3)
        memcpy(example.currency, transaction->currency.data, 3);
    return example;
}

static struct shadow_rule *rule_named(struct shadow_report *report, struct text name) {
    for (size_t i = 0; i < report->rule_count; i++)
        if (text_equal(report->rules[i].name, name))
            return &report->rules[i];
    report->rules =
        check_reallocarray(report->rules, report->rule_count + 1, sizeof *report->rules);
    struct shadow_rule *rule = &report->rules[report->rule_count++];
    *rule = (struct shadow_rule){.name = copy_of(name)};
    return rule;
}

/* A reason of a rule in shadow: that it fired and, if recorded, which verdict it would have caused.
 */
static void take_rule(struct report_builder *builder, const struct replay_row *row,
                      const struct reason *reason, const struct shadow_set *one, uint64_t hash) {
    struct shadow_rule *rule = rule_named(builder->report, reason->rule);
    size_t most = builder->options->examples;
    shadow_set_add(&rule->fired, one);
    rule->unknown += reason->verdict_if_live == VERDICT_NONE;
    if (reason->verdict_if_live == VERDICT_NONE ||
        reason->verdict_if_live == row->record->transaction.decision.verdict)
        return;
    shadow_set_add(&rule->changes[reason->verdict_if_live], one);
    if (!is_wanted(&rule->examples, most, hash))
        return;
    struct shadow_example example = example_of(row, hash);
    example.shadow = reason->verdict_if_live;
    example.rules = copy_of(reason->text);
    insert(&rule->examples, most, example);
}

static struct shadow_policy *policy_of(struct shadow_report *report, uint64_t snapshot_id) {
    for (size_t i = 0; i < report->policy_count; i++)
        if (report->policies[i].snapshot_id == snapshot_id)
            return &report->policies[i];
    report->policies =
        check_reallocarray(report->policies, report->policy_count + 1, sizeof *report->policies);
    struct shadow_policy *policy = &report->policies[report->policy_count++];
    const struct replay_shadow *shadow = replay_shadow(report->replay, snapshot_id);
    *policy = (struct shadow_policy){.snapshot_id = snapshot_id,
                                     .name = shadow ? shadow->name : (struct text){0},
                                     .snapshot = shadow ? shadow->snapshot : NULL};
    return policy;
}

static void count_rules(struct shadow_policy *policy, const struct shadow_decision *shadow) {
    for (size_t i = 0; i < shadow->rule_count; i++) {
        uint32_t rule = shadow->rules[i];
        if (policy->snapshot && rule >= policy->snapshot->rule_count)
            continue; /* not a rule of this policy: the archived files were edited */
        if (rule >= policy->rule_count) {
            policy->fired = check_reallocarray(policy->fired, rule + 1, sizeof *policy->fired);
            memset(policy->fired + policy->rule_count, 0,
                   (rule + 1 - policy->rule_count) * sizeof *policy->fired);
            policy->rule_count = rule + 1;
        }
        policy->fired[rule]++;
    }
}

/* "card_testing, new_device"; a policy that cannot be loaded has only numbers. */
static struct text rule_names(const struct shadow_policy *policy,
                              const struct shadow_decision *shadow) {
    struct buffer names;
    buffer_init(&names);
    for (size_t i = 0; i < shadow->rule_count; i++) {
        uint32_t rule = shadow->rules[i];
        if (i > 0)
            buffer_append_string(&names, ", ");
        if (policy->snapshot && rule < policy->snapshot->rule_count)
            buffer_printf(&names, "%" TEXT_FORMAT, TEXT_ARGS(policy->snapshot->rules[rule].name));
        else
            buffer_printf(&names, "rule %u", rule);
    }
    struct text all =
        copy_of((struct text){.data = (const char *)names.bytes, .length = names.length});
    buffer_deinit(&names);
    return all;
}

/* The archived decision of a shadow policy beside the live one. */
static void take_policy(struct report_builder *builder, const struct replay_row *row,
                        const struct shadow_decision *shadow, const struct shadow_set *one,
                        uint64_t hash) {
    struct shadow_policy *policy = policy_of(builder->report, shadow->snapshot_id);
    enum verdict live = row->record->transaction.decision.verdict;
    size_t most = builder->options->examples;
    shadow_set_add(&policy->cells[live][shadow->verdict], one);
    policy->degraded += shadow->degraded;
    policy->rule_errors += shadow->rule_errors;
    count_rules(policy, shadow);
    if (shadow->verdict == live || !is_wanted(&policy->examples, most, hash))
        return;
    struct shadow_example example = example_of(row, hash);
    example.shadow = shadow->verdict;
    example.shadow_score = shadow->verdict == VERDICT_NONE ? -1 : (int32_t)shadow->score;
    example.rules = rule_names(policy, shadow);
    insert(&policy->examples, most, example);
}

static void note_time(struct shadow_report *report, int64_t at_us) {
    bool is_first = report->all.transactions == 0;
    if (is_first || at_us < report->first_us)
        report->first_us = at_us;
    if (is_first || at_us > report->last_us)
        report->last_us = at_us;
}

static int take_row(void *user, const struct replay_row *row, struct error *ret_error) {
    (void)ret_error;
    struct report_builder *builder = user;
    const struct transaction *transaction = &row->record->transaction.transaction;
    const struct decision *decision = &row->record->transaction.decision;
    int64_t at_us = transaction->event_time_us;
    if (row->record->transaction.is_backfilled) /* nobody acted on the live decision either */
        return 0;
    if (at_us < builder->options->from_us || at_us >= builder->options->until_us)
        return 0;
    struct shadow_set one = shadow_set_of(transaction, row->outcome);
    uint64_t hash = hash_text(transaction->id);
    note_time(builder->report, at_us);
    shadow_set_add(&builder->report->all, &one);
    for (size_t i = 0; i < decision->reason_count; i++)
        if (decision->reasons[i].shadow)
            take_rule(builder, row, &decision->reasons[i], &one, hash);
    for (size_t i = 0; i < decision->shadow_count; i++)
        take_policy(builder, row, &decision->shadows[i], &one, hash);
    return 0;
}

/* ---- the whole ---- */

int shadow_report_make(const struct shadow_report_options *options, struct progress *progress,
                       struct shadow_report *ret_report, struct error *ret_error) {
    const struct replay_options replay = {
        .archive = options->archive, .recorded = true, .outcomes = true, .shadows = true};
    struct shadow_report report = {0};
    struct report_builder builder = {.options = options, .report = &report};
    const struct replay_listener listener = {.row = take_row, .user = &builder};
    struct replay_report ignored;
    int r = replay_open(&replay, progress, &report.replay, ret_error);
    if (r == 0)
        r = replay_run(report.replay, &listener, progress, &ignored, ret_error);
    if (r == 0)
        *ret_report = report;
    else
        shadow_report_deinit(&report);
    return r;
}

void shadow_report_deinit(struct shadow_report *report) {
    for (size_t i = 0; i < report->rule_count; i++) {
        free((void *)(uintptr_t)report->rules[i].name.data);
        examples_deinit(&report->rules[i].examples);
    }
    for (size_t i = 0; i < report->policy_count; i++) {
        free(report->policies[i].fired);
        examples_deinit(&report->policies[i].examples);
    }
    free(report->rules);
    free(report->policies);
    replay_close(report->replay);
    *report = (struct shadow_report){0};
}
