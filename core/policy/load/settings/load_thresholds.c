/* thresholds.yaml: numbers that a rebuild computes and rules compare with, and the budgets from
 * which it derives the score's cut-offs.
 *
 * A definition is the hash of all that decides the computed values, written out: statistic,
 * expressions in their canonical form, fields of the groups, period. It does not cover the name,
 * the minimum, the fallback and the guard: changing those keeps what was computed. */
#include "load_thresholds.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/eval/compile.h"

#include <stdio.h>

#define MILLION         INT64_C(1000000)
#define DAY_US          (INT64_C(86400) * MILLION)
#define OVER_US_MIN     MILLION
#define OVER_US_MAX     (3660 * DAY_US)
#define DEFAULT_MINIMUM 100
#define MINIMUM_MAX     INT64_C(1000000000)
#define DEFAULT_GUARD   500000 /* one half, × 10^6 */
#define GUARD_MAX       (1000 * MILLION)
#define GROUPED_MAX     8 /* thresholds whose groups are in tables */

/* ------------------------------------------------------------------------------------------------
 * Numbers, exact to the millionth */

/* A number above 0 and at most `most`; below it when `below`. */
static bool read_millionths(const struct reader *reader, const struct tree_node *node,
                            const char *what, int64_t most, bool below, const char *expected,
                            uint32_t *ret_number) {
    struct text t;
    int64_t number;
    if (!read_text(reader, node, what, 64, &t))
        return false;
    if (read_parse_millionths(t, &number) && number > 0 &&
        (below ? number < most : number <= most)) {
        *ret_number = (uint32_t)number;
        return true;
    }
    read_diagnostic(reader, node, "%s \"%" TEXT_FORMAT "\" is not %s", what, TEXT_ARGS(t),
                    expected);
    return false;
}

static bool read_share(const struct reader *reader, const struct tree_node *node, const char *what,
                       const char *example, uint32_t *ret_e6) {
    char expected[120];
    snprintf(expected, sizeof expected,
             "a number between 0 and 1 with at most 6 decimals; expected for example %s", example);
    return read_millionths(reader, node, what, MILLION, true, expected, ret_e6);
}

static bool read_guard(const struct reader *reader, const struct tree_node *node,
                       uint32_t *ret_e6) {
    return read_millionths(reader, node, "guard", GUARD_MAX, false,
                           "a number above 0, at most 1000, with at most 6 decimals; expected for "
                           "example 0.5, a change by half",
                           ret_e6);
}

static bool read_minimum(const struct reader *reader, const struct tree_node *node,
                         uint64_t *ret_minimum) {
    int64_t minimum;
    if (!read_int(reader, node, "minimum", 1, MINIMUM_MAX, &minimum))
        return false;
    *ret_minimum = (uint64_t)minimum;
    return true;
}

static bool read_over(const struct reader *reader, const struct tree_node *node,
                      int64_t *ret_over_us) {
    return read_duration(reader, node, "over", OVER_US_MIN, OVER_US_MAX, ret_over_us);
}

/* ------------------------------------------------------------------------------------------------
 * Definitions */

static void put_part(struct buffer *buffer, const char *name, const struct syntax *syntax) {
    buffer_printf(buffer, "%s ", name);
    if (syntax)
        syntax_print_definition(syntax, buffer);
    buffer_append_u8(buffer, '\n');
}

static uint64_t hash_buffer(struct buffer *buffer) {
    uint64_t hash = hash64(buffer->bytes, buffer->length, 0);
    buffer_deinit(buffer);
    return hash;
}

