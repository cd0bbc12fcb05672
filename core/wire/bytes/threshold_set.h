/* Thresholds as a rebuild computes them: stored in a generation, and in the record of its adoption.
 * Plain values; core/policy/eval/threshold.h prepares them for look-ups. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/wire/types/decision.h"

struct threshold_values {
    struct text name;
    uint64_t definition; /* the declaration it was computed from, hashed */
    bool has_overall;    /* false: the sample over all groups was too small */
    double overall;      /* finite, as all values are */
    uint64_t samples;    /* transactions it was computed from */
    uint32_t key_count;  /* fields that make up the key of a group */
    /* Keys of the groups whose sample was large enough, strictly ascending. In a key of several
     * fields the length of each comes before it as a varint. */
    const struct text *keys;
    const double *values; /* parallel to keys */
    size_t group_count;
};

struct threshold_cutoff {
    enum verdict verdict;
    uint64_t definition; /* the budget it was computed from, hashed */
    uint32_t score;      /* 1…DECISION_SCORE_MAX: the smallest that has the verdict */
};

struct threshold_set {
    const struct threshold_values *thresholds; /* in the order of the policy */
    size_t threshold_count;
    const struct threshold_cutoff *cutoffs;
    size_t cutoff_count;
};

/* The most bytes that keys and values of a set may take, counting 16 for each group: an archive
 * record holds it with room to spare. Enforced where a set is computed. */
#define THRESHOLD_SET_BYTES_MAX (10u << 20)

static inline bool threshold_set_is_empty(const struct threshold_set *set) {
    return set->threshold_count == 0 && set->cutoff_count == 0;
}

/* Appends its bytes. The same set gives the same bytes on every machine. */
void threshold_set_encode(const struct threshold_set *set, struct buffer *buffer);

/* Everything decoded lives in the arena. ERROR_DAMAGED, ERROR_TOO_LARGE. */
int threshold_set_decode(const void *bytes, size_t length, struct arena *arena,
                         struct threshold_set *ret_set, struct error *ret_error);
