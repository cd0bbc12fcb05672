/* A feature's value as a client has it, as one of core's: for printing and comparing. */
#pragma once

#include "clients/c/harrier.h"
#include "core/base/value.h"

/* Texts stay the feature's. */
struct value feature_value(const struct harrier_feature *feature);
