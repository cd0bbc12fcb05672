/* Which features have no history yet, and which rules read them: determined once for an engine, and
 * reported in every decision until tables with those features are adopted. */
#include "scratch.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/policy/eval/expression_reads.h"

#include <stdlib.h>

#define NAMES_REPORTED 3 /* in a decision: it is archived with each */

static bool has_origin(const struct engine *engine, size_t slot) {
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++)
        for (size_t i = 0; i < engine->live.entities[e].count; i++)
            if (engine->live.entities[e].origins[i].slot == slot)
                return true;
    return false;
}

/* The hidden count of a rule's suppression has no name of its own. */
static struct text hidden_name(const struct engine *engine, size_t slot, struct arena *arena) {
    const struct snapshot *rules = engine->rules;
    for (size_t i = 0; i < rules->rule_count; i++)
        if (rules->rules[i].suppress_slot == slot)
            return arena_printf(arena, "suppress of %" TEXT_FORMAT,
                                TEXT_ARGS(rules->rules[i].name));
    return TEXT_LITERAL("?");
}

static bool is_any_warming(const bool *warming, const bool *reads, size_t count) {
    for (size_t slot = 0; slot < count; slot++)
        if (reads[slot] && warming[slot])
            return true;
    return false;
}

static bool reads_any(const struct expression *expression, const bool *warming, bool *reads,
                      size_t count) {
    memset(reads, 0, count * sizeof *reads);
    expression_reads(expression, reads, count);
    return is_any_warming(warming, reads, count);
}

static bool model_reads_any(const struct policy_model *model, const bool *warming, bool *reads,
                            size_t count) {
    memset(reads, 0, count * sizeof *reads);
    policy_model_reads(model, reads, count);
    return is_any_warming(warming, reads, count);
}

/* A feature is warming when no feature of the plan has its definition: states have no values for it
 * until a rebuild. */
static void find_features(struct engine *engine, bool *is_warming, struct engine_warming *warming) {
    const struct snapshot *rules = engine->rules;
    struct text *features =
        arena_calloc(&engine->warming_arena, engine->live.warming, sizeof *features);
    check(features);
    for (size_t i = 0; i < rules->feature_count; i++) {
        size_t slot = rules->first_feature + i;
        is_warming[slot] = !has_origin(engine, slot);
        if (is_warming[slot] && warming->feature_count < engine->live.warming)
            features[warming->feature_count++] =
                rules->slot_names[slot].length ? rules->slot_names[slot]
                                               : hidden_name(engine, slot, &engine->warming_arena);
    }
    warming->features = features;
}

/* A computed value reads features and the values before it, a model both. */
static void find_rules(struct engine *engine, bool *is_warming, bool *reads,
                       struct engine_warming *warming) {
    const struct snapshot *rules = engine->rules;
    size_t slots = rules->slot_count;
    struct text *names = arena_calloc(&engine->warming_arena, rules->rule_count, sizeof *names);
    check(names);
    for (size_t i = 0; i < rules->computed_count; i++)
        is_warming[rules->computed[i].slot] =
            reads_any(rules->computed[i].expression, is_warming, reads, slots);
    for (size_t i = 0; i < rules->model_count; i++) {
        const struct policy_model *model = &rules->models[i];
        bool is_model_warming = model_reads_any(model, is_warming, reads, slots);
        for (size_t k = 0; k < model->slot_count; k++)
            is_warming[model->slot + k] = is_model_warming;
    }
    for (size_t i = 0; i < rules->rule_count; i++) {
        const struct rule *rule = &rules->rules[i];
        bool is_suppressing = rule->suppress_slot != SIZE_MAX && is_warming[rule->suppress_slot];
        if (rule->mode != RULE_OFF &&
            (is_suppressing || reads_any(rule->when, is_warming, reads, slots)))
            names[warming->rule_count++] = rule->name;
    }
    warming->rules = names;
}

static void name_some(struct buffer *out, const struct text *names, size_t count) {
    for (size_t i = 0; i < count && i < NAMES_REPORTED; i++)
        buffer_printf(out, "%s%" TEXT_FORMAT, i ? ", " : "", TEXT_ARGS(names[i]));
    if (count > NAMES_REPORTED)
        buffer_printf(out, " and %zu more", count - NAMES_REPORTED);
}

/* audit.c relies on the words before the colon: older decisions end there. */
static struct text describe(struct engine *engine, const struct engine_warming *warming) {
    struct buffer sentence;
    buffer_init(&sentence);
    buffer_printf(&sentence,
                  "%zu features have no history until the next rebuild: ", warming->feature_count);
    name_some(&sentence, warming->features, warming->feature_count);
    buffer_printf(&sentence, "; %s", warming->rule_count ? "used by " : "no rule uses them");
    name_some(&sentence, warming->rules, warming->rule_count);
    struct text description =
        arena_text(&engine->warming_arena,
                   (struct text){.data = (const char *)sentence.bytes, .length = sentence.length});
    buffer_deinit(&sentence);
    check(description.data);
    return description;
}

void warming_init(struct engine *engine) {
    arena_init(&engine->warming_arena, SIZE_MAX / 4);
    engine->warming = (struct engine_warming){0};
    if (engine->live.warming == 0)
        return;
    bool *is_warming = check_calloc(engine->rules->slot_count, sizeof *is_warming);
    bool *reads = check_calloc(engine->rules->slot_count, sizeof *reads);
    find_features(engine, is_warming, &engine->warming);
    find_rules(engine, is_warming, reads, &engine->warming);
    engine->warming.reason = describe(engine, &engine->warming);
    free(reads);
    free(is_warming);
}

void warming_deinit(struct engine *engine) {
    arena_deinit(&engine->warming_arena);
}
