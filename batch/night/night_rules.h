/* Which rules fired, for the figures of a night: names become numbers, and the rules of a decision
 * a number of their set, as most transactions share few sets. Private to batch/night. */
#pragma once

#include "night_day.h"

struct night_table {
    uint32_t *slots; /* index + 1; 0: empty */
    size_t size;     /* a power of two */
};

struct night_rule_set {
    uint64_t hash;
    size_t first, count; /* in members */
};

struct night_rules {
    struct night_rule *rules;
    size_t rule_count, rule_room;
    struct night_table by_name;
    struct night_rule_set *sets;
    size_t set_count, set_room;
    struct night_table by_set;
    uint32_t *members;
    size_t member_count, member_room;
    uint64_t others;
};

void night_rules_init(struct night_rules *rules);
/* Counts the rules that fired, without those that were suppressed, and the failed ones. Returns the
 * number of their set; UINT32_MAX: there are too many sets. */
uint32_t night_rules_take(struct night_rules *rules, const struct decision *decision, size_t day);
/* One transaction of this set has this label. */
void night_rules_label(struct night_rules *rules, uint32_t set, enum label label);
/* Hands over the rules, and frees the rest. */
struct night_rule *night_rules_finish(struct night_rules *rules, size_t *ret_count,
                                      uint64_t *ret_others);
