#include "drawn_policy.h"

#include "tests/unit/feature/scene.h"

#include <inttypes.h>
#include <stdio.h>

const char *const drawn_merchants[DRAWN_MERCHANTS] = {"", "a", "baker", "Café",
                                                      "supermarket no. 17"};

static const char *const operations[] = {"<", "<=", ">", ">=", "==", "!="};
static const char *const filters[SCENE_FILTERS] = {
    [SCENE_IS_ONLINE] = "online",
    [SCENE_IS_DEAR] = "amount >= 5.0",
    [SCENE_IS_FRAUD] = "outcome == 'fraud'",
    [SCENE_IS_ONLINE_FRAUD] = "online && outcome == 'fraud'",
    [SCENE_NOT_LEGIT] = "outcome != 'legit'",
};
static const char *const columns[SCENE_COLUMNS] = {
    [SCENE_AMOUNT] = "amount",          [SCENE_ITEMS] = "items",   [SCENE_MERCHANT] = "merchant",
    [SCENE_MERCHANT_TEXT] = "merchant", [SCENE_ONLINE] = "online", [SCENE_OPENED] = "opened",
};

/* ---- drawing ---- */

static int64_t below(struct cursor *cursor, unsigned limit) {
    return cursor_u8(cursor) % limit;
}

/* -1: the aggregate takes none. */
static int draw_column(struct cursor *cursor, enum aggregate aggregate) {
    static const int numbers[] = {SCENE_AMOUNT, SCENE_ITEMS};
    static const int ordered[] = {SCENE_AMOUNT, SCENE_ITEMS, SCENE_OPENED};
    static const int compared[] = {SCENE_AMOUNT, SCENE_ITEMS, SCENE_MERCHANT, SCENE_OPENED};
    static const int shown[] = {SCENE_AMOUNT, SCENE_MERCHANT_TEXT, SCENE_ONLINE, SCENE_OPENED};
    switch (aggregate_column_use(aggregate)) {
    case COLUMN_NUMBER:
        return numbers[below(cursor, 2)];
    case COLUMN_ORDERED:
        return ordered[below(cursor, 3)];
    case COLUMN_COMPARED:
        return compared[below(cursor, 4)];
    case COLUMN_SHOWN:
        return shown[below(cursor, 4)];
    case COLUMN_PLACED:
        return SCENE_PLACE;
    case COLUMN_NONE:
        break;
    }
    return -1;
}

/* The first feature of each entity is over the amount, so that states keep it: the naive model
 * takes a payment for another one when its amount is amended, and so does a state that keeps
 * amounts. */
static struct drawn_feature draw_feature(struct cursor *cursor, const struct drawn_policy *policy) {
    static struct scene types; /* for feature_value_type() */
    struct drawn_feature drawn = {.entity = (enum drawn_entity)below(cursor, DRAWN_ENTITIES)};
    struct feature *feature = &drawn.is;
    bool is_first = true;
    for (size_t i = 0; i < policy->feature_count; i++)
        is_first &= policy->features[i].entity != drawn.entity;
    feature->aggregate = (enum aggregate)below(cursor, AGGREGATE_TYPE_COUNT);
    feature->column = draw_column(cursor, feature->aggregate);
    if (is_first) {
        feature->aggregate = AGGREGATE_SUM;
        feature->column = SCENE_AMOUNT;
    }
    /* The first filters do not read the outcome. */
    int allowed = aggregate_takes_outcomes(feature->aggregate) ? SCENE_FILTERS : SCENE_IS_FRAUD;
    feature->filter = (int)below(cursor, (unsigned)allowed + 1) - 1;
    feature->part = -1;
    if (feature->aggregate == AGGREGATE_SHARE) {
        feature->filter = feature->filter >= 0 ? SCENE_IS_ONLINE : -1;
        drawn.condition = feature->filter < 0 ? (int)below(cursor, SCENE_FILTERS) : SCENE_IS_FRAUD;
        feature->part = feature->filter < 0 ? drawn.condition : SCENE_IS_ONLINE_FRAUD;
    }
    uint8_t how = cursor_u8(cursor);
    int64_t seconds = 2 + below(cursor, 250);
    feature->window_us = seconds * SECOND * (how & 1 ? 40 : 1);
    feature->delay_us = how & 2 ? below(cursor, 20) * SECOND : 0;
    feature->exclude_current = how & 4;
    if (feature->aggregate == AGGREGATE_QUANTILE)
        feature->q_parts = (uint16_t)(how & 8 ? 5000 : 100 * (1 + below(cursor, 99)));
    if (feature->aggregate == AGGREGATE_BURST)
        feature->tick_us = (1 + below(cursor, 255) % (seconds - 1)) * SECOND;
    scene_init(&types, 0);
    drawn.type = feature_value_type(&types.entity, feature);
    if (drawn.type == VALUE_DOUBLE && how & 16)
        feature->default_value = value_double(-1);
    return drawn;
}

