/* What `harrier replay` prints when it has come to its end: the counts, the figures, the time it
 * took, and for an audit what it found. */
#pragma once

#include "replay_document.h"

#include <stdint.h>
#include <stdio.h>

/* Transactions of the range. */
struct replay_rows {
    uint64_t reported;
    uint64_t different, refused; /* of those */
    uint64_t outside;            /* of those, in an audit: decisions of another engine definition */
    uint64_t erased; /* of an audit: rewritten by an erasure, so that they cannot be compared */
};

/* document: complete, but without figures where none were wanted. */
void replay_ending_print(const struct replay_document *document, const struct replay *replay,
                         const struct replay_rows *rows, FILE *to);
