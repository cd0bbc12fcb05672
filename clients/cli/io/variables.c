/* JSON → values with static types, as the checker of expressions wants them. A list or map takes
 * the type that all its items share (ints beside doubles become doubles); what cannot be typed is
 * refused, never turned into text.
 *
 * Names go into a scope of their own, so that neither a policy's fields nor its features are
 * visible. */
#include "variables.h"

#include "core/base/check.h"
#include "core/policy/lang/calendar.h"
#include "core/policy/lang/lexer.h"

#include <math.h>
#include <stdlib.h>

#define MEMORY_MAX ((size_t)64 << 20)
#define ITEMS_MAX  10000u /* of one list or map */

/* A value and what the checker must know of it. */
struct typed {
    struct value value;
    type_code type;
    uint32_t items_max; /* of its lists and maps the longest */
};

static int read_json(struct variables *variables, const json_t *json, struct typed *ret_typed,
                     struct error *ret_error);

void variables_init(struct variables *variables) {
    memset(variables, 0, sizeof *variables);
    arena_init(&variables->arena, MEMORY_MAX);
    scope_init(&variables->scope, &variables->arena);
}

void variables_deinit(struct variables *variables) {
    scope_deinit(&variables->scope);
    arena_deinit(&variables->arena);
}

/* The arena is limited, so that a file of variables cannot take all memory. */
static int too_large(struct error *ret_error) {
    return error_set(ret_error, ERROR_INVALID, "the variables need too much memory");
}

/* ------------------------------------------------------------------------------------------------
 * Lists and maps */

/* Room for `values` values; `count` is what is limited, items or pairs. */
static int new_items(struct variables *variables, size_t count, size_t values,
                     struct value_items **ret_items, struct error *ret_error) {
    if (count > ITEMS_MAX)
        return error_set(ret_error, ERROR_INVALID,
                         "a list or map has %zu items; expected at most %u", count, ITEMS_MAX);
    struct value_items *items =
        arena_alloc(&variables->arena, sizeof *items + values * sizeof(struct value));
    if (!items)
        return too_large(ret_error);
    items->count = 0;
    *ret_items = items;
    return 0;
}

/* The types of items become one; an int beside doubles is a double. */
static int join(type_code *type, type_code other, struct error *ret_error) {
    type_code joined;
    if (type_is_numeric(*type) && type_is_numeric(other) && *type != other)
        *type = VALUE_DOUBLE;
    else if (type_join(*type, other, &joined))
        *type = joined;
    else
        return error_set(ret_error, ERROR_INVALID, "a list or map of %s cannot hold %s as well",
                         type_code_name(*type).string, type_code_name(other).string);
    return 0;
}

/* Every `step`-th value from `first`: all of a list, the values of a map. */
static void as_doubles(struct value_items *items, size_t first, size_t step) {
    for (size_t i = first; i < items->count; i += step)
        if (items->values[i].type == VALUE_INT)
            items->values[i] = value_double((double)items->values[i].integer);
}

/* Lists and maps hold values only; a field may be absent, an item not. */
static int check_item(const struct typed *item, struct error *ret_error) {
    if (item->value.type == VALUE_ABSENT)
        return error_set(ret_error, ERROR_INVALID, "a list or map cannot hold absent values");
    return 0;
}

/* The longest list or map inside: the checker bounds the cost of an expression by it. */
static void note_size(struct typed *typed, const struct typed *item) {
    if (item->items_max > typed->items_max)
        typed->items_max = item->items_max;
}

static int finish(struct typed *typed, type_code type, bool nests, struct error *ret_error) {
    if (!nests)
        return error_set(ret_error, ERROR_INVALID, "lists and maps are nested too deeply");
    typed->type = type;
    return 0;
}

