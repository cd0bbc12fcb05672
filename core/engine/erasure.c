#include "erasure.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/eval/expression_reads.h"
#include "scratch.h"

#include <stdlib.h>
#include <strings.h>

/* One record. */
struct erasing {
    struct engine *engine;
    const struct snapshot *plan;
    const struct transaction *transaction;
    const bool *removed;
    struct erasure_sink *sink;
    bool *affected; /* [slot]: removed, or derived from what is */
    bool *reads;    /* of one expression */
};

bool engine_slot_is_key(const struct snapshot *plan, size_t slot) {
    for (size_t e = 0; e < plan->plan.entity_count; e++)
        for (size_t i = 0; i < plan->bindings[e].key_slot_count; i++)
            if (plan->bindings[e].key_slots[i] == slot)
                return true;
    return false;
}

static bool is_column(const struct snapshot *plan, size_t slot, enum column_type type) {
    for (size_t e = 0; e < plan->plan.entity_count; e++)
        for (size_t i = 0; i < plan->plan.entities[e].column_count; i++)
            if (plan->bindings[e].column_slots[i] == slot &&
                plan->plan.entities[e].columns[i].type == type)
                return true;
    return false;
}

/* Are parts of the value needed, and not only its hash? */
static bool is_shown(const struct snapshot *plan, size_t slot) {
    return engine_slot_is_key(plan, slot) || is_column(plan, slot, COLUMN_TEXT) ||
           is_column(plan, slot, COLUMN_INTEGER);
}

/* Does a column have the text itself? */
static bool is_shown_text(const struct snapshot *plan, size_t slot, struct text text) {
    return text.length <= COLUMN_TEXT_MAX && is_column(plan, slot, COLUMN_TEXT);
}

bool engine_text_tells(struct text derived, struct text source) {
    for (size_t i = 0; source.length > 0 && i + source.length <= derived.length; i++)
        if (strncasecmp(derived.data + i, source.data, source.length) == 0)
            return true;
    return false;
}

void engine_field_sources(const struct snapshot *plan, size_t slot, bool *ret_reads) {
    const struct schema *schema = &plan->schema;
    memset(ret_reads, 0, plan->slot_count * sizeof *ret_reads);
    ret_reads[slot] = true;
    for (size_t i = slot + 1; i-- > schema->first_derived;)
        if (ret_reads[i])
            expression_reads(schema->fields[i].derivation, ret_reads, plan->slot_count);
}

/* Does the derived text tell one of the removed ones that it is made from? */
static bool tells_removed(const struct erasing *erasing, size_t slot, struct text text) {
    const struct value *frame = erasing->engine->plan_layout.bound.frame;
    engine_field_sources(erasing->plan, slot, erasing->reads);
    for (size_t i = 0; i < erasing->plan->schema.first_derived; i++)
        if (erasing->reads[i] && erasing->removed[i] && frame[i].type == VALUE_TEXT &&
            engine_text_tells(text, frame[i].text))
            return true;
    return false;
}

/* Does the expression read what is removed, or what is derived from it? */
static bool reads_affected(const struct erasing *erasing, const struct expression *expression) {
    size_t count = erasing->plan->slot_count;
    memset(erasing->reads, 0, count * sizeof *erasing->reads);
    expression_reads(expression, erasing->reads, count);
    for (size_t i = 0; i < erasing->plan->schema.field_count; i++)
        if (erasing->reads[i] && erasing->affected[i])
            return true;
    return false;
}

/* ---- fields ---- */

static void erase_text(const struct erasing *erasing, size_t slot) {
    const struct value *value = &erasing->engine->plan_layout.bound.frame[slot];
    struct erased_field left = {.field = erasing->plan->schema.fields[slot].canonical};
    if (value->type != VALUE_TEXT)
        return;
    if (is_column(erasing->plan, slot, COLUMN_HASH))
        left.hash = hash_text(value->text);
    left.is_shown = is_shown_text(erasing->plan, slot, value->text);
    erasing->sink->field(erasing->sink, &left);
}

static void keep_value(const struct erasing *erasing, size_t slot, struct erased_field *left) {
    const struct value *value = &erasing->engine->plan_layout.bound.frame[slot];
    bool shows = is_shown(erasing->plan, slot);
    switch (value->type) {
    case VALUE_TEXT:
        left->hash = is_column(erasing->plan, slot, COLUMN_HASH) ? hash_text(value->text) : 0;
        if (tells_removed(erasing, slot, value->text))
            left->is_shown = is_shown_text(erasing->plan, slot, value->text);
        else if (shows)
            left->kept = (struct attribute){.type = ATTRIBUTE_TEXT, .text = value->text};
        break;
    case VALUE_INT:
    case VALUE_TIMESTAMP:
        left->kept = (struct attribute){.type = ATTRIBUTE_INTEGER, .integer = value->integer};
        break;
    case VALUE_DOUBLE:
        left->kept = (struct attribute){.type = ATTRIBUTE_NUMBER, .number = value->number};
        break;
    case VALUE_BOOL:
        left->kept = (struct attribute){.type = ATTRIBUTE_FLAG, .flag = value->boolean};
        break;
    default:
        break; /* it is absent, and stays so */
    }
}

