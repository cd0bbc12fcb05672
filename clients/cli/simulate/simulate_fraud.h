/* What fraudsters do: campaigns that begin on some day and may go on for several.
 *
 * A campaign depends on nothing but the world, the day it begins, its kind and its number. A day's
 * fraud is what the campaigns that began on it and on the days before do on that day. */
#pragma once

#include "simulate_purchase.h"
#include "simulate_world.h"

/* Appends the fraudulent purchases of one UTC day, in no order. */
void fraud_append_day(const struct world *world, int32_t day, struct purchases *purchases);
