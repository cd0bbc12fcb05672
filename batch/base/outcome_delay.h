/* Outcomes that wait for the time at which they became known, handed out in the order of those
 * times; of the same time, in the order in which they came. A heap in memory: it holds what is not
 * known yet at the place in history where its owner stands. Private to batch/. */
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
};

struct due {
    struct delayed_outcome *outcomes; /* a binary heap: each before its children */
    size_t count, capacity;
    uint64_t next_number;
};

void outcome_delay_init(struct due *due);
void outcome_delay_deinit(struct due *due);

void outcome_delay_add(struct due *due, struct text id, enum label label, int64_t time_us);
/* The next one up to this time, which is the caller's then: free(.id). false: there is none. */
bool outcome_delay_take(struct due *due, int64_t until_us, struct delayed_outcome *ret_outcome);
