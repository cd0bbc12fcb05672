/* DATA/nights/accept.json: a person accepts what the guard of thresholds and cut-offs held back.
 * The console writes it, and the next night's rebuild takes the new values of what it names,
 * whatever their guards say, and removes it. Until then it can be taken back. */
#pragma once

#include "core/wire/types/decision.h"
#include "night_files.h"

#define NIGHT_ACCEPTANCE_NAME "accept.json"
#define NIGHT_ACCEPTED_MAX    256 /* thresholds */
#define NIGHT_ACCEPTED_NAME   128 /* bytes of a name, with its NUL */
#define NIGHT_REASON_SIZE     512

struct night_acceptance {
    char night[NIGHT_DATE_SIZE];          /* whose report was accepted */
    char source[128];                     /* who: "console:ada" */
    char reason[NIGHT_REASON_SIZE];       /* why */
    int64_t at_us;
    char (*thresholds)[NIGHT_ACCEPTED_NAME]; /* owned */
    size_t threshold_count;
    unsigned cutoffs; /* bit n: enum verdict n */
};

void night_acceptance_deinit(struct night_acceptance *acceptance);

/* folder: DATA/nights. 1: there is none. ERROR_DAMAGED: it is no such file. */
int night_acceptance_read(int folder, struct night_acceptance *ret_acceptance,
                          struct error *ret_error);
/* ERROR_INVALID: it names nothing, or too much. */
int night_acceptance_write(int folder, const struct night_acceptance *acceptance,
                           struct error *ret_error);
/* Only if it is still this one: another may have been written meanwhile. 1: it was not removed. */
int night_acceptance_remove(int folder, const struct night_acceptance *acceptance,
                            struct error *ret_error);
