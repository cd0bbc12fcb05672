/* What a load program counts: which payment is next, how long each answer took, and when to stop.
 * The first tenth of the time (at most 300 ms) warms up and is not counted. Any thread. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct tally {
    uint64_t first, limit;
    int64_t begin_ns, count_from_ns;
    _Atomic int64_t end_ns;
    _Atomic uint64_t next;
    _Atomic size_t count;
    uint32_t *times; /* of answers, in units of 10 ns */
    size_t room;
};

int64_t tally_now_ns(void);

/* Payments from `first` on, at most `count` of them, for at most `seconds` (0: until all are
 * answered). */
void tally_begin(struct tally *tally, uint64_t first, uint64_t count, double seconds);

/* Nothing is asked or counted from now on. May be called by a signal handler. */
void tally_stop(struct tally *tally);

/* Takes up to `wanted` payments; 0: it is over. *ret_number is the first one. */
size_t tally_take(struct tally *tally, size_t wanted, uint64_t *ret_number);

/* `payments` were answered that were asked at `asked_ns`. */
void tally_answer(struct tally *tally, size_t payments, int64_t asked_ns, int64_t now_ns);

/* Prints "RATE P50_US P99_US ANSWERS NEXT": answers a second, and the first payment not asked
 * about. Ends the program with a message if there was no answer to count. */
void tally_print(struct tally *tally);
