#include "outcome_delay.h"

#include "core/base/check.h"

#include <stdlib.h>

void outcome_delay_init(struct outcome_delay *delay) {
    *delay = (struct outcome_delay){0};
}

void outcome_delay_deinit(struct outcome_delay *delay) {
    for (size_t i = 0; i < delay->count; i++)
        free(delay->outcomes[i].id);
    free(delay->outcomes);
    outcome_delay_init(delay);
}

static bool is_before(const struct delayed_outcome *a, const struct delayed_outcome *b) {
    return a->time_us != b->time_us ? a->time_us < b->time_us : a->number < b->number;
}

uint64_t outcome_delay_add(struct outcome_delay *delay, struct text id, enum label label,
                           int64_t time_us, uint64_t line) {
    if (delay->count == delay->capacity) {
        delay->capacity = delay->capacity ? 2 * delay->capacity : 256;
        delay->outcomes =
            check_reallocarray(delay->outcomes, delay->capacity, sizeof *delay->outcomes);
    }
    struct delayed_outcome outcome = {.time_us = time_us,
                                      .number = delay->next_number++,
                                      .id = text_copy(id),
                                      .label = label,
                                      .line = line};
    size_t at = delay->count++;
    for (; at > 0 && is_before(&outcome, &delay->outcomes[(at - 1) / 2]); at = (at - 1) / 2)
        delay->outcomes[at] = delay->outcomes[(at - 1) / 2];
    delay->outcomes[at] = outcome;
    return outcome.number;
}

bool outcome_delay_take(struct outcome_delay *delay, int64_t until_us,
                        struct delayed_outcome *ret_outcome) {
    if (delay->count == 0 || delay->outcomes[0].time_us > until_us)
        return false;
    *ret_outcome = delay->outcomes[0];
    struct delayed_outcome last = delay->outcomes[--delay->count];
    for (size_t at = 0;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < delay->count &&
            is_before(&delay->outcomes[child + 1], &delay->outcomes[child]))
            child++;
        if (child >= delay->count || !is_before(&delay->outcomes[child], &last)) {
            delay->outcomes[at] = last;
            return true;
        }
        delay->outcomes[at] = delay->outcomes[child];
        at = child;
    }
}
