/* Entity states: their bytes, and the time to read and change them.
 *
 * usage: state [memory | merchant | speed | growth | apply] …      all of them without arguments
 *
 *   memory    a million cards with 12 transactions each on average in 90 days, popularity as Zipf
 *             has it, with the card of rules/card-payments: bytes per card
 *   merchant  one merchant of rules/card-payments with ten million transactions in 30 days,
 *             and a busy card and device
 *   speed     a million entities, popularity as Zipf has it; a transaction reads ten features of
 *             four of them and is added to them. Beside it, in turns, a plain hash table with open
 *             addressing that reads and writes four records of 256 bytes. "alone": nothing of the
 *             next transaction is known while one is worked on. "the next one known": as in
 *             batches, in replay and when an archive is folded (core/engine/ahead.c), what the next
 *             one touches is fetched meanwhile, which counts in the time. The two take turns on the
 *             same states; the plain table never knows the next. First all lie as states do in the
 *             server and in jobs, in huge pages (core/base/pages.h), then all in what malloc()
 *             gives
 *   growth    the same with a million entities and with ten million, with half as many transactions
 *             for each and without the plain table (3 GB, three minutes of a processor)
 *   apply     adding alone, to entities of several kinds; taking over bytes of a table and adding
 *             to them; merging
 *
 * Run it from the root of the tree: it reads rules/. Medians of `speed` are also there as lines of
 * name, tab and value. */
#include "core/feature/state.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/heap.h"
#include "core/base/pages.h"
#include "core/policy/snapshot.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000)
#define DAY    (86400 * SECOND)
#define START  (INT64_C(20454) * DAY)

/* SplitMix64 */
static uint64_t chance_state = 1;
static uint64_t chance(void) {
    uint64_t z = chance_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
static double chance_unit(void) {
    return (double)(chance() >> 11) * 0x1p-53;
}

/* Numbers below count, the i-th with a weight of (i + 1)^−exponent, in the order of a hash. */
static uint32_t *zipf_draws(size_t count, double exponent, size_t draws) {
    double *until = check_malloc(count * sizeof *until), sum = 0;
    uint32_t *drawn = check_malloc(draws * sizeof *drawn);
    for (size_t i = 0; i < count; i++)
        until[i] = sum += pow((double)(i + 1), -exponent);
    for (size_t i = 0; i < draws; i++) {
        double at = chance_unit() * sum;
        size_t low = 0, high = count - 1;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (until[middle] < at)
                low = middle + 1;
            else
                high = middle;
        }
        drawn[i] = (uint32_t)low;
    }
    free(until);
    return drawn;
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Values of the sizes that payments have. */
static void fill_entry(const struct entity_plan *entity, int64_t time_us, struct entry *ret_entry) {
    static const char *const countries[] = {"DE", "FR", "GB", "US", "NL", "ES"};
    memset(ret_entry, 0, offsetof(struct entry, integers));
    ret_entry->time_us = time_us;
    ret_entry->id_hash = chance();
    ret_entry->transaction = true;
    const char *country = countries[chance() % 6];
    for (size_t i = 0; i < entity->column_count; i++) {
        const struct column *column = &entity->columns[i];
        ret_entry->present |= UINT32_C(1) << i;
        if (column->type == COLUMN_TEXT)
            ret_entry->texts[i] = text_of(country);
        else if (text_is(column->source, "country"))
            ret_entry->integers[i] = (int64_t)hash_text(text_of(country));
        else if (column->type == COLUMN_HASH)
            ret_entry->integers[i] = (int64_t)hash64(&(uint64_t){chance() % 5000}, 8, 0);
        else
            ret_entry->integers[i] = (int64_t)(chance() % 20000);
    }
    uint64_t bits = chance();
    for (size_t i = 0; i < entity->filter_count; i++)
        ret_entry->weights[i] = !entity->filters[i].outcome && (bits >> i & 1);
}

static struct snapshot *load_policy(void) {
    struct snapshot *snapshot;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    if (snapshot_load_folder("rules/card-payments", &snapshot, &messages, &error) < 0) {
        fprintf(stderr, "%.*s%s\n", (int)messages.length, (const char *)messages.bytes, error.text);
        exit(1);
    }
    buffer_deinit(&messages);
    return snapshot;
}

static const struct entity_plan *entity_of(const struct snapshot *snapshot, const char *name) {
    for (size_t i = 0; i < snapshot->plan.entity_count; i++)
        if (text_is(snapshot->plan.entities[i].name, name))
            return &snapshot->plan.entities[i];
    fprintf(stderr, "rules/card-payments has no entity %s\n", name);
    exit(1);
}

static void print_sizes(struct state *states, size_t count, const struct entity_plan *entity) {
    uint64_t bytes = 0, capacity = 0, most = 0;
    size_t empty = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += states[i].length;
        capacity += sizeof states[i] + states[i].capacity + state_kept_bytes(&states[i], entity);
        most = states[i].length > most ? states[i].length : most;
        empty += states[i].length == 0;
    }
    printf(
        "  %.1f bytes per card, %.1f per feature (in memory %.1f per card, with all that is kept "
        "beside them); %zu of %zu without any; the largest has %" PRIu64 "\n",
        (double)bytes / (double)count,
        (double)bytes / (double)count / (double)entity->feature_count,
        (double)capacity / (double)count, empty, count, most);
}

