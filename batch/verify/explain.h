/* harrier explain: one decision of an archive derived again (core/store/explain/explain.h), by
 * several threads, and beside it what another policy would decide. */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/wire/types/explanation.h"

#include <stddef.h>
#include <stdint.h>

struct explain_job {
    const char *archive;     /* folder */
    const char *generations; /* folder; NULL: none are used */
    const char *id;          /* of the transaction, or the beginning of one that is no other's */
    uint64_t position;       /* the transaction's; 0: the last of this id */
    const char *policy;      /* folder of the policy that decides on it, too; NULL: none */
    size_t threads;          /* 0: one per core */
    uint64_t chunk_bytes;    /* for tests: as in core/store/explain/explain.h */
};

/* Everything lives in the arena, which is to have EXPLANATION_BYTES_MAX. Stage "explain", counted
 * in segments; progress may be NULL. ERROR_NOT_FOUND: no archive, or no such transaction.
 * ERROR_INVALID: the policy. ERROR_UNSUPPORTED, ERROR_DAMAGED, ERROR_TOO_LARGE, ERROR_INTERRUPTED.
 */
int explain_run(const struct explain_job *job, struct progress *progress, struct arena *arena,
                struct explanation *ret_explanation, struct error *ret_error);
