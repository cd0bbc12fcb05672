/* A cluster in small: servers of which one decides, and others refuse with `not_primary`. What
 * clients/README.md says under "Standbys".
 *
 * If a short deadline is the subject, a test tries again until the machine keeps up with it. */
#include "clients/c/base/clock.h"
#include "clients/c/harrier_analyst.h"
#include "fake_server.h"
#include "script_server.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define SLACK_MS   60000
#define PATIENT_US 60000000 /* the deadline of calls that are answered */

enum { NODES_MAX = 3 };

enum conduct { DECIDES, REFUSES, IS_UNAVAILABLE, IS_SILENT };

/* What one server does, which tests change while it runs. */
struct node {
    char address[64];
    struct fake_server *server;
    _Atomic(enum conduct) conduct;
    _Atomic(const char *) names; /* as the primary, when it refuses */
    atomic_uint decides_after;   /* so many refusals from now on; 0: never */
    atomic_uint asked, reads;    /* requests that write; that only read, or are dry runs */
    atomic_bool answers_reads;
    bool is_up; /* as the client says */
};

struct cluster {
    struct node nodes[NODES_MAX];
    size_t count;
    struct harrier_client *client;
    unsigned not_primary, unavailable, ejections; /* as the client counts */
};

/* ---------------------------------------------------------------------------------------------
 * The servers */

static void answer_error(enum error_code code, const char *primary, struct buffer *ret_answer) {
    const struct response response = {
        .error = {.code = code, .message = TEXT_LITERAL("so it is"), .primary = text_of(primary)}};
    message_encode_response(&response, ret_answer);
}

static void answer_status(struct node *node, struct buffer *ret_answer) {
    bool decides = node->conduct == DECIDES;
    const struct response response = {
        .call = CALL_STATUS,
        .status = {.version = TEXT_LITERAL("fake"),
                   .state = text_of(decides ? "ready" : "standby"),
                   .node = text_of(node->address),
                   .primary = text_of(decides ? node->address : node->names)}};
    message_encode_response(&response, ret_answer);
}

static void answer_outcome(struct buffer *ret_answer) {
    const struct outcome_result result = {.transaction_id = TEXT_LITERAL("t-7"), .position = 8};
    const struct response response = {.call = CALL_REPORT_OUTCOME,
                                      .outcome = {.results = &result, .count = 1}};
    message_encode_response(&response, ret_answer);
}

static void answer(const struct request *request, struct arena *arena, struct buffer *ret_answer,
                   int *ret_delay_ms, void *user) {
    struct node *node = user;
    if (request->call == CALL_STATUS) {
        atomic_fetch_add(&node->reads, 1);
        if (node->answers_reads)
            answer_status(node, ret_answer);
        return;
    }
    if (request->call == CALL_SCORE && request->score.dry_run && node->answers_reads) {
        atomic_fetch_add(&node->reads, 1);
        fake_approve(request, arena, ret_answer, ret_delay_ms, NULL);
        return;
    }
    atomic_fetch_add(&node->asked, 1);
    if (node->conduct == IS_SILENT)
        return;
    if (node->conduct == IS_UNAVAILABLE)
        answer_error(ERROR_UNAVAILABLE, NULL, ret_answer);
    else if (node->conduct == REFUSES)
        answer_error(ERROR_NOT_PRIMARY, node->names, ret_answer);
    else if (request->call == CALL_REPORT_OUTCOME)
        answer_outcome(ret_answer);
    else
        fake_approve(request, arena, ret_answer, ret_delay_ms, NULL);
    if (node->decides_after > 0 && atomic_fetch_sub(&node->decides_after, 1) == 1)
        node->conduct = DECIDES;
}

/* ---------------------------------------------------------------------------------------------
 * The client */