static void measure_memory(void) {
    const size_t cards = 1000000, transactions = 12 * cards;
    struct snapshot *snapshot = load_policy();
    const struct entity_plan *entity = entity_of(snapshot, "card");
    const double exponents[] = {0.8, 1.0};
    for (size_t e = 0; e < 2; e++) {
        struct state *states = check_calloc(cards, sizeof *states);
        uint32_t *drawn = zipf_draws(cards, exponents[e], transactions);
        printf("a million cards, 12 transactions each in 90 days, Zipf with exponent %.1f\n",
               exponents[e]);
        int64_t begun_ns = now_ns();
        for (size_t i = 0; i < transactions; i++) {
            struct entry entry;
            int64_t time_us = START + (int64_t)((double)i / (double)transactions * 90 * DAY);
            fill_entry(entity, time_us, &entry);
            state_apply(&states[drawn[i]], entity, snapshot->plan.lateness_us, &entry);
        }
        printf("  %.0f ns to make and add one\n",
               (double)(now_ns() - begun_ns) / (double)transactions);
        print_sizes(states, cards, entity);
        for (size_t i = 0; i < cards; i++)
            state_deinit(&states[i]);
        free(states);
        free(drawn);
    }
    snapshot_unref(snapshot);
}

static void measure_merchant(void) {
    /* The card and the device have windows of minutes, so their states hold thousands of tiles. */
    static const struct {
        const char *name;
        int64_t transactions;
    } busy[] = {{"merchant", 10000000}, {"card", 200000}, {"device", 200000}};
    struct snapshot *snapshot = load_policy();
    for (size_t e = 0; e < 3; e++) {
        const struct entity_plan *entity = entity_of(snapshot, busy[e].name);
        int64_t transactions = busy[e].transactions;
        struct state state;
        state_init(&state);
        uint32_t most = 0;
        int64_t begun_ns = now_ns();
        for (int64_t i = 0; i < transactions; i++) {
            struct entry entry;
            fill_entry(entity, START + i * (30 * DAY / transactions), &entry);
            state_apply(&state, entity, snapshot->plan.lateness_us, &entry);
            most = state.length > most ? state.length : most;
        }
        double apply_ns = (double)(now_ns() - begun_ns) / (double)transactions;
        struct state_scratch *scratch = state_scratch_new();
        static struct value values[PLAN_FEATURES_MAX];
        begun_ns = now_ns();
        for (int i = 0; i < 1000; i++)
            state_read(state.bytes, state.length, entity, snapshot->plan.lateness_us,
                       START + 30 * DAY, NULL, scratch, values);
        printf("a %s with %" PRId64 " transactions in 30 days\n"
               "  at most %" PRIu32
               " bytes, %.0f per feature; %.0f ns to make and add one, %.0f ns "
               "to read the bytes\n",
               busy[e].name, transactions, most, (double)most / (double)entity->feature_count,
               apply_ns, (double)(now_ns() - begun_ns) / 1000);
        state_scratch_free(scratch);
        state_deinit(&state);
    }
    snapshot_unref(snapshot);
}

