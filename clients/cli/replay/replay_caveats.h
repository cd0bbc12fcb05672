/* What a reader of a replay's report has to keep in mind. */
#pragma once

#include "replay_document.h"

#define REPLAY_CAVEATS_MAX 24

struct replay_caveat {
    const char *code; /* "warm_up": for programs */
    char text[640];   /* sentences, for people */
};

/* The caveats that apply to the document. Returns their number. */
size_t replay_caveats(const struct replay_document *document,
                      struct replay_caveat ret_caveats[REPLAY_CAVEATS_MAX]);

/* Does the history that its features and suppressions see depend on verdicts? */
bool replay_follows_verdicts(const struct snapshot *policy);
