/* Brakes in force: rules that act as if in shadow until somebody lifts the brake.
 *
 * They are kept among what was added to lists at run time, as entries of a list whose name no
 * policy can use. So wherever those additions go, the brakes go too: through the overlay, a
 * rebuild, the tables of a generation, a replay and an explanation. Each entry is a definition and
 * a name, so a brake is for a rule as it was then, with all that it reads: a changed rule is free,
 * and a rollback brings the brake back. */
#pragma once

#include "core/base/buffer.h"
#include "core/wire/bytes/list_part.h"
#include "core/wire/record/record.h"
#include "core/wire/types/decision.h"

#include <stdbool.h>
#include <stdint.h>

#define BRAKE_LIST TEXT_LITERAL("_brakes")

/* Texts as in the addition. */
struct brake {
    struct text rule;    /* "": the policy as a whole */
    uint64_t definition; /* of the rule, or of the policy */
    uint64_t position;   /* of the record that pulled it */
    int64_t pulled_us;
    struct text source, reason; /* reason: the person's, or the counts that pulled it */
};

/* What a brake can be pulled on: a rule, or the policy as a whole. */
struct brake_target {
    struct text rule;                 /* "": the policy */
    uint64_t definition, declaration; /* of struct rule, struct snapshot */
};

/* What a brake is for that a limit pulls in one arm of an experiment: the same rule in the other
 * arm keeps deciding. ARM_NONE: the definition itself, for both arms. Archives hold it. */
uint64_t brake_definition(uint64_t definition, enum arm arm);
/* Is a brake for this definition in force on what decides in this arm? Without an experiment, and
 * for who has no key, the arm is the champion's. A brake of older versions is for a declaration. */
bool brake_applies(const struct brake_target *target, bool is_challenger, uint64_t definition);

/* Appends the entry for a rule. */
void brake_put_entry(struct buffer *buffer, struct text rule, uint64_t definition);
/* false: the addition is not a brake; somebody else has written these tables. */
bool brake_read(const struct list_addition *addition, struct brake *ret_brake);

/* Appends a sentence about why it was pulled: "12 of 400 decisions, at_most 2% per 10m", or "… of
 * the challenger, at_most …", or the person's reason. */
void brake_put_reason(struct buffer *buffer, const struct brake_record *brake);
/* Appends "2% per 10m", as a policy has it. */
void brake_put_limit(struct buffer *buffer, uint32_t share_e6, int64_t per_us);