/* Ten features as a policy has them. */
static void make_plan(struct plan *plan, struct entity_plan *entity) {
    static struct column columns[] = {
        {TEXT_LITERAL("amount"), COLUMN_INTEGER, VALUE_DOUBLE, 2},
        {TEXT_LITERAL("merchant"), COLUMN_HASH, VALUE_TEXT, 0},
    };
    static struct filter filters[] = {{TEXT_LITERAL("online"), false},
                                      {TEXT_LITERAL("outcome == 'fraud'"), true}};
    static struct feature features[] = {
#define FEATURE(n, a, c, f, p, w)                                                                  \
    {.name = TEXT_LITERAL(n),                                                                      \
     .aggregate = (a),                                                                             \
     .column = (c),                                                                                \
     .filter = (f),                                                                                \
     .part = (p),                                                                                  \
     .window_us = (w)*SECOND}
        FEATURE("count_10m", AGGREGATE_COUNT, -1, -1, -1, 600),
        FEATURE("count_1h", AGGREGATE_COUNT, -1, 0, -1, 3600),
        FEATURE("sum_1h", AGGREGATE_SUM, 0, -1, -1, 3600),
        FEATURE("count_1d", AGGREGATE_COUNT, -1, -1, -1, 86400),
        FEATURE("merchants_1d", AGGREGATE_DISTINCT, 1, -1, -1, 86400),
        FEATURE("mean_30d", AGGREGATE_MEAN, 0, -1, -1, 30 * 86400),
        FEATURE("stddev_30d", AGGREGATE_STDDEV, 0, -1, -1, 30 * 86400),
        FEATURE("max_30d", AGGREGATE_MAX, 0, -1, -1, 30 * 86400),
        FEATURE("since_last_30d", AGGREGATE_SECONDS_SINCE_LAST, -1, -1, -1, 30 * 86400),
        FEATURE("fraud_share_30d", AGGREGATE_SHARE, -1, -1, 1, 30 * 86400),
    };
    *entity = (struct entity_plan){
        .name = TEXT_LITERAL("card"),
        .key = TEXT_LITERAL("card"),
        .columns = columns,
        .column_count = 2,
        .filters = filters,
        .filter_count = 2,
        .features = features,
        .feature_count = sizeof features / sizeof *features,
    };
    *plan = (struct plan){.entities = entity, .entity_count = 1, .lateness_us = 3600 * SECOND};
    struct error error;
    if (plan_finish(plan, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
}

#define RECORD_WORDS 32 /* 256 bytes */

struct plain_record {
    uint64_t words[RECORD_WORDS]; /* [0]: the key; 0: free */
};

/* What reading and writing four records costs without any features. */
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

/* Both tables begin where a line of the processor's cache does. */
static void *lines_calloc(size_t count, size_t size) {
    void *memory = aligned_alloc(64, (count * size + 63) / 64 * 64);
    check(memory);
    return memset(memory, 0, count * size);
}

/* Where everything lies. In huge pages as in core/store/residents.c: states in extents of a heap,
 * their bytes in other blocks of it. Else where malloc() puts it. */
#define STATES_PER_EXTENT ((HEAP_EXTENT_SIZE - HEAP_HEAD_SIZE) / sizeof(struct state))

struct ground {
    bool is_huge;
    struct pages pages;
    struct heap heap;
    struct state **extents; /* [i / STATES_PER_EXTENT][i % STATES_PER_EXTENT] */
    size_t entities;
};

static struct state *ground_state(const struct ground *ground, size_t i) {
    return &ground->extents[i / STATES_PER_EXTENT][i % STATES_PER_EXTENT];
}

static void ground_init(struct ground *ground, bool is_huge, size_t entities) {
    *ground = (struct ground){.is_huge = is_huge, .entities = entities};
    pages_init(&ground->pages, 0);
    heap_init(&ground->heap, &ground->pages.source);
    size_t count = (entities + STATES_PER_EXTENT - 1) / STATES_PER_EXTENT;
    ground->extents = check_malloc(count * sizeof *ground->extents);
    struct state *all = is_huge ? NULL : lines_calloc(count * STATES_PER_EXTENT, sizeof *all);
    for (size_t i = 0; i < count; i++)
        ground->extents[i] = is_huge
                                 ? (void *)((uint8_t *)heap_extent(&ground->heap) + HEAP_HEAD_SIZE)
                                 : all + i * STATES_PER_EXTENT;
    for (size_t i = 0; i < entities; i++) {
        struct state *state = ground_state(ground, i);
        state_init(state);
        state->is_in_heap = is_huge;
    }
}

/* A power of two of records. */
static struct plain_record *ground_records(struct ground *ground, size_t count) {
    if (!ground->is_huge)
        return lines_calloc(count, sizeof(struct plain_record));
    size_t size = count * sizeof(struct plain_record);
    return memset(pages_map(size), 0, size);
}

static void ground_deinit(struct ground *ground, struct plain_record *records, size_t count) {
    for (size_t i = 0; i < ground->entities; i++)
        state_deinit(ground_state(ground, i));
    if (ground->is_huge)
        pages_unmap(records, count * sizeof *records);
    else {
        free(ground->extents[0]);
        free(records);
    }
    free(ground->extents);
    pages_deinit(&ground->pages);
}

/* Times of one way, and their median once they are printed. */
struct times {
    int64_t *ns;
    size_t count;
    int64_t median_ns;
};

struct speed {
    struct ground ground;
    struct plain_record *records;
    size_t mask;
    struct plan plan;
    struct entity_plan entity;
    struct state_scratch *scratch;
    struct times alone, next_known, plain;
    uint64_t sum; /* so that nothing is left out */
};

/* One transaction's four entities. */
struct four {
    const uint32_t *keys;
    struct entry entry;
};

static void fetch_four(const struct speed *speed, const struct four *four, int step) {
    for (int j = 0; j < 4; j++)
        state_prefetch(ground_state(&speed->ground, four->keys[j]), &speed->entity,
                       four->entry.time_us, &four->entry, step);
}

/* next: NULL, or what comes after it, whose own turn begins with what has been fetched here. */
static void read_and_change(struct speed *speed, const struct four *four, bool is_fetched,
                            const struct four *next) {
    static struct value values[PLAN_FEATURES_MAX];
    const struct entity_plan *entity = &speed->entity;
    const struct entry *entry = &four->entry;
    for (int step = 0; !is_fetched && step < STATE_PREFETCH_STEPS; step++)
        fetch_four(speed, four, step);
    for (int j = 0; j < 4; j++) {
        struct state *state = ground_state(&speed->ground, four->keys[j]);
        if (next && j < STATE_PREFETCH_STEPS)
            fetch_four(speed, next, j);
        state_evaluate(state, entity, speed->plan.lateness_us, entry->time_us, entry,
                       speed->scratch, values);
        state_apply(state, entity, speed->plan.lateness_us, entry);
        speed->sum += (uint64_t)values[0].integer;
    }
}
_Static_assert(STATE_PREFETCH_STEPS < 4, "the last step is taken before the last entity");

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
    uint64_t bytes = 0, reserved = 0, kept = 0, have = 0;
    for (size_t i = 0; i < speed->ground.entities; i++) {
        const struct state *state = ground_state(&speed->ground, i);
        size_t more = state_kept_bytes(state, &speed->entity);
        bytes += state->length;
        reserved += state->capacity;
        kept += more;
        have += more > 0;
    }
    double count = (double)speed->ground.entities;
    printf("  %.0f bytes per entity (%.0f reserved), %.1f per feature; %.1f %% of them keep %.0f "
           "more for quick reads\n",
           (double)bytes / count, (double)reserved / count,
           (double)bytes / count / (double)speed->entity.feature_count, 100 * (double)have / count,
           have ? (double)kept / (double)have : 0);
}

/* The entities of one transaction are of different kinds: never one of them twice. */
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
    bool is_huge = speed->ground.is_huge;
    printf("four of %zu entities read (ten features) and changed, Zipf with exponent 0.8, in %s\n",
           speed->ground.entities, is_huge ? "huge pages" : "malloc()'s pages");
    print_speed(speed, "states, alone", &speed->alone);
    print_speed(speed, "states, the next one known", &speed->next_known);
    if (with_plain) {
        print_speed(speed, "plain table", &speed->plain);
        double plain_ns = (double)speed->plain.median_ns;
        printf("  ratio of the medians %.2f; with the next one known %.2f\n",
               (double)speed->alone.median_ns / plain_ns,
               (double)speed->next_known.median_ns / plain_ns);
        print_figure("states", is_huge, "ns", speed->alone.median_ns);
        print_figure("states", is_huge, "next_known_ns", speed->next_known.median_ns);
        print_figure("plain_table", is_huge, "ns", speed->plain.median_ns);
    }
    print_speed_sizes(speed);
}

