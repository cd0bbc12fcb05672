/* decide(transaction, states) → decision: invariant 2.
 *
 *   lay out     the transaction in the frames of the rules and of the plan
 *   read        every feature of every entity it names; with the entries of entity_entries.c
 *   compute     the policy's computed values, then its models
 *   judge       run the rules, combine verdict and score: judge.c
 *   report      reasons, and features if the caller wants them
 *
 * Shadow policies judge on the same features, after the decision is made: shadow.c. The memory that
 * a decision may need is checked before the rules run, so that a rule cannot fail for want of it: a
 * decision must not depend on how much memory earlier ones took. */
#include "scratch.h"
#include "sentence.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/load/policy_limits.h"
#include "core/policy/models/model_drift.h"

#include <math.h>

static int lay_out(struct engine *engine, const struct transaction *transaction,
                   const struct field_set *fields, struct text *ret_field,
                   struct error *ret_error) {
    int r = engine->omits_check ? 0 : transaction_check(transaction, ret_field, ret_error);
    if (r == 0)
        r = judge_bind(&engine->live, transaction, fields, &engine->live.layout.bound, ret_field,
                       ret_error);
    return r;
}

static void degrade(struct decision *decision, struct text reason) {
    if (decision->degraded) /* one reason is enough */
        return;
    decision->degraded = true;
    decision->degraded_reason = reason;
}

/* Copies one entity's features into the frames of all judges. They may already be in the live
 * judge's frame, which is why it comes last: setting its defaults changes what the shadows copy
 * from. */
static void take_reading(struct engine *engine, size_t entity, struct entity_reading reading,
                         struct arena *arena, struct decision *decision) {
    if (reading.is_late && engine->live.entities[entity].count > 0)
        degrade(decision, arena_printf(arena,
                                       "event time is more than the policy's lateness behind the "
                                       "newest of this %" TEXT_FORMAT,
                                       TEXT_ARGS(engine->plan->plan.entities[entity].name)));
    for (size_t i = 0; i < engine->shadow_count; i++) {
        struct judge *shadow = &engine->shadows[i];
        judge_take_features(shadow, entity, reading.values, &shadow->arena);
        shadow->is_late |= reading.is_late && shadow->entities[entity].count > 0;
    }
    if (engine->live.entities[entity].are_in_place &&
        reading.values == judge_feature_place(&engine->live, entity))
        judge_settle_features(&engine->live, entity, arena);
    else
        judge_take_features(&engine->live, entity, reading.values, arena);
}

/* After the last entity: values given by a case override, and warming features degrade. */
static void end_reading(struct engine *engine, struct arena *arena, struct decision *decision) {
    for (size_t i = 0; i < engine->given_count; i++)
        engine->live.layout.bound.frame[engine->given[i].slot] = engine->given[i].value;
    if (engine->live.warming > 0)
        degrade(decision, arena_text(arena, engine->warming.reason));
}

/* A case may say what a model gives, instead of the model. */
static void give_models(struct engine *engine) {
    for (size_t i = 0; i < engine->given_count; i++)
        if (engine->given[i].slot >= engine->rules->first_model)
            engine->live.layout.bound.frame[engine->given[i].slot] = engine->given[i].value;
}

void engine_count_models(const struct engine *engine, uint64_t *counts) {
    for (size_t i = 0; i < engine->rules->model_count; i++) {
        const struct policy_model *model = &engine->rules->models[i];
        const double *row = engine->live.model_rows[i];
        if (!model->reference)
            continue;
        double margin = policy_model_margin(model, row);
        counts = isnan(margin) ? counts + model_drift_size(model, 1)
                               : model_drift_add(model, row, margin, counts);
    }
}

static inline int read_state(struct engine *engine, size_t entity, struct state *state,
                             const struct entry *entry, struct value *ret_values) {
    const struct reading *reading = &engine->readings[entity];
    int64_t lateness_us = engine->plan->plan.lateness_us;
    int r = state ? state_evaluate(state, &reading->plan, lateness_us, entry->time_us, entry,
                                   engine->state_scratch, ret_values)
                  : state_read(NULL, 0, &reading->plan, lateness_us, entry->time_us, entry,
                               engine->state_scratch, ret_values);
    engine->unknown += state_scratch_unknown(engine->state_scratch);
    return r;
}

int engine_read(struct engine *engine, size_t entity, struct state *state,
                const struct entry *entry, struct value *ret_values) {
    return read_state(engine, entity, state, entry, ret_values);
}

