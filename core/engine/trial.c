/* Running a case, from empty states to a list of differences: apply the history as an archive's
 * writer would, then decide the transaction with the values that the case gives, then compare.
 *
 * Only the engine's public functions are used, so a case tests what a server does, except that
 * every rollout includes every transaction. */
#include "trial.h"

#include "case_states.h"
#include "core/base/check.h"
#include "core/policy/eval/expression_reads.h"
#include "engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Bytes that one decision may take; what is needed is a few KiB. */
#define TRIAL_ARENA_BYTES ((size_t)16 << 20)

/* What an archive would have recorded for the transaction of a step. */
struct recorded {
    enum verdict verdict;
    enum label label;
    bool is_amended;
    struct amended amended;
    const struct text *fired; /* in the trial's fired_arena */
    size_t fired_count;
};

struct trial {
    struct snapshot *snapshot;
    struct engine *engine;
    struct case_states states;
    struct list_table *lists; /* of the case at hand */
    struct arena arena;
    struct arena step_arena;
    struct arena fired_arena;  /* of recorded[].fired */
    struct recorded *recorded; /* CASE_STEPS_MAX */
    struct engine_value *given;
    bool *reads; /* scratch: one flag for each slot */
    struct decision decision;
    bool has_decision;
};

struct trial *trial_new(struct snapshot *snapshot) {
    struct trial *trial = check_calloc(1, sizeof *trial);
    trial->snapshot = snapshot_ref(snapshot);
    trial->engine = engine_new(snapshot, snapshot);
    engine_ignore_rollouts(trial->engine);
    case_states_init(&trial->states, &snapshot->plan);
    arena_init(&trial->arena, TRIAL_ARENA_BYTES);
    arena_init(&trial->step_arena, TRIAL_ARENA_BYTES);
    arena_init(&trial->fired_arena, TRIAL_ARENA_BYTES);
    trial->recorded = check_calloc(CASE_STEPS_MAX, sizeof *trial->recorded);
    trial->given = check_calloc(snapshot->slot_count, sizeof *trial->given);
    trial->reads = check_calloc(snapshot->slot_count, sizeof *trial->reads);
    return trial;
}

void trial_free(struct trial *trial) {
    if (!trial)
        return;
    engine_free(trial->engine);
    case_states_deinit(&trial->states);
    arena_deinit(&trial->arena);
    arena_deinit(&trial->step_arena);
    arena_deinit(&trial->fired_arena);
    free(trial->recorded);
    free(trial->given);
    free(trial->reads);
    snapshot_unref(trial->snapshot);
    free(trial);
}

const struct decision *trial_decision(const struct trial *trial) {
    return trial->has_decision ? &trial->decision : NULL;
}

/* ------------------------------------------------------------------------------------------------
 * What a case gives */

/* Given features. Given thresholds are handled by give_thresholds(). */
static void give_features(struct trial *trial, const struct policy_case *it) {
    size_t count = 0;
    for (size_t i = 0; i < it->given_count; i++)
        if (it->given[i].slot < trial->snapshot->first_threshold)
            trial->given[count++] =
                (struct engine_value){.slot = it->given[i].slot, .value = it->given[i].value};
    engine_give(trial->engine, trial->given, count);
}

/* The thresholds, as a rebuild would have computed them over all groups. NULL: none is given. */
static struct thresholds *give_thresholds(struct trial *trial, const struct policy_case *it) {
    const struct snapshot *snapshot = trial->snapshot;
    struct threshold_values *values = check_calloc(it->given_count + 1, sizeof *values);
    struct threshold_set set = {.thresholds = values};
    for (size_t i = 0; i < it->given_count; i++) {
        size_t slot = it->given[i].slot;
        if (slot < snapshot->first_threshold || it->given[i].value.type != VALUE_DOUBLE)
            continue;
        const struct threshold *threshold = &snapshot->thresholds[slot - snapshot->first_threshold];
        values[set.threshold_count++] =
            (struct threshold_values){.name = threshold->name,
                                      .definition = threshold->definition,
                                      .has_overall = true,
                                      .overall = it->given[i].value.number,
                                      .key_count = (uint32_t)threshold->key_count};
    }
    struct thresholds *thresholds = set.threshold_count ? thresholds_new(&set) : NULL;
    free(values);
    engine_use_thresholds(trial->engine, thresholds);
    return thresholds;
}

