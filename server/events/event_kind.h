/* The kinds of events: the words of the option `events`, and of the member "event". */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stdint.h>

/* In the order in which messages list them. Add names; never change one. */
enum event_kind {
    EVENT_VERDICT_APPROVE,
    EVENT_VERDICT_REVIEW,
    EVENT_VERDICT_CHALLENGE,
    EVENT_VERDICT_DECLINE,
    EVENT_BRAKE,
    EVENT_NIGHT_DONE,
    EVENT_NIGHT_FAILED,
    EVENT_NIGHT_HELD_BACK,
    EVENT_POLICY_ADOPTED,
    EVENT_POLICY_REFUSED,
    EVENT_GENERATION_ADOPTED,
    EVENT_GENERATION_REFUSED,
    EVENT_ARCHIVE_FAILED,
    EVENT_ARCHIVE_RECOVERED,
    EVENT_TOKEN_REFUSED,
    EVENT_STATE,
    EVENT_KIND_COUNT
};

/* "verdict:decline", "brake", … */
const char *event_kind_name(enum event_kind kind);

/* A set of kinds. */
static inline uint32_t event_kind_bit(enum event_kind kind) {
    return UINT32_C(1) << kind;
}

/* Adds the kind to *kinds. ERROR_INVALID: no such name; the message lists them all. */
int event_kind_add(struct text name, uint32_t *kinds, struct error *ret_error);
