/* Each function consumes bytes of the cursor to choose between forms of an expression, and calls
 * make() for its operands with less depth left. Past the end of the input the cursor yields
 * zeros, which choose literals, so generation always ends. */
#include "maker.h"

#include "core/policy/eval/function.h"
#include "core/policy/lang/syntax.h"

#define DEPTH_MAX  7
#define SOURCE_MAX 3000 /* bytes; beyond this all further operands are literals or names */

struct maker {
    struct cursor *cursor;
    const struct scope *scope;
    struct buffer *source;
    type_code locals[2 * SYNTAX_MACROS_MAX]; /* of a, b, …: the enclosing macros' variables */
    unsigned local_count;
    unsigned nested; /* macros around */
};

static void make(struct maker *maker, type_code type, unsigned depth);

static void put(struct maker *maker, const char *string) {
    buffer_append(maker->source, string, strlen(string));
}

static unsigned pick(struct maker *maker, size_t count) {
    return (unsigned)(cursor_u8(maker->cursor) % count);
}

static void make_items(struct maker *maker, type_code type, unsigned count, unsigned depth);

static enum value_type pick_type(struct maker *maker) {
    static const enum value_type types[] = {VALUE_INT,  VALUE_DOUBLE,    VALUE_TEXT,
                                            VALUE_BOOL, VALUE_TIMESTAMP, VALUE_DURATION};
    return types[pick(maker, 6)];
}

/* A list with `count` items, or a map with `count` entries, whose keys may repeat. */
static void make_items(struct maker *maker, type_code type, unsigned count, unsigned depth) {
    bool map = type_kind(type) == VALUE_MAP;
    put(maker, map ? "{" : "[");
    for (; count > 0; count--) {
        if (map) {
            make(maker, type_key(type), 0);
            put(maker, ": ");
        }
        make(maker, type_element(type), depth);
        put(maker, count > 1 ? ", " : "");
    }
    put(maker, map ? "}" : "]");
}

static void make_literal(struct maker *maker, type_code type) {
    static const char *const ints[] = {
        "0", "1", "-1", "2", "7", "-9223372036854775808", "9223372036854775807", "0x7f"};
    static const char *const doubles[] = {"0.0",  "1.5",    "-2.25", "1e308",
                                          "-0.0", "5e-324", "0.1",   "9007199254740993.0"};
    static const char *const texts[] = {"\"\"",
                                        "\"DE\"",
                                        "'4111'",
                                        "\"a\\n\\u00e9\"",
                                        "r\"\\\"",
                                        "\"1h\"",
                                        "\"2026-02-28T23:59:59.5Z\"",
                                        "\"-12\""};
    static const char *const times[] = {
        "timestamp(\"2026-01-31T00:00:00Z\")", "timestamp(\"0001-01-01T00:00:00Z\")",
        "timestamp(\"9999-12-31T23:59:59.999999Z\")", "timestamp(0)"};
    static const char *const durations[] = {"duration(\"1h\")", "duration(\"-1.5s\")",
                                            "duration(\"315576000000s\")", "duration(\"1d\")"};
    unsigned which = pick(maker, 8);
    switch (type_kind(type)) {
    case VALUE_LIST:
    case VALUE_MAP:
        make_items(maker, type, which % 4, 0);
        break;
    case VALUE_INT:
        put(maker, ints[which]);
        break;
    case VALUE_DOUBLE:
        put(maker, doubles[which]);
        break;
    case VALUE_TEXT:
        put(maker, texts[which]);
        break;
    case VALUE_TIMESTAMP:
        put(maker, times[which % 4]);
        break;
    case VALUE_DURATION:
        put(maker, durations[which % 4]);
        break;
    default:
        put(maker, which & 1 ? "true" : "false");
    }
}

/* The first name of this type after a random one that rules can read, or a literal. */
static void make_name(struct maker *maker, type_code type) {
    for (unsigned i = maker->local_count; i-- > 0;)
        if (maker->locals[i] == type && cursor_u8(maker->cursor) % 4) {
            const char name[] = {(char)('a' + i), '\0'};
            put(maker, name);
            return;
        }
    size_t count = maker->scope->name_count, first = pick(maker, count);
    for (size_t i = 0; i < count; i++) {
        const struct name *name = maker->scope->names[(first + i) % count];
        if (name->type != type || name->kind == NAME_LATER)
            continue;
        buffer_append(maker->source, name->text.data, name->text.length);
        return;
    }
    make_literal(maker, type);
}

/* A concrete type for a parameter: "any list" and "any map" need an element type. */
static type_code argument_type(struct maker *maker, type_code parameter) {
    if (parameter == VALUE_LIST)
        return TYPE_LIST_OF(pick_type(maker));
    return parameter == VALUE_MAP ? TYPE_MAP_OF(VALUE_TEXT, pick_type(maker)) : parameter;
}

