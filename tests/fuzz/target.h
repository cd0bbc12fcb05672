/* A fuzz target: something that takes bytes from outside, and what must hold whatever they are.
 *
 * Each target is one file with these three functions. entry.c makes libFuzzer's entry points of
 * them, replay.c a program that runs files through the same entry points without libFuzzer.
 *
 * Inputs are taken apart with struct cursor: behind its end it yields zeros, so that every input
 * means something and a cut one means nearly the same. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Once, before the first input: what is dear to make. */
void target_start(void);

/* One input. True when it got past the first check, so that a run can tell how deep it was. What it
 * allocates it frees or uses again; a broken property ends in property(). */
bool target_run(const uint8_t *bytes, size_t size);

/* Inputs to start from, each of which target_run() must answer with true. root: the project's
 * folder, for those that are made of its files. */
struct seeds {
    void (*add)(struct seeds *self, const void *bytes, size_t size); /* copies */
};
void target_seeds(struct seeds *seeds, const char *root);

/* What must hold. Prints the sentence and aborts, as fuzzers want it. */
#define property(condition, ...)                                                                   \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            property_broken(__FILE__, __LINE__, #condition, __VA_ARGS__);                          \
    } while (0)
_Noreturn void property_broken(const char *file, int line, const char *condition,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* libFuzzer's interface, implemented by entry.c. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Of all inputs so far. */
struct target_count {
    uint64_t inputs, accepted;
};
struct target_count target_count(void);

/* SplitMix64: what seeds are made from, and what a target fills up a short input with. */
struct chance {
    uint64_t state;
};
uint64_t chance_next(struct chance *chance);
/* 0 … limit − 1 */
uint64_t chance_below(struct chance *chance, uint64_t limit);
