/* Finds the policy that a rebuild folds for. Private to batch/rebuild. */
#pragma once

#include "rebuild_job.h"

/* Loads the given policy, or the archive's last one. Where all of the archive will be scanned
 * anyway, the latter is a guess that the scan confirms or refutes (guessed_at). */
int rebuild_load_policy(struct rebuild *rebuild, struct error *ret_error);

/* Loads the archive's last policy by searching for it, after a guess was wrong. */
int rebuild_find_policy(struct rebuild *rebuild, struct error *ret_error);

/* Loads the archive's last policy from its record, found by another process, after a guess was
 * wrong. */
int rebuild_take_policy(struct rebuild *rebuild, struct text payload, struct error *ret_error);

/* The latest policy behind the guessed one that a thread has scanned. */
struct later_policy {
    struct snapshot *snapshot; /* NULL: none */
    uint64_t position;
};

/* Takes note of a policy record behind the guess. false: its features differ or it does not load,
 * so the guess was wrong. */
bool rebuild_note_policy(const struct rebuild *rebuild, const struct record *record,
                         struct later_policy *later);

/* After the scan: makes the latest policy the rebuild's, if there is one. Takes it over. */
void rebuild_use_later_policy(struct rebuild *rebuild, struct later_policy *later);

/* Finds the archive's last record of a type up to the target. 1: its payload was appended to
 * *ret_payload; 0: there is none. */
int rebuild_find_last(struct rebuild *rebuild, enum record_type type, enum rebuild_phase phase,
                      struct buffer *ret_payload, struct error *ret_error);