static void make_matches(struct maker *maker, unsigned depth) {
    static const char *const patterns[] = {"^[a-z]+$", "(a|b)*c", "\\\\d{2,4}", "(?i)caf.",
                                           "x+y",      "",        "[^@]+@",     "\\\\bDE\\\\b"};
    put(maker, "(");
    make(maker, VALUE_TEXT, depth);
    put(maker, ").matches(\"");
    put(maker, patterns[pick(maker, 8)]);
    put(maker, "\")");
}

/* The last argument of functions of local times. Few random texts are one. */
static void make_zone(struct maker *maker) {
    static const char *const zones[] = {"\"Europe/Berlin\"", "\"America/New_York\"", "\"+05:30\"",
                                        "\"Asia/Kathmandu\""};
    put(maker, zones[pick(maker, 4)]);
}

static void make_call(struct maker *maker, const struct function *function, unsigned depth) {
    bool method = function->form == FUNCTION_METHOD;
    size_t first = method;
    if (text_is(text_of(function->name), "matches")) {
        make_matches(maker, depth);
        return;
    }
    if (method) {
        put(maker, "(");
        make(maker, argument_type(maker, function->parameters[0]), depth);
        put(maker, ").");
    }
    put(maker, function->name);
    put(maker, "(");
    for (size_t i = first; i < function->parameter_count; i++) {
        if (i > first)
            put(maker, ", ");
        if (function->in_local_time && i == 1 && pick(maker, 4))
            make_zone(maker);
        else
            make(maker, argument_type(maker, function->parameters[i]), depth);
    }
    put(maker, ")");
}

static void make_operator(struct maker *maker, const struct function *function, unsigned depth) {
    put(maker, "(");
    if (function->parameter_count == 2) {
        make(maker, function->parameters[0], depth);
        put(maker, " ");
    }
    put(maker, function->name);
    put(maker, " ");
    make(maker, function->parameters[function->parameter_count - 1], depth);
    put(maker, ")");
}

/* The first function with this result after a random one, in the language's own table, so that new
 * functions are covered automatically. */
static void make_function(struct maker *maker, type_code type, unsigned depth) {
    size_t count = 0;
    while (function_at(count))
        count++;
    size_t first = pick(maker, count);
    for (size_t i = 0; i < count; i++) {
        const struct function *function = function_at((first + i) % count);
        if (function->result != type)
            continue;
        if (function->form == FUNCTION_OPERATOR)
            make_operator(maker, function, depth);
        else
            make_call(maker, function, depth);
        return;
    }
    make_name(maker, type);
}

static void make_pair(struct maker *maker, type_code left, const char *sign, type_code right,
                      unsigned depth) {
    put(maker, "(");
    make(maker, left, depth);
    put(maker, sign);
    make(maker, right, depth);
    put(maker, ")");
}

static void make_membership(struct maker *maker, unsigned depth) {
    if (pick(maker, 2)) {
        make(maker, VALUE_TEXT, depth);
        put(maker, pick(maker, 2) ? " in lists.transit" : " in lists.empty");
        return;
    }
    type_code type = pick_type(maker);
    make(maker, type, depth);
    if (pick(maker, 3) == 0) {
        put(maker, " in ");
        make(maker, TYPE_LIST_OF(type), depth);
        return;
    }
    put(maker, " in [");
    for (unsigned left = pick(maker, 4); left > 0; left--) {
        make(maker, type, depth);
        put(maker, left > 1 ? ", " : "");
    }
    put(maker, "]");
}

/* Writes "(a, " or "(a, b, " and brings the variables into scope. */
static void put_variables(struct maker *maker, const type_code *types, unsigned count) {
    put(maker, "(");
    for (unsigned i = 0; i < count; i++) {
        const char variable[] = {(char)('a' + maker->local_count), ',', ' ', '\0'};
        put(maker, variable);
        maker->locals[maker->local_count++] = types[i];
    }
}

/* type: a bool, a list or a map with an int or string for a key, the results that macros have. */
static void make_macro(struct maker *maker, type_code type, unsigned depth) {
    static const char *const names[] = {"all", "exists", "exists_one", "existsOne"};
    bool map_result = type_kind(type) == VALUE_MAP;
    bool two = map_result || pick(maker, 2);
    bool filter = type != VALUE_BOOL && !two && pick(maker, 2);
    type_code item = filter ? type_element(type) : pick_type(maker);
    bool map_range = map_result ? type_key(type) == VALUE_TEXT
                                : (two || item == VALUE_TEXT) && pick(maker, 4) == 0;
    if (maker->nested == SYNTAX_MACROS_MAX) {
        make_literal(maker, type);
        return;
    }
    put(maker, "(");
    make(maker, map_range ? TYPE_MAP_OF(VALUE_TEXT, two ? item : VALUE_INT) : TYPE_LIST_OF(item),
         depth);
    put(maker, ").");
    put(maker, type == VALUE_BOOL ? names[pick(maker, 4)]
               : filter           ? "filter"
               : map_result       ? "transformMap"
               : two              ? "transformList"
                                  : "map");
    const type_code both[] = {map_range ? VALUE_TEXT : VALUE_INT, item};
    put_variables(maker, two ? both : &both[1], two ? 2 : 1);
    maker->nested++;
    if (type == VALUE_BOOL || filter || pick(maker, 2)) {
        make(maker, VALUE_BOOL, depth);
        put(maker, type == VALUE_BOOL || filter ? "" : ", ");
    }
    if (type != VALUE_BOOL && !filter)
        make(maker, type_element(type), depth);
    maker->nested--;
    maker->local_count -= two ? 2 : 1;
    put(maker, ")");
}

