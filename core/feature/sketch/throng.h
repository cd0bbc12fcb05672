/* Different values where there are too many to count: what the windows hold when values are in
 * sketches. Entries come and go; where a sketch leaves, all is counted anew. Internal to
 * core/feature. */
#pragma once

#include "core/feature/state/survey.h"
#include "core/feature/window/gather.h"
#include "tallies.h"

struct throng;
struct values;

struct throng *throng_new(const struct entity_plan *entity);
void throng_free(struct throng *throng); /* NULL is allowed */
size_t throng_bytes(const struct throng *throng, const struct entity_plan *entity);
void throng_forget(struct throng *throng); /* NULL is allowed */

/* Is it known for a read at at_us? Else count it, for parts without anything newer than that.
 * state: whose parts they are. */
bool throng_is_known(const struct throng *throng, int64_t at_us);
void throng_count(struct throng *throng, const struct entity_plan *entity,
                  const struct parts *parts, const struct state *state, int64_t at_us);

/* Does a raw entry of this time count by itself, not as part of a sketch? False where nothing is
 * known. */
bool throng_is_lone(const struct throng *throng, const struct parts *parts, int64_t time_us);
/* Such an entry comes into the windows of a span, or leaves them. */
void throng_pass(struct throng *throng, const struct entity_plan *entity, size_t span, bool comes,
                 const struct run_entry *entry);
/* An entry that is the newest item went into the newest tile and sketch, before the read at at_us.
 */
void throng_note_grown(struct throng *throng, const struct entity_plan *entity,
                       const struct parts *parts, const struct run_entry *added, int64_t at_us);

/* Raw entries from first_us to last_us went into a sketch tile, or sketch tiles became one, which
 * is in the parts. at_us: of the last read. */
struct sketched {
    int64_t first_us, last_us;
    const struct values *values; /* of the entries, as often as they were there; NULL: of none */
    uint64_t were_exact;         /* sketches_exact() of all that was in the sketch tile before */
};
void throng_note_sketched(struct throng *throng, const struct entity_plan *entity,
                          const struct parts *parts, const struct sketched *sketched,
                          int64_t at_us);

/* Fetches what every read looks at, and where the current transaction's values are counted (NULL:
 * there is none). For that it waits for the throng itself, but nobody waits for it. */
void throng_prefetch(const struct throng *throng, const struct entity_plan *entity,
                     const struct entry *current);

/* Fills what gather->gathered has of values. */
void throng_give(struct throng *throng, struct gather *gather);
