#include "find_rule.h"

#include "batch/policies/policy_history.h"
#include "core/policy/load/snapshot.h"
#include "core/policy/source/diagnostic.h"

#include <stdio.h>

/* Adoptions that are looked at, from the newest back: a rule that is older is not a slip. */
#define POLICIES_MAX 8

/* Whether one of these rules has that name; the others are candidates for what was meant. */
static bool has_rule(const struct snapshot *policy, struct near *near) {
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (text_equal(policy->rules[i].name, near->wanted))
            return true;
        near_try(near, policy->rules[i].name);
    }
    return false;
}

/* < 0: the policy cannot be read, or this version does not load it. */
static int look_into(const struct policy_history *history, const struct policy_adoption *adoption,
                     struct near *near, struct arena *names) {
    struct policy_version version;
    struct snapshot *policy = NULL;
    struct buffer messages;
    struct error error;
    if (policy_history_load(history, adoption, &version, &error) < 0)
        return -1;
    buffer_init(&messages);
    int r = snapshot_load(version.files, version.file_count, &policy, &messages, &error);
    if (r == 0) {
        r = has_rule(policy, near);
        near->best = arena_text(names, near->best); /* it outlives the policy */
        snapshot_unref(policy);
    }
    buffer_deinit(&messages);
    policy_version_deinit(&version);
    return r;
}

void find_warn_of_rule(const char *archive, struct text rule) {
    const struct policy_history_options options = {.archive = archive};
    struct policy_history *history;
    struct error error;
    struct arena names;
    struct near near = near_to(rule);
    char hint[NEAR_HINT_SIZE];
    if (policy_history_open(&options, NULL, &history, &error) < 0)
        return;
    arena_init(&names, SIZE_MAX);
    size_t count = policy_history_count(history), seen = 0;
    int r = 0;
    for (size_t i = count; r == 0 && i > 0 && seen < POLICIES_MAX; i--, seen++)
        r = look_into(history, policy_history_at(history, i - 1), &near, &names);
    if (r == 0 && seen > 0)
        fprintf(stderr,
                "harrier: none of the archive's newest policies has a rule \"%" TEXT_FORMAT
                "\"%s\n",
                TEXT_ARGS(rule), near_hint(&near, hint));
    arena_deinit(&names);
    policy_history_close(history);
}