/* Canonical names instead of slots, which change when a field is added. */
static uint64_t threshold_definition(const struct load *load, const struct threshold *threshold,
                                     const struct syntax *of, const struct syntax *where) {
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_printf(&buffer, "threshold %d %u over %lld\n", (int)threshold->statistic,
                  threshold->quantile_e6, (long long)threshold->over_us);
    if (threshold->groups_in_tables)
        buffer_append_string(&buffer, "groups many\n");
    put_part(&buffer, "of", of);
    put_part(&buffer, "where", where);
    for (size_t i = 0; i < threshold->key_count; i++)
        buffer_printf(&buffer, "by %" TEXT_FORMAT "\n",
                      TEXT_ARGS(load->snapshot->schema.fields[threshold->key_slots[i]].canonical));
    return hash_buffer(&buffer);
}

static uint64_t budget_definition(const struct cutoff_budget *budget) {
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_printf(&buffer, "budget %d %d %u over %lld\n", (int)budget->verdict, (int)budget->kind,
                  budget->share_e6, (long long)budget->over_us);
    return hash_buffer(&buffer);
}

/* Then a rebuild computes the threshold from the records alone, without reading states. */
static bool reads_fields_only(const struct syntax *node) {
    if (node->name && node->name->kind != NAME_FIELD)
        return false;
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        if (!reads_fields_only(operand))
            return false;
    return true;
}

/* Counts the lists that are read, and stores their indices unless `lists` is NULL. */
static size_t find_lists(const struct load *load, const struct syntax *node, size_t *lists) {
    size_t count = 0;
    if (!node)
        return 0;
    if (node->list) {
        if (lists)
            lists[0] = (size_t)(node->list - load->snapshot->lists);
        count = 1;
    }
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        count += find_lists(load, operand, lists ? lists + count : NULL);
    return count;
}

static void note_lists(const struct load *load, const struct syntax *of, const struct syntax *where,
                       struct threshold *threshold) {
    size_t of_count = find_lists(load, of, NULL);
    threshold->list_count = of_count + find_lists(load, where, NULL);
    size_t *lists = arena_calloc(load->arena, threshold->list_count, sizeof *lists);
    check(lists);
    find_lists(load, of, lists);
    find_lists(load, where, lists + of_count);
    threshold->lists = lists;
}

/* ------------------------------------------------------------------------------------------------
 * Thresholds */

enum {
    NAME,
    ABOUT,
    QUANTILE,
    STATISTIC,
    OF,
    WHERE,
    BY,
    GROUPS,
    OVER,
    MINIMUM,
    FALLBACK,
    GUARD,
    KEY_COUNT
};

static bool read_statistic(const struct reader *reader, const struct tree_node *node,
                           struct key keys[KEY_COUNT], struct threshold *threshold) {
    static const char *const names[] = {"median", "mad", NULL};
    size_t index;
    if (!keys[QUANTILE].node == !keys[STATISTIC].node) {
        read_diagnostic(reader, node,
                        "a threshold needs \"quantile\", such as 0.995, or \"statistic\", which is "
                        "median or mad, and not both");
        return false;
    }
    threshold->quantile_e6 = 500000;
    if (keys[QUANTILE].node)
        return read_share(reader, keys[QUANTILE].node, "quantile", "0.995",
                          &threshold->quantile_e6);
    if (!read_choice(reader, keys[STATISTIC].node, "statistic", names, &index))
        return false;
    threshold->statistic = index == 1 ? THRESHOLD_MAD : THRESHOLD_QUANTILE;
    return true;
}

