/* The latency budget of a policy. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Reads "latency_budget" of policy.yaml: 1 us to 10 s. */
void load_latency_budget(struct load *load, const struct reader *reader,
                         const struct tree_node *node);
/* Once everything is loaded: reports when the worst decision (latency.h) exceeds the budget. */
void load_check_latency(struct load *load);
