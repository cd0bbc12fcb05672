/* Several nodes of a cluster in one process, with a log in memory (brokers.h): a node that was shut
 * out acknowledges nothing, one that takes over has read all that is committed, and afterwards all
 * have one history. tests/cluster looks at processes and real brokers. */
#include "brokers.h"
#include "server/base/commit.h"
#include "server/base/service_state.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define NODES     3
#define STEPS     480
#define ROUND     40 /* steps, until all is well again for a while */
#define ASKED_MAX 512
#define IDS       200

static const char *const names[NODES] = {"n1", "n2", "n3"};
static const char *const addresses[NODES] = {"tcp://n1:1", "tcp://n2:1", "tcp://n3:1"};

struct cluster_bench {
    struct bench nodes[NODES];
};

static void node_init(struct bench *node, const char *name, const char *address) {
    bench_init(node);
    node->settings.replicated = true;
    node->settings.cluster = (struct cluster_settings){.brokers = name, /* brokers.h */
                                                       .topic = "log",
                                                       .name = "cluster",
                                                       .node = name,
                                                       .address = address,
                                                       .lease_us = 6 * BENCH_SECOND};
}

static int setup(void **state) {
    struct cluster_bench *cluster = calloc(1, sizeof *cluster);
    brokers_reset();
    for (int i = 0; i < NODES; i++)
        node_init(&cluster->nodes[i], names[i], addresses[i]);
    *state = cluster;
    return 0;
}

static int teardown(void **state) {
    struct cluster_bench *cluster = *state;
    brokers_heal();
    for (int i = 0; i < NODES; i++)
        bench_deinit(&cluster->nodes[i]);
    free(cluster);
    brokers_reset();
    return 0;
}

/* ---- nodes ---- */

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* Opens the first ones; the first of all has the lease, and is the primary. */
static void open_nodes(struct cluster_bench *cluster, int count) {
    struct error error;
    brokers_set_lease(names[0], LEASE_HELD);
    for (int i = 0; i < count; i++) {
        struct bench *node = &cluster->nodes[i];
        if (service_open(&node->settings, &node->service, &error) < 0)
            fail_msg("%s", error.text);
        bench_await(node, i == 0 ? SERVICE_READY : SERVICE_STANDBY);
    }
}

static void move_lease(int to) {
    for (int i = 0; i < NODES; i++)
        brokers_set_lease(names[i], i == to ? LEASE_HELD : LEASE_NONE);
}

/* Do all have the same records, as has the log? Their states are then the same, too. */
static bool is_one_history(struct cluster_bench *cluster, int count, int primary) {
    struct status_response status[NODES];
    for (int i = 0; i < count; i++) {
        status[i] = bench_status(&cluster->nodes[i]);
        if (!text_is(status[i].state, i == primary ? "ready" : "standby") ||
            status[i].position != status[0].position)
            return false;
    }
    if (status[0].position != brokers_position())
        return false;
    for (int i = 1; i < count; i++) {
        assert_int_equal(status[i].state_hash, status[0].state_hash);
        assert_int_equal(status[i].transactions, status[0].transactions);
    }
    return true;
}

/* A node that has just heard that it lost the lease may still be ending its time as primary. */
static void await_one_history(struct cluster_bench *cluster, int count, int primary) {
    for (int i = 0; i < BENCH_WAIT_MS && !is_one_history(cluster, count, primary); i++)
        pause_ms(1);
    assert_true(is_one_history(cluster, count, primary));
}

/* ---- requests ---- */

static struct bench_questions *ask(struct bench *node, const char *id, const char *card) {
    const struct transaction transaction = bench_transaction(id, 1, card, 100);
    const struct request request = {
        .call = CALL_SCORE, .score = {.transactions = &transaction, .transaction_count = 1}};
    return bench_ask_all(node, &request, 1);
}

static struct response take(struct bench_questions *asked) {
    struct response response;
    bench_take_answers(asked, &response);
    return response;
}

static bool is_sent_away(const struct response *response) {
    return response->error.code == ERROR_NOT_PRIMARY || response->error.code == ERROR_UNAVAILABLE;
}

