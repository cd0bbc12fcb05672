/* The examples of docs/POLICY.md (argument) are one policy: each yaml block that begins with "#
 * PATH" is that file. With the time zone that they name, it loads without a warning. */
#include "tests/unit/policy/policy_text.h"
#include "tests/unit/policy/tzif.h"

#include "tests/unit/unit.h"

static const char *document_path;

static char *read_document(void) {
    FILE *file = fopen(document_path, "r");
    assert_non_null(file);
    char *text = calloc(1, 1 << 20);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

static void test_examples_load(void **state) {
    (void)state;
    static const char opening[] = "\n```yaml\n# ", closing[] = "\n```\n";
    char *text = read_document(), *at = text;
    struct policy_text policy = {.count = 0};
    while ((at = strstr(at, opening))) {
        char *path = at + sizeof opening - 1, *content = strchr(path, '\n');
        char *end = strstr(content, closing);
        assert_non_null(end);
        *content++ = '\0';
        *end = '\0';
        policy_text_add(&policy, path, content);
        at = end + 1;
    }
    assert_int_equal(policy.count, 9);
    struct buffer zone;
    buffer_init(&zone);
    assert_string_equal(tzif_zone(0, &zone), "Europe/Berlin");
    policy.files[policy.count++] =
        (struct policy_file){.path = TEXT_LITERAL("zones/Europe/Berlin.tzif"),
                             .content = {.data = (const char *)zone.bytes, .length = zone.length}};
    struct snapshot *snapshot = NULL;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    int r = snapshot_load(policy.files, policy.count, &snapshot, &messages, &error);
    if (r < 0 || messages.length > 0)
        fail_msg("%.*s", (int)messages.length, (const char *)messages.bytes);
    assert_int_equal(snapshot->rule_count, 5);
    assert_int_equal(snapshot->feature_count, 12); /* with that of a suppression */
    buffer_deinit(&messages);
    buffer_deinit(&zone);
    snapshot_unref(snapshot);
    free(text);
}

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    document_path = argv[1];
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples_load)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
