/* Explaining the decision that the engine has just made: fields, computed values, rules with all of
 * their parts, groups and cut-offs, copied into the caller's arena.
 *
 * Nothing is decided here a second time. The decision says which rules fired; the trace says why
 * the others did not; check() stops the process if the two disagree. When the arena runs out,
 * `full` is set and everything continues with empty values until the end, where the error is
 * reported once. */
#include "explain.h"

#include "core/base/check.h"
#include "score.h"

#include <math.h>
#include <stdlib.h>

#define SCRATCH_BYTES ((size_t)256 << 20) /* for the values of one expression's parts */

struct explainer {
    const struct engine *engine;
    const struct snapshot *rules;
    const struct trace *trace;
    const struct thresholds *thresholds;
    const struct transaction *transaction;
    const struct decision *decision;
    const struct value *frame;
    bool *has_fired; /* of each rule, also of those that the decision does not list */
    struct arena *arena;
    struct arena scratch;
    bool full;
};

/* ---- copies ---- */

static struct text keep(struct explainer *explainer, struct text t) {
    if (t.length == 0)
        return (struct text){0};
    struct text copy = arena_text(explainer->arena, t);
    explainer->full |= !copy.data;
    return copy.data ? copy : (struct text){0};
}

static void *room(struct explainer *explainer, size_t count, size_t size) {
    void *memory = arena_calloc(explainer->arena, count ? count : 1, size);
    explainer->full |= !memory;
    return memory;
}

/* An error has no value to show; its name is reported separately. */
static struct value keep_value(struct explainer *explainer, struct value v) {
    if (v.type == VALUE_TEXT)
        v.text = keep(explainer, v.text);
    return v.type == VALUE_ERROR ? value_absent() : v;
}

/* Lists and maps are reported as text. */
static struct value printed(struct explainer *explainer, struct value v) {
    size_t size = (size_t)value_format(v, NULL, 0) + 1;
    char *string = room(explainer, size, 1);
    if (!string)
        return value_absent();
    value_format(v, string, size);
    return value_text((struct text){.data = string, .length = size - 1});
}

static bool copy_texts(struct arena *arena, const struct text *in, size_t count,
                       const struct text **ret_out) {
    struct text *out = arena_calloc(arena, count ? count : 1, sizeof *out);
    for (size_t i = 0; i < count && out; i++) {
        out[i] = arena_text(arena, in[i]);
        if (!out[i].data)
            return false;
    }
    *ret_out = out;
    return out != NULL;
}

static bool copy_reason(struct reason *reason, struct arena *arena) {
    reason->rule = arena_text(arena, reason->rule);
    reason->text = arena_text(arena, reason->text);
    reason->group = arena_text(arena, reason->group);
    return copy_texts(arena, reason->tags, reason->tag_count, &reason->tags) && reason->rule.data &&
           reason->text.data && reason->group.data;
}

static bool copy_feature(struct named_value *feature, struct arena *arena) {
    feature->name = arena_text(arena, feature->name);
    if (feature->value.type != VALUE_TEXT)
        return feature->name.data != NULL;
    feature->value.text = arena_text(arena, feature->value.text);
    return feature->name.data && feature->value.text.data;
}

/* Deep, without shadows: the copy must outlive the arena of the decision. */
bool decision_copy(const struct decision *decision, struct arena *arena,
                   struct decision *ret_decision) {
    size_t count = decision->reason_count, values = decision->feature_count;
    struct decision copy = *decision;
    struct reason *reasons = arena_calloc(arena, count ? count : 1, sizeof *reasons);
    struct named_value *features = arena_calloc(arena, values ? values : 1, sizeof *features);
    copy.transaction_id = arena_text(arena, decision->transaction_id);
    copy.degraded_reason = arena_text(arena, decision->degraded_reason);
    bool good =
        reasons && features && copy.transaction_id.data && copy.degraded_reason.data &&
        copy_texts(arena, decision->failed_rules, decision->failed_rule_count, &copy.failed_rules);
    for (size_t i = 0; i < count && good; i++) {
        reasons[i] = decision->reasons[i];
        good = copy_reason(&reasons[i], arena);
    }
    for (size_t i = 0; i < values && good; i++) {
        features[i] = decision->features[i];
        good = copy_feature(&features[i], arena);
    }
    copy.reasons = reasons;
    copy.features = features;
    copy.failures = NULL;
    copy.shadows = NULL;
    copy.shadow_count = 0;
    if (good)
        *ret_decision = copy;
    return good;
}

