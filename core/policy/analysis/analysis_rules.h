/* What can be proved of rules. Private to policy/. */
#pragma once

#include "analysis_report.h"

/* Warns of rules and features' conditions that never hold, of rules that always fire, that another
 * rule makes superfluous, or that are over. */
void analyse_rules(struct analysis *analysis);