static struct drawn_term draw_term(struct cursor *cursor, const struct drawn_policy *policy) {
    struct drawn_term term = {.kind = TERM_AMOUNT};
    uint8_t how = cursor_u8(cursor);
    term.operation = how % 6;
    term.constant = (int8_t)cursor_u8(cursor);
    if (policy->feature_count == 0 || how >= 240)
        return term;
    term.feature = (size_t)below(cursor, (unsigned)policy->feature_count);
    enum value_type type = policy->features[term.feature].type;
    term.kind = type == VALUE_INT || type == VALUE_DOUBLE ? TERM_COMPARED
                : type == VALUE_BOOL                      ? TERM_FLAG
                : type == VALUE_TEXT                      ? TERM_TEXT
                                                          : TERM_HAS;
    if (how >= 200)
        term.kind = how % 2 ? TERM_HAS : TERM_HAS_NOT;
    return term;
}

static struct drawn_rule draw_rule(struct cursor *cursor, const struct drawn_policy *policy) {
    static const enum verdict verdicts[] = {VERDICT_NONE, VERDICT_NONE, VERDICT_REVIEW,
                                            VERDICT_CHALLENGE, VERDICT_DECLINE};
    struct drawn_rule rule = {.term_count = 1};
    rule.terms[0] = draw_term(cursor, policy);
    uint8_t how = cursor_u8(cursor);
    if (how & 1)
        rule.terms[rule.term_count++] = draw_term(cursor, policy);
    rule.is_or = how & 2;
    rule.mode = how & 4 ? how >> 3 & 1 ? 2 : 1 : 0;
    rule.group = (how >> 4) % 3;
    rule.verdict = verdicts[below(cursor, 5)];
    rule.score = (int32_t)(10 * (below(cursor, 201) - 100));
    return rule;
}

struct drawn_policy drawn_policy_of(struct cursor *cursor) {
    struct drawn_policy policy = {.lateness_us = below(cursor, 12) * SECOND};
    size_t features = (size_t)below(cursor, DRAWN_FEATURES_MAX + 1);
    while (policy.feature_count < features) {
        struct drawn_feature feature = draw_feature(cursor, &policy);
        policy.features[policy.feature_count++] = feature;
    }
    uint8_t how = cursor_u8(cursor);
    policy.sum_at_most = how & 1 ? 1 + (int32_t)below(cursor, 250) * 4 : 0;
    int32_t least = 0;
    for (enum verdict verdict = VERDICT_REVIEW; verdict < VERDICT_COUNT; verdict++)
        if (how & 1 << verdict) {
            least += 10 * (1 + (int32_t)below(cursor, 30)); /* as scores are: they meet */
            policy.cutoffs[verdict] = least;
        }
    size_t rules = how % (DRAWN_RULES_MAX + 1);
    while (policy.rule_count < rules) {
        struct drawn_rule rule = draw_rule(cursor, &policy);
        policy.rules[policy.rule_count++] = rule;
    }
    return policy;
}

/* ---- writing ---- */

static void write_policy(const struct drawn_policy *policy, struct buffer *text) {
    const char *comma = "";
    buffer_printf(text, "policy:\n  name: drawn\n  base_currency: EUR\n  lateness: %" PRId64 "s\n",
                  policy->lateness_us / SECOND);
    buffer_printf(text, "  cutoffs: {");
    for (enum verdict verdict = VERDICT_REVIEW; verdict < VERDICT_COUNT; verdict++)
        if (policy->cutoffs[verdict]) {
            buffer_printf(text, "%s%s: %d", comma, verdict_name(verdict), policy->cutoffs[verdict]);
            comma = ", ";
        }
    buffer_printf(text, "}\ngroups:\n  total: {score: sum");
    if (policy->sum_at_most)
        buffer_printf(text, ", at_most: %d", policy->sum_at_most);
    buffer_printf(text, "}\n  highest: {score: max}\n");
}

