/* Reading and updating four of many states, beside a plain table: `speed` and `growth` of state.c.
 */
#include "state_parts.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/heap.h"
#include "core/base/pages.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_WORDS 32 /* 256 bytes */

struct plain_record {
    uint64_t words[RECORD_WORDS]; /* [0]: the key; 0: an empty slot */
};

/* The reference: reads and writes four records, without any features. */
static uint64_t touch_records(struct plain_record *records, size_t mask, const uint32_t *keys) {
    uint64_t sum = 0;
    for (int i = 0; i < 4; i++) {
        uint64_t key = keys[i] + UINT64_C(1);
        size_t at = (size_t)hash64(&key, sizeof key, 0) & mask;
        while (records[at].words[0] != key && records[at].words[0] != 0)
            at = (at + 1) & mask;
        records[at].words[0] = key;
        for (int w = 1; w < RECORD_WORDS; w++)
            sum += records[at].words[w]++;
    }
    return sum;
}

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Zeroed memory that begins at a cache line. */
static void *lines_calloc(size_t count, size_t size) {
    void *memory = aligned_alloc(64, (count * size + 63) / 64 * 64);
    check(memory);
    return memset(memory, 0, count * size);
}

/* The memory of states and records. In huge pages: states in extents of a heap and their bytes in
 * other blocks of it, as in core/store/overlay/state_table.c. Else allocated by malloc(). */
#define STATES_PER_EXTENT ((HEAP_EXTENT_SIZE - HEAP_HEAD_SIZE) / sizeof(struct state))

struct storage {
    bool is_huge;
    struct pages pages;
    struct heap heap;
    struct state **extents; /* [i / STATES_PER_EXTENT][i % STATES_PER_EXTENT] */
    size_t entities;
};

static struct state *storage_state(const struct storage *storage, size_t i) {
    return &storage->extents[i / STATES_PER_EXTENT][i % STATES_PER_EXTENT];
}

static void storage_init(struct storage *storage, bool is_huge, size_t entities) {
    *storage = (struct storage){.is_huge = is_huge, .entities = entities};
    pages_init(&storage->pages, 0);
    heap_init(&storage->heap, &storage->pages.source);
    size_t count = (entities + STATES_PER_EXTENT - 1) / STATES_PER_EXTENT;
    storage->extents = check_malloc(count * sizeof *storage->extents);
    struct state *all = is_huge ? NULL : lines_calloc(count * STATES_PER_EXTENT, sizeof *all);
    for (size_t i = 0; i < count; i++)
        storage->extents[i] =
            is_huge ? (void *)((uint8_t *)heap_extent(&storage->heap) + HEAP_HEAD_SIZE)
                    : all + i * STATES_PER_EXTENT;
    for (size_t i = 0; i < entities; i++) {
        struct state *state = storage_state(storage, i);
        state_init(state);
        state->is_in_heap = is_huge;
    }
}

/* `count`, a power of two, empty records. */
static struct plain_record *storage_records(struct storage *storage, size_t count) {
    if (!storage->is_huge)
        return lines_calloc(count, sizeof(struct plain_record));
    size_t size = count * sizeof(struct plain_record);
    return memset(pages_map(size), 0, size);
}

/* records: NULL, or `count` of them. */
static void storage_deinit(struct storage *storage, struct plain_record *records, size_t count) {
    for (size_t i = 0; i < storage->entities; i++)
        state_deinit(storage_state(storage, i));
    if (!storage->is_huge)
        free(storage->extents[0]);
    if (!storage->is_huge || !records)
        free(records);
    else
        pages_unmap(records, count * sizeof *records);
    free(storage->extents);
    pages_deinit(&storage->pages);
}

/* Times of one kind. print_speed() sorts them and sets the median. */
struct times {
    int64_t *ns;
    size_t count;
    int64_t median_ns;
};

struct speed {
    struct storage storage;
    struct plain_record *records;
    size_t mask;
    struct plan plan;
    struct entity_plan entity;
    struct state_scratch *scratch;
    struct times alone, next_known, plain;
    uint64_t sum; /* printed, so that the compiler cannot remove the work */
};

