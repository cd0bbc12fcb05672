/* What a feature computes: its aggregate, and the field it aggregates. Features of an entity share
 * columns: equal sources of equal type are kept once.
 *
 * Columns hold integers, hashes or texts, never doubles: sums must not depend on the order of
 * entries. So a double needs a fixed number of decimals. */
#include "load_aggregate.h"

#include "core/base/check.h"
#include "core/policy/load/settings/load_currency.h"
#include "core/policy/load/settings/load_field.h"

static bool keyed_by_currency(const struct feature_draft *it) {
    const struct entity_binding *binding = &it->draft->binding;
    const struct field *fields = it->loader->load->snapshot->schema.fields;
    for (size_t i = 0; i < binding->key_slot_count; i++)
        if (fields[binding->key_slots[i]].kind == FIELD_KIND_CURRENCY)
            return true;
    return false;
}

/* Does it combine minor units of different currencies? Only a warning: amount_minor % 100 is not an
 * amount of money, and policies in archives must continue to load. */
static bool mixes_currencies(const struct feature_draft *it, const struct field *field) {
    enum column_use use = aggregate_column_use(it->feature.aggregate);
    bool combined = use == COLUMN_NUMBER || use == COLUMN_ORDERED;
    return combined && field->in_minor_units && !keyed_by_currency(it);
}

/* The column in which a field is kept for this aggregate. Returns NULL, or why it cannot be. */
static const char *column_of(const struct feature_draft *it, const struct field *field,
                             struct column *ret_column) {
    enum column_use use = aggregate_column_use(it->feature.aggregate);
    bool summed = use == COLUMN_NUMBER, ordered = summed || use == COLUMN_ORDERED;
    *ret_column = (struct column){
        .source = field->canonical, .type = COLUMN_INTEGER, .value_type = field->type};
    if (field->kind == FIELD_KIND_AMOUNT_MINOR && !keyed_by_currency(it))
        return "amounts in different currencies cannot be combined; use amount, or amount with a "
               "currency";
    switch (field->type) {
    case VALUE_TEXT:
        ret_column->type = use == COLUMN_SHOWN ? COLUMN_TEXT : COLUMN_HASH;
        return ordered ? "expected a number" : NULL;
    case VALUE_BOOL:
        return ordered ? "expected a number; share takes a condition" : NULL;
    case VALUE_TIMESTAMP:
        return summed ? "expected a number" : NULL;
    case VALUE_DOUBLE:
        ret_column->digits = field->digits;
        if (field->digits == 0 &&
            (field->kind == FIELD_KIND_ATTRIBUTE || field->kind == FIELD_KIND_DERIVED))
            return "aggregates need exact numbers; declare the field as decimal(2), or with as "
                   "many decimals as it needs";
        return NULL;
    default:
        return NULL;
    }
}

/* "currency": the amounts of transactions in this currency, as they were sent. */
static bool read_currency(struct feature_draft *it, const struct field *of, struct column *column,
                          char ret_currency[4]) {
    struct load *load = it->loader->load;
    const struct tree_node *node = it->keys[CURRENCY].node;
    if (of->kind != FIELD_KIND_AMOUNT) {
        read_diagnostic(
            &it->loader->reader, node,
            "only amounts have a currency; expected \"of: amount\", not \"of: %" TEXT_FORMAT "\"",
            TEXT_ARGS(of->name));
        return false;
    }
    if (!load_currency(&it->loader->reader, node, "currency", &load->snapshot->schema, ret_currency,
                       &column->digits) ||
        !load_currency_has_rate(load, &it->loader->reader, node, ret_currency))
        return false;
    column->source = arena_printf(load->arena, "amount_minor:%s", ret_currency);
    check(column->source.data);
    return true;
}

/* Sets the feature's column: the entity's column of this source and type, or a new one, whose
 * values are those of the field. */
static bool keep_column(struct feature_draft *it, const struct tree_node *node,
                        const struct column *column, const struct field *field,
                        const char currency[4]) {
    struct entity_plan *plan = &it->draft->plan;
    size_t i = 0;
    while (i < plan->column_count && (!text_equal(plan->columns[i].source, column->source) ||
                                      plan->columns[i].type != column->type))
        i++;
    if (i == PLAN_COLUMNS_MAX) {
        read_diagnostic(&it->loader->reader, node,
                        "entity \"%" TEXT_FORMAT "\" uses more than %d different fields",
                        TEXT_ARGS(plan->name), PLAN_COLUMNS_MAX);
        return false;
    }
    if (i == plan->column_count) {
        plan->columns[plan->column_count++] = *column;
        it->draft->binding.column_slots[i] =
            (size_t)(field - it->loader->load->snapshot->schema.fields);
        memcpy(it->draft->binding.column_currencies[i], currency, 4);
    }
    it->feature.column = (int)i;
    return true;
}

