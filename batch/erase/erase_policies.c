#include "erase_policies.h"

#include "batch/policies/policy_history.h"
#include "core/base/check.h"
#include "core/engine/erasure.h"
#include "core/policy/eval/expression_reads.h"

#include <stdlib.h>
#include <string.h>

/* ---- what a policy says ---- */

static void note_list(struct erase_policies *policies, struct text list, struct text field) {
    if (erase_policies_looks_up(policies, list, field))
        return;
    policies->lists =
        check_reallocarray(policies->lists, policies->list_count + 1, sizeof *policies->lists);
    policies->lists[policies->list_count++] = (struct erase_list){.list = list, .field = field};
}

/* Which of its fields, with those that derived ones are made from, meet which of its lists? */
static void note_lookups(struct erase_policies *policies, const struct snapshot *snapshot,
                         const struct expression *expression) {
    bool *lists = check_calloc(snapshot->list_count, sizeof *lists);
    bool *reads = check_calloc(snapshot->slot_count, sizeof *reads);
    const struct schema *schema = &snapshot->schema;
    expression_reads_lists(expression, snapshot->lists, snapshot->list_count, lists);
    expression_reads(expression, reads, snapshot->slot_count);
    for (size_t slot = schema->field_count; slot-- > schema->first_derived;)
        if (reads[slot])
            expression_reads(schema->fields[slot].derivation, reads, snapshot->slot_count);
    for (size_t i = 0; i < snapshot->list_count; i++)
        for (size_t slot = 0; slot < schema->first_derived && lists[i]; slot++)
            if (reads[slot] && schema->fields[slot].type == VALUE_TEXT)
                note_list(policies, snapshot->lists[i].name, schema->fields[slot].name);
    free(lists);
    free(reads);
}

static void note_lists(struct erase_policies *policies, const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->rule_count; i++)
        note_lookups(policies, snapshot, snapshot->rules[i].when);
    for (size_t i = 0; i < snapshot->computed_count; i++)
        note_lookups(policies, snapshot, snapshot->computed[i].expression);
    for (size_t e = 0; e < snapshot->plan.entity_count; e++)
        for (size_t i = 0; i < snapshot->plan.entities[e].filter_count; i++)
            note_lookups(policies, snapshot, snapshot->bindings[e].filters[i]);
}

static void note_thresholds(struct erase_policies *policies, const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->threshold_count; i++) {
        const struct threshold *threshold = &snapshot->thresholds[i];
        struct erase_threshold noted = {.definition = threshold->definition,
                                        .key_count = threshold->key_count};
        if (erase_policies_threshold(policies, threshold->definition))
            continue;
        for (size_t k = 0; k < threshold->key_count; k++)
            if (threshold->key_slots[k] < snapshot->schema.first_derived)
                noted.fields[k] = snapshot->schema.fields[threshold->key_slots[k]].name;
        policies->thresholds = check_reallocarray(
            policies->thresholds, policies->threshold_count + 1, sizeof *policies->thresholds);
        policies->thresholds[policies->threshold_count++] = noted;
    }
}

/* ---- all of them ---- */

/* Do two policies leave the same of every transaction? */
static bool is_alike(const struct snapshot *a, const struct snapshot *b) {
    bool alike = a->plan.id == b->plan.id && a->schema.field_count == b->schema.field_count;
    for (size_t i = 0; i < a->schema.field_count && alike; i++)
        alike = text_equal(a->schema.fields[i].canonical, b->schema.fields[i].canonical);
    return alike;
}

static void take(struct erase_policies *policies, struct snapshot *snapshot) {
    bool is_new = true;
    for (size_t i = 0; i < policies->engine_count && is_new; i++)
        is_new = !is_alike(engine_rules(policies->engines[i]), snapshot);
    note_lists(policies, snapshot);
    note_thresholds(policies, snapshot);
    policies->snapshots = check_reallocarray(policies->snapshots, policies->snapshot_count + 1,
                                             sizeof(struct snapshot *));
    policies->snapshots[policies->snapshot_count++] = snapshot;
    if (!is_new)
        return;
    policies->engines =
        check_reallocarray(policies->engines, policies->engine_count + 1, sizeof(struct engine *));
    policies->engines[policies->engine_count++] = engine_new(snapshot, snapshot);
}

static bool is_taken(const struct erase_policies *policies, uint64_t id) {
    for (size_t i = 0; i < policies->snapshot_count; i++)
        if (policies->snapshots[i]->id == id)
            return true;
    return false;
}

