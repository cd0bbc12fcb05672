/* features.yaml: entities and their features, which make the plan.
 *
 * An entity's columns and filters are shared by its features: equal sources are one column, equal
 * conditions one filter. Conditions are compared in their canonical form. */
#include "compile.h"
#include "load.h"

#include "../base/check.h"
#include "../feature/cost.h"

/* An entity while it is read. Entities without features are left out of the plan. */
struct draft {
    struct entity_plan plan;
    struct entity_binding binding;
    const struct tree_node *node;
    bool broken;
};

struct loader {
    struct load *load;
    struct reader reader;
    struct draft *drafts;
    size_t draft_count;
};

static struct text canonical_text(struct loader *loader, const struct syntax *syntax) {
    struct buffer buffer;
    buffer_init(&buffer);
    syntax_print(syntax, &buffer);
    struct text t =
        arena_text(loader->load->arena,
                   (struct text){.data = (const char *)buffer.bytes, .length = buffer.length});
    buffer_deinit(&buffer);
    check(t.data);
    return t;
}

static const struct field *field_named(const struct load *load, struct text name) {
    const struct schema *schema = &load->snapshot->schema;
    for (size_t i = 0; i < schema->field_count; i++)
        if (text_equal(schema->fields[i].name, name))
            return &schema->fields[i];
    return NULL;
}

/* The field that a key or an `of` names; reports and returns NULL when there is none. */
static const struct field *read_field(struct loader *loader, const struct tree_node *node,
                                      const char *what) {
    struct text name;
    if (!read_text(&loader->reader, node, what, 200, &name))
        return NULL;
    const struct field *field = field_named(loader->load, name);
    const struct name *declared = scope_find(&loader->load->scope, name);
    if (declared && declared->type == VALUE_ERROR)
        return NULL;
    if (field || loader->load->scope.incomplete)
        return field;
    const struct schema *schema = &loader->load->snapshot->schema;
    struct near near = near_to(name);
    for (size_t i = 0; i < schema->field_count; i++)
        near_try(&near, schema->fields[i].name);
    char hint[NEAR_HINT_SIZE];
    near_hint(&near, hint);
    read_fault(&loader->reader, node, "%s: unknown field \"%" TEXT_FORMAT "\"%s", what,
               TEXT_ARGS(name), *hint ? hint : "; attributes are declared in schema.yaml");
    return NULL;
}

/* ------------------------------------------------------------------------------------------------
 * Entities */

static void append_key(struct loader *loader, struct draft *draft, const struct field *field) {
    struct text *key = &draft->plan.key;
    *key = key->length ? arena_printf(loader->load->arena, "%" TEXT_FORMAT "+%" TEXT_FORMAT,
                                      TEXT_ARGS(*key), TEXT_ARGS(field->canonical))
                       : field->canonical;
    check(key->data);
    draft->binding.key_slots[draft->binding.key_slot_count++] =
        (size_t)(field - loader->load->snapshot->schema.fields);
}

static void read_key_part(struct loader *loader, struct draft *draft,
                          const struct tree_node *node) {
    const struct field *field = read_field(loader, node, "key");
    if (!field) {
        draft->broken = true;
        return;
    }
    size_t slot = (size_t)(field - loader->load->snapshot->schema.fields);
    for (size_t i = 0; i < draft->binding.key_slot_count; i++)
        if (draft->binding.key_slots[i] == slot) {
            read_fault(&loader->reader, node, "key: \"%" TEXT_FORMAT "\" stands there twice",
                       TEXT_ARGS(field->name));
            draft->broken = true;
            return;
        }
    if (field->type != VALUE_TEXT) {
        read_fault(&loader->reader, node, "key: \"%" TEXT_FORMAT "\" is %s; expected a text field",
                   TEXT_ARGS(field->name), value_type_name(field->type));
        draft->broken = true;
        return;
    }
    append_key(loader, draft, field);
}

static void read_key(struct loader *loader, struct draft *draft, const struct tree_node *node) {
    if (node->kind == TREE_TEXT) {
        read_key_part(loader, draft, node);
        return;
    }
    if (!read_list(&loader->reader, node, "key") || node->child_count == 0 ||
        node->child_count > PLAN_KEY_PARTS_MAX) {
        if (node->kind == TREE_LIST && !node->broken)
            read_fault(&loader->reader, node, "key has %zu fields; expected 1 to %d",
                       node->child_count, PLAN_KEY_PARTS_MAX);
        draft->broken = true;
        return;
    }
    for (const struct tree_node *item = node->first; item; item = item->next)
        read_key_part(loader, draft, item);
}