/* Asks again while the node is not the primary. */
static struct decision decide(struct bench *node, const char *id, const char *card) {
    struct response response = take(ask(node, id, card));
    for (int i = 0; i < BENCH_WAIT_MS && is_sent_away(&response); i++) {
        pause_ms(1);
        response = take(ask(node, id, card));
    }
    if (response.error.code != 0)
        fail_msg("%s: %.*s", id, TEXT_ARGS(response.error.message));
    assert_int_equal(response.score.results[0].error.code, 0);
    return response.score.results[0].decision;
}

static void await_waiting(const char *node) {
    for (int i = 0; i < BENCH_WAIT_MS && !brokers_has_waiting(node); i++)
        pause_ms(1);
    assert_true(brokers_has_waiting(node));
}

/* ---- what each part of fencing is for ---- */

/* The first node does not hear that it lost the lease, and tries to commit what it has decided. */
static void one_that_is_shut_out_acknowledges_nothing(void **state) {
    struct cluster_bench *cluster = *state;
    struct bench *old = &cluster->nodes[0], *next = &cluster->nodes[1];
    open_nodes(cluster, 2);
    struct decision before = decide(old, "before", "c0");
    brokers_set_lease(names[0], LEASE_UNTIL_SHUT_OUT);
    brokers_hold_commits(names[0], true);
    struct bench_questions *waits = ask(old, "lost", "c0");
    await_waiting(names[0]);
    brokers_set_lease(names[1], LEASE_HELD);
    bench_await(next, SERVICE_READY);
    struct response response = take(waits);
    assert_int_equal(response.error.code, ERROR_NOT_PRIMARY);
    assert_true(brokers_shut_out() > 0);
    brokers_heal();
    struct decision again = decide(next, "before", "c0");
    assert_true(again.duplicate);
    assert_int_equal(again.position, before.position);
    struct decision anew = decide(next, "lost", "c0"); /* nobody has it */
    assert_false(anew.duplicate);
    await_one_history(cluster, 2, 1);
    move_lease(0);
    bench_await(old, SERVICE_READY);
    again = decide(old, "lost", "c0");
    assert_true(again.duplicate);
    assert_int_equal(again.position, anew.position);
    await_one_history(cluster, 2, 0);
}

/* A thread that has decided a request, and is held up before it looks whether the answer may go.
 * The test is linked so that it calls here. */
enum gap { GAP_NONE, GAP_ARMED, GAP_REACHED, GAP_ENDED };
static atomic_int gap = GAP_NONE;

struct run *__real_commit_park(struct service *service, struct run *runs);
struct run *__wrap_commit_park(struct service *service, struct run *runs);

struct run *__wrap_commit_park(struct service *service, struct run *runs) {
    int armed = GAP_ARMED;
    if (atomic_compare_exchange_strong(&gap, &armed, GAP_REACHED))
        while (atomic_load(&gap) != GAP_ENDED)
            pause_ms(1);
    return __real_commit_park(service, runs);
}

static void await_gap(void) {
    for (int i = 0; i < BENCH_WAIT_MS && atomic_load(&gap) != GAP_REACHED; i++)
        pause_ms(1);
    assert_int_equal(atomic_load(&gap), GAP_REACHED);
}

static void *ask_held_up(void *node) {
    return ask(node, "lost", "c0");
}

/* Meanwhile the log has got another record at the position of its own, which was cut off. Returns
 * the answer. is_back: the node is the primary again by the time it looks. */
static struct response look_late(struct cluster_bench *cluster, bool is_back) {
    struct bench *old = &cluster->nodes[0], *next = &cluster->nodes[1];
    pthread_t thread;
    void *waits;
    open_nodes(cluster, 2);
    decide(old, "before", "c0");
    brokers_set_lease(names[0], LEASE_UNTIL_SHUT_OUT);
    brokers_hold_commits(names[0], true);
    atomic_store(&gap, GAP_ARMED);
    assert_int_equal(pthread_create(&thread, NULL, ask_held_up, old), 0);
    await_gap();
    await_waiting(names[0]);
    brokers_set_lease(names[1], LEASE_HELD);
    bench_await(next, SERVICE_READY);
    brokers_heal();
    decide(next, "other", "c1");
    decide(next, "another", "c2");
    await_one_history(cluster, 2, 1);
    if (is_back) {
        move_lease(0);
        await_one_history(cluster, 2, 0);
    }
    atomic_store(&gap, GAP_ENDED);
    assert_int_equal(pthread_join(thread, &waits), 0);
    return take(waits);
}

