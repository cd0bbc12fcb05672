/* Reading simple conditions into a common form: the term on the left, a constant or another term on
 * the right. Two terms are the same if they print the same. Whatever does not fit is ATOM_OPAQUE,
 * of which only equal texts are equal; that is always sound.
 *
 * The second half knows what a term can be at all, from its type, its aggregate, its field or its
 * function. */
#include "atom.h"

#include "core/base/check.h"
#include "core/policy/eval/compile.h"
#include "core/policy/eval/function.h"
#include "core/policy/lang/scope.h"

/* ------------------------------------------------------------------------------------------------
 * Reading a tree */

static struct text print(const struct premises *premises, const struct syntax *node) {
    struct buffer buffer;
    buffer_init(&buffer);
    syntax_print(node, &buffer);
    struct text t = arena_text(premises->scratch, (struct text){.data = (const char *)buffer.bytes,
                                                                .length = buffer.length});
    buffer_deinit(&buffer);
    check(t.data);
    return t;
}

/* Is it made of literals only? */
static bool is_closed(const struct syntax *node) {
    switch (node->kind) {
    case SYNTAX_CONSTANT:
        return true;
    case SYNTAX_CALL:
        if (!node->function)
            return false;
        break;
    case SYNTAX_UNARY:
    case SYNTAX_BINARY:
    case SYNTAX_AND:
    case SYNTAX_OR:
    case SYNTAX_CONDITIONAL:
        break;
    default:
        return false;
    }
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        if (!is_closed(operand))
            return false;
    return true;
}

static bool is_simple(enum value_type type) {
    return type == VALUE_BOOL || type == VALUE_INT || type == VALUE_DOUBLE || type == VALUE_TEXT ||
           type == VALUE_TIMESTAMP || type == VALUE_DURATION;
}

bool atom_fold(const struct premises *premises, const struct syntax *node,
               struct value *ret_value) {
    if (!is_closed(node))
        return false;
    if (node->kind == SYNTAX_CONSTANT)
        *ret_value = node->constant;
    else
        *ret_value =
            expression_eval(expression_build(node, premises->scratch), NULL, premises->scratch);
    return true;
}

bool atom_is_name(const struct syntax *node) {
    return (node->kind == SYNTAX_NAME || node->kind == SYNTAX_MEMBER) && node->name;
}

bool atom_is_has(const struct syntax *node) {
    return node->kind == SYNTAX_CALL && !node->function && !node->receiver &&
           text_is(node->text, "has") && node->first && atom_is_name(node->first);
}

const struct syntax *atom_value_of(const struct premises *premises, const struct syntax *node) {
    if (!atom_is_name(node) || node->name->kind != NAME_VALUE)
        return NULL;
    return premises->values[node->name->slot - premises->snapshot->first_computed];
}

bool atom_is_comparison(const struct syntax *node) {
    if (node->kind != SYNTAX_BINARY)
        return false;
    switch (node->sign) {
    case TOKEN_EQUAL:
    case TOKEN_NOT_EQUAL:
    case TOKEN_LESS:
    case TOKEN_LESS_EQUAL:
    case TOKEN_GREATER:
    case TOKEN_GREATER_EQUAL:
        return true;
    default:
        return false;
    }
}

enum token_type atom_mirrored(enum token_type sign) {
    switch (sign) {
    case TOKEN_LESS:
        return TOKEN_GREATER;
    case TOKEN_LESS_EQUAL:
        return TOKEN_GREATER_EQUAL;
    case TOKEN_GREATER:
        return TOKEN_LESS;
    case TOKEN_GREATER_EQUAL:
        return TOKEN_LESS_EQUAL;
    default:
        return sign;
    }
}

static void read_comparison(const struct premises *premises, struct atom *atom) {
    const struct syntax *left = atom->node->first, *right = atom->node->last;
    struct value constant;
    atom->sign = atom->node->sign;
    if (!is_simple((enum value_type)left->type) || !is_simple((enum value_type)right->type))
        return;
    if (atom_fold(premises, left, &constant)) {
        const struct syntax *swap = left;
        left = right;
        right = swap;
        atom->sign = atom_mirrored(atom->sign);
    }
    atom->term = left;
    atom->name = print(premises, left);
    if (atom_fold(premises, right, &constant)) {
        /* Compared with an error or an absent value, nothing is true or false: opaque. */
        bool good = constant.type != VALUE_ERROR && constant.type != VALUE_ABSENT;
        atom->kind = good ? ATOM_COMPARE : ATOM_OPAQUE;
        atom->constant = constant;
        return;
    }
    atom->kind = ATOM_RELATION;
    atom->other = right;
    atom->other_name = print(premises, right);
}