/* The two ways take turns, so many transactions each. */
#define TURN 1000

/* Those from `warm` on count. */
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
        if (i > warm && is_fetched == knows_next) { /* in a turn, not from one to the next */
            times->ns[times->count++] = between_ns - begun_ns;
            speed->plain.ns[speed->plain.count++] = now_ns() - between_ns;
        }
        is_fetched = knows_next;
    }
}

/* So many transactions for each entity, of which the last quarter counts. Returns their median,
 * alone. */
static int64_t measure_speed_of(size_t entities, size_t transactions, bool with_plain,
                                bool is_huge) {
    const size_t measured = entities * transactions / 4, warm = 3 * measured;
    struct speed speed = {.mask = 1};
    make_plan(&speed.plan, &speed.entity);
    ground_init(&speed.ground, is_huge, entities);
    while (with_plain && speed.mask < 2 * entities)
        speed.mask = speed.mask << 1 | 1;
    speed.records = ground_records(&speed.ground, speed.mask + 1);
    times_init(&speed.alone, measured);
    times_init(&speed.next_known, measured);
    times_init(&speed.plain, measured);
    speed.scratch = state_scratch_new();
    uint32_t *drawn = zipf_draws(entities, 0.8, 4 * (warm + measured));
    for (size_t i = 0; i < warm + measured; i++)
        make_different(&drawn[4 * i], entities);
    run_speed(&speed, drawn, warm, warm + measured, with_plain);
    print_speeds(&speed, with_plain);
    ground_deinit(&speed.ground, speed.records, speed.mask + 1);
    free(drawn);
    free(speed.alone.ns);
    free(speed.next_known.ns);
    free(speed.plain.ns);
    state_scratch_free(speed.scratch);
    return speed.alone.median_ns;
}