/* A list or map whose items are expressions themselves. */
static void make_container(struct maker *maker, type_code type, unsigned depth) {
    bool list = type_kind(type) == VALUE_LIST;
    switch (pick(maker, 4)) {
    case 0:
        make_items(maker, type, pick(maker, 4), depth);
        break;
    case 1:
        if (list) {
            make_pair(maker, type, " + ", type, depth);
            break;
        }
        make_items(maker, type, 1, depth);
        break;
    case 2:
        if (list || type_key(type) == VALUE_INT || type_key(type) == VALUE_TEXT) {
            make_macro(maker, type, depth);
            break;
        }
        make_items(maker, type, 2, depth);
        break;
    default:
        make_function(maker, type, depth);
    }
}

/* An item of a list or the value of a key. Indexes and keys are chosen so that most exist. */
static void make_element(struct maker *maker, type_code type, unsigned depth) {
    bool map = pick(maker, 2);
    type_code all = map ? TYPE_MAP_OF(VALUE_TEXT, type) : TYPE_LIST_OF(type);
    if (!type_can_nest(type)) {
        make_literal(maker, type);
        return;
    }
    put(maker, "(");
    make(maker, all, depth);
    put(maker, ")");
    switch (pick(maker, 3)) {
    case 0:
        put(maker, map ? ".DE" : "[0]");
        break;
    case 1:
        put(maker, map ? "[\"DE\"]" : "[1]");
        break;
    default:
        put(maker, "[");
        make(maker, map ? VALUE_TEXT : VALUE_INT, depth);
        put(maker, "]");
    }
}

static void make_condition(struct maker *maker, unsigned depth) {
    static const char *const signs[] = {" < ", " <= ", " > ", " >= ", " == ", " != "};
    type_code type;
    put(maker, "(");
    switch (pick(maker, 8)) {
    case 0:
        make_pair(maker, VALUE_BOOL, " && ", VALUE_BOOL, depth);
        break;
    case 1:
        make_pair(maker, VALUE_BOOL, " || ", VALUE_BOOL, depth);
        break;
    case 2:
        put(maker, "!");
        make_name(maker, VALUE_BOOL);
        break;
    case 3:
        put(maker, "has(");
        make_name(maker, pick_type(maker));
        put(maker, ")");
        break;
    case 4:
        make_membership(maker, depth);
        break;
    case 5:
        make_macro(maker, VALUE_BOOL, depth);
        break;
    case 6:
        type = pick(maker, 2) ? TYPE_LIST_OF(pick_type(maker))
                              : TYPE_MAP_OF(VALUE_TEXT, pick_type(maker));
        make_pair(maker, type, signs[4 + pick(maker, 2)], type, depth);
        break;
    default:
        type = pick_type(maker);
        make_pair(maker, type, signs[pick(maker, 6)], type, depth);
    }
    put(maker, ")");
}

static void make(struct maker *maker, type_code type, unsigned depth) {
    bool end = depth == 0 || maker->source->length > SOURCE_MAX || cursor_left(maker->cursor) == 0;
    unsigned which = pick(maker, end ? 2 : 8);
    if (which == 0) {
        make_literal(maker, type);
    } else if (which == 1) {
        make_name(maker, type);
    } else if (which == 2) {
        put(maker, "(");
        make(maker, VALUE_BOOL, depth - 1);
        put(maker, " ? ");
        make(maker, type, depth - 1);
        put(maker, " : ");
        make(maker, type, depth - 1);
        put(maker, ")");
    } else if (type_depth(type) > 0) {
        make_container(maker, type, depth - 1);
    } else if (which == 3) {
        make_element(maker, type, depth - 1);
    } else if (type == VALUE_BOOL && which < 7) {
        make_condition(maker, depth - 1);
    } else {
        make_function(maker, type, depth - 1);
    }
}

void maker_expression(struct cursor *cursor, const struct scope *scope, type_code type,
                      struct buffer *source) {
    struct maker maker = {.cursor = cursor, .scope = scope, .source = source};
    make(&maker, type, DEPTH_MAX);
}