/* Groups are keyed by texts; other types have a hint to derive a text field. */
static bool add_key(struct load *load, const struct reader *reader, const struct tree_node *node,
                    struct threshold *threshold) {
    struct text name;
    if (!read_text(reader, node, "by", NAME_SIZE_MAX, &name))
        return false;
    const struct name *field = scope_find(&load->scope, name);
    if (field && field->type == VALUE_ERROR)
        return false;
    if (!field || field->kind != NAME_FIELD) {
        struct near near = near_to(name);
        for (size_t i = 0; i < load->snapshot->schema.field_count; i++)
            near_try(&near, load->snapshot->schema.fields[i].name);
        char hint[NEAR_HINT_SIZE];
        if (!load->scope.incomplete)
            read_diagnostic(reader, node,
                            "by \"%" TEXT_FORMAT "\" is not a field of the transaction%s",
                            TEXT_ARGS(name), near_hint(&near, hint));
        return false;
    }
    if (field->type != VALUE_TEXT) {
        read_diagnostic(reader, node,
                        "by \"%" TEXT_FORMAT
                        "\" is %s; expected a string field, or a derived one: string(%" TEXT_FORMAT
                        ")",
                        TEXT_ARGS(name), value_type_name(field->type), TEXT_ARGS(name));
        return false;
    }
    for (size_t i = 0; i < threshold->key_count; i++)
        if (threshold->key_slots[i] == field->slot) {
            read_diagnostic(reader, node, "by names \"%" TEXT_FORMAT "\" twice", TEXT_ARGS(name));
            return false;
        }
    threshold->key_slots[threshold->key_count++] = field->slot;
    return true;
}

static bool read_by(struct load *load, const struct reader *reader, const struct tree_node *node,
                    struct threshold *threshold) {
    if (node->kind != TREE_LIST)
        return add_key(load, reader, node, threshold);
    if (node->child_count == 0 || node->child_count > THRESHOLD_KEYS_MAX) {
        read_diagnostic(reader, node, "by names %zu fields; expected 1 to %d", node->child_count,
                        THRESHOLD_KEYS_MAX);
        return false;
    }
    bool good = true;
    for (const struct tree_node *item = node->first; item; item = item->next)
        good &= add_key(load, reader, item, threshold);
    return good;
}

/* "of" and "where". */
static bool read_expressions(struct load *load, const struct reader *reader,
                             const struct key keys[KEY_COUNT], struct threshold *threshold,
                             const struct syntax **ret_of, const struct syntax **ret_where) {
    struct syntax *of = load_expression_node(load, reader->source, keys[OF].node, "of",
                                             SCOPE_THRESHOLD, VALUE_ABSENT);
    struct syntax *where = NULL;
    if (keys[WHERE].node) {
        where = load_expression_node(load, reader->source, keys[WHERE].node, "where",
                                     SCOPE_THRESHOLD, VALUE_BOOL);
        if (!where)
            return false;
        threshold->where = expression_build(where, load->arena);
    }
    if (!of)
        return false;
    if (of->type != VALUE_INT && of->type != VALUE_DOUBLE) {
        read_diagnostic(reader, keys[OF].node, "of is %s; expected int or double",
                        value_type_name(of->type));
        return false;
    }
    threshold->of = expression_build(of, load->arena);
    threshold->reads_fields_only = reads_fields_only(of) && (!where || reads_fields_only(where));
    note_lists(load, of, where, threshold);
    *ret_of = of;
    *ret_where = where;
    return true;
}

/* Decisions look each of them up and record what they found: not too many. */
static bool are_few(const struct load *load, const struct reader *reader,
                    const struct tree_node *node) {
    size_t count = 0;
    for (size_t i = 0; i < load->snapshot->threshold_count; i++)
        count += load->snapshot->thresholds[i].groups_in_tables;
    if (count < GROUPED_MAX)
        return true;
    read_diagnostic(reader, node, "more than %d thresholds have \"groups: many\"", GROUPED_MAX);
    return false;
}

static bool read_groups(const struct load *load, const struct reader *reader,
                        const struct key keys[KEY_COUNT], struct threshold *threshold) {
    static const char *const names[] = {"few", "many", NULL};
    const struct tree_node *node = keys[GROUPS].node;
    size_t index;
    if (!read_choice(reader, node, "groups", names, &index))
        return false;
    threshold->groups_in_tables = index == 1;
    if (index == 1 && !keys[BY].node) {
        read_diagnostic(reader, node,
                        "\"groups: many\" needs \"by\", the fields that make a group");
        return false;
    }
    return index == 0 || are_few(load, reader, node);
}

