#include "names.h"

#include "core/base/check.h"
#include "core/policy/eval/expression.h"
#include "core/policy/lang/calendar.h"
#include "core/policy/lists/list_fill.h"
#include "tests/unit/policy/tzif.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ITEMS_MAX 3 /* in a list or map of the frame */

static const struct name all_names[] = {
    {.text = TEXT_LITERAL("amount"), .kind = NAME_FIELD, .type = VALUE_DOUBLE},
    {.text = TEXT_LITERAL("amount_minor"), .kind = NAME_FIELD, .type = VALUE_INT},
    {.text = TEXT_LITERAL("items"), .kind = NAME_FIELD, .type = VALUE_INT},
    {.text = TEXT_LITERAL("event_time"), .kind = NAME_FIELD, .type = VALUE_TIMESTAMP},
    {.text = TEXT_LITERAL("card"), .kind = NAME_FIELD, .type = VALUE_TEXT},
    {.text = TEXT_LITERAL("email"), .kind = NAME_FIELD, .type = VALUE_TEXT},
    {.text = TEXT_LITERAL("online"), .kind = NAME_FIELD, .type = VALUE_BOOL},
    {.text = TEXT_LITERAL("country"),
     .kind = NAME_FIELD,
     .type = VALUE_TEXT,
     .words = WORDS_COUNTRY},
    {.text = TEXT_LITERAL("currency"),
     .kind = NAME_FIELD,
     .type = VALUE_TEXT,
     .words = WORDS_CURRENCY},
    {.text = TEXT_LITERAL("mcc"), .kind = NAME_FIELD, .type = VALUE_TEXT, .words = WORDS_MCC},
    {.text = TEXT_LITERAL("verdict"),
     .kind = NAME_LATER,
     .type = VALUE_TEXT,
     .words = WORDS_VERDICT},
    {.text = TEXT_LITERAL("outcome"),
     .kind = NAME_LATER,
     .type = VALUE_TEXT,
     .words = WORDS_OUTCOME},
    {.text = TEXT_LITERAL("card.count_10m"), .kind = NAME_FEATURE, .type = VALUE_INT},
    {.text = TEXT_LITERAL("card.mean_30d"), .kind = NAME_FEATURE, .type = VALUE_DOUBLE},
    {.text = TEXT_LITERAL("card.last_country"), .kind = NAME_FEATURE, .type = VALUE_TEXT},
    {.text = TEXT_LITERAL("card.is_new"), .kind = NAME_FEATURE, .type = VALUE_BOOL},
    {.text = TEXT_LITERAL("card.opened"), .kind = NAME_FEATURE, .type = VALUE_TIMESTAMP},
    {.text = TEXT_LITERAL("is_night"), .kind = NAME_VALUE, .type = VALUE_BOOL},
    {.text = TEXT_LITERAL("age"), .kind = NAME_VALUE, .type = VALUE_DURATION},
    {.text = TEXT_LITERAL("broken"), .kind = NAME_VALUE, .type = VALUE_ERROR},
    {.text = TEXT_LITERAL("tags"),
     .kind = NAME_VALUE,
     .type = TYPE_LIST_OF(VALUE_TEXT),
     .items_max = ITEMS_MAX},
    {.text = TEXT_LITERAL("counts"),
     .kind = NAME_VALUE,
     .type = TYPE_MAP_OF(VALUE_TEXT, VALUE_INT),
     .items_max = ITEMS_MAX},
};

static struct arena arena;
static struct scope scope;
static struct list lists[2];
static bool list_used[2], zone_used[TZIF_ZONES];
static struct text entities[] = {TEXT_LITERAL("card")};
static struct text announced[] = {TEXT_LITERAL("later")};

const struct scope *names_start(void) {
    static const struct text transit[] = {TEXT_LITERAL("4111"), TEXT_LITERAL("4112"),
                                          TEXT_LITERAL("DE")};
    arena_init(&arena, (size_t)1 << 20);
    scope_init(&scope, &arena);
    for (size_t i = 0; i < sizeof all_names / sizeof *all_names; i++) {
        struct name name = all_names[i];
        name.slot = i;
        name.canonical = name.text;
        check(i < NAMES_SLOTS && scope_add(&scope, name));
    }
    lists[0].name = TEXT_LITERAL("transit");
    lists[1].name = TEXT_LITERAL("empty");
    list_fill_texts(&lists[0], transit, 3, &arena);
    list_fill_texts(&lists[1], NULL, 0, &arena);
    scope.lists = lists;
    scope.list_count = 2;
    scope.list_used = list_used;
    scope.entities = entities;
    scope.entity_count = 1;
    scope.announced = announced;
    scope.announced_count = 1;
    scope.zones = tzif_zone_table();
    scope.zone_used = zone_used;
    return &scope;
}

/* Frames. */

static struct text make_text(struct cursor *cursor, uint8_t byte) {
    static const struct text words[] = {
        TEXT_LITERAL(""),      TEXT_LITERAL("DE"),     TEXT_LITERAL("4111"),
        TEXT_LITERAL("EUR"),   TEXT_LITERAL("1h5m"),   TEXT_LITERAL("-17"),
        TEXT_LITERAL("1e308"), TEXT_LITERAL("Café 𝄞"), TEXT_LITERAL("Europe/Berlin"),
    };
    if (byte < 0x40)
        return words[byte % (sizeof words / sizeof *words)];
    size_t length = byte & 0x3f;
    struct text text = cursor_text(cursor, length < cursor_left(cursor) ? length : 0);
    return text_is_clean(text, NULL) ? text : words[0];
}

