/* The prefilters of all rules, or all filters, tested together. */
#pragma once

#include "core/base/arena.h"
#include "prefilter.h"

#include <stddef.h>
#include <stdint.h>

/* The prefilters of many conditions (NULL: the condition has none), in runs of 64. Many conditions
 * need the same test, such as `online && …`: it is done once. The set lives in the arena; the
 * prefilters must live as long. */
struct prefilter_set;
#define PREFILTER_SET_RUN 64u
const struct prefilter_set *prefilter_set_build(const struct prefilter *const *prefilters,
                                                size_t count, struct arena *arena);
/* Bit i: the answer to condition run × 64 + i may be another than PREFILTER_NO. Of those, *ret_sure
 * are PREFILTER_YES whatever prefilter_answer() would take to say so. */
uint64_t prefilter_set_open(const struct prefilter_set *set, size_t run, const struct value *frame,
                            uint64_t *ret_sure);
/* Likewise: PREFILTER_YES; *ret_maybe: PREFILTER_MAYBE; the others are PREFILTER_NO. */
uint64_t prefilter_set_answer(const struct prefilter_set *set, size_t run,
                              const struct value *frame, uint64_t *ret_maybe);
