/* What the parts of the measurement of states (state.c) share: chance, time, and what they are
 * measured with. */
#pragma once

#include "core/feature/state/state.h"
#include "core/policy/load/snapshot.h"

#include <stddef.h>
#include <stdint.h>

#define SECOND INT64_C(1000000)
#define DAY    (86400 * SECOND)
#define START  (INT64_C(20454) * DAY)

/* SplitMix64, from the same seed in every run. */
uint64_t chance(void);
double chance_unit(void);
/* Numbers below count, the i-th with a weight of (i + 1)^−exponent, in the order of a hash. The
 * caller's to free(). */
uint32_t *zipf_draws(size_t count, double exponent, size_t draws);

int64_t now_ns(void);

/* Values of the sizes that payments have. */
void fill_entry(const struct entity_plan *entity, int64_t time_us, struct entry *ret_entry);

/* rules/card-payments, and one of its entities; end the program if they are not there. */
struct snapshot *load_card_payments(void);
const struct entity_plan *entity_of(const struct snapshot *snapshot, const char *name);
/* An entity with ten features as a policy has them. */
void make_plan(struct plan *plan, struct entity_plan *entity);

/* The parts. */
void measure_speed(void);  /* state_speed.c */
void measure_growth(void); /* state_speed.c */
void measure_apply(void);  /* state_apply.c */
