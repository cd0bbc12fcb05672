/* A generation: one immutable set of LMDB tables as of a position, and how one is published.
 *
 *   PATH/g-<position, 20 digits>-<id>/tables.mdb, manifest.json
 *   PATH/current → g-…          a symbolic link, replaced atomically
 *
 * Tables: one per entity of the plan ("state:<entity>": key → encoded state), "ids" (hash of a
 * transaction id, big-endian → position, label), "lists", "thresholds", "policy". Written once in
 * key order,
 * opened read-only without LMDB's lock file ever after. The content hash runs over the ordered
 * (table, key, value) stream, not over LMDB's file bytes, so that equal content has equal hashes.
 */
#pragma once

#include "core/base/error.h"
#include "core/feature/plan/plan.h"
#include "core/policy/eval/threshold.h"
#include "core/policy/lists/list_table.h"
#include "core/wire/record/record.h"
#include "core/wire/types/decision.h"
#include "generation_manifest.h"

#include <stdbool.h>
#include <stdint.h>

struct tally;
struct known_id;
struct generation;

/* LMDB's limit, and more than a key of PLAN_KEY_PARTS_MAX fields of TRANSACTION_FIELD_MAX bytes
 * needs. An attribute may be longer: a state under such a key cannot be kept (ERROR_TOO_LARGE). */
#define GENERATION_KEY_MAX 511

/* The published one. ERROR_NOT_FOUND: none yet. ERROR_DAMAGED, ERROR_UNSUPPORTED say what is wrong
 * with it. Checks manifest, file size and sampled keys; `full` reads everything against its hashes.
 * Damage that passes unseen here and that LMDB meets later ends the process. One thread at a time.
 */
int generation_open_current(const char *root, bool full, struct generation **ret_generation,
                            struct error *ret_error);
/* What its manifest says, with no look at the tables. As generation_open_current(). */
int generation_current_manifest(const char *root, struct generation_manifest *ret_manifest,
                                struct error *ret_error);
/* The same of one of the folders in root, by its name ("g-…"), whether `current` or not. */
int generation_open(const char *root, const char *folder, bool full,
                    struct generation **ret_generation, struct error *ret_error);
void generation_close(struct generation *generation);

/* What `current` is, at a glance and without opening anything. Whatever is published, be it what
 * was there before, makes another mark. */
struct generation_mark {
    uint64_t id; /* 0: its name does not say */
    uint64_t inode;
    int64_t changed_ns;
};
/* False: there is no `current`. */
bool generation_look(const char *root, struct generation_mark *ret_mark);
/* The name of its folder; free() it. */
char *generation_folder(const struct generation *generation);

const struct generation_manifest *generation_manifest(const struct generation *generation);
struct tally generation_tally(const struct generation *generation);
/* The policy's files it was built with; they live as long as the generation. */
const struct policy_file *generation_files(const struct generation *generation, size_t *ret_count);

/* What was added to lists up to its place, for whoever folds on; then it has none any more. Never
 * NULL. The caller frees it. */
struct list_table *generation_take_lists(struct generation *generation);

/* What was computed with it; NULL: nothing. Lives as long as the generation. */
const struct thresholds *generation_thresholds(const struct generation *generation);

/* The plan must be the one of generation_manifest()->plan_id: matches table to entity. Once, before
 * the first look-up. */
int generation_bind(struct generation *generation, const struct plan *plan,
                    struct error *ret_error);

/* Length 0 when the entity is not there. Points into the mapped file: valid until
 * generation_close(). */
struct text generation_state(const struct generation *generation, size_t entity, struct text key);
bool generation_find_id(const struct generation *generation, uint64_t id_hash,
                        struct known_id *ret_known);

/* Keys in order; for merging with an overlay. A cursor may be used by another thread than the
 * look-ups, and several cursors by several, each by one; all are closed before the generation. */
struct generation_cursor;
struct generation_cursor *generation_cursor_open(const struct generation *generation,
                                                 size_t entity);
struct generation_cursor *generation_cursor_open_ids(const struct generation *generation);
/* Goes before the first key that is not less than this one. */
void generation_cursor_seek(struct generation_cursor *cursor, struct text key);
bool generation_cursor_next(struct generation_cursor *cursor, struct text *ret_key,
                            struct text *ret_value);
/* The same for a cursor of ids. */
void generation_cursor_seek_id(struct generation_cursor *cursor, uint64_t id_hash);
bool generation_cursor_next_id(struct generation_cursor *cursor, uint64_t *ret_id_hash,
                               struct known_id *ret_known);
void generation_cursor_close(struct generation_cursor *cursor);