/* One that this version does not load decided nothing that it could derive again. */
static int take_adoption(struct erase_policies *policies, const struct policy_history *history,
                         const struct policy_adoption *adoption, struct error *ret_error) {
    struct policy_version version;
    struct snapshot *snapshot;
    struct buffer messages;
    struct error ignored;
    if (adoption->file_count == 0 || is_taken(policies, adoption->snapshot_id))
        return 0;
    int r = policy_history_load(history, adoption, &version, ret_error);
    if (r < 0)
        return r;
    buffer_init(&messages);
    if (snapshot_load(version.files, version.file_count, &snapshot, &messages, &ignored) == 0)
        take(policies, snapshot);
    buffer_deinit(&messages);
    policy_version_deinit(&version);
    return 0;
}

static int take_all(struct erase_policies *policies, const struct policy_history *history,
                    struct error *ret_error) {
    int r = 0;
    for (size_t i = policy_history_count(history); i-- > 0 && r == 0;)
        if (policy_history_at(history, i)->use == POLICY_LIVE)
            r = take_adoption(policies, history, policy_history_at(history, i), ret_error);
    for (size_t i = policy_history_count(history); i-- > 0 && r == 0;)
        r = take_adoption(policies, history, policy_history_at(history, i), ret_error);
    if (r == 0 && policies->engine_count == 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "%s has no policy that this version can load",
                         policy_history_archive(history));
    return r;
}

int erase_policies_load(const char *archive, struct progress *progress,
                        struct erase_policies *ret_policies, struct error *ret_error) {
    const struct policy_history_options options = {.archive = archive};
    struct policy_history *history;
    *ret_policies = (struct erase_policies){0};
    int r = policy_history_open(&options, progress, &history, ret_error);
    if (r < 0)
        return r;
    r = policy_history_add_built(history, progress, ret_error);
    if (r >= 0)
        r = take_all(ret_policies, history, ret_error);
    policy_history_close(history);
    if (r < 0)
        erase_policies_deinit(ret_policies);
    return r;
}

void erase_policies_deinit(struct erase_policies *policies) {
    for (size_t i = 0; i < policies->engine_count; i++)
        engine_free(policies->engines[i]);
    for (size_t i = 0; i < policies->snapshot_count; i++)
        snapshot_unref(policies->snapshots[i]);
    free(policies->engines);
    free(policies->snapshots);
    free(policies->lists);
    free(policies->thresholds);
    *policies = (struct erase_policies){0};
}

/* ---- asking ---- */

const struct snapshot *erase_policies_last(const struct erase_policies *policies) {
    return engine_rules(policies->engines[0]);
}

static size_t find_slot(const struct snapshot *snapshot, struct text name) {
    for (size_t i = 0; i < snapshot->schema.first_derived; i++) {
        const struct field *field = &snapshot->schema.fields[i];
        bool is_kind = field->kind == FIELD_KIND_TEXT || field->kind == FIELD_KIND_ATTRIBUTE;
        if (is_kind && field->type == VALUE_TEXT && text_equal(field->name, name))
            return i;
    }
    return SIZE_MAX;
}

bool erase_policies_know(const struct erase_policies *policies, struct text field) {
    for (size_t i = 0; i < policies->engine_count; i++)
        if (find_slot(engine_rules(policies->engines[i]), field) != SIZE_MAX)
            return true;
    return false;
}

bool erase_policies_has_entity(const struct erase_policies *policies, struct text field) {
    for (size_t i = 0; i < policies->engine_count; i++) {
        const struct snapshot *snapshot = engine_rules(policies->engines[i]);
        size_t slot = find_slot(snapshot, field);
        if (slot != SIZE_MAX && engine_slot_is_key(snapshot, slot))
            return true;
    }
    return false;
}

bool erase_policies_looks_up(const struct erase_policies *policies, struct text list,
                             struct text field) {
    for (size_t i = 0; i < policies->list_count; i++)
        if (text_equal(policies->lists[i].list, list) &&
            text_equal(policies->lists[i].field, field))
            return true;
    return false;
}

const struct erase_threshold *erase_policies_threshold(const struct erase_policies *policies,
                                                       uint64_t definition) {
    for (size_t i = 0; i < policies->threshold_count; i++)
        if (policies->thresholds[i].definition == definition)
            return &policies->thresholds[i];
    return NULL;
}
