/* Which rules fired and failed: the series of each rule, over reloads and beyond the limit of
 * names; what the answer says; the line in the log. */
#include "server/base/rule_counts.h"
#include "server/base/rule_failures.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#define MINUTE (60 * BENCH_SECOND)

/* ---- what the server says ---- */

static const char *metrics(struct bench *bench) {
    struct buffer out;
    buffer_init(&out);
    service_write_rules(bench->service, &out);
    const char *text = arena_text(&bench->arena, (struct text){.data = (const char *)out.bytes,
                                                               .length = out.length})
                           .data;
    buffer_deinit(&out);
    return text;
}

static const char *series(const char *name, const char *labels, char *ret_line) {
    snprintf(ret_line, 160, "\n%s{%s} ", name, labels);
    return ret_line;
}

/* The value of harrierd_rule_fires_total; -1: there is no such series. */
static long fires(struct bench *bench, const char *rule, const char *mode) {
    char labels[100], line[160];
    snprintf(labels, sizeof labels, "rule=\"%s\",mode=\"%s\"", rule, mode);
    const char *all = metrics(bench),
               *at = strstr(all, series("harrierd_rule_fires_total", labels, line));
    return at ? strtol(at + strlen(line), NULL, 10) : -1;
}

static long errors(struct bench *bench, const char *rule) {
    char labels[100], line[160];
    snprintf(labels, sizeof labels, "rule=\"%s\"", rule);
    const char *all = metrics(bench),
               *at = strstr(all, series("harrierd_rule_errors_total", labels, line));
    return at ? strtol(at + strlen(line), NULL, 10) : -1;
}