/* ------------------------------------------------------------------------------------------------
 * The history */

/* The rules that fired, for amendments: names are the snapshot's. false: there is no memory. */
static bool keep_fired(struct trial *trial, const struct decision *decision,
                       struct recorded *recorded) {
    struct amendment_record amendment = {0};
    if (amendment_record_take_fired(&amendment, decision, &trial->fired_arena) < 0)
        return false;
    recorded->fired = amendment.fired;
    recorded->fired_count = amendment.fired_count;
    return true;
}

static bool apply_transaction(struct trial *trial, const struct case_step *step, size_t position,
                              struct buffer *differences) {
    struct record record = {
        .type = RECORD_TRANSACTION, .position = position + 1, .receive_time_us = step->at_us};
    struct text field;
    struct error error;
    arena_reset(&trial->step_arena);
    if (engine_decide(trial->engine, &step->transaction, &trial->states.source, false,
                      &trial->step_arena, &record.transaction.decision, &field, &error) < 0) {
        buffer_printf(differences, "line %d: transaction \"%" TEXT_FORMAT "\" is refused: %s\n",
                      step->line, TEXT_ARGS(step->transaction.id), error.text);
        return false;
    }
    record.transaction.transaction = step->transaction;
    if (step->verdict != VERDICT_NONE)
        record.transaction.decision.verdict = step->verdict;
    struct recorded *recorded = &trial->recorded[position];
    *recorded = (struct recorded){.verdict = record.transaction.decision.verdict,
                                  .amended = amended_of(&step->transaction)};
    if (!keep_fired(trial, &record.transaction.decision, recorded)) {
        buffer_printf(differences, "line %d: too many rules fired\n", step->line);
        return false;
    }
    engine_apply(trial->engine, &record, &trial->states.source);
    return true;
}

/* As the archive's writer resolves it: with the transaction, and the label before. */
static void apply_outcome(struct trial *trial, const struct policy_case *it,
                          const struct case_step *step, size_t position) {
    struct recorded *of = &trial->recorded[step->of];
    struct record record = {
        .type = RECORD_OUTCOME, .position = position + 1, .receive_time_us = step->at_us};
    if (step->label == of->label)
        return;
    record.outcome = (struct outcome_record){.known_time_us = step->at_us,
                                             .previous = of->label,
                                             .label = step->label,
                                             .transaction_position = step->of + 1,
                                             .transaction = it->steps[step->of].transaction,
                                             .verdict = of->verdict,
                                             .is_amended = of->is_amended,
                                             .amended = of->amended};
    of->label = step->label;
    engine_apply(trial->engine, &record, &trial->states.source);
}

static bool apply_amendment(struct trial *trial, const struct policy_case *it,
                            const struct case_step *step, size_t position,
                            struct buffer *differences) {
    struct recorded *of = &trial->recorded[step->of];
    const struct transaction *transaction = &it->steps[step->of].transaction;
    struct record record = {
        .type = RECORD_AMENDMENT, .position = position + 1, .receive_time_us = step->at_us};
    struct amended now;
    struct text field;
    struct error error;
    if (amendment_apply(&step->amendment, transaction, &of->amended, &now, &field, &error) < 0) {
        buffer_printf(differences,
                      "line %d: the amendment of \"%" TEXT_FORMAT "\" is refused: %s\n", step->line,
                      TEXT_ARGS(transaction->id), error.text);
        return false;
    }
    record.amendment = (struct amendment_record){.known_time_us = step->at_us,
                                                 .previous = of->amended,
                                                 .now = now,
                                                 .transaction_position = step->of + 1,
                                                 .transaction = *transaction,
                                                 .verdict = of->verdict,
                                                 .fired = of->fired,
                                                 .fired_count = of->fired_count,
                                                 .label = of->label};
    of->amended = now;
    of->is_amended = true;
    engine_apply(trial->engine, &record, &trial->states.source);
    return true;
}