/* The same for a state that is not in memory: encoded, from the tables. */
static int read_stored(struct engine *engine, const struct state_place *spot,
                       const struct entry *entry, struct state_source *states,
                       struct value *ret_values) {
    const struct reading *reading = &engine->readings[spot->entity];
    struct text state = states->read(states, spot->entity, spot->key, spot->key_hash);
    int r = state_read(state.data, state.length, &reading->plan, engine->plan->plan.lateness_us,
                       entry->time_us, entry, engine->state_scratch, ret_values);
    engine->unknown += state_scratch_unknown(engine->state_scratch);
    return r;
}

static void read_entity(struct engine *engine, const struct state_place *spot,
                        struct state_source *states, struct arena *arena,
                        struct decision *decision) {
    const struct reading *reading = &engine->readings[spot->entity];
    const struct entry *entry = &engine->entries[spot->entity];
    struct value *values = reading->place ? reading->place : engine->values;
    int r = spot->state ? read_state(engine, spot->entity, spot->state, entry, values)
                        : read_stored(engine, spot, entry, states, values);
    if (reading->place && r == 0 && engine->shadow_count == 0) {
        if (engine->live.entities[spot->entity].unsettled_count > 0)
            judge_settle_features(&engine->live, spot->entity, arena);
    } else
        take_reading(engine, spot->entity,
                     (struct entity_reading){.values = values, .is_late = r > 0}, arena, decision);
}

static void read_features(struct engine *engine, struct state_source *states, struct arena *arena,
                          struct decision *decision) {
    const struct named *named = &engine->named;
    if (engine->live.warming > 0) /* features that no entity of the plan has */
        judge_clear_features(&engine->live);
    for (size_t i = 0; i < named->unnamed_count; i++)
        judge_clear_entity(&engine->live, named->unnamed[i]);
    for (size_t i = 0; i < named->spot_count; i++)
        if (engine->readings[named->spots[i].entity].is_wanted)
            read_entity(engine, &named->spots[i], states, arena, decision);
}

/* Features, computed values and what models give have adjacent slots. */
static uint64_t hash_features(const struct engine *engine) {
    const struct snapshot *rules = engine->rules;
    return values_hash(engine->live.layout.bound.frame + rules->first_feature,
                       rules->feature_count + rules->computed_count + rules->model_slot_count);
}

/* Memory for texts about the decision as a whole: one for each entity at most. */
#define REMARK_BYTES 512

/* Most bytes that a decision takes, without reported features. With less, building a text might
 * fail and with it a rule, which would not happen when the decision is derived again. */
static size_t memory_of(const struct engine *engine) {
    size_t reasons = engine->rules->rule_count, bytes = engine->live.memory;
    if (reasons > DECISION_REASONS_MAX)
        reasons = DECISION_REASONS_MAX;
    bytes += reasons * (sizeof(struct reason) + REASON_TEXT_MAX + 32);
    bytes += engine->rules->rule_count * sizeof(struct rule_failure) +
             DECISION_FAILED_RULES_MAX * sizeof(struct text) + 32;
    bytes += (engine->plan->plan.entity_count + 8) * REMARK_BYTES;
    bytes += baselines_memory(engine);
    bytes += engine->rules->model_count * (REASON_TEXT_MAX + 32);
    for (size_t i = 0; i < engine->shadow_count; i++)
        bytes += sizeof(struct shadow_decision) + 32 +
                 engine->shadows[i].snapshot->rule_count * sizeof(uint32_t);
    return bytes;
}

static int check_memory(const struct engine *engine, const struct arena *arena,
                        struct error *ret_error) {
    size_t left = arena->limit - arena->used, needed = memory_of(engine);
    if (left >= needed)
        return 0;
    return error_set(ret_error, ERROR_TOO_LARGE,
                     "the decision may need %zu bytes of memory, but only %zu are left; send fewer "
                     "transactions at once",
                     needed, left);
}

/* The rule's sentence with its values filled in, and what the model that it reads says, cut at
 * REASON_TEXT_MAX and never inside a character. What evaluating allocates is released before the
 * sentence is copied. */
static struct text write_reason(const struct engine *engine, const struct rule *rule,
                                const struct text *models, struct arena *arena) {
    char sentence[REASON_TEXT_MAX + 1];
    struct arena_mark mark = arena_mark(arena);
    size_t length =
        sentence_write(rule->reason, rule->reason_count, engine->live.layout.bound.frame, sentence,
                       sizeof sentence, arena);
    if (rule->explained_model != SIZE_MAX && models[rule->explained_model].length > 0) {
        length = sentence_append(TEXT_LITERAL(": "), sentence, sizeof sentence, length);
        length = sentence_append(models[rule->explained_model], sentence, sizeof sentence, length);
    }
    arena_rewind(arena, mark);
    return arena_text(arena, sentence_cut(sentence, length));
}

