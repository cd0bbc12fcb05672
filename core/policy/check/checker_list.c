/* Lists and maps as values, what is read from them, and the macros over them. The items of a list,
 * and the keys and the values of a map, have one type each: that is stricter than CEL and makes
 * every index and macro variable typed. */
#include "checker_list.h"

#include "checker_hint.h"

#include "core/base/check.h"

#include <stdio.h>

static type_code refuse(struct checker *checker, const struct syntax *node, const char *text) {
    report(checker->reporter, node->start, node->end - node->start, "%s", text);
    return BROKEN;
}

/* ------------------------------------------------------------------------------------------------
 * Literals */

/* Joins the type of one more item of a literal into *type. False: reported, now or before. */
static bool join(struct checker *checker, const struct syntax *item, const char *what,
                 type_code *type) {
    type_code joined;
    if (item->type == BROKEN)
        return false;
    if (type_join(*type, item->type, &joined)) {
        *type = joined;
        return true;
    }
    report(checker->reporter, item->start, item->end - item->start,
           "%s must have one type; this is %s, the ones before are %s%s", what,
           type_code_name(item->type).string, type_code_name(*type).string,
           hint_for_constant(checker->scratch, item, type_kind(*type)));
    return false;
}

type_code checker_list(struct checker *checker, struct syntax *node) {
    type_code element = VALUE_ABSENT;
    bool good = true;
    for (struct syntax *item = node->first; item; item = item->next) {
        checker_node(checker, item);
        good = join(checker, item, "the items of a list", &element) && good;
    }
    if (good && !type_can_nest(element))
        return refuse(checker, node, "lists are nested too deeply");
    return good ? TYPE_LIST_OF(element) : BROKEN;
}

static bool check_key(struct checker *checker, const struct syntax *key) {
    if (key->type == VALUE_TEXT || key->type == VALUE_INT || key->type == VALUE_BOOL ||
        key->type == VALUE_ABSENT)
        return true;
    if (key->type != BROKEN)
        report(checker->reporter, key->start, key->end - key->start,
               "a key must be string, int or bool; this is %s", type_code_name(key->type).string);
    return false;
}

/* Reports a literal key that occurs before in the map. Computed keys are compared at run time. */
static bool check_repeated(struct checker *checker, const struct syntax *map,
                           const struct syntax *key) {
    if (key->kind != SYNTAX_CONSTANT)
        return true;
    for (const struct syntax *other = map->first; other != key; other = other->next->next) {
        if (other->kind != SYNTAX_CONSTANT || !value_equal(other->constant, key->constant))
            continue;
        refuse(checker, key, "this key appears twice");
        return false;
    }
    return true;
}

type_code checker_map(struct checker *checker, struct syntax *node) {
    type_code key_type = VALUE_ABSENT, value_type = VALUE_ABSENT;
    bool good = true;
    for (struct syntax *key = node->first; key; key = key->next->next) {
        checker_node(checker, key);
        checker_node(checker, key->next);
        good = check_key(checker, key) && good;
        good = join(checker, key, "the keys of a map", &key_type) && good;
        good = join(checker, key->next, "the values of a map", &value_type) && good;
        good = good && check_repeated(checker, node, key);
    }
    if (good && !type_can_nest(value_type))
        return refuse(checker, node, "maps are nested too deeply");
    return good ? TYPE_MAP_OF(key_type, value_type) : BROKEN;
}

/* ------------------------------------------------------------------------------------------------
 * What is read from them */

static bool is_container(type_code type) {
    return type_kind(type) == VALUE_LIST || type_kind(type) == VALUE_MAP;
}

/* An index into a list is an int, a key has the type of the map's keys; a double is never converted
 * to either. */
type_code checker_element(struct checker *checker, struct syntax *node) {
    struct syntax *operand = node->first, *index = node->last;
    type_code type = checker_node(checker, operand), given = checker_node(checker, index);
    if (type == BROKEN || given == BROKEN)
        return BROKEN;
    if (type == VALUE_ABSENT)
        return VALUE_ABSENT;
    if (!is_container(type)) {
        report(checker->reporter, node->offset, node->length,
               "%s cannot be indexed with []; expected a list, a map or a threshold%s",
               type_code_name(type).string,
               type == VALUE_TEXT ? "; write s.charAt(i) for a character of a text" : "");
        return BROKEN;
    }
    node->map_key = type_kind(type) == VALUE_MAP;
    type_code wanted = node->map_key ? type_key(type) : VALUE_INT, joined;
    if (type_join(wanted, given, &joined) && type_depth(given) == 0)
        return type_element(type);
    report(checker->reporter, index->start, index->end - index->start,
           "the %s of %s must be %s; this is %s%s", node->map_key ? "key" : "index",
           node->map_key ? "this map" : "a list", type_code_name(wanted).string,
           type_code_name(given).string,
           hint_for_constant(checker->scratch, index, type_kind(wanted)));
    return BROKEN;
}

