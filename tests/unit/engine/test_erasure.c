/* Property: what engine_erase() leaves of a record gives every entity whose key has no removed
 * field the same entries as the record did; the others get none. For transactions, outcomes and
 * amendments, with any fields removed, at once or one after the other.
 *
 * HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. */
#include "core/engine/engine.h"
#include "core/engine/erasure.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#define START INT64_C(1767225600000000) /* 2026-01-01 */

static const char features_yaml[] =
    "entities:\n"
    "  customer: {key: customer}\n"
    "  merchant: {key: merchant}\n"
    "  device: {key: device}\n"
    "  pair: {key: [customer, merchant]}\n"
    "  domain: {key: email_domain}\n"
    "  address: {key: address}\n"
    "  kind: {key: kind}\n"
    "features:\n"
    "  customer:\n"
    "    - {name: count, aggregate: count, window: 20d}\n"
    "  merchant:\n"
    "    - {name: customers, aggregate: distinct, of: customer, window: 20d}\n"
    "    - {name: emails, aggregate: distinct, of: email, window: 20d}\n"
    "    - {name: new_note, aggregate: is_new, of: note, window: 20d}\n"
    "    - {name: sum, aggregate: sum, of: amount, window: 20d}\n"
    "    - {name: firm, aggregate: count, where: \"email.endsWith('@firm.example')\", window: "
    "20d}\n"
    "    - {name: dear_firm, aggregate: count, where: \"email.endsWith('@firm.example') && amount "
    "> "
    "50.0\", window: 20d}\n"
    "    - {name: firm_fraud, aggregate: count, where: \"outcome == 'fraud' && "
    "email.endsWith('@firm.example')\", window: 20d}\n"
    "    - {name: either, aggregate: count, where: \"outcome == 'fraud' || !has(customer)\", "
    "window: "
    "20d}\n"
    "    - {name: declined, aggregate: count, where: \"verdict == 'decline' && has(phone)\", "
    "window: "
    "20d}\n"
    "    - {name: tested, aggregate: sum, of: amount, where: \"fired('testing') && has(note)\", "
    "window: 20d}\n"
    "    - {name: companies, aggregate: count, where: is_company, window: 20d}\n"
    "    - {name: last_customer, aggregate: last, of: customer, window: 20d}\n"
    "    - {name: first_note, aggregate: first, of: note, window: 20d}\n"
    "    - {name: last_address, aggregate: last, of: address, window: 20d}\n"
    "    - {name: last_domain, aggregate: last, of: email_domain, window: 20d}\n"
    "  device:\n"
    "    - {name: domains, aggregate: distinct, of: email_domain, window: 20d}\n"
    "    - {name: length, aggregate: max, of: note_length, window: 20d}\n"
    "  pair:\n"
    "    - {name: count, aggregate: count, window: 20d}\n"
    "  domain:\n"
    "    - {name: customers, aggregate: distinct, of: customer, window: 20d}\n"
    "  kind:\n"
    "    - {name: count, aggregate: count, window: 20d}\n"
    "  address:\n"
    "    - {name: count, aggregate: count, window: 20d}\n";

