/* The precheck never accepts what strict binding refuses: random transactions, random schemas,
 * random choices of fields. It may be too careful, so how often it says yes is counted as well.
 * HARRIER_SEED, HARRIER_STEPS. */
#include "tests/unit/policy/policy_text.h"

#include "core/base/check.h"
#include "core/policy/lang/calendar.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#define TRANSACTIONS_EACH 200
#define FIELDS_MAX        64
#define TEXT_MAX          TRANSACTION_FIELD_MAX

static uint64_t chance_state;
static unsigned roll(unsigned sides) {
    return (unsigned)(split_mix(&chance_state) % sides);
}

/* ---- schemas ---- */

static const struct {
    const char *name;
    bool is_text; /* that may look like a card number */
} known[] = {
    {"id", true},         {"amount", false},     {"currency", true},     {"card", true},
    {"customer", true},   {"account", true},     {"merchant", true},     {"terminal", true},
    {"device", true},     {"ip", true},          {"country", true},      {"mcc", true},
    {"channel", true},    {"email", true},       {"phone", true},        {"latitude", false},
    {"longitude", false}, {"event_time", false}, {"amount_minor", false}};

static void describe_field(size_t number, struct buffer *out) {
    bool says_numbers = known[number].is_text && roll(3) == 0, is_required = roll(8) == 0;
    if (!says_numbers && !is_required)
        return;
    buffer_printf(out, "  %s: {", known[number].name);
    if (is_required)
        buffer_printf(out, "required: true%s", says_numbers ? ", " : "");
    if (says_numbers)
        buffer_printf(out, "card_numbers: %s", roll(3) ? "refuse" : "allow");
    buffer_printf(out, "}\n");
}

/* No attribute is required: such schemas are not to be glanced at. */
static struct snapshot *random_policy(void) {
    struct policy_text text = {.count = 0};
    struct buffer schema;
    buffer_init(&schema);
    buffer_printf(&schema, "fields:\n  terminal: {required: %s}\n", roll(8) ? "false" : "true");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, "terminal") != 0)
            describe_field(i, &schema);
    if (roll(2))
        buffer_printf(&schema, "attributes:\n  items: {type: int}\n  note: {type: string}\n");
    if (roll(2))
        buffer_printf(&schema, "derived:\n  network: {value: \"network(ip, 24, 48)\"}\n"
                               "  dear: {type: bool, value: amount > 10.0}\n");
    buffer_printf(&schema, "%c", '\0');
    policy_text_add(&text, "policy.yaml",
                    "policy:\n  name: glance\n  base_currency: EUR\n  currency_rates:\n"
                    "    - {currency: USD, from: 2020-01-01, rate: 0.5}\n");
    policy_text_add(&text, "schema.yaml", (const char *)schema.bytes);
    struct snapshot *snapshot = policy_text_load(&text);
    buffer_deinit(&schema);
    return snapshot;
}

/* Those a derived field is made from are among them. */
static size_t random_slots(const struct schema *schema, size_t *slots) {
    bool all = roll(4) == 0;
    size_t count = 0;
    for (size_t slot = 0; slot < schema->first_derived; slot++) {
        const struct text name = schema->fields[slot].name;
        if (all || text_is(name, "ip") || text_is(name, "amount") || roll(2))
            slots[count++] = slot;
    }
    for (size_t slot = schema->first_derived; slot < schema->field_count; slot++)
        if (all || roll(2))
            slots[count++] = slot;
    return count;
}

/* ---- transactions ---- */

static struct text random_text(struct arena *arena) {
    static const char *const texts[] = {"c-1",
                                        "4111111111111111",
                                        "4111111111111112",
                                        "4111 1111 1111 1111",
                                        "192.0.2.7",
                                        "5500-0000-0000-0004",
                                        "DE",
                                        "4222222222222",
                                        "5411",
                                        "x 4111111111111111",
                                        "a@example.com",
                                        "4111111111111111110"};
    size_t choice = roll(3 * (unsigned)(sizeof texts / sizeof *texts));
    if (choice < sizeof texts / sizeof *texts)
        return text_of(texts[choice]);
    if (choice % 2)
        return text_of("plain");
    char *letters = arena_alloc(arena, TEXT_MAX);
    check(letters);
    memset(letters, 'a', TEXT_MAX);
    return (struct text){.data = letters, .length = 1 + roll(TEXT_MAX)};
}

