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

static inline uint64_t asked_steps(uint64_t usual) {
    return asked_number("HARRIER_STEPS", usual);
}
