#include "erase_record.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/engine/erasure.h"
#include "core/store/ingest/erasure_request.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------------------------
 * Which values */

static const struct erase_key *key_in(const struct erase_record *self,
                                      const struct transaction *transaction, struct text field) {
    const struct erase_key *key =
        erase_keys_find(self->keys, field, erasure_text(transaction, field));
    return key && !key->is_shared ? key : NULL;
}

bool erase_record_concerns(const struct erase_record *self, const struct transaction *transaction) {
    for (size_t i = 0; i < self->keys->field_count; i++)
        if (key_in(self, transaction, self->keys->fields[i]))
            return true;
    return false;
}

/* The fields that go from this record, with their values. */
struct removal {
    struct text fields[TRANSACTION_ATTRIBUTES_MAX + FIELD_COUNT];
    struct text values[TRANSACTION_ATTRIBUTES_MAX + FIELD_COUNT];
    size_t count;
};

static bool is_removed(const struct removal *removal, struct text field) {
    for (size_t i = 0; i < removal->count; i++)
        if (text_equal(removal->fields[i], field))
            return true;
    return false;
}

static void remove_field(struct removal *removal, const struct transaction *transaction,
                         struct text field) {
    struct text value = erasure_text(transaction, field);
    if (value.length == 0 || is_removed(removal, field) ||
        removal->count == sizeof removal->fields / sizeof *removal->fields)
        return;
    removal->fields[removal->count] = field;
    removal->values[removal->count++] = value;
}

static void choose_fields(const struct erase_record *self, const struct transaction *transaction,
                          struct removal *removal) {
    for (size_t i = 0; i < self->keys->field_count; i++)
        if (key_in(self, transaction, self->keys->fields[i]))
            remove_field(removal, transaction, self->keys->fields[i]);
    for (size_t i = 0; i < self->personal_count; i++)
        remove_field(removal, transaction, self->personal[i]);
}

static bool has_value(const struct removal *removal, struct text text) {
    for (size_t i = 0; i < removal->count; i++)
        if (text.length >= removal->values[i].length &&
            memmem(text.data, text.length, removal->values[i].data, removal->values[i].length))
            return true;
    return false;
}

/* ---------------------------------------------------------------------------------------------
 * What is left for other entities' states */

struct leaving {
    struct erasure_sink sink;
    struct arena *arena;
    struct erased erased;
    struct erased_field *fields;
    struct erased_condition *conditions;
    size_t field_room, condition_room;
};

/* Of several plans: what one needs is kept. */
static void take_field(struct erasure_sink *self, const struct erased_field *field) {
    struct leaving *leaving = (struct leaving *)self;
    struct erased_field *there = NULL;
    for (size_t i = 0; i < leaving->erased.field_count && !there; i++)
        if (text_equal(leaving->fields[i].field, field->field))
            there = &leaving->fields[i];
    if (!there) {
        if (leaving->erased.field_count == leaving->field_room) {
            leaving->field_room = leaving->field_room ? 2 * leaving->field_room : 16;
            leaving->fields =
                check_reallocarray(leaving->fields, leaving->field_room, sizeof *leaving->fields);
        }
        there = &leaving->fields[leaving->erased.field_count++];
        *there = (struct erased_field){.field = arena_text(leaving->arena, field->field)};
        check(there->field.data);
    }
    if (!there->hash)
        there->hash = field->hash;
    there->is_shown |= field->is_shown;
    if (there->kept.type == ATTRIBUTE_NONE) {
        there->kept = field->kept;
        if (field->kept.type == ATTRIBUTE_TEXT)
            there->kept.text = arena_text(leaving->arena, field->kept.text);
    }
}