/* The first DECISION_REASONS_MAX of the rules that fired. */
static int report_reasons(const struct engine *engine, bool with_texts, struct arena *arena,
                          struct decision *decision, struct error *ret_error) {
    const struct judge *live = &engine->live;
    size_t count =
        live->fired_count < DECISION_REASONS_MAX ? live->fired_count : DECISION_REASONS_MAX;
    struct reason *reasons = arena_alloc(arena, count * sizeof *reasons);
    struct text models[POLICY_MODELS_MAX];
    if (!reasons)
        return error_set(ret_error, ERROR_TOO_LARGE, "the decision needs too much memory");
    if (with_texts && engine->rules->model_count > 0)
        model_reasons_write(engine, decision->verdict, arena, models);
    for (size_t i = 0; i < count; i++) {
        const struct fired_rule *fired = &live->fired[i];
        const struct rule *rule = &engine->rules->rules[fired->rule];
        reasons[i] = (struct reason){
            .rule = rule->name,
            .text = with_texts ? write_reason(engine, rule, models, arena) : (struct text){0},
            .score = rule->score,
            .verdict = rule->verdict,
            .shadow = judge_mode(live, fired->rule) == RULE_SHADOW,
            .suppressed = fired->suppressed,
            .index = fired->rule,
            .tags = rule->tags,
            .tag_count = rule->tag_count,
            .group = rule->group == SIZE_MAX ? (struct text){0}
                                             : engine->rules->groups[rule->group].name,
            .capped = fired->capped,
            .verdict_if_live = fired->verdict_if_live,
        };
    }
    decision->reasons = reasons;
    decision->reason_count = count;
    return 0;
}

/* The rules that failed: all by their index, the first ones by name. */
static int report_failures(const struct engine *engine, struct arena *arena,
                           struct decision *decision, struct error *ret_error) {
    const struct judge *live = &engine->live;
    size_t count = live->failed_count, named = count;
    if (count == 0)
        return 0;
    if (named > DECISION_FAILED_RULES_MAX)
        named = DECISION_FAILED_RULES_MAX;
    struct rule_failure *failures = arena_alloc(arena, count * sizeof *failures);
    struct text *names = arena_alloc(arena, named * sizeof *names);
    if (!failures || !names)
        return error_set(ret_error, ERROR_TOO_LARGE, "the decision needs too much memory");
    memcpy(failures, live->failed, count * sizeof *failures);
    for (size_t i = 0; i < named; i++)
        names[i] = engine->rules->rules[failures[i].index].name;
    decision->rule_errors = (uint32_t)count;
    decision->failures = failures;
    decision->failed_rules = names;
    decision->failed_rule_count = named;
    return 0;
}

static int judge(struct engine *engine, const struct transaction *transaction, struct arena *arena,
                 struct decision *decision, struct error *ret_error) {
    struct judgement judgement = judge_rules(&engine->live, transaction->event_time_us, arena);
    decision->verdict = judgement.verdict;
    decision->score = judgement.score;
    int r = report_failures(engine, arena, decision, ret_error);
    return r < 0 ? r : report_reasons(engine, !engine->omits_texts, arena, decision, ret_error);
}

void engine_omit_hash(struct engine *engine) {
    engine->omits_hash = true;
}

void engine_omit_check(struct engine *engine) {
    engine->omits_check = true;
}

void engine_omit_texts(struct engine *engine) {
    engine->omits_texts = true;
}

int engine_reasons(const struct engine *engine, struct arena *arena, struct decision *decision,
                   struct error *ret_error) {
    return report_reasons(engine, true, arena, decision, ret_error);
}

size_t engine_fired(const struct engine *engine, uint32_t *ret_rules) {
    for (size_t i = 0; i < engine->live.fired_count; i++)
        ret_rules[i] = engine->live.fired[i].rule;
    return engine->live.fired_count;
}

bool engine_rule_would_count(const struct engine *engine, uint32_t rule, int64_t event_time_us) {
    return judge_allows(&engine->live, rule, event_time_us);
}

/* Texts of computed values may lie in the transaction or among the engine's derived texts, which
 * the next transaction overwrites. */
static bool keep_text(struct value *v, struct arena *arena) {
    if (v->type == VALUE_TEXT)
        v->text = arena_text(arena, v->text);
    return v->type != VALUE_TEXT || v->text.data;
}