/* ---- expressions ---- */

static enum explained_kind kind_of(enum trace_kind kind) {
    static const enum explained_kind kinds[] = {
        [TRACE_OTHER] = EXPLAINED_OTHER,
        [TRACE_NAME] = EXPLAINED_NAME,
        [TRACE_HAS] = EXPLAINED_HAS,
        [TRACE_LIST] = EXPLAINED_LIST,
        [TRACE_THRESHOLD] = EXPLAINED_THRESHOLD,
        [TRACE_COMPARISON] = EXPLAINED_COMPARISON,
        [TRACE_AND] = EXPLAINED_AND,
        [TRACE_OR] = EXPLAINED_OR,
        [TRACE_NOT] = EXPLAINED_NOT,
        [TRACE_CONDITIONAL] = EXPLAINED_CONDITIONAL,
        [TRACE_MACRO] = EXPLAINED_MACRO,
        [TRACE_EACH] = EXPLAINED_EACH,
    };
    return kinds[kind];
}

static enum explained_origin origin_of(const struct trace_part *part) {
    static const enum explained_origin origins[] = {
        [THRESHOLD_FALLBACK] = ORIGIN_FALLBACK,
        [THRESHOLD_OVERALL] = ORIGIN_OVERALL,
        [THRESHOLD_GROUP] = ORIGIN_GROUP,
    };
    bool has_value = part->threshold && part->value.type == VALUE_DOUBLE;
    return has_value ? origins[part->origin] : ORIGIN_NONE;
}

static struct text type_of(struct value v) {
    return v.type == VALUE_ABSENT  ? TEXT_LITERAL("absent")
           : v.type == VALUE_ERROR ? TEXT_LITERAL("error")
                                   : text_of(value_type_name(v.type));
}

static struct explained_part explain_part(struct explainer *explainer,
                                          const struct trace_part *part) {
    struct value v = part->value;
    struct explained_part out = {
        .text = keep(explainer, part->text),
        .depth = part->depth,
        .kind = kind_of(part->kind),
        .type = type_of(v),
        .reached = part->reached,
        .decides = part->decides,
        .was_added = part->was_added,
        .origin = origin_of(part),
    };
    if (v.type == VALUE_ERROR)
        out.error = text_of(expression_error_name((enum expression_error)v.error_code));
    if (part->list)
        out.list = keep(explainer, part->list->name);
    out.value = v.type == VALUE_LIST || v.type == VALUE_MAP ? printed(explainer, v)
                                                            : keep_value(explainer, v);
    return out;
}

/* Of a rule's condition, or of a computed value. */
/* The parts are evaluated in scratch memory, which is reset for each expression, and then copied.
 */
static const struct explained_part *
explain_parts(struct explainer *explainer,
              size_t (*evaluate)(const struct trace *, size_t, const struct value *, struct arena *,
                                 const struct trace_part **),
              size_t index, size_t *ret_count) {
    const struct trace_part *parts = NULL;
    arena_reset(&explainer->scratch);
    size_t count = evaluate(explainer->trace, index, explainer->frame, &explainer->scratch, &parts);
    struct explained_part *out = room(explainer, count, sizeof *out);
    explainer->full |= count == 0;
    for (size_t i = 0; i < count && out; i++)
        out[i] = explain_part(explainer, &parts[i]);
    *ret_count = out ? count : 0;
    return out;
}

static void explain_computed(struct explainer *explainer, struct explained_policy *policy) {
    const struct snapshot *rules = explainer->rules;
    struct explained_computed *out = room(explainer, rules->computed_count, sizeof *out);
    for (size_t i = 0; i < rules->computed_count && out; i++) {
        out[i].name = keep(explainer, rules->computed[i].name);
        out[i].parts = explain_parts(explainer, trace_computed, i, &out[i].part_count);
    }
    policy->computed = out;
    policy->computed_count = out ? rules->computed_count : 0;
}