static int read_list(struct variables *variables, const json_t *json, struct typed *ret_typed,
                     struct error *ret_error) {
    size_t count = json_array_size(json);
    struct value_items *items = NULL;
    struct typed list = {.items_max = (uint32_t)count}, item;
    type_code element = VALUE_ABSENT;
    int r = new_items(variables, count, count, &items, ret_error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        r = read_json(variables, json_array_get(json, i), &item, ret_error);
        if (r == 0)
            r = check_item(&item, ret_error);
        if (r == 0)
            r = join(&element, item.type, ret_error);
        if (r < 0)
            return r;
        note_size(&list, &item);
        items->values[items->count++] = item.value;
    }
    if (element == VALUE_DOUBLE)
        as_doubles(items, 0, 1);
    list.value = (struct value){.type = VALUE_LIST, .items = items};
    r = finish(&list, TYPE_LIST_OF(element), type_can_nest(element), ret_error);
    if (r == 0)
        *ret_typed = list;
    return r;
}

/* A map in the making. */
struct making {
    struct value_items *items;
    struct typed map;
    type_code key, element;
};

/* Keys are compared with all before them; ITEMS_MAX keeps that affordable. */
static int add_entry(struct making *making, const struct typed *key, const struct typed *value,
                     struct error *ret_error) {
    if (key->type != VALUE_TEXT && key->type != VALUE_INT && key->type != VALUE_BOOL)
        return error_set(ret_error, ERROR_INVALID,
                         "a map's key must be string, int or bool, not %s",
                         type_code_name(key->type).string);
    struct value_items *items = making->items;
    for (size_t i = 0; i < items->count; i += 2)
        if (value_equal(items->values[i], key->value))
            return error_set(ret_error, ERROR_INVALID, "a map has the same key twice");
    int r = check_item(value, ret_error);
    if (r == 0)
        r = join(&making->key, key->type, ret_error);
    if (r == 0)
        r = join(&making->element, value->type, ret_error);
    if (r < 0)
        return r;
    note_size(&making->map, value);
    items->values[items->count++] = key->value;
    items->values[items->count++] = value->value;
    return 0;
}

/* The map's type is known only when all entries are. */
static int finish_map(struct making *making, struct typed *ret_typed, struct error *ret_error) {
    if (making->element == VALUE_DOUBLE)
        as_doubles(making->items, 1, 2);
    making->map.value = (struct value){.type = VALUE_MAP, .items = making->items};
    int r = finish(&making->map, TYPE_MAP_OF(making->key, making->element),
                   type_can_nest(making->element), ret_error);
    if (r == 0)
        *ret_typed = making->map;
    return r;
}

/* Keys of JSON are texts; other keys need the form of read_pairs(). */
static int read_map(struct variables *variables, const json_t *json, struct typed *ret_typed,
                    struct error *ret_error) {
    size_t count = json_object_size(json);
    struct making making = {.map = {.items_max = (uint32_t)count}};
    const char *name;
    json_t *member;
    int r = new_items(variables, count, 2 * count, &making.items, ret_error);
    if (r < 0)
        return r;
    json_object_foreach((json_t *)(uintptr_t)json, name, member) {
        struct typed key = {.type = VALUE_TEXT}, value;
        key.value = value_text(arena_text(&variables->arena, text_of(name)));
        if (!key.value.text.data)
            return too_large(ret_error);
        r = read_json(variables, member, &value, ret_error);
        if (r == 0)
            r = add_entry(&making, &key, &value, ret_error);
        if (r < 0)
            return r;
    }
    return finish_map(&making, ret_typed, ret_error);
}

/* {"map": [[key, value], …]} */
static int read_pairs(struct variables *variables, const json_t *json, struct typed *ret_typed,
                      struct error *ret_error) {
    size_t count = json_array_size(json);
    struct making making = {.map = {.items_max = (uint32_t)count}};
    if (!json_is_array(json))
        return error_set(ret_error, ERROR_INVALID, "expected {\"map\": [[KEY, VALUE], …]}");
    int r = new_items(variables, count, 2 * count, &making.items, ret_error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(json, i);
        struct typed key, value;
        if (json_array_size(pair) != 2)
            return error_set(ret_error, ERROR_INVALID, "expected {\"map\": [[KEY, VALUE], …]}");
        r = read_json(variables, json_array_get(pair, 0), &key, ret_error);
        if (r == 0)
            r = read_json(variables, json_array_get(pair, 1), &value, ret_error);
        if (r == 0)
            r = add_entry(&making, &key, &value, ret_error);
        if (r < 0)
            return r;
    }
    return finish_map(&making, ret_typed, ret_error);
}

