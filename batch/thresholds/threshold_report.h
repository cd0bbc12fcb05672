/* What a rebuild reports about the thresholds and cut-offs it computed. */
#pragma once

#include "core/base/arena.h"
#include "core/wire/types/decision.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define THRESHOLD_EXAMPLES 5

/* What a person accepts, whatever the guards say: these thresholds, by name, and the cut-offs of
 * these verdicts. */
struct threshold_accepted {
    const char *const *thresholds;
    size_t threshold_count;
    unsigned cutoffs; /* bit n: enum verdict n */
};

/* A group whose value changed by more than the guard allows: the old one stays in force. */
struct threshold_held {
    struct text key; /* in words: its fields with " / " between; empty: over all groups */
    double before, computed;
};

struct threshold_line {
    struct text name;
    uint64_t samples;
    bool has_before; /* the generation adopted last has it, computed from the same declaration */
    bool has_overall, had_overall;
    double overall, overall_before;
    size_t groups, groups_before;
    size_t changed, held; /* values, that over all groups included */
    const struct threshold_held *examples;
    size_t example_count;
    bool is_too_large; /* too many groups for a record: only the value over all groups is kept */
};

enum cutoff_state {
    CUTOFF_COMPUTED,
    CUTOFF_HELD,         /* it changed by more than the guard allows: the old one stays */
    CUTOFF_SMALL_SAMPLE, /* too few transactions or known outcomes: the old one stays */
    CUTOFF_UNREACHABLE,  /* no score meets the budget: the old one stays */
};

struct cutoff_line {
    enum verdict verdict;
    enum cutoff_state state;
    uint32_t before, after; /* 0: no score gives the verdict */
    uint32_t computed;      /* 0: none */
    uint64_t sample;        /* transactions, or outcomes known */
    enum verdict hidden_by; /* a more severe verdict with a cut-off that is no higher; NONE: none */
};

/* Decisions of the last day, or since the last generation, whose verdict would change from `from`
 * to `to`. */
struct verdict_flip {
    enum verdict from, to;
    uint64_t count;
    struct text ids[THRESHOLD_EXAMPLES]; /* some of them, the first in the archive */
    size_t id_count;
};

struct threshold_report {
    struct arena arena; /* everything below */
    const struct threshold_line *thresholds;
    size_t threshold_count;
    const struct cutoff_line *cutoffs;
    size_t cutoff_count;
    const struct verdict_flip *flips;
    size_t flip_count;
    uint64_t compared;        /* decisions of the last day */
    uint64_t from_position;   /* values up to there were known from earlier nights; 0: none were */
    char reread_because[256]; /* why they were not, though the rebuild continues from tables; "": it
                                 does not, or they were */
    /* Flips were not looked for: the replay would hold more states than the memory has room for. */
    bool is_unexamined;
    bool is_preview_cut;           /* flips are those of the first `compared` decisions only */
    uint64_t scores_from_position; /* scores of a replay up to there were known; 0: none were */
    bool is_rescored;              /* scores come from a replay, not from the records */
    double seconds;                /* for values from records, and quantiles */
    double replay_seconds;         /* for values and scores that needed a replay */
    uint64_t spilled_bytes;
};
