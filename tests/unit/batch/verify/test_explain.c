/* Transactions of an archive that a server has written, explained: each derivation must be the
 * archived decision, from the tables of then and without them, in one thread and several, and what
 * the server itself explains must be the same. Another policy's decision must be that of a replay
 * under it. */
#include "batch/verify/explain.h"

#include "batch/rebuild/rebuild.h"
#include "batch/replay/replay.h"
#include "core/base/check.h"
#include "core/store/archive/archive.h"
#include "core/store/explain/explain.h"
#include "tests/unit/asked.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HOUR_S       3600
#define DAY_S        86400
#define MOST_NUMBERS 20000

static const char *const features[] = {
    "entities:\n"
    "  card: {key: card}\n"
    "  merchant: {key: merchant}\n"
    "  pair: {key: [card, merchant]}\n"
    "  domain: {key: domain}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: declined_1d, aggregate: count, where: \"verdict == 'review'\", window: 1d}\n"
    "    - {name: fraud_1d, aggregate: count, where: \"outcome == 'fraud'\", window: 1d}\n"
    "    - {name: mean_1d, aggregate: mean, of: amount, window: 1d, exclude_current: true}\n"
    "  merchant:\n"
    "    - {name: cards_1d, aggregate: distinct, of: card, window: 1d}\n"
    "  pair:\n"
    "    - {name: count_1d, aggregate: count, window: 1d}\n"
    "  domain:\n"
    "    - {name: count_1d, aggregate: count, window: 1d}\n"
    "values:\n"
    "  - {name: times_usual, value: \"card.mean_1d > 0.0 ? amount / card.mean_1d : 1.0\"}\n",
    "entities:\n"
    "  card: {key: card}\n"
    "  pair: {key: [card, merchant]}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: sum_1d, aggregate: sum, of: amount, window: 1d}\n"
    "  pair:\n"
    "    - {name: count_1d, aggregate: count, window: 1d}\n"
    "values:\n"
    "  - {name: times_usual, value: \"amount / 10.0\"}\n",
};

static const char rules[] = "rules:\n"
                            "  - name: many\n"
                            "    about: Many at once\n"
                            "    when: card.count_1h >= 3 && amount > thresholds.usual[merchant]\n"
                            "    then: {score: %d}\n"
                            "    group: speed\n"
                            "  - name: often_here\n"
                            "    when: pair.count_1d >= 2\n"
                            "    then: {score: 150}\n"
                            "    group: speed\n"
                            "    suppress: {by: card, for: 1h}\n"
                            "  - name: listed\n"
                            "    when: card in lists.watched || times_usual > 9.0\n"
                            "    then: {verdict: challenge, score: 90}\n"
                            "    rollout: {percent: 60%%, by: card}\n"
                            "  - name: fragile\n"
                            "    when: 100 / (card.count_1h - 2) > 40\n"
                            "    then: {score: 10}\n"
                            "    on_error: review\n"
                            "  - name: on_trial\n"
                            "    when: \"!(merchant in ['m0', 'm1'])\"\n"
                            "    then: {verdict: decline}\n"
                            "    mode: shadow\n"
                            "  - name: switched_off\n"
                            "    when: amount > 1.0\n"
                            "    then: {verdict: decline}\n"
                            "    mode: off\n"
                            "  - name: long_over\n"
                            "    when: amount > 1.0\n"
                            "    then: {verdict: decline}\n"
                            "    until: 2020-01-01\n";

static const char policy_yaml[] = "policy:\n"
                                  "  name: bench\n"
                                  "  base_currency: EUR\n"
                                  "  lateness: 1h\n"
                                  "  on_error: skip\n"
                                  "  cutoffs: {review: 300, challenge: 500, decline: 700}\n"
                                  "groups:\n"
                                  "  speed: {score: sum, at_most: 380}\n";

static void write_policy(struct bench *bench, unsigned variant) {
    char text[sizeof rules + 16];
    snprintf(text, sizeof text, rules, 200 + 60 * (int)(variant % 3));
    bench_write_policy(bench, "policy.yaml", policy_yaml);
    bench_write_policy(bench, "schema.yaml", "derived:\n  domain: {value: emailDomain(email)}\n");
    bench_write_policy(bench, "features.yaml", features[variant % 2]);
    bench_write_policy(bench, "lists.yaml",
                       "lists:\n  watched: {type: string, file: watched.txt}\n");
    bench_write_policy(bench, "watched.txt", "c1\n");
    bench_write_policy(bench, "thresholds.yaml",
                       "thresholds:\n"
                       "  - {name: usual, quantile: 0.3, of: amount, by: merchant, over: 2d,\n"
                       "     minimum: 5, fallback: 40}\n"
                       "budgets:\n"
                       "  - {verdict: review, at_most: 0.2, over: 2d, minimum: 20}\n");
    bench_write_policy(bench, "rules/all.yaml", text);
}

