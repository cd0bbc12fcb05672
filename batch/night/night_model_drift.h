/* What a night has to say about how far the models' inputs and scores have drifted from their
 * training. */
#pragma once

#include "night_finder.h"

void night_model_drift_find(struct finder *finder);
