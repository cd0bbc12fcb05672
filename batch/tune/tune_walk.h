/* Where a search stands: one setting, with what it decides about every profile, so that a change is
 * measured by the profiles that it concerns. Private to the search. */
#pragma once

#include "tune_figures.h"

/* Of all walks: the profiles of each rule. */
struct tune_reach {
    const struct tune_problem *problem;
    uint32_t **profiles; /* by rule: those for which it could fire */
    size_t *counts;
};

void tune_reach_init(struct tune_reach *reach, const struct tune_problem *problem);
void tune_reach_deinit(struct tune_reach *reach);

struct tune_walk {
    const struct tune_reach *reach;
    uint16_t *setting;
    uint64_t *fired, *failed; /* a set of rules for each profile */
    uint16_t *score;
    uint8_t *asked, *verdict; /* enum verdict */
    struct tune_figures figures[TUNE_PARTS];
    uint64_t evaluations;
};

void tune_walk_init(struct tune_walk *walk, const struct tune_reach *reach);
void tune_walk_deinit(struct tune_walk *walk);
void tune_walk_go_to(struct tune_walk *walk, const uint16_t *setting);

/* The figures with one knob set otherwise; the walk stays where it is. */
void tune_walk_try(struct tune_walk *walk, size_t knob, size_t candidate,
                   struct tune_figures ret_figures[TUNE_PARTS]);
/* Sets it. */
void tune_walk_set(struct tune_walk *walk, size_t knob, size_t candidate);
