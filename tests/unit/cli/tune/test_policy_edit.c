/* Numbers replaced in a policy's files: the rest stays byte for byte, and the result loads with the
 * new numbers. */
#include "clients/cli/tune/policy_edit.h"

#include "tests/unit/policy/policy_text.h"
#include "tests/unit/unit.h"

static const char policy_yaml[] = "# größer\r\n"
                                  "policy:\r\n"
                                  "  name: test   # the name\r\n"
                                  "  base_currency: EUR\r\n"
                                  "  cutoffs: { review:  300,decline: 700 } # both\r\n";
static const char rules[] =
    "\xef\xbb\xbfrules:\n"
    "  # → first\n"
    "  - {name: one,  when: 'amount >= 10.50 && amount <= 99.0', then: {score: 40}} # é 40\n"
    "\n"
    "  - name: two\n"
    "    when: >-\n"
    "      amount\n"
    "        > 5.0   ||\n"
    "      !(amount < 1.0)\n"
    "    then:\n"
    "      score: -7\n"
    "      # no line feed at the end";

static const struct {
    const char *old, *new;
} numbers[] = {{"300", "250"},    {"700", "1000"}, {"40", "50"},    {"10.50", "8.0"},
               {"99.0", "100.0"}, {"-7", "-1000"}, {"5.0", "-2.5"}, {"1.0", "0.125"}};
#define NUMBERS (sizeof numbers / sizeof *numbers)

static struct tunables *load(struct snapshot **ret_snapshot) {
    struct policy_text text = {.count = 0};
    struct tunables *tunables;
    struct error error;
    policy_text_add(&text, "policy.yaml", policy_yaml);
    policy_text_add(&text, "rules/test.yaml", rules);
    *ret_snapshot = policy_text_load(&text);
    assert_int_equal(tunables_new(*ret_snapshot, &tunables, &error), 0);
    assert_int_equal(tunables->count, NUMBERS);
    return tunables;
}

/* The edit of one tunable with the number that is meant for it. */
static struct policy_edit edit_of(const struct tunables *tunables, size_t number) {
    for (size_t i = 0; i < tunables->count; i++) {
        const struct tunable *tunable = &tunables->of[i];
        struct text content = tunables->snapshot->files[tunable->file].content;
        struct text literal = {.data = content.data + tunable->offset, .length = tunable->length};
        if (text_is(literal, numbers[number].old))
            return (struct policy_edit){.tunable = tunable, .number = text_of(numbers[number].new)};
    }
    fail_msg("%s is not tunable", numbers[number].old);
    return (struct policy_edit){0};
}

/* Once in a file: text as it was before, with every old number that `chosen` names replaced. */
static void assert_content(struct text content, const char *before, const bool chosen[NUMBERS]) {
    static const char boundaries[] = " ,:}'\r\n()"; /* and the end */
    const char *at = before;
    size_t matched = 0;
    while (*at) {
        size_t found = NUMBERS;
        for (size_t n = 0; n < NUMBERS && found == NUMBERS; n++) {
            size_t length = strlen(numbers[n].old);
            if (!chosen[n] || strncmp(at, numbers[n].old, length) != 0 ||
                strncmp(at, "40\n", 3) == 0) /* of the comment */
                continue;
            if ((at == before || strchr(boundaries, at[-1])) && strchr(boundaries, at[length]))
                found = n;
        }
        const char *piece = found < NUMBERS ? numbers[found].new : at;
        size_t length = found < NUMBERS ? strlen(piece) : 1;
        assert_true(matched + length <= content.length);
        assert_memory_equal(content.data + matched, piece, length);
        matched += length;
        at += found < NUMBERS ? strlen(numbers[found].old) : 1;
    }
    assert_int_equal(matched, content.length);
}

static void apply(const bool chosen[NUMBERS]) {
    struct snapshot *snapshot, *edited = NULL;
    struct tunables *tunables = load(&snapshot);
    struct policy_edit edits[NUMBERS];
    struct arena arena;
    struct buffer messages;
    struct error error;
    size_t count = 0;
    for (size_t n = 0; n < NUMBERS; n++)
        if (chosen[n])
            edits[count++] = edit_of(tunables, n);
    arena_init(&arena, (size_t)1 << 20);
    const struct policy_file *files = policy_edit_apply(tunables, edits, count, &arena);
    assert_content(files[0].content, policy_yaml, chosen);
    assert_content(files[1].content, rules, chosen);
    buffer_init(&messages);
    assert_int_equal(snapshot_load(files, snapshot->file_count, &edited, &messages, &error), 0);
    assert_int_equal(edited->cutoffs[VERDICT_REVIEW], chosen[0] ? 250 : 300);
    assert_int_equal(edited->cutoffs[VERDICT_DECLINE], chosen[1] ? 1000 : 700);
    assert_int_equal(edited->rules[0].score, chosen[2] ? 50 : 40);
    assert_int_equal(edited->rules[1].score, chosen[5] ? -1000 : -7);
    buffer_deinit(&messages);
    snapshot_unref(edited);
    arena_deinit(&arena);
    tunables_free(tunables);
    snapshot_unref(snapshot);
}

static void every_subset_changes_these_numbers_only(void **state) {
    (void)state;
    for (unsigned set = 0; set < 1u << NUMBERS; set++) {
        bool chosen[NUMBERS];
        for (size_t n = 0; n < NUMBERS; n++)
            chosen[n] = set >> n & 1;
        apply(chosen);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_subset_changes_these_numbers_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