/* The lines of the log about failed rules, from behind their time on; each ends in a line feed. */
static const char *log_lines_of(struct bench *bench, size_t *ret_count) {
    static char all[1 << 16], found[1 << 14];
    int descriptor = open(bench->path[4], O_RDONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    ssize_t length = read(descriptor, all, sizeof all - 1);
    close(descriptor);
    assert_true(length >= 0);
    all[length] = '\0';
    *found = '\0';
    *ret_count = 0;
    for (char *line = strtok(all, "\n"); line; line = strtok(NULL, "\n"))
        if (strstr(line, " warning rules failed in ")) {
            strcat(strcat(found, strstr(line, "rules failed")), "\n");
            ++*ret_count;
        }
    return found;
}

static void assert_logged(struct bench *bench, size_t count, const char *lines) {
    size_t found;
    const char *logged = log_lines_of(bench, &found);
    assert_string_equal(logged, lines);
    assert_int_equal(found, count);
}

static void write_rules(struct bench *bench, const char *rules) {
    bench_write_policy(bench, "rules/all.yaml", rules);
}

static void reload(struct bench *bench) {
    const struct request request = {.call = CALL_RELOAD, .reload.wait = true};
    struct response response = bench_call(bench, &request);
    assert_int_equal(response.error.code, 0);
    if (response.reload.policy.result != RELOAD_ADOPTED)
        fail_msg("%.*s", TEXT_ARGS(response.reload.policy.messages));
}

static struct decision score(struct bench *bench, const char *id, int64_t amount_minor) {
    struct score_result result =
        bench_score(bench, bench_transaction(id, atoi(id), "c1", amount_minor));
    if (result.error.code)
        fail_msg("%s: %.*s", id, TEXT_ARGS(result.error.message));
    return result.decision;
}

/* amount_minor 13 makes `ratio` and `trial` divide by zero, 14 and more `ratio` alone true. */
static const char three_rules[] =
    "rules:\n"
    "  - {name: often, when: card.count_1h >= 2, then: {score: 10},\n"
    "     suppress: {by: card, for: 1h}}\n"
    "  - {name: ratio, when: 100 / (amount_minor - 13) > 0, then: {score: 10}}\n"
    "  - {name: trial, when: 100 / (amount_minor - 13) > 10, then: {score: 10}, mode: shadow}\n"
    "  - {name: asleep, when: amount_minor > 0, then: {score: 10}, mode: off}\n";

/* ---- tests ---- */

static void each_rule_is_counted_by_what_it_did(void **state) {
    struct bench *bench = *state;
    write_rules(bench, three_rules);
    bench_open(bench);
    assert_int_equal(fires(bench, "often", "live"), 0); /* there before they first fire */
    assert_int_equal(fires(bench, "often", "suppressed"), 0);
    assert_int_equal(fires(bench, "often", "shadow"), -1); /* what it cannot do has no series */
    assert_int_equal(fires(bench, "ratio", "suppressed"), -1);
    assert_int_equal(fires(bench, "trial", "live"), -1);
    assert_int_equal(fires(bench, "asleep", "live"), -1);
    assert_int_equal(errors(bench, "asleep"), -1);
    assert_int_equal(fires(bench, "_other", "live"), -1);

    score(bench, "0", 10);  /* nothing */
    score(bench, "1", 15);  /* often, ratio, trial */
    score(bench, "2", 100); /* often again: suppressed; ratio */
    score(bench, "2", 100); /* its first decision again */
    struct decision failed = score(bench, "3", 13);
    assert_int_equal(failed.rule_errors, 2);
    assert_int_equal(failed.failed_rule_count, 2);
    assert_true(text_is(failed.failed_rules[0], "ratio"));
    assert_true(text_is(failed.failed_rules[1], "trial"));
    struct transaction trial = bench_transaction("4", 4, "c1", 13);
    const struct request dry = {
        .call = CALL_SCORE,
        .score = {.transactions = &trial, .transaction_count = 1, .dry_run = true}};
    assert_int_equal(bench_call(bench, &dry).score.results[0].decision.rule_errors, 2);
    struct decision again = score(bench, "3", 13); /* from the archive */
    assert_true(again.duplicate);
    assert_int_equal(again.failed_rule_count, 2);
    assert_true(text_is(again.failed_rules[1], "trial"));

    assert_int_equal(fires(bench, "often", "live"), 1);
    assert_int_equal(fires(bench, "often", "suppressed"), 2);
    assert_int_equal(fires(bench, "ratio", "live"), 2);
    assert_int_equal(fires(bench, "trial", "shadow"), 1);
    assert_int_equal(errors(bench, "often"), 0);
    assert_int_equal(errors(bench, "ratio"), 1);
    assert_int_equal(errors(bench, "trial"), 1);
}

static void a_reload_keeps_what_was_counted(void **state) {
    struct bench *bench = *state;
    write_rules(bench, three_rules);
    bench_open(bench);
    score(bench, "1", 15);
    score(bench, "2", 13);
    /* Another order, another mode, one gone, one new. */
    write_rules(bench,
                "rules:\n"
                "  - {name: fresh, when: amount_minor == 15, then: {score: 10}}\n"
                "  - {name: trial, when: 100 / (amount_minor - 13) > 10, then: {score: 10}}\n"
                "  - {name: often, when: card.count_1h >= 99, then: {score: 10}}\n");
    reload(bench);
    score(bench, "3", 15);
    score(bench, "4", 13);
    assert_int_equal(fires(bench, "fresh", "live"), 1);
    assert_int_equal(fires(bench, "trial", "shadow"), 1); /* before */
    assert_int_equal(fires(bench, "trial", "live"), 1);
    assert_int_equal(fires(bench, "ratio", "live"), 1);
    assert_int_equal(fires(bench, "often", "live"), 1);
    assert_int_equal(errors(bench, "trial"), 2);
    assert_int_equal(errors(bench, "ratio"), 1);
    assert_int_equal(errors(bench, "fresh"), 0);
    write_rules(bench, three_rules);
    reload(bench);
    score(bench, "5", 15);
    assert_int_equal(fires(bench, "ratio", "live"), 2);
    assert_int_equal(fires(bench, "trial", "shadow"), 2);
    assert_int_equal(fires(bench, "trial", "live"), 1);
}

static void set_file_limit(rlim_t most) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = most == RLIM_INFINITY ? limit.rlim_max : most;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int teardown(void **state) {
    set_file_limit(RLIM_INFINITY); /* a test may have failed before it did */
    return bench_teardown(state);
}

static void what_was_not_written_is_not_counted(void **state) {
    struct bench *bench = *state;
    write_rules(bench, three_rules);
    bench_open(bench);
    score(bench, "1", 15);
    struct status_response status = bench_status(bench);
    while (status.synced_position < status.position)
        status = bench_status(bench);
    signal(SIGXFSZ, SIG_IGN);
    set_file_limit(0);
    struct score_result result = bench_score(bench, bench_transaction("2", 2, "c1", 13));
    assert_int_equal(result.error.code, ERROR_UNAVAILABLE);
    bench_await(bench, SERVICE_UNAVAILABLE);
    assert_int_equal(errors(bench, "ratio"), 0);
    set_file_limit(RLIM_INFINITY);
    service_poll_recovery(bench->service);
    bench_await(bench, SERVICE_READY);
    service_poll(bench->service);
    assert_logged(bench, 0, "");
    score(bench, "2", 13); /* the engine is a new one */
    assert_int_equal(errors(bench, "ratio"), 1);
}

/* As one policy after another brings names. */
static void only_so_many_names_have_a_series(void **state) {
    (void)state;
    enum { AT_ONCE = 1000 };
    struct rule_counts *counts = rule_counts_new();
    struct rule rules[AT_ONCE];
    char names[AT_ONCE][16];
    for (size_t policy = 0; policy < 3; policy++) {
        for (size_t i = 0; i < AT_ONCE; i++) {
            snprintf(names[i], sizeof names[i], "r%zu", policy * AT_ONCE + i);
            rules[i] = (struct rule){.name = text_of(names[i]), .suppress_slot = SIZE_MAX};
        }
        const struct snapshot snapshot = {.rules = rules, .rule_count = AT_ONCE};
        const struct reason reasons[] = {{.index = 0}, {.index = 999}};
        const struct rule_failure failures[] = {{.index = 0}, {.index = 998}, {.index = 999}};
        const struct decision decision = {
            .reasons = reasons, .reason_count = 2, .failures = failures, .rule_errors = 3};
        uint16_t *places = rule_counts_places(counts, &snapshot);
        rule_counts_add(counts, places, &decision);
        free(places);
        places = rule_counts_places(counts, &snapshot); /* known by now */
        rule_counts_add(counts, places, &decision);
        free(places);
    }
    struct buffer out;
    buffer_init(&out);
    rule_counts_write(counts, &out);
    buffer_append_u8(&out, '\0');
    const char *text = (const char *)out.bytes;
    static const char *const expected[] = {
        "\nharrierd_rule_fires_total{rule=\"_other\",mode=\"live\"} 4\n",
        "\nharrierd_rule_errors_total{rule=\"_other\"} 6\n",
        "\nharrierd_rule_fires_total{rule=\"r0\",mode=\"live\"} 2\n",
        "\nharrierd_rule_fires_total{rule=\"r1\",mode=\"live\"} 0\n",
        "\nharrierd_rule_fires_total{rule=\"r1999\",mode=\"live\"} 2\n",
        "\nharrierd_rule_errors_total{rule=\"r1998\"} 2\n",
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (!strstr(text, expected[i]))
            fail_msg("missing: %s", expected[i]);
    assert_null(strstr(text, "\"r2000\""));
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    assert_int_equal(lines, 2 * (2 + 1 + RULE_NAMES_MAX));
    buffer_deinit(&out);
    rule_counts_free(counts);
}

static void the_log_names_them_once_a_minute(void **state) {
    struct bench *bench = *state;
    write_rules(bench, three_rules);
    bench_open(bench);
    score(bench, "1", 15);
    service_poll(bench->service);
    assert_logged(bench, 0, "");
    score(bench, "2", 13);
    service_poll(bench->service);
    const char *first = "rules failed in 1 decision: ratio (division by zero) in 1, "
                        "trial (division by zero) in 1\n";
    assert_logged(bench, 1, first);
    /* Within the minute, under another policy too. */
    score(bench, "3", 13);
    write_rules(bench, "rules:\n"
                       "  - {name: ratio, when: 100 / (amount_minor - 13) > 0, then: {score: 10}}\n"
                       "  - {name: wide, when: amount_minor * 9223372036854775807 < 0,\n"
                       "     then: {score: 10}}\n");
    reload(bench);
    score(bench, "4", 13);
    score(bench, "5", 14);
    atomic_fetch_add(&bench->clock.monotonic_us, MINUTE - 1);
    service_poll(bench->service);
    assert_logged(bench, 1, first);
    atomic_fetch_add(&bench->clock.monotonic_us, 1);
    service_poll(bench->service);
    char both[512];
    snprintf(both, sizeof both,
             "%srules failed in 3 decisions since the last such line: ratio (division by zero) in "
             "2, trial (division by zero) in 1, wide (overflow) in 2\n",
             first);
    assert_logged(bench, 2, both);
    atomic_fetch_add(&bench->clock.monotonic_us, 5 * MINUTE); /* nothing has failed since */
    service_poll(bench->service);
    assert_logged(bench, 2, both);
    score(bench, "6", 14); /* and what fails last is not lost */
    bench_close(bench);
    snprintf(both + strlen(both), sizeof both - strlen(both),
             "rules failed in 1 decision since the last such line: wide (overflow) in 1\n");
    assert_logged(bench, 3, both);
}

/* A line has room for some; the others are mentioned. */
static void a_line_names_the_first_ones(void **state) {
    (void)state;
    struct text names[RULE_FAILURES_NAMED + 2];
    struct rule_failure reasons[RULE_FAILURES_NAMED + 2];
    char texts[RULE_FAILURES_NAMED + 2][8];
    for (size_t i = 0; i < RULE_FAILURES_NAMED + 2; i++) {
        snprintf(texts[i], sizeof texts[i], "r%zu", i);
        names[i] = text_of(texts[i]);
        reasons[i] = (struct rule_failure){.index = (uint32_t)i, .reason = EXPRESSION_OVERFLOW};
    }
    struct rule_failures failures = {0}, due;
    struct decision decision = {
        .failed_rules = names, .failures = reasons, .failed_rule_count = 1, .rule_errors = 1};
    rule_failures_note(&failures, &decision);
    assert_false(failures.has_more);
    decision.rule_errors = 2; /* one that the decision does not name */
    rule_failures_note(&failures, &decision);
    assert_true(failures.has_more);
    assert_true(rule_failures_take(&failures, 5 * MINUTE, &due));
    assert_int_equal(due.decisions, 2);
    assert_int_equal(due.of[0].decisions, 2);
    assert_false(failures.has_more);
    reasons[0].reason = EXPRESSION_TOO_LARGE; /* the same rule for another reason */
    decision.rule_errors = 1;
    rule_failures_note(&failures, &decision);
    reasons[0].reason = EXPRESSION_OVERFLOW;
    decision.failed_rule_count = decision.rule_errors = RULE_FAILURES_NAMED + 2;
    rule_failures_note(&failures, &decision);
    assert_false(rule_failures_take(&failures, 6 * MINUTE - 1, &due));
    assert_true(rule_failures_take(&failures, 6 * MINUTE, &due));
    assert_int_equal(due.count, RULE_FAILURES_NAMED);
    assert_int_equal(due.of[0].reason, EXPRESSION_TOO_LARGE);
    assert_string_equal(due.of[1].name, "r0");
    assert_string_equal(due.of[RULE_FAILURES_NAMED - 1].name, "r6");
    assert_true(due.has_more);
    assert_false(rule_failures_take(&failures, 60 * MINUTE, &due));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_rule_is_counted_by_what_it_did, bench_setup, teardown),
        cmocka_unit_test_setup_teardown(a_reload_keeps_what_was_counted, bench_setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_not_written_is_not_counted, bench_setup, teardown),
        cmocka_unit_test(only_so_many_names_have_a_series),
        cmocka_unit_test_setup_teardown(the_log_names_them_once_a_minute, bench_setup, teardown),
        cmocka_unit_test(a_line_names_the_first_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
