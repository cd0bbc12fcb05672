/* Files of tests/golden/models, whose folder is the first argument of a test. */
#pragma once

#include "core/base/check.h"
#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>

static const char *golden;

/* NAME.SUFFIX of the folder, with a NUL behind it: drop() it. */
static inline struct text read_golden(const char *name, const char *suffix) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.%s", golden, name, suffix);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = check_malloc(1 << 20);
    size_t size = fread(bytes, 1, (1 << 20) - 1, file);
    fclose(file);
    bytes[size] = '\0';
    return (struct text){.data = bytes, .length = size};
}

static inline void drop(struct text t) {
    free((void *)(uintptr_t)t.data);
}
