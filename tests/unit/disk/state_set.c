#include "state_set.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

/* Where it is, or where it would be put. */
static size_t place(const struct state_set *set, const char *state, bool *ret_found) {
    size_t from = 0, to = set->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = strcmp(set->states[middle], state);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    *ret_found = false;
    return from;
}

bool state_set_add(struct state_set *set, const char *state) {
    bool is_there;
    size_t at = place(set, state, &is_there);
    if (is_there)
        return false;
    if (set->count == set->room) {
        set->room = set->room ? set->room * 2 : 64;
        set->states = check_reallocarray(set->states, set->room, sizeof *set->states);
    }
    memmove(set->states + at + 1, set->states + at, (set->count - at) * sizeof *set->states);
    size_t length = strlen(state);
    set->states[at] = check_malloc(length + 1);
    memcpy(set->states[at], state, length + 1);
    set->count++;
    return true;
}

bool state_set_has(const struct state_set *set, const char *state) {
    bool is_there;
    place(set, state, &is_there);
    return is_there;
}

void state_set_deinit(struct state_set *set) {
    for (size_t i = 0; i < set->count; i++)
        free(set->states[i]);
    free(set->states);
    *set = (struct state_set){0};
}
