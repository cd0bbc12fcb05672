/* What a test that tries things at random was asked for; HACKING.md shows how. */
#pragma once

#include <stdint.h>
#include <stdlib.h>

static inline uint64_t asked_number(const char *name, uint64_t usual) {
    const char *given = getenv(name);
    return given ? strtoull(given, NULL, 0) : usual;
}

static inline uint64_t asked_seed(uint64_t usual) {
    return asked_number("HARRIER_SEED", usual);
}

/* HARRIER_STEPS_PART divides the usual number: under sanitizers a step takes several times as long. */
static inline uint64_t asked_steps(uint64_t usual) {
    uint64_t part = asked_number("HARRIER_STEPS_PART", 1);
    return asked_number("HARRIER_STEPS", part > 1 ? usual / part + 1 : usual);
}