static void read_in(const struct premises *premises, struct atom *atom) {
    const struct syntax *list = atom->node->last;
    if (list->kind != SYNTAX_LIST || !is_simple((enum value_type)atom->node->first->type))
        return;
    struct value *constants =
        arena_calloc(premises->scratch, list->operand_count, sizeof *constants);
    check(constants);
    for (const struct syntax *item = list->first; item; item = item->next) {
        struct value *v = &constants[atom->count++];
        if (!atom_fold(premises, item, v) || !is_simple(v->type))
            return;
    }
    atom->kind = ATOM_IN;
    atom->term = atom->node->first;
    atom->name = print(premises, atom->term);
    atom->constants = constants;
}

struct atom atom_read(const struct premises *premises, const struct syntax *node, bool holds) {
    struct atom atom = {
        .kind = ATOM_OPAQUE, .node = node, .holds = holds, .text = print(premises, node)};
    if (atom_is_comparison(node)) {
        read_comparison(premises, &atom);
    } else if (node->kind == SYNTAX_BINARY && node->sign == TOKEN_IN) {
        read_in(premises, &atom);
    } else if (atom_is_has(node)) {
        atom.kind = ATOM_HAS;
        atom.term = node->first;
        atom.name = print(premises, node->first);
    } else if (node->type == VALUE_BOOL && atom_is_name(node)) {
        atom.kind = ATOM_COMPARE;
        atom.term = node;
        atom.name = print(premises, node);
        atom.sign = TOKEN_EQUAL;
        atom.constant = value_bool(true);
    }
    return atom;
}

/* ------------------------------------------------------------------------------------------------
 * What is known of a term by itself */

static const struct feature *find_feature(const struct snapshot *snapshot, size_t slot,
                                          const struct entity_plan **ret_entity,
                                          const struct entity_binding **ret_binding) {
    for (size_t e = 0; e < snapshot->plan.entity_count; e++) {
        const struct entity_plan *entity = &snapshot->plan.entities[e];
        size_t first = snapshot->bindings[e].first_feature;
        if (slot < first || slot >= first + entity->feature_count)
            continue;
        *ret_entity = entity;
        *ret_binding = &snapshot->bindings[e];
        return &entity->features[slot - first];
    }
    return NULL;
}

static bool is_money(const struct snapshot *snapshot, const struct feature *feature,
                     const struct entity_binding *binding) {
    if (feature->column < 0)
        return false;
    enum field_kind kind = snapshot->schema.fields[binding->column_slots[feature->column]].kind;
    return kind == FIELD_KIND_AMOUNT || kind == FIELD_KIND_AMOUNT_MINOR ||
           kind == FIELD_KIND_REFUNDED;
}

/* Sums, means and extremes only of amounts, which are never negative; other columns may be. */
static bool is_never_negative(const struct snapshot *snapshot, const struct feature *feature,
                              const struct entity_binding *binding) {
    switch (feature->aggregate) {
    case AGGREGATE_COUNT:
    case AGGREGATE_DISTINCT:
    case AGGREGATE_STDDEV:
    case AGGREGATE_SECONDS_SINCE_FIRST:
    case AGGREGATE_SECONDS_SINCE_LAST:
    case AGGREGATE_SHARE:
    case AGGREGATE_DISTANCE:
    case AGGREGATE_SPEED:
    case AGGREGATE_BURST:
        return true;
    case AGGREGATE_SUM:
    case AGGREGATE_MEAN:
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
    case AGGREGATE_FIRST:
    case AGGREGATE_LAST:
    case AGGREGATE_QUANTILE:
        return is_money(snapshot, feature, binding);
    case AGGREGATE_IS_NEW: /* a bool */
    case AGGREGATE_TYPE_COUNT:
        break;
    }
    return false;
}

static bool is_below(struct value v, double bound) {
    return (v.type == VALUE_INT && (double)v.integer < bound) ||
           (v.type == VALUE_DOUBLE && v.number < bound);
}

static bool is_above(struct value v, double bound) {
    return (v.type == VALUE_INT && (double)v.integer > bound) ||
           (v.type == VALUE_DOUBLE && v.number > bound);
}

/* A default may lie outside of the aggregate's own range, which then does not bound the feature. */
static void bound_feature(const struct snapshot *snapshot, size_t slot, struct possible *possible) {
    const struct entity_plan *entity = NULL;
    const struct entity_binding *binding = NULL;
    const struct feature *feature = find_feature(snapshot, slot, &entity, &binding);
    possible->nan = false;
    if (!feature)
        return;
    if (is_never_negative(snapshot, feature, binding) && !is_below(feature->default_value, 0.0))
        possible_at_least(possible, value_int(0));
    if (feature->aggregate == AGGREGATE_SHARE && !is_above(feature->default_value, 1.0))
        possible_at_most(possible, value_int(1));
}

