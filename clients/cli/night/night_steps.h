/* The steps of a night. Each may be repeated: one that was cut off leaves nothing in the way. */
#pragma once

#include "night_job.h"

/* 0: done, with its results in run->journal. 1: there is nothing to do. */
int night_step_run(struct night_run *run, enum night_step step, struct error *ret_error);
