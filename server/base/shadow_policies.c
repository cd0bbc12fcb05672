/* Small sets, searched linearly. */
#include "shadow_policies.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

void shadow_folders_set(struct shadow_folders *folders, const char *const *paths, size_t count) {
    shadow_folders_deinit(folders);
    folders->paths = check_calloc(count, sizeof(*folders->paths));
    for (size_t i = 0; i < count; i++)
        folders->paths[i] = text_copy(text_of(paths[i]));
    folders->count = count;
}

void shadow_folders_deinit(struct shadow_folders *folders) {
    for (size_t i = 0; i < folders->count; i++)
        free(folders->paths[i]);
    free(folders->paths);
    *folders = (struct shadow_folders){0};
}

void shadow_policies_deinit(struct shadow_policies *set) {
    for (size_t i = 0; i < set->count; i++) {
        free(set->of[i].path);
        snapshot_unref(set->of[i].snapshot);
    }
    *set = (struct shadow_policies){0};
}

const struct shadow *shadow_policies_find_path(const struct shadow_policies *set,
                                               const char *path) {
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->of[i].path, path) == 0)
            return &set->of[i];
    return NULL;
}

size_t shadow_policies_find_id(const struct shadow_policies *set, uint64_t id) {
    size_t i = 0;
    while (i < set->count && set->of[i].snapshot->id != id)
        i++;
    return i;
}

void shadow_policies_add(struct shadow_policies *set, const char *path, struct snapshot *snapshot) {
    check(set->count < ENGINE_SHADOWS_MAX);
    set->of[set->count++] =
        (struct shadow){.path = text_copy(text_of(path)), .snapshot = snapshot_ref(snapshot)};
}

void shadow_policies_keep_counts(struct shadow_policies *to, const struct shadow_policies *from) {
    for (size_t i = 0; i < to->count; i++) {
        size_t before = shadow_policies_find_id(from, to->of[i].snapshot->id);
        if (before < from->count)
            to->of[i].counts = from->of[before].counts;
    }
}
