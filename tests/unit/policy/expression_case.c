#include "expression_case.h"

#include "core/base/check.h"
#include "core/policy/lang/calendar.h"
#include "core/policy/lists/list_fill.h"
#include "tests/unit/unit.h"

static void remember(struct reporter *reporter, size_t offset, size_t length, const char *text) {
    struct expression_case *it =
        (struct expression_case *)((char *)reporter - offsetof(struct expression_case, reporter));
    (void)length;
    if (reporter->count > 1)
        return;
    it->diagnostic_offset = offset;
    snprintf(it->diagnostic, sizeof it->diagnostic, "%s", text);
}

static enum value_type type_named(const char *name) {
    static const enum value_type types[] = {VALUE_BOOL, VALUE_INT,       VALUE_DOUBLE,
                                            VALUE_TEXT, VALUE_TIMESTAMP, VALUE_DURATION};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(name, value_type_name(types[i])) == 0)
            return types[i];
    fail_msg("no such type: %s", name);
    return VALUE_ABSENT;
}

static struct value value_written(struct expression_case *it, enum value_type type,
                                  const char *written) {
    int64_t us;
    if (strcmp(written, "absent") == 0)
        return value_absent();
    if (strcmp(written, "error") == 0)
        return (struct value){.type = VALUE_ERROR, .error_code = EXPRESSION_OVERFLOW};
    switch (type) {
    case VALUE_BOOL:
        return value_bool(strcmp(written, "true") == 0);
    case VALUE_DOUBLE:
        return value_double(strtod(written, NULL));
    case VALUE_TEXT:
        return value_text(arena_text(&it->arena, text_of(written)));
    case VALUE_TIMESTAMP:
        if (calendar_parse_timestamp(text_of(written), &us) == 0)
            return value_timestamp(us);
        break;
    default:
        break;
    }
    return (struct value){.type = type, .integer = strtoll(written, NULL, 10)};
}

static enum name_words words_of(struct text name) {
    if (text_is(name, "currency"))
        return WORDS_CURRENCY;
    if (text_is(name, "country"))
        return WORDS_COUNTRY;
    return text_is(name, "mcc") ? WORDS_MCC : WORDS_ANY;
}

static void add_entity(struct expression_case *it, struct text full) {
    const char *dot = memchr(full.data, '.', full.length);
    if (!dot)
        return;
    struct text entity = {.data = full.data, .length = (size_t)(dot - full.data)};
    if (!scope_has_entity(&it->scope, entity))
        it->entities[it->scope.entity_count++] = entity;
}

/* "NAME:TYPE=VALUE" */
static void bind(struct expression_case *it, char *binding) {
    char *colon = strchr(binding, ':'), *equals = colon ? strchr(colon, '=') : NULL;
    if (!equals)
        fail_msg("not a binding: %s", binding);
    *colon = *equals = '\0';
    size_t slot = it->scope.name_count;
    check(slot < EXPRESSION_CASE_NAMES_MAX);
    struct text name = arena_text(&it->arena, text_of(binding));
    enum value_type type = type_named(colon + 1);
    bool dotted = memchr(name.data, '.', name.length) != NULL;
    scope_add(&it->scope, (struct name){.text = name,
                                        .canonical = name,
                                        .kind = dotted ? NAME_FEATURE : NAME_FIELD,
                                        .type = type,
                                        .words = words_of(name),
                                        .slot = slot});
    add_entity(it, name);
    it->frame[slot] = value_written(it, type, equals + 1);
}

static void add_lists(struct expression_case *it) {
    static const struct text transit[] = {{"4111", 4}, {"4112", 4}};
    it->lists[0].name = TEXT_LITERAL("transit");
    it->lists[1].name = TEXT_LITERAL("empty");
    list_fill_texts(&it->lists[0], transit, 2, &it->arena);
    list_fill_texts(&it->lists[1], NULL, 0, &it->arena);
    it->scope.lists = it->lists;
    it->scope.list_count = 2;
    it->scope.list_used = it->list_used;
}