/* One transaction's four entities. */
struct four {
    const uint32_t *keys;
    struct state *states[4]; /* of the keys; set by prefetch step 0 */
    struct entry entry;
};

static void fetch_four(const struct speed *speed, struct four *four, int step) {
    for (int j = 0; j < 4; j++) {
        if (step == 0)
            four->states[j] = storage_state(&speed->storage, four->keys[j]);
        state_prefetch(four->states[j], &speed->entity, four->entry.time_us, &four->entry, step);
    }
}

/* is_fetched: the previous call prefetched this transaction. next: the transaction to prefetch
 * meanwhile, one step before each entity; NULL if it is not known. */
static void read_and_change(struct speed *speed, struct four *four, bool is_fetched,
                            struct four *next) {
    static struct value values[PLAN_FEATURES_MAX];
    const struct entity_plan *entity = &speed->entity;
    const struct entry *entry = &four->entry;
    for (int step = 0; !is_fetched && step < STATE_PREFETCH_STEPS; step++)
        fetch_four(speed, four, step);
    for (int j = 0; j < 4; j++) {
        struct state *state = four->states[j];
        if (next && j < STATE_PREFETCH_STEPS)
            fetch_four(speed, next, j);
        state_evaluate(state, entity, speed->plan.lateness_us, entry->time_us, entry,
                       speed->scratch, values);
        state_apply(state, entity, speed->plan.lateness_us, entry);
        speed->sum += (uint64_t)values[0].integer;
    }
}
_Static_assert(STATE_PREFETCH_STEPS < 4, "all steps come before the last entity");

static void print_speed(const struct speed *speed, const char *name, struct times *times) {
    double mean = 0;
    for (size_t i = 0; i < times->count; i++)
        mean += (double)times->ns[i] / (double)times->count;
    qsort(times->ns, times->count, sizeof *times->ns, by_number);
    times->median_ns = times->ns[times->count / 2];
    printf("  %-28s median %" PRId64 " ns, mean %.0f ns, 99 %% %" PRId64 " ns (%" PRIx64 ")\n",
           name, times->median_ns, mean, times->ns[times->count / 100 * 99], speed->sum & 0xff);
}

static void print_speed_sizes(const struct speed *speed) {
    uint64_t bytes = 0, memory = 0;
    for (size_t i = 0; i < speed->storage.entities; i++) {
        const struct state *state = storage_state(&speed->storage, i);
        bytes += encoded_length(&speed->entity, state);
        memory += sizeof *state + state_memory(state);
    }
    double count = (double)speed->storage.entities;
    printf("  %.0f bytes per entity encoded, %.1f per feature; %.0f in memory\n",
           (double)bytes / count, (double)bytes / count / (double)speed->entity.feature_count,
           (double)memory / count);
}

/* In reality the four entities are of different kinds, so none occurs twice in a transaction. */
static void make_different(uint32_t *keys, size_t count) {
    for (size_t i = 1; i < 4; i++)
        for (size_t j = 0; j < i;)
            if (keys[i] == keys[j]) {
                keys[i] = (uint32_t)((keys[i] + 1) % count);
                j = 0;
            } else {
                j++;
            }
}

static void times_init(struct times *times, size_t most) {
    *times = (struct times){.ns = check_malloc(most * sizeof *times->ns)};
}

static void print_figure(const char *name, bool is_huge, const char *what, int64_t ns) {
    printf("%s_%s%s\t%" PRId64 "\n", name, is_huge ? "" : "malloc_", what, ns);
}

