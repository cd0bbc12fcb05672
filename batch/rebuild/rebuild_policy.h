/* Finds the policy that a rebuild folds for. Private to batch/rebuild. */
#pragma once

#include "rebuild_job.h"

/* The policy that was given, or the archive's last one. Where all of the archive will be scanned,
 * that is a guess until then. */
int rebuild_load_policy(struct rebuild *rebuild, struct error *ret_error);

/* The archive's last one, after a guess was wrong. */
int rebuild_find_policy(struct rebuild *rebuild, struct error *ret_error);

/* A later policy than the guessed one, met by one thread. */
struct later_policy {
    struct snapshot *snapshot; /* NULL: none */
    uint64_t position;
};

/* false: its features are other ones, or it does not load, so that the guess was wrong. */
bool rebuild_meet_policy(const struct rebuild *rebuild, const struct record *record,
                         struct later_policy *later);

/* After the scan: this one takes the guess's place. */
void rebuild_settle_policy(struct rebuild *rebuild, struct later_policy *later);

/* The payload of the archive's last record of this type, up to the target. 0: there is none. */
int rebuild_find_last(struct rebuild *rebuild, enum record_type type, enum rebuild_phase phase,
                      struct buffer *ret_payload, struct error *ret_error);