static void measure_speed(void) {
    measure_speed_of(1000000, 4, true, true);
    measure_speed_of(1000000, 4, true, false);
}

/* Half as many transactions for each, and no plain table: for less memory, in less time. */
static void measure_growth(void) {
    int64_t small_ns = measure_speed_of(1000000, 2, false, true);
    int64_t large_ns = measure_speed_of(10000000, 2, false, true);
    printf("ten million entities take %.2f times as long as one million\n",
           (double)large_ns / (double)small_ns);
}

/* Adding alone. Entries are made beforehand: only times and ids differ. What others do on the
 * machine counts less in the time of the processor than in that of the clock. */
static int64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#define ENTRIES_MADE 64

struct supply {
    const struct entity_plan *entity;
    struct entry *entries; /* ENTRIES_MADE */
    size_t next;
};

static void supply_init(struct supply *supply, const struct entity_plan *entity) {
    supply->entity = entity;
    supply->entries = check_malloc(ENTRIES_MADE * sizeof *supply->entries);
    supply->next = 0;
    for (size_t i = 0; i < ENTRIES_MADE; i++)
        fill_entry(entity, 0, &supply->entries[i]);
}

static void supply_apply(struct supply *supply, struct state *state, int64_t time_us) {
    struct entry *entry = &supply->entries[supply->next++ % ENTRIES_MADE];
    entry->time_us = time_us;
    entry->id_hash = chance();
    state_apply(state, supply->entity, supply->entity->lateness_us, entry);
}