/* ---- models ---- */

struct contribution {
    size_t input;
    double value;
};

/* The greatest first, whatever its sign; equal ones in the model's order. */
static int compare_contributions(const void *left, const void *right) {
    const struct contribution *a = left, *b = right;
    double greater = fabs(a->value), other = fabs(b->value);
    if (greater != other)
        return greater > other ? -1 : 1;
    return a->input < b->input ? -1 : 1;
}

static void copy_contributions(struct explainer *explainer, const struct policy_model *model,
                               const struct model_explanation *explanation,
                               struct explained_model *out) {
    const struct model_shape *shape = model_shape(model->model);
    size_t count = shape->input_count;
    struct contribution *sorted = arena_calloc(&explainer->scratch, count, sizeof *sorted);
    struct named_value *inputs = room(explainer, count, sizeof *inputs);
    double *contributions = room(explainer, count, sizeof *contributions);
    if (!sorted || !inputs || !contributions)
        return;
    out->bias = out->margin = explanation->contributions[count];
    for (size_t i = 0; i < count; i++) {
        sorted[i] = (struct contribution){.input = i, .value = explanation->contributions[i]};
        out->margin += sorted[i].value;
    }
    if (count > 1)
        qsort(sorted, count, sizeof *sorted, compare_contributions);
    for (size_t i = 0; i < count; i++) {
        size_t input = sorted[i].input;
        struct value v = expression_eval(model->bindings[input].expression, explainer->frame,
                                         &explainer->scratch);
        inputs[i].name = keep(explainer, shape->inputs[input]);
        inputs[i].value = keep_value(explainer, v);
        contributions[i] = sorted[i].value;
    }
    out->inputs = inputs;
    out->contributions = contributions;
    out->input_count = count;
}

/* Nothing is said of a model one of whose inputs failed, or whose file has no counts. */
static void explain_models(struct explainer *explainer, struct explained_policy *policy) {
    const struct snapshot *rules = explainer->rules;
    struct explained_model *out = room(explainer, rules->model_slot_count, sizeof *out);
    for (size_t i = 0; i < rules->model_count && out; i++) {
        const struct policy_model *model = &rules->models[i];
        struct model_explanation explanation;
        arena_reset(&explainer->scratch);
        double *scratch =
            arena_calloc(&explainer->scratch, policy_model_scratch(model), sizeof *scratch);
        check(scratch);
        for (size_t k = 0; k < model->slot_count; k++) {
            if (!policy_model_explain(model, k, explainer->frame, &explainer->scratch, scratch,
                                      &explanation))
                break;
            struct explained_model *one = &out[policy->model_count++];
            one->name = keep(explainer, rules->slot_names[model->slot + k]);
            copy_contributions(explainer, model, &explanation, one);
        }
    }
    policy->models = out;
}

/* ---- rules ---- */

static const struct reason *reason_of(const struct explainer *explainer, const struct rule *rule) {
    for (size_t i = 0; i < explainer->decision->reason_count; i++)
        if (text_equal(explainer->decision->reasons[i].rule, rule->name))
            return &explainer->decision->reasons[i];
    return NULL;
}

static enum explained_fate fate_of_reason(const struct reason *reason) {
    return reason->shadow ? FATE_SHADOW : reason->suppressed ? FATE_SUPPRESSED : FATE_FIRED;
}

/* The decision lists at most DECISION_REASONS_MAX rules; what became of the others, the engine
 * still knows. */
static enum explained_fate fate_of_fired(const struct explainer *explainer, size_t index,
                                         const struct reason *reason, bool is_shadow) {
    int64_t at_us = explainer->transaction->event_time_us;
    if (reason)
        return fate_of_reason(reason);
    if (is_shadow)
        return FATE_SHADOW;
    return engine_rule_would_count(explainer->engine, (uint32_t)index, at_us) ? FATE_FIRED
                                                                              : FATE_SUPPRESSED;
}

