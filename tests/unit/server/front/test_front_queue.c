/* The queue of the front on libevent: order within a flow, shares of classes and flows, what is
 * said to be ahead, and that nothing is lost or leaked. Random steps against a naive model. */
#include "server/front/sp/front_sp_queue.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#include <string.h>

#define FLOWS    12
#define COST_MAX 5000

struct bench {
    struct chunk_pool pool;
    struct queue queue;
    struct flow flows[FLOWS];
};

static int setup(void **state) {
    struct bench *bench = calloc(1, sizeof *bench);
    chunk_pool_init(&bench->pool, (size_t)64 << 20);
    queue_init(&bench->queue, &bench->pool);
    for (size_t i = 0; i < FLOWS; i++)
        flow_init(&bench->flows[i], &bench->queue);
    *state = bench;
    return 0;
}

static int teardown(void **state) {
    struct bench *bench = *state;
    for (size_t i = 0; i < FLOWS; i++)
        flow_deinit(&bench->flows[i], &bench->queue);
    queue_deinit(&bench->queue);
    chunk_pool_deinit(&bench->pool); /* checks that nothing is in use */
    free(bench);
    return 0;
}

/* number: what take() finds again. */
static void put(struct bench *bench, size_t flow, uint64_t number, size_t cost) {
    const struct waiting waiting = {
        .input.chunk = chunk_take(&bench->pool, 100), .deadline_us = number, .cost = cost};
    queue_put(&bench->queue, &bench->flows[flow], &waiting);
}

static bool take(struct bench *bench, size_t *ret_flow, struct waiting *ret_waiting) {
    struct flow *flow;
    if (!queue_take(&bench->queue, &flow, ret_waiting))
        return false;
    *ret_flow = (size_t)(flow - bench->flows);
    chunk_release(&bench->pool, ret_waiting->input.chunk);
    return true;
}

/* ---- shares ---- */

/* Keeps every given flow backlogged with requests of its own size, and returns what each was served
 * of the total. */
static void serve_backlog(struct bench *bench, size_t count, const size_t *costs, size_t total,
                          size_t *ret_served) {
    size_t served = 0;
    memset(ret_served, 0, count * sizeof *ret_served);
    for (size_t i = 0; i < count; i++)
        for (int n = 0; n < 3; n++)
            put(bench, i, 0, costs[i]);
    while (served < total) {
        struct waiting waiting;
        size_t flow = 0;
        assert_true(take(bench, &flow, &waiting));
        ret_served[flow] += waiting.cost;
        served += waiting.cost;
        put(bench, flow, 0, costs[flow]);
    }
}

static void assert_share(size_t served, size_t total, double share) {
    double difference = (double)served / (double)total - share;
    if (difference > 0.01 || difference < -0.01)
        fail_msg("%.4f of the total; expected %.4f", (double)served / (double)total, share);
}

/* Whatever the sizes of their requests. */
static void connections_without_tokens_share_alike(void **state) {
    static const size_t costs[4] = {300, 4000, 700, 60000};
    size_t served[4];
    serve_backlog(*state, 4, costs, 40000000, served);
    for (size_t i = 0; i < 4; i++)
        assert_share(served[i], 40000000, 0.25);
}

/* A token with ten connections has no more than one with a single connection; weights count. */
static void tokens_share_by_weight(void **state) {
    struct bench *bench = *state;
    static const size_t costs[FLOWS] = {300, 300, 300, 300, 300, 300, 300, 300, 300, 300, 500, 500};
    size_t served[FLOWS], first = 0;
    for (size_t i = 0; i < 10; i++)
        flow_join(&bench->flows[i], &bench->queue, 7, 1);
    flow_join(&bench->flows[10], &bench->queue, 8, 1);
    flow_join(&bench->flows[11], &bench->queue, 9, 3);
    serve_backlog(bench, FLOWS, costs, 40000000, served);
    for (size_t i = 0; i < 10; i++) {
        assert_share(served[i], 40000000, 0.02);
        first += served[i];
    }
    assert_share(first, 40000000, 0.2);
    assert_share(served[10], 40000000, 0.2);
    assert_share(served[11], 40000000, 0.6);
    /* Another weight holds for all of the class from then on. */
    flow_join(&bench->flows[0], &bench->queue, 7, 6);
    serve_backlog(bench, FLOWS, costs, 40000000, served);
    assert_share(served[10], 40000000, 0.1);
    assert_share(served[11], 40000000, 0.3);
}