static struct transaction random_transaction(struct arena *arena, struct attribute *attribute) {
    static const char *const currencies[] = {"EUR", "EUR", "EUR", "EUR", "USD", "XXX", "JPY"};
    struct transaction t = {
        .id = roll(6) ? text_of("t-1") : random_text(arena),
        .event_time_us = INT64_C(1700000000) * CALENDAR_SECOND_US,
        .amount_minor = roll(100000),
        .currency = text_of(currencies[roll(7)]),
        .has_location = roll(2),
    };
    if (roll(8) == 0) {
        t.amount_minor = 0;
        t.currency = (struct text){0};
    }
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (roll(4) == 0)
            t.fields[i] = random_text(arena);
    if (roll(12) == 0) {
        static const char *const names[] = {"items", "note", "other"};
        *attribute = (struct attribute){
            .name = text_of(names[roll(3)]), .type = ATTRIBUTE_INTEGER, .integer = 3};
        t.attributes = attribute;
        t.attribute_count = 1;
    }
    return t;
}

/* ---- the precheck against binding ---- */

struct tally {
    uint64_t tried, surely, refused; /* the last two: of those tried */
};

static bool binds(const struct schema *schema, const struct transaction *t, const size_t *slots,
                  size_t count, const struct bound *bound, struct error *ret_error) {
    struct text field;
    ret_error->text[0] = '\0';
    return schema_bind_some(schema, t, BIND_STRICT, slots, count, bound, &field, ret_error) == 0 &&
           ret_error->text[0] == '\0';
}

static void try_transaction(const struct schema *schema, const struct bound *bound,
                            struct arena *arena, struct tally *tally) {
    size_t slots[FIELDS_MAX], count = random_slots(schema, slots), longest = roll(TEXT_MAX + 50);
    struct attribute attribute;
    struct transaction t = random_transaction(arena, &attribute);
    struct text field;
    struct error error;
    if (transaction_check(&t, &field, &error) < 0)
        return; /* these are never bound */
    bool surely = schema_surely_accepts(schema, &t, slots, count, longest);
    bool binding = binds(schema, &t, slots, count, bound, &error);
    if (surely && !binding)
        fail_msg("taken for sure, but binding says: %s", error.text);
    tally->tried++;
    tally->surely += surely;
    tally->refused += !binding;
    for (size_t i = 0; i < count && surely; i++) {
        const struct value *v = &bound->frame[slots[i]];
        bool is_derived = slots[i] >= schema->first_derived;
        assert_false(!is_derived && v->type == VALUE_TEXT && v->text.length > longest);
    }
}

static void what_is_sure_is_bound(void **state) {
    (void)state;
    uint64_t seed = asked_seed(1), policies = asked_steps(100);
    struct tally tally = {0};
    struct arena texts;
    print_message("HARRIER_SEED=%llu\n", (unsigned long long)seed);
    arena_init(&texts, SCHEMA_TEXTS_MAX);
    for (uint64_t i = 0; i < policies; i++) {
        chance_state = seed + i;
        struct snapshot *snapshot = random_policy();
        struct value frame[FIELDS_MAX];
        int64_t integers[FIELDS_MAX];
        const struct bound bound = {.frame = frame, .integers = integers, .texts = &texts};
        assert_true(snapshot->schema.field_count <= FIELDS_MAX);
        for (unsigned each = 0; each < TRANSACTIONS_EACH; each++) {
            struct arena arena;
            arena_init(&arena, (size_t)1 << 16);
            try_transaction(&snapshot->schema, &bound, &arena, &tally);
            arena_deinit(&arena);
        }
        snapshot_unref(snapshot);
    }
    arena_deinit(&texts);
    /* Or nothing was tried: of what there is, much is taken and much is refused. */
    assert_true(tally.tried > policies * TRANSACTIONS_EACH / 3);
    assert_true(tally.surely > tally.tried / 20 && tally.refused > tally.tried / 10);
    print_message("%llu tried, %llu surely, %llu refused\n", (unsigned long long)tally.tried,
                  (unsigned long long)tally.surely, (unsigned long long)tally.refused);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_sure_is_bound)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