static void take_condition(struct erasure_sink *self, const struct erased_condition *condition) {
    struct leaving *leaving = (struct leaving *)self;
    for (size_t i = 0; i < leaving->erased.condition_count; i++)
        if (leaving->conditions[i].condition == condition->condition)
            return;
    if (leaving->erased.condition_count == leaving->condition_room) {
        leaving->condition_room = leaving->condition_room ? 2 * leaving->condition_room : 16;
        leaving->conditions = check_reallocarray(leaving->conditions, leaving->condition_room,
                                                 sizeof *leaving->conditions);
    }
    leaving->conditions[leaving->erased.condition_count++] = *condition;
}

/* What an earlier erasure has left stays. */
static void take_earlier(struct leaving *leaving, const struct erased *earlier) {
    for (size_t i = 0; earlier && i < earlier->field_count; i++)
        take_field(&leaving->sink, &earlier->fields[i]);
    for (size_t i = 0; earlier && i < earlier->condition_count; i++)
        take_condition(&leaving->sink, &earlier->conditions[i]);
}

static void ask_engine(struct engine *engine, const struct record *record,
                       const struct removal *removal, struct leaving *leaving) {
    const struct schema *schema = &engine_rules(engine)->schema;
    bool *removed = check_calloc(schema->field_count, sizeof *removed);
    for (size_t slot = 0; slot < schema->first_derived; slot++) {
        const struct field *field = &schema->fields[slot];
        removed[slot] = (field->kind == FIELD_KIND_TEXT || field->kind == FIELD_KIND_ATTRIBUTE) &&
                        is_removed(removal, field->kind == FIELD_KIND_TEXT
                                                ? text_of(transaction_field_name(field->source))
                                                : field->name);
    }
    engine_erase(engine, record, removed, &leaving->sink);
    free(removed);
}

static const struct erased *leave(const struct erase_record *self, const struct record *record,
                                  const struct transaction *transaction,
                                  const struct removal *removal, struct arena *arena) {
    struct leaving leaving = {.sink = {.field = take_field, .condition = take_condition},
                              .arena = arena};
    struct erased *erased = arena_calloc(arena, 1, sizeof *erased);
    take_earlier(&leaving, transaction->erased);
    for (size_t i = 0; i < self->policies->engine_count; i++)
        ask_engine(self->policies->engines[i], record, removal, &leaving);
    check(erased);
    *erased = leaving.erased;
    if (erased->field_count) {
        size_t size = erased->field_count * sizeof *leaving.fields;
        erased->fields = memcpy(arena_alloc(arena, size), leaving.fields, size);
    }
    if (erased->condition_count) {
        size_t size = erased->condition_count * sizeof *leaving.conditions;
        erased->conditions = memcpy(arena_alloc(arena, size), leaving.conditions, size);
    }
    free(leaving.fields);
    free(leaving.conditions);
    return erased;
}

/* ---------------------------------------------------------------------------------------------
 * Records with a transaction */

static void empty_fields(struct transaction *transaction, const struct removal *removal,
                         struct arena *arena) {
    struct attribute *attributes =
        arena_calloc(arena, transaction->attribute_count + 1, sizeof *attributes);
    size_t count = 0;
    check(attributes);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (is_removed(removal, text_of(transaction_field_name((enum transaction_field)i))))
            transaction->fields[i] = (struct text){0};
    for (size_t i = 0; i < transaction->attribute_count; i++)
        if (!is_removed(removal, transaction->attributes[i].name))
            attributes[count++] = transaction->attributes[i];
    transaction->attributes = attributes;
    transaction->attribute_count = count;
}

static void blank(struct text *text, const struct removal *removal) {
    if (has_value(removal, *text))
        *text = TEXT_LITERAL(ERASED_TEXT);
}

static void blank_reasons(struct decision *decision, const struct removal *removal,
                          struct arena *arena) {
    struct reason *reasons = arena_calloc(arena, decision->reason_count + 1, sizeof *reasons);
    check(reasons);
    for (size_t i = 0; i < decision->reason_count; i++) {
        reasons[i] = decision->reasons[i];
        blank(&reasons[i].text, removal);
    }
    decision->reasons = reasons;
    blank(&decision->degraded_reason, removal);
}

