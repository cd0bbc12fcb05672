/* A brake pulled or lifted by a person, as plain values. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define BRAKE_RULE_MAX   64 /* bytes */
#define BRAKE_SOURCE_MAX 128
#define BRAKE_REASON_MAX 512

struct brake_change {
    struct text rule; /* "" with of_policy */
    bool of_policy;   /* of all rules */
    bool pull;        /* or lift */
    /* To lift one for another declaration than that of the policy in force; 0: for this. Not to
     * pull one: brakes on what no policy has would have no end. */
    uint64_t definition;
    struct text source, reason;
};

/* The rules for every change under any policy; *ret_field as for transaction_check(). */
int brake_change_check(const struct brake_change *change, struct text *ret_field,
                       struct error *ret_error);