static void bound_field(const struct field *field, struct possible *possible) {
    switch (field->kind) {
    case FIELD_KIND_AMOUNT:
    case FIELD_KIND_AMOUNT_MINOR:
    case FIELD_KIND_REFUNDED:
        possible_at_least(possible, value_int(0));
        break;
    case FIELD_KIND_LATITUDE:
    case FIELD_KIND_LONGITUDE: {
        int64_t most = field->kind == FIELD_KIND_LATITUDE ? 90 : 180;
        possible_at_least(possible, value_int(-most));
        possible_at_most(possible, value_int(most));
        break;
    }
    default:
        if (field->digits > 0)
            possible->nan = false;
    }
}

static void bound_call(const struct syntax *call, struct possible *possible) {
    static const struct {
        const char *name;
        enum value_type receiver; /* VALUE_ABSENT: any */
        int64_t least, most;
    } ranges[] = {
        {"getFullYear", VALUE_TIMESTAMP, 1, 9999},    {"getMonth", VALUE_TIMESTAMP, 0, 11},
        {"getDate", VALUE_TIMESTAMP, 1, 31},          {"getDayOfMonth", VALUE_TIMESTAMP, 0, 30},
        {"getDayOfWeek", VALUE_TIMESTAMP, 0, 6},      {"getDayOfYear", VALUE_TIMESTAMP, 0, 365},
        {"getHours", VALUE_TIMESTAMP, 0, 23},         {"getMinutes", VALUE_TIMESTAMP, 0, 59},
        {"getSeconds", VALUE_TIMESTAMP, 0, 59},       {"getMilliseconds", VALUE_TIMESTAMP, 0, 999},
        {"size", VALUE_ABSENT, 0, INT64_MAX},         {"indexOf", VALUE_ABSENT, -1, INT64_MAX},
        {"lastIndexOf", VALUE_ABSENT, -1, INT64_MAX},
    };
    if (call->type != VALUE_INT || !call->first)
        return;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        if (!text_is(call->text, ranges[i].name) ||
            (ranges[i].receiver != VALUE_ABSENT && call->first->type != ranges[i].receiver))
            continue;
        possible_at_least(possible, value_int(ranges[i].least));
        possible_at_most(possible, value_int(ranges[i].most));
    }
}

void atom_possible(const struct premises *premises, const struct syntax *term,
                   struct possible *ret_possible) {
    const struct snapshot *snapshot = premises->snapshot;
    possible_init(ret_possible, (enum value_type)term->type);
    if (term->kind == SYNTAX_CALL)
        bound_call(term, ret_possible);
    if (!atom_is_name(term))
        return;
    if (term->name->kind == NAME_FEATURE)
        bound_feature(snapshot, term->name->slot, ret_possible);
    else if (term->name->kind == NAME_FIELD && term->name->slot < snapshot->schema.field_count)
        bound_field(&snapshot->schema.fields[term->name->slot], ret_possible);
}

/* ------------------------------------------------------------------------------------------------
 * What has a value */

/* An amount may be required and still be absent when lenient binding finds no rate, so amounts are
 * left out. */
bool atom_is_always_there(const struct premises *premises, const struct syntax *term) {
    const struct schema *schema = &premises->snapshot->schema;
    if (!atom_is_name(term) || term->name->kind != NAME_FIELD ||
        term->name->slot >= schema->field_count)
        return false;
    const struct field *field = &schema->fields[term->name->slot];
    return field->kind == FIELD_KIND_ID || field->kind == FIELD_KIND_EVENT_TIME ||
           (field->required && field->kind != FIELD_KIND_AMOUNT &&
            field->kind != FIELD_KIND_AMOUNT_MINOR);
}

/* Is the term absent whenever the name is? True through functions and operators that need all of
 * their operands; && || ?: may do without. */
static bool needs(const struct syntax *term, const struct name *name) {
    if (atom_is_name(term))
        return term->name == name;
    bool strict =
        (term->kind == SYNTAX_CALL || term->kind == SYNTAX_UNARY || term->kind == SYNTAX_BINARY) &&
        term->function;
    if (!strict)
        return false;
    for (const struct syntax *operand = term->first; operand; operand = operand->next)
        if (needs(operand, name))
            return true;
    return false;
}

bool atom_needs(const struct atom *atom, const struct name *name) {
    if (atom->kind == ATOM_HAS)
        return atom->holds && atom->term->name == name;
    return (atom->term && needs(atom->term, name)) || (atom->other && needs(atom->other, name));
}
