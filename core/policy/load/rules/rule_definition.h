/* What a brake is for: a hash over what a rule does, and over what all of them do together. Private
 * to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* when, suppress: as declared; NULL: none. Its at_most counts too: whoever raises it frees the
 * rule. */
uint64_t rule_definition(const struct load *load, const struct rule *rule,
                         const struct syntax *when, const struct tree_node *suppress);
/* Of the policy as a whole, once its rules are read. */
uint64_t rules_definition(const struct snapshot *snapshot);
