/* One feature of features.yaml: its conditions, times and parameters. What it computes is in
 * load_aggregate.c. */
#include "load_feature.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "core/policy/check/checker_fired.h"
#include "load_aggregate.h"
#include "load_filter.h"

/* ------------------------------------------------------------------------------------------------
 * Conditions */

/* An outcome's record does not have the rules that fired, so the difference that the outcome makes
 * could not be computed. */
static bool can_be_filter(struct feature_draft *it, const struct tree_node *node,
                          const struct syntax *syntax) {
    if (!syntax_reads(syntax, TEXT_LITERAL("outcome")) || !syntax_asks_fired(syntax))
        return true;
    read_diagnostic(
        &it->loader->reader, node,
        "one condition cannot depend on both the outcome and fired(); use two features");
    return false;
}

/* −1 when something was reported. */
static int add_filter(struct feature_draft *it, const struct tree_node *node,
                      const struct syntax *syntax) {
    if (!can_be_filter(it, node, syntax))
        return -1;
    return load_filter_add(it->loader, it->draft, &it->loader->reader, node, syntax);
}

/* "count, sum, … and quantile" */
static const char *list_aggregates_with_outcomes(char *ret_string, size_t size) {
    const char *names[AGGREGATE_TYPE_COUNT];
    size_t count = 0;
    for (int i = 0; i < AGGREGATE_TYPE_COUNT; i++)
        if (aggregate_takes_outcomes((enum aggregate)i))
            names[count++] = aggregate_name((enum aggregate)i);
    return text_join_names(names, count, " and ", ret_string, size);
}

static struct syntax *read_condition(struct feature_draft *it, const struct tree_node *node,
                                     const char *what) {
    struct syntax *syntax = load_expression_node(it->loader->load, it->loader->reader.source, node,
                                                 what, SCOPE_FILTER, VALUE_BOOL);
    if (!syntax || !syntax_reads(syntax, TEXT_LITERAL("outcome")) ||
        aggregate_takes_outcomes(it->feature.aggregate))
        return syntax;
    char names[300];
    read_diagnostic(&it->loader->reader, node,
                    "%s cannot depend on the outcome, which is reported later; %s can",
                    aggregate_name(it->feature.aggregate),
                    list_aggregates_with_outcomes(names, sizeof names));
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

/* ------------------------------------------------------------------------------------------------
 * Times and parameters */

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

/* A decimal between 0 and 1, exact to PLAN_Q_PARTS: 0.95, or .95, which YAML accepts as well. */
static bool parse_q(const struct tree_node *node, uint16_t *ret_parts) {
    struct text t = node->text;
    unsigned parts = 0, unit = PLAN_Q_PARTS;
    size_t start = t.length > 0 && t.data[0] == '0' ? 2 : 1; /* after the point */
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
        read_diagnostic(reader, node ? node : it->keys[AGGREGATE].node, "%s",
                        node ? "only quantile takes a \"q\""
                             : "quantile needs \"q\", such as 0.95");
        return false;
    }
    if (!node)
        return true;
    if (!read_text(reader, node, "q", 64, &t))
        return false;
    bool plain = node->style == TREE_PLAIN;
    if (plain && parse_q(node, &it->feature.q_parts))
        return true;
    read_diagnostic(
        reader, node,
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
        read_diagnostic(reader, node ? node : it->keys[AGGREGATE].node, "%s",
                        node ? "only burst takes a \"tick\""
                             : "burst needs a \"tick\", such as 1h");
        return false;
    }
    if (!node)
        return true;
    if (!read_duration(reader, node, "tick", second, PLAN_WINDOW_US_MAX, &it->feature.tick_us))
        return false;
    if (it->feature.tick_us < it->feature.window_us)
        return true;
    read_diagnostic(reader, node,
                    "tick %" TEXT_FORMAT " is not shorter than the window, which is %" TEXT_FORMAT,
                    TEXT_ARGS(node->text), TEXT_ARGS(it->keys[WINDOW].node->text));
    return false;
}

/* The type follows from the aggregate and its column, so the default is read after both. */
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
        read_diagnostic(reader, node, "a feature of type %s cannot have a default",
                        value_type_name(read.type));
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

/* ------------------------------------------------------------------------------------------------
 * All of it */

/* Declares entity.feature, as broken until its declaration has been read. */
static struct name *declare_feature(struct feature_draft *it) {
    struct load *load = it->loader->load;
    struct text full = arena_printf(load->arena, "%" TEXT_FORMAT ".%" TEXT_FORMAT,
                                    TEXT_ARGS(it->draft->plan.name), TEXT_ARGS(it->feature.name));
    check(full.data);
    return load_declare(load, &it->loader->reader, it->keys[NAME].node,
                        (struct name){.text = full,
                                      .canonical = full,
                                      .kind = NAME_FEATURE,
                                      .type = VALUE_ERROR,
                                      .text_max = COLUMN_TEXT_MAX});
}

/* A feature whose value is a text of a protected field is a pseudonym, too. Such a field stands
 * alone: an expression may not read its text. */
static struct text protect_of_column(const struct feature_draft *it) {
    const struct tree_node *node = it->keys[OF].node;
    const struct name *column = node ? scope_find(&it->loader->load->scope, node->text) : NULL;
    return column ? column->protect : (struct text){0};
}

void features_read_feature(struct features_loader *loader, struct entity_draft *draft,
                           const struct tree_node *node) {
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
    if (!name || !complete || !feature_read_aggregate(&it))
        return;
    /* All parts, so that all errors are found. */
    bool good = feature_read_of(&it);
    good &= read_q(&it);
    good &= read_times(&it) && read_tick(&it);
    good &= read_exclude_current(&it);
    if (it.feature.aggregate != AGGREGATE_SHARE || keys[OF].node)
        good &= read_conditions(&it);
    if (!good || !read_default(&it))
        return;
    name->type = feature_value_type(&draft->plan, &it.feature);
    if (name->type == VALUE_TEXT)
        name->protect = protect_of_column(&it);
    draft->plan.features[draft->plan.feature_count++] = it.feature;
}