/* The tables have one value for a definition and a group, whatever the names: two thresholds cannot
 * have minimums of their own for it. */
static bool is_computed_once(const struct load *load, const struct reader *reader,
                             const struct tree_node *node, const struct threshold *threshold) {
    const struct snapshot *snapshot = load->snapshot;
    for (size_t i = 0; i < snapshot->threshold_count && threshold->groups_in_tables; i++)
        if (snapshot->thresholds[i].definition == threshold->definition) {
            read_diagnostic(reader, node,
                            "the same values as those of the threshold \"%" TEXT_FORMAT
                            "\"; with \"groups: many\", each threshold must compute others",
                            TEXT_ARGS(snapshot->thresholds[i].name));
            return false;
        }
    return true;
}

/* All but the name; false when something was reported. */
static bool read_declaration(struct load *load, const struct reader *reader,
                             const struct tree_node *node, struct key keys[KEY_COUNT],
                             struct threshold *threshold) {
    const struct syntax *of = NULL, *where = NULL;
    bool good = read_statistic(reader, node, keys, threshold);
    if (keys[ABOUT].node)
        good &= read_text(reader, keys[ABOUT].node, "about", POLICY_ABOUT_MAX, &threshold->about);
    if (keys[OF].node)
        good &= read_expressions(load, reader, keys, threshold, &of, &where);
    if (keys[BY].node)
        good &= read_by(load, reader, keys[BY].node, threshold);
    if (keys[GROUPS].node)
        good &= read_groups(load, reader, keys, threshold);
    if (keys[OVER].node)
        good &= read_over(reader, keys[OVER].node, &threshold->over_us);
    if (keys[MINIMUM].node)
        good &= read_minimum(reader, keys[MINIMUM].node, &threshold->minimum);
    if (keys[FALLBACK].node)
        good &= read_double(reader, keys[FALLBACK].node, "fallback", &threshold->fallback);
    if (keys[GUARD].node)
        good &= read_guard(reader, keys[GUARD].node, &threshold->guard_e6);
    good &= of != NULL;
    if (good) {
        threshold->definition = threshold_definition(load, threshold, of, where);
        good = is_computed_once(load, reader, node, threshold);
    }
    return good;
}

/* "[mcc]" or "[country][mcc]": for messages */
static struct text key_names(struct load *load, const struct threshold *threshold) {
    struct buffer buffer;
    buffer_init(&buffer);
    for (size_t i = 0; i < threshold->key_count; i++)
        buffer_printf(&buffer, "[%" TEXT_FORMAT "]",
                      TEXT_ARGS(load->snapshot->schema.fields[threshold->key_slots[i]].name));
    struct text t = arena_text(
        &load->scratch, (struct text){.data = (const char *)buffer.bytes, .length = buffer.length});
    buffer_deinit(&buffer);
    check(t.data);
    return t;
}

static bool declare(struct load *load, const struct reader *reader, const struct tree_node *node,
                    const struct threshold *threshold, bool good) {
    struct text full =
        arena_printf(load->arena, "thresholds.%" TEXT_FORMAT, TEXT_ARGS(threshold->name));
    check(full.data);
    struct name name = {.text = full,
                        .canonical = full,
                        .kind = NAME_THRESHOLD,
                        .type = good ? VALUE_DOUBLE : VALUE_ERROR,
                        .slot = threshold->slot,
                        .key_count = threshold->key_count,
                        .keys = key_names(load, threshold),
                        .fallback = threshold->fallback};
    return load_declare(load, reader, node, name) != NULL;
}

/* Declared even if it has errors, with a broken type, so that rules that use it are not reported.
 */
