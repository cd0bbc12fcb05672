/* Derived fields and amounts per currency through decide and apply, against plain loops over all
 * transactions so far. */
#include "core/engine/engine.h"
#include "state_map.h"
#include "tests/unit/unit.h"

#define SECOND INT64_C(1000000)
#define HOUR   (3600 * SECOND)
#define START  INT64_C(1767225600000000) /* 2026-01-01 */

static const char policy_yaml[] = "policy:\n"
                                  "  name: bench\n"
                                  "  base_currency: EUR\n"
                                  "  currency_rates:\n"
                                  "    - {currency: USD, from: 2020-01-01, rate: \"0.5\"}\n"
                                  "    - {currency: JPY, from: 2020-01-01, rate: \"0.01\"}\n";

static const char schema_yaml[] = "attributes:\n"
                                  "  note: {type: string}\n"
                                  "derived:\n"
                                  "  ip_network: {value: \"network(ip, 24, 48)\"}\n"
                                  "  email_domain: {value: emailDomain(email)}\n"
                                  "  long: {value: note + note}\n"
                                  "  large: {value: amount >= 50.0}\n";

static const char features_yaml[] =
    "entities:\n"
    "  ip_network: {key: ip_network}\n"
    "  mail: {key: [email_domain, merchant]}\n"
    "  long: {key: long}\n"
    "  card: {key: card}\n"
    "  purse: {key: [card, currency]}\n"
    "features:\n"
    "  ip_network:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: domains_1h, aggregate: distinct, of: email_domain, window: 1h}\n"
    "    - {name: frauds_1h, aggregate: count, where: outcome == 'fraud' && large, window: 1h}\n"
    "    - {name: last_domain, aggregate: last, of: email_domain, window: 1h}\n"
    "  mail:\n"
    "    - {name: large_1h, aggregate: count, where: large, window: 1h}\n"
    "  long:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "  card:\n"
    "    - {name: sum_1h, aggregate: sum, of: amount, window: 1h}\n"
    "    - {name: usd_1h, aggregate: sum, of: amount, currency: USD, window: 1h}\n"
    "    - {name: jpy_1h, aggregate: sum, of: amount, currency: JPY, window: 1h}\n"
    "    - {name: eur_1h, aggregate: sum, of: amount, currency: EUR, window: 1h}\n"
    "    - {name: mean_usd_1h, aggregate: mean, of: amount, currency: USD, window: 1h}\n"
    "  purse:\n"
    "    - {name: minor_1h, aggregate: sum, of: amount_minor, window: 1h}\n"
    "values:\n"
    "  - {name: domain, value: email_domain}\n"
    "  - {name: where_from, value: \"ip_network + ' ' + email_domain\"}\n";

