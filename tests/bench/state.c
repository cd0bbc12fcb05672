/* Entity states: their size, and the time to read and update them.
 *
 * usage: state [memory | merchant | speed | growth | apply] …      without arguments: all of them
 *
 *   memory    bytes per card: a million cards of rules/card-payments with 12 transactions each on
 *             average in 90 days, popularity by Zipf's law
 *   merchant  one merchant of rules/card-payments with ten million transactions in 30 days,
 *             and a busy card and device
 *   speed     a million entities, popularity by Zipf's law; a transaction reads ten features of
 *             four of them and is added to them. The reference, which takes turns with it, is a
 *             plain hash table with open addressing that reads and writes four records of 256
 *             bytes. "alone": the next transaction is not known. "next known": what the next one
 *             touches is prefetched, as in batches, in replay and when an archive is folded
 *             (core/engine/next_prefetch.c); the prefetching counts in the time. The two take turns
 *             on the same states; the plain table never knows the next transaction. Runs twice: in
 *             huge pages, where states are in the server and in jobs (core/base/pages.h), and in
 *             malloc()'s memory
 *   growth    the same with a million and with ten million entities, half as many transactions for
 *             each and no plain table (3 GB, three minutes of processor time)
 *   apply     only adding, to several kinds of entities; loading bytes of a table and adding to
 *             them; merging
 *
 * Run it from the root of the tree: it reads rules/. `speed` and `growth` also print their
 * medians as lines of name, tab and value. */
#include "state_parts.h"

#include "core/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_sizes(struct state *states, size_t count, const struct entity_plan *entity) {
    uint64_t bytes = 0, memory = 0, most = 0;
    size_t empty = 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = encoded_length(entity, &states[i]);
        bytes += length;
        memory += sizeof states[i] + state_memory(&states[i]);
        most = length > most ? length : most;
        empty += length == 0;
    }
    printf("  %.1f bytes per card, %.1f per feature (in memory %.1f per card); "
           "%zu of %zu cards without transactions; the largest has %" PRIu64 "\n",
           (double)bytes / (double)count,
           (double)bytes / (double)count / (double)entity->feature_count,
           (double)memory / (double)count, empty, count, most);
}

static void measure_memory(void) {
    const size_t cards = 1000000, transactions = 12 * cards;
    struct snapshot *snapshot = load_card_payments();
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
        printf("  %.0f ns to generate and add a transaction\n",
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
    /* Card and device have windows of minutes, so a busy one's state holds thousands of tiles. */
    static const struct {
        const char *name;
        int64_t transactions;
    } busy[] = {{"merchant", 10000000}, {"card", 200000}, {"device", 200000}};
    struct snapshot *snapshot = load_card_payments();
    for (size_t e = 0; e < 3; e++) {
        const struct entity_plan *entity = entity_of(snapshot, busy[e].name);
        int64_t transactions = busy[e].transactions;
        struct state state;
        state_init(&state);
        int64_t begun_ns = now_ns();
        for (int64_t i = 0; i < transactions; i++) {
            struct entry entry;
            fill_entry(entity, START + i * (30 * DAY / transactions), &entry);
            state_apply(&state, entity, snapshot->plan.lateness_us, &entry);
        }
        double apply_ns = (double)(now_ns() - begun_ns) / (double)transactions;
        struct buffer bytes;
        buffer_init(&bytes);
        state_encode(&state, entity, &bytes);
        struct state_scratch *scratch = state_scratch_new();
        static struct value values[PLAN_FEATURES_MAX];
        begun_ns = now_ns();
        for (int i = 0; i < 1000; i++)
            state_read(bytes.bytes, bytes.length, entity, snapshot->plan.lateness_us,
                       START + 30 * DAY, NULL, scratch, values);
        printf("a %s with %" PRId64 " transactions in 30 days\n"
               "  %zu bytes at the end, %.0f per feature, %zu in memory; %.0f ns to generate and "
               "add one, %.0f ns to read the bytes\n",
               busy[e].name, transactions, bytes.length,
               (double)bytes.length / (double)entity->feature_count, state_memory(&state), apply_ns,
               (double)(now_ns() - begun_ns) / 1000);
        state_scratch_free(scratch);
        buffer_deinit(&bytes);
        state_deinit(&state);
    }
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
