/* Messages Reason and Decision of harrier.proto, read and written by hand. Internal to core/wire.
 * What reads gets zeroed structs and leaves texts where they lie; what writes ends at `at`
 * (writing.h). */
#pragma once

#include "core/base/arena.h"
#include "core/wire/types/decision.h"
#include "reading.h"

/* false: not one that this version knows. */
static inline bool take_verdict(struct reading *reading, enum verdict *ret_verdict) {
    uint32_t number = take_u32(reading);
    *ret_verdict = (enum verdict)number;
    return number < VERDICT_COUNT;
}

/* The first reason's tag was taken; returns what is behind the last one. */
struct reading reasons_read(struct reading reading, uint32_t tag, struct arena *arena,
                            struct decision *decision);
/* false: it takes the generated code to know. */
bool decision_read(struct reading reading, struct arena *arena, struct decision *decision);

/* The most bytes they can take, with what comes before each. */
size_t reasons_room(const struct decision *decision);
size_t decision_room(const struct decision *decision);
/* As field `number` of another message. */
uint8_t *reasons_write(const struct decision *decision, uint32_t number, uint8_t *at);
uint8_t *decision_write(const struct decision *decision, uint32_t number, uint8_t *at);