static bool may_be_entity(struct loader *loader, const struct tree_node *key, struct text name) {
    const struct field *field = field_named(loader->load, name);
    if (load_is_taken(name) || (field && field->kind == FIELD_KIND_ATTRIBUTE)) {
        read_fault(&loader->reader, key, "an entity cannot be called \"%" TEXT_FORMAT "\"%s",
                   TEXT_ARGS(name), field ? ": there is an attribute of this name" : "");
        return false;
    }
    return true;
}

static void read_entity(struct loader *loader, const struct tree_node *node) {
    struct draft *draft = &loader->drafts[loader->draft_count];
    *draft = (struct draft){.node = node->key};
    if (!read_name(&loader->reader, node->key, "entity", false, &draft->plan.name) ||
        !may_be_entity(loader, node->key, draft->plan.name))
        return;
    loader->draft_count++;
    struct key keys[] = {{"key", true, NULL}, {"about", false, NULL}};
    if (read_keys(&loader->reader, node, "an entity", keys, 2))
        read_key(loader, draft, keys[0].node);
    else
        draft->broken = true;
    draft->plan.columns =
        arena_calloc(loader->load->arena, PLAN_COLUMNS_MAX, sizeof *draft->plan.columns);
    draft->plan.filters =
        arena_calloc(loader->load->arena, PLAN_FILTERS_MAX, sizeof *draft->plan.filters);
    check(draft->plan.columns && draft->plan.filters);
}

static void read_entities(struct loader *loader, const struct tree_node *node) {
    if (!read_mapping(&loader->reader, node, "entities")) {
        loader->load->scope.incomplete = true;
        return;
    }
    if (node->child_count > PLAN_ENTITIES_MAX) {
        read_fault(&loader->reader, node, "%zu entities; expected at most %d", node->child_count,
                   PLAN_ENTITIES_MAX);
        loader->load->scope.incomplete = true;
        return;
    }
    loader->drafts =
        arena_calloc(&loader->load->scratch, node->child_count, sizeof *loader->drafts);
    check(loader->drafts);
    for (const struct tree_node *item = node->first; item; item = item->next)
        if (!item->key->broken)
            read_entity(loader, item);
}

/* ------------------------------------------------------------------------------------------------
 * One feature */

enum {
    NAME,
    ABOUT,
    AGGREGATE,
    OF,
    CURRENCY,
    Q,
    WINDOW,
    TICK,
    WHERE,
    EXCLUDE_CURRENT,
    DELAY,
    DEFAULT,
    KEY_COUNT,
};

/* A feature while it is read. */
struct feature_draft {
    struct loader *loader;
    struct draft *draft;
    struct feature feature;
    struct key *keys;
};

/* The number of the entity's filter with this condition; −1 and a report when there are too many.
 */
static int add_filter(struct feature_draft *it, const struct tree_node *node,
                      const struct syntax *syntax) {
    struct entity_plan *plan = &it->draft->plan;
    struct text source = canonical_text(it->loader, syntax);
    for (size_t i = 0; i < plan->filter_count; i++)
        if (text_equal(plan->filters[i].source, source))
            return (int)i;
    if (plan->filter_count == PLAN_FILTERS_MAX) {
        read_fault(&it->loader->reader, node,
                   "entity \"%" TEXT_FORMAT "\" has more than %d different conditions",
                   TEXT_ARGS(plan->name), PLAN_FILTERS_MAX);
        return -1;
    }
    it->draft->binding.filters[plan->filter_count] =
        expression_build(syntax, it->loader->load->arena);
    plan->filters[plan->filter_count] =
        (struct filter){.source = source, .outcome = syntax_reads(syntax, TEXT_LITERAL("outcome"))};
    return (int)plan->filter_count++;
}

static struct syntax *read_condition(struct feature_draft *it, const struct tree_node *node,
                                     const char *what) {
    struct syntax *syntax = load_expression_node(it->loader->load, it->loader->reader.source, node,
                                                 what, SCOPE_FILTER, VALUE_BOOL);
    if (!syntax || !syntax_reads(syntax, TEXT_LITERAL("outcome")) ||
        aggregate_takes_outcomes(it->feature.aggregate))
        return syntax;
    read_fault(&it->loader->reader, node,
               "%s cannot depend on the outcome, which comes late; count, sum, mean, stddev, "
               "share and quantile can",
               aggregate_name(it->feature.aggregate));
    return NULL;
}