/* Only what entities are made from: nothing else of a rewritten record is computed again. */
static void keep_derived(struct erasing *erasing, size_t slot) {
    const struct field *field = &erasing->plan->schema.fields[slot];
    const struct erased *before = erasing->transaction->erased;
    erasing->affected[slot] = reads_affected(erasing, field->derivation);
    if (!erasing->affected[slot] || (before && erased_find(before, field->canonical)) ||
        (!is_shown(erasing->plan, slot) && !is_column(erasing->plan, slot, COLUMN_HASH)))
        return;
    struct erased_field left = {.field = field->canonical};
    keep_value(erasing, slot, &left);
    erasing->sink->field(erasing->sink, &left);
}

/* ---- conditions ---- */

static uint32_t labels_of(struct engine *engine, const struct expression *condition) {
    uint32_t labels = 0;
    for (unsigned label = LABEL_NONE; label < LABEL_COUNT; label++) {
        layout_set_outcome(&engine->plan_layout, (enum label)label);
        arena_reset(&engine->filters.texts);
        if (expression_is_true(condition, engine->plan_layout.bound.frame, &engine->filters.texts))
            labels |= 1u << label;
    }
    return labels;
}

static bool is_known(const struct erased *before, uint64_t condition) {
    for (size_t i = 0; before && i < before->condition_count; i++)
        if (before->conditions[i].condition == condition)
            return true;
    return false;
}

static bool is_kept(const struct erasing *erasing, size_t condition) {
    const struct filters *filters = &erasing->engine->filters;
    return !is_known(erasing->transaction->erased, filters->hashes[condition]) &&
           reads_affected(erasing, filters->conditions[condition]);
}

/* With the transaction as it is laid out now. */
static void ask_conditions(const struct erasing *erasing, unsigned shift, uint32_t *labels) {
    const struct filters *filters = &erasing->engine->filters;
    for (size_t i = 0; i < filters->count; i++)
        if (is_kept(erasing, i))
            labels[i] |= labels_of(erasing->engine, filters->conditions[i]) << shift;
}

static void hand_over_conditions(const struct erasing *erasing, const uint32_t *labels) {
    const struct filters *filters = &erasing->engine->filters;
    for (size_t i = 0; i < filters->count; i++) {
        const struct erased_condition left = {.condition = filters->hashes[i], .labels = labels[i]};
        if (is_kept(erasing, i))
            erasing->sink->condition(erasing->sink, &left);
    }
}

/* ---- a record ---- */

/* As entity_entries.c lays it out when it is applied. */
static void lay_out(struct engine *engine, const struct transaction *scored,
                    const struct amended *amended, enum verdict verdict,
                    struct transaction *ret_transaction) {
    struct text field;
    struct error ignored;
    *ret_transaction = *scored;
    if (amended) {
        ret_transaction->amount_minor = amended->amount_minor;
        ret_transaction->refunded_minor = amended->refunded_minor;
    }
    engine->laid_out = 0;
    schema_bind(&engine->plan->schema, ret_transaction, BIND_LENIENT, &engine->plan_layout.bound,
                &field, &ignored);
    layout_set_verdict(&engine->plan_layout, verdict);
}

static void set_fired(struct engine *engine, const struct text *fired, size_t count) {
    struct reason *reasons = check_calloc(count, sizeof *reasons);
    for (size_t i = 0; i < count; i++)
        reasons[i].rule = fired[i];
    layout_set_fired(&engine->plan_layout, reasons, count);
    free(reasons);
}

static void lay_out_record(struct engine *engine, const struct record *record,
                           struct transaction *ret_transaction) {
    if (record->type == RECORD_TRANSACTION) {
        const struct decision *decision = &record->transaction.decision;
        lay_out(engine, &record->transaction.transaction, NULL, decision->verdict, ret_transaction);
        layout_set_fired(&engine->plan_layout, decision->reasons, decision->reason_count);
    } else if (record->type == RECORD_OUTCOME) {
        const struct outcome_record *outcome = &record->outcome;
        lay_out(engine, &outcome->transaction, outcome->is_amended ? &outcome->amended : NULL,
                outcome->verdict, ret_transaction);
        layout_set_fired(&engine->plan_layout, NULL, 0);
    } else {
        const struct amendment_record *amendment = &record->amendment;
        lay_out(engine, &amendment->transaction, &amendment->now, amendment->verdict,
                ret_transaction);
        set_fired(engine, amendment->fired, amendment->fired_count);
    }
}

void engine_erase(struct engine *engine, const struct record *record, const bool *removed,
                  struct erasure_sink *sink) {
    struct transaction transaction;
    const struct snapshot *plan = engine->plan;
    struct erasing erasing = {.engine = engine,
                              .plan = plan,
                              .transaction = &transaction,
                              .removed = removed,
                              .sink = sink,
                              .affected = check_calloc(plan->slot_count, sizeof(bool)),
                              .reads = check_calloc(plan->slot_count, sizeof(bool))};
    uint32_t *labels = check_calloc(engine->filters.count, sizeof *labels);
    lay_out_record(engine, record, &transaction);
    for (size_t slot = 0; slot < plan->schema.first_derived; slot++) {
        erasing.affected[slot] = removed[slot];
        if (removed[slot])
            erase_text(&erasing, slot);
    }
    for (size_t slot = plan->schema.first_derived; slot < plan->schema.field_count; slot++)
        keep_derived(&erasing, slot);
    ask_conditions(&erasing, 0, labels);
    if (record->type == RECORD_AMENDMENT) {
        lay_out(engine, &record->amendment.transaction, &record->amendment.previous,
                record->amendment.verdict, &transaction);
        ask_conditions(&erasing, ERASED_LABELS_BEFORE, labels);
    }
    hand_over_conditions(&erasing, labels);
    free(labels);
    free(erasing.affected);
    free(erasing.reads);
}
