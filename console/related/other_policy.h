/* What another policy of the archive would have decided about a transaction: the decision derived
 * again from the archive, beside the server. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "policy_cache.h"

#include <stdatomic.h>
#include <stdint.h>

#define OTHER_POLICY_US      INT64_C(20000000) /* then it is given up */
#define OTHER_POLICY_THREADS 2

struct other_policy_job {
    const char *archive;     /* folder */
    const char *generations; /* folder; NULL: none */
    const char *id;
    uint64_t position;       /* 0: the last one of this id */
    struct snapshot *policy; /* the caller's */
    const atomic_bool *stop; /* ERROR_INTERRUPTED */
};

/* Appends one object as `harrier explain --json` has it, with "now": the other policy.
 * ERROR_DEADLINE: it takes longer than OTHER_POLICY_US. Others as of explain_run(). Takes up to
 * 512 MiB of memory: one at a time. */
int other_policy_write(const struct other_policy_job *job, struct buffer *out,
                       struct error *ret_error);

/* Appends "policies": the policies of an archive, the last one first, each once. Errors as of
 * policy_history_open(). */
int other_policy_list(const char *archive, struct buffer *out, struct error *ret_error);
