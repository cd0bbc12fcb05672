#include "challenger_check.h"

#include "core/policy/source/diagnostic.h"

#include <string.h>

/* ---- transactions ---- */

static const struct field *field_named(const struct schema *schema, struct text name) {
    for (size_t i = 0; i < schema->first_derived; i++)
        if (text_equal(schema->fields[i].name, name))
            return &schema->fields[i];
    return NULL;
}

/* The first attribute or field of `of` that `in` does not have as the same type and protected in
 * the same way; NULL: it has all.
 */
static const struct field *missing_field(const struct schema *of, const struct schema *in) {
    for (size_t i = 0; i < of->first_derived; i++) {
        const struct field *field = &of->fields[i], *other = field_named(in, field->name);
        if (!other || !text_equal(other->canonical, field->canonical) ||
            !text_equal(other->protect, field->protect) || other->is_taken != field->is_taken)
            return field;
    }
    return NULL;
}

static bool has_rate(const struct schema *schema, const char *currency) {
    bool has = strcmp(schema->base_currency, currency) == 0;
    for (size_t i = 0; i < schema->rate_count && !has; i++)
        has = strcmp(schema->rates[i].currency, currency) == 0;
    return has;
}

static int check_schema(const struct schema *champion, const struct schema *challenger,
                        struct error *ret_error) {
    const struct field *field = missing_field(champion, challenger);
    if (!field)
        field = missing_field(challenger, champion);
    if (field)
        return error_set(ret_error, ERROR_INVALID,
                         "its schema and the champion's differ in \"%" TEXT_FORMAT
                         "\"; expected the same fields and types in both, since both get the same "
                         "transactions",
                         TEXT_ARGS(field->name));
    for (size_t i = 0; i < challenger->first_derived; i++) {
        const struct field *own = &challenger->fields[i];
        const struct field *other = field_named(champion, own->name);
        if ((own->required && !other->required) ||
            (own->refuse_card_number && !other->refuse_card_number))
            return error_set(ret_error, ERROR_INVALID,
                             "its schema refuses transactions for \"%" TEXT_FORMAT
                             "\" that the champion takes; expected the champion to refuse them, "
                             "too",
                             TEXT_ARGS(own->name));
    }
    for (size_t i = 0; i < champion->rate_count; i++)
        if (!has_rate(challenger, champion->rates[i].currency))
            return error_set(ret_error, ERROR_INVALID,
                             "its schema has no rate for %s, which the champion's has",
                             champion->rates[i].currency);
    return 0;
}

/* ---- features ---- */

static const struct entity_plan *entity_named(const struct plan *plan, struct text name) {
    for (size_t i = 0; i < plan->entity_count; i++)
        if (text_equal(plan->entities[i].name, name))
            return &plan->entities[i];
    return NULL;
}

static bool has_feature(const struct entity_plan *entity, uint64_t definition) {
    for (size_t i = 0; i < entity->feature_count; i++)
        if (entity->features[i].definition == definition)
            return true;
    return false;
}

/* A hidden feature counts how often a rule took effect, for its `suppress`. */
static int lacks_feature(const struct snapshot *challenger, size_t slot, struct error *ret_error) {
    struct text name = challenger->slot_names[slot];
    for (size_t i = 0; i < challenger->rule_count && name.length == 0; i++)
        if (challenger->rules[i].suppress_slot == slot)
            return error_set(ret_error, ERROR_INVALID,
                             "rule %" TEXT_FORMAT
                             " has a suppress that the champion's rules do not have: add the rule "
                             "to the champion with mode: off, and run `harrier rebuild`",
                             TEXT_ARGS(challenger->rules[i].name));
    return error_set(ret_error, ERROR_INVALID,
                     "the champion declares no feature like %" TEXT_FORMAT
                     ": add it to the champion, where no rule needs to read it, and run `harrier "
                     "rebuild`",
                     TEXT_ARGS(name));
}

static int check_entity(const struct snapshot *champion, const struct snapshot *challenger,
                        size_t index, struct error *ret_error) {
    const struct entity_plan *own = &challenger->plan.entities[index];
    const struct entity_plan *other = entity_named(&champion->plan, own->name);
    if (!other || !text_equal(own->key, other->key))
        return error_set(ret_error, ERROR_INVALID,
                         "the champion has no entity %" TEXT_FORMAT " with the key %" TEXT_FORMAT,
                         TEXT_ARGS(own->name), TEXT_ARGS(own->key));
    for (size_t i = 0; i < own->feature_count; i++)
        if (!has_feature(other, own->features[i].definition))
            return lacks_feature(challenger, challenger->bindings[index].first_feature + i,
                                 ret_error);
    return 0;
}

int challenger_check(const struct snapshot *champion, const struct snapshot *challenger,
                     struct error *ret_error) {
    if (champion->id == challenger->id)
        return error_set(ret_error, ERROR_INVALID,
                         "it is the same policy as the champion: there is nothing to compare");
    int r = check_schema(&champion->schema, &challenger->schema, ret_error);
    for (size_t i = 0; i < challenger->plan.entity_count && r == 0; i++)
        r = check_entity(champion, challenger, i, ret_error);
    return r;
}

/* ---- the key ---- */

static bool is_key(const struct field *field) {
    return field->type == VALUE_TEXT &&
           (field->kind == FIELD_KIND_TEXT || field->kind == FIELD_KIND_ATTRIBUTE);
}

static int find_key(const struct snapshot *champion, struct text name, struct text *ret_field,
                    struct error *ret_error) {
    const struct schema *schema = &champion->schema;
    const struct entity_plan *entity = entity_named(&champion->plan, name);
    const struct field *field = field_named(schema, name);
    if (!field && entity) {
        const struct entity_binding *binding =
            &champion->bindings[entity - champion->plan.entities];
        if (binding->key_slot_count == 1)
            field = &schema->fields[binding->key_slots[0]];
    }
    if (field && is_key(field)) {
        *ret_field = field->name;
        return 0;
    }
    char hint[NEAR_HINT_SIZE];
    struct near near = near_to(name);
    for (size_t i = 0; i < schema->first_derived; i++)
        if (is_key(&schema->fields[i]))
            near_try(&near, schema->fields[i].name);
    near_hint(&near, hint);
    return error_set(ret_error, ERROR_INVALID,
                     "challenger_key \"%" TEXT_FORMAT
                     "\" is no text of a transaction; expected a field that says who is treated "
                     "alike, such as customer%s",
                     TEXT_ARGS(name), hint);
}

/* ---- the experiment ---- */

int challenger_experiment(const struct snapshot *champion, const struct snapshot *challenger,
                          struct text name, struct text key, uint32_t share,
                          struct experiment *ret_experiment, struct error *ret_error) {
    struct text field;
    int r = find_key(champion, key, &field, ret_error);
    if (r < 0)
        return r;
    if (!experiment_init(ret_experiment, name, field, share, challenger->id))
        return error_set(ret_error, ERROR_INVALID,
                         "challenger_name \"%.*s\" is no name; expected 1 to %d letters, digits, "
                         "-, _ or .",
                         name.length > 80 ? 80 : (int)name.length, name.data, EXPERIMENT_NAME_MAX);
    return challenger_check(champion, challenger, ret_error);
}