/* ------------------------------------------------------------------------------------------------
 * Values with their type beside them */

/* Both words take a text in the language's own notation. */
static int read_time(const char *word, const json_t *json, struct typed *ret_typed,
                     struct error *ret_error) {
    struct text t = text_of(json_is_string(json) ? json_string_value(json) : "");
    bool timestamp = strcmp(word, "timestamp") == 0;
    int64_t us;
    if ((timestamp ? calendar_parse_timestamp(t, &us) : calendar_parse_duration(t, &us)) < 0)
        return error_set(ret_error, ERROR_INVALID, "expected {\"%s\": \"%s\"}", word,
                         timestamp ? "2026-01-31T00:00:00Z" : "1h30m");
    struct value v = timestamp ? value_timestamp(us) : value_duration(us);
    *ret_typed = (struct typed){.value = v, .type = v.type};
    return 0;
}

/* An int where a double is meant, and the three doubles that JSON cannot write. */
static int read_double(const char *word, const json_t *json, struct typed *ret_typed,
                       struct error *ret_error) {
    static const struct {
        const char *word;
        double number;
    } words[] = {{"nan", NAN}, {"inf", INFINITY}, {"-inf", -INFINITY}};
    (void)word;
    ret_typed->type = VALUE_DOUBLE;
    ret_typed->items_max = 0;
    if (json_is_number(json)) {
        ret_typed->value = value_double(json_number_value(json));
        return 0;
    }
    for (size_t i = 0; json_is_string(json) && i < sizeof words / sizeof *words; i++)
        if (strcmp(json_string_value(json), words[i].word) == 0) {
            ret_typed->value = value_double(words[i].number);
            return 0;
        }
    return error_set(
        ret_error, ERROR_INVALID,
        "expected {\"double\": NUMBER}, where NUMBER may be \"nan\", \"inf\" or \"-inf\"");
}

/* The type must be named: it follows from nothing else. */
static int read_absent(const char *word, const json_t *json, struct typed *ret_typed,
                       struct error *ret_error) {
    (void)word;
    for (int type = VALUE_BOOL; json_is_string(json) && type <= VALUE_DURATION; type++)
        if (strcmp(json_string_value(json), value_type_name((enum value_type)type)) == 0) {
            *ret_typed = (struct typed){.value = value_absent(), .type = (type_code)type};
            return 0;
        }
    return error_set(ret_error, ERROR_INVALID,
                     "expected {\"absent\": TYPE}, where TYPE is bool, int, double, string, "
                     "timestamp or duration");
}

/* An object of one member with one of our words is a value; any other is a map. */
static int read_object(struct variables *variables, const json_t *json, struct typed *ret_typed,
                       struct error *ret_error) {
    static const struct {
        const char *word;
        int (*read)(const char *word, const json_t *json, struct typed *ret_typed,
                    struct error *ret_error);
    } words[] = {{"timestamp", read_time},
                 {"duration", read_time},
                 {"double", read_double},
                 {"absent", read_absent}};
    if (json_object_size(json) == 1) {
        const json_t *pairs = json_object_get(json, "map");
        if (pairs)
            return read_pairs(variables, pairs, ret_typed, ret_error);
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            const json_t *member = json_object_get(json, words[i].word);
            if (member)
                return words[i].read(words[i].word, member, ret_typed, ret_error);
        }
    }
    return read_map(variables, json, ret_typed, ret_error);
}

