/* Errors of calls: functions that do not exist, and literal arguments that always fail. */
#pragma once

#include "core/policy/lang/syntax.h"
#include "core/policy/source/reporter.h"

/* Reports a call that no row of the function table fits: what was expected, or the near name. */
void call_report_unknown(const struct syntax *call, struct reporter *reporter);

/* Literal arguments that always fail are reported at load: duration("1 day"),
 * network(ip, 33, 48). The call has its function. false when something was reported. */
bool call_check_literals(const struct syntax *call, struct reporter *reporter);

/* Compiles the pattern of matches() into node->pattern; other calls are good as they are. false
 * when something was reported. */
bool call_check_pattern(struct syntax *call, struct text source, struct arena *scratch,
                        struct reporter *reporter);
