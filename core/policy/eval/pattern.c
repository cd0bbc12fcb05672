/* The one door to PCRE2.
 *
 * A pattern is compiled as (?s:.*?)(?:PATTERN) unless it begins with ^ on all its ways, and matched
 * from the text's first byte only, so the text is read once. Memory comes from the arena at
 * compile time and from the stack at run time, so that matching neither allocates nor shares
 * anything; PCRE2's own limits are set to what fits there. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "pattern.h"

#include "core/base/check.h"
#include "pattern_syntax.h"

#include <pcre2.h>
#include <stdio.h>

struct pattern {
    pcre2_code *code;
    uint32_t steps;
};

static const char prefix[] = "(?s:.*?)(?:", suffix[] = "\\E)"; /* \E ends an open \Q, if any */

#define OPTIONS (PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE)

/* ------------------------------------------------------------------------------------------------
 * Compiling */

static void *from_arena(size_t size, void *arena) {
    return arena_alloc(arena, size);
}

static void stays(void *memory, void *arena) {
    (void)memory;
    (void)arena;
}

static pcre2_code *compile(struct text source, pcre2_general_context *memory, int *ret_error,
                           size_t *ret_offset) {
    pcre2_compile_context *settings = pcre2_compile_context_create(memory);
    check(settings);
    pcre2_set_newline(settings, PCRE2_NEWLINE_LF); /* RE2 knows no other */
    return pcre2_compile((PCRE2_SPTR)source.data, source.length, OPTIONS, ret_error, ret_offset,
                         settings);
}

static bool is_anchored(const pcre2_code *code) {
    uint32_t options = 0;
    pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
    return options & PCRE2_ANCHORED;
}

static void refuse(struct pattern_diagnostic *diagnostic, struct text source, int error,
                   size_t offset) {
    unsigned char text[160];
    pcre2_get_error_message(error, text, sizeof text);
    snprintf(diagnostic->text, sizeof diagnostic->text, "%s", (const char *)text);
    diagnostic->offset = offset < source.length ? offset : source.length;
    diagnostic->length = diagnostic->offset < source.length;
}

/* All of the pattern: any byte may be in it. */
static struct text join(struct text before, struct text middle, struct arena *arena) {
    size_t length = before.length + middle.length + sizeof suffix - 1;
    char *bytes = arena_alloc(arena, length);
    check(bytes);
    memcpy(bytes, before.data, before.length);
    memcpy(bytes + before.length, middle.data, middle.length);
    memcpy(bytes + before.length + middle.length, suffix, sizeof suffix - 1);
    return (struct text){.data = bytes, .length = length};
}

/* PCRE2's DFA matcher visits, for each character, all states reached so far and compares each with
 * those before it, which is quadratic in the states that can stay active (`lasting`). In an
 * anchored pattern only one of those stays active. The factors are fitted to measurements with
 * texts of up to 128 bytes. */
static uint32_t steps_of(const struct pattern_syntax *syntax, bool anchored) {
    uint32_t lasting = anchored ? 0 : syntax->lasting;
    return PATTERN_USUAL_SUBJECT * (4 + syntax->states / 4 + lasting * lasting / 4);
}

const struct pattern *pattern_compile(struct text source, struct arena *arena,
                                      struct pattern_diagnostic *ret_diagnostic) {
    struct pattern *pattern = arena_alloc(arena, sizeof *pattern);
    pcre2_general_context *memory = pcre2_general_context_create(from_arena, stays, arena);
    check(pattern && memory);
    struct pattern_syntax syntax;
    if (!pattern_syntax_read(source, arena, &syntax, ret_diagnostic))
        return NULL;
    int error;
    size_t offset;
    const pcre2_code *as_written = compile(source, memory, &error, &offset);
    if (!as_written) {
        refuse(ret_diagnostic, source, error, offset);
        return NULL;
    }
    bool anchored = is_anchored(as_written);
    struct text whole = join(text_of(anchored ? "(?:" : prefix), syntax.rewritten, arena);
    pattern->code = compile(whole, memory, &error, &offset);
    if (!pattern->code) { /* too large, now that it is rewritten */
        refuse(ret_diagnostic, source, error, 0);
        return NULL;
    }
    pattern->steps = steps_of(&syntax, anchored);
    return pattern;
}

uint32_t pattern_steps(const struct pattern *pattern) {
    return pattern->steps;
}

/* ------------------------------------------------------------------------------------------------
 * Matching */

/* Three numbers for a way through the pattern, two lists of ways; a list can hold each of the at
 * most PATTERN_STATES_MAX states three times, for it is freed of doubles only when it is used. */
#define WORKSPACE (2 + 2 * 3 * 3 * (PATTERN_STATES_MAX + 32))

/* Recursive calls of the matcher: only constructs that RE2 does not have need them. */
#define RECURSION_MAX 16

/* What PCRE2 keeps beside that: sizes that do not depend on pattern or text. */
struct stack_memory {
    _Alignas(16) unsigned char bytes[1024];
    size_t used;
};

static void *from_stack(size_t size, void *stack) {
    struct stack_memory *memory = stack;
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded < size || rounded > sizeof memory->bytes - memory->used)
        return NULL;
    void *start = memory->bytes + memory->used;
    memory->used += rounded;
    return start;
}

int pattern_matches(const struct pattern *pattern, struct text subject) {
    if (subject.length > PATTERN_SUBJECT_MAX)
        return -1;
    struct stack_memory stack = {.used = 0};
    int workspace[WORKSPACE];
    pcre2_general_context *memory = pcre2_general_context_create(from_stack, stays, &stack);
    check(memory);
    pcre2_match_context *limits = pcre2_match_context_create(memory);
    pcre2_match_data *found = pcre2_match_data_create(1, memory);
    check(limits && found);
    pcre2_set_match_limit(limits, RECURSION_MAX);
    pcre2_set_depth_limit(limits, RECURSION_MAX);
    pcre2_set_heap_limit(limits, 0);
    int r = pcre2_dfa_match(pattern->code, (PCRE2_SPTR)(subject.data ? subject.data : ""),
                            subject.length, 0, PCRE2_ANCHORED | PCRE2_DFA_SHORTEST, found, limits,
                            workspace, WORKSPACE);
    return r == PCRE2_ERROR_NOMATCH ? 0 : r >= 0 ? 1 : -1;
}