static void one_that_looks_late_acknowledges_nothing(void **state) {
    struct cluster_bench *cluster = *state;
    assert_int_equal(look_late(cluster, false).error.code, ERROR_NOT_PRIMARY);
    assert_false(decide(&cluster->nodes[1], "lost", "c0").duplicate);
}

/* It must not send the client to another server, as it is the primary. */
static void one_that_is_back_acknowledges_nothing(void **state) {
    struct cluster_bench *cluster = *state;
    assert_int_equal(look_late(cluster, true).error.code, ERROR_UNAVAILABLE);
    assert_false(decide(&cluster->nodes[0], "lost", "c0").duplicate);
}

/* The next node's broker is behind: it says that its end is the log's. */
static void one_that_takes_over_has_read_to_its_sign(void **state) {
    struct cluster_bench *cluster = *state;
    struct bench *old = &cluster->nodes[0], *next = &cluster->nodes[1];
    open_nodes(cluster, 2);
    decide(old, "seen", "c0");
    await_one_history(cluster, 2, 0);
    brokers_stay_behind(names[1], 3);
    struct decision unseen = decide(old, "unseen", "c0");
    move_lease(1);
    bench_await(next, SERVICE_READY);
    struct decision again = decide(next, "unseen", "c0");
    assert_true(again.duplicate);
    assert_int_equal(again.position, unseen.position);
    await_one_history(cluster, 2, 1);
}

/* There is nobody who could shut it out. */
static void one_without_the_lease_stops(void **state) {
    struct cluster_bench *cluster = *state;
    struct bench *node = &cluster->nodes[0];
    open_nodes(cluster, 1);
    decide(node, "a", "c0");
    move_lease(-1);
    bench_await(node, SERVICE_STANDBY);
    assert_int_equal(take(ask(node, "b", "c0")).error.code, ERROR_NOT_PRIMARY);
    move_lease(0);
    bench_await(node, SERVICE_READY);
    assert_false(decide(node, "b", "c0").duplicate);
    assert_int_equal(brokers_shut_out(), 0);
}

/* Committed, but the node was not told: the log knows. */
static void a_lost_answer_is_found_on_the_log(void **state) {
    struct cluster_bench *cluster = *state;
    struct bench *node = &cluster->nodes[0];
    open_nodes(cluster, 2);
    brokers_hold_commits(names[0], true);
    struct bench_questions *waits = ask(node, "a", "c0");
    brokers_lose_answer(names[0]);
    brokers_hold_commits(names[0], false);
    struct response response = take(waits);
    bench_await(node, SERVICE_READY);
    /* A commit that was on its way may have been the one without an answer. */
    if (response.error.code != 0)
        assert_int_equal(response.error.code, ERROR_NOT_PRIMARY);
    decide(node, "a", "c0");
    await_one_history(cluster, 2, 0);
}

/* ---- by chance ---- */

struct walk {
    struct cluster_bench *cluster;
    uint64_t random;
    struct bench_questions *asked[ASKED_MAX];
    int asked_id[ASKED_MAX], asked_count;
    uint64_t position[IDS]; /* that was acknowledged; 0: none was */
    int64_t score[IDS];
    unsigned acknowledged, sent_away;
};

static uint64_t below(struct walk *walk, uint64_t end) {
    return split_mix(&walk->random) % end;
}

static const char *any_node(struct walk *walk) {
    return names[below(walk, NODES)];
}

static void name_of(int number, char ret_id[16], char ret_card[16]) {
    snprintf(ret_id, 16, "t%d", number);
    snprintf(ret_card, 16, "c%d", number % 7);
}

static void ask_by_chance(struct walk *walk) {
    char id[16], card[16];
    if (walk->asked_count == ASKED_MAX)
        return;
    int number = (int)below(walk, IDS);
    name_of(number, id, card);
    walk->asked_id[walk->asked_count] = number;
    walk->asked[walk->asked_count++] = ask(&walk->cluster->nodes[below(walk, NODES)], id, card);
}