/* The kinds of JSON that have a type by themselves; objects are looked into. */
static int read_json(struct variables *variables, const json_t *json, struct typed *ret_typed,
                     struct error *ret_error) {
    struct value v = {0};
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return read_object(variables, json, ret_typed, ret_error);
    case JSON_ARRAY:
        return read_list(variables, json, ret_typed, ret_error);
    case JSON_NULL:
        return error_set(ret_error, ERROR_INVALID,
                         "null has no type; a name without a value is {\"absent\": \"double\"}");
    case JSON_TRUE:
    case JSON_FALSE:
        v = value_bool(json_is_true(json));
        break;
    case JSON_INTEGER:
        v = value_int(json_integer_value(json));
        break;
    case JSON_REAL:
        v = value_double(json_real_value(json));
        break;
    case JSON_STRING:
        v = value_text(
            arena_text(&variables->arena, (struct text){.data = json_string_value(json),
                                                        .length = json_string_length(json)}));
        if (!v.text.data)
            return too_large(ret_error);
        break;
    }
    *ret_typed = (struct typed){.value = v, .type = v.type};
    return 0;
}

/* ------------------------------------------------------------------------------------------------
 * Names */

/* The language's rule; reserved words would be read as something else. */
static bool is_identifier(struct text t) {
    for (size_t i = 0; i < t.length; i++) {
        char c = t.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
              (i > 0 && text_is_digit(c))))
            return false;
    }
    return t.length > 0 && !token_is_reserved(t);
}

/* An identifier, or two with a dot between them, of which the first is an entity then. */
static int check_name(struct variables *variables, struct text name, struct error *ret_error) {
    const char *dot = memchr(name.data, '.', name.length);
    struct text first = {.data = name.data,
                         .length = dot ? (size_t)(dot - name.data) : name.length};
    struct text second = {.data = dot ? dot + 1 : NULL,
                          .length = dot ? name.length - first.length - 1 : 0};
    if (!is_identifier(first) || (dot && !is_identifier(second)))
        return error_set(ret_error, ERROR_INVALID, "\"%" TEXT_FORMAT "\" is not a valid name",
                         TEXT_ARGS(name));
    if (dot && !scope_has_entity(&variables->scope, first))
        variables->entities[variables->scope.entity_count++] = first;
    return 0;
}

/* An error gets the variable's name in front. The slot is the name's index in the frame. */
static int add_variable(struct variables *variables, const char *name, const json_t *json,
                        struct error *ret_error) {
    struct text text = arena_text(&variables->arena, text_of(name));
    struct typed typed;
    struct error inner;
    if (!text.data)
        return too_large(ret_error);
    int r = check_name(variables, text, ret_error);
    if (r < 0)
        return r;
    r = read_json(variables, json, &typed, &inner);
    if (r < 0)
        return error_set(ret_error, ERROR_INVALID, "%s: %s", name, inner.text);
    size_t slot = variables->scope.name_count;
    variables->frame[slot] = typed.value;
    scope_add(&variables->scope, (struct name){.text = text,
                                               .canonical = text,
                                               .kind = NAME_FIELD,
                                               .type = typed.type,
                                               .items_max = typed.items_max,
                                               .slot = slot});
    return 0;
}

int variables_read(struct variables *variables, const json_t *object, struct error *ret_error) {
    const char *name;
    json_t *value;
    scope_deinit(&variables->scope);
    arena_reset(&variables->arena);
    scope_init(&variables->scope, &variables->arena);
    variables->scope.entities = variables->entities;
    if (!object)
        return 0;
    if (!json_is_object(object))
        return error_set(ret_error, ERROR_INVALID,
                         "the variables are not a JSON object; expected {\"NAME\": VALUE, …}");
    if (json_object_size(object) > VARIABLES_MAX)
        return error_set(ret_error, ERROR_INVALID, "%zu variables; expected at most %u",
                         json_object_size(object), VARIABLES_MAX);
    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        int r = add_variable(variables, name, value, ret_error);
        if (r < 0)
            return r;
    }
    return 0;
}