/* where, and for share what it is the share of */
static bool read_conditions(struct feature_draft *it) {
    const struct tree_node *where = it->keys[WHERE].node, *of = it->keys[OF].node;
    it->feature.filter = it->feature.part = -1;
    struct syntax *filter = NULL, *part = NULL;
    if (where) {
        filter = read_condition(it, where, "where");
        if (!filter)
            return false;
        it->feature.filter = add_filter(it, where, filter);
        if (it->feature.filter < 0)
            return false;
    }
    if (it->feature.aggregate != AGGREGATE_SHARE)
        return true;
    part = read_condition(it, of, "of");
    if (!part)
        return false;
    if (filter)
        part = syntax_both(filter, part, &it->loader->load->scratch);
    it->feature.part = add_filter(it, of, part);
    return it->feature.part >= 0;
}

static bool keyed_by_currency(const struct feature_draft *it) {
    const struct entity_binding *binding = &it->draft->binding;
    const struct field *fields = it->loader->load->snapshot->schema.fields;
    for (size_t i = 0; i < binding->key_slot_count; i++)
        if (fields[binding->key_slots[i]].kind == FIELD_KIND_CURRENCY)
            return true;
    return false;
}

/* How a field is kept for an aggregate: NULL and a column, or what is wrong. */
static const char *column_of(const struct feature_draft *it, const struct field *field,
                             struct column *ret_column) {
    enum aggregate aggregate = it->feature.aggregate;
    bool summed = aggregate == AGGREGATE_SUM || aggregate == AGGREGATE_MEAN ||
                  aggregate == AGGREGATE_STDDEV || aggregate == AGGREGATE_QUANTILE;
    bool ordered = summed || aggregate == AGGREGATE_MIN || aggregate == AGGREGATE_MAX;
    bool shown = aggregate == AGGREGATE_FIRST || aggregate == AGGREGATE_LAST;
    *ret_column = (struct column){
        .source = field->canonical, .type = COLUMN_INTEGER, .value_type = field->type};
    if (field->kind == FIELD_KIND_AMOUNT_MINOR && !keyed_by_currency(it))
        return "money never mixes currencies: use amount, or amount with a currency";
    switch (field->type) {
    case VALUE_TEXT:
        ret_column->type = shown ? COLUMN_TEXT : COLUMN_HASH;
        return ordered ? "expected a number" : NULL;
    case VALUE_BOOL:
        return ordered ? "expected a number; share takes a condition" : NULL;
    case VALUE_TIMESTAMP:
        return summed ? "expected a number" : NULL;
    case VALUE_DOUBLE:
        ret_column->digits = field->digits;
        if (field->digits == 0 &&
            (field->kind == FIELD_KIND_ATTRIBUTE || field->kind == FIELD_KIND_DERIVED))
            return "a double is not kept exactly: declare it as decimal(2), or as many decimals as "
                   "it needs";
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
        read_fault(&it->loader->reader, node,
                   "only amounts have a currency; expected \"of: amount\", not \"of: %" TEXT_FORMAT
                   "\"",
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

/* The entity's column of this source and type, a new one if there is none; its values are the
 * field's. */
static bool keep_column(struct feature_draft *it, const struct tree_node *node,
                        const struct column *column, const struct field *field,
                        const char currency[4]) {
    struct entity_plan *plan = &it->draft->plan;
    size_t i = 0;
    while (i < plan->column_count && (!text_equal(plan->columns[i].source, column->source) ||
                                      plan->columns[i].type != column->type))
        i++;
    if (i == PLAN_COLUMNS_MAX) {
        read_fault(&it->loader->reader, node,
                   "entity \"%" TEXT_FORMAT "\" keeps more than %d different fields",
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

static bool is_placed(enum aggregate aggregate) {
    return aggregate == AGGREGATE_DISTANCE || aggregate == AGGREGATE_SPEED;
}

/* The place is there when the latitude is. */
static bool add_place(struct feature_draft *it) {
    static const struct column place = {.source = TEXT_LITERAL("location"), .type = COLUMN_PLACE};
    const struct field *latitude = field_named(it->loader->load, TEXT_LITERAL("latitude"));
    return keep_column(it, it->keys[AGGREGATE].node, &place, latitude, "\0\0\0");
}

static bool add_column(struct feature_draft *it, const struct tree_node *node,
                       const struct field *field) {
    struct column column;
    char currency[4] = "";
    const char *wrong = column_of(it, field, &column);
    if (wrong) {
        read_fault(&it->loader->reader, node, "%s of \"%" TEXT_FORMAT "\" (%s): %s",
                   aggregate_name(it->feature.aggregate), TEXT_ARGS(field->name),
                   value_type_name(field->type), wrong);
        return false;
    }
    if (it->keys[CURRENCY].node) {
        if (!read_currency(it, field, &column, currency))
            return false;
        field = field_named(it->loader->load, TEXT_LITERAL("amount_minor"));
    }
    return keep_column(it, node, &column, field, currency);
}

static bool read_of(struct feature_draft *it) {
    const struct tree_node *of = it->keys[OF].node;
    const char *name = aggregate_name(it->feature.aggregate);
    bool share = it->feature.aggregate == AGGREGATE_SHARE;
    bool placed = is_placed(it->feature.aggregate);
    it->feature.column = -1;
    if (of && placed) {
        read_fault(&it->loader->reader, of, "%s takes no \"of\": it goes by latitude and longitude",
                   name);
        return false;
    }
    if (!of && !placed && (share || aggregate_needs_column(it->feature.aggregate))) {
        read_fault(&it->loader->reader, it->keys[AGGREGATE].node, "%s needs \"of\": %s", name,
                   share ? "a condition" : "a field");
        return false;
    }
    if (of && !share && !aggregate_needs_column(it->feature.aggregate)) {
        read_fault(&it->loader->reader, of, "%s takes no \"of\"; conditions belong under \"where\"",
                   name);
        return false;
    }
    if (it->keys[CURRENCY].node && (!of || share)) {
        read_fault(&it->loader->reader, it->keys[CURRENCY].node,
                   "%s takes no \"currency\"; write where: \"currency == 'USD'\"", name);
        return false;
    }
    if (placed)
        return add_place(it);
    if (!of || share)
        return true;
    const struct field *field = read_field(it->loader, of, "of");
    return field && add_column(it, of, field);
}

/* What others call our aggregates; NULL when it is none of those. The near names would mislead:
 * that of "median" is "mean". */
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

static bool read_aggregate(struct feature_draft *it) {
    const struct tree_node *node = it->keys[AGGREGATE].node;
    const char *names[AGGREGATE_TYPE_COUNT + 1] = {NULL}, *meant = other_aggregate(node);
    for (int i = 0; i < AGGREGATE_TYPE_COUNT; i++)
        names[i] = aggregate_name((enum aggregate)i);
    size_t index;
    if (meant) {
        read_fault(&it->loader->reader, node,
                   "aggregate \"%" TEXT_FORMAT "\" is unknown; did you mean %s?",
                   TEXT_ARGS(node->text), meant);
        return false;
    }
    if (!read_choice(&it->loader->reader, node, "aggregate", names, &index))
        return false;
    it->feature.aggregate = (enum aggregate)index;
    return true;
}

static bool read_times(struct feature_draft *it) {
    const struct reader *reader = &it->loader->reader;
    const int64_t second = INT64_C(1000000);
    if (!read_duration(reader, it->keys[WINDOW].node, "window", second, PLAN_WINDOW_US_MAX,
                       &it->feature.window_us))
        return false;
    if (!it->keys[DELAY].node)
        return true;
    return read_duration(reader, it->keys[DELAY].node, "delay", 0,
                         PLAN_WINDOW_US_MAX - it->feature.window_us, &it->feature.delay_us);
}

/* Between 0 and 1, exactly: 0.95 or, as YAML has it too, .95. */
static bool parse_q(const struct tree_node *node, uint16_t *ret_parts) {
    struct text t = node->text;
    unsigned parts = 0, unit = PLAN_Q_PARTS;
    size_t start = t.length > 0 && t.data[0] == '0' ? 2 : 1; /* behind the point */
    if (t.length <= start || t.length > start + 4 || t.data[start - 1] != '.')
        return false;
    for (size_t i = start; i < t.length; i++) {
        if (t.data[i] < '0' || t.data[i] > '9')
            return false;
        unit /= 10;
        parts += unit * (unsigned)(t.data[i] - '0');
    }
    *ret_parts = (uint16_t)parts;
    return parts > 0;
}

static bool read_q(struct feature_draft *it) {
    const struct reader *reader = &it->loader->reader;
    const struct tree_node *node = it->keys[Q].node;
    struct text t;
    if ((it->feature.aggregate == AGGREGATE_QUANTILE) != (node != NULL)) {
        read_fault(reader, node ? node : it->keys[AGGREGATE].node, "%s",
                   node ? "only quantile takes a \"q\"" : "quantile needs \"q\", such as 0.95");
        return false;
    }
    if (!node)
        return true;
    if (!read_text(reader, node, "q", 64, &t))
        return false;
    bool plain = node->style == TREE_PLAIN;
    if (plain && parse_q(node, &it->feature.q_parts))
        return true;
    read_fault(reader, node,
               "q is %s%" TEXT_FORMAT
               "%s; expected a number above 0 and below 1 with at most 4 decimals, such as 0.95",
               plain ? "" : "the text \"", TEXT_ARGS(t), plain ? "" : "\"");
    return false;
}

/* The window has been read. */
static bool read_tick(struct feature_draft *it) {
    const struct reader *reader = &it->loader->reader;
    const struct tree_node *node = it->keys[TICK].node;
    const int64_t second = INT64_C(1000000);
    if ((it->feature.aggregate == AGGREGATE_BURST) != (node != NULL)) {
        read_fault(reader, node ? node : it->keys[AGGREGATE].node, "%s",
                   node ? "only burst takes a \"tick\"" : "burst needs a \"tick\", such as 1h");
        return false;
    }
    if (!node)
        return true;
    if (!read_duration(reader, node, "tick", second, PLAN_WINDOW_US_MAX, &it->feature.tick_us))
        return false;
    if (it->feature.tick_us < it->feature.window_us)
        return true;
    read_fault(reader, node,
               "tick %" TEXT_FORMAT " is not shorter than the window, which is %" TEXT_FORMAT,
               TEXT_ARGS(node->text), TEXT_ARGS(it->keys[WINDOW].node->text));
    return false;
}

static bool read_default(struct feature_draft *it) {
    const struct tree_node *node = it->keys[DEFAULT].node;
    const struct reader *reader = &it->loader->reader;
    struct value *v = &it->feature.default_value;
    if (!node)
        return true;
    struct value read = {.type = feature_value_type(&it->draft->plan, &it->feature)};
    bool good;
    switch (read.type) {
    case VALUE_BOOL:
        good = read_bool(reader, node, "default", &read.boolean);
        break;
    case VALUE_INT:
        good = read_int(reader, node, "default", INT64_MIN, INT64_MAX, &read.integer);
        break;
    case VALUE_DOUBLE:
        good = read_double(reader, node, "default", &read.number);
        break;
    case VALUE_TEXT:
        good = read_text(reader, node, "default", COLUMN_TEXT_MAX, &read.text);
        break;
    default:
        read_fault(reader, node, "a feature of type %s has no default", value_type_name(read.type));
        return false;
    }
    if (good)
        *v = read;
    return good;
}

static bool read_exclude_current(struct feature_draft *it) {
    const struct tree_node *node = it->keys[EXCLUDE_CURRENT].node;
    return !node ||
           read_bool(&it->loader->reader, node, "exclude_current", &it->feature.exclude_current);
}

/* Declares entity.feature, as broken until its declaration has been read. */
static struct name *declare_feature(struct feature_draft *it) {
    struct load *load = it->loader->load;
    struct text full = arena_printf(load->arena, "%" TEXT_FORMAT ".%" TEXT_FORMAT,
                                    TEXT_ARGS(it->draft->plan.name), TEXT_ARGS(it->feature.name));
    check(full.data);
    return load_declare(
        load, &it->loader->reader, it->keys[NAME].node,
        (struct name){.text = full, .canonical = full, .kind = NAME_FEATURE, .type = VALUE_ERROR});
}

static void read_feature(struct loader *loader, struct draft *draft, const struct tree_node *node) {
    struct key keys[KEY_COUNT] = {
        [NAME] = {"name", true, NULL},
        [ABOUT] = {"about", false, NULL},
        [AGGREGATE] = {"aggregate", true, NULL},
        [OF] = {"of", false, NULL},
        [CURRENCY] = {"currency", false, NULL},
        [Q] = {"q", false, NULL},
        [WINDOW] = {"window", true, NULL},
        [TICK] = {"tick", false, NULL},
        [WHERE] = {"where", false, NULL},
        [EXCLUDE_CURRENT] = {"exclude_current", false, NULL},
        [DELAY] = {"delay", false, NULL},
        [DEFAULT] = {"default", false, NULL},
    };
    struct feature_draft it = {.loader = loader, .draft = draft, .keys = keys};
    bool complete = read_keys(&loader->reader, node, "a feature", keys, KEY_COUNT);
    if (!keys[NAME].node ||
        !read_name(&loader->reader, keys[NAME].node, "feature", false, &it.feature.name))
        return;
    struct name *name = declare_feature(&it);
    if (!name || !complete || !read_aggregate(&it))
        return;
    /* All of them, so that all faults are found. */
    bool good = read_of(&it);
    good &= read_q(&it);
    good &= read_times(&it) && read_tick(&it);
    good &= read_exclude_current(&it);
    if (it.feature.aggregate != AGGREGATE_SHARE || keys[OF].node)
        good &= read_conditions(&it);
    if (!good || !read_default(&it))
        return;
    name->type = feature_value_type(&draft->plan, &it.feature);
    draft->plan.features[draft->plan.feature_count++] = it.feature;
}

/* ------------------------------------------------------------------------------------------------
 * All of them */

static struct draft *find_draft(struct loader *loader, const struct tree_node *key) {
    struct near near = near_to(key->text);
    for (size_t i = 0; i < loader->draft_count; i++) {
        if (text_equal(loader->drafts[i].plan.name, key->text))
            return &loader->drafts[i];
        near_try(&near, loader->drafts[i].plan.name);
    }
    char hint[NEAR_HINT_SIZE];
    near_hint(&near, hint);
    if (!loader->load->scope.incomplete)
        read_fault(&loader->reader, key, "unknown entity \"%" TEXT_FORMAT "\"%s",
                   TEXT_ARGS(key->text),
                   *hint ? hint : "; entities are declared under \"entities\"");
    /* Its features are unknown now; that is said once. */
    loader->load->scope.incomplete = true;
    return NULL;
}

static void read_entity_features(struct loader *loader, const struct tree_node *node) {
    struct draft *draft = find_draft(loader, node->key);
    if (!draft || !read_list(&loader->reader, node, "features of an entity")) {
        loader->load->scope.incomplete = true;
        return;
    }
    if (node->child_count > PLAN_FEATURES_MAX) {
        read_fault(&loader->reader, node, "%zu features; expected at most %d", node->child_count,
                   PLAN_FEATURES_MAX);
        loader->load->scope.incomplete = true;
        return;
    }
    draft->plan.features =
        arena_calloc(loader->load->arena, node->child_count, sizeof *draft->plan.features);
    check(draft->plan.features);
    for (const struct tree_node *item = node->first; item; item = item->next)
        read_feature(loader, draft, item);
}

static void keep_entities(struct loader *loader) {
    struct load *load = loader->load;
    load->scope.entities =
        arena_calloc(&load->scratch, loader->draft_count, sizeof *load->scope.entities);
    check(load->scope.entities);
    for (size_t i = 0; i < loader->draft_count; i++)
        load->scope.entities[load->scope.entity_count++] = loader->drafts[i].plan.name;
}

/* Slots of the names of one entity's features, in the plan's order. */
static void place_features(struct load *load, const struct draft *draft, size_t first_slot) {
    for (size_t i = 0; i < draft->plan.feature_count; i++) {
        struct text full =
            arena_printf(&load->scratch, "%" TEXT_FORMAT ".%" TEXT_FORMAT,
                         TEXT_ARGS(draft->plan.name), TEXT_ARGS(draft->plan.features[i].name));
        check(full.data);
        struct name *name = scope_change(&load->scope, full);
        name->slot = first_slot + i;
    }
}

/* Drafts with features → the plan; slots for their features. */
static void make_plan(struct loader *loader) {
    struct load *load = loader->load;
    struct snapshot *snapshot = load->snapshot;
    struct plan *plan = &snapshot->plan;
    plan->entities = arena_calloc(load->arena, loader->draft_count, sizeof *plan->entities);
    snapshot->bindings = arena_calloc(load->arena, loader->draft_count, sizeof *snapshot->bindings);
    check(plan->entities && snapshot->bindings);
    size_t slot = snapshot->first_feature;
    for (size_t i = 0; i < loader->draft_count; i++) {
        struct draft *draft = &loader->drafts[i];
        if (draft->plan.feature_count == 0) {
            if (!draft->broken && !draft->plan.features)
                fault_warn(&load->faults, loader->reader.source, tree_position(draft->node),
                           "entity \"%" TEXT_FORMAT "\" has no features",
                           TEXT_ARGS(draft->plan.name));
            continue;
        }
        draft->binding.first_feature = slot;
        place_features(load, draft, slot);
        slot += draft->plan.feature_count;
        snapshot->bindings[plan->entity_count] = draft->binding;
        plan->entities[plan->entity_count++] = draft->plan;
    }
    snapshot->feature_count = slot - snapshot->first_feature;
}

static void finish_plan(struct load *load) {
    struct error error;
    if (load->faults.errors > 0 || plan_finish(&load->snapshot->plan, &error) == 0)
        return;
    struct tree_node *root;
    const struct source *source = load_find(load, FILE_FEATURES, &root);
    fault_add(&load->faults, source ? source : load->sources, (struct position){0}, "%s",
              error.text);
}

/* A state counts its bytes with 32 bits. One that grew beyond would end the process. */
static void check_sizes(struct loader *loader) {
    const struct plan *plan = &loader->load->snapshot->plan;
    for (size_t i = 0; loader->load->faults.errors == 0 && i < plan->entity_count; i++) {
        struct plan_cost cost = entity_plan_cost(&plan->entities[i]);
        size_t at = 0;
        while (!text_equal(loader->drafts[at].plan.name, plan->entities[i].name))
            at++;
        if (cost.bytes > UINT32_MAX)
            read_fault(&loader->reader, loader->drafts[at].node,
                       "the busiest of these could come to %.0f GiB; expected at most 4: give up "
                       "quantiles or different values over long windows, windows of seconds, or "
                       "some of the policy's lateness",
                       (double)cost.bytes / (double)(1 << 30));
    }
}

static void read_file(struct loader *loader, const struct tree_node *root) {
    struct load *load = loader->load;
    struct key keys[] = {
        {"entities", false, NULL}, {"features", false, NULL}, {"values", false, NULL}};
    if (!read_keys(&loader->reader, root, "features.yaml", keys, 3)) {
        load->scope.incomplete = true;
        return;
    }
    if (keys[0].node)
        read_entities(loader, keys[0].node);
    keep_entities(loader);
    if (keys[1].node && !read_mapping(&loader->reader, keys[1].node, "features"))
        load->scope.incomplete = true;
    else if (keys[1].node)
        for (const struct tree_node *item = keys[1].node->first; item; item = item->next)
            if (!item->key->broken)
                read_entity_features(loader, item);
    make_plan(loader);
    load->snapshot->first_computed = load->snapshot->first_feature + load->snapshot->feature_count;
    if (keys[2].node)
        load_values(load, loader->reader.source, keys[2].node);
}

void load_features(struct load *load) {
    struct snapshot *snapshot = load->snapshot;
    static const struct name later[] = {
        {.kind = NAME_LATER, .type = VALUE_TEXT, .words = WORDS_VERDICT},
        {.kind = NAME_LATER, .type = VALUE_TEXT, .words = WORDS_OUTCOME},
    };
    /* Filters read them from the slots right behind the fields; snapshot.h puts them there. */
    snapshot->slot_verdict = snapshot->schema.field_count;
    snapshot->slot_outcome = snapshot->schema.field_count + 1;
    static const char *const names[] = {"verdict", "outcome"};
    for (size_t i = 0; i < 2; i++) {
        struct name name = later[i];
        name.text = name.canonical = text_of(names[i]);
        name.slot = snapshot->slot_verdict + i;
        scope_add(&load->scope, name);
    }
    snapshot->first_feature = snapshot->first_computed = snapshot->schema.field_count + 2;
    struct tree_node *root;
    const struct source *source = load_find(load, FILE_FEATURES, &root);
    if (source) {
        struct loader loader = {.load = load, .reader = load_reader(load, source)};
        read_file(&loader, root);
        finish_plan(load);
        check_sizes(&loader);
    } else {
        finish_plan(load);
    }
}
