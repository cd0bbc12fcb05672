/* Shared by the parts of the measurement of states (state.c): random numbers, time, plans and
 * entries. */
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
/* `draws` random numbers below `count`, where i has the weight (i + 1)^−exponent (Zipf's law). The
 * caller frees the result with free(). */
uint32_t *zipf_draws(size_t count, double exponent, size_t draws);

/* Monotonic. */
int64_t now_ns(void);

/* A transaction's entry with random values of the size of a payment's, for every column and filter
 * of the plan. Texts point to static strings. */
void fill_entry(const struct entity_plan *entity, int64_t time_us, struct entry *ret_entry);

/* rules/card-payments, and one of its entities; both end the program if it is missing. */
struct snapshot *load_card_payments(void);
const struct entity_plan *entity_of(const struct snapshot *snapshot, const char *name);
/* A plan with one entity that has ten typical features. */
void make_plan(struct plan *plan, struct entity_plan *entity);

/* Bytes of its encoding. */
size_t encoded_length(const struct entity_plan *entity, const struct state *state);

/* The parts, implemented in: */
void measure_speed(void);  /* state_speed.c */
void measure_growth(void); /* state_speed.c */
void measure_apply(void);  /* state_apply.c */
