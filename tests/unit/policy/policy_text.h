/* A policy written in a test: files as strings, loaded without a folder. */
#pragma once

#include "core/policy/load/snapshot.h"

struct policy_text {
    struct policy_file files[16];
    size_t count;
};

void policy_text_add(struct policy_text *it, const char *path, const char *content);

/* The test fails with the messages when it does not load. */
struct snapshot *policy_text_load(const struct policy_text *it);

/* policy.yaml of base currency EUR and what else is given (NULL: nothing) */
struct snapshot *policy_text_snapshot(const char *schema, const char *features, const char *rules);
