/* A priority queue of outcomes and amendments that are not known yet: each is released when history
 * reaches the time at which it became known. Released in the order of those times, equal times in
 * the order in which they were added. All of it is in memory. Not thread-safe. */
#pragma once

#include "core/wire/types/amendment.h"
#include "core/wire/types/decision.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct delayed_outcome {
    int64_t time_us;               /* when it became known */
    uint64_t number;               /* rising in the order of outcome_delay_add() */
    char *id;                      /* of its transaction; heap memory */
    enum label label;              /* of an outcome */
    enum amendment_kind amendment; /* AMENDMENT_NONE: it is an outcome */
    int64_t amount_minor;          /* of an amendment */
    uint64_t line;                 /* the caller's, unchanged: the line of its file, for messages */
};

struct outcome_delay {
    struct delayed_outcome *outcomes; /* a binary heap: each before its children */
    size_t count, capacity;
    uint64_t next_number;
    uint64_t *withdrawn; /* a bit for each number, up to the greatest one withdrawn */
    size_t withdrawn_words, withdrawn_count;
};

void outcome_delay_init(struct outcome_delay *delay);
void outcome_delay_deinit(struct outcome_delay *delay);

/* Copies the id. Returns its number: they rise by one. */
uint64_t outcome_delay_add(struct outcome_delay *delay, struct text id, enum label label,
                           int64_t time_us, uint64_t line);
uint64_t outcome_delay_add_amendment(struct outcome_delay *delay, const struct amendment *amendment,
                                     int64_t time_us, uint64_t line);
/* Cancels an outcome that was added and not yet taken: it is neither released nor counted as
 * waiting. At most once for each number. */
void outcome_delay_withdraw(struct outcome_delay *delay, uint64_t number);
/* How many outcomes are still to be released. */
size_t outcome_delay_waiting(const struct outcome_delay *delay);
/* Takes the earliest outcome known at or before until_us; the caller owns it and frees .id. false:
 * there is none. */
bool outcome_delay_take(struct outcome_delay *delay, int64_t until_us,
                        struct delayed_outcome *ret_outcome);
