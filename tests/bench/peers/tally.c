/* The counters of tally.h, with one array for all latencies of a run. Beyond TIMES_MAX answers the
 * rate still counts all of them, but the percentiles are those of the first. */
#include "tally.h"

#include "core/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* 64 MiB of latencies at most. */
#define TIMES_MAX   (1 << 24)
#define WARM_NS_MAX INT64_C(300000000)

int64_t tally_now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void tally_begin(struct tally *tally, uint64_t first, uint64_t count, double seconds) {
    int64_t whole_ns = (int64_t)(seconds * 1e9), warm_ns = whole_ns / 10;
    tally->first = first;
    tally->limit = first + count;
    tally->next = first;
    tally->count = 0;
    tally->room = count < TIMES_MAX ? count : TIMES_MAX;
    tally->times = check_calloc(tally->room, sizeof *tally->times);
    tally->begin_ns = tally_now_ns();
    tally->count_from_ns = tally->begin_ns + (warm_ns < WARM_NS_MAX ? warm_ns : WARM_NS_MAX);
    tally->end_ns = whole_ns > 0 ? tally->begin_ns + whole_ns : INT64_MAX;
}

void tally_stop(struct tally *tally) {
    atomic_store(&tally->end_ns, tally_now_ns());
}

/* `next` may pass `limit`; tally_print() caps it. */
size_t tally_take(struct tally *tally, size_t wanted, uint64_t *ret_number) {
    if (tally_now_ns() >= tally->end_ns)
        return 0;
    uint64_t number = atomic_fetch_add(&tally->next, wanted);
    *ret_number = number;
    if (number >= tally->limit)
        return 0;
    return tally->limit - number < wanted ? (size_t)(tally->limit - number) : wanted;
}

/* All payments of a message have the message's latency. */
void tally_answer(struct tally *tally, size_t payments, int64_t asked_ns, int64_t now_ns) {
    if (now_ns < tally->count_from_ns || now_ns >= tally->end_ns)
        return;
    size_t at = atomic_fetch_add(&tally->count, payments);
    for (size_t i = at; i < at + payments && i < tally->room; i++)
        tally->times[i] = (uint32_t)((now_ns - asked_ns) / 10);
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void tally_print(struct tally *tally) {
    int64_t now_ns = tally_now_ns();
    int64_t until_ns = now_ns < tally->end_ns ? now_ns : tally->end_ns;
    size_t count = tally->count, kept = count < tally->room ? count : tally->room;
    uint64_t next = tally->next < tally->limit ? tally->next : tally->limit;
    if (count == 0) {
        fprintf(stderr, "no answers within the time\n");
        exit(1);
    }
    qsort(tally->times, kept, sizeof *tally->times, compare);
    printf("%.1f %.2f %.2f %zu %" PRIu64 " %.2f\n",
           (double)count * 1e9 / (double)(until_ns - tally->count_from_ns),
           tally->times[(kept - 1) / 2] / 100.0, tally->times[(kept - 1) * 99 / 100] / 100.0, count,
           next, tally->times[(kept - 1) * 999 / 1000] / 100.0);
    free(tally->times);
}