static void on_count(const char *name, double value, const struct harrier_metric_label *labels,
                     size_t label_count, void *user) {
    struct cluster *cluster = user;
    (void)label_count;
    if (strcmp(name, "harrier_client_ejections_total") == 0)
        cluster->ejections += (unsigned)value;
    if (strcmp(name, "harrier_client_retries_total") != 0)
        return;
    if (strcmp(labels[0].value, "not_primary") == 0)
        cluster->not_primary += (unsigned)value;
    if (strcmp(labels[0].value, "unavailable") == 0)
        cluster->unavailable += (unsigned)value;
}

static void on_observe(const char *name, double value, const struct harrier_metric_label *labels,
                       size_t label_count, void *user) {
    (void)name;
    (void)value;
    (void)labels;
    (void)label_count;
    (void)user;
}

static void on_set(const char *name, double value, const struct harrier_metric_label *labels,
                   size_t label_count, void *user) {
    struct cluster *cluster = user;
    (void)label_count;
    if (strcmp(name, "harrier_client_address_up") != 0)
        return;
    for (size_t i = 0; i < cluster->count; i++)
        if (strcmp(labels[0].value, cluster->nodes[i].address) == 0)
            cluster->nodes[i].is_up = value > 0;
}

static void await_up(struct cluster *cluster, const struct node *node) {
    struct harrier_reply *reply = NULL;
    for (int i = 0; i < SLACK_MS && !node->is_up; i++) {
        assert_int_equal(harrier_status(cluster->client, false, NULL, &reply, NULL), 0);
        harrier_reply_free(reply);
        usleep(1000);
    }
    assert_true(node->is_up);
}

/* Returns when all servers are connected; they refuse and name nobody. */
static void open_cluster(struct cluster *cluster, size_t count, struct harrier_options options) {
    const char *addresses[NODES_MAX];
    struct harrier_error error;
    const struct harrier_metrics metrics = {
        .count = on_count, .observe = on_observe, .set = on_set, .user = cluster};
    memset(cluster, 0, sizeof *cluster);
    cluster->count = count;
    for (size_t i = 0; i < count; i++) {
        struct node *node = &cluster->nodes[i];
        fake_address(node->address);
        node->conduct = REFUSES;
        node->answers_reads = true;
        node->server = fake_server_start(node->address, answer, node);
        addresses[i] = node->address;
    }
    options.addresses = addresses;
    options.address_count = count;
    options.metrics = &metrics;
    if (options.deadline_us == 0)
        options.deadline_us = PATIENT_US;
    if (harrier_client_new(&options, &cluster->client, &error) < 0)
        fail_msg("%s", error.message);
    for (size_t i = 0; i < count; i++)
        await_up(cluster, &cluster->nodes[i]);
}

static void close_cluster(struct cluster *cluster) {
    harrier_client_free(cluster->client);
    for (size_t i = 0; i < cluster->count; i++)
        fake_server_stop(cluster->nodes[i].server);
}

static const struct harrier_transaction simple = {.id = "t-7", .event_time_us = 1};

static int score_within(struct cluster *cluster, uint64_t deadline_us,
                        struct harrier_error *ret_error) {
    const struct harrier_score_options options = {.deadline_us = deadline_us};
    struct harrier_reply *reply = NULL;
    int r = harrier_score(cluster->client, &simple, 1, &options, &reply, ret_error);
    if (r == 0)
        assert_int_equal(reply->results[0].decision.position, 7);
    harrier_reply_free(reply);
    return -r;
}

static void expect_score(struct cluster *cluster) {
    struct harrier_error error;
    if (score_within(cluster, 0, &error) != 0)
        fail_msg("%s: %s", harrier_error_name(error.code), error.message);
}

/* A call that no server decides. Tried again while the last request is under way at the deadline:
 * then it ends differently. */
static void expect_no_primary(struct cluster *cluster, uint64_t deadline_us,
                              struct harrier_error *ret_error) {
    int code = HARRIER_ERROR_DEADLINE;
    int64_t begun_us = 0;
    for (int i = 0; i < 50 && code == HARRIER_ERROR_DEADLINE; i++) {
        begun_us = monotonic_us();
        code = score_within(cluster, deadline_us, ret_error);
    }
    assert_true(monotonic_us() - begun_us >= (int64_t)deadline_us);
    assert_int_equal(code, HARRIER_ERROR_UNAVAILABLE);
    assert_int_equal(ret_error->decided, HARRIER_DECIDED_NO);
    assert_non_null(strstr(ret_error->message, "no server at"));
    assert_non_null(strstr(ret_error->message, "was the primary"));
}

