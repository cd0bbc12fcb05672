/* Everything the fold of the archive amounts to, as the server holds it: the states newer than the
 * generation in memory, the generation behind them, what was added to lists, which ids are known,
 * and how much there is.
 *
 * Law 1 in one place: overlay_apply() is the only way anything gets in. */
#pragma once

#include "core/base/error.h"
#include "core/base/pages.h"
#include "core/engine/engine.h"
#include "core/store/generation/generation.h"
#include "core/store/generation/tally.h"

#include <stdbool.h>
#include <stdint.h>

struct overlay;

/* generation: NULL before the first rebuild; the overlay keeps it open and closes it when freed.
 * The plan must outlive the overlay. */
struct overlay *overlay_new(const struct plan *plan, struct generation *generation);
/* From now on this one touches its memory ahead of need; NULL: nobody any more. */
void overlay_use_prefault(struct overlay *overlay, struct pages_prefault *prefault);
void overlay_free(struct overlay *overlay);

struct state_source *overlay_states(struct overlay *overlay);
/* What was added to lists: changed by overlay_apply() alone. Lives as long as the overlay. */
struct list_table *overlay_lists(const struct overlay *overlay);
const struct generation *overlay_generation(const struct overlay *overlay); /* may be NULL */

/* Applies one record: states, lists, ids, tally. The record has its position. */
void overlay_apply(struct overlay *overlay, struct engine *engine, const struct record *record);

bool overlay_find_id(const struct overlay *overlay, uint64_t id_hash, struct known_id *ret_known);
/* The same for an id that comes in: when it is not found and its transaction is applied next, the
 * tables are not searched again. */
bool overlay_recognise_id(struct overlay *overlay, uint64_t id_hash, struct known_id *ret_known);
/* It comes in next but one: what finding it in memory will touch is fetched with that transaction's
 * states, so that the waits overlap. */
void overlay_expect_id(struct overlay *overlay, uint64_t id_hash);

struct tally overlay_tally(const struct overlay *overlay);
uint64_t overlay_entities(const struct overlay *overlay); /* in memory */
uint64_t overlay_bytes(const struct overlay *overlay);    /* of their states */
/* About how much memory it takes: states, keys, ids and what finds them; not the tables' pages, nor
 * the entries of lists, which no rebuild takes out of memory. */
uint64_t overlay_memory(const struct overlay *overlay);

/* Percent: of limit bytes of memory (0: no limit), or of the room there is for entities, whichever
 * it has come closer to. The latter is 100 some way before the end. */
unsigned overlay_fullness(const struct overlay *overlay, uint64_t limit);

/* Calls visit once per entity in (entity, key) order with the state it has now, whether from memory
 * or from the table. Stops when visit returns nonzero and returns that.
 *
 * Idle states are left out: those that no transaction can read or add to which lies at most the
 * plan's lateness behind the newest. So a fold goes on from a generation built of this to the same
 * states as without one, unless a record comes later than that. */
int overlay_visit(const struct overlay *overlay,
                  int (*visit)(void *user, size_t entity, struct text key, struct text state),
                  void *user);

/* Equal for equal states of all entities, wherever they are held: XXH3 over overlay_visit()'s
 * sequence. Reads everything. */
uint64_t overlay_hash(const struct overlay *overlay);

/* The states of one position, read in order while the overlay goes on: for comparing and hashing
 * beside decisions. Whoever changes the overlay does so inside the guard; so, in short stretches,
 * does the view. A view costs a copy of each state that changes while it is open. */
struct overlay_view;

struct overlay_guard {
    void (*enter)(struct overlay_guard *self);
    void (*leave)(struct overlay_guard *self);
};

/* Inside the guard; it stays the caller's. NULL: nothing is applied until the view is closed. The
 * states are those of now. */
struct overlay_view *overlay_view_open(struct overlay *overlay, struct overlay_guard *guard);
/* Outside the guard, as the following; one thread's. False: that was the last. As with
 * overlay_visit(), idle states are left out. Valid until the next call. */
bool overlay_view_next(struct overlay_view *view, size_t *ret_entity, struct text *ret_key,
                       struct text *ret_state);
/* overlay_hash() of that position; instead of overlay_view_next(). */
uint64_t overlay_view_hash(struct overlay_view *view);
struct tally overlay_view_tally(const struct overlay_view *view);
/* list_table_hash() of that position, and how many entries there were. */
uint64_t overlay_view_lists(const struct overlay_view *view, size_t *ret_entries);
void overlay_view_close(struct overlay_view *view); /* NULL is allowed */
/* Inside the guard: is there a view? Then the overlay must not be freed. */
bool overlay_is_viewed(const struct overlay *overlay);

/* All known ids in hash order, likewise merged with the generation's. */
int overlay_visit_ids(const struct overlay *overlay,
                      int (*visit)(void *user, uint64_t id_hash, struct known_id known),
                      void *user);