/* `count` entities with `rate` transactions a day each for `days`, the first `warm` of which do not
 * count. Of 100, `late` come up to an hour late. */
struct apply_case {
    const char *name;
    const char *entity; /* of rules/card-payments; NULL: the one with ten features */
    size_t count;
    double rate;
    int64_t days, warm;
    uint64_t late;
    bool by_entity; /* one after the other, as in a rebuild; else all at once, in order of time */
};

static int64_t case_time(const struct apply_case *c, double steps) {
    int64_t time_us = START + (int64_t)(steps / c->rate * (double)DAY);
    return chance() % 100 < c->late ? time_us - (int64_t)(chance() % (3600 * SECOND)) : time_us;
}

/* Steps [first, last) of one entity, or of each of all. */
static void apply_steps(const struct apply_case *c, struct supply *supply, struct state *states,
                        size_t first, size_t last) {
    if (c->by_entity)
        for (size_t i = first; i < last; i++)
            supply_apply(supply, states, case_time(c, (double)i + chance_unit()));
    else
        for (size_t i = first * c->count; i < last * c->count; i++)
            supply_apply(supply, &states[chance() % c->count],
                         case_time(c, (double)i / (double)c->count));
}

static void apply_case(const struct apply_case *c, const struct entity_plan *entity) {
    struct state *states = check_calloc(c->count, sizeof *states);
    struct supply supply;
    supply_init(&supply, entity);
    size_t all = (size_t)(c->rate * (double)c->days), warm = (size_t)(c->rate * (double)c->warm);
    int64_t spent_ns = 0, begun_ns = cpu_ns();
    uint64_t bytes = 0, capacity = 0;
    for (size_t j = 0; j < (c->by_entity ? c->count : 1); j++) {
        apply_steps(c, &supply, &states[j], 0, warm);
        if (warm > 0) /* else it would take longer to ask for the time */
            begun_ns = cpu_ns();
        apply_steps(c, &supply, &states[j], warm, all);
        if (warm > 0)
            spent_ns += cpu_ns() - begun_ns;
        for (size_t k = c->by_entity ? j : 0; k < (c->by_entity ? j + 1 : c->count); k++) {
            bytes += states[k].length;
            capacity += states[k].capacity + state_kept_bytes(&states[k], entity);
            state_deinit(&states[k]);
        }
    }
    spent_ns = warm > 0 ? spent_ns : cpu_ns() - begun_ns;
    printf("  %-28s %6.0f ns   %9.0f bytes, %.2f reserved\n", c->name,
           (double)spent_ns / (double)((all - warm) * c->count), (double)bytes / (double)c->count,
           (double)capacity / (double)bytes);
    free(supply.entries);
    free(states);
}

/* A state of a table that is changed a few times. */
static void apply_to_assigned(const struct entity_plan *entity, double rate) {
    struct supply supply;
    supply_init(&supply, entity);
    const struct apply_case c = {.rate = rate};
    struct state stored = {0}, state = {0};
    int64_t steps = (int64_t)(40 * rate);
    const int rounds = 20000, applies = 4;
    for (int64_t i = 0; i < steps; i++)
        supply_apply(&supply, &stored, case_time(&c, (double)i));
    int64_t begun_ns = cpu_ns();
    for (int i = 0; i < rounds; i++) {
        state_assign(&state, stored.bytes, stored.length);
        for (int j = 0; j < applies; j++)
            supply_apply(&supply, &state, case_time(&c, (double)(steps + j)));
    }
    printf("  assigned, %4.1f a day, 4 more  %6.0f ns for all   %u bytes\n", rate,
           (double)(cpu_ns() - begun_ns) / rounds, stored.length);
    state_deinit(&state);
    state_deinit(&stored);
    free(supply.entries);
}

