/* A glance: gathering from a state that has nothing but a few raw entries, as most have. Internal
 * to core/feature; state_read() tries it before gather_state(). */
#pragma once

#include "gather.h"

/* After gather_open(): gathers what gather_begin() and gather_state() would. False: the state is
 * not one of those, and nothing was gathered. */
bool glance(struct gather *gather, const struct parts *parts);