static void write_feature(const struct drawn_feature *drawn, size_t number, struct buffer *text) {
    const struct feature *feature = &drawn->is;
    buffer_printf(text, "    - {name: f%zu, aggregate: %s, window: %" PRId64 "s", number,
                  aggregate_name(feature->aggregate), feature->window_us / SECOND);
    if (feature->delay_us)
        buffer_printf(text, ", delay: %" PRId64 "s", feature->delay_us / SECOND);
    if (feature->aggregate == AGGREGATE_SHARE)
        buffer_printf(text, ", of: \"%s\"", filters[drawn->condition]);
    else if (feature->column >= 0 && feature->column != SCENE_PLACE)
        buffer_printf(text, ", of: %s", columns[feature->column]);
    if (feature->filter >= 0)
        buffer_printf(text, ", where: \"%s\"", filters[feature->filter]);
    if (feature->exclude_current)
        buffer_printf(text, ", exclude_current: true");
    if (feature->q_parts)
        buffer_printf(text, ", q: 0.%04u", feature->q_parts);
    if (feature->tick_us)
        buffer_printf(text, ", tick: %" PRId64 "s", feature->tick_us / SECOND);
    if (feature->default_value.type != VALUE_ABSENT)
        buffer_printf(text, ", default: -1");
    buffer_printf(text, "}\n");
}

static void write_features(const struct drawn_policy *policy, struct buffer *text) {
    static const char *const names[] = {"card", "pair"};
    buffer_printf(text, "entities:\n  card: {key: card}\n  pair: {key: [card, merchant]}\n");
    const char *head = "features:\n";
    for (int entity = 0; entity < DRAWN_ENTITIES; entity++) {
        bool is_first = true;
        for (size_t i = 0; i < policy->feature_count; i++) {
            if ((int)policy->features[i].entity != entity)
                continue;
            if (is_first)
                buffer_printf(text, "%s  %s:\n", head, names[entity]);
            head = "";
            is_first = false;
            write_feature(&policy->features[i], i, text);
        }
    }
}

static void write_term(const struct drawn_policy *policy, const struct drawn_term *term,
                       struct buffer *text) {
    char name[24];
    const struct drawn_feature *feature = &policy->features[term->feature];
    snprintf(name, sizeof name, "%s.f%zu", feature->entity == DRAWN_CARD ? "card" : "pair",
             term->feature);
    switch (term->kind) {
    case TERM_COMPARED:
        if (feature->type == VALUE_INT)
            buffer_printf(text, "%s %s %" PRId64, name, operations[term->operation],
                          term->constant);
        else
            buffer_printf(text, "%s %s %.1f", name, operations[term->operation],
                          (double)term->constant / 2);
        break;
    case TERM_HAS:
        buffer_printf(text, "has(%s)", name);
        break;
    case TERM_HAS_NOT:
        buffer_printf(text, "!has(%s)", name);
        break;
    case TERM_FLAG:
        buffer_printf(text, "%s", name);
        break;
    case TERM_TEXT:
        buffer_printf(text, "%s %s 'baker'", name, term->operation % 2 ? "!=" : "==");
        break;
    case TERM_AMOUNT:
        buffer_printf(text, "amount %s %.1f", operations[term->operation],
                      (double)term->constant / 2);
        break;
    }
}

static void write_rules(const struct drawn_policy *policy, struct buffer *text) {
    static const char *const modes[] = {"live", "shadow", "off"};
    static const char *const groups[] = {"", "total", "highest"};
    buffer_printf(text, policy->rule_count ? "rules:\n" : "rules: []\n");
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct drawn_rule *rule = &policy->rules[i];
        buffer_printf(text, "  - name: r%zu\n    when: |\n      ", i);
        for (unsigned j = 0; j < rule->term_count; j++) {
            buffer_printf(text, "%s", j == 0 ? "" : rule->is_or ? " || " : " && ");
            write_term(policy, &rule->terms[j], text);
        }
        buffer_printf(text, "\n    then: {score: %d", rule->score);
        if (rule->verdict != VERDICT_NONE)
            buffer_printf(text, ", verdict: %s", verdict_name(rule->verdict));
        buffer_printf(text, "}\n    mode: %s\n", modes[rule->mode]);
        if (rule->group)
            buffer_printf(text, "    group: %s\n", groups[rule->group]);
    }
}