type_code checker_selection(struct checker *checker, struct syntax *node) {
    type_code type = node->first->type;
    node->map_key = true;
    if (type_key(type) == VALUE_TEXT || type_key(type) == VALUE_ABSENT)
        return type_element(type);
    report(checker->reporter, node->offset, node->length,
           "the keys of this map are %s; expected [key]", value_type_name(type_key(type)));
    return BROKEN;
}

/* `in` of a map searches its keys. An empty list or map contains nothing, so any left side is
 * allowed. */
type_code checker_membership(struct checker *checker, struct syntax *node) {
    static const char expected[] =
        "\"in\" needs a list or a map on its right; expected for example lists.NAME or [a, b]";
    struct syntax *right = node->last;
    type_code left = node->first->type;
    if (checker_is_unknown_name(checker, right))
        return refuse(checker, right, expected);
    type_code type = checker_node(checker, right);
    if (left == BROKEN || type == BROKEN)
        return BROKEN;
    if (type == VALUE_ABSENT)
        return VALUE_BOOL;
    if (!is_container(type))
        return refuse(checker, right, expected);
    bool map = type_kind(type) == VALUE_MAP;
    type_code item = map ? type_key(type) : type_element(type);
    if (type_comparable(left, item))
        return VALUE_BOOL;
    report(checker->reporter, node->offset, node->length, "the %s of this %s are %s, not %s%s",
           map ? "keys" : "items", map ? "map" : "list", type_code_name(item).string,
           type_code_name(left).string,
           hint_for_constant(checker->scratch, node->first, type_kind(item)));
    return BROKEN;
}

/* ------------------------------------------------------------------------------------------------
 * Macros */

/* One or two variables: each item, or its index or key and itself. Of what follows them, one or two
 * expressions, the last one is the macro's value for the item, any before it a condition. */
static const struct macro_form {
    const char *name, *canonical;
    enum macro macro;
    size_t variables_min, variables_max, expressions_max;
    const char *usage;
} macros[] = {
    {"all", "all", MACRO_ALL, 1, 2, 1, "list.all(x, condition) or list.all(i, x, condition)"},
    {"exists", "exists", MACRO_EXISTS, 1, 2, 1,
     "list.exists(x, condition) or list.exists(i, x, condition)"},
    {"exists_one", "exists_one", MACRO_EXISTS_ONE, 1, 2, 1,
     "list.exists_one(x, condition) or list.exists_one(i, x, condition)"},
    {"existsOne", "exists_one", MACRO_EXISTS_ONE, 1, 2, 1,
     "list.existsOne(x, condition) or list.existsOne(i, x, condition)"},
    {"filter", "filter", MACRO_FILTER, 1, 1, 1, "list.filter(x, condition)"},
    {"map", "map", MACRO_MAP, 1, 1, 2, "list.map(x, value) or list.map(x, condition, value)"},
    {"transformList", "transformList", MACRO_MAP, 2, 2, 2,
     "list.transformList(i, x, value) or list.transformList(i, x, condition, value)"},
    {"transformMap", "transformMap", MACRO_TRANSFORM_MAP, 2, 2, 2,
     "map.transformMap(k, v, value) or map.transformMap(k, v, condition, value)"},
};
#define MACROS (sizeof macros / sizeof *macros)

static const struct macro_form *macro_form(const struct syntax *node) {
    for (size_t i = 0; i < MACROS; i++)
        if (text_is(node->text, macros[i].name))
            return &macros[i];
    return NULL;
}

bool checker_is_macro(const struct syntax *node) {
    return node->receiver && macro_form(node);
}

const char *checker_macro_name(size_t index) {
    return index < MACROS ? macros[index].name : NULL;
}

/* A variable may not be called like anything that expressions can read: no name has two meanings.
 */
static bool check_variable(struct checker *checker, const struct syntax *node, const char *what) {
    if (node->kind != SYNTAX_NAME) {
        report(checker->reporter, node->start, node->end - node->start,
               "expected a name for %s, such as x", what);
        return false;
    }
    static const char *const taken[] = {"lists", "thresholds", "math", "has"};
    bool is_taken = scope_find(checker->scope, node->text) != NULL ||
                    scope_has_entity(checker->scope, node->text);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        is_taken |= text_is(node->text, taken[i]);
    if (is_taken)
        report(checker->reporter, node->offset, node->length,
               "\"%" TEXT_FORMAT "\" already has a meaning; expected another name for %s",
               TEXT_ARGS(node->text), what);
    return !is_taken;
}

static bool check_variables(struct checker *checker, const struct syntax *node, size_t count) {
    const struct syntax *first = node->first->next, *second = first->next;
    if (count == 1)
        return check_variable(checker, first, "each item");
    bool map = type_kind(node->first->type) == VALUE_MAP;
    bool good = check_variable(checker, first, map ? "each key" : "each index");
    if (!check_variable(checker, second, map ? "each value" : "each item") || !good)
        return false;
    if (!text_equal(first->text, second->text))
        return true;
    report(checker->reporter, second->offset, second->length,
           "both variables are called \"%" TEXT_FORMAT "\"", TEXT_ARGS(second->text));
    return false;
}

