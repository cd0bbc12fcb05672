/* A binary heap ordered by (time, number). Withdrawing marks a bit instead of removing the entry:
 * finding it in the heap would be a linear search, and few are ever withdrawn. The entry is dropped
 * when it reaches the top. */
#include "outcome_delay.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define BITS 64 /* of a word */

void outcome_delay_init(struct outcome_delay *delay) {
    *delay = (struct outcome_delay){0};
}

void outcome_delay_deinit(struct outcome_delay *delay) {
    for (size_t i = 0; i < delay->count; i++)
        free(delay->outcomes[i].id);
    free(delay->outcomes);
    free(delay->withdrawn);
    outcome_delay_init(delay);
}

static bool is_before(const struct delayed_outcome *a, const struct delayed_outcome *b) {
    return a->time_us != b->time_us ? a->time_us < b->time_us : a->number < b->number;
}

static uint64_t add(struct outcome_delay *delay, struct delayed_outcome outcome, struct text id) {
    if (delay->count == delay->capacity) {
        delay->capacity = delay->capacity ? 2 * delay->capacity : 256;
        delay->outcomes =
            check_reallocarray(delay->outcomes, delay->capacity, sizeof *delay->outcomes);
    }
    outcome.number = delay->next_number++;
    outcome.id = text_copy(id);
    size_t at = delay->count++;
    for (; at > 0 && is_before(&outcome, &delay->outcomes[(at - 1) / 2]); at = (at - 1) / 2)
        delay->outcomes[at] = delay->outcomes[(at - 1) / 2];
    delay->outcomes[at] = outcome;
    return outcome.number;
}

uint64_t outcome_delay_add(struct outcome_delay *delay, struct text id, enum label label,
                           int64_t time_us, uint64_t line) {
    return add(delay, (struct delayed_outcome){.time_us = time_us, .label = label, .line = line},
               id);
}

uint64_t outcome_delay_add_amendment(struct outcome_delay *delay, const struct amendment *amendment,
                                     int64_t time_us, uint64_t line) {
    return add(delay,
               (struct delayed_outcome){.time_us = time_us,
                                        .amendment = amendment->kind,
                                        .amount_minor = amendment->amount_minor,
                                        .line = line},
               amendment->transaction_id);
}

void outcome_delay_withdraw(struct outcome_delay *delay, uint64_t number) {
    size_t word = (size_t)(number / BITS);
    check(number < delay->next_number);
    if (word >= delay->withdrawn_words) {
        size_t words = 2 * word + 1;
        delay->withdrawn = check_reallocarray(delay->withdrawn, words, sizeof *delay->withdrawn);
        memset(delay->withdrawn + delay->withdrawn_words, 0,
               (words - delay->withdrawn_words) * sizeof *delay->withdrawn);
        delay->withdrawn_words = words;
    }
    delay->withdrawn[word] |= UINT64_C(1) << number % BITS;
    delay->withdrawn_count++;
}

size_t outcome_delay_waiting(const struct outcome_delay *delay) {
    return delay->count - delay->withdrawn_count;
}

static bool is_withdrawn(const struct outcome_delay *delay, uint64_t number) {
    size_t word = (size_t)(number / BITS);
    return word < delay->withdrawn_words && delay->withdrawn[word] >> number % BITS & 1;
}

/* Removes the top of the heap, which is not empty, and sifts the last entry down into its place. */
static struct delayed_outcome take_first(struct outcome_delay *delay) {
    struct delayed_outcome first = delay->outcomes[0];
    struct delayed_outcome last = delay->outcomes[--delay->count];
    for (size_t at = 0;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < delay->count &&
            is_before(&delay->outcomes[child + 1], &delay->outcomes[child]))
            child++;
        if (child >= delay->count || !is_before(&delay->outcomes[child], &last)) {
            delay->outcomes[at] = last;
            return first;
        }
        delay->outcomes[at] = delay->outcomes[child];
        at = child;
    }
}

bool outcome_delay_take(struct outcome_delay *delay, int64_t until_us,
                        struct delayed_outcome *ret_outcome) {
    while (delay->count > 0 && delay->outcomes[0].time_us <= until_us) {
        struct delayed_outcome first = take_first(delay);
        if (!is_withdrawn(delay, first.number)) {
            *ret_outcome = first;
            return true;
        }
        delay->withdrawn_count--;
        free(first.id);
    }
    return false;
}
