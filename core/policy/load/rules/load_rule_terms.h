/* When, for whom and under which names a rule is in force. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Each takes the node of one key and reports what is wrong with it. */
void rule_read_tags(const struct reader *reader, const struct tree_node *node, struct rule *rule);
void rule_read_group(const struct load *load, const struct reader *reader,
                     const struct tree_node *node, struct rule *rule);
/* Either may be NULL. */
void rule_read_period(const struct reader *reader, const struct tree_node *from,
                      const struct tree_node *until, struct rule *rule);
void rule_read_rollout(const struct load *load, const struct reader *reader,
                       const struct tree_node *node, struct rule *rule);