/* All features, computed values and what models give, under their names. A run-time error travels
 * as absent. */
static int report_features(struct engine *engine, struct arena *arena, struct decision *decision,
                           struct error *ret_error) {
    const struct snapshot *rules = engine->rules;
    size_t count = rules->feature_count + rules->computed_count + rules->model_slot_count;
    struct named_value *features = arena_calloc(arena, count, sizeof *features);
    if (!features)
        return error_set(ret_error, ERROR_TOO_LARGE, "the features need too much memory");
    size_t reported = 0;
    for (size_t i = 0; i < count; i++) {
        size_t slot = rules->first_feature + i;
        struct value v = engine->live.layout.bound.frame[slot];
        if (rules->slot_names[slot].length == 0)
            continue;
        features[reported].name = rules->slot_names[slot];
        features[reported].value = v.type == VALUE_ERROR ? value_absent() : v;
        if (!keep_text(&features[reported++].value, arena))
            return error_set(ret_error, ERROR_TOO_LARGE, "the features need too much memory");
    }
    decision->features = features;
    decision->feature_count = reported;
    return 0;
}

/* Everything before the states are read: checks, the frame, the memory. is_laid_out:
 * next_prefetch.c has laid the transaction out already. */
static int begin(struct engine *engine, const struct transaction *transaction, bool is_laid_out,
                 const struct field_set *fields, struct arena *arena, struct decision *ret_decision,
                 struct text *ret_field, struct error *ret_error) {
    engine->incomplete = NULL;
    engine->laid_out = 0;
    int r = is_laid_out ? 0 : lay_out(engine, transaction, fields, ret_field, ret_error);
    if (r < 0)
        return r;
    engine->incomplete = fields;
    engine->decided = *transaction;
    *ret_field = (struct text){0};
    r = check_memory(engine, arena, ret_error);
    if (r < 0)
        return r;
    *ret_decision = (struct decision){
        .transaction_id = transaction->id,
        .snapshot_id = engine->rules->id,
        .verdict = VERDICT_APPROVE,
    };
    shadows_begin(engine);
    return 0;
}

/* What models read. filters: as of judge_compute_values(). */
static void compute(struct engine *engine, const struct filters *filters, struct arena *arena,
                    struct decision *decision) {
    end_reading(engine, arena, decision);
    judge_compute_values(&engine->live, filters, arena);
}

/* Everything after the models. */
static int conclude(struct engine *engine, const struct transaction *transaction,
                    bool with_features, struct arena *arena, struct decision *decision,
                    struct error *ret_error) {
    give_models(engine);
    decision->feature_hash = engine->omits_hash ? 0 : hash_features(engine);
    baselines_begin(engine, arena, decision);
    int r = judge(engine, transaction, arena, decision, ret_error);
    if (r < 0)
        return r;
    shadows_judge(engine, transaction, arena, decision);
    return with_features ? report_features(engine, arena, decision, ret_error) : 0;
}

/* A number that no other decision has, neither of this engine nor of another one alive: the
 * engine's address and a counter. */
static uint64_t next_laid_out(struct engine *engine) {
    return ((uint64_t)(uintptr_t)engine << 16) + ++engine->decisions;
}

/* The entities that the transaction names, and their states. */
static void find(struct engine *engine, const struct transaction *transaction,
                 struct state_source *states) {
    layout_begin(engine, transaction, &engine->plan_layout.bound, true, &engine->named);
    layout_find_states(engine, transaction->event_time_us, states);
}

int engine_decide(struct engine *engine, const struct transaction *transaction,
                  struct state_source *states, bool with_features, struct arena *arena,
                  struct decision *ret_decision, struct text *ret_field, struct error *ret_error) {
    bool is_shared = engine->plan == engine->rules;
    const struct field_set *fields = is_shared ? &engine->both_fields : &engine->live.fields;
    struct decision decision;
    model_rows_leave(engine);
    bool was_next_prefetch = next_prefetch_take(engine, transaction, states);
    int r = begin(engine, transaction, was_next_prefetch, fields, arena, &decision, ret_field,
                  ret_error);
    if (r < 0)
        return r;
    if (!was_next_prefetch && !is_shared)
        layout_bind_plan(engine, transaction, &engine->plan_layout.bound);
    if (!was_next_prefetch)
        find(engine, transaction, states);
    entity_entries_begin(engine, transaction);
    next_prefetch_begin(engine, fields, states);
    read_features(engine, states, arena, &decision);
    next_prefetch_fetch(engine, states);
    compute(engine, is_shared ? &engine->filters : NULL, arena, &decision);
    judge_evaluate_models(&engine->live, arena);
    r = conclude(engine, transaction, with_features, arena, &decision, ret_error);
    if (r < 0)
        return r;
    next_prefetch_fetch(engine, states);
    decision.laid_out = engine->laid_out = next_laid_out(engine);
    *ret_decision = decision;
    return 0;
}