/* Why a rule did or did not have effect. The order is that of judge.c. */
static enum explained_fate fate_of(const struct explainer *explainer, size_t index,
                                   const struct reason *reason, const struct explained_rule *out) {
    const struct rule *rule = &explainer->rules->rules[index];
    const struct explained_part *whole = &out->parts[0];
    int64_t at_us = explainer->transaction->event_time_us;
    if (explainer->has_fired[index]) {
        check(whole->value.type == VALUE_BOOL && whole->value.boolean);
        return fate_of_fired(explainer, index, reason, out->mode == MODE_SHADOW);
    }
    check(!reason);
    if (rule->mode == RULE_OFF)
        return FATE_OFF;
    if (at_us < rule->from_us)
        return FATE_EARLY;
    if (at_us >= rule->until_us)
        return FATE_OVER;
    if (whole->error.length)
        return FATE_ERROR;
    if (whole->value.type != VALUE_BOOL)
        return FATE_ABSENT;
    if (!whole->value.boolean)
        return FATE_FALSE;
    check(rule->rollout < RULE_ROLLOUT_ALL); /* nothing else keeps it from firing */
    return FATE_LEFT_OUT;
}

static void find_fired(struct explainer *explainer) {
    size_t count = explainer->rules->rule_count;
    uint32_t *fired = room(explainer, count, sizeof *fired);
    explainer->has_fired = room(explainer, count, sizeof *explainer->has_fired);
    if (!fired || !explainer->has_fired)
        return;
    count = engine_fired(explainer->engine, fired);
    for (size_t i = 0; i < count; i++)
        explainer->has_fired[fired[i]] = true;
}

static void explain_rule(struct explainer *explainer, size_t index, struct explained_rule *out) {
    const struct snapshot *snapshot = explainer->rules;
    const struct rule *rule = &snapshot->rules[index];
    const struct reason *reason = reason_of(explainer, rule);
    bool is_braked = engine_is_braked(explainer->engine, index);
    *out = (struct explained_rule){
        .name = keep(explainer, rule->name),
        .about = keep(explainer, rule->about),
        .file = keep(explainer, rule->file),
        .line = (uint32_t)rule->line,
        .mode = rule->mode == RULE_OFF                   ? MODE_OFF
                : rule->mode == RULE_SHADOW || is_braked ? MODE_SHADOW
                                                         : MODE_LIVE,
        .braked = is_braked,
        .verdict = rule->verdict,
        .score = rule->score,
        .from_us = rule->from_us == INT64_MIN ? 0 : rule->from_us,
        .until_us = rule->until_us == INT64_MAX ? 0 : rule->until_us,
        .rollout = rule->rollout,
        .verdict_on_error = verdict_on_error(rule->on_error),
    };
    if (rule->group != SIZE_MAX)
        out->group = keep(explainer, snapshot->groups[rule->group].name);
    if (rule->rollout < RULE_ROLLOUT_ALL)
        out->rollout_key = keep(explainer, snapshot->slot_names[rule->rollout_slot]);
    if (reason) {
        out->reason = keep(explainer, reason->text);
        out->capped = reason->capped;
        out->verdict_if_live = reason->verdict_if_live;
    }
    out->parts = explain_parts(explainer, trace_rule, index, &out->part_count);
    if (out->part_count > 0)
        out->fate = fate_of(explainer, index, reason, out);
}

static void explain_rules(struct explainer *explainer, struct explained_policy *policy) {
    size_t count = explainer->rules->rule_count;
    struct explained_rule *out = room(explainer, count, sizeof *out);
    find_fired(explainer);
    for (size_t i = 0; i < count && out && !explainer->full; i++)
        explain_rule(explainer, i, &out[i]);
    policy->rules = out;
    policy->rule_count = out ? count : 0;
}

/* ---- groups, cut-offs, fields ---- */

static void count_rule(struct explained_group *group, const struct reason *reason, bool is_first) {
    if (!group->takes_greatest)
        group->asked += reason->score;
    else if (is_first || reason->score > group->asked)
        group->asked = reason->score;
    group->counted += reason->score - reason->capped;
}

