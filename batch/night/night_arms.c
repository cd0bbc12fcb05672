/* An outcome's record does not say which arm its transaction was in: that follows from the phase's
 * experiment and the transaction, which the record has as it was scored. */
#include "night_arms.h"

#include "batch/policies/policy_history.h"
#include "batch/report/report_tally.h"
#include "core/base/check.h"
#include "core/policy/lists/experiment.h"
#include "night_day.h"

#include <stdlib.h>
#include <string.h>

/* Transactions of one arm with outcomes that count. */
struct outcomes {
    uint64_t labels[LABEL_COUNT][VERDICT_COUNT];
    night_sum amounts[LABEL_COUNT][VERDICT_COUNT]; /* not of LABEL_NONE */
};

struct night_arms {
    struct policy_history *history; /* owns the phase's names */
    struct arms_phase phase;
    struct experiment experiment;
    uint64_t position; /* the night's: nothing behind it counts */
    struct outcomes outcomes[ARM_COUNT];
};

static bool holds(const struct arms_phase *phase, uint64_t position) {
    return phase->from_position <= position &&
           (phase->until_position == 0 || phase->until_position > position);
}

int night_arms_open(const char *archive, uint64_t position, struct night_arms **ret_arms,
                    struct error *ret_error) {
    const struct policy_history_options options = {.archive = archive};
    struct night_arms *arms = check_calloc(1, sizeof *arms);
    struct arms_phase *phases = NULL;
    bool is_found = false;
    int r = policy_history_open(&options, NULL, &arms->history, ret_error);
    size_t count = r == 0 ? arms_phases(arms->history, &phases) : 0;
    for (size_t i = 0; i < count && !is_found; i++) {
        is_found = holds(&phases[i], position) &&
                   experiment_init(&arms->experiment, phases[i].experiment, phases[i].key,
                                   phases[i].share, phases[i].challenger);
        arms->phase = phases[i];
    }
    free(phases);
    arms->position = position;
    if (r < 0 || !is_found) {
        night_arms_close(arms);
        arms = NULL;
    }
    if (r == 0)
        *ret_arms = arms;
    return r;
}

void night_arms_close(struct night_arms *arms) {
    if (!arms)
        return;
    policy_history_close(arms->history);
    free(arms);
}

static bool is_of_phase(const struct night_arms *arms, uint64_t position) {
    return position > arms->phase.from_position && position <= arms->position;
}

void night_arms_take(struct night_arms *arms, const struct record *record, size_t age_days) {
    if (!arms || !is_of_phase(arms, record->position))
        return;
    const struct decision *decision = &record->transaction.decision;
    int64_t at_us = record->transaction.transaction.event_time_us;
    struct arms_phase *phase = &arms->phase;
    struct arm_tally *arm = &phase->arms[decision->arm];
    bool is_first = phase->first_us == 0 && phase->last_us == 0;
    if (is_first || at_us < phase->first_us)
        phase->first_us = at_us;
    if (is_first || at_us > phase->last_us)
        phase->last_us = at_us;
    arm->decisions++;
    arm->verdicts[decision->verdict]++;
    arm->degraded += decision->degraded;
    arm->rule_errors += decision->rule_errors;
    if (age_days >= NIGHT_ARMS_AGE)
        arms->outcomes[decision->arm].labels[LABEL_NONE][decision->verdict]++;
}

void night_arms_take_outcome(struct night_arms *arms, const struct outcome_record *outcome,
                             size_t age_days, int64_t amount_minor) {
    if (!arms || age_days < NIGHT_ARMS_AGE || !is_of_phase(arms, outcome->transaction_position))
        return;
    enum arm arm = experiment_arm(&arms->experiment, &outcome->transaction);
    struct outcomes *outcomes = &arms->outcomes[arm];
    enum verdict verdict = outcome->verdict;
    if (outcomes->labels[outcome->previous][verdict] == 0)
        return; /* its transaction is not one of these days */
    outcomes->labels[outcome->previous][verdict]--;
    outcomes->labels[outcome->label][verdict]++;
    if (outcome->previous != LABEL_NONE)
        outcomes->amounts[outcome->previous][verdict] -= amount_minor;
    if (outcome->label != LABEL_NONE)
        outcomes->amounts[outcome->label][verdict] += amount_minor;
}

/* ---- figures ---- */

static struct shadow_set set_of(const struct outcomes *outcomes, enum label label,
                                enum verdict verdict, const char currency[4]) {
    struct shadow_set set = {.transactions = outcomes->labels[label][verdict]};
    set.labels[label] = set.transactions;
    if (set.transactions == 0 || !*currency || label == LABEL_NONE)
        return set;
    night_sum minor = outcomes->amounts[label][verdict];
    set.sum_count = 1;
    memcpy(set.sums[0].currency, currency, 4);
    set.sums[0].transactions = set.transactions;
    set.sums[0].minor = minor > INT64_MAX ? INT64_MAX : (int64_t)minor;
    return set;
}

static void finish_arm(const struct outcomes *outcomes, const char currency[4],
                       struct arm_tally *arm) {
    for (enum label label = LABEL_NONE; label < LABEL_COUNT; label++)
        for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++) {
            const struct shadow_set set = set_of(outcomes, label, verdict, currency);
            bool is_fraud = label == LABEL_FRAUD || label == LABEL_CHARGEBACK;
            bool is_alert = report_is_alert(verdict);
            if (label == LABEL_SUSPECTED)
                continue;
            arm->mature += set.transactions;
            arm->alerts += is_alert ? set.transactions : 0;
            arm->fraud_alerts += is_alert && is_fraud ? set.transactions : 0;
            if (is_fraud)
                shadow_set_add(&arm->fraud, &set);
            if (is_fraud && !is_alert)
                shadow_set_add(&arm->missed, &set);
            if (!is_fraud && verdict == VERDICT_DECLINE)
                shadow_set_add(&arm->declined_wrongly, &set);
        }
}

void night_arms_finish(struct night_arms *arms, const char currency[4]) {
    if (!arms)
        return;
    arms->phase.until_position = 0; /* it was in force at the night's position */
    for (enum arm arm = ARM_NONE; arm < ARM_COUNT; arm++)
        finish_arm(&arms->outcomes[arm], currency, &arms->phase.arms[arm]);
}

const struct arms_phase *night_arms_phase(const struct night_arms *arms) {
    return arms ? &arms->phase : NULL;
}
