/* Many prefilters at once. A gate is a test without which a condition cannot be true. The gates of
 * 64 conditions are kept side by side, each once with a bit for every condition that needs it,
 * ordered by kind: the loop over one kind has no branch on it. Numbers and bools are combined
 * further: prefilter_scale.h.
 *
 * A gate only ever closes conditions. What is open after all gates is followed test by test, or
 * evaluated. */
#include "prefilter_set.h"

#include "prefilter_scale.h"

#include <stdlib.h>
#include <string.h>

struct gate_run {
    const struct flag *flags, *flags_end;
    struct scales integers, numbers;
    const struct gate *gates;            /* the others */
    const struct gate *ends[GATE_KINDS]; /* [kind]: after its gates, from TEST_PRESENT on */
    /* Conditions that are their gates and nothing else: open after all of them, they are true. */
    uint64_t whole;
};

struct prefilter_set {
    const struct prefilter **prefilters;
    size_t count; /* of conditions */
    struct gate_run runs[];
};

/* ---- building ---- */

static bool is_same_payload(const struct test *a, const struct test *b) {
    switch ((enum test_kind)a->kind) {
    case TEST_INTEGER:
        return a->integer.low == b->integer.low && a->integer.high == b->integer.high;
    case TEST_NUMBER:
        return memcmp(&a->number, &b->number, sizeof a->number) == 0;
    case TEST_TEXT:
        return text_equal(a->text, b->text);
    case TEST_TEXTS:
        for (size_t i = 0; i < a->texts.count && a->texts.count == b->texts.count; i++)
            if (!value_equal(a->texts.values[i], b->texts.values[i]))
                return false;
        return a->texts.count == b->texts.count;
    case TEST_LIST:
        return a->list == b->list;
    case TEST_SAME:
        return a->same == b->same;
    case TEST_NUMBERS:
        return a->numbers.other == b->numbers.other && a->numbers.relation == b->numbers.relation &&
               memcmp(&a->numbers.factor, &b->numbers.factor, sizeof a->numbers.factor) == 0;
    default:
        return true;
    }
}

static bool is_same_test(const struct test *a, const struct test *b) {
    return a->kind == b->kind && a->slot == b->slot && a->inverted == b->inverted &&
           is_same_payload(a, b);
}

static void add_gate(struct gate *gates, size_t *count, const struct test *test,
                     uint64_t condition) {
    size_t i = 0;
    while (i < *count && !is_same_test(&gates[i].test, test))
        i++;
    if (i == *count)
        gates[(*count)++] = (struct gate){.test = *test};
    gates[i].conditions |= condition;
}

/* By kind, the most expensive last; within a kind the gate that closes most conditions first. */
static bool comes_before(const struct gate *a, const struct gate *b) {
    if (a->test.kind != b->test.kind)
        return a->test.kind < b->test.kind;
    return __builtin_popcountll(a->conditions) > __builtin_popcountll(b->conditions);
}

static void sort_gates(struct gate *gates, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct gate moved = gates[i];
        size_t at = i;
        for (; at > 0 && comes_before(&moved, &gates[at - 1]); at--)
            gates[at] = gates[at - 1];
        gates[at] = moved;
    }
}

static size_t count_until(const struct gate *gates, size_t count, enum test_kind kind) {
    size_t i = 0;
    while (i < count && gates[i].test.kind <= kind)
        i++;
    return i;
}

static void keep_gates(struct gate_run *run, const struct gate *gates, size_t count,
                       struct arena *arena) {
    size_t flags = count_until(gates, count, TEST_TRUE);
    size_t integers = count_until(gates, count, TEST_INTEGER);
    size_t combined = count_until(gates, count, TEST_NUMBER);
    run->flags = flags_build(gates, flags, arena, &run->flags_end);
    scales_build(&run->integers, gates + flags, integers - flags, arena);
    scales_build(&run->numbers, gates + integers, combined - integers, arena);
    struct gate *kept = arena_calloc(arena, count - combined, sizeof *kept);
    check(kept);
    if (count > combined)
        memcpy(kept, gates + combined, (count - combined) * sizeof *kept);
    run->gates = kept;
    for (int kind = TEST_PRESENT; kind < GATE_KINDS; kind++)
        run->ends[kind] = kept + count_until(kept, count - combined, (enum test_kind)kind);
}

/* Only the first gates of each condition count: comparing all with all to find equal ones would
 * take time in the square of their number. */
#define GATES_OF_ONE 8