/* ---------------------------------------------------------------------------------------------
 * Who is the primary */

static void the_named_one_is_asked(void **state) {
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 2, (struct harrier_options){.retries_max = HARRIER_RETRIES_NONE});
    struct node *first = &cluster.nodes[0], *second = &cluster.nodes[1];
    first->names = second->address;
    second->conduct = DECIDES;
    for (int i = 0; i < 10; i++)
        expect_score(&cluster);
    assert_int_equal(first->asked, 1); /* it is known from then on */
    assert_int_equal(second->asked, 10);
    assert_int_equal(cluster.not_primary, 1);
    /* What only reads goes there, too. */
    unsigned reads = first->reads;
    struct harrier_reply *reply = NULL;
    assert_int_equal(harrier_status(cluster.client, false, NULL, &reply, NULL), 0);
    assert_string_equal(reply->status->state, "ready");
    assert_string_equal(reply->status->primary, second->address);
    harrier_reply_free(reply);
    assert_int_equal(first->reads, reads);
    /* They change places. */
    first->conduct = DECIDES;
    second->names = first->address;
    second->conduct = REFUSES;
    for (int i = 0; i < 10; i++)
        expect_score(&cluster);
    assert_int_equal(first->asked, 11);
    assert_int_equal(second->asked, 11);
    close_cluster(&cluster);
}

/* In the order of the list, and without a wait: nobody is known as a standby yet. */
static void others_are_asked_when_none_is_named(void **state) {
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 3, (struct harrier_options){0});
    cluster.nodes[2].conduct = DECIDES;
    for (int i = 0; i < 5; i++)
        expect_score(&cluster);
    assert_int_equal(cluster.nodes[0].asked, 1);
    assert_int_equal(cluster.nodes[1].asked, 1);
    assert_int_equal(cluster.nodes[2].asked, 5);
    assert_int_equal(cluster.not_primary, 2);
    /* Another one is: whoever is named is asked before the other known standby. */
    cluster.nodes[1].conduct = DECIDES;
    cluster.nodes[2].names = cluster.nodes[1].address;
    cluster.nodes[2].conduct = REFUSES;
    expect_score(&cluster);
    assert_int_equal(cluster.nodes[0].asked, 1);
    assert_int_equal(cluster.nodes[1].asked, 2);
    assert_int_equal(cluster.not_primary, 3);
    close_cluster(&cluster);
}

static void outcomes_go_there_too(void **state) {
    (void)state;
    static const struct harrier_outcome fraud = {.transaction_id = "t-7",
                                                 .label = HARRIER_LABEL_FRAUD};
    struct cluster cluster;
    struct harrier_reply *reply = NULL;
    open_cluster(&cluster, 2, (struct harrier_options){0});
    cluster.nodes[1].conduct = DECIDES;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(harrier_report_outcomes(cluster.client, &fraud, 1, NULL, &reply, NULL), 0);
        assert_int_equal(reply->outcomes[0].position, 8);
        harrier_reply_free(reply);
    }
    assert_int_equal(cluster.nodes[0].asked, 1);
    close_cluster(&cluster);
}