static void apply_list_change(struct trial *trial, const struct case_step *step, size_t position) {
    struct record record = {.type = RECORD_LIST_CHANGE,
                            .position = position + 1,
                            .receive_time_us = step->at_us,
                            .list_change = step->change};
    list_table_apply(trial->lists, &record);
}

static bool apply_history(struct trial *trial, const struct policy_case *it,
                          struct buffer *differences) {
    for (size_t i = 0; i < it->step_count; i++) {
        const struct case_step *step = &it->steps[i];
        switch (step->kind) {
        case CASE_TRANSACTION:
            if (!apply_transaction(trial, step, i, differences))
                return false;
            break;
        case CASE_OUTCOME:
            apply_outcome(trial, it, step, i);
            break;
        case CASE_AMENDMENT:
            if (!apply_amendment(trial, it, step, i, differences))
                return false;
            break;
        case CASE_LIST_CHANGE:
            apply_list_change(trial, step, i);
            break;
        }
    }
    return true;
}

/* ------------------------------------------------------------------------------------------------
 * Differences */

static void put_value(struct buffer *buffer, struct value v) {
    char text[256];
    if (v.type == VALUE_ABSENT || v.type == VALUE_ERROR) {
        buffer_append_string(buffer,
                             v.type == VALUE_ABSENT
                                 ? "absent"
                                 : expression_error_name((enum expression_error)v.error_code));
        return;
    }
    int length = value_format(v, text, sizeof text);
    const char *quote = v.type == VALUE_TEXT ? "\"" : "";
    buffer_printf(buffer, "%s%s%s%s", quote, text, (size_t)length < sizeof text ? "" : "…", quote);
}

static const struct reason *find_reason(const struct decision *decision, struct text rule) {
    for (size_t i = 0; i < decision->reason_count; i++)
        if (text_equal(decision->reasons[i].rule, rule))
            return &decision->reasons[i];
    return NULL;
}

/* Live with effect, or in shadow. */
static bool fired(const struct decision *decision, struct text rule) {
    const struct reason *reason = find_reason(decision, rule);
    return reason && !reason->suppressed;
}

static void compare_verdict(const struct trial *trial, const struct case_expectation *expect,
                            struct buffer *differences) {
    const struct decision *decision = &trial->decision;
    if (expect->verdict != VERDICT_NONE && expect->verdict != decision->verdict)
        buffer_printf(differences, "expected verdict %s, got %s\n", verdict_name(expect->verdict),
                      verdict_name(decision->verdict));
    if (expect->score >= 0 && (uint32_t)expect->score != decision->score)
        buffer_printf(differences, "expected score %d, got %u\n", expect->score, decision->score);
}

/* A line for each name that the rule's condition reads. */
static void report_values(struct trial *trial, const struct rule *rule,
                          struct buffer *differences) {
    const struct snapshot *snapshot = trial->snapshot;
    const struct value *frame = engine_frame(trial->engine);
    memset(trial->reads, 0, snapshot->slot_count * sizeof *trial->reads);
    expression_reads(rule->when, trial->reads, snapshot->slot_count);
    for (size_t slot = 0; slot < snapshot->first_threshold; slot++) {
        if (!trial->reads[slot] || snapshot->slot_names[slot].length == 0)
            continue;
        buffer_printf(differences, "    %" TEXT_FORMAT " = ",
                      TEXT_ARGS(snapshot->slot_names[slot]));
        put_value(differences, frame[slot]);
        buffer_append_u8(differences, '\n');
    }
}

