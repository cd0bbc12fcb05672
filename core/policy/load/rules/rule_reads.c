/* Slots that are read are marked; what is behind a marked slot is hashed once and marks further
 * ones, until none is new. The hashes are sorted, so that it does not matter in which order a
 * policy declares things, or which slots they have.
 *
 * Archives hold what comes of it, so the spelling must not change; as everywhere, text for text. */
#include "rule_reads.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/eval/expression_reads.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct rule_reads {
    const struct snapshot *snapshot;
    bool *slots, *seen; /* [slot]: marked; and hashed */
    bool *lists;        /* [list]: marked */
    bool *rules;        /* [rule]: hashed */
    struct buffer spelling;
    uint64_t *hashes;
    size_t count;
};

struct rule_reads *rule_reads_new(const struct snapshot *snapshot) {
    struct rule_reads *reads = check_calloc(1, sizeof *reads);
    reads->snapshot = snapshot;
    reads->slots = check_calloc(snapshot->slot_count + 1, sizeof *reads->slots);
    reads->seen = check_calloc(snapshot->slot_count + 1, sizeof *reads->seen);
    reads->lists = check_calloc(snapshot->list_count + 1, sizeof *reads->lists);
    reads->rules = check_calloc(snapshot->rule_count + 1, sizeof *reads->rules);
    reads->hashes =
        check_calloc(snapshot->slot_count + snapshot->list_count + 1, sizeof *reads->hashes);
    buffer_init(&reads->spelling);
    return reads;
}

void rule_reads_free(struct rule_reads *reads) {
    free(reads->slots);
    free(reads->seen);
    free(reads->lists);
    free(reads->rules);
    free(reads->hashes);
    buffer_deinit(&reads->spelling);
    free(reads);
}

static void mark(struct rule_reads *reads, const struct expression *expression) {
    const struct snapshot *snapshot = reads->snapshot;
    if (!expression)
        return;
    expression_reads(expression, reads->slots, snapshot->slot_count);
    expression_reads_lists(expression, snapshot->lists, snapshot->list_count, reads->lists);
}

static void mark_rule(struct rule_reads *reads, const struct rule *rule) {
    reads->rules[rule - reads->snapshot->rules] = true;
    mark(reads, rule->when);
    if (rule->suppress_slot != SIZE_MAX)
        reads->slots[rule->suppress_slot] = true;
}

/* Hashes what was spelled since the last call. */
static void add(struct rule_reads *reads) {
    reads->hashes[reads->count++] = hash64(reads->spelling.bytes, reads->spelling.length, 0);
    reads->spelling.length = 0;
}

static void spell(struct rule_reads *reads, const char *what, struct text name,
                  uint64_t definition) {
    buffer_printf(&reads->spelling, "%s %" TEXT_FORMAT " %016" PRIx64, what, TEXT_ARGS(name),
                  definition);
}

/* fired("name"): which transactions count depends on what that rule does. */
static void add_fired(struct rule_reads *reads, struct text name) {
    const struct snapshot *snapshot = reads->snapshot;
    for (size_t i = 0; i < snapshot->rule_count; i++) {
        const struct rule *rule = &snapshot->rules[i];
        if (!text_equal(rule->name, name) || reads->rules[i])
            continue;
        spell(reads, "rule", name, rule->declaration);
        add(reads);
        mark_rule(reads, rule);
    }
}

static void spell_default(struct rule_reads *reads, const struct value *value) {
    struct buffer *spelling = &reads->spelling;
    if (value->type == VALUE_ABSENT)
        return;
    buffer_printf(spelling, " default %d ", (int)value->type);
    if (value->type == VALUE_TEXT)
        buffer_append(spelling, value->text.data, value->text.length);
    else
        spelling->length += value_put(*value, (char *)buffer_reserve(spelling, VALUE_PUT_MAX));
}