/* Forty days, cut in two and merged, both ways round. */
static void apply_merge(const struct entity_plan *entity, double rate) {
    struct supply supply;
    supply_init(&supply, entity);
    const struct apply_case c = {.rate = rate};
    struct state halves[2] = {{0}, {0}}, state = {0};
    int64_t steps = (int64_t)(40 * rate);
    const int rounds = 2000;
    for (int64_t i = 0; i < steps; i++)
        supply_apply(&supply, &halves[i < steps / 2 ? 0 : 1], case_time(&c, (double)i));
    for (int way = 0; way < 2; way++) {
        int64_t begun_ns = cpu_ns();
        for (int i = 0; i < rounds; i++) {
            state_assign(&state, halves[way].bytes, halves[way].length);
            state_merge(&state, entity, entity->lateness_us, halves[1 - way].bytes,
                        halves[1 - way].length);
        }
        printf("  merged, %4.1f a day, %s    %6.0f ns\n", rate, way ? "newer first" : "older first",
               (double)(cpu_ns() - begun_ns) / rounds);
    }
    state_deinit(&state);
    state_deinit(&halves[0]);
    state_deinit(&halves[1]);
    free(supply.entries);
}

static void measure_apply(void) {
    static const struct apply_case cases[] = {
        {"sparse cards, one by one", "card", 200000, 0.133, 90, 0, 0, true},
        {"sparse cards, live", "card", 200000, 0.133, 90, 45, 0, false},
        {"busy people, one by one", NULL, 10, 35, 300, 60, 0, true},
        {"busy people, live", NULL, 500, 35, 60, 40, 0, false},
        {"busy people, some late", NULL, 10, 35, 300, 60, 5, true},
        {"very busy people", NULL, 3, 300, 100, 40, 0, true},
        {"busy card", "card", 1, 6667, 30, 10, 0, true},
        {"busy device", "device", 1, 6667, 30, 10, 0, true},
        {"merchant with thousands", "merchant", 1, 5000, 60, 30, 0, true},
        {"merchant with millions", "merchant", 1, 100000, 20, 10, 0, true},
    };
    static struct plan plan;
    static struct entity_plan ten;
    struct snapshot *snapshot = load_policy();
    make_plan(&plan, &ten);
    printf("adding alone, per entry\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        apply_case(&cases[i], cases[i].entity ? entity_of(snapshot, cases[i].entity) : &ten);
    apply_to_assigned(&ten, 0.3);
    apply_to_assigned(&ten, 35);
    apply_merge(&ten, 0.5);
    apply_merge(&ten, 35);
    snapshot_unref(snapshot);
}

static const struct measurement {
    const char *name;
    void (*measure)(void);
} measurements[] = {{"memory", measure_memory},
                    {"merchant", measure_merchant},
                    {"speed", measure_speed},
                    {"growth", measure_growth},
                    {"apply", measure_apply}};

int main(int argc, char **argv) {
    const size_t count = sizeof measurements / sizeof *measurements;
    for (int i = 1; i < argc; i++) {
        size_t known = 0;
        while (known < count && strcmp(argv[i], measurements[known].name) != 0)
            known++;
        if (known == count) {
            fprintf(stderr, "usage: %s [memory | merchant | speed | growth | apply] …\n", argv[0]);
            return 64;
        }
    }
    for (size_t m = 0; m < count; m++)
        for (int i = argc > 1 ? 1 : 0; i < argc; i++)
            if (i == 0 || strcmp(argv[i], measurements[m].name) == 0) {
                measurements[m].measure();
                fflush(stdout);
            }
    return 0;
}
