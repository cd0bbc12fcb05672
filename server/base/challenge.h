/* The challenger as plain data: what the options ask for, and what is in force. No locks and no
 * service; adopt/challenger.h has what is done with them. */
#pragma once

#include "core/policy/lists/experiment.h"
#include "core/policy/load/snapshot.h"
#include "core/wire/types/decision.h"

#include <stdbool.h>
#include <stdint.h>

struct brake_counts;
struct challenge_settings;

/* As the options have it; owned copies. */
struct challenge_wish {
    char *path; /* "": there is to be no challenger */
    char *name, *key;
    uint32_t share;
};

void challenge_wish_set(struct challenge_wish *wish, const struct challenge_settings *settings);
void challenge_wish_deinit(struct challenge_wish *wish);

/* snapshot NULL: there is no challenger. */
struct challenge {
    char *path; /* that it came from */
    struct snapshot *snapshot;
    struct experiment experiment;
    uint16_t *rule_places; /* as those of the policy in force: rule_counts.h */
    struct brake_counts *brake_counts;
    /* Decisions archived since the experiment began with this challenger, or since the start. */
    uint64_t verdicts[ARM_COUNT][VERDICT_COUNT];
};

void challenge_deinit(struct challenge *challenge);
/* Is it the same experiment with the same challenger? The share may be another one. */
bool challenge_continues(const struct challenge *before, const struct challenge *next);
void challenge_count(struct challenge *challenge, const struct decision *decision);
