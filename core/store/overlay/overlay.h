/* Everything that the fold of the archive amounts to, as the server holds it: the states newer than
 * the generation in memory, the generation below them, what was added to lists, which ids are
 * known, and the counts.
 *
 * Invariant 1 in one place: overlay_apply() is the only way in, with bulk_apply.h as the same for
 * many records. One thread at a time, except for views. */
#pragma once

#include "core/base/error.h"
#include "core/base/pages.h"
#include "core/engine/engine.h"
#include "core/store/generation/generation.h"
#include "core/store/generation/known_id.h"
#include "core/store/generation/tally.h"

#include <stdbool.h>
#include <stdint.h>

struct overlay;

/* generation: NULL before the first rebuild; the overlay owns it and closes it when freed. The plan
 * must outlive the overlay. */
struct overlay *overlay_new(const struct plan *plan, struct generation *generation);
/* From now on `prefault` touches the overlay's memory before it is needed; NULL: no one does. */
void overlay_use_prefault(struct overlay *overlay, struct pages_prefault *prefault);
/* For a comparison of a sample: from here on only keys and ids are held whose hash leaves this
 * remainder when divided by `of`. Counts and lists are whole in any case. Before the first record,
 * of an overlay without a generation. */
void overlay_use_sample(struct overlay *overlay, uint64_t of, uint64_t remainder);
/* For a comparison with tables that leave out ids: those of records before this position will not
 * be known, not from its generation either. Before the first record. */
void overlay_use_ids_from(struct overlay *overlay, uint64_t position);
void overlay_free(struct overlay *overlay);

struct state_source *overlay_states(struct overlay *overlay);
/* What was added to lists; changed by overlay_apply() alone. Lives as long as the overlay. */
struct list_table *overlay_lists(const struct overlay *overlay);
/* Which numbers of which source have come; changed by overlay_apply() alone, and likewise. */
const struct source_table *overlay_sources(const struct overlay *overlay);
/* Of its generation, for engine_use_baselines(); lives as long as the overlay. */
struct baseline_source *overlay_baselines(struct overlay *overlay);
const struct generation *overlay_generation(const struct overlay *overlay); /* may be NULL */

/* Applies one record, which has its position: states, lists, ids, counts. */
void overlay_apply(struct overlay *overlay, struct engine *engine, const struct record *record);

/* Where the transaction with this id hash is, in memory or in the generation. Ids are known as far
 * back as the generation has them (generation_manifest.ids_from): for the whole life of the archive
 * unless a rebuild was told to leave out old ones. Of two ids with one hash only the first is
 * known. The caller compares the id itself. */
bool overlay_find_id(const struct overlay *overlay, uint64_t id_hash, struct known_id *ret_known);
/* The same for an incoming id: if it is not found and its transaction is applied next, that does
 * not search the generation again. */
bool overlay_recognise_id(struct overlay *overlay, uint64_t id_hash, struct known_id *ret_known);
/* This id comes after the next one: the memory that finding it will touch is prefetched together
 * with the states of the next transaction, so that the waits overlap. */
void overlay_expect_id(struct overlay *overlay, uint64_t id_hash);

struct tally overlay_tally(const struct overlay *overlay);
uint64_t overlay_entities(const struct overlay *overlay); /* in memory */
/* Of memory that their states take beside the entries of the table, each as of its last change:
 * what a read adds to a state counts once it changes. */
uint64_t overlay_bytes(const struct overlay *overlay);
/* Bytes of memory it takes, estimated: states, keys, ids and their tables; not the pages of the
 * generation, nor the entries of lists, which no rebuild moves out of memory. */
uint64_t overlay_memory(const struct overlay *overlay);

/* Percent of `limit` bytes of memory (0: no limit), or of the room for entities, whichever is
 * higher. The latter reaches 100 some way before the room is used up. */
unsigned overlay_fullness(const struct overlay *overlay, uint64_t limit);

/* Calls visit once per entity in (entity, key) order with its current state, whether from memory or
 * from the table. Stops when visit returns nonzero and returns that.
 *
 * Idle states are left out: those that no transaction can read or add to that lies at most the
 * plan's lateness behind the newest. So a fold that continues from a generation built of this has
 * the same states as one that does not, unless a record comes later than that. */
int overlay_visit(const struct overlay *overlay,
                  int (*visit)(void *user, size_t entity, struct text key, struct text state),
                  void *user);

/* Equal for equal states of all entities, wherever they are held: XXH3 over the sequence of
 * overlay_visit(). Reads everything. */
uint64_t overlay_hash(const struct overlay *overlay);

/* The states of one position, read in order while the overlay keeps changing: for comparing and
 * hashing beside decisions. The owner changes the overlay inside the guard; the view enters it only
 * for short steps. A view costs a copy of each state that changes while it is open. */
struct overlay_view;

struct overlay_guard {
    void (*enter)(struct overlay_guard *self);
    void (*leave)(struct overlay_guard *self);
};

/* Call it inside the guard, which stays the caller's. The states are those of now. guard NULL:
 * nothing is applied until the view is closed. */
struct overlay_view *overlay_view_open(struct overlay *overlay, struct overlay_guard *guard);
/* The next state, in (entity, key) order, without idle ones; false: there are no more. Outside the
 * guard, like the functions below; a view belongs to one thread. Valid until the next call. */
bool overlay_view_next(struct overlay_view *view, size_t *ret_entity, struct text *ret_key,
                       struct text *ret_state);
/* overlay_hash() of that position; used instead of overlay_view_next(). */
uint64_t overlay_view_hash(struct overlay_view *view);
struct tally overlay_view_tally(const struct overlay_view *view);
/* list_table_hash() of that position, and how many entries there were. */
uint64_t overlay_view_lists(const struct overlay_view *view, size_t *ret_entries);
/* source_table_hash() of that position, and how many sources there were. */
uint64_t overlay_view_sources(const struct overlay_view *view, size_t *ret_count);
void overlay_view_close(struct overlay_view *view); /* NULL is allowed */
/* Inside the guard: is a view open? Then the overlay must not be freed. */
bool overlay_is_viewed(const struct overlay *overlay);

/* All known ids in the order of their hashes, merged with those of the generation. */
int overlay_visit_ids(const struct overlay *overlay,
                      int (*visit)(void *user, uint64_t id_hash, struct known_id known),
                      void *user);
