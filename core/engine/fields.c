/* Which fields of a transaction are bound into a frame: those that something reads, those from
 * which they are derived, and those that may refuse the transaction. Most policies read half of the
 * fields there are, and binding is a part of every decision. engine_frame() binds the rest on
 * demand. */
#include "scratch.h"

#include "core/base/check.h"
#include "core/policy/eval/expression_reads.h"

#include <stdlib.h>

void field_set_init(struct field_set *set, const struct schema *schema, bool *reads,
                    size_t slot_count) {
    for (size_t slot = schema->field_count; slot-- > schema->first_derived;)
        if (reads[slot]) /* of those before it */
            expression_reads(schema->fields[slot].derivation, reads, slot_count);
    *set = (struct field_set){
        .slots = check_calloc(schema->field_count, sizeof *set->slots),
        .rest = check_calloc(schema->field_count, sizeof *set->rest),
    };
    for (size_t slot = 0; slot < schema->field_count; slot++)
        if (reads[slot])
            set->slots[set->count++] = slot;
        else
            set->rest[set->rest_count++] = slot;
}

void field_set_deinit(struct field_set *set) {
    free(set->slots);
    free(set->rest);
}

static void read_rule(const struct rule *rule, bool *reads, size_t slot_count) {
    expression_reads(rule->when, reads, slot_count);
    for (size_t i = 0; i < rule->reason_count; i++)
        if (rule->reason[i].expression)
            expression_reads(rule->reason[i].expression, reads, slot_count);
    if (rule->rollout != RULE_ROLLOUT_ALL)
        reads[rule->rollout_slot] = true;
}

/* The event time is always bound: lists need it for entries that end. */
void fields_of_rules(const struct snapshot *snapshot, bool *reads) {
    const struct schema *schema = &snapshot->schema;
    for (size_t slot = 0; slot < schema->first_attribute; slot++)
        reads[slot] |=
            schema->fields[slot].kind == FIELD_KIND_EVENT_TIME || schema_may_refuse(schema, slot);
    for (size_t i = 0; i < snapshot->computed_count; i++)
        expression_reads(snapshot->computed[i].expression, reads, snapshot->slot_count);
    for (size_t i = 0; i < snapshot->model_count; i++)
        policy_model_reads(&snapshot->models[i], reads, snapshot->slot_count);
    for (size_t i = 0; i < snapshot->rule_count; i++)
        read_rule(&snapshot->rules[i], reads, snapshot->slot_count);
    for (size_t e = 0; e < snapshot->plan.entity_count; e++)
        for (size_t i = 0; i < snapshot->bindings[e].key_slot_count; i++) {
            size_t slot = snapshot->bindings[e].key_slots[i];
            reads[slot] |= slot < schema->first_derived; /* their lengths are checked */
        }
}

void fields_of_plan(const struct snapshot *snapshot, bool *reads) {
    for (size_t e = 0; e < snapshot->plan.entity_count; e++) {
        const struct entity_plan *entity = &snapshot->plan.entities[e];
        const struct entity_binding *binding = &snapshot->bindings[e];
        for (size_t i = 0; i < binding->key_slot_count; i++)
            reads[binding->key_slots[i]] = true;
        for (size_t i = 0; i < entity->column_count; i++)
            reads[binding->column_slots[i]] = true;
        for (size_t i = 0; i < entity->filter_count; i++)
            expression_reads(binding->filters[i], reads, snapshot->slot_count);
    }
}
