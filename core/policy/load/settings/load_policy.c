/* policy.yaml: the policy's name, its base currency and exchange rates, its lateness and the cut-
 * offs of scores. Its groups of rules are in load_groups.c, its latency budget in load_latency.c.
 * Rates are exact decimals: floating point would make amounts depend on the platform. */
#include "load_policy.h"

#include "core/base/check.h"
#include "core/policy/lang/calendar.h"
#include "load_currency.h"
#include "load_groups.h"
#include "load_latency.h"
#include "load_rule_options.h"

#include <stdlib.h>

#define DEFAULT_LATENESS_US (INT64_C(3600) * 1000000)
#define LATENESS_US_MAX     (INT64_C(31) * 86400 * 1000000)

/* "0.92" → 920,000,000: exact, at most nine decimals */
static bool parse_rate(struct text t, int64_t *ret_rate_e9) {
    int64_t value = 0;
    size_t decimals = 0, digits = 0;
    bool point = false;
    for (size_t i = 0; i < t.length; i++) {
        if (t.data[i] == '.' && !point && digits > 0) {
            point = true;
            continue;
        }
        if (t.data[i] < '0' || t.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, t.data[i] - '0', &value))
            return false;
        digits++;
        decimals += point;
    }
    if (digits == 0 || decimals > 9 || (point && decimals == 0))
        return false;
    for (; decimals < 9; decimals++)
        if (__builtin_mul_overflow(value, 10, &value))
            return false;
    *ret_rate_e9 = value;
    return value > 0 && value <= SCHEMA_RATE_E9_MAX;
}

static bool read_rate_value(const struct reader *reader, const struct tree_node *node,
                            int64_t *ret_rate_e9) {
    struct text t;
    if (!read_text(reader, node, "rate", 64, &t))
        return false;
    if (parse_rate(t, ret_rate_e9))
        return true;
    read_diagnostic(reader, node,
                    "rate is \"%" TEXT_FORMAT
                    "\"; expected a number above 0 with at most 9 decimals, such as \"0.92\"",
                    TEXT_ARGS(t));
    return false;
}

static bool read_date(const struct reader *reader, const struct tree_node *node, int64_t *ret_us) {
    struct text t;
    if (!read_text(reader, node, "from", 64, &t))
        return false;
    if (calendar_parse_date(t, ret_us) == 0 || calendar_parse_timestamp(t, ret_us) == 0)
        return true;
    read_diagnostic(reader, node,
                    "from \"%" TEXT_FORMAT "\" is not a date; expected for example 2026-01-31",
                    TEXT_ARGS(t));
    return false;
}

static bool read_rate(const struct reader *reader, const struct tree_node *node,
                      const struct schema *schema, struct currency_rate *ret_rate) {
    struct key keys[] = {{"currency", true, NULL}, {"from", true, NULL}, {"rate", true, NULL}};
    if (!read_keys(reader, node, "a currency rate", keys, 3))
        return false;
    struct currency_rate rate;
    bool good =
        load_currency(reader, keys[0].node, "currency", schema, rate.currency, &rate.digits);
    if (good && strcmp(rate.currency, schema->base_currency) == 0) {
        read_diagnostic(reader, keys[0].node, "%s is the base currency: its rate is always 1",
                        rate.currency);
        good = false;
    }
    good &= read_date(reader, keys[1].node, &rate.from_us);
    good &= read_rate_value(reader, keys[2].node, &rate.rate_e9);
    if (good)
        *ret_rate = rate;
    return good;
}

static int compare_rates(const void *left, const void *right) {
    const struct currency_rate *a = left, *b = right;
    int order = strcmp(a->currency, b->currency);
    return order ? order : (a->from_us > b->from_us) - (a->from_us < b->from_us);
}

/* Sorted, so that binding finds a rate by binary search; two rates of one day would leave the
 * choice to the sort. */
static void read_rates(const struct reader *reader, const struct tree_node *node,
                       struct schema *schema) {
    if (!read_list(reader, node, "currency_rates"))
        return;
    if (node->child_count > POLICY_RATES_MAX) {
        read_diagnostic(reader, node, "%zu rates; expected at most %u", node->child_count,
                        POLICY_RATES_MAX);
        return;
    }
    schema->rates = arena_calloc(reader->arena, node->child_count, sizeof *schema->rates);
    check(schema->rates);
    for (const struct tree_node *item = node->first; item; item = item->next)
        if (read_rate(reader, item, schema, &schema->rates[schema->rate_count]))
            schema->rate_count++;
    if (schema->rate_count == 0)
        return;
    qsort(schema->rates, schema->rate_count, sizeof *schema->rates, compare_rates);
    for (size_t i = 1; i < schema->rate_count; i++)
        if (compare_rates(&schema->rates[i - 1], &schema->rates[i]) == 0)
            read_diagnostic(reader, node, "two rates of %s begin on the same day",
                            schema->rates[i].currency);
}

/* Every missing cut-off stays 0: no score gives that verdict. Those that are given must rise with
 * the severity of their verdicts. */