static void read_threshold(struct load *load, const struct reader *reader,
                           const struct tree_node *node, uint32_t guard_e6) {
    struct snapshot *snapshot = load->snapshot;
    struct key keys[KEY_COUNT] = {
        [NAME] = {"name", true, NULL},
        [ABOUT] = {"about", false, NULL},
        [QUANTILE] = {"quantile", false, NULL},
        [STATISTIC] = {"statistic", false, NULL},
        [OF] = {"of", true, NULL},
        [WHERE] = {"where", false, NULL},
        [BY] = {"by", false, NULL},
        [GROUPS] = {"groups", false, NULL},
        [OVER] = {"over", true, NULL},
        [MINIMUM] = {"minimum", false, NULL},
        [FALLBACK] = {"fallback", true, NULL},
        [GUARD] = {"guard", false, NULL},
    };
    struct threshold threshold = {.minimum = DEFAULT_MINIMUM,
                                  .guard_e6 = guard_e6,
                                  .slot = snapshot->first_threshold + snapshot->threshold_count};
    bool good = read_keys(reader, node, "a threshold", keys, KEY_COUNT);
    if (node->kind != TREE_MAPPING)
        return;
    good &= read_declaration(load, reader, node, keys, &threshold);
    if (!keys[NAME].node ||
        !read_name(reader, keys[NAME].node, "threshold", false, &threshold.name))
        return;
    if (declare(load, reader, keys[NAME].node, &threshold, good))
        snapshot->thresholds[snapshot->threshold_count++] = threshold;
}

static void read_thresholds(struct load *load, const struct reader *reader,
                            const struct tree_node *node, uint32_t guard_e6) {
    if (!read_list(reader, node, "thresholds")) {
        load->scope.incomplete = true;
        return;
    }
    if (node->child_count > POLICY_THRESHOLDS_MAX) {
        read_diagnostic(reader, node, "%zu thresholds; expected at most %u", node->child_count,
                        POLICY_THRESHOLDS_MAX);
        load->scope.incomplete = true;
        return;
    }
    struct snapshot *snapshot = load->snapshot;
    snapshot->thresholds =
        arena_calloc(load->arena, node->child_count, sizeof *snapshot->thresholds);
    check(snapshot->thresholds);
    for (const struct tree_node *item = node->first; item; item = item->next)
        read_threshold(load, reader, item, guard_e6);
}

/* ------------------------------------------------------------------------------------------------
 * Budgets */

enum {
    BUDGET_VERDICT,
    BUDGET_SHARE,
    BUDGET_PURITY,
    BUDGET_OVER,
    BUDGET_MINIMUM,
    BUDGET_GUARD,
    BUDGET_KEYS
};

/* A budget limits either how many transactions reach the cut-off or how many of those must be
 * fraud. */
static bool read_goal(const struct reader *reader, const struct tree_node *node,
                      const struct key keys[BUDGET_KEYS], struct cutoff_budget *budget) {
    const struct tree_node *share = keys[BUDGET_SHARE].node, *precision = keys[BUDGET_PURITY].node;
    if (!share == !precision) {
        read_diagnostic(reader, node,
                        "a budget needs \"at_most\", a share of the transactions such as 0.005, or "
                        "\"precision\", such as 0.8, and not both");
        return false;
    }
    budget->kind = share ? BUDGET_AT_MOST : BUDGET_PRECISION;
    return share ? read_share(reader, share, "at_most", "0.005", &budget->share_e6)
                 : read_share(reader, precision, "precision", "0.8", &budget->share_e6);
}

static bool read_verdict(const struct load *load, const struct reader *reader,
                         const struct tree_node *node, struct cutoff_budget *budget) {
    static const char *const names[] = {"review", "challenge", "decline", NULL};
    static const enum verdict verdicts[] = {VERDICT_REVIEW, VERDICT_CHALLENGE, VERDICT_DECLINE};
    size_t index;
    if (!read_choice(reader, node, "verdict", names, &index))
        return false;
    budget->verdict = verdicts[index];
    for (size_t i = 0; i < load->snapshot->budget_count; i++)
        if (load->snapshot->budgets[i].verdict == budget->verdict) {
            read_diagnostic(reader, node, "there is already a budget for %s", names[index]);
            return false;
        }
    return true;
}