/* Reports why a rule did not fire that should have. */
static void report_silence(struct trial *trial, const struct rule *rule, int64_t event_time_us,
                           struct buffer *differences) {
    const struct value *frame = engine_frame(trial->engine);
    const struct reason *reason = find_reason(&trial->decision, rule->name);
    struct value v = expression_eval(rule->when, frame, &trial->arena);
    buffer_printf(differences, "expected rule %" TEXT_FORMAT " to fire; ", TEXT_ARGS(rule->name));
    if (reason && reason->suppressed) {
        buffer_append_string(differences, "it is suppressed: it fired in the history\n");
        return;
    }
    if (event_time_us < rule->from_us || event_time_us >= rule->until_us) {
        buffer_append_string(differences, "it is not in force at the transaction's event_time, ");
        put_value(differences, value_timestamp(event_time_us));
        buffer_append_u8(differences, '\n');
        return;
    }
    if (v.type == VALUE_BOOL && v.boolean) {
        buffer_append_string(differences, "its condition is true, but the decision lists only its "
                                          "first reasons\n");
        return;
    }
    buffer_append_string(differences, "its condition is ");
    put_value(differences, v);
    buffer_append_string(differences, ":\n");
    report_values(trial, rule, differences);
}

static void compare_rules(struct trial *trial, const struct policy_case *it,
                          struct buffer *differences) {
    const struct snapshot *snapshot = trial->snapshot;
    const struct case_expectation *expect = &it->expect;
    for (size_t i = 0; i < expect->fire_count; i++) {
        const struct rule *rule = &snapshot->rules[expect->fires[i]];
        if (!fired(&trial->decision, rule->name))
            report_silence(trial, rule, it->transaction.event_time_us, differences);
    }
    for (size_t i = 0; i < expect->silent_count; i++) {
        const struct rule *rule = &snapshot->rules[expect->silent[i]];
        if (!fired(&trial->decision, rule->name))
            continue;
        buffer_printf(differences, "expected rule %" TEXT_FORMAT " not to fire; it did:\n",
                      TEXT_ARGS(rule->name));
        report_values(trial, rule, differences);
    }
}

static void compare_reasons(const struct trial *trial, const struct case_expectation *expect,
                            struct buffer *differences) {
    for (size_t i = 0; i < expect->reason_count; i++) {
        const struct case_reason *wanted = &expect->reasons[i];
        struct text name = trial->snapshot->rules[wanted->rule].name;
        const struct reason *reason = find_reason(&trial->decision, name);
        if (!reason)
            buffer_printf(differences,
                          "expected the reason \"%" TEXT_FORMAT "\"; rule %" TEXT_FORMAT
                          " did not fire\n",
                          TEXT_ARGS(wanted->text), TEXT_ARGS(name));
        else if (!text_equal(reason->text, wanted->text))
            buffer_printf(differences,
                          "expected the reason of %" TEXT_FORMAT " to be \"%" TEXT_FORMAT
                          "\", got \"%" TEXT_FORMAT "\"\n",
                          TEXT_ARGS(name), TEXT_ARGS(wanted->text), TEXT_ARGS(reason->text));
    }
}

/* Doubles agree when they are equal to the number of decimals that the case is written with. */
static bool agrees(const struct case_value *wanted, struct value found) {
    if (wanted->value.type != VALUE_DOUBLE || found.type != VALUE_DOUBLE || wanted->decimals < 0)
        return value_equal(wanted->value, found);
    double half = 0.5 * pow(10.0, -wanted->decimals);
    double difference = fabs(found.number - wanted->value.number);
    return difference <= half * (1.0 + 1e-9);
}

static void compare_values(const struct trial *trial, const struct case_expectation *expect,
                           struct buffer *differences) {
    const struct value *frame = engine_frame(trial->engine);
    for (size_t i = 0; i < expect->value_count; i++) {
        const struct case_value *wanted = &expect->values[i];
        struct value found = frame[wanted->slot];
        if (agrees(wanted, found))
            continue;
        buffer_printf(differences, "expected %" TEXT_FORMAT " = ",
                      TEXT_ARGS(trial->snapshot->slot_names[wanted->slot]));
        put_value(differences, wanted->value);
        buffer_append_string(differences, ", got ");
        put_value(differences, found);
        buffer_append_u8(differences, '\n');
    }
}