/* While the primary is away, a standby answers what only reads; it stays a standby for that. */
static void reading_from_a_standby(void **state) {
    (void)state;
    static const struct harrier_score_options dry = {.dry_run = true};
    struct cluster cluster;
    struct harrier_reply *reply = NULL;
    open_cluster(&cluster, 2, (struct harrier_options){0});
    struct node *first = &cluster.nodes[0], *second = &cluster.nodes[1];
    second->conduct = DECIDES;
    expect_score(&cluster);
    fake_server_stop(second->server);
    unsigned reads = first->reads;
    while (second->is_up || first->reads == reads) { /* until the client has noticed */
        assert_int_equal(harrier_score(cluster.client, &simple, 1, &dry, &reply, NULL), 0);
        harrier_reply_free(reply);
        assert_int_equal(harrier_status(cluster.client, false, NULL, &reply, NULL), 0);
        harrier_reply_free(reply);
    }
    second->server = fake_server_start(second->address, answer, second);
    await_up(&cluster, second);
    expect_score(&cluster);
    assert_int_equal(first->asked, 1);
    assert_int_equal(second->asked, 2);
    close_cluster(&cluster);
}

/* One that names itself would be asked for ever. */
static void one_that_names_itself_is_a_standby(void **state) {
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 2, (struct harrier_options){0});
    cluster.nodes[0].names = cluster.nodes[0].address;
    cluster.nodes[1].conduct = DECIDES;
    for (int i = 0; i < 5; i++)
        expect_score(&cluster);
    assert_int_equal(cluster.nodes[0].asked, 1);
    close_cluster(&cluster);
}

/* Two that name each other are not asked in turns without a wait. */
static void two_that_name_each_other(void **state) {
    (void)state;
    struct cluster cluster;
    struct harrier_error error;
    open_cluster(&cluster, 2, (struct harrier_options){0});
    cluster.nodes[0].names = cluster.nodes[1].address;
    cluster.nodes[1].names = cluster.nodes[0].address;
    expect_no_primary(&cluster, 1000000, &error);
    assert_in_range(cluster.nodes[0].asked + cluster.nodes[1].asked, 2, 400);
    cluster.nodes[1].decides_after = 2;
    expect_score(&cluster);
    close_cluster(&cluster);
}

/* The first names the third again and again; the second takes over. */
static void one_that_nobody_names_has_its_turn(void **state) {
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 3, (struct harrier_options){0});
    cluster.nodes[0].names = cluster.nodes[2].address;
    cluster.nodes[1].decides_after = 2;
    expect_score(&cluster);
    assert_int_equal(cluster.nodes[1].asked, 3);
    close_cluster(&cluster);
}

static void run_nothing(struct script_server *server, int descriptor, unsigned number, void *user) {
    (void)server;
    (void)descriptor;
    (void)number;
    (void)user;
}

static void one_that_is_not_in_the_list_is_never_connected_to(void **state) {
    (void)state;
    char stranger[64];
    struct cluster cluster;
    struct harrier_error error;
    fake_address(stranger);
    struct script_server *server = script_server_start(stranger, run_nothing, NULL);
    open_cluster(&cluster, 1, (struct harrier_options){.token = "secret-word"});
    cluster.nodes[0].names = stranger;
    expect_no_primary(&cluster, 300000, &error);
    assert_non_null(strstr(error.message, cluster.nodes[0].address));
    assert_non_null(strstr(error.message, stranger));
    assert_non_null(strstr(error.message, "not among the addresses"));
    assert_int_equal(script_server_connections(server), 0);
    close_cluster(&cluster);
    script_server_stop(server);
}

/* ---------------------------------------------------------------------------------------------
 * A take-over: again until the deadline */

static void again_until_one_takes_over(void **state) {
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 1, (struct harrier_options){.retries_max = HARRIER_RETRIES_NONE});
    cluster.nodes[0].decides_after = 6;
    expect_score(&cluster);
    assert_int_equal(cluster.nodes[0].asked, 7);
    assert_int_equal(cluster.not_primary, 6);
    close_cluster(&cluster);
}

/* The second, while the first never says so, or in words that are none of our addresses. */
static void whichever_takes_over(void **state) {
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 3, (struct harrier_options){0});
    for (size_t i = 0; i < 3; i++)
        cluster.nodes[i].names = "tcp://as.they.call.it:7130";
    cluster.nodes[1].decides_after = 3;
    expect_score(&cluster);
    assert_int_equal(cluster.nodes[1].asked, 4);
    assert_in_range(cluster.nodes[0].asked, 3, 4);
    assert_in_range(cluster.nodes[2].asked, 3, 4);
    unsigned before = cluster.nodes[0].asked;
    expect_score(&cluster); /* it is known from now on */
    assert_int_equal(cluster.nodes[0].asked, before);
    close_cluster(&cluster);
}

