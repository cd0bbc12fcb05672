#include "night_rules.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>
#include <string.h>

#define SETS_MAX ((size_t)1 << 20) /* at most some 100 MB with their members */
#define NO_RULE  UINT32_MAX

void night_rules_init(struct night_rules *rules) {
    *rules = (struct night_rules){0};
}

/* ---- tables: linear probing, at most half full ---- */

static void table_put(struct night_table *table, uint64_t hash, uint32_t index) {
    size_t at = hash & (table->size - 1);
    while (table->slots[at])
        at = (at + 1) & (table->size - 1);
    table->slots[at] = index + 1;
}

static uint64_t hash_of_rule(const struct night_rules *rules, uint32_t index) {
    return hash_text(rules->rules[index].name);
}

static uint64_t hash_of_set(const struct night_rules *rules, uint32_t index) {
    return rules->sets[index].hash;
}

static void table_grow(struct night_table *table, size_t count, const struct night_rules *rules,
                       uint64_t (*hash_of)(const struct night_rules *, uint32_t)) {
    if (2 * count < table->size)
        return;
    free(table->slots);
    table->size = table->size ? 2 * table->size : 64;
    table->slots = check_calloc(table->size, sizeof *table->slots);
    for (size_t i = 0; i < count; i++)
        table_put(table, hash_of(rules, (uint32_t)i), (uint32_t)i);
}

/* ---- rules ---- */

static uint32_t find_rule(struct night_rules *rules, struct text name) {
    uint64_t hash = hash_text(name);
    table_grow(&rules->by_name, rules->rule_count, rules, hash_of_rule);
    const struct night_table *table = &rules->by_name;
    for (size_t at = hash & (table->size - 1); table->slots[at]; at = (at + 1) & (table->size - 1))
        if (text_equal(rules->rules[table->slots[at] - 1].name, name))
            return table->slots[at] - 1;
    if (rules->rule_count == NIGHT_RULES_MAX)
        return NO_RULE;
    if (rules->rule_count == rules->rule_room) {
        rules->rule_room = rules->rule_room ? 2 * rules->rule_room : 32;
        rules->rules = check_reallocarray(rules->rules, rules->rule_room, sizeof *rules->rules);
    }
    uint32_t index = (uint32_t)rules->rule_count++;
    rules->rules[index] =
        (struct night_rule){.name = {.data = text_copy(name), .length = name.length}};
    table_put(&rules->by_name, hash, index);
    return index;
}

/* ---- sets ---- */

static bool is_set(const struct night_rules *rules, uint32_t set, uint64_t hash,
                   const uint32_t *members, size_t count) {
    const struct night_rule_set *found = &rules->sets[set];
    return found->hash == hash && found->count == count &&
           (count == 0 ||
            memcmp(rules->members + found->first, members, count * sizeof *members) == 0);
}

static uint32_t add_set(struct night_rules *rules, uint64_t hash, const uint32_t *members,
                        size_t count) {
    if (rules->set_count == SETS_MAX)
        return UINT32_MAX;
    if (rules->set_count == rules->set_room) {
        rules->set_room = rules->set_room ? 2 * rules->set_room : 64;
        rules->sets = check_reallocarray(rules->sets, rules->set_room, sizeof *rules->sets);
    }
    while (rules->member_count + count > rules->member_room) {
        rules->member_room = rules->member_room ? 2 * rules->member_room : 256;
        rules->members =
            check_reallocarray(rules->members, rules->member_room, sizeof *rules->members);
    }
    uint32_t set = (uint32_t)rules->set_count++;
    rules->sets[set] =
        (struct night_rule_set){.hash = hash, .first = rules->member_count, .count = count};
    if (count > 0)
        memcpy(rules->members + rules->member_count, members, count * sizeof *members);
    rules->member_count += count;
    table_put(&rules->by_set, hash, set);
    return set;
}

static uint32_t find_set(struct night_rules *rules, const uint32_t *members, size_t count) {
    uint64_t hash = hash64(members, count * sizeof *members, count);
    table_grow(&rules->by_set, rules->set_count, rules, hash_of_set);
    const struct night_table *table = &rules->by_set;
    for (size_t at = hash & (table->size - 1); table->slots[at]; at = (at + 1) & (table->size - 1))
        if (is_set(rules, table->slots[at] - 1, hash, members, count))
            return table->slots[at] - 1;
    return add_set(rules, hash, members, count);
}

/* ---- decisions ---- */

/* Reasons come in the order of the policy's rules, so equal sets have equal sequences. */
uint32_t night_rules_take(struct night_rules *rules, const struct decision *decision, size_t day) {
    uint32_t members[DECISION_REASONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < decision->reason_count && count < DECISION_REASONS_MAX; i++) {
        const struct reason *reason = &decision->reasons[i];
        uint32_t rule = reason->suppressed ? NO_RULE : find_rule(rules, reason->rule);
        if (rule == NO_RULE) {
            rules->others += !reason->suppressed;
            continue;
        }
        rules->rules[rule].fires[day]++;
        rules->rules[rule].is_shadow = reason->shadow;
        members[count++] = rule;
    }
    for (size_t i = 0; i < decision->failed_rule_count; i++) {
        uint32_t rule = find_rule(rules, decision->failed_rules[i]);
        if (rule != NO_RULE)
            rules->rules[rule].failures[day]++;
    }
    return find_set(rules, members, count);
}

void night_rules_label(struct night_rules *rules, uint32_t set, enum label label) {
    const struct night_rule_set *found = &rules->sets[set];
    for (size_t i = 0; i < found->count; i++) {
        struct night_rule *rule = &rules->rules[rules->members[found->first + i]];
        rule->labels[label]++;
        rule->tracked++;
    }
}

struct night_rule *night_rules_finish(struct night_rules *rules, size_t *ret_count,
                                      uint64_t *ret_others) {
    struct night_rule *handed = rules->rules;
    *ret_count = rules->rule_count;
    *ret_others = rules->others;
    free(rules->by_name.slots);
    free(rules->by_set.slots);
    free(rules->sets);
    free(rules->members);
    night_rules_init(rules);
    return handed;
}
