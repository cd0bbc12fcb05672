#include "found_groups.h"

#include "threshold_value.h"

#include "core/base/check.h"

#include <stdlib.h>

#define GROUP_OVERHEAD 64u /* estimated bytes of a group beside its key */

int found_groups_add(struct found_groups *found, const struct threshold *threshold,
                     struct found_group group, size_t memory_bytes, size_t *bytes,
                     struct arena *arena, struct error *ret_error) {
    *bytes += group.key.length + GROUP_OVERHEAD;
    if (*bytes > memory_bytes / 4)
        return threshold_too_many_groups(threshold, memory_bytes, ret_error);
    if (found->count == found->capacity) {
        found->capacity = found->capacity ? 2 * found->capacity : 64;
        found->groups = check_reallocarray(found->groups, found->capacity, sizeof *found->groups);
    }
    group.key = arena_text(arena, group.key);
    check(group.key.data);
    found->groups[found->count++] = group;
    return 0;
}

static int compare_found(const void *left, const void *right) {
    const struct found_group *a = left, *b = right;
    return text_compare(a->key, b->key);
}

void found_groups_use(struct found_groups *found, struct arena *arena,
                      struct threshold_values *ret_values) {
    struct text *keys = arena_calloc(arena, found->count, sizeof *keys);
    double *numbers = arena_calloc(arena, found->count, sizeof *numbers);
    check(keys && numbers);
    if (found->count > 0)
        qsort(found->groups, found->count, sizeof *found->groups, compare_found);
    for (size_t i = 0; i < found->count; i++) {
        keys[i] = found->groups[i].key;
        numbers[i] = found->groups[i].value;
    }
    ret_values->keys = keys;
    ret_values->values = numbers;
    ret_values->group_count = found->count;
}