/* ---- the server's life ---- */

static uint64_t random_state;

static unsigned random_below(unsigned bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % bound);
}

struct life {
    struct bench bench;
    char shadow[128];                    /* a folder */
    unsigned number;                     /* of transactions */
    enum verdict verdicts[MOST_NUMBERS]; /* that the server answered with */
};

static int setup(void **state) {
    struct life *life = check_calloc(1, sizeof *life);
    bench_init(&life->bench);
    atomic_store(&life->bench.clock.wall_us, BENCH_START_US + INT64_C(4) * DAY_S * BENCH_SECOND);
    write_policy(&life->bench, 0);
    random_state = asked_seed(3);
    *state = life;
    return 0;
}

static int teardown(void **state) {
    struct life *life = *state;
    bench_deinit(&life->bench);
    free(life);
    return 0;
}

static struct transaction next_transaction(struct life *life) {
    struct arena *arena = &life->bench.arena;
    unsigned card = random_below(40);
    int64_t ago_s = random_below(card < 4 ? HOUR_S : 2 * DAY_S);
    struct transaction transaction =
        bench_transaction(arena_printf(arena, "t%u", life->number).data, 4 * DAY_S - ago_s,
                          arena_printf(arena, "c%u", card).data, 100 + random_below(9000));
    transaction.fields[FIELD_MERCHANT] = arena_printf(arena, "m%u", random_below(3));
    if (random_below(3) > 0)
        transaction.fields[FIELD_EMAIL] =
            arena_printf(arena, "who%u@d%u.example", random_below(9), random_below(3));
    return transaction;
}

static void change_list(struct life *life) {
    const struct list_change change = {
        .list = TEXT_LITERAL("watched"),
        .value = arena_printf(&life->bench.arena, "c%u", random_below(40)),
        .remove = random_below(3) == 0};
    const struct request request = {.call = CALL_CHANGE_LIST,
                                    .list_change = {.changes = &change, .change_count = 1}};
    assert_int_equal(bench_call(&life->bench, &request).error.code, 0);
}

static void some_traffic(struct life *life) {
    for (unsigned count = 5 + random_below(30); count > 0; count--) {
        struct score_result result = bench_score(&life->bench, next_transaction(life));
        if (result.error.code != 0)
            fail_msg("%.*s", TEXT_ARGS(result.error.message));
        life->verdicts[life->number++] = result.decision.verdict;
        assert_true(life->number < MOST_NUMBERS);
        if (random_below(8) == 0)
            change_list(life);
        if (random_below(4) > 0)
            continue;
        char id[16];
        snprintf(id, sizeof id, "t%u", random_below(life->number));
        bench_report(&life->bench, id, random_below(2) ? LABEL_FRAUD : LABEL_NONE);
    }
}