static void add_feature(struct rule_reads *reads, size_t slot) {
    const struct snapshot *snapshot = reads->snapshot;
    size_t i = 0;
    while (slot >= snapshot->bindings[i].first_feature + snapshot->plan.entities[i].feature_count)
        i++;
    const struct entity_plan *entity = &snapshot->plan.entities[i];
    const struct entity_binding *binding = &snapshot->bindings[i];
    const struct feature *feature = &entity->features[slot - binding->first_feature];
    spell(reads, "feature", feature->name, feature->definition);
    spell_default(reads, &feature->default_value);
    add(reads);
    if (feature->filter >= 0)
        mark(reads, binding->filters[feature->filter]);
    if (feature->part >= 0)
        mark(reads, binding->filters[feature->part]);
}

/* Of several outputs, all are seen: the model's definition has them all. */
static void add_model(struct rule_reads *reads, size_t slot) {
    const struct snapshot *snapshot = reads->snapshot;
    size_t i = 0;
    while (slot >= snapshot->models[i].slot + snapshot->models[i].slot_count)
        i++;
    const struct policy_model *model = &snapshot->models[i];
    memset(reads->seen + model->slot, true, model->slot_count);
    spell(reads, "model", model->name, model->definition);
    add(reads);
    for (size_t j = 0; j < model_shape(model->model)->input_count; j++)
        mark(reads, model->bindings[j].expression);
}

static void add_threshold(struct rule_reads *reads, const struct threshold *threshold) {
    spell(reads, "threshold", threshold->name, threshold->definition);
    buffer_printf(&reads->spelling, " minimum %" PRIu64 " fallback %a guard %" PRIu32,
                  threshold->minimum, threshold->fallback, threshold->guard_e6);
    add(reads);
    mark(reads, threshold->of);
    mark(reads, threshold->where);
}

/* The slots of lists are not read by themselves, and fields are spelled where they are used. */
static void add_slot(struct rule_reads *reads, size_t slot) {
    const struct snapshot *snapshot = reads->snapshot;
    if (slot >= snapshot->first_threshold) {
        if (slot < snapshot->first_list)
            add_threshold(reads, &snapshot->thresholds[slot - snapshot->first_threshold]);
    } else if (slot >= snapshot->first_model) {
        add_model(reads, slot);
    } else if (slot >= snapshot->first_computed) {
        const struct computed *computed = &snapshot->computed[slot - snapshot->first_computed];
        spell(reads, "value", computed->name, computed->definition);
        add(reads);
        mark(reads, computed->expression);
    } else if (slot >= snapshot->first_feature) {
        add_feature(reads, slot);
    } else if (slot >= snapshot->first_fired) {
        add_fired(reads, snapshot->fired_rules[slot - snapshot->first_fired]);
    }
}

/* From the last slot down: what is read is mostly declared earlier, and so found in the same pass.
 */
static bool add_marked_slots(struct rule_reads *reads) {
    bool found = false;
    for (size_t slot = reads->snapshot->slot_count; slot-- > reads->snapshot->first_fired;) {
        if (!reads->slots[slot] || reads->seen[slot])
            continue;
        found = reads->seen[slot] = true;
        add_slot(reads, slot);
    }
    return found;
}

static void add_lists(struct rule_reads *reads) {
    for (size_t i = 0; i < reads->snapshot->list_count; i++) {
        const struct list *list = &reads->snapshot->lists[i];
        if (!reads->lists[i])
            continue;
        spell(reads, "list", list->name, list->contents);
        buffer_printf(&reads->spelling, " %s %s", list_kind_name(list->kind),
                      list->is_fixed ? "fixed" : "grows");
        add(reads);
    }
}

static int compare_hashes(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

uint64_t rule_reads_hash(struct rule_reads *reads, const struct rule *rule) {
    const struct snapshot *snapshot = reads->snapshot;
    memset(reads->slots, 0, snapshot->slot_count * sizeof *reads->slots);
    memset(reads->seen, 0, snapshot->slot_count * sizeof *reads->seen);
    memset(reads->lists, 0, snapshot->list_count * sizeof *reads->lists);
    memset(reads->rules, 0, snapshot->rule_count * sizeof *reads->rules);
    reads->count = 0;
    mark_rule(reads, rule);
    while (add_marked_slots(reads))
        ;
    add_lists(reads);
    if (reads->count == 0)
        return 0;
    qsort(reads->hashes, reads->count, sizeof *reads->hashes, compare_hashes);
    return hash64(reads->hashes, reads->count * sizeof *reads->hashes, 0);
}
