/* Messages Reason and Decision of harrier.proto by the fast reader and writer (reading.h,
 * writing.h). Internal to core/wire. Readers get zeroed structs and leave texts in the bytes;
 * writers put their bytes before `at`. */
#pragma once

#include "core/base/arena.h"
#include "core/wire/types/decision.h"
#include "reading.h"

/* false: this version does not know the verdict. */
static inline bool take_verdict(struct reading *reading, enum verdict *ret_verdict) {
    uint32_t number = take_u32(reading);
    *ret_verdict = (enum verdict)number;
    return number < VERDICT_COUNT;
}

/* false: this version does not know the arm. */
static inline bool take_arm(struct reading *reading, enum arm *ret_arm) {
    uint32_t number = take_u32(reading);
    *ret_arm = (enum arm)number;
    return number < ARM_COUNT;
}

/* Reads all reasons; the tag of the first was already taken. Returns the reading after the last. */
struct reading reasons_read(struct reading reading, uint32_t tag, struct arena *arena,
                            struct decision *decision);
/* The same for decision.failed_rules. */
struct reading failed_rules_read(struct reading reading, uint32_t tag, struct arena *arena,
                                 struct decision *decision);
/* false: leave the message to the generated code. */
bool decision_read(struct reading reading, struct arena *arena, struct decision *decision);

/* Upper bounds of their bytes, with tags and lengths. */
size_t reasons_room(const struct decision *decision);
size_t failed_rules_room(const struct decision *decision);
size_t decision_room(const struct decision *decision);
/* As field `number` of another message. */
uint8_t *reasons_write(const struct decision *decision, uint32_t number, uint8_t *at);
uint8_t *failed_rules_write(const struct decision *decision, uint32_t number, uint8_t *at);
uint8_t *decision_write(const struct decision *decision, uint32_t number, uint8_t *at);