/* The thresholds of the README; the last one has no computed values yet. */
static void add_thresholds(struct expression_case *it) {
    static const struct text shops[] = {{"5411", 4}, {"7995", 4}};
    static const struct text places[] = {{"\2DE\4"
                                          "5411",
                                          8}};
    static const double shop_values[] = {20.5, 900.0}, place_values[] = {7.0};
    static const struct threshold_values values[] = {
        {.name = {"by_mcc", 6},
         .has_overall = true,
         .overall = 50.0,
         .key_count = 1,
         .keys = shops,
         .values = shop_values,
         .group_count = 2},
        {.name = {"by_place", 8},
         .key_count = 2,
         .keys = places,
         .values = place_values,
         .group_count = 1},
        {.name = {"flat", 4}, .has_overall = true, .overall = 10.25},
    };
    static const struct name names[EXPRESSION_CASE_THRESHOLDS] = {
        {.text = {"thresholds.by_mcc", 17}, .key_count = 1, .keys = {"[mcc]", 5}, .fallback = 1.0},
        {.text = {"thresholds.by_place", 19},
         .key_count = 2,
         .keys = {"[country][mcc]", 14},
         .fallback = 3.0},
        {.text = {"thresholds.flat", 15}, .fallback = 4.0},
        {.text = {"thresholds.fresh", 16}, .key_count = 1, .keys = {"[mcc]", 5}, .fallback = 500.0},
    };
    const struct threshold_set set = {.thresholds = values, .threshold_count = 3};
    it->thresholds = thresholds_new(&set);
    it->scope.first_threshold = EXPRESSION_CASE_NAMES_MAX + 2;
    it->scope.threshold_used = it->threshold_used;
    for (size_t i = 0; i < EXPRESSION_CASE_THRESHOLDS; i++) {
        struct name name = names[i];
        name.canonical = name.text;
        name.kind = NAME_THRESHOLD;
        name.type = VALUE_DOUBLE;
        name.slot = it->scope.first_threshold + i;
        scope_add(&it->scope, name);
        it->frame[name.slot] = i < set.threshold_count
                                   ? thresholds_value(it->thresholds, values[i].name, 0)
                                   : value_absent();
    }
}

void expression_case_init(struct expression_case *it, const char *bindings) {
    memset(it, 0, sizeof *it);
    arena_init(&it->arena, 64u << 20);
    scope_init(&it->scope, &it->arena);
    it->scope.entities = it->entities;
    it->reporter.report = remember;
    add_lists(it);
    it->scope.zones = tzif_zone_table();
    it->scope.zone_used = it->zone_used;
    char *copy = text_copy(text_of(bindings)), *rest = copy, *one;
    while ((one = strsep(&rest, ";"))) {
        one += strspn(one, " ");
        if (*one)
            bind(it, one);
    }
    free(copy);
    static const char *const later[] = {"verdict", "outcome"};
    for (size_t i = 0; i < 2; i++) {
        size_t slot = EXPRESSION_CASE_NAMES_MAX + i;
        scope_add(&it->scope, (struct name){.text = text_of(later[i]),
                                            .canonical = text_of(later[i]),
                                            .kind = NAME_LATER,
                                            .type = VALUE_TEXT,
                                            .words = i ? WORDS_OUTCOME : WORDS_VERDICT,
                                            .slot = slot});
        it->frame[slot] = value_text(TEXT_LITERAL("none"));
    }
    add_thresholds(it);
}

void expression_case_deinit(struct expression_case *it) {
    thresholds_free(it->thresholds);
    scope_deinit(&it->scope);
    arena_deinit(&it->arena);
}

struct syntax *expression_case_check(struct expression_case *it, const char *source) {
    return expression_check(text_of(source), &it->scope, SCOPE_RULE, TYPE_ANY, &it->arena,
                            &it->reporter);
}

void expression_case_print(struct value v, type_code type, char *ret_string, size_t size) {
    char written[600];
    value_format(v, written, sizeof written);
    if (v.type == VALUE_ABSENT)
        snprintf(ret_string, size, "absent");
    else if (v.type == VALUE_ERROR)
        snprintf(ret_string, size, "error %s",
                 expression_error_name((enum expression_error)v.error_code));
    else
        snprintf(ret_string, size, "%s %s", type_code_name(type).string, written);
}