static void report_decision(const struct trial *trial, struct buffer *differences) {
    const struct decision *decision = &trial->decision;
    buffer_printf(differences, "decided %s, score %u; fired: ", verdict_name(decision->verdict),
                  decision->score);
    for (size_t i = 0; i < decision->reason_count; i++) {
        const struct reason *reason = &decision->reasons[i];
        buffer_printf(differences, "%s%" TEXT_FORMAT "%s", i ? ", " : "", TEXT_ARGS(reason->rule),
                      reason->suppressed ? " (suppressed)"
                      : reason->shadow   ? " (shadow)"
                                         : "");
    }
    buffer_append_string(differences, decision->reason_count ? "" : "nothing");
    for (size_t i = 0; i < decision->failed_rule_count; i++)
        buffer_printf(differences, "%s%" TEXT_FORMAT,
                      i ? ", " : "; failed: ", TEXT_ARGS(decision->failed_rules[i]));
    if (decision->rule_errors > decision->failed_rule_count)
        buffer_printf(differences, " and %zu more",
                      decision->rule_errors - decision->failed_rule_count);
    buffer_append_u8(differences, '\n');
}

static void compare(struct trial *trial, const struct policy_case *it, struct buffer *differences) {
    const struct case_expectation *expect = &it->expect;
    size_t before = differences->length;
    compare_verdict(trial, expect, differences);
    compare_rules(trial, it, differences);
    compare_reasons(trial, expect, differences);
    compare_values(trial, expect, differences);
    if (differences->length > before)
        report_decision(trial, differences);
}

/* ------------------------------------------------------------------------------------------------
 * The whole */

bool trial_run(struct trial *trial, const struct policy_case *it, struct buffer *differences) {
    size_t before = differences->length;
    struct text field;
    struct error error;
    case_states_clear(&trial->states);
    arena_reset(&trial->arena);
    arena_reset(&trial->fired_arena);
    trial->has_decision = false;
    engine_give(trial->engine, NULL, 0);
    trial->lists = list_table_new();
    engine_use_lists(trial->engine, trial->lists);
    struct thresholds *thresholds = NULL;
    if (apply_history(trial, it, differences)) {
        thresholds = give_thresholds(trial, it);
        give_features(trial, it);
        int r = engine_decide(trial->engine, &it->transaction, &trial->states.source, true,
                              &trial->arena, &trial->decision, &field, &error);
        trial->has_decision = r == 0;
        if (r < 0)
            buffer_printf(differences, "the transaction is refused: %s\n", error.text);
        else
            compare(trial, it, differences);
    }
    engine_use_thresholds(trial->engine, NULL);
    thresholds_free(thresholds);
    engine_use_lists(trial->engine, NULL);
    list_table_free(trial->lists);
    return differences->length == before;
}

/* "    " before each line */
static void indent(struct buffer *messages, const struct buffer *lines) {
    const char *at = (const char *)lines->bytes, *end = at + lines->length;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        buffer_append_string(messages, "    ");
        buffer_append(messages, at, (size_t)(newline + 1 - at));
        at = newline + 1;
    }
}

void trial_report(const struct snapshot *snapshot, const struct policy_case *it,
                  const struct buffer *differences, struct buffer *messages) {
    buffer_printf(messages, "%" TEXT_FORMAT ":%d: case \"%" TEXT_FORMAT "\"", TEXT_ARGS(it->file),
                  it->line, TEXT_ARGS(it->name));
    if (it->rule != SIZE_MAX)
        buffer_printf(messages, " of rule %" TEXT_FORMAT,
                      TEXT_ARGS(snapshot->rules[it->rule].name));
    buffer_append_string(messages, " fails\n");
    indent(messages, differences);
}

size_t trial_run_all(struct snapshot *snapshot, struct buffer *messages) {
    struct trial *trial = trial_new(snapshot);
    struct buffer differences;
    size_t failed = 0;
    buffer_init(&differences);
    for (size_t i = 0; i < snapshot->case_count; i++) {
        buffer_clear(&differences);
        if (trial_run(trial, &snapshot->cases[i], &differences))
            continue;
        failed++;
        trial_report(snapshot, &snapshot->cases[i], &differences, messages);
    }
    buffer_deinit(&differences);
    trial_free(trial);
    return failed;
}