static struct snapshot *load(const char *schema, const char *features) {
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("features.yaml"), .content = text_of(features)},
        {.path = TEXT_LITERAL("policy.yaml"), .content = TEXT_LITERAL(policy_yaml)},
        {.path = TEXT_LITERAL("schema.yaml"), .content = text_of(schema)},
    };
    struct buffer messages;
    buffer_init(&messages);
    struct error error;
    struct snapshot *snapshot = NULL;
    if (snapshot_load(files, 3, &snapshot, &messages, &error) < 0)
        fail_msg("%s\n%.*s", error.text, (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    return snapshot;
}

struct bench {
    struct engine *engine;
    struct state_map map;
    struct arena arena;
};

static void bench_init(struct bench *bench, struct snapshot *rules, struct snapshot *plan) {
    bench->engine = engine_new(rules, plan);
    state_map_init(&bench->map, &plan->plan);
    arena_init(&bench->arena, 512u << 20);
}

static void bench_deinit(struct bench *bench) {
    engine_free(bench->engine);
    state_map_deinit(&bench->map);
    arena_deinit(&bench->arena);
}

static struct decision decide(struct bench *bench, const struct transaction *transaction) {
    struct decision decision;
    struct error error;
    struct text field;
    if (engine_decide(bench->engine, transaction, &bench->map.source, true, &bench->arena,
                      &decision, &field, &error) < 0)
        fail_msg("%.*s: %s", TEXT_ARGS(field), error.text);
    return decision;
}

static void apply(struct bench *bench, const struct transaction *transaction) {
    struct record record = {.type = RECORD_TRANSACTION};
    record.transaction.transaction = *transaction;
    record.transaction.decision.verdict = VERDICT_APPROVE;
    engine_apply(bench->engine, &record, &bench->map.source);
}

static struct value feature(const struct decision *decision, const char *name) {
    for (size_t i = 0; i < decision->feature_count; i++)
        if (text_is(decision->features[i].name, name))
            return decision->features[i].value;
    fail_msg("no feature %s", name);
    return value_absent();
}

static void assert_feature(const struct decision *decision, const char *name,
                           struct value expected) {
    struct value found = feature(decision, name);
    if (value_equal(found, expected))
        return;
    char a[200], b[200];
    value_format(found, a, sizeof a);
    value_format(expected, b, sizeof b);
    fail_msg("%s is %s \"%s\", expected %s \"%s\"", name, value_type_name(found.type), a,
             value_type_name(expected.type), b);
}

/* ------------------------------------------------------------------------------------------------
 * Against plain loops */

static uint64_t random_state = 88172645463325252u;

static unsigned next(unsigned below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % below;
}

#define WALK 1500

/* A transaction and what is derived from it, as the generator knows it; −1: absent. */
struct happening {
    struct transaction transaction;
    int network, domain;
    int currency; /* 0 EUR, 1 USD, 2 JPY */
    int card;
    int64_t base_minor;
    bool fraud;
};

static const char *const currencies[] = {"EUR", "USD", "JPY"};

/* Addresses of four networks, each written in several ways; domains in both cases. */
static void make_happening(struct happening *it, unsigned number, struct arena *arena) {
    it->network = (int)next(5) - 1;
    it->domain = (int)next(4) - 1;
    it->currency = (int)next(3);
    it->card = (int)next(3);
    it->fraud = false;
    struct transaction *t = &it->transaction;
    *t = (struct transaction){.id = arena_printf(arena, "t%u", number),
                              .event_time_us = START + number * 97 * SECOND,
                              .amount_minor = next(20000),
                              .currency = text_of(currencies[it->currency])};
    t->fields[FIELD_CARD] = arena_printf(arena, "c%d", it->card);
    t->fields[FIELD_MERCHANT] = TEXT_LITERAL("m1");
    if (it->network >= 2)
        t->fields[FIELD_IP] = arena_printf(arena, "2001:%s:%d:%x::1", next(2) ? "db8" : "0DB8",
                                           it->network, next(65536));
    else if (it->network >= 0)
        t->fields[FIELD_IP] =
            arena_printf(arena, "%s192.0.%d.%u", next(2) ? "::ffff:" : "", it->network, next(256));
    if (it->domain >= 0)
        t->fields[FIELD_EMAIL] =
            arena_printf(arena, "u%u@%s%d.example", next(9), next(2) ? "d" : "D", it->domain);
    else if (next(2))
        t->fields[FIELD_EMAIL] = TEXT_LITERAL("no address");
    /* 0.5 EUR for a dollar, ties to even; a yen is a cent. */
    int64_t half = t->amount_minor / 2;
    it->base_minor = it->currency == 1 ? half + (t->amount_minor % 2 && half % 2) : t->amount_minor;
}

struct expected {
    int64_t count, domains, frauds, mail_large;
    int64_t sum, by_currency[3], usd_count;
};

/* The last of `all` is the current transaction. */
static struct expected naive(const struct happening *all, size_t count) {
    struct expected e = {0};
    const struct happening *now = &all[count - 1];
    bool seen[4] = {false};
    for (size_t i = 0; i < count; i++) {
        const struct happening *it = &all[i];
        if (it->transaction.event_time_us <= now->transaction.event_time_us - HOUR)
            continue;
        if (it->network == now->network) {
            e.count++;
            e.frauds += it->fraud && it->base_minor >= 5000;
            if (it->domain >= 0 && !seen[it->domain]) {
                seen[it->domain] = true;
                e.domains++;
            }
        }
        e.mail_large += it->domain == now->domain && it->base_minor >= 5000;
        if (it->card == now->card) {
            e.sum += it->base_minor;
            e.by_currency[it->currency] += it->transaction.amount_minor;
            e.usd_count += it->currency == 1;
        }
    }
    return e;
}

static void compare(const struct decision *decision, const struct happening *now,
                    const struct expected *e) {
    bool network = now->network >= 0, mail = now->domain >= 0;
    struct value absent = value_absent();
    assert_feature(decision, "ip_network.count_1h", network ? value_int(e->count) : absent);
    assert_feature(decision, "ip_network.domains_1h", network ? value_int(e->domains) : absent);
    assert_feature(decision, "ip_network.frauds_1h", network ? value_int(e->frauds) : absent);
    assert_feature(decision, "mail.large_1h", mail ? value_int(e->mail_large) : absent);
    assert_feature(decision, "card.sum_1h", value_double((double)e->sum / 100));
    assert_feature(decision, "card.eur_1h", value_double((double)e->by_currency[0] / 100));
    assert_feature(decision, "card.usd_1h", value_double((double)e->by_currency[1] / 100));
    assert_feature(decision, "card.jpy_1h", value_double((double)e->by_currency[2]));
    assert_int_equal(feature(decision, "card.mean_usd_1h").type,
                     e->usd_count ? VALUE_DOUBLE : VALUE_ABSENT);
    assert_feature(decision, "purse.minor_1h", value_int(e->by_currency[now->currency]));
}

/* What turns out of an earlier transaction: fraud. */
static void report_fraud(struct bench *bench, struct happening *it) {
    if (it->fraud)
        return;
    it->fraud = true;
    struct record record = {.type = RECORD_OUTCOME};
    record.outcome = (struct outcome_record){
        .label = LABEL_FRAUD, .transaction = it->transaction, .verdict = VERDICT_APPROVE};
    engine_apply(bench->engine, &record, &bench->map.source);
}

static void agrees_with_plain_loops(void **state) {
    (void)state;
    struct snapshot *snapshot = load(schema_yaml, features_yaml);
    struct bench bench;
    bench_init(&bench, snapshot, snapshot);
    struct happening *all = calloc(WALK, sizeof *all);
    for (unsigned i = 0; i < WALK; i++) {
        make_happening(&all[i], i, &bench.arena);
        struct decision decision = decide(&bench, &all[i].transaction);
        struct expected e = naive(all, i + 1);
        compare(&decision, &all[i], &e);
        apply(&bench, &all[i].transaction);
        if (i > 0 && next(4) == 0)
            report_fraud(&bench, &all[i - 1 - next(i < 20 ? i : 20)]);
    }
    free(all);
    bench_deinit(&bench);
    snapshot_unref(snapshot);
}

/* ------------------------------------------------------------------------------------------------
 * Keys, texts, two snapshots */

static struct transaction purchase(const char *id, const char *ip, const char *email) {
    struct transaction t = {.id = text_of(id), .event_time_us = START};
    t.fields[FIELD_IP] = text_of(ip);
    t.fields[FIELD_EMAIL] = text_of(email);
    t.fields[FIELD_MERCHANT] = TEXT_LITERAL("m1");
    return t;
}

static void keys_are_the_derived_texts(void **state) {
    (void)state;
    struct snapshot *snapshot = load(schema_yaml, features_yaml);
    struct bench bench;
    bench_init(&bench, snapshot, snapshot);
    struct transaction t = purchase("t1", "192.0.2.1", "Ann@Example.com");
    apply(&bench, &t);
    assert_int_equal(bench.map.count, 2); /* ip_network and mail */
    static const struct text network = TEXT_LITERAL("192.0.2.0/24");
    static const struct text mail[] = {TEXT_LITERAL("example.com"), TEXT_LITERAL("m1")};
    struct text key = engine_key(bench.engine, 0, &network, 1, &bench.arena);
    assert_true(bench.map.source.read(&bench.map.source, 0, key, 0).length > 0);
    key = engine_key(bench.engine, 1, mail, 2, &bench.arena);
    assert_true(bench.map.source.read(&bench.map.source, 1, key, 0).length > 0);
    /* Nothing to derive from: nothing is touched. */
    t = purchase("t2", "", "no address");
    apply(&bench, &t);
    assert_int_equal(bench.map.count, 2);
    bench_deinit(&bench);
    snapshot_unref(snapshot);
}

/* A client cannot mend a derived field, so one that is too long for a key refuses nothing. */
static void a_derived_key_that_is_too_long_touches_nothing(void **state) {
    (void)state;
    struct snapshot *snapshot = load(schema_yaml, features_yaml);
    struct bench bench;
    bench_init(&bench, snapshot, snapshot);
    char note[65];
    memset(note, 'n', sizeof note);
    struct attribute attribute = {.name = TEXT_LITERAL("note"), .type = ATTRIBUTE_TEXT};
    struct transaction t = {.id = TEXT_LITERAL("t1"), .event_time_us = START};
    t.attributes = &attribute;
    t.attribute_count = 1;
    for (size_t length = 64; length <= 65; length++) {
        attribute.text = (struct text){.data = note, .length = length};
        struct decision decision = decide(&bench, &t);
        assert_feature(&decision, "long.count_1h", length == 64 ? value_int(1) : value_absent());
        apply(&bench, &t);
        assert_int_equal(bench.map.count, 1);
    }
    bench_deinit(&bench);
    snapshot_unref(snapshot);
}

/* Decisions of one message are sent together: the next transaction must not change them. */
static void decisions_keep_their_texts(void **state) {
    (void)state;
    struct snapshot *snapshot = load(schema_yaml, features_yaml);
    struct bench bench;
    bench_init(&bench, snapshot, snapshot);
    struct transaction a = purchase("t1", "192.0.2.1", "ANN@FIRST.EXAMPLE");
    struct decision first = decide(&bench, &a);
    apply(&bench, &a);
    struct transaction b = purchase("t2", "192.0.2.7", "BOB@OTHER.EXAMPLE");
    struct decision second = decide(&bench, &b);
    apply(&bench, &b);
    assert_feature(&first, "domain", value_text(TEXT_LITERAL("first.example")));
    assert_feature(&first, "where_from", value_text(TEXT_LITERAL("192.0.2.0/24 first.example")));
    assert_feature(&second, "domain", value_text(TEXT_LITERAL("other.example")));
    assert_feature(&second, "ip_network.last_domain", value_text(TEXT_LITERAL("first.example")));
    bench_deinit(&bench);
    snapshot_unref(snapshot);
}

/* The states are folded with one policy's derivations and the rules have another's: what is
 * computed alike goes on under its new name, what is not is absent. */
static void two_snapshots_derive_by_themselves(void **state) {
    (void)state;
    static const char other_schema[] = "derived:\n"
                                       "  subnet: {value: \"network(ip, 24, 48)\"}\n"
                                       "  wide: {value: \"network(ip, 16, 32)\"}\n";
    static const char other_features[] =
        "entities:\n  ip_network: {key: subnet}\n  wide_network: {key: wide}\n"
        "features:\n"
        "  ip_network: [{name: payments, aggregate: count, window: 1h}]\n"
        "  wide_network: [{name: count_1h, aggregate: count, window: 1h}]\n";
    struct snapshot *plan = load(schema_yaml, features_yaml);
    struct snapshot *rules = load(other_schema, other_features);
    struct bench bench;
    bench_init(&bench, rules, plan);
    assert_int_equal(engine_warming(bench.engine), 1);
    struct transaction a = purchase("t1", "192.0.2.1", "");
    apply(&bench, &a);
    struct transaction b = purchase("t2", "192.0.2.7", "");
    struct decision decision = decide(&bench, &b);
    assert_feature(&decision, "ip_network.payments", value_int(2));
    assert_feature(&decision, "wide_network.count_1h", value_absent());
    bench_deinit(&bench);
    snapshot_unref(rules);
    snapshot_unref(plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_plain_loops),
        cmocka_unit_test(keys_are_the_derived_texts),
        cmocka_unit_test(a_derived_key_that_is_too_long_touches_nothing),
        cmocka_unit_test(decisions_keep_their_texts),
        cmocka_unit_test(two_snapshots_derive_by_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