static int rewrite_with_transaction(const struct erase_record *self, const struct record *record,
                                    struct arena *arena, struct buffer *ret_payload) {
    struct record left = *record;
    struct transaction *transaction = record_transaction(&left);
    struct removal removal = {.count = 0};
    if (!erase_record_concerns(self, transaction))
        return 0;
    choose_fields(self, transaction, &removal);
    transaction->erased = leave(self, record, transaction, &removal, arena);
    empty_fields(transaction, &removal, arena);
    if (left.type == RECORD_TRANSACTION)
        blank_reasons(&left.transaction.decision, &removal, arena);
    else if (left.type == RECORD_OUTCOME)
        blank(&left.outcome.source, &removal);
    else
        blank(&left.amendment.source, &removal);
    record_encode(&left, ret_payload);
    return 1;
}

/* ---------------------------------------------------------------------------------------------
 * Others */

/* Is the entry of the list a value, in a list in which that field is looked up? */
static bool is_entry(const struct erase_record *self, struct text list, struct text entry) {
    for (size_t i = 0; i < self->keys->field_count; i++) {
        const struct erase_key *key = erase_keys_find(self->keys, self->keys->fields[i], entry);
        if (key && !key->is_shared && erase_policies_looks_up(self->policies, list, key->field))
            return true;
    }
    return false;
}

/* A change that removes an entry which is not there: it counts as a change, as before. */
static bool erase_list_change(const struct erase_record *self, struct list_change_record *change) {
    bool is_entry_erased = is_entry(self, change->list, change->entry);
    bool is_source = erase_keys_in_text(self->keys, change->source);
    bool is_reason = erase_keys_in_text(self->keys, change->reason);
    if (is_entry_erased) {
        change->entry = TEXT_LITERAL(ERASED_TEXT);
        change->removed = true;
        change->expiry_time_us = 0;
    }
    if (is_source)
        change->source = TEXT_LITERAL(ERASED_TEXT);
    if (is_reason || is_entry_erased)
        change->reason = change->reason.length ? TEXT_LITERAL(ERASED_TEXT) : change->reason;
    return is_entry_erased || is_source || is_reason;
}

enum erased_addition erase_record_addition(const struct erase_record *self, struct text list,
                                           struct list_addition *addition) {
    if (is_entry(self, list, addition->value))
        return ADDITION_GOES;
    bool is_source = erase_keys_in_text(self->keys, addition->source);
    bool is_reason = erase_keys_in_text(self->keys, addition->reason);
    if (is_source)
        addition->source = TEXT_LITERAL(ERASED_TEXT);
    if (is_reason)
        addition->reason = TEXT_LITERAL(ERASED_TEXT);
    return is_source || is_reason ? ADDITION_CHANGED : ADDITION_STAYS;
}

static bool erase_brake(const struct erase_record *self, struct brake_record *brake) {
    bool is_source = erase_keys_in_text(self->keys, brake->source);
    bool is_reason = erase_keys_in_text(self->keys, brake->reason);
    if (is_source)
        brake->source = TEXT_LITERAL(ERASED_TEXT);
    if (is_reason)
        brake->reason = TEXT_LITERAL(ERASED_TEXT);
    return is_source || is_reason;
}

/* Part `index` of a group's key: of several, each follows its length. */
static bool take_part(struct text *rest, size_t count, struct text *ret_part) {
    uint64_t length = rest->length;
    if (count > 1) {
        size_t shift = 0, at = 0;
        length = 0;
        do {
            if (at >= rest->length || shift > 56)
                return false;
            length |= (uint64_t)((uint8_t)rest->data[at] & 0x7f) << shift;
            shift += 7;
        } while ((uint8_t)rest->data[at++] & 0x80);
        rest->data += at;
        rest->length -= at;
    }
    if (length > rest->length)
        return false;
    *ret_part = (struct text){.data = rest->data, .length = (size_t)length};
    rest->data += length;
    rest->length -= (size_t)length;
    return true;
}

