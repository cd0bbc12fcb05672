/* What an erasure leaves of a transaction for its plan: docs/ARCHIVE.md, "Erasure".
 *
 * Entities whose key has no removed field get the same entries from what is left: hashes of removed
 * texts, of which columns count different values; values of fields that are derived from removed
 * ones; and what conditions that read removed fields have given. An entity whose key has a removed
 * field gets none. A column that shows a removed text itself has ERASED_SHOWN in its place. */
#pragma once

#include "engine.h"

/* Hears of it, part by part. Texts live as long as the record and the plan's snapshot; .kept.text
 * until the next call of engine_erase(). */
struct erasure_sink {
    void (*field)(struct erasure_sink *self, const struct erased_field *field);
    void (*condition)(struct erasure_sink *self, const struct erased_condition *condition);
};

/* The record, as it is, has a transaction. removed: by slot of the plan's schema, only of fields
 * that are not derived. A derived text that contains a removed one that it is made from, in
 * whatever case, is removed, too. */
void engine_erase(struct engine *engine, const struct record *record, const bool *removed,
                  struct erasure_sink *sink);

/* From which fields is this one made, through derived ones? [slot] of all slots of the plan, which
 * is itself among them. */
void engine_field_sources(const struct snapshot *plan, size_t slot, bool *ret_reads);
/* Does a derived text contain one that it is made from, in whatever case? */
bool engine_text_tells(struct text derived, struct text source);
/* Is the slot part of an entity's key? */
bool engine_slot_is_key(const struct snapshot *plan, size_t slot);
