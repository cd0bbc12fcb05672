/* A folder's policy on its way into force: loaded, checked, its cases run. The same for the policy
 * that decides and for shadow policies. */
#pragma once

#include "core/base/buffer.h"
#include "core/policy/load/snapshot.h"
#include "core/wire/message/message.h"
#include "server/base/service_state.h"

#include <stdatomic.h>
#include <stdbool.h>

struct candidate {
    char *path;              /* owned */
    struct snapshot *in_use; /* before; NULL: none */
    struct snapshot *loaded; /* the new one; NULL: the one in use stays */
    enum reload_result result;
    struct buffer messages;   /* diagnostics and failed cases, for people */
    char error[REASON_BYTES]; /* when RELOAD_REFUSED: why */
};

/* Loads and checks the folder. in_use NULL: no policy of that folder is in force. Takes a
 * reference. Never fails: the result says what became of it. */
void candidate_load(struct candidate *candidate, const char *path, struct snapshot *in_use);
/* Drops what was loaded; the policy in use stays. */
void candidate_refuse(struct candidate *candidate, const char *reason);
/* Runs the cases of a policy that is new. False: asked to stop. */
bool candidate_try(struct candidate *candidate, const atomic_bool *stop);
/* The policy to be in force from now on: the new one, else the old one; NULL: none. */
struct snapshot *candidate_snapshot(const struct candidate *candidate);
void candidate_log_messages(const struct candidate *candidate, struct log *log);
void candidate_deinit(struct candidate *candidate);

/* Bytes of memory that loading the folder may take, with a margin. */
uint64_t candidate_memory(const char *path);
