#include "policy_text.h"

#include "tests/unit/unit.h"

void policy_text_add(struct policy_text *it, const char *path, const char *content) {
    assert_true(it->count < sizeof it->files / sizeof *it->files);
    it->files[it->count++] =
        (struct policy_file){.path = text_of(path), .content = text_of(content)};
}

struct snapshot *policy_text_load(const struct policy_text *it) {
    struct snapshot *snapshot = NULL;
    struct buffer messages;
    struct error error = {0};
    buffer_init(&messages);
    if (snapshot_load(it->files, it->count, &snapshot, &messages, &error) < 0)
        fail_msg("%.*s", (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    return snapshot;
}

struct snapshot *policy_text_snapshot(const char *schema, const char *features, const char *rules) {
    struct policy_text it = {.count = 0};
    policy_text_add(&it, "policy.yaml", "policy: {name: test, base_currency: EUR}\n");
    if (schema)
        policy_text_add(&it, "schema.yaml", schema);
    if (features)
        policy_text_add(&it, "features.yaml", features);
    if (rules)
        policy_text_add(&it, "rules/test.yaml", rules);
    return policy_text_load(&it);
}
