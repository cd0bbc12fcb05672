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

static const struct {
    const char *name;
    enum macro macro;
    const char *usage;
} macros[] = {
    {"all", MACRO_ALL, "list.all(x, condition)"},
    {"exists", MACRO_EXISTS, "list.exists(x, condition)"},
    {"exists_one", MACRO_EXISTS_ONE, "list.exists_one(x, condition)"},
    {"filter", MACRO_FILTER, "list.filter(x, condition)"},
    {"map", MACRO_MAP, "list.map(x, value) or list.map(x, condition, value)"},
};
#define MACROS (sizeof macros / sizeof *macros)

static size_t macro_index(const struct syntax *node) {
    size_t i = 0;
    while (i < MACROS && !text_is(node->text, macros[i].name))
        i++;
    return i;
}

bool checker_is_macro(const struct syntax *node) {
    return node->receiver && macro_index(node) < MACROS;
}

/* A variable may not be called like anything that expressions can read: no name has two meanings.
 */
static bool check_variable(struct checker *checker, const struct syntax *node) {
    if (node->kind != SYNTAX_NAME) {
        refuse(checker, node, "expected a name for each item, such as x");
        return false;
    }
    static const char *const taken[] = {"lists", "thresholds", "math", "has"};
    bool is_taken = scope_find(checker->scope, node->text) != NULL ||
                    scope_has_entity(checker->scope, node->text);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        is_taken |= text_is(node->text, taken[i]);
    if (is_taken)
        report(checker->reporter, node->offset, node->length,
               "\"%" TEXT_FORMAT "\" already has a meaning; expected another name for each item",
               TEXT_ARGS(node->text));
    return !is_taken;
}

static bool check_call_of_macro(struct checker *checker, const struct syntax *node) {
    size_t i = macro_index(node), count = node->operand_count;
    if (count != 3 && !(count == 4 && macros[i].macro == MACRO_MAP)) {
        report(checker->reporter, node->offset, node->length,
               "\"%s\" cannot be called like this; expected %s", macros[i].name, macros[i].usage);
        return false;
    }
    if (checker->locals && checker->locals->level + 1 >= SYNTAX_MACROS_MAX) {
        report(checker->reporter, node->offset, node->length,
               "macros are nested too deeply: at most %u", SYNTAX_MACROS_MAX);
        return false;
    }
    return check_variable(checker, node->first->next);
}

/* Of a map a macro visits the keys, as in CEL. */
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

/* Checks the parts after the variable, with the variable in scope. Returns the type of the result.
 */
static type_code check_parts(struct checker *checker, struct syntax *node, type_code range) {
    struct syntax *last = node->last;
    for (struct syntax *part = node->first->next->next; part; part = part->next) {
        if (checker_node(checker, part) == BROKEN)
            return BROKEN;
        if ((part != last || node->macro != MACRO_MAP) &&
            !checker_expect_bool(checker, part, macros[macro_index(node)].name))
            return BROKEN;
    }
    if (node->macro == MACRO_FILTER)
        return TYPE_LIST_OF(type_kind(range) == VALUE_MAP ? type_key(range) : type_element(range));
    if (node->macro != MACRO_MAP)
        return VALUE_BOOL;
    if (!type_can_nest(last->type))
        return refuse(checker, last, "lists are nested too deeply");
    return TYPE_LIST_OF(last->type);
}

/* Turns the call into SYNTAX_MACRO only once it is known to be one, because the tree is printed and
 * compiled by kind. */
type_code checker_macro(struct checker *checker, struct syntax *node) {
    checker_node(checker, node->first);
    if (!check_range(checker, node) || !check_call_of_macro(checker, node))
        return BROKEN;
    type_code range = node->first->type;
    struct local *local = arena_calloc(checker->scratch, 1, sizeof *local);
    check(local);
    local->name = node->first->next->text;
    local->type = type_kind(range) == VALUE_MAP    ? type_key(range)
                  : type_kind(range) == VALUE_LIST ? type_element(range)
                                                   : VALUE_ABSENT;
    local->level = checker->locals ? checker->locals->level + 1 : 0;
    local->outer = checker->locals;
    node->kind = SYNTAX_MACRO;
    node->macro = macros[macro_index(node)].macro;
    node->local = local;
    checker->locals = local;
    type_code type = check_parts(checker, node, range);
    checker->locals = local->outer;
    return type;
}
