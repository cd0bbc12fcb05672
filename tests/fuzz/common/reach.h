/* Whether an input reached code that none before it reached, by the counters of clang's
 * source-based coverage. */
#pragma once

#include <stdbool.h>

bool reach_is_counted(void); /* the program was built for it */

/* Since the last call. Costs a look at each counter. */
bool reach_is_new(void);
