/* Outcomes that wait for the time at which they became known, handed out in the order of those
 * times; of the same time, in the order in which they came. A heap in memory: it holds what is not
 * known yet at the place in history where its owner stands */
#pragma once

#include "core/wire/types/decision.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct delayed_outcome {
    int64_t time_us;
    uint64_t number; /* in the order of coming */
    char *id;        /* of its transaction */
    enum label label;
    uint64_t line; /* as its owner gave it */
};

struct outcome_delay {
    struct delayed_outcome *outcomes; /* a binary heap: each before its children */
    size_t count, capacity;
    uint64_t next_number;
    uint64_t *withdrawn; /* a bit for each number, as far as one was withdrawn */
    size_t withdrawn_words, withdrawn_count;
};

void outcome_delay_init(struct outcome_delay *delay);
void outcome_delay_deinit(struct outcome_delay *delay);

/* Copies the id. Returns its number: they rise by one. */
uint64_t outcome_delay_add(struct outcome_delay *delay, struct text id, enum label label,
                           int64_t time_us, uint64_t line);
/* One that was added and has not been taken will not be, nor is it counted as waiting. Once only.
 */
void outcome_delay_withdraw(struct outcome_delay *delay, uint64_t number);
/* How many are still to be taken. */
size_t outcome_delay_waiting(const struct outcome_delay *delay);
/* The next one up to this time, which is the caller's then: free(.id). false: there is none. */
bool outcome_delay_take(struct outcome_delay *delay, int64_t until_us,
                        struct delayed_outcome *ret_outcome);
