/* A generation: one immutable set of LMDB tables as of a position of the archive.
 * generation_writer.h builds one, generation_publish.h publishes it.
 *
 *   PATH/g-<position, 20 digits>-<id>/tables.mdb, manifest.json
 *   PATH/current → g-…          a symbolic link, replaced atomically
 *
 * Tables: one for each entity of the plan ("state:<entity>": key → encoded state), "ids" (hash of a
 * transaction id, big-endian → position, label), "lists", "thresholds", "baselines", "sources",
 * "policy". They are written once in key order and from then on opened read-only, without LMDB's
 * lock file. The content hash is over the ordered (table, key, value) stream, not over LMDB's file,
 * so equal content has equal hashes. */
#pragma once

#include "core/base/error.h"
#include "core/feature/plan/plan.h"
#include "core/policy/eval/threshold.h"
#include "core/policy/lists/list_table.h"
#include "core/store/sources/source_table.h"
#include "core/wire/record/record.h"
#include "core/wire/types/decision.h"
#include "generation_manifest.h"

#include <stdbool.h>
#include <stdint.h>

struct tally;
struct known_id;
struct generation;

/* LMDB's limit in bytes. It is more than a key of PLAN_KEY_PARTS_MAX fields of
 * TRANSACTION_FIELD_MAX bytes needs. An attribute may be longer: a state under such a key cannot be
 * stored (ERROR_TOO_LARGE). */
#define GENERATION_KEY_MAX 511

/* Opens the published one. ERROR_NOT_FOUND: there is none yet. ERROR_DAMAGED, ERROR_UNSUPPORTED:
 * the message says what is wrong and that a rebuild mends it. Checks the manifest, the size of the
 * file and samples of the keys; `full` reads everything against its hashes. Damage that the samples
 * miss and LMDB finds later ends the process. A generation belongs to one thread at a time. */
int generation_open_current(const char *root, bool full, struct generation **ret_generation,
                            struct error *ret_error);
/* Reads the manifest of the published one, not the tables. Errors as generation_open_current(). */
int generation_current_manifest(const char *root, struct generation_manifest *ret_manifest,
                                struct error *ret_error);
/* As generation_open_current(), for one of the folders in root by its name ("g-…"), whether
 * `current` points to it or not. */
int generation_open(const char *root, const char *folder, bool full,
                    struct generation **ret_generation, struct error *ret_error);
void generation_close(struct generation *generation);

/* Identifies what `current` points to without opening anything. Every publication makes another
 * mark, also of a generation that was there before. */
struct generation_mark {
    uint64_t id; /* 0: the link does not name a generation */
    uint64_t inode;
    int64_t changed_ns;
};
/* false: there is no `current`. */
bool generation_look(const char *root, struct generation_mark *ret_mark);
/* The name of its folder; free() it. */
char *generation_folder(const struct generation *generation);

const struct generation_manifest *generation_manifest(const struct generation *generation);
struct tally generation_tally(const struct generation *generation);
/* The files of the policy it was built with; they live as long as the generation. */
const struct policy_file *generation_files(const struct generation *generation, size_t *ret_count);

/* What was added to lists up to its place, as the starting point of a fold. May be called once: the
 * caller owns and frees it. Never NULL. */
struct list_table *generation_take_lists(struct generation *generation);
/* Likewise which numbers of which source have come. */
struct source_table *generation_take_sources(struct generation *generation);

/* The thresholds computed with it; NULL: none. They live as long as the generation. */
const struct thresholds *generation_thresholds(const struct generation *generation);

/* The value of one group of a threshold that keeps its groups in the tables; definition: of the
 * threshold, key: threshold_key(). false: there is none. */
bool generation_baseline(const struct generation *generation, uint64_t definition, struct text key,
                         double *ret_value);
/* Where it is in the order of that table. */
uint64_t generation_baseline_hash(uint64_t definition, struct text key);

/* Matches tables to the entities of the plan, whose id must be generation_manifest()->plan_id.
 * Once, before the first look-up. ERROR_INVALID: another plan. ERROR_DAMAGED. */
int generation_bind(struct generation *generation, const struct plan *plan,
                    struct error *ret_error);

/* Instead, for a plan that the generation was not built with: no entity has a state in it. Its ids,
 * lists and sources do not depend on a plan. */
void generation_bind_without_states(struct generation *generation);
/* Is it of this plan, or has it no states at all? */
bool generation_has_plan(const struct generation *generation, const struct plan *plan);

/* The stored state; length 0: the entity has none. Points into the mapped file: valid until
 * generation_close(). */
struct text generation_state(const struct generation *generation, size_t entity, struct text key);
bool generation_find_id(const struct generation *generation, uint64_t id_hash,
                        struct known_id *ret_known);

/* Keys in order; for merging with an overlay. A cursor has a transaction of its own, so it may be
 * used in another thread than the look-ups, and several cursors in several threads, each in one.
 * All are closed before the generation. */
struct generation_cursor;
struct generation_cursor *generation_cursor_open(const struct generation *generation,
                                                 size_t entity);
struct generation_cursor *generation_cursor_open_ids(const struct generation *generation);
/* Of the values of thresholds in the tables; NULL: its tables are older than those. */
struct generation_cursor *generation_cursor_open_baselines(const struct generation *generation);
bool generation_cursor_next_baseline(struct generation_cursor *cursor, uint64_t *ret_hash,
                                     struct text *ret_key, double *ret_value);
/* Positions the cursor before the first key that is not less than this one. */
void generation_cursor_seek(struct generation_cursor *cursor, struct text key);
bool generation_cursor_next(struct generation_cursor *cursor, struct text *ret_key,
                            struct text *ret_value);
/* The same for a cursor of ids. */
void generation_cursor_seek_id(struct generation_cursor *cursor, uint64_t id_hash);
bool generation_cursor_next_id(struct generation_cursor *cursor, uint64_t *ret_id_hash,
                               struct known_id *ret_known);
void generation_cursor_close(struct generation_cursor *cursor);
