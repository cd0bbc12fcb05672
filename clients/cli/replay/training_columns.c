/* Columns are gathered policy by policy, in the order in which the replay meets them. Names point
 * into snapshots, which is why these must outlive the columns. A feature that two policies define
 * differently stays one column: what each means is in the description. */
#include "training_columns.h"

#include "clients/cli/output/attribute_columns.h"
#include "clients/cli/output/transaction_columns.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/policy/lang/type.h"

#include <stdlib.h>

/* What every row has. training_set.c fills them in this order. */
static const struct training_column of_all[] = {
    {TEXT_LITERAL("transaction_id"), VALUE_TEXT}, {TEXT_LITERAL("verdict"), VALUE_TEXT},
    {TEXT_LITERAL("score"), VALUE_INT},           {TEXT_LITERAL("position"), VALUE_INT},
    {TEXT_LITERAL("degraded"), VALUE_BOOL},       {TEXT_LITERAL("rules"), VALUE_TEXT},
    {TEXT_LITERAL("reasons"), VALUE_TEXT},        {TEXT_LITERAL("event_time"), VALUE_TIMESTAMP},
    {TEXT_LITERAL("outcome"), VALUE_TEXT},
};

/* No feature and no value of a policy can have the name of a field. */
static void add_fields(struct training_columns *columns) {
    columns->columns = check_reallocarray(
        columns->columns, columns->count + TRANSACTION_COLUMN_COUNT, sizeof *columns->columns);
    for (unsigned i = 0; i < TRANSACTION_COLUMN_COUNT; i++)
        columns->columns[columns->count++] = (struct training_column){
            .name = text_of(transaction_column_name((enum transaction_column)i)),
            .type = transaction_column_type((enum transaction_column)i)};
}

/* Their names have a prefix, so that a policy's are others. */
static void add_attributes(struct training_columns *columns,
                           const struct export_attributes *attributes) {
    columns->columns = check_reallocarray(columns->columns, columns->count + attributes->count,
                                          sizeof *columns->columns);
    for (size_t i = 0; i < attributes->count; i++) {
        enum value_type type = attribute_column_type(&attributes->attributes[i]);
        columns->columns[columns->count++] = (struct training_column){
            .name = attribute_column_name(attributes->attributes[i].name, type), .type = type};
    }
}

void training_columns_init(struct training_columns *columns,
                           const struct export_attributes *attributes) {
    *columns = (struct training_columns){.count = sizeof of_all / sizeof *of_all};
    columns->columns = check_malloc(sizeof of_all);
    memcpy(columns->columns, of_all, sizeof of_all);
    columns->first_field = columns->count;
    if (attributes)
        add_fields(columns);
    columns->first_attribute = columns->count;
    columns->attributes = attributes;
    if (attributes)
        add_attributes(columns, attributes);
    columns->first_feature = columns->count;
}

void training_columns_deinit(struct training_columns *columns) {
    for (size_t i = columns->first_attribute; i < columns->first_feature; i++)
        free((char *)columns->columns[i].name.data);
    free(columns->columns);
    free(columns->policies);
}

/* What a column can have; lists and maps are written as text. */
static enum value_type cell_type(enum value_type type) {
    switch (type) {
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_DOUBLE:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        return type;
    case VALUE_ABSENT:
    case VALUE_TEXT:
    case VALUE_ERROR:
    case VALUE_LIST:
    case VALUE_MAP:
        break;
    }
    return VALUE_TEXT;
}

static void add_column(struct training_columns *columns, struct text name, enum value_type type) {
    if (name.length == 0) /* not visible to rules */
        return;
    for (size_t i = columns->first_feature; i < columns->count; i++) {
        struct training_column *column = &columns->columns[i];
        if (!text_equal(column->name, name))
            continue;
        if (column->type != cell_type(type))
            column->type = VALUE_TEXT;
        return;
    }
    columns->columns[columns->count++] =
        (struct training_column){.name = name, .type = cell_type(type)};
}

