/* Broken on purpose, at random: policies and expressions with bytes changed, dropped, doubled and
 * spliced. Nothing may crash, hang or leak (sanitizers watch), a refusal says something, and what
 * loads runs. Arguments: the folders of the shipped policies and of the expression cases.
 * HARRIER_STEPS sets the number of mutations (3,000), HARRIER_SEED the start. */
#include "tests/unit/policy/expression_case.h"
#include "tests/unit/policy/policy_text.h"

#include "core/policy/eval/compile.h"
#include "tests/unit/unit.h"

#include <dirent.h>

static const char *rules_folder, *cases_folder;
static uint64_t random_state;

static uint64_t random_below(uint64_t bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 11) % bound;
}

static uint64_t setting(const char *name, uint64_t otherwise) {
    const char *value = getenv(name);
    return value ? strtoull(value, NULL, 10) : otherwise;
}

/* Bytes that mean something to YAML or to expressions. */
static char telling_byte(void) {
    static const char bytes[] = "{}[]()\"'\\:,-#&*!|>%@`?.=<+/ \n\t\r0aZ_\x00\x7f\x80\xc2\xff";
    return bytes[random_below(sizeof bytes - 1)];
}

/* One to eight changes of text in place; capacity bytes of room. */
static size_t mutate(char *text, size_t length, size_t capacity) {
    for (uint64_t changes = 1 + random_below(8); changes > 0 && length > 0; changes--) {
        size_t at = (size_t)random_below(length), run = (size_t)random_below(12) + 1;
        switch (random_below(6)) {
        case 0:
            text[at] = (char)random_below(256);
            break;
        case 1:
            text[at] = telling_byte();
            break;
        case 2: /* drop */
            if (run > length - at)
                run = length - at;
            memmove(text + at, text + at + run, length - at - run);
            length -= run;
            break;
        case 3: /* insert */
            if (length == capacity)
                break;
            memmove(text + at + 1, text + at, length - at);
            text[at] = telling_byte();
            length++;
            break;
        case 4: /* double */
            if (run > length - at || length + run > capacity)
                break;
            memmove(text + at + run, text + at, length - at);
            length += run;
            break;
        default: /* from elsewhere */
            if (run > length - at)
                run = length - at;
            memmove(text + at, text + random_below(length - run + 1), run);
            break;
        }
    }
    return length;
}

/* ------------------------------------------------------------------------------------------------
 * Policies */

static void use_snapshot(const struct snapshot *snapshot) {
    struct value *frame = calloc(snapshot->slot_count, sizeof *frame);
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < snapshot->rule_count; i++)
        expression_eval(snapshot->rules[i].when, frame, &arena);
    for (size_t i = 0; i < snapshot->computed_count; i++)
        expression_eval(snapshot->computed[i].expression, frame, &arena);
    arena_deinit(&arena);
    free(frame);
}

static void load_mutated(const struct policy_file *files, size_t count, size_t *loaded) {
    struct policy_file *copies = calloc(count, sizeof *copies);
    memcpy(copies, files, count * sizeof *copies);
    struct policy_file *victim = &copies[random_below(count)];
    size_t length = victim->content.length, capacity = length + 200;
    char *content = malloc(capacity);
    memcpy(content, victim->content.data, length);
    victim->content.length = mutate(content, length, capacity);
    victim->content.data = content;

    struct snapshot *snapshot = NULL;
    struct buffer messages;
    struct error error = {0};
    buffer_init(&messages);
    int r = snapshot_load(copies, count, &snapshot, &messages, &error);
    if (r == 0) {
        use_snapshot(snapshot);
        ++*loaded;
    } else {
        assert_int_equal(r, -ERROR_INVALID);
        assert_true(messages.length > 0 && error.text[0] != '\0');
        assert_null(snapshot);
        /* Whatever the file holds, messages are clean text. */
        for (size_t at = 0; at < messages.length;) {
            const char *line = (const char *)messages.bytes + at;
            const char *end = memchr(line, '\n', messages.length - at);
            assert_non_null(end);
            assert_true(
                text_is_clean((struct text){.data = line, .length = (size_t)(end - line)}, NULL));
            at += (size_t)(end - line) + 1;
        }
    }
    buffer_deinit(&messages);
    snapshot_unref(snapshot);
    free(content);
    free(copies);
}

static void mutate_policy(const char *name, uint64_t steps) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", rules_folder, name);
    struct policy_folder *folder;
    struct error error;
    assert_int_equal(policy_folder_read(path, &folder, &error), 0);
    size_t count, loaded = 0;
    const struct policy_file *files = policy_folder_files(folder, &count);
    for (uint64_t i = 0; i < steps; i++)
        load_mutated(files, count, &loaded);
    policy_folder_free(folder);
    /* Some mutations hit comments and descriptions, most do not. */
    assert_true(loaded > 0 && loaded < steps);
}

static void test_policies(void **state) {
    (void)state;
    DIR *directory = opendir(rules_folder);
    assert_non_null(directory);
    const struct dirent *entry;
    while ((entry = readdir(directory)))
        if (!strchr(entry->d_name, '.')) /* README.md is not a policy */
            mutate_policy(entry->d_name, setting("HARRIER_STEPS", 3000) / 25);
    closedir(directory);
}

/* ------------------------------------------------------------------------------------------------
 * Expressions */

static void run_mutated(const char *source, const char *bindings) {
    char text[600];
    size_t length = strlen(source);
    if (length > 300)
        return;
    memcpy(text, source, length);
    length = mutate(text, length, sizeof text);
    struct expression_case it;
    expression_case_init(&it, bindings);
    struct syntax *syntax =
        expression_check((struct text){.data = text, .length = length}, &it.scope, SCOPE_RULE,
                         TYPE_ANY, &it.arena, &it.reporter);
    assert_true(!syntax == (it.diagnostic[0] != '\0'));
    assert_true(it.diagnostic_offset <= length);
    if (syntax) {
        const struct expression *expression = expression_build(syntax, &it.arena);
        struct value v = expression_eval(expression, it.frame, &it.arena);
        assert_true(v.type == VALUE_ABSENT || v.type == VALUE_ERROR ||
                    v.type == type_kind(expression_type(expression)));
    }
    expression_case_deinit(&it);
}

static void mutate_cases(const char *name, uint64_t rounds) {
    char path[4096], *line = NULL;
    snprintf(path, sizeof path, "%s/%s", cases_folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t capacity = 0;
    while (getline(&line, &capacity, file) > 0) {
        char *rest = line;
        const char *source = strsep(&rest, "\t"), *bindings = strsep(&rest, "\t");
        for (uint64_t i = 0; rest && i < rounds; i++)
            run_mutated(source, bindings);
    }
    free(line);
    fclose(file);
}

static void test_expressions(void **state) {
    (void)state;
    DIR *directory = opendir(cases_folder);
    assert_non_null(directory);
    const struct dirent *entry;
    while ((entry = readdir(directory)))
        if (strstr(entry->d_name, ".tsv"))
            mutate_cases(entry->d_name, 1 + setting("HARRIER_STEPS", 3000) / 100);
    closedir(directory);
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    rules_folder = argv[1];
    cases_folder = argv[2];
    random_state = setting("HARRIER_SEED", 20260101) | 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_expressions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
