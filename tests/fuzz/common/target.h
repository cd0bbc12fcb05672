/* A fuzz target: code that reads bytes from outside, and properties that must hold for any input.
 *
 * Each target is one file with the three functions below. entry.c makes libFuzzer's entry points of
 * them; replay.c is a program that feeds files to the same entry points without libFuzzer.
 *
 * Targets read their input with struct cursor. Past the end it yields zeros, so every input is
 * valid and a truncated input means nearly the same, which helps libFuzzer minimise. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/text.h"
#include "tests/split_mix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called once, before the first input: for whatever is expensive to make. */
void target_start(void);

/* Runs one input. Returns true if it got past the target's first check, so that a run can report
 * how many inputs reach the code after it. Frees or reuses what it allocates, since the process
 * runs millions of inputs. Properties are checked with property(). */
bool target_run(const uint8_t *bytes, size_t size);

/* Adds inputs to start from. root: the project's folder, for seeds made from its files. */
struct seeds {
    /* target_run() must return true for it. Copies. */
    void (*add)(struct seeds *self, const void *bytes, size_t size);
    /* Whatever it returns: an input that is refused reaches code, too. Copies. */
    void (*add_any)(struct seeds *self, const void *bytes, size_t size);
};

/* The cases of tests/cases/bad/DOOR. take: `name` is "file PATH", "request", …, as the case has it;
 * the texts are valid during the call. end: after the last one. */
struct bad_case {
    void (*take)(struct bad_case *self, struct text name, struct text content);
    void (*end)(struct bad_case *self);
};
void bad_cases(const char *root, const char *door, struct bad_case *taker);
void target_seeds(struct seeds *seeds, const char *root);

/* Checks a property. If it does not hold, prints the message and aborts, which libFuzzer records as
 * a crash. */
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

/* Totals of all inputs so far. */
struct target_count {
    uint64_t inputs, accepted;
};
struct target_count target_count(void);

/* SplitMix64, for seeds and for targets that expand a byte of input into many random choices. */
struct chance {
    uint64_t state;
};
static inline uint64_t chance_next(struct chance *chance) {
    return split_mix(&chance->state);
}
/* 0 … limit − 1 */
static inline uint64_t chance_below(struct chance *chance, uint64_t limit) {
    return chance_next(chance) % limit;
}