static void fill_run(struct gate_run *run, const struct prefilter *const *prefilters, size_t count,
                     struct arena *arena) {
    struct gate *gates = check_calloc(count * GATES_OF_ONE, sizeof *gates);
    size_t gate_count = 0;
    *run = (struct gate_run){0};
    for (size_t i = 0; i < count; i++) {
        const struct prefilter *prefilter = prefilters[i];
        for (size_t t = 0, taken = 0; prefilter && t < prefilter->count && taken < GATES_OF_ONE;
             t++)
            if (prefilter->tests[t].is_gate) {
                add_gate(gates, &gate_count, &prefilter->tests[t], UINT64_C(1) << i);
                taken++;
            }
        if (prefilter && prefilter->is_conjunction && prefilter->count <= GATES_OF_ONE)
            run->whole |= UINT64_C(1) << i;
    }
    sort_gates(gates, gate_count);
    keep_gates(run, gates, gate_count, arena);
    free(gates);
}

const struct prefilter_set *prefilter_set_build(const struct prefilter *const *prefilters,
                                                size_t count, struct arena *arena) {
    size_t runs = (count + PREFILTER_SET_RUN - 1) / PREFILTER_SET_RUN;
    struct prefilter_set *set = arena_alloc(arena, sizeof *set + runs * sizeof *set->runs);
    const struct prefilter **kept = arena_calloc(arena, count, sizeof *kept);
    check(set && kept);
    if (count > 0)
        memcpy(kept, prefilters, count * sizeof *kept);
    set->prefilters = kept;
    set->count = count;
    for (size_t i = 0; i < runs; i++) {
        size_t first = i * PREFILTER_SET_RUN, left = count - first;
        fill_run(&set->runs[i], prefilters + first,
                 left < PREFILTER_SET_RUN ? left : PREFILTER_SET_RUN, arena);
    }
    return set;
}

/* ---- answering ---- */

/* kind: of all of them. */
INLINE struct open_tests pass(const struct gate *gate, const struct gate *end, enum test_kind kind,
                              const struct value *frame, struct open_tests state) {
    struct list_address address = {0};
    for (; gate < end; gate++) {
        if (!(state.open & gate->conditions))
            continue;
        enum outcome_of_test outcome = look(&gate->test, kind, frame, false, &address);
        if (outcome == PASSES)
            continue;
        if (outcome == UNKNOWN)
            state.doubtful |= gate->conditions;
        else
            state.open &= ~gate->conditions;
    }
    return state;
}

/* The order is that of the kinds' costs; lists come last and are asked only for conditions that
 * nothing else has closed. */
uint64_t prefilter_set_open(const struct prefilter_set *set, size_t number,
                            const struct value *frame, uint64_t *ret_sure) {
    const struct gate_run *run = &set->runs[number];
    const struct gate *gate = run->gates;
    size_t left = set->count - number * PREFILTER_SET_RUN;
    struct open_tests state = {.open = left < PREFILTER_SET_RUN ? (UINT64_C(1) << left) - 1
                                                                : UINT64_MAX};
    state = pass_flags(run->flags, run->flags_end, frame, state);
    state = pass_scales(&run->integers, TEST_INTEGER, frame, state);
    state = pass_scales(&run->numbers, TEST_NUMBER, frame, state);
#define PASS(kind)                                                                                 \
    state = pass(gate, run->ends[kind], kind, frame, state);                                       \
    gate = run->ends[kind]
    PASS(TEST_PRESENT);
    PASS(TEST_TEXT);
    PASS(TEST_TEXTS);
    PASS(TEST_NUMBERS);
    PASS(TEST_SAME);
    PASS(TEST_LIST);
#undef PASS
    *ret_sure = state.open & run->whole & ~state.doubtful;
    return state.open;
}

uint64_t prefilter_set_answer(const struct prefilter_set *set, size_t number,
                              const struct value *frame, uint64_t *ret_maybe) {
    uint64_t yes, maybe = 0, open = prefilter_set_open(set, number, frame, &yes);
    for (open &= ~yes; open; open &= open - 1) {
        unsigned i = (unsigned)__builtin_ctzll(open);
        const struct prefilter *prefilter = set->prefilters[number * PREFILTER_SET_RUN + i];
        enum prefilter_answer said =
            prefilter ? prefilter_follow(prefilter, frame) : PREFILTER_MAYBE;
        if (said == PREFILTER_YES)
            yes |= UINT64_C(1) << i;
        else if (said == PREFILTER_MAYBE)
            maybe |= UINT64_C(1) << i;
    }
    *ret_maybe = maybe;
    return yes;
}