static struct snapshot *load(void) {
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("features.yaml"), .content = text_of(features_yaml)},
        {.path = TEXT_LITERAL("policy.yaml"),
         .content = TEXT_LITERAL("policy: {name: bench, base_currency: EUR}\n")},
        {.path = TEXT_LITERAL("rules/a.yaml"),
         .content =
             TEXT_LITERAL("rules: [{name: testing, when: amount < 1.0, then: {score: 10}}]\n")},
        {.path = TEXT_LITERAL("schema.yaml"),
         .content = TEXT_LITERAL("attributes: {note: {type: string}}\n"
                                 "derived:\n"
                                 "  email_domain: {value: emailDomain(email)}\n"
                                 "  is_company: {value: \"email_domain == 'firm.example'\"}\n"
                                 "  kind: {value: \"is_company ? 'company' : 'person'\"}\n"
                                 "  address: {value: \"email.lowerAscii()\"}\n"
                                 "  note_length: {value: size(note)}\n")},
    };
    struct buffer messages;
    struct error error;
    struct snapshot *snapshot = NULL;
    buffer_init(&messages);
    if (snapshot_load(files, sizeof files / sizeof *files, &snapshot, &messages, &error) < 0)
        fail_msg("%s\n%.*s", error.text, (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    return snapshot;
}

/* ---- records ---- */

static const struct text testing = TEXT_LITERAL("testing");
static const enum transaction_field erasable[] = {FIELD_CUSTOMER, FIELD_EMAIL, FIELD_PHONE};

static struct transaction random_transaction(uint64_t *chance, struct arena *arena) {
    static const char *const emails[] = {"a@firm.example", "b@mail.example", "B@MAIL.example", "",
                                         "x"};
    struct transaction transaction = {.id = arena_printf(arena, "t%u", (unsigned)split_mix(chance)),
                                      .event_time_us =
                                          START + (int64_t)(split_mix(chance) % 1000000),
                                      .amount_minor = (int64_t)(split_mix(chance) % 10000),
                                      .currency = TEXT_LITERAL("EUR")};
    struct attribute *note = arena_calloc(arena, 1, sizeof *note);
    *note = (struct attribute){
        .name = TEXT_LITERAL("note"),
        .type = ATTRIBUTE_TEXT,
        .text = arena_printf(arena, "note %u", (unsigned)(split_mix(chance) % 200))};
    if (split_mix(chance) % 5)
        transaction.fields[FIELD_CUSTOMER] =
            arena_printf(arena, "k%u", (unsigned)(split_mix(chance) % 5));
    transaction.fields[FIELD_MERCHANT] = TEXT_LITERAL("m1");
    transaction.fields[FIELD_DEVICE] = TEXT_LITERAL("d1");
    transaction.fields[FIELD_EMAIL] = text_of(emails[split_mix(chance) % 5]);
    if (split_mix(chance) % 2)
        transaction.fields[FIELD_PHONE] = TEXT_LITERAL("+49 1");
    transaction.attributes = note;
    transaction.attribute_count = split_mix(chance) % 3 > 0;
    return transaction;
}

static struct amended random_amended(uint64_t *chance, const struct transaction *transaction) {
    struct amended amended = amended_of(transaction);
    amended.amount_minor = (int64_t)(split_mix(chance) % 10000);
    amended.is_voided = split_mix(chance) % 4 == 0;
    return amended;
}

static struct record random_record(uint64_t *chance, struct arena *arena) {
    struct transaction transaction = random_transaction(chance, arena);
    enum verdict verdict = split_mix(chance) % 2 ? VERDICT_APPROVE : VERDICT_DECLINE;
    bool has_fired = split_mix(chance) % 2;
    struct record record = {.position = 9};
    switch (split_mix(chance) % 3) {
    case 0: {
        struct reason *reason = arena_calloc(arena, 1, sizeof *reason);
        reason->rule = testing;
        record.type = RECORD_TRANSACTION;
        record.transaction.transaction = transaction;
        record.transaction.decision =
            (struct decision){.verdict = verdict, .reasons = reason, .reason_count = has_fired};
        break;
    }
    case 1:
        record.type = RECORD_OUTCOME;
        record.outcome =
            (struct outcome_record){.previous = (enum label)(split_mix(chance) % LABEL_COUNT),
                                    .label = (enum label)(split_mix(chance) % LABEL_COUNT),
                                    .transaction = transaction,
                                    .verdict = verdict,
                                    .is_amended = split_mix(chance) % 2};
        record.outcome.amended = random_amended(chance, &transaction);
        break;
    default:
        record.type = RECORD_AMENDMENT;
        record.amendment =
            (struct amendment_record){.previous = random_amended(chance, &transaction),
                                      .now = random_amended(chance, &transaction),
                                      .transaction = transaction,
                                      .verdict = verdict,
                                      .fired = &testing,
                                      .fired_count = has_fired,
                                      .label = (enum label)(split_mix(chance) % LABEL_COUNT)};
    }
    return record;
}

/* ---- erasing ---- */

struct leaving {
    struct erasure_sink sink;
    struct arena *arena;
    struct erased_field fields[32];
    struct erased_condition conditions[32];
    size_t field_count, condition_count;
};

static void take_field(struct erasure_sink *self, const struct erased_field *field) {
    struct leaving *leaving = (struct leaving *)self;
    struct erased_field *kept = &leaving->fields[leaving->field_count++];
    *kept = *field;
    if (kept->kept.type == ATTRIBUTE_TEXT)
        kept->kept.text = arena_text(leaving->arena, kept->kept.text);
}

static void take_condition(struct erasure_sink *self, const struct erased_condition *condition) {
    struct leaving *leaving = (struct leaving *)self;
    leaving->conditions[leaving->condition_count++] = *condition;
}

/* which: bit i for erasable[i], the last one for the attribute. */
static void erase(struct engine *engine, struct record *record, unsigned which,
                  struct arena *arena) {
    const struct schema *schema = &engine_rules(engine)->schema;
    struct leaving *leaving = arena_calloc(arena, 1, sizeof *leaving);
    struct erased *erased = arena_calloc(arena, 1, sizeof *erased);
    struct transaction *transaction = record_transaction(record);
    bool removed[64] = {false};
    leaving->sink = (struct erasure_sink){.field = take_field, .condition = take_condition};
    leaving->arena = arena;
    for (size_t i = 0; transaction->erased && i < transaction->erased->field_count; i++)
        take_field(&leaving->sink, &transaction->erased->fields[i]);
    for (size_t i = 0; transaction->erased && i < transaction->erased->condition_count; i++)
        take_condition(&leaving->sink, &transaction->erased->conditions[i]);
    for (size_t slot = 0; slot < schema->first_derived; slot++) {
        const struct field *field = &schema->fields[slot];
        for (size_t i = 0; i < 3; i++)
            removed[slot] |=
                (which >> i & 1) && field->kind == FIELD_KIND_TEXT && field->source == erasable[i];
        removed[slot] |= (which >> 3 & 1) && field->kind == FIELD_KIND_ATTRIBUTE;
    }
    engine_erase(engine, record, removed, &leaving->sink);
    for (size_t i = 0; i < 3; i++)
        if (which >> i & 1)
            transaction->fields[erasable[i]] = (struct text){0};
    if (which >> 3 & 1)
        transaction->attribute_count = 0;
    *erased = (struct erased){.fields = leaving->fields,
                              .field_count = leaving->field_count,
                              .conditions = leaving->conditions,
                              .condition_count = leaving->condition_count};
    transaction->erased = erased;
}

/* ---- entries, as text ---- */

struct spelling {
    struct entry_sink sink;
    const struct plan *plan;
    const bool *is_wanted; /* [entity]; NULL: all */
    unsigned which;        /* of what is removed, a text is spelled as what takes its place */
    struct buffer text;
};

/* first and last show them. A domain does not contain the address it is made from. */
static bool is_shown_removed(struct text source, unsigned which) {
    return ((which & 1) && text_is(source, "customer")) ||
           ((which & 2) && text_is(source, "derived(email.lowerAscii())")) ||
           ((which & 8) && memmem(source.data, source.length, "note", 4));
}

static void spell(struct entry_sink *self, size_t entity, struct text key, uint64_t key_hash,
                  const struct entry *entry) {
    struct spelling *spelling = (struct spelling *)self;
    const struct entity_plan *plan = &spelling->plan->entities[entity];
    if (spelling->is_wanted && !spelling->is_wanted[entity])
        return;
    buffer_printf(&spelling->text, "%zu %.*s %llx %lld %llx %d %d:", entity, (int)key.length,
                  key.data, (unsigned long long)key_hash, (long long)entry->time_us,
                  (unsigned long long)entry->id_hash, entry->transaction, entry->is_taken_out);
    for (size_t i = 0; i < plan->column_count; i++)
        if (!(entry->present >> i & 1))
            continue;
        else if (plan->columns[i].type != COLUMN_TEXT)
            buffer_printf(&spelling->text, " %zu=%llx", i, (unsigned long long)entry->integers[i]);
        else if (is_shown_removed(plan->columns[i].source, spelling->which))
            buffer_printf(&spelling->text, " %zu=" ERASED_SHOWN, i);
        else
            buffer_printf(&spelling->text, " %zu=%.*s", i, (int)entry->texts[i].length,
                          entry->texts[i].data);
    for (size_t i = 0; i < plan->filter_count; i++)
        buffer_printf(&spelling->text, " %d", entry->weights[i]);
    buffer_printf(&spelling->text, "\n");
}

static struct buffer entries_of(struct engine *engine, const struct record *record,
                                const bool *is_wanted, unsigned which) {
    struct spelling spelling = {.sink = {.take = spell},
                                .plan = &engine_rules(engine)->plan,
                                .is_wanted = is_wanted,
                                .which = which};
    buffer_init(&spelling.text);
    engine_entries(engine, record, &spelling.sink);
    buffer_append(&spelling.text, "", 1);
    return spelling.text;
}

/* Of entities that have what is removed in their key nothing is left, nor of the address that is
 * the removed one in lower case. */
static void find_wanted(unsigned which, const struct transaction *before, bool *ret_wanted) {
    bool is_customer = (which & 1) && before->fields[FIELD_CUSTOMER].length > 0;
    for (size_t e = 0; e < 7; e++)
        ret_wanted[e] = true;
    ret_wanted[0] = ret_wanted[3] = !is_customer;
    ret_wanted[5] = !((which & 2) && before->fields[FIELD_EMAIL].length > 0);
}

static void others_get_the_same(void **state) {
    (void)state;
    unsigned long steps = asked_steps(20000);
    uint64_t seed = asked_seed(1), chance = seed;
    struct snapshot *policy = load();
    struct engine *engine = engine_new(policy, policy), *fresh = engine_new(policy, policy);
    struct arena arena;
    unsigned long with_conditions = 0, types[RECORD_TYPE_COUNT] = {0};
    arena_init(&arena, 1 << 20);
    for (unsigned long step = 0; step < steps; step++) {
        arena_reset(&arena);
        struct record record = random_record(&chance, &arena), left = record;
        unsigned which = 1 + (unsigned)(split_mix(&chance) % 15), second = 0;
        bool is_wanted[7];
        erase(engine, &left, which, &arena);
        if (split_mix(&chance) % 3 == 0)
            erase(engine, &left, second = 1 + (unsigned)(split_mix(&chance) % 15), &arena);
        find_wanted(which | second, record_transaction(&record), is_wanted);
        struct buffer expected = entries_of(fresh, &record, is_wanted, which | second);
        struct buffer got = entries_of(fresh, &left, NULL, 0);
        if (strcmp((char *)expected.bytes, (char *)got.bytes) != 0)
            fail_msg("seed %llu, step %lu, type %d, removed %x then %x:\n%sexpected\n%s",
                     (unsigned long long)seed, step, (int)record.type, which, second,
                     (char *)got.bytes, (char *)expected.bytes);
        with_conditions += record_transaction(&left)->erased->condition_count > 0;
        types[record.type]++;
        buffer_deinit(&expected);
        buffer_deinit(&got);
    }
    assert_true(steps < 1000 ||
                (with_conditions > steps / 4 && types[RECORD_TRANSACTION] > steps / 5 &&
                 types[RECORD_OUTCOME] > steps / 5 && types[RECORD_AMENDMENT] > steps / 5));
    engine_free(engine);
    engine_free(fresh);
    snapshot_unref(policy);
    arena_deinit(&arena);
}

/* Short values, which are parts of many others, change nothing of what is not made from them. */
static void short_values_do_no_harm(void **state) {
    (void)state;
    struct snapshot *policy = load();
    struct engine *engine = engine_new(policy, policy);
    struct arena arena;
    struct record record = {.type = RECORD_TRANSACTION,
                            .transaction.decision.verdict = VERDICT_APPROVE};
    arena_init(&arena, 1 << 20);
    record.transaction.transaction = (struct transaction){
        .id = TEXT_LITERAL("t"), .event_time_us = START, .currency = TEXT_LITERAL("EUR")};
    record.transaction.transaction.fields[FIELD_EMAIL] = TEXT_LITERAL("me@Kay.Example");
    record.transaction.transaction.fields[FIELD_CUSTOMER] = TEXT_LITERAL("k");
    erase(engine, &record, 3, &arena);
    const struct erased *erased = record.transaction.transaction.erased;
    const struct erased_field *domain =
        erased_find(erased, TEXT_LITERAL("derived(emailDomain(email))"));
    assert_non_null(domain);
    assert_true(text_is(domain->kept.text, "kay.example"));
    const struct erased_field *address =
        erased_find(erased, TEXT_LITERAL("derived(email.lowerAscii())"));
    assert_non_null(address);
    assert_int_equal(address->kept.type, ATTRIBUTE_NONE);
    engine_free(engine);
    snapshot_unref(policy);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_get_the_same),
        cmocka_unit_test(short_values_do_no_harm),
    };
    return cmocka_run_group_tests_name("engine/erasure", tests, NULL, NULL);
}
