/* What was added to lists while a server ran: state, a fold of the archive's list changes in the
 * order of their positions.
 *
 * It does not depend on any policy: a change names its list and an entry's text. Whether a policy
 * has such a list, and what kind of entries it takes, is looked at when it is used; what does not
 * fit stays here and does not count.
 *
 * An entry that has ended is left out some day, so that the table does not grow for ever: the first
 * change that is received on another day than the one before drops all that ended more than
 * LIST_TABLE_KEPT_US before that day. So what is there follows from the records alone. */
#pragma once

#include "brake.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/base/value.h"
#include "core/wire/bytes/list_part.h"
#include "core/wire/record/record.h"
#include "experiment.h"
#include "list_index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIST_TABLE_KEPT_US (INT64_C(31) * 86400 * 1000000) /* the longest lateness there is */
/* Limits for all lists together. Callers of list_table_apply() keep to them. */
#define LIST_TABLE_ENTRIES_MAX 1000000u
#define LIST_TABLE_BYTES_MAX   (256u << 20) /* as list_table_bytes() counts */

struct list_table;
struct list_additions; /* of one list; lives as long as the table */

struct list_table *list_table_new(void);
void list_table_free(struct list_table *table); /* NULL is allowed */

/* Applies a list change, a brake or an experiment; ignores other records. Records come in the order
 * of their positions. */
void list_table_apply(struct list_table *table, const struct record *record);

/* Would list_table_apply() do something with records of this type? */
static inline bool list_table_takes(enum record_type type) {
    return type == RECORD_LIST_CHANGE || type == RECORD_BRAKE || type == RECORD_EXPERIMENT;
}

/* Without brakes and the experiment, as list_table_at(). */
size_t list_table_entries(const struct list_table *table);
/* What the entries take with their texts, without the indexes. */
size_t list_table_bytes(const struct list_table *table);
/* Equal for equal tables. */
uint64_t list_table_hash(const struct list_table *table);

/* Lists that were ever changed, by index in the order of names, or by name. NULL: no such list.
 * Without brakes and the experiment. */
const struct list_additions *list_table_at(const struct list_table *table, size_t index);
const struct list_additions *list_table_find(const struct list_table *table, struct text name);

struct text list_additions_name(const struct list_additions *additions);
size_t list_additions_count(const struct list_additions *additions);
uint64_t list_additions_changes(const struct list_additions *additions);
int64_t list_additions_changed_us(const struct list_additions *additions);
/* NULL: the entry is not there. Valid until the next change, as the following. */
const struct list_addition *list_additions_get(const struct list_additions *additions,
                                               struct text value);
/* The first one after a position; NULL: there is none. */
const struct list_addition *list_additions_next(const struct list_additions *additions,
                                                uint64_t position);

/* Brakes in force as additions, for list_additions_next() and brake_read(); NULL: none was ever
 * pulled. */
const struct list_additions *list_table_brakes(const struct list_table *table);
/* Grows with each record about a brake; 0: there was none. */
uint64_t list_table_brake_changes(const struct list_table *table);
/* The definition of a brake in force on what decides in this arm; 0: it is free. */
uint64_t list_table_braked(const struct list_table *table, const struct brake_target *target,
                           bool is_challenger);
/* The brake for just this definition; rule "": the policy as a whole. NULL: there is none. */
const struct list_addition *list_table_brake(const struct list_table *table, struct text rule,
                                             uint64_t definition);

/* The experiment in force, until the next change; NULL: there is none. */
const struct experiment *list_table_experiment(const struct list_table *table);

/* The value of a frame's slot for a list: its additions, including those of later changes. Lives as
 * long as the table. */
struct value list_table_value(struct list_table *table, struct text name, enum list_kind kind);

/* How many of a list's additions a list of this kind takes. */
size_t list_table_usable(struct list_table *table, struct text name, enum list_kind kind);

/* All of it in parts, by name and position. Stops when visit returns nonzero and returns that. */
int list_table_visit(const struct list_table *table,
                     int (*visit)(void *user, const struct list_part *part), void *user);
/* Puts a part back; all of them in their order make the same table. ERROR_DAMAGED */
int list_table_restore(struct list_table *table, const struct list_part *part,
                       struct error *ret_error);
