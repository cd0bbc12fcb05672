#include "outcome_delay.h"

#include "core/base/check.h"

#include <stdlib.h>

void outcome_delay_init(struct due *due) {
    *due = (struct due){0};
}

void outcome_delay_deinit(struct due *due) {
    for (size_t i = 0; i < due->count; i++)
        free(due->outcomes[i].id);
    free(due->outcomes);
    outcome_delay_init(due);
}

static bool is_before(const struct delayed_outcome *a, const struct delayed_outcome *b) {
    return a->time_us != b->time_us ? a->time_us < b->time_us : a->number < b->number;
}

void outcome_delay_add(struct due *due, struct text id, enum label label, int64_t time_us) {
    if (due->count == due->capacity) {
        due->capacity = due->capacity ? 2 * due->capacity : 256;
        due->outcomes = check_reallocarray(due->outcomes, due->capacity, sizeof *due->outcomes);
    }
    struct delayed_outcome outcome = {
        .time_us = time_us, .number = due->next_number++, .id = text_copy(id), .label = label};
    size_t at = due->count++;
    for (; at > 0 && is_before(&outcome, &due->outcomes[(at - 1) / 2]); at = (at - 1) / 2)
        due->outcomes[at] = due->outcomes[(at - 1) / 2];
    due->outcomes[at] = outcome;
}

bool outcome_delay_take(struct due *due, int64_t until_us, struct delayed_outcome *ret_outcome) {
    if (due->count == 0 || due->outcomes[0].time_us > until_us)
        return false;
    *ret_outcome = due->outcomes[0];
    struct delayed_outcome last = due->outcomes[--due->count];
    for (size_t at = 0;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < due->count && is_before(&due->outcomes[child + 1], &due->outcomes[child]))
            child++;
        if (child >= due->count || !is_before(&due->outcomes[child], &last)) {
            due->outcomes[at] = last;
            return true;
        }
        due->outcomes[at] = due->outcomes[child];
        at = child;
    }
}
