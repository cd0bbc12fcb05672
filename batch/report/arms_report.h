/* What became of the arms of experiments, as recorded in the archive: nothing is decided again.
 *
 * Figures are of phases, during which champion, challenger, share and key were the same: over
 * several phases an arm would mix customers who changed sides with those who did not.
 *
 * Decisions are those of all transactions of a phase and range. Outcomes are those known at the
 * archive's end, and count for mature transactions alone, in both arms: for those that are older
 * than outcomes_after_us. Of these, one without an outcome counts as legit, and a suspected one is
 * left out. */
#pragma once

#include "report_curve.h"
#include "shadow_report.h"

struct arms_report_options {
    const char *archive;       /* its folder */
    int64_t from_us, until_us; /* event times in [from, until); INT64_MIN, INT64_MAX: all */
    int64_t outcomes_after_us; /* age, from the archive's newest event time, of mature ones */
};

struct arm_tally {
    uint64_t decisions, verdicts[VERDICT_COUNT];
    uint64_t degraded, rule_errors;
    /* Of mature transactions: */
    uint64_t mature, alerts; /* without suspected ones */
    uint64_t fraud_alerts;
    struct shadow_set fraud, missed;    /* missed: approved */
    struct shadow_set declined_wrongly; /* legit, or without an outcome */
};

struct arms_phase {
    struct text experiment, key, policy; /* policy: the challenger's name */
    uint32_t share;
    uint64_t champion, challenger; /* their ids */
    uint64_t from_position;        /* of the record that began it */
    uint64_t until_position;       /* of the one that ended it; 0: it is in force at the end */
    int64_t first_us, last_us;     /* event times of its decisions; 0 without any */
    struct arm_tally arms[ARM_COUNT];
};

/* The phases of an archive, in order, without figures; the names are the history's. The caller
 * frees *ret_phases. */
struct policy_history;
size_t arms_phases(const struct policy_history *history, struct arms_phase **ret_phases);

struct arms_report {
    struct arms_phase *phases;
    size_t phase_count;
    int64_t mature_until_us;        /* event times up to here are mature */
    struct policy_history *history; /* owns the names */
};

/* Reads the archive three times, up to its last sync mark. ERROR_NOT_FOUND: no such archive; others
 * as replay_open() has them. */
int arms_report_make(const struct arms_report_options *options, struct progress *progress,
                     struct arms_report *ret_report, struct error *ret_error);
void arms_report_deinit(struct arms_report *report);

/* The figures that are shares, of one arm each. */
enum arm_figure {
    ARM_APPROVE,
    ARM_REVIEW,
    ARM_CHALLENGE,
    ARM_DECLINE,
    ARM_ALERTS,    /* anything but approve */
    ARM_FRAUD,     /* of mature transactions */
    ARM_CAUGHT,    /* of fraud: with an alert */
    ARM_PRECISION, /* fraud, of mature alerts */
    ARM_FIGURE_COUNT
};
const char *arm_figure_name(enum arm_figure figure); /* "approve", … */
struct report_share arm_figure(const struct arm_tally *arm, enum arm_figure figure);
