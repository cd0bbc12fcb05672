/* A hash set with open addressing, filled once. */
#include "list.h"

#include "../base/check.h"
#include "../base/hash.h"
#include "list_fill.h"

struct list_entries {
    size_t mask;
    struct text *places; /* .data NULL: empty */
};

static struct text *place_of(const struct list_entries *entries, struct text value) {
    size_t at = (size_t)hash_text(value) & entries->mask;
    while (entries->places[at].data && !text_equal(entries->places[at], value))
        at = (at + 1) & entries->mask;
    return &entries->places[at];
}

void list_fill(struct list *list, const struct text *values, size_t count, struct arena *arena) {
    struct list_entries *entries = arena_alloc(arena, sizeof *entries);
    size_t size = 4;
    while (size < count * 2) /* at most half full */
        size *= 2;
    struct text *places = arena_calloc(arena, size, sizeof *places);
    check(entries && places);
    *entries = (struct list_entries){.mask = size - 1, .places = places};
    list->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct text *place = place_of(entries, values[i]);
        list->count += place->data == NULL;
        *place = values[i];
    }
    list->entries = entries;
}

bool list_has(const struct list *list, struct text value) {
    return place_of(list->entries, value)->data != NULL;
}
