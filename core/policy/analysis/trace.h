/* The values of a condition's parts: why a rule fired, or which part of it was false.
 *
 * A policy is loaded once more and keeps what a snapshot forgets: of each rule's condition and each
 * computed value every part, as its own program. So parts are evaluated by the evaluator that
 * decides, and the whole is checked against it: operators have no second implementation.
 *
 * A part within a macro depends on the macro's variable; it is evaluated for each item and has a
 * list of values. Parts of a macro within a macro are left out. */
#pragma once

#include "core/policy/load/snapshot.h"

enum trace_kind {
    TRACE_OTHER, /* arithmetic, functions, indexes */
    TRACE_NAME,  /* a field, feature or value */
    TRACE_HAS,
    TRACE_LIST,       /* in lists.NAME */
    TRACE_THRESHOLD,  /* thresholds.NAME[…] */
    TRACE_COMPARISON, /* and `in` of what is written there */
    TRACE_AND,
    TRACE_OR,
    TRACE_NOT,
    TRACE_CONDITIONAL,
    TRACE_MACRO,
    TRACE_EACH, /* what a macro evaluates: its values for the items, in a list */
};

/* A part of an expression. Literals are left out: their text is their value. */
struct trace_part {
    struct text text; /* as the policy has it, on one line; lives as long as the trace */
    enum trace_kind kind;
    unsigned depth; /* 0: the whole; its parts follow it, one deeper */
    struct value value;
    bool reached; /* the evaluator runs it: no && or || is decided before it, no branch skips it */
    bool decides; /* the result of the whole is due to this value */
    const struct list *list;           /* TRACE_LIST */
    bool was_added;                    /* the value is in it, and only by what was added */
    const struct threshold *threshold; /* TRACE_THRESHOLD */
    enum threshold_origin origin;
    size_t slot; /* TRACE_NAME: in the frame */
};

struct trace;

/* Of a policy that loads, as all that decided did; else its error. Takes no reference. */
int trace_new(const struct snapshot *snapshot, struct trace **ret_trace, struct error *ret_error);
void trace_free(struct trace *trace); /* NULL is allowed */

/* The parts of a rule's condition, or a computed value's expression, in the order they are written,
 * each followed by its own. The frame is engine_frame()'s. Values live in the frame and the arena,
 * which needs EXPRESSION_MEMORY_MAX for each part. Returns their number; 0: the arena is full. */
size_t trace_rule(const struct trace *trace, size_t rule, const struct value *frame,
                  struct arena *arena, const struct trace_part **ret_parts);
size_t trace_computed(const struct trace *trace, size_t computed, const struct value *frame,
                      struct arena *arena, const struct trace_part **ret_parts);