static void explain_groups(struct explainer *explainer, struct explained_policy *policy) {
    const struct snapshot *rules = explainer->rules;
    const struct decision *decision = explainer->decision;
    struct explained_group *out = room(explainer, rules->group_count, sizeof *out);
    for (size_t i = 0; i < rules->group_count && out; i++) {
        const struct rule_group *group = &rules->groups[i];
        bool is_first = true;
        out[i] = (struct explained_group){
            .name = keep(explainer, group->name),
            .about = keep(explainer, group->about),
            .takes_greatest = group->score == GROUP_MAX,
            .is_limited = group->at_most != INT32_MAX,
            .at_most = group->at_most != INT32_MAX ? group->at_most : 0,
        };
        for (size_t j = 0; j < decision->reason_count; j++) {
            const struct reason *reason = &decision->reasons[j];
            if (reason->shadow || reason->suppressed || !text_equal(reason->group, group->name))
                continue;
            count_rule(&out[i], reason, is_first);
            is_first = false;
        }
    }
    policy->groups = out;
    policy->group_count = out ? rules->group_count : 0;
}

static bool is_computed(const struct explainer *explainer, enum verdict verdict) {
    const struct snapshot *rules = explainer->rules;
    uint32_t score;
    for (size_t i = 0; i < rules->budget_count && explainer->thresholds; i++)
        if (rules->budgets[i].verdict == verdict &&
            thresholds_cutoff(explainer->thresholds, verdict, rules->budgets[i].definition, &score))
            return true;
    return false;
}

/* Those in force in the engine, which a generation may have computed (is_computed). */
static void explain_cutoffs(struct explainer *explainer, struct explained_policy *policy) {
    struct explained_cutoff *out = room(explainer, VERDICT_COUNT, sizeof *out);
    for (int verdict = VERDICT_REVIEW; verdict < VERDICT_COUNT && out; verdict++) {
        uint32_t score = engine_cutoff(explainer->engine, (enum verdict)verdict);
        if (score > 0)
            out[policy->cutoff_count++] = (struct explained_cutoff){
                .verdict = (enum verdict)verdict,
                .score = score,
                .is_computed = is_computed(explainer, (enum verdict)verdict)};
    }
    policy->cutoffs = out;
}

static void explain_fields(struct explainer *explainer, struct explained_policy *policy) {
    const struct snapshot *rules = explainer->rules;
    size_t count = rules->schema.field_count;
    struct named_value *out = room(explainer, count, sizeof *out);
    for (size_t slot = 0; slot < count && out; slot++) {
        if (explainer->frame[slot].type == VALUE_ABSENT)
            continue;
        out[policy->field_count++] =
            (struct named_value){.name = keep(explainer, rules->slot_names[slot]),
                                 .value = keep_value(explainer, explainer->frame[slot])};
    }
    policy->fields = out;
}

static void explain_warming(struct explainer *explainer, struct explained_policy *policy) {
    const struct engine_warming *warming = engine_warming_names(explainer->engine);
    explainer->full |=
        !copy_texts(explainer->arena, warming->features, warming->feature_count, &policy->warming);
    policy->warming_count = policy->warming ? warming->feature_count : 0;
}

int engine_explain(struct engine *engine, const struct trace *trace,
                   const struct thresholds *thresholds, const struct transaction *transaction,
                   const struct decision *decision, struct arena *arena,
                   struct explained_policy *ret_policy, struct error *ret_error) {
    struct explainer explainer = {
        .engine = engine,
        .rules = engine_rules(engine),
        .trace = trace,
        .thresholds = thresholds,
        .transaction = transaction,
        .decision = decision,
        .frame = engine_frame(engine),
        .arena = arena,
    };
    struct explained_policy policy = {.snapshot_id = decision->snapshot_id};
    arena_init(&explainer.scratch, SCRATCH_BYTES);
    policy.name = keep(&explainer, explainer.rules->name);
    explainer.full |= !decision_copy(decision, arena, &policy.decision);
    explain_fields(&explainer, &policy);
    explain_computed(&explainer, &policy);
    explain_models(&explainer, &policy);
    explain_rules(&explainer, &policy);
    explain_groups(&explainer, &policy);
    explain_cutoffs(&explainer, &policy);
    explain_warming(&explainer, &policy);
    arena_deinit(&explainer.scratch);
    if (explainer.full)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "the explanation takes more than %zu bytes of memory", arena->limit);
    *ret_policy = policy;
    return 0;
}
