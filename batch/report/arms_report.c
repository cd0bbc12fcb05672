/* Phases come from the policies of the archive; rows from a replay with the option `recorded`, in
 * the order of their positions, as phases are. One thread: reading dominates. */
#include "arms_report.h"

#include "batch/policies/policy_history.h"
#include "batch/replay/replay.h"
#include "core/base/check.h"
#include "report_amount.h"
#include "report_tally.h"

#include <stdlib.h>

/* ---- phases ---- */

struct phases {
    struct arms_phase *of;
    size_t count;
};

static void begin_phase(struct phases *phases, const struct policy_adoption *champion,
                        const struct policy_adoption *challenger, uint64_t position) {
    phases->of = check_reallocarray(phases->of, phases->count + 1, sizeof *phases->of);
    phases->of[phases->count++] = (struct arms_phase){.experiment = challenger->experiment,
                                                      .key = challenger->key,
                                                      .policy = challenger->name,
                                                      .share = challenger->share,
                                                      .champion = champion->snapshot_id,
                                                      .challenger = challenger->snapshot_id,
                                                      .from_position = position};
}

/* One reload may record a policy and then what becomes of the challenger: between the two nothing
 * was decided, so that is no phase. */
static void end_phase(struct phases *phases, uint64_t position) {
    struct arms_phase *last = phases->count ? &phases->of[phases->count - 1] : NULL;
    if (!last || last->until_position != 0)
        return;
    last->until_position = position;
    phases->count -= position == last->from_position + 1;
}

/* An experiment that ended has no adoption of its own: it ends the one before. */
static void end_challenger(struct phases *phases, const struct policy_adoption **challenger,
                           uint64_t position) {
    if (!*challenger || (*challenger)->until_position == 0 ||
        (*challenger)->until_position > position)
        return;
    end_phase(phases, (*challenger)->until_position);
    *challenger = NULL;
}

size_t arms_phases(const struct policy_history *history, struct arms_phase **ret_phases) {
    const struct policy_adoption *champion = NULL, *challenger = NULL;
    struct phases phases = {0};
    for (size_t i = 0; i < policy_history_count(history); i++) {
        const struct policy_adoption *next = policy_history_at(history, i);
        if (next->use != POLICY_LIVE && next->use != POLICY_CHALLENGER)
            continue;
        end_challenger(&phases, &challenger, next->position);
        if (next->use == POLICY_LIVE)
            champion = next;
        else
            challenger = next;
        if (!champion || !challenger)
            continue;
        end_phase(&phases, next->position);
        begin_phase(&phases, champion, challenger, next->position);
    }
    end_challenger(&phases, &challenger, UINT64_MAX);
    *ret_phases = phases.of;
    return phases.count;
}

/* ---- rows ---- */

struct arms_builder {
    const struct arms_report_options *options;
    struct arms_report *report;
    size_t phase; /* of the row before */
};

static struct arms_phase *phase_of(struct arms_builder *builder, uint64_t position) {
    struct arms_report *report = builder->report;
    while (builder->phase < report->phase_count) {
        struct arms_phase *phase = &report->phases[builder->phase];
        if (phase->until_position == 0 || position < phase->until_position)
            return position > phase->from_position ? phase : NULL;
        builder->phase++;
    }
    return NULL;
}

static void count_outcome(struct arm_tally *arm, const struct transaction *transaction,
                          enum verdict verdict, enum label label) {
    enum report_class class = report_class_of(label, transaction->event_time_us, INT64_MAX);
    const struct shadow_set one = shadow_set_of(transaction, label);
    bool is_alert = report_is_alert(verdict);
    if (!report_class_counts(class))
        return;
    arm->mature++;
    arm->alerts += is_alert;
    if (class == REPORT_POSITIVE) {
        arm->fraud_alerts += is_alert;
        shadow_set_add(&arm->fraud, &one);
        if (!is_alert)
            shadow_set_add(&arm->missed, &one);
    } else if (verdict == VERDICT_DECLINE) {
        shadow_set_add(&arm->declined_wrongly, &one);
    }
}

static void note_time(struct arms_phase *phase, int64_t at_us) {
    bool is_first = phase->first_us == 0 && phase->last_us == 0;
    if (is_first || at_us < phase->first_us)
        phase->first_us = at_us;
    if (is_first || at_us > phase->last_us)
        phase->last_us = at_us;
}