/* Room for all of a policy's columns is made at once; fewer may be needed. */
void training_columns_add(struct training_columns *columns, const struct snapshot *policy) {
    for (size_t i = 0; i < columns->policy_count; i++)
        if (columns->policies[i]->id == policy->id)
            return;
    columns->policies =
        check_reallocarray(columns->policies, columns->policy_count + 1, sizeof *columns->policies);
    columns->policies[columns->policy_count++] = policy;
    columns->columns = check_reallocarray(columns->columns,
                                          columns->count + policy->feature_count +
                                              policy->computed_count + policy->model_slot_count,
                                          sizeof *columns->columns);
    size_t slot = policy->first_feature;
    for (size_t i = 0; i < policy->plan.entity_count; i++) {
        const struct entity_plan *entity = &policy->plan.entities[i];
        for (size_t j = 0; j < entity->feature_count; j++)
            add_column(columns, policy->slot_names[slot++],
                       feature_value_type(entity, &entity->features[j]));
    }
    for (size_t i = 0; i < policy->computed_count; i++)
        add_column(columns, policy->slot_names[policy->computed[i].slot],
                   type_kind(expression_type(policy->computed[i].expression)));
    for (size_t i = 0; i < policy->model_count; i++)
        for (size_t k = 0; k < policy->models[i].slot_count; k++)
            add_column(columns, policy->slot_names[policy->models[i].slot + k],
                       policy->models[i].output == MODEL_OUTPUT_SCORE ? VALUE_INT : VALUE_DOUBLE);
}

/* ---- what they mean ---- */

/* As the policy's files write it: "30d". */
static void add_duration(struct buffer *json, const char *key, int64_t us) {
    char text[VALUE_PUT_MAX];
    size_t length = value_put(value_duration(us), text);
    json_add_text(json, key, (struct text){.data = text, .length = length});
}

/* −1: there is none. */
static void describe_filter(struct buffer *json, const char *key, const struct entity_plan *entity,
                            int filter) {
    if (filter >= 0)
        json_add_text(json, key, entity->filters[filter].source);
}

/* As features.yaml has it, conditions and fields in their canonical form. */
static void describe_feature(struct buffer *json, const struct entity_plan *entity,
                             const struct feature *feature) {
    json_add_text(json, "key", entity->key);
    json_add_text(json, "aggregate", text_of(aggregate_name(feature->aggregate)));
    if (feature->column >= 0)
        json_add_text(json, "of", entity->columns[feature->column].source);
    describe_filter(json, "of", entity, feature->part);
    describe_filter(json, "where", entity, feature->filter);
    add_duration(json, "window", feature->window_us);
    if (feature->delay_us)
        add_duration(json, "delay", feature->delay_us);
    if (feature->tick_us)
        add_duration(json, "tick", feature->tick_us);
    if (feature->q_parts) {
        char q[VALUE_PUT_MAX + 1];
        q[value_put(value_double((double)feature->q_parts / PLAN_Q_PARTS), q)] = '\0';
        json_add_number(json, "q", q);
    }
    if (feature->exclude_current)
        json_add_bool(json, "exclude_current", true);
    if (feature->default_value.type != VALUE_ABSENT)
        json_add_value(json, TEXT_LITERAL("default"), feature->default_value);
}

/* Features without a name are not visible to rules and have no column. */
static void describe_features(struct buffer *json, const struct snapshot *policy) {
    size_t slot = policy->first_feature;
    json_begin_object(json, "features");
    for (size_t i = 0; i < policy->plan.entity_count; i++) {
        const struct entity_plan *entity = &policy->plan.entities[i];
        for (size_t j = 0; j < entity->feature_count; j++, slot++) {
            if (policy->slot_names[slot].length == 0)
                continue;
            json_add_key(json, policy->slot_names[slot]);
            json_begin_object(json, NULL);
            describe_feature(json, entity, &entity->features[j]);
            json_end_object(json);
        }
    }
    json_end_object(json);
}

/* The expressions of computed values and derived fields are in these as people wrote them. */
static void add_files(struct buffer *json, const struct snapshot *policy) {
    json_begin_object(json, "files");
    for (size_t i = 0; i < policy->file_count; i++) {
        const struct policy_file *file = &policy->files[i];
        if (!text_is(file->path, "policy.yaml") && !text_is(file->path, "schema.yaml") &&
            !text_is(file->path, "features.yaml"))
            continue;
        json_add_key(json, file->path);
        json_add_text(json, NULL, file->content);
    }
    json_end_object(json);
}

/* The list has each policy once, whatever number of columns it brought. */
void training_columns_describe(const struct training_columns *columns, struct buffer *json) {
    json_begin_object(json, NULL);
    json_add_text(json, "harrier", text_of(HARRIER_VERSION));
    json_begin_array(json, "policies");
    for (size_t i = 0; i < columns->policy_count; i++) {
        const struct snapshot *policy = columns->policies[i];
        json_begin_object(json, NULL);
        json_add_text(json, "name", policy->name);
        json_add_hex(json, "snapshot", policy->id);
        describe_features(json, policy);
        add_files(json, policy);
        json_end_object(json);
    }
    json_end_array(json);
    json_end_object(json);
}
