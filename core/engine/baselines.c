/* Thresholds with any number of groups, one for each card for example. Their values are too many
 * for memory and for the record of a generation: each decision looks up the groups of its
 * transaction, in the tables, and its record keeps what it found. Deriving the decision again takes
 * the values from there and needs no tables. */
#include "scratch.h"

#include "core/base/check.h"

#include <stdlib.h>

void judge_init_baselines(struct judge *judge, const bool *reads) {
    const struct snapshot *snapshot = judge->snapshot;
    judge->baselines = check_calloc(snapshot->threshold_count, sizeof *judge->baselines);
    for (size_t i = 0; i < snapshot->threshold_count; i++) {
        const struct threshold *threshold = &snapshot->thresholds[i];
        bool is_read = threshold->groups_in_tables;
        for (size_t j = 0; j < threshold->key_count; j++)
            is_read &= reads[threshold->key_slots[j]];
        if (is_read)
            judge->baselines[judge->baseline_count++].threshold = threshold;
    }
}

void engine_use_baselines(struct engine *engine, struct baseline_source *source) {
    engine->baseline_source = source;
    engine->recorded = NULL;
}

void engine_use_recorded(struct engine *engine, const struct decision *archived) {
    engine->recorded = archived;
}

static bool find_recorded(const struct decision *recorded, uint64_t definition, double *ret_value) {
    for (size_t i = 0; i < recorded->baseline_count; i++)
        if (recorded->baselines[i].definition == definition) {
            *ret_value = recorded->baselines[i].value;
            return true;
        }
    return false;
}

static bool find_value(struct engine *engine, uint64_t definition, struct text key,
                       double *ret_value) {
    struct baseline_source *source = engine->baseline_source;
    if (engine->recorded)
        return find_recorded(engine->recorded, definition, ret_value);
    return source && source->find(source, definition, key, ret_value);
}

/* .data NULL: a part of it is absent or too long. */
static struct text key_of(struct judge_baseline *baseline, const struct value *frame) {
    const struct threshold *threshold = baseline->threshold;
    struct text parts[THRESHOLD_KEYS_MAX];
    for (size_t i = 0; i < threshold->key_count; i++) {
        const struct value *v = &frame[threshold->key_slots[i]];
        if (v->type != VALUE_TEXT)
            return (struct text){0};
        parts[i] = v->text;
    }
    return threshold_key(parts, threshold->key_count, baseline->key);
}

/* Shadow policies may share thresholds with the live one. */
static void note(struct decision *decision, uint64_t definition, double value) {
    struct baseline *baselines = (struct baseline *)(uintptr_t)decision->baselines;
    double ignored;
    if (baselines && !find_recorded(decision, definition, &ignored))
        baselines[decision->baseline_count++] =
            (struct baseline){.definition = definition, .value = value};
}

static size_t count_of(const struct engine *engine) {
    size_t count = engine->live.baseline_count;
    for (size_t i = 0; i < engine->shadow_count; i++)
        count += engine->shadows[i].baseline_count;
    return count;
}

size_t baselines_memory(const struct engine *engine) {
    return count_of(engine) * sizeof(struct baseline);
}

void baselines_begin(struct engine *engine, struct arena *arena, struct decision *decision) {
    size_t count = count_of(engine);
    if (count == 0)
        return;
    decision->baselines = arena_calloc(arena, count, sizeof *decision->baselines);
    baselines_find(engine, &engine->live, decision);
}

void baselines_find(struct engine *engine, struct judge *judge, struct decision *decision) {
    struct value *frame = judge->layout.bound.frame;
    for (size_t i = 0; i < judge->baseline_count; i++) {
        struct judge_baseline *baseline = &judge->baselines[i];
        const struct threshold *threshold = baseline->threshold;
        struct text key = key_of(baseline, frame);
        struct value before = baseline->before;
        double value = 0;
        frame[threshold->slot] = before;
        if (!key.data || !find_value(engine, threshold->definition, key, &value))
            continue;
        note(decision, threshold->definition, value);
        frame[threshold->slot] =
            threshold_group(before.type == VALUE_TEXT ? before.text : (struct text){0}, key, value,
                            baseline->table);
    }
}