/* One that asks now and then is served at once, however much others have waiting. */
static void who_asks_little_does_not_wait(void **state) {
    struct bench *bench = *state;
    for (int i = 0; i < 10000; i++)
        put(bench, 0, 0, 500);
    for (int round = 0; round < 100; round++) {
        struct waiting waiting;
        size_t flow = 0, others = 0;
        put(bench, 1, 1, 500);
        assert_true(queue_cost_before(&bench->queue, &bench->flows[1], 500) <= 2 * 2 * 500);
        for (; take(bench, &flow, &waiting) && flow != 1; others += waiting.cost)
            continue;
        assert_true(others <= 2048 + 500); /* a turn of the other */
    }
    assert_true(queue_cost_before(&bench->queue, &bench->flows[0], 500) > 9000 * 500);
}

static void who_takes_no_answers_is_in_nobodys_way(void **state) {
    struct bench *bench = *state;
    struct waiting waiting;
    size_t flow = 0;
    put(bench, 0, 1, 500);
    put(bench, 1, 2, 500);
    flow_block(&bench->flows[0], &bench->queue, true);
    put(bench, 0, 3, 500);
    assert_int_equal(bench->queue.cost, 500);
    assert_true(take(bench, &flow, &waiting));
    assert_int_equal(waiting.deadline_us, 2);
    assert_false(take(bench, &flow, &waiting));
    assert_int_equal(bench->queue.cost, 0);
    flow_block(&bench->flows[0], &bench->queue, false);
    assert_true(take(bench, &flow, &waiting));
    assert_int_equal(waiting.deadline_us, 1);
    assert_true(take(bench, &flow, &waiting));
    assert_int_equal(waiting.deadline_us, 3);
    assert_false(take(bench, &flow, &waiting));
}

/* ---- random steps ---- */

struct model {
    uint64_t numbers[FLOWS][4096];
    size_t costs[FLOWS][4096];
    size_t first[FLOWS], end[FLOWS];
    bool is_blocked[FLOWS];
};

static size_t cost_of(const struct model *model, bool all) {
    size_t cost = 0;
    for (size_t i = 0; i < FLOWS; i++)
        for (size_t at = model->first[i]; at < model->end[i] && (all || !model->is_blocked[i]);
             at++)
            cost += model->costs[i][at % 4096];
    return cost;
}

static void queue_is_as_the_model(void **state) {
    struct bench *bench = *state;
    static struct model model;
    uint64_t random = asked_seed(1), steps = asked_steps(100000), number = 0;
    memset(&model, 0, sizeof model);
    for (uint64_t step = 0; step < steps; step++) {
        size_t i = split_mix(&random) % FLOWS;
        uint64_t what = split_mix(&random) % 100;
        if (what < 45 && model.end[i] - model.first[i] < 4096) {
            size_t cost = 1 + split_mix(&random) % COST_MAX;
            put(bench, i, ++number, cost);
            model.numbers[i][model.end[i] % 4096] = number;
            model.costs[i][model.end[i]++ % 4096] = cost;
        } else if (what < 92) {
            struct waiting waiting;
            size_t flow = 0;
            bool is_some = take(bench, &flow, &waiting);
            assert_int_equal(is_some, cost_of(&model, false) > 0);
            if (!is_some)
                continue;
            assert_false(model.is_blocked[flow]);
            assert_true(model.first[flow] < model.end[flow]);
            assert_int_equal(waiting.deadline_us, model.numbers[flow][model.first[flow] % 4096]);
            model.first[flow]++;
        } else if (what < 96) {
            model.is_blocked[i] = split_mix(&random) % 3 == 0;
            flow_block(&bench->flows[i], &bench->queue, model.is_blocked[i]);
        } else if (what < 99) {
            flow_join(&bench->flows[i], &bench->queue, split_mix(&random) % 4,
                      1 + (unsigned)(split_mix(&random) % 5));
        } else { /* its connection ends, and another begins */
            flow_deinit(&bench->flows[i], &bench->queue);
            flow_init(&bench->flows[i], &bench->queue);
            model.first[i] = model.end[i];
            model.is_blocked[i] = false;
        }
        assert_int_equal(bench->queue.cost, cost_of(&model, false));
        size_t ahead = queue_cost_before(&bench->queue, &bench->flows[i], 10);
        assert_true(ahead >= 10 && ahead <= bench->queue.cost + 10);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(connections_without_tokens_share_alike),
        TEST(tokens_share_by_weight),
        TEST(who_asks_little_does_not_wait),
        TEST(who_takes_no_answers_is_in_nobodys_way),
        TEST(queue_is_as_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