/* Moves features that were read elsewhere to the place in the frame where engine_decide() would
 * have read them, if the layout allows. */
static struct entity_reading put_in_place(struct engine *engine, size_t entity,
                                          struct entity_reading reading) {
    const struct feature_origins *origins = &engine->live.entities[entity];
    if (!origins->are_in_place)
        return reading;
    struct value *place = judge_feature_place(&engine->live, entity);
    memcpy(place, reading.values, origins->count * sizeof *place);
    reading.values = place;
    return reading;
}

/* Up to the models, from what was read elsewhere. */
static int prepare(struct engine *engine, const struct transaction *transaction,
                   const struct entity_reading *readings, struct arena *arena,
                   struct decision *ret_decision, struct text *ret_field, struct error *ret_error) {
    struct decision decision;
    int r = begin(engine, transaction, false, &engine->live.fields, arena, &decision, ret_field,
                  ret_error);
    if (r < 0)
        return r;
    if (engine->live.warming > 0)
        judge_clear_features(&engine->live);
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++)
        if (readings[e].values && engine->readings[e].is_wanted)
            take_reading(engine, e, put_in_place(engine, e, readings[e]), arena, &decision);
        else
            judge_clear_entity(&engine->live, e);
    compute(engine, NULL, arena, &decision);
    *ret_decision = decision;
    return 0;
}

int engine_judge(struct engine *engine, const struct transaction *transaction,
                 const struct entity_reading *readings, bool with_features, struct arena *arena,
                 struct decision *ret_decision, struct text *ret_field, struct error *ret_error) {
    struct decision decision;
    model_rows_leave(engine);
    int r = prepare(engine, transaction, readings, arena, &decision, ret_field, ret_error);
    if (r < 0)
        return r;
    judge_evaluate_models(&engine->live, arena);
    r = conclude(engine, transaction, with_features, arena, &decision, ret_error);
    if (r == 0)
        *ret_decision = decision;
    return r;
}

bool engine_prepare(struct engine *engine, size_t row, const struct transaction *transaction,
                    const struct entity_reading *readings) {
    struct decision decision;
    struct text field;
    struct error refusal;
    struct arena *arena = model_rows_enter(engine, row, memory_of(engine));
    int r = prepare(engine, transaction, readings, arena, &decision, &field, &refusal);
    if (r == 0)
        model_rows_keep(engine, row, &decision);
    model_rows_leave(engine);
    return r == 0;
}

int engine_judge_prepared(struct engine *engine, size_t row, const struct transaction *transaction,
                          bool with_features, struct arena *arena, struct decision *ret_decision,
                          struct error *ret_error) {
    struct decision decision = model_rows_take(engine, row);
    engine->incomplete = &engine->live.fields;
    engine->decided = *transaction;
    engine->laid_out = 0;
    int r = check_memory(engine, arena, ret_error);
    if (r == 0)
        r = conclude(engine, transaction, with_features, arena, &decision, ret_error);
    if (r == 0)
        *ret_decision = decision;
    return r;
}

size_t engine_entity_features(struct engine *engine, size_t entity, struct text state,
                              int64_t at_us, struct arena *arena,
                              const struct named_value **ret_features) {
    check(entity < engine->plan->plan.entity_count);
    const struct reading *reading = &engine->readings[entity];
    const struct feature_origins *origins = &engine->live.entities[entity];
    struct named_value *features = arena_calloc(arena, origins->count, sizeof *features);
    if (!features)
        return 0;
    state_read(state.data, state.length, &reading->plan, engine->plan->plan.lateness_us, at_us,
               NULL, engine->state_scratch, engine->values);
    judge_take_features(&engine->live, entity, engine->values, arena);
    size_t reported = 0;
    for (size_t i = 0; i < origins->count; i++) {
        size_t slot = origins->origins[i].slot;
        if (engine->rules->slot_names[slot].length == 0)
            continue;
        features[reported].name = engine->rules->slot_names[slot];
        features[reported++].value = engine->live.layout.bound.frame[slot];
    }
    *ret_features = features;
    return reported;
}
