/* thresholds.yaml. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Fills the snapshot's thresholds and budgets. After load_features(). */
void load_thresholds(struct load *load);
/* Marks the thresholds that a live rule's condition reads: scores depend on them. */
void load_note_scored(struct load *load, const struct syntax *condition);
