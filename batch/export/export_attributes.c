/* A sorted array: there are a few dozen names, and a new one is rare. */
#include "export_attributes.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

void export_attributes_init(struct export_attributes *set) {
    *set = (struct export_attributes){0};
}

void export_attributes_deinit(struct export_attributes *set) {
    for (size_t i = 0; i < set->count; i++)
        free((char *)set->attributes[i].name.data);
    free(set->attributes);
}

/* Where the name is, or would be. */
static size_t place_of(const struct export_attributes *set, struct text name, bool *ret_found) {
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = text_compare(set->attributes[middle].name, name);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = false;
    return low;
}

size_t export_attributes_find(const struct export_attributes *set, struct text name) {
    bool found;
    size_t place = place_of(set, name, &found);
    return found ? place : SIZE_MAX;
}

static int insert(struct export_attributes *set, size_t place, struct text name,
                  struct error *ret_error) {
    if (set->count == EXPORT_ATTRIBUTES_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "the transactions have more than %d different attributes",
                         EXPORT_ATTRIBUTES_MAX);
    if (set->count == set->capacity) {
        set->capacity = set->capacity ? 2 * set->capacity : 32;
        set->attributes =
            check_reallocarray(set->attributes, set->capacity, sizeof *set->attributes);
    }
    memmove(set->attributes + place + 1, set->attributes + place,
            (set->count - place) * sizeof *set->attributes);
    set->attributes[place] = (struct export_attribute){
        .name = {.data = text_copy(name), .length = name.length},
    };
    set->count++;
    return 0;
}

int export_attributes_add(struct export_attributes *set, const struct transaction *transaction,
                          struct error *ret_error) {
    for (size_t i = 0; i < transaction->attribute_count; i++) {
        const struct attribute *attribute = &transaction->attributes[i];
        bool found;
        size_t place = place_of(set, attribute->name, &found);
        int r = found ? 0 : insert(set, place, attribute->name, ret_error);
        if (r < 0)
            return r;
        set->attributes[place].types |= 1u << attribute->type;
    }
    return 0;
}
