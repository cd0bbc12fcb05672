#include "state_parts.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "tests/split_mix.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A fixed seed: every run measures the same work. */
static uint64_t chance_state = 1;

uint64_t chance(void) {
    return split_mix(&chance_state);
}

double chance_unit(void) {
    return (double)(chance() >> 11) * 0x1p-53;
}

/* Inverts the cumulative distribution by binary search. */
uint32_t *zipf_draws(size_t count, double exponent, size_t draws) {
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

int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void fill_entry(const struct entity_plan *entity, int64_t time_us, struct entry *ret_entry) {
    static const char *const countries[] = {"DE", "FR", "GB", "US", "NL", "ES"};
    /* The arrays are not cleared: only the columns and filters of the plan are read. */
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
    /* Transactions never match a filter over outcomes; other filters match half of the time. */
    uint64_t bits = chance();
    for (size_t i = 0; i < entity->filter_count; i++)
        ret_entry->weights[i] = !entity->filters[i].outcome && (bits >> i & 1);
}

struct snapshot *load_card_payments(void) {
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

const struct entity_plan *entity_of(const struct snapshot *snapshot, const char *name) {
    for (size_t i = 0; i < snapshot->plan.entity_count; i++)
        if (text_is(snapshot->plan.entities[i].name, name))
            return &snapshot->plan.entities[i];
    fprintf(stderr, "rules/card-payments has no entity %s\n", name);
    exit(1);
}

/* Static columns, filters and features: the plan is made once per run and never freed. */
void make_plan(struct plan *plan, struct entity_plan *entity) {
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

size_t encoded_length(const struct entity_plan *entity, const struct state *state) {
    static struct buffer bytes;
    buffer_clear(&bytes);
    state_encode(state, entity, &bytes);
    return bytes.length;
}
