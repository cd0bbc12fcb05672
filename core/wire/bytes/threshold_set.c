/* Decoding checks what look-ups rely on: finite values, keys in order, and cut-offs that are
 * scores. A set that breaks this is damaged, wherever it was stored. */
#include "threshold_set.h"

#include "protobuf.h"
#include "threshold_set_protobuf.h"

#include <math.h>

#define WHAT "a set of thresholds"

/* ---- encoding ---- */

static void threshold_to_protobuf(const struct threshold_values *values, struct arena *scratch,
                                  Harrier__Archive__V1__Threshold *out) {
    out->name = bytes_from_text(values->name);
    out->definition = values->definition;
    out->has_overall = values->has_overall;
    out->overall = values->overall;
    out->samples = values->samples;
    out->key_count = values->key_count;
    out->n_keys = out->n_values = values->group_count;
    out->keys = texts_to_protobuf(values->keys, values->group_count, scratch);
    out->values = scratch_calloc(scratch, values->group_count, sizeof *out->values);
    for (size_t i = 0; i < values->group_count; i++)
        out->values[i] = values->values[i];
}

static void cutoff_to_protobuf(const struct threshold_cutoff *cutoff,
                               Harrier__Archive__V1__Cutoff *out) {
    out->verdict = (Harrier__V1__Verdict)cutoff->verdict;
    out->definition = cutoff->definition;
    out->score = cutoff->score;
}

static void fill(const struct threshold_set *set, struct arena *scratch,
                 Harrier__Archive__V1__ThresholdSet *out) {
    harrier__archive__v1__threshold_set__init(out);
    Harrier__Archive__V1__Threshold *thresholds;
    Harrier__Archive__V1__Cutoff *cutoffs;
    out->n_thresholds = set->threshold_count;
    NEW_MESSAGES(scratch, set->threshold_count, thresholds, out->thresholds,
                 harrier__archive__v1__threshold__init);
    for (size_t i = 0; i < set->threshold_count; i++)
        threshold_to_protobuf(&set->thresholds[i], scratch, &thresholds[i]);
    out->n_cutoffs = set->cutoff_count;
    NEW_MESSAGES(scratch, set->cutoff_count, cutoffs, out->cutoffs,
                 harrier__archive__v1__cutoff__init);
    for (size_t i = 0; i < set->cutoff_count; i++)
        cutoff_to_protobuf(&set->cutoffs[i], &cutoffs[i]);
}

Harrier__Archive__V1__ThresholdSet *threshold_set_to_protobuf(const struct threshold_set *set,
                                                              struct arena *scratch) {
    if (threshold_set_is_empty(set))
        return NULL;
    Harrier__Archive__V1__ThresholdSet *out = scratch_calloc(scratch, 1, sizeof *out);
    fill(set, scratch, out);
    return out;
}

/* The bytes are a value of a generation's table and part of its content hash, so they must not
 * depend on the machine. */
void threshold_set_encode(const struct threshold_set *set, struct buffer *buffer) {
    struct arena scratch;
    Harrier__Archive__V1__ThresholdSet out;
    scratch_init(&scratch);
    fill(set, &scratch, &out);
    protobuf_pack(&out.base, buffer);
    arena_deinit(&scratch);
}

/* ---- decoding ---- */

static int damaged(const char *what, struct error *ret_error) {
    return error_set(ret_error, ERROR_DAMAGED, WHAT " with %s", what);
}

/* Look-ups bisect the keys, so they must be strictly ascending. */
static int threshold_from_protobuf(const Harrier__Archive__V1__Threshold *in, struct arena *arena,
                                   struct threshold_values *values, struct error *ret_error) {
    if (in->n_keys != in->n_values)
        return damaged("unequal numbers of keys and values", ret_error);
    struct text *keys = arena_calloc(arena, in->n_keys, sizeof *keys);
    if (!keys)
        return protobuf_exhausted(WHAT, arena, ret_error);
    *values = (struct threshold_values){
        .name = text_from_bytes(in->name),
        .definition = in->definition,
        .has_overall = in->has_overall != 0,
        .overall = in->overall,
        .samples = in->samples,
        .key_count = in->key_count,
        .keys = keys,
        .values = in->values,
        .group_count = in->n_keys,
    };
    if (!isfinite(in->overall))
        return damaged("a value that is not a number", ret_error);
    for (size_t i = 0; i < in->n_keys; i++) {
        keys[i] = text_from_bytes(in->keys[i]);
        if (!isfinite(in->values[i]))
            return damaged("a value that is not a number", ret_error);
        if (i > 0 && text_compare(keys[i - 1], keys[i]) >= 0)
            return damaged("keys that are out of order", ret_error);
    }
    return 0;
}

/* Approve has no cut-off: it is what is below all of them. */
static int cutoff_from_protobuf(const Harrier__Archive__V1__Cutoff *in,
                                struct threshold_cutoff *cutoff, struct error *ret_error) {
    *cutoff = (struct threshold_cutoff){.verdict = verdict_from_protobuf((int)in->verdict),
                                        .definition = in->definition,
                                        .score = in->score};
    if (cutoff->verdict <= VERDICT_APPROVE || cutoff->verdict >= VERDICT_COUNT)
        return damaged("a cut-off for a verdict that has none", ret_error);
    if (cutoff->score == 0 || cutoff->score > DECISION_SCORE_MAX)
        return damaged("a cut-off that is not a score", ret_error);
    return 0;
}

/* *ret_set is untouched unless every threshold and cut-off is valid. */
int threshold_set_from_protobuf(const Harrier__Archive__V1__ThresholdSet *in, struct arena *arena,
                                struct threshold_set *ret_set, struct error *ret_error) {
    struct threshold_values *thresholds = arena_calloc(arena, in->n_thresholds, sizeof *thresholds);
    struct threshold_cutoff *cutoffs = arena_calloc(arena, in->n_cutoffs, sizeof *cutoffs);
    if (!thresholds || !cutoffs)
        return protobuf_exhausted(WHAT, arena, ret_error);
    int r = 0;
    for (size_t i = 0; i < in->n_thresholds && r == 0; i++)
        r = threshold_from_protobuf(in->thresholds[i], arena, &thresholds[i], ret_error);
    for (size_t i = 0; i < in->n_cutoffs && r == 0; i++)
        r = cutoff_from_protobuf(in->cutoffs[i], &cutoffs[i], ret_error);
    if (r == 0)
        *ret_set = (struct threshold_set){.thresholds = thresholds,
                                          .threshold_count = in->n_thresholds,
                                          .cutoffs = cutoffs,
                                          .cutoff_count = in->n_cutoffs};
    return r;
}

int threshold_set_decode(const void *bytes, size_t length, struct arena *arena,
                         struct threshold_set *ret_set, struct error *ret_error) {
    const Harrier__Archive__V1__ThresholdSet *in =
        protobuf_unpack(&harrier__archive__v1__threshold_set__descriptor, WHAT, ERROR_DAMAGED,
                        bytes, length, arena, ret_error);
    return in ? threshold_set_from_protobuf(in, arena, ret_set, ret_error) : -(int)ret_error->code;
}
