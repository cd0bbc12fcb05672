/* States of a disk as text, for comparing what may happen with what does. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct state_set {
    char **states; /* sorted */
    size_t count, room;
};

/* Copies it. true: it was not in the set before. */
bool state_set_add(struct state_set *set, const char *state);
bool state_set_has(const struct state_set *set, const char *state);
void state_set_deinit(struct state_set *set);
