/* What the windows of an entity hold: for each gathering what course.h says, kept up as entries and
 * collapsed tiles come and go. Internal to core/feature.
 *
 * Counts and sums are exact integers, so taking off gives what a scan would. What cannot be taken
 * off goes stale, and has to be looked up again before it is given:
 *
 *   extremes  when one of them leaves
 *   first     when it leaves
 *   last      leaves only with everything else
 *   values    are counted (tallies.c), so that they can be taken off */
#pragma once

#include "core/feature/sketch/tallies.h"
#include "course.h"
#include "gather.h"

struct windows {
    uint64_t *words; /* the course's */
    uint8_t *stale;  /* [gathering]: what is stale of it, of COURSE_ORDERED */
    uint32_t stale_count;
    bool has_values; /* else what tallies would say is not kept up */
    struct tallies tallies;
};

/* What is kept that cannot be taken off. */
#define COURSE_ORDERED (COURSE_EXTREMES | COURSE_FIRST | COURSE_LAST)

/* Of the memory that the caller lends: words, what is stale and, last, the list of values while
 * they are few. */
static inline size_t windows_few_size(const struct entity_plan *entity) {
    return tallies_words(entity->course.member_count) * sizeof(uint64_t);
}
static inline size_t windows_size(const struct entity_plan *entity) {
    size_t stale_words = (entity->gathering_count + sizeof(uint64_t) - 1) / sizeof(uint64_t);
    return (entity->course.word_count + stale_words) * sizeof(uint64_t) + windows_few_size(entity);
}
void windows_init(struct windows *windows, const struct entity_plan *entity, void *memory);
void windows_deinit(struct windows *windows);             /* the memory is the caller's */
void windows_move(struct windows *windows, uintptr_t by); /* so far it has been moved */
void windows_clear(struct windows *windows, const struct entity_plan *entity);

/* An entry comes into all windows of a span; or passes a border, into the windows that begin there
 * and out of those that end. */
void windows_add_entry(struct windows *windows, const struct entity_plan *entity, size_t span,
                       const struct run_entry *entry);
void windows_pass_entry(struct windows *windows, const struct entity_plan *entity,
                        const struct border *border, const struct run_entry *entry);
/* The same of one transaction that has the column, where entity->is_plain. value: of the column, if
 * there is one. */
void windows_pass_plain(struct windows *windows, const struct entity_plan *entity,
                        const struct border *border, int64_t value);
/* One total of a tile comes to a gathering that is made from it, or leaves it. Its values do not.
 */
void windows_add_tallied(struct windows *windows, const struct entity_plan *entity,
                         size_t gathering, const struct tallied *tallied);
void windows_take_tallied(struct windows *windows, const struct entity_plan *entity,
                          size_t gathering, const struct tallied *tallied);

/* `what` of the gathering is stale from here on; nothing if it is empty. */
void windows_stain(struct windows *windows, const struct entity_plan *entity, size_t gathering,
                   unsigned what);

/* Looking up what is stale of one gathering: begin, everything in its window, end. Tiles come
 * before raw entries, either in order of time. */
struct lookup {
    struct windows *windows;
    const struct entity_plan *entity;
    size_t gathering;
    uint16_t kept; /* only what is stale, and the kind of cell */
    bool any;
};
struct lookup lookup_begin(struct windows *windows, const struct entity_plan *entity,
                           size_t gathering);
void lookup_entry(struct lookup *lookup, const struct run_entry *entry);
void lookup_tallied(struct lookup *lookup, const struct tallied *tallied);
/* Would nothing of this time or later change it any more? */
bool lookup_is_done(const struct lookup *lookup, int64_t time_us);
void lookup_end(struct lookup *lookup);

/* What all gatherings hold, in gather->gathered. Without values, those are as of none. */
void windows_give(const struct windows *windows, struct gather *gather);

/* has_values: fetches what the current transaction's values are counted in (NULL: there is none),
 * and if entries are about to leave or to come in, `leaving` of the course's pool; or all values
 * that there are few enough of. */
void windows_prefetch(const struct windows *windows, const struct entity_plan *entity,
                      const struct entry *current, bool will_change, uint64_t leaving);
