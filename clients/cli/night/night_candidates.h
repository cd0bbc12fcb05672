/* DATA/candidates: policies with a new model, one for each night that trained one, in a folder of
 * its date. `latest` is a link to the newest, for the server's option shadow. */
#pragma once

#include "core/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define FOLDER_CANDIDATES "candidates"
#define CANDIDATE_LATEST  "latest"

struct night_candidates {
    char *path;
    int folder;
    int64_t *days; /* of the nights, the newest first */
    size_t count;
};

/* Makes the folder unless it is there. The caller closes it after a failure, too. */
int night_candidates_open(const char *data, struct night_candidates *ret_candidates,
                          struct error *ret_error);
void night_candidates_close(struct night_candidates *candidates);

/* The path of a night's candidate, and of where it is made; heap. */
char *night_candidate_path(const struct night_candidates *candidates, int64_t day);
char *night_candidate_draft(const struct night_candidates *candidates, int64_t day);

/* Removes the drafts that earlier attempts and nights have left. */
int night_candidates_clear(const struct night_candidates *candidates, struct error *ret_error);
/* Brings all files of the draft to disk: the program that wrote them need not have. */
int night_candidate_sync(const struct night_candidates *candidates, int64_t day,
                         struct error *ret_error);
/* The draft takes its name unless an attempt that was killed has given it, `latest` leads to it,
 * and all but the `kept` newest are removed. The day must not be before the newest; one of the same
 * day is replaced. What cannot be removed is only reported. */
int night_candidate_publish(struct night_candidates *candidates, int64_t day, uint64_t kept,
                            struct error *ret_error);