static void the_waits_grow(void **state) {
    (void)state;
    struct cluster cluster;
    struct harrier_error error;
    open_cluster(&cluster, 2, (struct harrier_options){0});
    expect_no_primary(&cluster, 1500000, &error);
    assert_non_null(strstr(error.message, cluster.nodes[0].address));
    assert_non_null(strstr(error.message, cluster.nodes[1].address));
    assert_non_null(strstr(error.message, "within 1500 ms"));
    /* 10, 20, 40, … 500 ms at most, and half of that on average. */
    assert_in_range(cluster.not_primary, 1, 200);
    assert_in_range(cluster.nodes[0].asked, 1, 100); /* they take turns */
    assert_in_range(cluster.nodes[1].asked, 1, 100);
    close_cluster(&cluster);
}

static void take_code(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    *(enum harrier_error_code *)user = error ? error->code : HARRIER_OK;
    harrier_reply_free(reply);
}

static void pipelined_calls_go_there_too(void **state) {
    (void)state;
    struct cluster cluster;
    enum harrier_error_code codes[10];
    open_cluster(&cluster, 2, (struct harrier_options){0});
    cluster.nodes[0].names = cluster.nodes[1].address;
    cluster.nodes[1].decides_after = 5;
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(
            harrier_score_submit(cluster.client, &simple, 1, NULL, take_code, &codes[i], NULL), 0);
    harrier_drain(cluster.client);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(codes[i], HARRIER_OK);
    close_cluster(&cluster);
}

static void a_fallback_decides_in_the_end(void **state) {
    (void)state;
    struct cluster cluster;
    struct harrier_reply *reply = NULL;
    open_cluster(&cluster, 1, (struct harrier_options){.fallback = HARRIER_VERDICT_REVIEW});
    const struct harrier_score_options options = {.deadline_us = 100000};
    assert_int_equal(harrier_score(cluster.client, &simple, 1, &options, &reply, NULL), 0);
    assert_true(reply->results[0].decision.fallback);
    assert_int_equal(reply->results[0].decision.verdict, HARRIER_VERDICT_REVIEW);
    harrier_reply_free(reply);
    close_cluster(&cluster);
}

static void *close_soon(void *argument) {
    struct cluster *cluster = argument;
    for (int i = 0; i < SLACK_MS && cluster->nodes[0].asked < 5; i++)
        usleep(1000);
    harrier_client_close(cluster->client, 0);
    return NULL;
}

/* It mostly waits between two attempts then, and is over long before its deadline. */
static void closing_ends_the_waits(void **state) {
    (void)state;
    struct cluster cluster;
    struct harrier_error error;
    pthread_t thread;
    open_cluster(&cluster, 1, (struct harrier_options){0});
    assert_int_equal(pthread_create(&thread, NULL, close_soon, &cluster), 0);
    assert_int_equal(score_within(&cluster, 0, &error), HARRIER_ERROR_CLOSED);
    pthread_join(thread, NULL);
    close_cluster(&cluster);
}

/* ---------------------------------------------------------------------------------------------
 * Standbys and failures */

static void unavailable_counts_as_ever(void **state) {
    (void)state;
    struct cluster cluster;
    struct harrier_error error;
    open_cluster(&cluster, 1, (struct harrier_options){.retries_max = 2});
    cluster.nodes[0].conduct = IS_UNAVAILABLE;
    assert_int_equal(score_within(&cluster, 0, &error), HARRIER_ERROR_UNAVAILABLE);
    assert_string_equal(error.message, "so it is");
    assert_int_equal(cluster.nodes[0].asked, 3);
    assert_int_equal(cluster.unavailable, 2);
    assert_int_equal(cluster.not_primary, 0);
    close_cluster(&cluster);
}