void drawn_policy_write(const struct drawn_policy *policy, struct buffer texts[DRAWN_TEXTS],
                        struct policy_file ret_files[DRAWN_FILES]) {
    static const char schema[] =
        "attributes:\n  items: {type: int, required: false}\n  online: {type: bool, required: "
        "false}\n  opened: {type: timestamp, required: false}\n";
    for (int i = 0; i < DRAWN_TEXTS; i++)
        buffer_clear(&texts[i]);
    write_policy(policy, &texts[0]);
    write_features(policy, &texts[1]);
    write_rules(policy, &texts[2]);
    ret_files[0] = (struct policy_file){TEXT_LITERAL("features.yaml"), buffer_text(&texts[1])};
    ret_files[1] = (struct policy_file){TEXT_LITERAL("policy.yaml"), buffer_text(&texts[0])};
    ret_files[2] = (struct policy_file){TEXT_LITERAL("rules/a.yaml"), buffer_text(&texts[2])};
    ret_files[3] = (struct policy_file){TEXT_LITERAL("schema.yaml"), text_of(schema)};
}

/* ---- deciding ---- */

enum truth3 { IS_FALSE, IS_ABSENT, IS_TRUE }; /* the lesser one is that of &&, the greater of || */

static enum truth3 compare(double left, unsigned operation, double right) {
    bool is[] = {left<right, left <= right, left> right, left >= right, left == right,
                 left != right};
    return is[operation] ? IS_TRUE : IS_FALSE;
}

static enum truth3 term_truth(const struct drawn_policy *policy, const struct drawn_term *term,
                              const struct transaction *transaction, const struct value *values) {
    const struct value *value = policy->feature_count ? &values[term->feature] : NULL;
    double half = (double)term->constant / 2;
    if (term->kind == TERM_AMOUNT)
        return transaction->currency.length == 0
                   ? IS_ABSENT
                   : compare((double)transaction->amount_minor / 100, term->operation, half);
    bool is_there = value && value->type != VALUE_ABSENT;
    if (term->kind == TERM_HAS || term->kind == TERM_HAS_NOT)
        return is_there == (term->kind == TERM_HAS) ? IS_TRUE : IS_FALSE;
    if (!is_there)
        return IS_ABSENT;
    if (term->kind == TERM_FLAG)
        return value->boolean ? IS_TRUE : IS_FALSE;
    if (term->kind == TERM_TEXT)
        return text_is(value->text, "baker") != (term->operation % 2) ? IS_TRUE : IS_FALSE;
    return value->type == VALUE_INT
               ? compare((double)value->integer, term->operation, (double)term->constant)
               : compare(value->number, term->operation, half);
}

static bool rule_fires(const struct drawn_policy *policy, const struct drawn_rule *rule,
                       const struct transaction *transaction, const struct value *values) {
    enum truth3 truth = term_truth(policy, &rule->terms[0], transaction, values);
    for (unsigned i = 1; i < rule->term_count; i++) {
        enum truth3 other = term_truth(policy, &rule->terms[i], transaction, values);
        if (rule->is_or ? other > truth : other < truth)
            truth = other;
    }
    return truth == IS_TRUE;
}

struct drawn_decision drawn_policy_decide(const struct drawn_policy *policy,
                                          const struct transaction *transaction,
                                          const struct value *values) {
    struct drawn_decision decision = {.verdict = VERDICT_APPROVE};
    int32_t alone = 0, total = 0, highest = INT32_MIN;
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct drawn_rule *rule = &policy->rules[i];
        if (rule->mode == 2 || !rule_fires(policy, rule, transaction, values))
            continue;
        if (rule->mode == 1) {
            decision.in_shadow |= 1u << i;
            continue;
        }
        decision.fired |= 1u << i;
        if (rule->verdict > decision.verdict)
            decision.verdict = rule->verdict;
        if (rule->group == 0)
            alone += rule->score;
        else if (rule->group == 1)
            total += rule->score;
        else if (rule->score > highest)
            highest = rule->score;
    }
    if (policy->sum_at_most && total > policy->sum_at_most)
        total = policy->sum_at_most;
    int32_t score = alone + total + (highest == INT32_MIN ? 0 : highest);
    decision.score = (uint32_t)(score < 0 ? 0 : score > 1000 ? 1000 : score);
    for (enum verdict verdict = VERDICT_REVIEW; verdict < VERDICT_COUNT; verdict++)
        if (policy->cutoffs[verdict] && (int64_t)decision.score >= policy->cutoffs[verdict] &&
            verdict > decision.verdict)
            decision.verdict = verdict;
    return decision;
}
