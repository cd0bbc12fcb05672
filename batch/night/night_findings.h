/* What is unusual about the reported day, and what to do about it.
 *
 * A day is compared with the seven days before it, a volume with the same weekday. A count must be
 * beyond chance (night_statistics.h) and beyond what those days varied among each other; so neither
 * small volumes nor large ones with their usual swings give a finding. */
#pragma once

#include "night_evidence.h"

void night_findings_make(const struct night_evidence *evidence,
                         struct night_findings *ret_findings);
void night_findings_deinit(struct night_findings *findings);

/* Stability of the score, from the decisions on record: as of a feature. false: nothing to compare.
 */
bool night_score_drift(const struct night_figures *figures, double *ret_index, double *ret_noise);
