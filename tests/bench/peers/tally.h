/* The counters of a load program: the next payment, the time of each answer, and when to stop. The
 * first tenth of the time (at most 300 ms) is a warm-up and not counted. Thread-safe. */
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
    uint32_t *times; /* latencies of answers, in units of 10 ns */
    size_t room;
};

int64_t tally_now_ns(void);

/* Starts counting: `count` payments at most, from `first` on, for at most `seconds` (0: until all
 * are answered). */
void tally_begin(struct tally *tally, uint64_t first, uint64_t count, double seconds);

/* Stops requests and counting. May be called by a signal handler. */
void tally_stop(struct tally *tally);

/* Reserves up to `wanted` payments from *ret_number on. Returns how many; 0: the run is over. */
size_t tally_take(struct tally *tally, size_t wanted, uint64_t *ret_number);

/* Counts the answer to `payments` payments that were sent at `asked_ns`. */
void tally_answer(struct tally *tally, size_t payments, int64_t asked_ns, int64_t now_ns);

/* Prints "RATE P50_US P99_US ANSWERS NEXT P999_US": RATE in answers a second, NEXT is the first
 * payment that was not sent. Ends the program with a message if no answer was counted. */
void tally_print(struct tally *tally);