/* An acknowledged decision stays what it is, whoever is asked again. */
static void judge(struct walk *walk, int number, const struct response *response) {
    if (response->error.code != 0) {
        assert_true(is_sent_away(response));
        walk->sent_away++;
        return;
    }
    assert_int_equal(response->score.results[0].error.code, 0);
    const struct decision *decision = &response->score.results[0].decision;
    if (walk->position[number] != 0) {
        assert_int_equal(decision->position, walk->position[number]);
        assert_int_equal(decision->score, walk->score[number]);
    }
    assert_true(decision->position <= brokers_position());
    walk->position[number] = decision->position;
    walk->score[number] = decision->score;
    walk->acknowledged++;
}

/* wait: also for those that are not there yet. */
static void take_answers(struct walk *walk, bool wait) {
    int kept = 0;
    for (int i = 0; i < walk->asked_count; i++) {
        if (wait || bench_is_answered(walk->asked[i], 0)) {
            struct response response = take(walk->asked[i]);
            judge(walk, walk->asked_id[i], &response);
            continue;
        }
        walk->asked[kept] = walk->asked[i];
        walk->asked_id[kept++] = walk->asked_id[i];
    }
    walk->asked_count = kept;
}

static void step(struct walk *walk) {
    switch (below(walk, 40)) {
    case 0: /* moved, and the one before it hears of that */
        move_lease((int)below(walk, NODES));
        break;
    case 1: /* or does not */
        brokers_set_lease(any_node(walk), LEASE_HELD);
        break;
    case 2:
        brokers_set_lease(any_node(walk), LEASE_NONE);
        break;
    case 3:
        brokers_hold_commits(any_node(walk), true);
        break;
    case 4:
        brokers_lose_answer(any_node(walk));
        break;
    case 5:
        brokers_stay_behind(any_node(walk), 1 + (int)below(walk, 4));
        break;
    case 6:
        brokers_heal();
        break;
    case 7:
    case 8:
        pause_ms((long)below(walk, 20));
        break;
    default:
        ask_by_chance(walk);
    }
    take_answers(walk, false);
}

/* The brokers are well again, and one node alone wants to be the primary. */
static void settle(struct walk *walk, int primary) {
    struct bench *node = &walk->cluster->nodes[primary];
    brokers_heal();
    move_lease(primary);
    bench_await(node, SERVICE_READY);
    take_answers(walk, true);
    bench_await(node, SERVICE_READY); /* an answer may have been lost since */
}

/* Whatever was acknowledged is still there. */
static void assert_kept(struct walk *walk, int primary) {
    for (int i = 0; i < IDS; i++) {
        char id[16], card[16];
        if (walk->position[i] == 0)
            continue;
        name_of(i, id, card);
        struct decision decision = decide(&walk->cluster->nodes[primary], id, card);
        assert_true(decision.duplicate);
        assert_int_equal(decision.position, walk->position[i]);
        assert_int_equal(decision.score, walk->score[i]);
    }
}

static void no_walk_loses_or_doubles_a_decision(void **state) {
    uint64_t seed = asked_seed(1), steps = asked_steps(STEPS);
    struct walk walk = {.cluster = *state, .random = seed};
    int primary = 0;
    open_nodes(*state, NODES);
    for (uint64_t i = 0; i < steps; i++) {
        step(&walk);
        if (i % ROUND != ROUND - 1)
            continue;
        primary = (int)below(&walk, NODES);
        settle(&walk, primary);
    }
    settle(&walk, primary);
    assert_kept(&walk, primary);
    decide(&walk.cluster->nodes[primary], "last", "c0");
    await_one_history(walk.cluster, NODES, primary);
    print_message("seed %llu: %u acknowledged, %u sent away, %u commits shut out\n",
                  (unsigned long long)seed, walk.acknowledged, walk.sent_away, brokers_shut_out());
    assert_true(walk.acknowledged > 0 && walk.sent_away > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_that_is_shut_out_acknowledges_nothing),
        TEST(one_that_looks_late_acknowledges_nothing),
        TEST(one_that_is_back_acknowledges_nothing),
        TEST(one_that_takes_over_has_read_to_its_sign),
        TEST(one_without_the_lease_stops),
        TEST(a_lost_answer_is_found_on_the_log),
        TEST(no_walk_loses_or_doubles_a_decision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