/* A standby is no other address to go to at once. */
static void a_primary_that_is_unavailable_is_waited_for(void **state) {
    (void)state;
    struct cluster cluster;
    struct harrier_error error;
    open_cluster(&cluster, 2, (struct harrier_options){.retries_max = 1000, .eject_after = 1000});
    cluster.nodes[0].names = cluster.nodes[1].address;
    cluster.nodes[1].conduct = IS_UNAVAILABLE;
    assert_int_not_equal(score_within(&cluster, 1000000, &error), 0);
    assert_in_range(cluster.nodes[0].asked, 0, 1);
    assert_in_range(cluster.nodes[1].asked, 0, 100);
    close_cluster(&cluster);
}

static void a_standby_is_not_ejected(void **state) {
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 2, (struct harrier_options){.eject_after = 1});
    cluster.nodes[1].decides_after = 5;
    expect_score(&cluster);
    assert_int_equal(cluster.ejections, 0);
    assert_true(cluster.nodes[0].is_up);
    close_cluster(&cluster);
}

/* Lets one deadline pass at the first, which ejects it. */
static void eject_first(struct cluster *cluster) {
    struct harrier_error error;
    enum conduct before = cluster->nodes[0].conduct;
    cluster->nodes[0].conduct = IS_SILENT;
    for (uint64_t deadline_us = 100000; cluster->ejections == 0; deadline_us *= 2) {
        assert_in_range(deadline_us, 0, PATIENT_US);
        assert_int_not_equal(score_within(cluster, deadline_us, &error), 0);
    }
    assert_false(cluster->nodes[0].is_up);
    cluster->nodes[0].conduct = before;
}

static void a_probe_takes_a_standby_for_up(void **state) {
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 2, (struct harrier_options){.eject_after = 1});
    eject_first(&cluster);
    cluster.nodes[1].conduct = DECIDES;
    unsigned asked = cluster.nodes[0].asked;
    await_up(&cluster, &cluster.nodes[0]);
    assert_int_equal(cluster.nodes[0].asked, asked);
    close_cluster(&cluster);
}

/* The primary was slow and is left out; the standby cannot decide, and says who can. No probe is
 * answered, so nothing else brings it back. */
static void a_primary_that_is_ejected(void **state) {
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 2, (struct harrier_options){.eject_after = 1});
    cluster.nodes[0].answers_reads = false;
    cluster.nodes[0].conduct = DECIDES;
    eject_first(&cluster);
    cluster.nodes[1].names = cluster.nodes[0].address;
    expect_score(&cluster);
    assert_true(cluster.nodes[0].is_up);
    assert_int_equal(cluster.nodes[1].asked, 1);
    close_cluster(&cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_named_one_is_asked),
        cmocka_unit_test(others_are_asked_when_none_is_named),
        cmocka_unit_test(outcomes_go_there_too),
        cmocka_unit_test(reading_from_a_standby),
        cmocka_unit_test(one_that_names_itself_is_a_standby),
        cmocka_unit_test(two_that_name_each_other),
        cmocka_unit_test(one_that_nobody_names_has_its_turn),
        cmocka_unit_test(one_that_is_not_in_the_list_is_never_connected_to),
        cmocka_unit_test(again_until_one_takes_over),
        cmocka_unit_test(whichever_takes_over),
        cmocka_unit_test(the_waits_grow),
        cmocka_unit_test(pipelined_calls_go_there_too),
        cmocka_unit_test(a_fallback_decides_in_the_end),
        cmocka_unit_test(closing_ends_the_waits),
        cmocka_unit_test(unavailable_counts_as_ever),
        cmocka_unit_test(a_primary_that_is_unavailable_is_waited_for),
        cmocka_unit_test(a_standby_is_not_ejected),
        cmocka_unit_test(a_probe_takes_a_standby_for_up),
        cmocka_unit_test(a_primary_that_is_ejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
