/* A rule that no search finds may be one that no policy has. */
#pragma once

#include "core/base/text.h"

/* Says on standard error that none of the archive's newest policies has this rule, and which name
 * is near; nothing if one has it, or if no policy can be read. */
void find_warn_of_rule(const char *archive, struct text rule);
