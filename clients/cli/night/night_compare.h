/* The step "compare": would a candidate of an earlier night be promoted, by the rules of harrier
 * policy promote? It is the newest that has a week of mature days behind its training. Nothing is
 * promoted. Its result is in the journal, and in candidate.json and candidate.txt beside it. */
#pragma once

#include "night_job.h"

#define NIGHT_CANDIDATE_JSON "candidate.json"
#define NIGHT_CANDIDATE_TEXT "candidate.txt"

/* As night_step_run(). */
int night_compare(struct night_run *run, struct error *ret_error);
