/* Names by their text: an array in the order of declaration and a hash index into it, open
 * addressing at most half full. Names are never removed, so a lookup ends at the first empty place.
 */
#include "scope.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>

void scope_init(struct scope *scope, struct arena *arena) {
    *scope = (struct scope){.arena = arena};
}

void scope_deinit(struct scope *scope) {
    free(scope->names);
    free(scope->index);
}

/* The place of a name in the index: its own or the empty one where it belongs. */
static size_t index_place(const struct scope *scope, struct text text) {
    size_t mask = scope->index_size - 1, at = (size_t)hash_text(text) & mask;
    while (scope->index[at] != 0 && !text_equal(scope->names[scope->index[at] - 1]->text, text))
        at = (at + 1) & mask;
    return at;
}

/* The index holds positions in names[], so growing it only hashes the texts again. */
static void grow(struct scope *scope) {
    size_t capacity = scope->name_capacity ? scope->name_capacity * 2 : 64;
    scope->names = check_reallocarray(scope->names, capacity, sizeof(struct name *));
    scope->name_capacity = capacity;
    free(scope->index);
    scope->index_size = capacity * 2;
    scope->index = check_calloc(scope->index_size, sizeof *scope->index);
    for (size_t i = 0; i < scope->name_count; i++)
        scope->index[index_place(scope, scope->names[i]->text)] = (uint32_t)(i + 1);
}

struct name *scope_add(struct scope *scope, struct name name) {
    if (scope->name_count == scope->name_capacity)
        grow(scope);
    size_t place = index_place(scope, name.text);
    if (scope->index[place] != 0)
        return NULL;
    struct name *added = arena_alloc(scope->arena, sizeof *added);
    check(added);
    *added = name;
    scope->names[scope->name_count++] = added;
    scope->index[place] = (uint32_t)scope->name_count;
    return added;
}

const struct name *scope_find(const struct scope *scope, struct text text) {
    if (scope->index_size == 0)
        return NULL;
    size_t place = index_place(scope, text);
    return scope->index[place] ? scope->names[scope->index[place] - 1] : NULL;
}

struct name *scope_change(struct scope *scope, struct text text) {
    size_t place = index_place(scope, text);
    check(scope->index[place] != 0);
    return scope->names[scope->index[place] - 1];
}

bool scope_has_entity(const struct scope *scope, struct text entity) {
    for (size_t i = 0; i < scope->entity_count; i++)
        if (text_equal(scope->entities[i], entity))
            return true;
    return false;
}
