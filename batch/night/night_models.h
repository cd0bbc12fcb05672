/* What a night has to say about models: training or comparison that failed, and a candidate that
 * beats the policy in force. */
#pragma once

#include "night_finder.h"

void night_models_find(struct finder *finder);