static int take_row(void *user, const struct replay_row *row, struct error *ret_error) {
    struct arms_builder *builder = user;
    const struct transaction *transaction = &row->record->transaction.transaction;
    const struct decision *decision = &row->record->transaction.decision;
    int64_t at_us = transaction->event_time_us;
    (void)ret_error;
    if (row->record->transaction.is_backfilled) /* nobody acted on the decision */
        return 0;
    struct arms_phase *phase = phase_of(builder, row->record->position);
    if (!phase)
        return 0;
    if (at_us < builder->options->from_us || at_us >= builder->options->until_us)
        return 0;
    struct arm_tally *arm = &phase->arms[decision->arm];
    note_time(phase, at_us);
    arm->decisions++;
    arm->verdicts[decision->verdict]++;
    arm->degraded += decision->degraded;
    arm->rule_errors += decision->rule_errors;
    if (at_us <= builder->report->mature_until_us)
        count_outcome(arm, transaction, decision->verdict, row->outcome);
    return 0;
}

/* ---- the whole ---- */

static int count_rows(struct arms_builder *builder, struct progress *progress,
                      struct error *ret_error) {
    const struct replay_options options = {
        .archive = builder->options->archive, .recorded = true, .outcomes = true};
    const struct replay_listener listener = {.row = take_row, .user = builder};
    struct replay *replay = NULL;
    struct replay_report ignored;
    int64_t first_us, newest_us = INT64_MIN;
    int r = replay_open(&options, progress, &replay, ret_error);
    if (r < 0)
        return r;
    if (replay_span(replay, &first_us, &newest_us))
        builder->report->mature_until_us = newest_us - builder->options->outcomes_after_us;
    r = replay_run(replay, &listener, progress, &ignored, ret_error);
    replay_close(replay);
    return r;
}

int arms_report_make(const struct arms_report_options *options, struct progress *progress,
                     struct arms_report *ret_report, struct error *ret_error) {
    const struct policy_history_options history = {.archive = options->archive};
    struct arms_report report = {.mature_until_us = INT64_MIN};
    struct arms_builder builder = {.options = options, .report = &report};
    int r = policy_history_open(&history, progress, &report.history, ret_error);
    if (r == 0)
        report.phase_count = arms_phases(report.history, &report.phases);
    if (r == 0 && report.phase_count > 0)
        r = count_rows(&builder, progress, ret_error);
    if (r == 0)
        *ret_report = report;
    else
        arms_report_deinit(&report);
    return r;
}

void arms_report_deinit(struct arms_report *report) {
    policy_history_close(report->history);
    free(report->phases);
    *report = (struct arms_report){0};
}

/* ---- figures ---- */

const char *arm_figure_name(enum arm_figure figure) {
    static const char *const names[ARM_FIGURE_COUNT] = {
        [ARM_APPROVE] = "approve", [ARM_REVIEW] = "review",      [ARM_CHALLENGE] = "challenge",
        [ARM_DECLINE] = "decline", [ARM_ALERTS] = "alerts",      [ARM_FRAUD] = "fraud",
        [ARM_CAUGHT] = "caught",   [ARM_PRECISION] = "precision"};
    return names[figure];
}

struct report_share arm_figure(const struct arm_tally *arm, enum arm_figure figure) {
    switch (figure) {
    case ARM_APPROVE:
    case ARM_REVIEW:
    case ARM_CHALLENGE:
    case ARM_DECLINE:
        return report_share(arm->verdicts[VERDICT_APPROVE + (figure - ARM_APPROVE)],
                            arm->decisions);
    case ARM_ALERTS:
        return report_share(arm->decisions - arm->verdicts[VERDICT_APPROVE], arm->decisions);
    case ARM_FRAUD:
        return report_share(arm->fraud.transactions, arm->mature);
    case ARM_CAUGHT:
        return report_share(arm->fraud_alerts, arm->fraud.transactions);
    case ARM_PRECISION:
        return report_share(arm->fraud_alerts, arm->alerts);
    case ARM_FIGURE_COUNT:
        break;
    }
    return (struct report_share){0};
}
