/* Computed thresholds, ready to be looked up: thresholds.NAME[key] in a rule.
 *
 * A set of plain values (core/wire/bytes/threshold_set.h) → struct thresholds, immutable. A
 * threshold is known by its name and by the hash of its declaration: a policy whose declaration
 * differs does not find it and has its own fallback instead. */
#pragma once

#include "core/base/text.h"
#include "core/base/value.h"
#include "core/wire/bytes/threshold_set.h"

#include <stdbool.h>
#include <stdint.h>

#define THRESHOLD_KEYS_MAX 3 /* fields that make a group */

/* A longer part makes no group: such a transaction is compared with the value over all groups. */
#define THRESHOLD_KEY_PART_MAX 128
#define THRESHOLD_KEY_MAX      (THRESHOLD_KEYS_MAX * (THRESHOLD_KEY_PART_MAX + 2))

/* The key of a group: one part is its own key; of several, each follows its length as a varint.
 * .data NULL when a part is empty or too long. */
struct text threshold_key(const struct text *parts, size_t part_count,
                          char ret_bytes[THRESHOLD_KEY_MAX]);

struct thresholds;

/* Copies everything. */
struct thresholds *thresholds_new(const struct threshold_set *set);
void thresholds_free(struct thresholds *thresholds); /* NULL is allowed */

/* Its values again; they live as long as it. */
const struct threshold_set *thresholds_set(const struct thresholds *thresholds);
const struct threshold_values *thresholds_find(const struct thresholds *thresholds,
                                               struct text name, uint64_t definition);

/* The value of a frame's threshold slot: its table as a text, absent when there is none. It points
 * into `thresholds`. */
struct value thresholds_value(const struct thresholds *thresholds, struct text name,
                              uint64_t definition);
/* The group's value, else that over all groups, else the fallback. table: from above. Pure. */
double threshold_look_up(struct text table, struct text key, double fallback);

/* A table as above, in the caller's memory, that has this group as well as what `table` has over
 * all groups (.data NULL: nothing). It points to the key. */
#define THRESHOLD_GROUP_WORDS 10
struct value threshold_group(struct text table, struct text key, double value,
                             uint64_t memory[THRESHOLD_GROUP_WORDS]);

/* Where threshold_look_up() finds the value. */
enum threshold_origin {
    THRESHOLD_FALLBACK, /* nothing was computed, or from too few transactions */
    THRESHOLD_OVERALL,  /* the value over all groups */
    THRESHOLD_GROUP,
};
enum threshold_origin threshold_origin(struct text table, struct text key);

/* The cut-off that this budget gave; false: none. */
bool thresholds_cutoff(const struct thresholds *thresholds, enum verdict verdict,
                       uint64_t definition, uint32_t *ret_score);