/* Of a threshold that no known policy declares, any part counts. */
bool erase_record_is_group(const struct erase_record *self, const struct erase_threshold *declared,
                           size_t key_count, struct text key) {
    struct text part;
    for (size_t k = 0; k < key_count && take_part(&key, key_count, &part); k++)
        for (size_t i = 0; i < self->keys->field_count; i++) {
            struct text field = self->keys->fields[i];
            const struct erase_key *found = erase_keys_find(self->keys, field, part);
            if (found && !found->is_shared &&
                (!declared || declared->fields[k].length == 0 ||
                 text_equal(declared->fields[k], field)))
                return true;
        }
    return false;
}

bool erase_record_groups(const struct erase_record *self, struct threshold_values *threshold,
                         struct arena *arena) {
    const struct erase_threshold *declared =
        erase_policies_threshold(self->policies, threshold->definition);
    struct text *keys = arena_calloc(arena, threshold->group_count + 1, sizeof *keys);
    double *values = arena_calloc(arena, threshold->group_count + 1, sizeof *values);
    size_t count = 0;
    check(keys && values);
    for (size_t i = 0; i < threshold->group_count; i++) {
        if (erase_record_is_group(self, declared, threshold->key_count, threshold->keys[i]))
            continue;
        keys[count] = threshold->keys[i];
        values[count++] = threshold->values[i];
    }
    if (count == threshold->group_count)
        return false;
    threshold->keys = keys;
    threshold->values = values;
    threshold->group_count = count;
    return true;
}

static bool erase_generation(const struct erase_record *self, struct generation_record *generation,
                             struct arena *arena) {
    size_t count = generation->thresholds.threshold_count;
    struct threshold_values *thresholds = arena_calloc(arena, count + 1, sizeof *thresholds);
    bool is_changed = false;
    check(thresholds);
    for (size_t i = 0; i < count; i++) {
        thresholds[i] = generation->thresholds.thresholds[i];
        is_changed |= erase_record_groups(self, &thresholds[i], arena);
    }
    generation->thresholds.thresholds = thresholds;
    return is_changed;
}

static bool files_hold(const struct erase_record *self, const struct policy_file *files,
                       size_t count) {
    for (size_t i = 0; i < count; i++)
        if (erase_keys_in_text(self->keys, files[i].content))
            return true;
    return false;
}

/* true: the record is changed. */
static bool erase_rare(struct erase_record *self, struct record *record, struct arena *arena) {
    switch (record->type) {
    case RECORD_LIST_CHANGE:
        return erase_list_change(self, &record->list_change);
    case RECORD_BRAKE:
        return erase_brake(self, &record->brake);
    case RECORD_GENERATION:
        return erase_generation(self, &record->generation, arena);
    case RECORD_SNAPSHOT:
    case RECORD_SHADOW: /* a policy with other content would be another one */
        self->policies_kept +=
            files_hold(self, record->snapshot.files, record->snapshot.file_count);
        break;
    case RECORD_EXPERIMENT:
        self->policies_kept +=
            files_hold(self, record->experiment.files, record->experiment.file_count);
        break;
    case RECORD_TRANSACTION:
    case RECORD_OUTCOME:
    case RECORD_AMENDMENT:
    case RECORD_ENGINE:
    case RECORD_ERASURE:
    case RECORD_LOST:
    case RECORD_TYPE_COUNT:
        break;
    }
    return false;
}

bool erase_record_is_rare_hit(struct erase_record *self, const struct record *record) {
    struct record copy = *record;
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    bool is_hit = erase_rare(self, &copy, &arena);
    arena_deinit(&arena);
    return is_hit;
}

int erase_record_rewrite(struct erase_record *self, const struct record *record,
                         struct arena *arena, struct buffer *ret_payload, struct error *ret_error) {
    (void)ret_error;
    if (record_type_has_entities(record->type))
        return rewrite_with_transaction(self, record, arena, ret_payload);
    struct record left = *record;
    if (!erase_rare(self, &left, arena))
        return 0;
    record_encode(&left, ret_payload);
    return 1;
}
