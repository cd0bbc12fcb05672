/* What a brake is for: a hash over what a rule does, and over what all of them do together. Private
 * to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* when, suppress: as declared; NULL: none. Its at_most counts too: whoever raises it frees the
 * rule. */
uint64_t rule_declaration(const struct load *load, const struct rule *rule,
                          const struct syntax *when, const struct tree_node *suppress);
/* The definitions of all rules, and both hashes of the policy as a whole. For a policy without
 * errors that is loaded up to the slots of its frame. */
void rules_define(struct snapshot *snapshot);
