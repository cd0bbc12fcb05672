/* The step "train": a program trains a model on the last days whose outcomes are known and writes a
 * policy with it, the candidate of this night.
 *
 *   PROGRAM ARCHIVE --policy FOLDER --model NAME --train FROM..UNTIL --test FROM..UNTIL
 *           --outcomes-after DURATION --out FOLDER [--threads N] [--memory SIZE] --quiet
 *
 * Without --train-program it is this program's own subcommand train. What is written to --out must
 * be a policy that loads and passes its cases. What the program prints is in train.log beside the
 * report. */
#pragma once

#include "night_job.h"

/* As night_step_run(). */
int night_train(struct night_run *run, struct error *ret_error);
