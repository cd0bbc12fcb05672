/* Conditions part by part, for people: each part on its line with the values it came from.
 *
 *   ✓ amount > 4.0 * card.mean_amount_30d    amount = 900, card.mean_amount_30d = 41.5, … = 166 */
#pragma once

#include "clients/c/harrier_analyst.h"
#include "core/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/* The whole condition: && and || as lists, down to comparisons; of a computed value that stands for
 * a condition, what made it true or false. */
void explain_parts_all(struct buffer *out, const struct harrier_explained_policy *policy,
                       const struct harrier_explained_part *parts, size_t count, unsigned indent);
/* Only what made it come to what it is. */
void explain_parts_deciding(struct buffer *out, const struct harrier_explained_policy *policy,
                            const struct harrier_explained_part *parts, size_t count,
                            unsigned indent);
bool explain_parts_is_true(const struct harrier_explained_part *parts, size_t count);

/* "name = value", and what it was computed from. */
void explain_parts_computed(struct buffer *out, const struct harrier_explained_computed *computed,
                            unsigned indent);
/* As people read it: texts in quotes, "absent". */
void explain_parts_value(struct buffer *out, const struct harrier_feature *value);
