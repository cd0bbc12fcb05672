/* models.yaml, and the files of models that it names. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Once features and values are known; before thresholds. */
void load_models(struct load *load);