/* These aggregates use both coordinates; a transaction has both or none, so the column is present
 * when the latitude is. */
static bool add_place(struct feature_draft *it) {
    static const struct column place = {.source = TEXT_LITERAL("location"), .type = COLUMN_PLACE};
    const struct field *latitude = load_field_find(it->loader->load, TEXT_LITERAL("latitude"));
    return keep_column(it, it->keys[AGGREGATE].node, &place, latitude, "\0\0\0");
}

static bool add_column(struct feature_draft *it, const struct tree_node *node,
                       const struct field *field) {
    struct column column;
    char currency[4] = "";
    const char *wrong = column_of(it, field, &column);
    if (wrong) {
        read_diagnostic(&it->loader->reader, node, "%s of \"%" TEXT_FORMAT "\" (%s): %s",
                        aggregate_name(it->feature.aggregate), TEXT_ARGS(field->name),
                        value_type_name(field->type), wrong);
        return false;
    }
    if (mixes_currencies(it, field))
        diagnostic_warn(
            it->loader->reader.diagnostics, it->loader->reader.source, tree_position(node),
            "%s of \"%" TEXT_FORMAT "\" mixes currencies: it is computed from amount_minor, which "
            "is in the currency of each transaction; use amount, or an "
            "entity whose key includes the currency",
            aggregate_name(it->feature.aggregate), TEXT_ARGS(field->name));
    if (it->keys[CURRENCY].node) {
        if (!read_currency(it, field, &column, currency))
            return false;
        field = load_field_find(it->loader->load, TEXT_LITERAL("amount_minor"));
    }
    return keep_column(it, node, &column, field, currency);
}

bool feature_read_of(struct feature_draft *it) {
    const struct tree_node *of = it->keys[OF].node;
    const char *name = aggregate_name(it->feature.aggregate);
    bool share = it->feature.aggregate == AGGREGATE_SHARE;
    bool placed = aggregate_column_use(it->feature.aggregate) == COLUMN_PLACED;
    it->feature.column = -1;
    if (of && placed) {
        read_diagnostic(&it->loader->reader, of,
                        "%s takes no \"of\": it uses latitude and longitude", name);
        return false;
    }
    if (!of && !placed && (share || aggregate_needs_column(it->feature.aggregate))) {
        read_diagnostic(&it->loader->reader, it->keys[AGGREGATE].node, "%s needs \"of\": %s", name,
                        share ? "a condition" : "a field");
        return false;
    }
    if (of && !share && !aggregate_needs_column(it->feature.aggregate)) {
        read_diagnostic(&it->loader->reader, of,
                        "%s takes no \"of\"; conditions belong under \"where\"", name);
        return false;
    }
    if (it->keys[CURRENCY].node && (!of || share)) {
        read_diagnostic(&it->loader->reader, it->keys[CURRENCY].node,
                        "%s takes no \"currency\"; write where: \"currency == 'USD'\"", name);
        return false;
    }
    if (placed)
        return add_place(it);
    if (!of || share)
        return true;
    const struct field *field = load_field_read(it->loader->load, &it->loader->reader, of, "of");
    return field && add_column(it, of, field);
}

/* What other systems call our aggregates; NULL for other names. Checked before near names, which
 * would mislead: the one nearest to "median" is "mean". */
static const char *other_aggregate(const struct tree_node *node) {
    static const char *const words[][2] = {
        {"median", "quantile with q: 0.5"},
        {"percentile", "quantile with q: 0.95"},
        {"average", "mean"},
        {"avg", "mean"},
        {"std", "stddev"},
        {"variance", "stddev"},
        {"unique", "distinct"},
        {"count_distinct", "distinct"},
        {"rate", "share"},
        {"ratio", "share"},
        {"velocity", "count over a short window, or speed for km/h"},
    };
    if (node->kind == TREE_TEXT)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (text_is(node->text, words[i][0]))
                return words[i][1];
    return NULL;
}

bool feature_read_aggregate(struct feature_draft *it) {
    const struct tree_node *node = it->keys[AGGREGATE].node;
    const char *names[AGGREGATE_TYPE_COUNT + 1] = {NULL}, *meant = other_aggregate(node);
    for (int i = 0; i < AGGREGATE_TYPE_COUNT; i++)
        names[i] = aggregate_name((enum aggregate)i);
    size_t index;
    if (meant) {
        read_diagnostic(&it->loader->reader, node,
                        "aggregate \"%" TEXT_FORMAT "\" is unknown; did you mean %s?",
                        TEXT_ARGS(node->text), meant);
        return false;
    }
    if (!read_choice(&it->loader->reader, node, "aggregate", names, &index))
        return false;
    it->feature.aggregate = (enum aggregate)index;
    return true;
}
