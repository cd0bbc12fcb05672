/* What honest customers do on one day: purchases at the hours and places they are used to,
 * journeys, and the habits that look like fraud and are none. */
#pragma once

#include "simulate_purchase.h"
#include "simulate_world.h"

/* Appends the purchases of one customer on one UTC day, in no order. Depends on nothing but the
 * world, the customer and the day. */
void habit_append_day(const struct world *world, uint32_t customer, int32_t day,
                      struct purchases *purchases);