static void read_cutoffs(const struct reader *reader, const struct tree_node *node,
                         uint32_t cutoffs[VERDICT_COUNT]) {
    struct key keys[] = {
        {"review", false, NULL}, {"challenge", false, NULL}, {"decline", false, NULL}};
    static const enum verdict verdicts[] = {VERDICT_REVIEW, VERDICT_CHALLENGE, VERDICT_DECLINE};
    if (!read_keys(reader, node, "cutoffs", keys, 3))
        return;
    int64_t before = 0;
    for (size_t i = 0; i < 3; i++) {
        int64_t score;
        if (!keys[i].node ||
            !read_int(reader, keys[i].node, keys[i].name, 1, DECISION_SCORE_MAX, &score))
            continue;
        if (score <= before)
            read_diagnostic(
                reader, keys[i].node,
                "%s must be above the cut-off of the milder verdict (%d); review < challenge "
                "< decline",
                keys[i].name, (int)before);
        before = score;
        cutoffs[verdicts[i]] = (uint32_t)score;
    }
}

/* What a server answers when it has no time to decide. */
static void read_fallback(const struct reader *reader, const struct tree_node *node,
                          enum verdict *ret_fallback) {
    static const char *const names[] = {"approve", "review", "challenge", "decline", NULL};
    static const enum verdict verdicts[] = {VERDICT_APPROVE, VERDICT_REVIEW, VERDICT_CHALLENGE,
                                            VERDICT_DECLINE};
    size_t index;
    if (read_choice(reader, node, "fallback", names, &index))
        *ret_fallback = verdicts[index];
}

enum {
    NAME,
    ABOUT,
    BASE_CURRENCY,
    CURRENCY_RATES,
    LATENESS,
    LATENCY_BUDGET,
    ON_ERROR,
    FALLBACK,
    AT_MOST,
    CUTOFFS,
    KEY_COUNT
};

static void read_settings(struct load *load, const struct reader *reader,
                          const struct tree_node *node) {
    struct snapshot *snapshot = load->snapshot;
    struct key keys[KEY_COUNT] = {
        [NAME] = {"name", true, NULL},
        [ABOUT] = {"about", false, NULL},
        [BASE_CURRENCY] = {"base_currency", true, NULL},
        [CURRENCY_RATES] = {"currency_rates", false, NULL},
        [LATENESS] = {"lateness", false, NULL},
        [LATENCY_BUDGET] = {"latency_budget", false, NULL},
        [ON_ERROR] = {"on_error", false, NULL},
        [FALLBACK] = {"fallback", false, NULL},
        [AT_MOST] = {"at_most", false, NULL},
        [CUTOFFS] = {"cutoffs", false, NULL},
    };
    struct schema *schema = &snapshot->schema;
    read_keys(reader, node, "policy", keys, KEY_COUNT);
    if (keys[NAME].node)
        read_name(reader, keys[NAME].node, "name", true, &snapshot->name);
    if (keys[ABOUT].node)
        read_text(reader, keys[ABOUT].node, "about", POLICY_ABOUT_MAX, &snapshot->about);
    if (keys[BASE_CURRENCY].node)
        load_currency(reader, keys[BASE_CURRENCY].node, "base_currency", schema,
                      schema->base_currency, &schema->base_digits);
    const struct tree_node *rates = keys[CURRENCY_RATES].node;
    if (rates)
        read_rates(reader, rates, schema);
    load->rates_incomplete =
        schema->base_currency[0] == '\0' || (rates && schema->rate_count < rates->child_count);
    if (keys[LATENESS].node)
        read_duration(reader, keys[LATENESS].node, "lateness", 0, LATENESS_US_MAX,
                      &schema->lateness_us);
    if (keys[LATENCY_BUDGET].node)
        load_latency_budget(load, reader, keys[LATENCY_BUDGET].node);
    if (keys[ON_ERROR].node)
        load_on_error(reader, keys[ON_ERROR].node, &snapshot->on_error);
    if (keys[FALLBACK].node)
        read_fallback(reader, keys[FALLBACK].node, &snapshot->fallback);
    if (keys[AT_MOST].node)
        load_brake_limit(reader, keys[AT_MOST].node, &snapshot->at_most);
    if (keys[CUTOFFS].node)
        read_cutoffs(reader, keys[CUTOFFS].node, snapshot->cutoffs);
}

/* rates_incomplete stays true without a readable file, so that currencies elsewhere are not
 * reported for want of a rate. */
void load_policy(struct load *load) {
    struct snapshot *snapshot = load->snapshot;
    snapshot->schema.lateness_us = DEFAULT_LATENESS_US;
    struct tree_node *root;
    const struct source *source = load_find(load, FILE_POLICY, &root);
    load->rates_incomplete = true;
    if (source) {
        struct reader reader = load_reader(load, source);
        struct key keys[] = {{"policy", true, NULL}, {"groups", false, NULL}};
        read_keys(&reader, root, "policy.yaml", keys, 2);
        if (keys[0].node)
            read_settings(load, &reader, keys[0].node);
        if (keys[1].node)
            load_groups(load, &reader, keys[1].node);
    }
    snapshot->schema.policy = snapshot->name;
    snapshot->plan.lateness_us = snapshot->schema.lateness_us;
}
