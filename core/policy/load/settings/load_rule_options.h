/* Options that rules share with groups and with policy.yaml. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Each reads the value of one key; *ret_… is untouched when something was reported. */
bool load_rule_mode(const struct reader *reader, const struct tree_node *node,
                    enum rule_mode *ret_mode);
/* "2% per 10m" */
bool load_brake_limit(const struct reader *reader, const struct tree_node *node,
                      struct brake_limit *ret_limit);
bool load_on_error(const struct reader *reader, const struct tree_node *node,
                   enum on_error *ret_on_error);