static void print_speeds(struct speed *speed, bool with_plain) {
    bool is_huge = speed->storage.is_huge;
    printf("four of %zu entities read (ten features) and updated, Zipf with exponent 0.8, in %s\n",
           speed->storage.entities, is_huge ? "huge pages" : "malloc()'s pages");
    print_speed(speed, "states, alone", &speed->alone);
    print_speed(speed, "states, next known", &speed->next_known);
    if (with_plain) {
        print_speed(speed, "plain table", &speed->plain);
        double plain_ns = (double)speed->plain.median_ns;
        printf("  ratio of the medians %.2f; with the next known %.2f\n",
               (double)speed->alone.median_ns / plain_ns,
               (double)speed->next_known.median_ns / plain_ns);
        print_figure("states", is_huge, "ns", speed->alone.median_ns);
        print_figure("states", is_huge, "next_known_ns", speed->next_known.median_ns);
        print_figure("plain_table", is_huge, "ns", speed->plain.median_ns);
    }
    print_speed_sizes(speed);
}

/* "alone" and "next known" take turns, this many transactions each. */
#define TURN 1000

/* Transactions from `warm` on are timed. */
static void run_speed(struct speed *speed, const uint32_t *drawn, size_t warm, size_t all,
                      bool with_plain) {
    static struct four fours[2];
    bool is_fetched = false;
    for (size_t i = 0; i <= all; i++) {
        struct four *four = &fours[(i + 1) % 2], *made = &fours[i % 2];
        if (i < all) {
            made->keys = &drawn[4 * i];
            double part = (double)i / (double)all;
            fill_entry(&speed->entity, START + (int64_t)(part * 60 * DAY), &made->entry);
        }
        if (i == 0)
            continue;
        bool knows_next = i < all && i / TURN % 2 == 1;
        struct times *times = knows_next ? &speed->next_known : &speed->alone;
        int64_t begun_ns = now_ns();
        read_and_change(speed, four, is_fetched, knows_next ? made : NULL);
        int64_t between_ns = now_ns();
        if (with_plain)
            speed->sum += touch_records(speed->records, speed->mask, four->keys);
        if (i > warm && is_fetched == knows_next) { /* not the first of a turn */
            times->ns[times->count++] = between_ns - begun_ns;
            speed->plain.ns[speed->plain.count++] = now_ns() - between_ns;
        }
        is_fetched = knows_next;
    }
}

/* Runs `transactions` for each entity and times the last quarter. Returns the median of "alone". */
static int64_t measure_speed_of(size_t entities, size_t transactions, bool with_plain,
                                bool is_huge) {
    const size_t measured = entities * transactions / 4, warm = 3 * measured;
    struct speed speed = {.mask = 1};
    make_plan(&speed.plan, &speed.entity);
    storage_init(&speed.storage, is_huge, entities);
    while (with_plain && speed.mask < 2 * entities)
        speed.mask = speed.mask << 1 | 1;
    speed.records = with_plain ? storage_records(&speed.storage, speed.mask + 1) : NULL;
    times_init(&speed.alone, measured);
    times_init(&speed.next_known, measured);
    times_init(&speed.plain, measured);
    speed.scratch = state_scratch_new();
    uint32_t *drawn = zipf_draws(entities, 0.8, 4 * (warm + measured));
    for (size_t i = 0; i < warm + measured; i++)
        make_different(&drawn[4 * i], entities);
    run_speed(&speed, drawn, warm, warm + measured, with_plain);
    print_speeds(&speed, with_plain);
    storage_deinit(&speed.storage, speed.records, speed.mask + 1);
    free(drawn);
    free(speed.alone.ns);
    free(speed.next_known.ns);
    free(speed.plain.ns);
    state_scratch_free(speed.scratch);
    return speed.alone.median_ns;
}

void measure_speed(void) {
    measure_speed_of(1000000, 4, true, true);
    measure_speed_of(1000000, 4, true, false);
}

/* Half as many transactions for each and no plain table, to save memory and time. */
void measure_growth(void) {
    int64_t small_ns = measure_speed_of(1000000, 2, false, true);
    int64_t large_ns = measure_speed_of(10000000, 2, false, true);
    printf("ten million entities take %.2f times as long as one million\n",
           (double)large_ns / (double)small_ns);
    print_figure("states_of_a", true, "million_ns", small_ns);
    print_figure("states_of_ten", true, "million_ns", large_ns);
}