/* How many of the arguments are variables; 0 when this is not how the macro is called. */
static size_t variable_count(const struct syntax *node, const struct macro_form *form) {
    size_t arguments = node->operand_count - 1, count = form->variables_max;
    if (form->expressions_max == 1 && arguments > 0)
        count = arguments - 1;
    if (count < form->variables_min || count > form->variables_max || arguments <= count ||
        arguments > count + form->expressions_max)
        return 0;
    return count;
}

static bool check_call_of_macro(struct checker *checker, const struct syntax *node,
                                const struct macro_form *form) {
    size_t variables = variable_count(node, form);
    if (variables == 0) {
        report(checker->reporter, node->offset, node->length,
               "\"%s\" cannot be called like this; expected %s", form->name, form->usage);
        return false;
    }
    if (checker->locals && checker->locals->level + 1 >= SYNTAX_MACROS_MAX) {
        report(checker->reporter, node->offset, node->length,
               "macros are nested too deeply: at most %u", SYNTAX_MACROS_MAX);
        return false;
    }
    return check_variables(checker, node, variables);
}

/* Of a map a macro with one variable visits the keys, as in CEL. */
static bool check_range(struct checker *checker, const struct syntax *node) {
    type_code type = node->first->type;
    if (is_container(type) || type == VALUE_ABSENT)
        return true;
    if (type != BROKEN)
        report(checker->reporter, node->first->start, node->first->end - node->first->start,
               "\"%" TEXT_FORMAT "\" needs a list or a map; this is %s%s", TEXT_ARGS(node->text),
               type_code_name(type).string,
               type == VALUE_TEXT ? "; write s.split(\",\") for the parts of a text" : "");
    return false;
}

/* What the macro visits: the index of a list's item, or the key of a map's entry. */
static type_code key_type(type_code range) {
    return type_kind(range) == VALUE_LIST ? VALUE_INT : type_key(range);
}

/* The only variable is the item of a list or the key of a map. */
static type_code item_type(type_code range) {
    return type_kind(range) == VALUE_MAP ? type_key(range) : type_element(range);
}

static struct local *add_variable(struct checker *checker, const struct syntax *name,
                                  type_code type, unsigned level, unsigned place) {
    struct local *local = arena_calloc(checker->scratch, 1, sizeof *local);
    check(local);
    *local = (struct local){
        .name = name->text, .type = type, .level = level, .place = place, .outer = checker->locals};
    checker->locals = local;
    return local;
}

/* Brings the macro's variables into scope. Returns the last one. */
static struct local *add_variables(struct checker *checker, const struct syntax *node,
                                   size_t count) {
    type_code range = node->first->type;
    unsigned level = checker->locals ? checker->locals->level + 1 : 0;
    const struct syntax *first = node->first->next;
    if (count == 1)
        return add_variable(checker, first, item_type(range), level, 0);
    add_variable(checker, first, key_type(range), level, 0);
    return add_variable(checker, first->next, type_element(range), level, 1);
}

static bool builds_values(enum macro macro) {
    return macro == MACRO_MAP || macro == MACRO_TRANSFORM_MAP;
}

/* Checks the parts after the variables, which are in scope. Returns the type of the result. */
static type_code check_parts(struct checker *checker, struct syntax *node,
                             const struct macro_form *form) {
    struct syntax *last = node->last;
    type_code range = node->first->type;
    for (struct syntax *part = syntax_macro_parts(node); part; part = part->next) {
        if (checker_node(checker, part) == BROKEN)
            return BROKEN;
        if ((part != last || !builds_values(node->macro)) &&
            !checker_expect_bool(checker, part, form->name))
            return BROKEN;
    }
    if (node->macro == MACRO_FILTER)
        return TYPE_LIST_OF(item_type(range));
    if (!builds_values(node->macro))
        return VALUE_BOOL;
    if (!type_can_nest(last->type))
        return refuse(checker, last,
                      node->macro == MACRO_MAP ? "lists are nested too deeply"
                                               : "maps are nested too deeply");
    return node->macro == MACRO_MAP ? TYPE_LIST_OF(last->type)
                                    : TYPE_MAP_OF(key_type(range), last->type);
}

/* Turns the call into SYNTAX_MACRO only once it is known to be one, because the tree is printed and
 * compiled by kind. */
type_code checker_macro(struct checker *checker, struct syntax *node) {
    const struct macro_form *form = macro_form(node);
    struct local *outer = checker->locals;
    checker_node(checker, node->first);
    if (!check_range(checker, node) || !check_call_of_macro(checker, node, form))
        return BROKEN;
    node->kind = SYNTAX_MACRO;
    node->macro = form->macro;
    node->local = add_variables(checker, node, variable_count(node, form));
    type_code type = check_parts(checker, node, form);
    checker->locals = outer;
    node->text = text_of(form->canonical);
    return type;
}