static void read_budget(struct load *load, const struct reader *reader,
                        const struct tree_node *node, uint32_t guard_e6) {
    struct key keys[BUDGET_KEYS] = {
        [BUDGET_VERDICT] = {"verdict", true, NULL},   [BUDGET_SHARE] = {"at_most", false, NULL},
        [BUDGET_PURITY] = {"precision", false, NULL}, [BUDGET_OVER] = {"over", true, NULL},
        [BUDGET_MINIMUM] = {"minimum", false, NULL},  [BUDGET_GUARD] = {"guard", false, NULL},
    };
    struct cutoff_budget budget = {.minimum = DEFAULT_MINIMUM, .guard_e6 = guard_e6};
    bool good = read_keys(reader, node, "a budget", keys, BUDGET_KEYS);
    if (node->kind != TREE_MAPPING)
        return;
    good &= read_goal(reader, node, keys, &budget);
    if (keys[BUDGET_OVER].node)
        good &= read_over(reader, keys[BUDGET_OVER].node, &budget.over_us);
    if (keys[BUDGET_MINIMUM].node)
        good &= read_minimum(reader, keys[BUDGET_MINIMUM].node, &budget.minimum);
    if (keys[BUDGET_GUARD].node)
        good &= read_guard(reader, keys[BUDGET_GUARD].node, &budget.guard_e6);
    if (keys[BUDGET_VERDICT].node)
        good &= read_verdict(load, reader, keys[BUDGET_VERDICT].node, &budget);
    if (!good)
        return;
    budget.definition = budget_definition(&budget);
    load->snapshot->budgets[load->snapshot->budget_count++] = budget;
}

static void read_budgets(struct load *load, const struct reader *reader,
                         const struct tree_node *node, uint32_t guard_e6) {
    if (!read_list(reader, node, "budgets"))
        return;
    /* One for each verdict at most: room for all that are not refused. */
    load->snapshot->budgets =
        arena_calloc(load->arena, VERDICT_COUNT, sizeof *load->snapshot->budgets);
    check(load->snapshot->budgets);
    for (const struct tree_node *item = node->first; item; item = item->next)
        read_budget(load, reader, item, guard_e6);
}

/* ------------------------------------------------------------------------------------------------
 * The file */

static void read_file(struct load *load, const struct source *source,
                      const struct tree_node *root) {
    struct reader reader = load_reader(load, source);
    struct key keys[] = {
        {"guard", false, NULL}, {"thresholds", false, NULL}, {"budgets", false, NULL}};
    if (!read_keys(&reader, root, "thresholds.yaml", keys, 3))
        load->scope.incomplete = true;
    uint32_t guard_e6 = DEFAULT_GUARD;
    if (keys[0].node)
        read_guard(&reader, keys[0].node, &guard_e6);
    if (keys[1].node)
        read_thresholds(load, &reader, keys[1].node, guard_e6);
    if (keys[2].node)
        read_budgets(load, &reader, keys[2].node, guard_e6);
}

void load_thresholds(struct load *load) {
    struct snapshot *snapshot = load->snapshot;
    snapshot->first_threshold = snapshot->first_model + snapshot->model_slot_count;
    struct tree_node *root;
    const struct source *source = load_find(load, FILE_THRESHOLDS, &root);
    if (source)
        read_file(load, source, root);
    load->scope.first_threshold = snapshot->first_threshold;
    load->scope.threshold_used =
        arena_calloc(&load->scratch, snapshot->threshold_count, sizeof(bool));
    check(load->scope.threshold_used);
}

/* Recursive over the condition; the tree is at most SYNTAX_DEPTH_MAX deep. */
void load_note_scored(struct load *load, const struct syntax *node) {
    if (node->name && node->name->kind == NAME_THRESHOLD)
        load->snapshot->thresholds[node->name->slot - load->snapshot->first_threshold].is_scored =
            true;
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        load_note_scored(load, operand);
}