static void reload(struct life *life, unsigned variant) {
    struct bench *bench = &life->bench;
    write_policy(bench, variant);
    int64_t before = metric_total(bench->metrics, RELOADS);
    service_reload(bench->service, NULL, bench->settings.max_ahead_us);
    for (int i = 0; i < BENCH_WAIT_MS && metric_total(bench->metrics, RELOADS) == before; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(metric_value(bench->metrics, RELOADS, RELOAD_REFUSED), 0);
    bench_status(bench); /* waits for the lock, under which it is adopted */
}

/* Of all that was written: a rebuild reads no further. */
static void wait_for_sync(struct life *life) {
    for (int i = 0; i < BENCH_WAIT_MS; i++) {
        const struct status_response status = bench_status(&life->bench);
        if (status.synced_position == status.position)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fail_msg("it is not synced");
}

/* policy NULL: that of the archive. */
static void rebuild_with(struct life *life, const char *policy, size_t keep) {
    const struct rebuild_options options = {.archive = life->bench.settings.archive,
                                            .generations = life->bench.settings.generations,
                                            .policy = policy,
                                            .keep = keep,
                                            .version = "test",
                                            .now_us = BENCH_START_US};
    struct rebuild_report report;
    struct error error;
    wait_for_sync(life);
    if (rebuild_run(&options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    rebuild_report_deinit(&report);
}

static void rebuild(struct life *life, size_t keep) {
    rebuild_with(life, NULL, keep);
}

/* A folder with another policy than the one that decides. */
static const char *write_beside(struct life *life, const char *name, unsigned variant) {
    static char folder[128];
    struct bench *bench = &life->bench;
    const char *own = bench->settings.policy;
    char path[192];
    snprintf(folder, sizeof folder, "%s/%s", bench->folder, name);
    snprintf(path, sizeof path, "%s/rules", folder);
    if (mkdir(folder, 0700) == 0)
        mkdir(path, 0700);
    bench->settings.policy = folder;
    write_policy(bench, variant);
    bench->settings.policy = own;
    return folder;
}

static void forget_tables(struct life *life) {
    char path[192];
    snprintf(path, sizeof path, "%s/current", life->bench.settings.generations);
    unlink(path); /* there may be none yet */
}

static void restart(struct life *life) {
    bench_close(&life->bench);
    bench_open(&life->bench);
}

/* The policy that decides, with another score. */
static void use_shadow(struct life *life) {
    static const char *folders[1];
    snprintf(life->shadow, sizeof life->shadow, "%s", write_beside(life, "shadow", 2));
    folders[0] = life->shadow;
    life->bench.settings.shadows = folders;
    life->bench.settings.shadow_count = 1;
}

/* Reloads, tables made meanwhile and adopted later, tables of another policy, tables that somebody
 * removed, restarts. */
static void live(struct life *life, int steps) {
    bench_open(&life->bench);
    for (int step = 0; step < steps; step++) {
        some_traffic(life);
        unsigned what = random_below(8);
        if (what == 0) {
            reload(life, random_below(6));
        } else if (what == 1) {
            write_policy(&life->bench, random_below(6));
            restart(life);
        } else if (what == 2) {
            forget_tables(life);
            restart(life);
        } else if (what == 3) {
            rebuild_with(life, write_beside(life, "other", random_below(6)), 2);
            some_traffic(life);
            restart(life);
        } else {
            rebuild(life, 2);
            some_traffic(life);
            restart(life);
        }
    }
    some_traffic(life);
}

/* ---- explaining ---- */

struct case_of {
    const char *id;
    bool with_tables;
    const char *policy;
    uint64_t position;
    size_t threads;
    uint64_t chunk_bytes;
};

static int try_explain(struct life *life, const struct case_of *of, struct arena *arena,
                       struct explanation *ret_explanation, struct error *ret_error) {
    const struct explain_job job = {.archive = life->bench.settings.archive,
                                    .generations =
                                        of->with_tables ? life->bench.settings.generations : NULL,
                                    .id = of->id,
                                    .position = of->position,
                                    .policy = of->policy,
                                    .threads = of->threads ? of->threads : 1,
                                    .chunk_bytes = of->chunk_bytes};
    return explain_run(&job, NULL, arena, ret_explanation, ret_error);
}

static struct explanation explain(struct life *life, const struct case_of *of,
                                  struct arena *arena) {
    struct explanation explanation;
    struct error error;
    if (try_explain(life, of, arena, &explanation, &error) < 0)
        fail_msg("%s: %s", of->id, error.text);
    return explanation;
}

static const struct explained_rule *find_rule(const struct explained_policy *policy,
                                              const char *name) {
    for (size_t i = 0; i < policy->rule_count; i++)
        if (text_is(policy->rules[i].name, name))
            return &policy->rules[i];
    fail_msg("no rule %s", name);
    return NULL;
}

/* Scores add up to the decision's, and what asks for its verdict is there. */
static void expect_sense(const struct explained_policy *policy) {
    const struct decision *decision = &policy->decision;
    enum verdict asked = VERDICT_APPROVE;
    int64_t sum = 0, counted = 0;
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct explained_rule *rule = &policy->rules[i];
        assert_true(rule->part_count > 0);
        assert_int_equal(rule->parts[0].depth, 0);
        bool failed = rule->fate == FATE_ERROR && rule->mode == MODE_LIVE;
        enum verdict verdict = failed ? rule->verdict_on_error : rule->verdict;
        if (!failed && rule->fate != FATE_FIRED)
            continue;
        asked = verdict > asked ? verdict : asked;
        sum += failed ? 0 : rule->score - rule->capped;
    }
    for (size_t i = 0; i < policy->group_count; i++)
        counted += policy->groups[i].counted;
    assert_true(counted <= 380);
    assert_int_equal(sum < 0 ? 0 : sum > 1000 ? 1000 : sum, decision->score);
    for (size_t i = 0; i < policy->cutoff_count; i++)
        if (decision->score >= policy->cutoffs[i].score && policy->cutoffs[i].verdict > asked)
            asked = policy->cutoffs[i].verdict;
    assert_int_equal(asked, decision->verdict);
}

struct seen {
    unsigned from_tables, from_start, with_shadows, later;
    unsigned fates[FATE_COUNT], origins[ORIGIN_COUNT], computed_cutoffs, added;
};

static void look(const struct explanation *explanation, struct seen *seen) {
    const struct explained_policy *then = &explanation->then;
    seen->from_tables += explanation->base_position > 0;
    seen->from_start += explanation->base_position == 0;
    seen->with_shadows += then->shadow_count > 0;
    seen->later += explanation->outcome_count > 0;
    for (size_t i = 0; i < then->cutoff_count; i++)
        seen->computed_cutoffs += then->cutoffs[i].is_computed;
    for (size_t i = 0; i < then->rule_count; i++) {
        seen->fates[then->rules[i].fate]++;
        for (size_t j = 0; j < then->rules[i].part_count; j++) {
            seen->origins[then->rules[i].parts[j].origin]++;
            seen->added += then->rules[i].parts[j].was_added;
        }
    }
}

static void expect_equal(struct life *life, unsigned number, const struct case_of *of,
                         struct seen *seen) {
    struct arena arena;
    arena_init(&arena, EXPLANATION_BYTES_MAX);
    struct explanation explanation = explain(life, of, &arena);
    if (!explanation.is_equal)
        fail_msg("%s (tables %d): %.*s", of->id, of->with_tables,
                 TEXT_ARGS(explanation.difference));
    assert_true(text_is(explanation.transaction.id, of->id));
    assert_int_equal(explanation.archived.verdict, life->verdicts[number]);
    assert_int_equal(explanation.then.decision.verdict, life->verdicts[number]);
    assert_true(explanation.then.decision.feature_count > 3);
    expect_sense(&explanation.then);
    look(&explanation, seen);
    arena_deinit(&arena);
}

static void every_derivation_is_the_archived_decision(void **state) {
    struct life *life = *state;
    struct seen seen = {0};
    use_shadow(life);
    live(life, (int)asked_steps(24));
    bench_close(&life->bench);
    for (int i = 0; i < (int)asked_steps(24) * 8; i++) {
        char id[16];
        unsigned number = random_below(life->number);
        snprintf(id, sizeof id, "t%u", number);
        const struct case_of of = {.id = id,
                                   .with_tables = i % 3 > 0,
                                   .threads = 1 + random_below(3),
                                   .chunk_bytes = random_below(2)};
        expect_equal(life, number, &of, &seen);
    }
    /* It would not do to leave anything out of it. */
    assert_true(seen.from_tables > 0 && seen.from_start > 0);
    assert_true(seen.with_shadows > 0 && seen.later > 0 && seen.added > 0);
    assert_true(seen.computed_cutoffs > 0);
    for (int fate = 0; fate < FATE_COUNT; fate++)
        if (seen.fates[fate] == 0 && fate != FATE_EARLY)
            fail_msg("no rule was %s", explained_fate_name((enum explained_fate)fate));
    assert_true(seen.origins[ORIGIN_GROUP] > 0 && seen.origins[ORIGIN_FALLBACK] > 0);
}

/* Cards that tables leave out, and that a transaction far too late comes back to: the server does
 * not see what they left out, and neither may the derivation. */
static void idle_entities_are_not_seen(void **state) {
    struct life *life = *state;
    struct arena arena;
    struct bench *bench = &life->bench;
    arena_init(&arena, EXPLANATION_BYTES_MAX);
    bench_open(bench);
    for (int i = 0; i < 3; i++)
        bench_score(bench,
                    bench_transaction(arena_printf(&bench->arena, "old%d", i).data, i, "c9", 5000));
    bench_score(bench, bench_transaction("new", 4 * DAY_S, "c1", 5000));
    rebuild(life, 1);
    restart(life);
    bench_score(bench, bench_transaction("late", 10, "c9", 5000));
    rebuild(life, 1);
    bench_close(bench);
    struct case_of of = {.id = "late"};
    for (int tables = 0; tables < 2; tables++) {
        of.with_tables = tables;
        struct explanation explanation = explain(life, &of, &arena);
        assert_true(explanation.is_equal);
        assert_true(explanation.generation_position > 0);
        assert_int_equal(explanation.base_position, tables ? explanation.generation_position : 0);
        assert_int_equal(explanation.note_count, !tables); /* that they are not there is said */
        for (size_t i = 0; i < explanation.entity_count; i++)
            if (text_is(explanation.entities[i].name, "card"))
                assert_int_equal(explanation.entities[i].entries, 0);
    }
    arena_deinit(&arena);
}

/* ---- beside a running server ---- */

static struct response ask(struct life *life, const char *id) {
    const struct request request = {.call = CALL_EXPLAIN, .explain.transaction_id = text_of(id)};
    return bench_call(&life->bench, &request);
}

static struct buffer encoded(const struct explanation *explanation) {
    const struct response response = {.call = CALL_EXPLAIN, .explain = explanation};
    struct buffer bytes;
    buffer_init(&bytes);
    message_encode_response(&response, &bytes);
    return bytes;
}

static void the_server_says_the_same(void **state) {
    struct life *life = *state;
    struct arena arena;
    arena_init(&arena, EXPLANATION_BYTES_MAX);
    live(life, 6);
    wait_for_sync(life);
    bench_score(&life->bench, bench_transaction("just_now", 4 * DAY_S, "c1", 5000));
    const struct response now = ask(life, "just_now"); /* waits for its sync */
    assert_int_equal(now.error.code, 0);
    assert_true(now.explain->is_equal);
    for (unsigned number = life->number - 40; number < life->number; number++) {
        char id[16];
        snprintf(id, sizeof id, "t%u", number);
        const struct response response = ask(life, id);
        assert_int_equal(response.error.code, 0);
        struct explanation own =
            explain(life, &(struct case_of){.id = id, .with_tables = true}, &arena);
        /* They read other parts of the archive to find it. */
        own.records_read = response.explain->records_read;
        struct buffer a = encoded(&own), b = encoded(response.explain);
        assert_int_equal(a.length, b.length);
        assert_memory_equal(a.bytes, b.bytes, a.length);
        buffer_deinit(&a);
        buffer_deinit(&b);
    }
    const struct response unknown = ask(life, "nobody");
    assert_int_equal(unknown.error.code, ERROR_NOT_FOUND);
    assert_true(text_is(unknown.error.field, "transaction_id"));
    arena_deinit(&arena);
}

/* ---- under another policy ---- */

struct replayed {
    struct life *life;
    struct arena arena;
    unsigned compared, refused, changed;
};

static int compare(void *user, const struct replay_row *row, struct error *ret_error) {
    struct replayed *replayed = user;
    const struct transaction *transaction = &row->record->transaction.transaction;
    char id[64];
    (void)ret_error;
    if (row->record->position % 3 != 0)
        return 0;
    snprintf(id, sizeof id, "%.*s", TEXT_ARGS(transaction->id));
    arena_reset(&replayed->arena);
    struct explanation explanation =
        explain(replayed->life,
                &(struct case_of){.id = id,
                                  .with_tables = true,
                                  .policy = replayed->life->bench.settings.policy,
                                  .position = row->record->position},
                &replayed->arena);
    assert_true(explanation.has_now && explanation.is_equal);
    replayed->compared++;
    if (!row->decision) {
        replayed->refused++;
        assert_true(explanation.now.refusal.length > 0);
        assert_true(text_is(explanation.now.refused_field, "email"));
        return 0;
    }
    assert_int_equal(explanation.now.decision.verdict, row->decision->verdict);
    assert_int_equal(explanation.now.decision.score, row->decision->score);
    assert_true(explanation.now.decision.feature_hash == row->decision->feature_hash);
    expect_sense(&explanation.now);
    replayed->changed += explanation.now.decision.feature_hash != explanation.archived.feature_hash;
    return 0;
}

static unsigned replay_and_compare(struct life *life, struct replayed *replayed) {
    const struct replay_options options = {.archive = life->bench.settings.archive,
                                           .policy = life->bench.settings.policy,
                                           .hashes = true};
    const struct replay_listener listener = {.row = compare, .user = replayed};
    struct replay_report report;
    struct replay *replay;
    struct error error;
    replayed->life = life;
    arena_init(&replayed->arena, EXPLANATION_BYTES_MAX);
    if (replay_open(&options, NULL, &replay, &error) < 0 ||
        replay_run(replay, &listener, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    replay_close(replay);
    arena_deinit(&replayed->arena);
    return replayed->compared;
}

static void another_policy_decides_as_in_a_replay(void **state) {
    struct life *life = *state;
    struct replayed replayed = {0};
    live(life, (int)asked_steps(6));
    bench_close(&life->bench);
    write_policy(&life->bench, 5);
    assert_true(replay_and_compare(life, &replayed) > 20);
    assert_true(replayed.changed > 0);
    assert_int_equal(replayed.refused, 0);

    bench_write_policy(&life->bench, "schema.yaml",
                       "fields:\n  email: {required: true}\n"
                       "derived:\n  domain: {value: emailDomain(email)}\n");
    struct replayed strict = {0};
    replay_and_compare(life, &strict);
    assert_true(strict.refused > 0 && strict.refused < strict.compared);
}

/* ---- which transaction ---- */

static void expect_failure(struct life *life, const struct case_of *of, int code,
                           const char *words) {
    struct arena arena;
    struct explanation explanation;
    struct error error;
    arena_init(&arena, EXPLANATION_BYTES_MAX);
    assert_int_equal(try_explain(life, of, &arena, &explanation, &error), -code);
    if (!strstr(error.text, words))
        fail_msg("\"%s\" lacks \"%s\"", error.text, words);
    arena_deinit(&arena);
}

static void ids(void **state) {
    struct life *life = *state;
    struct bench *bench = &life->bench;
    struct arena arena;
    arena_init(&arena, EXPLANATION_BYTES_MAX);
    bench_open(bench);
    bench_score(bench, bench_transaction("first", 1, "c1", 100));
    for (int i = 0; i < 7; i++)
        bench_score(bench,
                    bench_transaction(arena_printf(&bench->arena, "pay-%d", i).data, i, "c1", 100));
    bench_report(bench, "pay-3", LABEL_FRAUD);
    bench_close(bench);
    expect_failure(life, &(struct case_of){.id = "nobody"}, ERROR_NOT_FOUND, "no transaction");
    expect_failure(life, &(struct case_of){.id = "pay-"}, ERROR_NOT_FOUND,
                   "ids that begin with it: pay-0, pay-1, pay-2, pay-3, pay-4 and 2 more");
    expect_failure(life, &(struct case_of){.id = "c1"}, ERROR_NOT_FOUND, "no transaction");
    expect_failure(life, &(struct case_of){.id = "first", .position = 2}, ERROR_NOT_FOUND,
                   "position 2");
    struct explanation explanation = explain(life, &(struct case_of){.id = "fir"}, &arena);
    assert_true(text_is(explanation.transaction.id, "first"));
    explanation = explain(life, &(struct case_of){.id = "pay-3"}, &arena);
    assert_true(explanation.is_equal);
    assert_int_equal(explanation.outcome_count, 1);
    assert_int_equal(explanation.outcomes[0].label, LABEL_FRAUD);
    assert_int_equal(explanation.outcomes[0].previous, LABEL_NONE);
    assert_true(text_is(explanation.outcomes[0].source, "test"));
    assert_true(explanation.outcomes[0].position > explanation.position);
    arena_deinit(&arena);
}

/* The server never archives an id twice; of an archive that has one twice, the last is explained.
 */
static void the_same_id_again(void **state) {
    struct life *life = *state;
    struct bench *bench = &life->bench;
    struct archive *archive;
    struct archive_recovery recovery;
    struct error error;
    struct arena arena;
    arena_init(&arena, EXPLANATION_BYTES_MAX);
    bench_open(bench);
    bench_score(bench, bench_transaction("again", 1, "c1", 100));
    bench_close(bench);
    struct explanation first = explain(life, &(struct case_of){.id = "again"}, &arena);
    assert_int_equal(archive_open(bench->settings.archive, NULL, &archive, &recovery, &error), 0);
    struct record record = {
        .type = RECORD_TRANSACTION,
        .receive_time_us = archive_time(archive),
        .transaction = {.transaction = first.transaction, .decision = first.archived}};
    archive_append(archive, &record);
    archive_close(archive);
    struct explanation again = explain(life, &(struct case_of){.id = "again"}, &arena);
    assert_int_equal(again.position, record.position);
    assert_int_equal(again.note_count, 1);
    assert_non_null(strstr(again.notes[0].data, "the last at position"));
    assert_false(again.is_equal); /* by now there is one before it */
    assert_non_null(strstr(again.difference.data, "features' hash"));
    explain(life, &(struct case_of){.id = "again", .position = first.position}, &arena);
    arena_deinit(&arena);
}

static void nothing_to_explain(void **state) {
    struct life *life = *state;
    struct arena arena;
    struct explanation explanation;
    struct error error;
    arena_init(&arena, EXPLANATION_BYTES_MAX);
    struct explain_job job = {.archive = "/nowhere/at/all", .id = "t1"};
    assert_int_equal(explain_run(&job, NULL, &arena, &explanation, &error), -ERROR_NOT_FOUND);
    live(life, 2);
    bench_close(&life->bench);
    bench_write_policy(&life->bench, "rules/all.yaml", "rules: [\n");
    job = (struct explain_job){
        .archive = life->bench.settings.archive, .id = "t1", .policy = life->bench.settings.policy};
    assert_int_equal(explain_run(&job, NULL, &arena, &explanation, &error), -ERROR_INVALID);
    job.policy = NULL;
    struct arena small;
    arena_init(&small, 5000);
    assert_int_equal(explain_run(&job, NULL, &small, &explanation, &error), -ERROR_TOO_LARGE);
    arena_deinit(&small);
    arena_deinit(&arena);
}

/* What stands under a rule's parts is what the fields, lists and thresholds were. */
static void parts_tell_what_was_seen(void **state) {
    struct life *life = *state;
    struct bench *bench = &life->bench;
    struct arena arena;
    arena_init(&arena, EXPLANATION_BYTES_MAX);
    bench_open(bench);
    for (int i = 0; i < 3; i++)
        bench_score(bench,
                    bench_transaction(arena_printf(&bench->arena, "t%d", i).data, i, "c1", 5000));
    bench_close(bench);
    struct explanation explanation = explain(life, &(struct case_of){.id = "t2"}, &arena);
    const struct explained_rule *many = find_rule(&explanation.then, "many");
    assert_int_equal(many->fate, FATE_FIRED);
    assert_int_equal(many->part_count, 7);
    assert_true(text_is(many->parts[1].text, "card.count_1h >= 3"));
    assert_true(text_is(many->parts[2].text, "card.count_1h"));
    assert_int_equal(many->parts[2].value.integer, 3);
    assert_true(text_is(many->parts[5].text, "thresholds.usual[merchant]"));
    assert_int_equal(many->parts[5].origin, ORIGIN_FALLBACK);
    assert_true(many->parts[5].value.number == 40.0);
    const struct explained_rule *listed = find_rule(&explanation.then, "listed");
    assert_int_equal(listed->parts[1].kind, EXPLAINED_LIST);
    assert_true(text_is(listed->parts[1].list, "watched"));
    assert_true(listed->parts[1].value.boolean && !listed->parts[1].was_added);
    assert_int_equal(find_rule(&explanation.then, "fragile")->fate, FATE_FIRED);
    assert_int_equal(find_rule(&explanation.then, "switched_off")->fate, FATE_OFF);
    assert_int_equal(find_rule(&explanation.then, "long_over")->fate, FATE_OVER);
    explanation = explain(life, &(struct case_of){.id = "t1"}, &arena);
    const struct explained_rule *fragile = find_rule(&explanation.then, "fragile");
    assert_int_equal(fragile->fate, FATE_ERROR);
    assert_true(text_is(fragile->parts[0].error, "division by zero"));
    assert_int_equal(fragile->verdict_on_error, VERDICT_REVIEW);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_derivation_is_the_archived_decision, setup, teardown),
        cmocka_unit_test_setup_teardown(idle_entities_are_not_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(the_server_says_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(another_policy_decides_as_in_a_replay, setup, teardown),
        cmocka_unit_test_setup_teardown(ids, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_id_again, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_to_explain, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_tell_what_was_seen, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
