#include "intern.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>

#define SLOTS_FIRST 256

void intern_deinit(struct intern *intern) {
    for (size_t i = 0; i < intern->count; i++)
        free((char *)(uintptr_t)intern->texts[i].data);
    free(intern->texts);
    free(intern->slots);
    *intern = (struct intern){0};
}

/* Where the text is, or the free slot where it belongs. */
static size_t slot_of(const struct intern *intern, struct text text) {
    size_t at = hash_text(text) & (intern->size - 1);
    while (intern->slots[at] != 0 && !text_equal(intern->texts[intern->slots[at] - 1], text))
        at = (at + 1) & (intern->size - 1);
    return at;
}

uint32_t intern_find(const struct intern *intern, struct text text) {
    if (intern->size == 0)
        return INTERN_NONE;
    uint32_t found = intern->slots[slot_of(intern, text)];
    return found != 0 ? found - 1 : INTERN_NONE;
}

/* At most half of the slots are used. */
static void grow(struct intern *intern) {
    intern->size = intern->size ? 2 * intern->size : SLOTS_FIRST;
    free(intern->slots);
    intern->slots = check_calloc(intern->size, sizeof *intern->slots);
    for (size_t i = 0; i < intern->count; i++)
        intern->slots[slot_of(intern, intern->texts[i])] = (uint32_t)i + 1;
}

uint32_t intern_add(struct intern *intern, struct text text) {
    if (2 * (intern->count + 1) > intern->size)
        grow(intern);
    if (intern->count == intern->room) {
        intern->room = intern->room ? 2 * intern->room : 64;
        intern->texts = check_reallocarray(intern->texts, intern->room, sizeof *intern->texts);
    }
    size_t at = slot_of(intern, text);
    intern->texts[intern->count] = (struct text){.data = text_copy(text), .length = text.length};
    intern->slots[at] = (uint32_t)++intern->count;
    return (uint32_t)intern->count - 1;
}