/* Small values, limits of the range, or any value within it. */
static int64_t make_integer(struct cursor *cursor, uint8_t byte, int64_t least, int64_t most) {
    const int64_t specials[] = {least, most, least + 1, most - 1};
    if (byte < 0x80)
        return byte - 0x40;
    if (byte < 0xc0)
        return specials[byte & 3];
    int64_t any = (int64_t)cursor_u64(cursor);
    return any < least ? least : any > most ? most : any;
}

static double make_double(struct cursor *cursor, uint8_t byte) {
    static const double specials[] = {0.0,      -0.0,      0.1,     1e308,
                                      -1e308,   0x1p63,    -0x1p63, 5e-324,
                                      INFINITY, -INFINITY, NAN,     9007199254740993.0};
    if (byte < 0x80)
        return (byte - 0x40) / 4.0;
    if (byte < 0xc0)
        return specials[byte % (sizeof specials / sizeof *specials)];
    uint64_t bits = cursor_u64(cursor);
    double any;
    memcpy(&any, &bits, sizeof any);
    return any;
}

/* The first items of a fixed list of texts, or of a fixed map. Static, so they need no arena. */
static struct value make_items(enum value_type type, uint8_t byte) {
    static struct items {
        size_t count;
        struct value values[2 * ITEMS_MAX];
    } made[2][ITEMS_MAX + 1];
    static const struct text texts[ITEMS_MAX] = {TEXT_LITERAL("DE"), TEXT_LITERAL("a"),
                                                 TEXT_LITERAL("")};
    bool map = type == VALUE_MAP;
    size_t count = byte % (ITEMS_MAX + 1);
    struct items *items = &made[map][count];
    items->count = 0;
    for (size_t i = 0; i < count; i++) {
        items->values[items->count++] = value_text(texts[i]);
        if (map)
            items->values[items->count++] = value_int((int64_t)i - 1);
    }
    return (struct value){.type = type, .items = (const struct value_items *)items};
}

static struct value make_value(struct cursor *cursor, enum value_type type) {
    uint8_t byte = cursor_u8(cursor);
    if (byte == 1)
        return value_absent();
    if (byte == 2)
        return (struct value){.type = VALUE_ERROR,
                              .error_code = 1 + cursor_u8(cursor) % (EXPRESSION_ERROR_COUNT - 1)};
    switch (type) {
    case VALUE_BOOL:
        return value_bool(byte & 4);
    case VALUE_INT:
        return value_int(make_integer(cursor, byte, INT64_MIN, INT64_MAX));
    case VALUE_DOUBLE:
        return value_double(make_double(cursor, byte));
    case VALUE_TEXT:
        return value_text(make_text(cursor, byte));
    case VALUE_TIMESTAMP:
        return value_timestamp(make_integer(cursor, byte, CALENDAR_MIN_US, CALENDAR_MAX_US));
    case VALUE_DURATION:
        return value_duration(
            make_integer(cursor, byte, -CALENDAR_DURATION_MAX_US, CALENDAR_DURATION_MAX_US));
    case VALUE_LIST:
    case VALUE_MAP:
        return make_items(type, byte);
    case VALUE_ABSENT:
    case VALUE_ERROR:
        break;
    }
    return value_absent();
}

void names_make_frame(struct cursor *cursor, struct value *ret_frame) {
    for (size_t i = 0; i < NAMES_SLOTS; i++)
        ret_frame[i] = i < scope.name_count ? make_value(cursor, type_kind(scope.names[i]->type))
                                            : value_absent();
}

/* Seeds. */

static void add_file(struct seeds *seeds, const char *path, const struct buffer *prefix,
                     bool (*accept)(const uint8_t *bytes, size_t size)) {
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0;
    struct buffer seed;
    property(file, "cannot open %s", path);
    buffer_init(&seed);
    while (getline(&line, &capacity, file) > 0) {
        size_t length = strcspn(line, "\t\n");
        if (length == 0 || line[0] == '#')
            continue;
        buffer_clear(&seed);
        buffer_append(&seed, prefix->bytes, prefix->length);
        buffer_append(&seed, line, length);
        if (accept(seed.bytes, seed.length))
            seeds->add(seeds, seed.bytes, seed.length);
    }
    buffer_deinit(&seed);
    free(line);
    fclose(file);
}

void names_add_cases(struct seeds *seeds, const char *root, const void *prefix, size_t prefix_size,
                     bool (*accept)(const uint8_t *bytes, size_t size)) {
    char folder[4096];
    struct dirent **entries;
    struct buffer copy;
    snprintf(folder, sizeof folder, "%s/tests/cases/expressions", root);
    int count = scandir(folder, &entries, NULL, alphasort);
    property(count > 0, "cannot list %s", folder);
    buffer_init(&copy);
    buffer_append(&copy, prefix, prefix_size);
    for (int i = 0; i < count; i++) {
        char path[4096 + 256];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (strstr(entries[i]->d_name, ".tsv"))
            add_file(seeds, path, &copy, accept);
        free(entries[i]);
    }
    buffer_deinit(&copy);
    free(entries);
}
