/* harrier explain: derives one decision of an archive again (core/store/explain/explain.h) with
 * several threads and, if asked for, what another policy would have decided. */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/policy/load/snapshot.h"
#include "core/wire/types/explanation.h"

#include <stddef.h>
#include <stdint.h>

struct explain_job {
    const char *archive;     /* folder */
    const char *generations; /* folder; NULL: none are used */
    const char *id;          /* the transaction's, or an unambiguous prefix of it */
    uint64_t position;       /* the transaction's; 0: the last one with this id */
    const char *policy;      /* folder of another policy to decide it with; NULL: none */
    struct snapshot *loaded; /* in place of a folder: a policy that is loaded; NULL: none */
    size_t threads;          /* 0: one per core */
    uint64_t chunk_bytes;    /* for tests: as in core/store/explain/explain.h */
};

/* The explanation lives in the arena, whose limit should be EXPLANATION_BYTES_MAX. Stage "explain",
 * counted in segments; progress may be NULL. ERROR_NOT_FOUND: no archive, or no such transaction.
 * ERROR_INVALID: the policy. ERROR_UNSUPPORTED, ERROR_DAMAGED, ERROR_TOO_LARGE, ERROR_INTERRUPTED.
 */
int explain_run(const struct explain_job *job, struct progress *progress, struct arena *arena,
                struct explanation *ret_explanation, struct error *ret_error);
