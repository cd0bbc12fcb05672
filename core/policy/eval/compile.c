/* The compiler: one pass over the checked tree, operands before operators, into instructions for a
 * stack machine (program.h).
 *
 * Parts that do not depend on the frame are evaluated at once and replaced by their value; if that
 * fails at run time, the error is the value. The compiler itself cannot fail: the checker has
 * bounded depth, cost and types, and check() guards what follows from that. */
#include "compile.h"

#include "core/base/check.h"
#include "core/policy/lang/scope.h"
#include "core/policy/prefilter/prefilter_build.h"
#include "cost.h"
#include "pattern.h"
#include "program.h"
#include "program_list.h"

#include <stdlib.h>

struct compiler {
    struct arena *arena;
    struct instruction *code;
    uint32_t length, capacity;
    uint32_t stack, stack_max; /* values on the stack before the next instruction */
    bool builds;
    size_t folded;                      /* bytes of the arena that folded values take */
    uint32_t locals[SYNTAX_MACROS_MAX]; /* where on the stack the variables of each level begin */
};

static void emit(struct compiler *compiler, const struct syntax *node);

/* Appends an instruction and returns its index. growth: how many values it adds to the stack. */
static uint32_t add(struct compiler *compiler, struct instruction instruction, int growth) {
    if (compiler->length == compiler->capacity) {
        compiler->capacity = compiler->capacity ? compiler->capacity * 2 : 64;
        compiler->code =
            check_reallocarray(compiler->code, compiler->capacity, sizeof(struct instruction));
    }
    compiler->code[compiler->length] = instruction;
    compiler->stack = (uint32_t)((int)compiler->stack + growth);
    if (compiler->stack > compiler->stack_max)
        compiler->stack_max = compiler->stack;
    check(compiler->stack_max <= PROGRAM_STACK_MAX);
    return compiler->length++;
}

/* Constants outlive the tree and the source, so their texts are copied into the expression's arena.
 */
static struct value kept(struct compiler *compiler, struct value v) {
    if (v.type == VALUE_TEXT) {
        v.text = arena_text(compiler->arena, v.text);
        check(v.text.data);
    }
    return v;
}

static void add_constant(struct compiler *compiler, struct value v) {
    struct value *constant = arena_alloc(compiler->arena, sizeof *constant);
    check(constant);
    *constant = v;
    add(compiler, (struct instruction){.operation = OPERATION_CONSTANT, .constant = constant}, 1);
}

/* Runs what was emitted since `start`, a whole subexpression, and replaces it by its value. All
 * folded values together may take as much memory as one evaluation, so that a policy of a few
 * kilobytes cannot load into gigabytes. */
static void fold(struct compiler *compiler, uint32_t start) {
    struct arena *arena = compiler->arena;
    size_t limit = arena->limit, before = arena->used;
    size_t left = EXPRESSION_MEMORY_MAX - compiler->folded;
    if (limit - before > left)
        arena->limit = before + left;
    add(compiler, (struct instruction){.operation = OPERATION_END}, 0);
    struct value v = program_run(compiler->code, start, compiler->stack - 1, NULL, arena);
    arena->limit = limit;
    compiler->folded += arena->used - before;
    compiler->length = start;
    compiler->stack--;
    add_constant(compiler, v);
}

static enum operation comparison(enum token_type sign) {
#define OPERATION_OF(name, relation)                                                               \
    case TOKEN_##name:                                                                             \
        return OPERATION_##name;
    switch (sign) {
        COMPARISONS(OPERATION_OF)
    default:
        return OPERATION_END; /* never: no relation has another sign */
    }
#undef OPERATION_OF
}

static void emit_operands(struct compiler *compiler, const struct syntax *node) {
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        emit(compiler, operand);
}

/* Compiles the pattern again, into the expression's arena: the checker's copy goes with the tree.
 */
static void emit_matches(struct compiler *compiler, const struct syntax *node) {
    struct pattern_diagnostic diagnostic;
    const struct pattern *pattern =
        pattern_compile(node->last->constant.text, compiler->arena, &diagnostic);
    check(pattern);
    emit(compiler, node->first);
    add(compiler, (struct instruction){.operation = OPERATION_MATCHES, .pattern = pattern}, 0);
}

static void add_call(struct compiler *compiler, const struct syntax *node, size_t count) {
    enum value_type result = type_kind(node->function->result);
    uint8_t in_place = node->function->operation;
    compiler->builds |= result == VALUE_TEXT || result == VALUE_LIST;
    add(compiler,
        (struct instruction){.operation = in_place ? in_place : OPERATION_CALL,
                             .type = node->function->is_tidy,
                             .count = (uint16_t)count,
                             .apply = node->function->apply},
        1 - (int)count);
}

/* A function of a local time: the time of the zone, then the function as of a time in UTC. */
static void emit_in_zone(struct compiler *compiler, const struct syntax *node) {
    const struct function *function = node->function;
    emit(compiler, node->first);
    if (node->zones) {
        emit(compiler, node->last);
        add(compiler,
            (struct instruction){.operation = OPERATION_LOCAL_TIME_OF, .zones = node->zones}, -1);
    } else {
        add(compiler, (struct instruction){.operation = OPERATION_LOCAL_TIME, .zone = node->zone},
            0);
    }
    compiler->builds |= function->result == VALUE_TEXT;
    add(compiler,
        (struct instruction){.operation = OPERATION_CALL,
                             .type = function->is_tidy,
                             .count = 1,
                             .apply = function->in_local_time},
        0);
}

/* f(a, b, c) of a function of two: f(f(a, b), c) */
static void emit_call(struct compiler *compiler, const struct syntax *node) {
    size_t parameters = node->function->parameter_count, waiting = 0;
    if (node->pattern) {
        emit_matches(compiler, node);
        return;
    }
    if (node->zone || node->zones) {
        emit_in_zone(compiler, node);
        return;
    }
    for (const struct syntax *operand = node->first; operand; operand = operand->next) {
        emit(compiler, operand);
        if (++waiting < parameters)
            continue;
        add_call(compiler, node, parameters);
        waiting = 1;
    }
}

static void emit_slot(struct compiler *compiler, const struct syntax *node) {
    add(compiler,
        (struct instruction){.operation = OPERATION_SLOT,
                             .type = (uint8_t)type_kind(node->name->type),
                             .slot = node->name->slot},
        1);
}

/* map.name and map[key] */
static void emit_map_and_key(struct compiler *compiler, const struct syntax *node) {
    emit(compiler, node->first);
    if (node->kind == SYNTAX_MEMBER)
        add_constant(compiler, kept(compiler, value_text(node->text)));
    else
        emit(compiler, node->last);
}

static void emit_has(struct compiler *compiler, const struct syntax *node) {
    const struct syntax *what = node->first;
    if (what->map_key) {
        emit_map_and_key(compiler, what);
        add(compiler, (struct instruction){.operation = OPERATION_HAS_KEY}, -1);
        return;
    }
    add(compiler, (struct instruction){.operation = OPERATION_HAS, .slot = what->name->slot}, 1);
}

static void emit_comparison(struct compiler *compiler, const struct syntax *node) {
    emit_operands(compiler, node);
    add(compiler, (struct instruction){.operation = (uint8_t)comparison(node->sign)}, -1);
}

/* a && b && c:  a, AND end, b, MERGE, AND end, c, MERGE, end: */
static void emit_logic(struct compiler *compiler, const struct syntax *node) {
    bool both = node->kind == SYNTAX_AND;
    emit(compiler, node->first);
    uint32_t *jumps = check_reallocarray(NULL, node->operand_count, sizeof *jumps);
    size_t jump_count = 0;
    for (const struct syntax *operand = node->first->next; operand; operand = operand->next) {
        jumps[jump_count++] = add(
            compiler,
            (struct instruction){.operation = (uint8_t)(both ? OPERATION_AND : OPERATION_OR)}, 0);
        emit(compiler, operand);
        add(compiler,
            (struct instruction){.operation =
                                     (uint8_t)(both ? OPERATION_AND_MERGE : OPERATION_OR_MERGE)},
            -1);
    }
    for (size_t i = 0; i < jump_count; i++)
        compiler->code[jumps[i]].target = compiler->length;
    free(jumps);
}

/*        [PREFILTER otherwise,] condition, BRANCH otherwise, end, value, JUMP end
 * otherwise: value
 * end: */
static void emit_conditional(struct compiler *compiler, const struct syntax *node) {
    const struct prefilter *prefilter =
        node->first->reads_frame ? prefilter_build(node->first, expression_fold, compiler->arena)
                                 : NULL;
    uint32_t at_prefilter = compiler->length;
    if (prefilter)
        add(compiler,
            (struct instruction){.operation = OPERATION_PREFILTER, .prefilter = prefilter}, 0);
    emit(compiler, node->first);
    uint32_t branch = add(compiler, (struct instruction){.operation = OPERATION_BRANCH}, -1);
    emit(compiler, node->first->next);
    uint32_t jump = add(compiler, (struct instruction){.operation = OPERATION_JUMP}, -1);
    if (prefilter && branch - at_prefilter <= UINT16_MAX) {
        compiler->code[at_prefilter].count = (uint16_t)(branch - at_prefilter);
        compiler->code[at_prefilter].target = compiler->length;
    } else if (prefilter) { /* it does nothing */
        compiler->code[at_prefilter] =
            (struct instruction){.operation = OPERATION_JUMP, .target = at_prefilter + 1};
    }
    compiler->code[branch].target = compiler->length;
    emit(compiler, node->last);
    compiler->code[branch].end = compiler->length;
    compiler->code[jump].target = compiler->length;
}

static bool all_constants(const struct syntax *list) {
    for (const struct syntax *item = list->first; item; item = item->next)
        if (item->kind != SYNTAX_CONSTANT)
            return false;
    return true;
}

static void emit_in_constants(struct compiler *compiler, const struct syntax *node) {
    const struct syntax *list = node->last;
    emit(compiler, node->first);
    struct value *constants = arena_calloc(compiler->arena, list->operand_count, sizeof *constants);
    check(constants && list->operand_count <= UINT16_MAX);
    size_t count = 0;
    for (const struct syntax *item = list->first; item; item = item->next)
        constants[count++] = kept(compiler, item->constant);
    add(compiler,
        (struct instruction){
            .operation = OPERATION_IN_CONSTANTS, .count = (uint16_t)count, .constant = constants},
        0);
}

/* value in [a, b + 1, c]: the items are compared as they are computed, without building the list.
 */
static void emit_in_items(struct compiler *compiler, const struct syntax *node) {
    emit(compiler, node->first);
    add_constant(compiler, value_bool(false));
    for (const struct syntax *item = node->last->first; item; item = item->next) {
        emit(compiler, item);
        add(compiler, (struct instruction){.operation = OPERATION_IN_ITEM}, -1);
    }
    add(compiler, (struct instruction){.operation = OPERATION_IN_END}, -1);
}

static void emit_in(struct compiler *compiler, const struct syntax *node) {
    if (node->last->list) {
        emit(compiler, node->first);
        add(compiler,
            (struct instruction){.operation = OPERATION_IN_LIST, .list = node->last->list}, 0);
    } else if (node->last->kind != SYNTAX_LIST) {
        emit_operands(compiler, node);
        add(compiler, (struct instruction){.operation = OPERATION_IN_VALUE}, -1);
    } else if (all_constants(node->last)) {
        emit_in_constants(compiler, node);
    } else {
        emit_in_items(compiler, node);
    }
}

/* ------------------------------------------------------------------------------------------------
 * Lists, maps and macros */

static void add_list(struct compiler *compiler, enum value_type type, size_t count) {
    compiler->builds = true;
    add(compiler,
        (struct instruction){.operation = OPERATION_LIST, .type = (uint8_t)type, .slot = count}, 1);
}

/* Item by item: a list may have more of them than the stack has places. */
static void emit_list(struct compiler *compiler, const struct syntax *node) {
    add_list(compiler, VALUE_LIST, node->operand_count);
    for (const struct syntax *item = node->first; item; item = item->next) {
        emit(compiler, item);
        add(compiler, (struct instruction){.operation = OPERATION_APPEND}, -1);
    }
}

static void emit_map(struct compiler *compiler, const struct syntax *node) {
    add_list(compiler, VALUE_MAP, node->operand_count);
    for (const struct syntax *key = node->first; key; key = key->next->next) {
        emit(compiler, key);
        emit(compiler, key->next);
        add(compiler, (struct instruction){.operation = OPERATION_PUT}, -2);
    }
}

static void emit_element(struct compiler *compiler, const struct syntax *node) {
    enum operation operation = node->map_key ? OPERATION_LOOK_UP : OPERATION_INDEX;
    if (node->map_key)
        emit_map_and_key(compiler, node);
    else
        emit_operands(compiler, node);
    add(compiler, (struct instruction){.operation = (uint8_t)operation}, -1);
}

static void emit_local(struct compiler *compiler, const struct syntax *node) {
    add(compiler,
        (struct instruction){.operation = OPERATION_LOCAL,
                             .slot = compiler->locals[node->local->level] + node->local->place},
        1);
}

/*       range, LOOP end
 * next: LOOP_NEXT done, [condition, LOOP_TEST next,] value, LOOP_TAKE next
 * done: LOOP_END
 * end: */
static void emit_macro(struct compiler *compiler, const struct syntax *node) {
    uint8_t macro = (uint8_t)node->macro;
    uint16_t variables = (uint16_t)syntax_variable_count(node);
    const struct syntax *part = syntax_macro_parts(node);
    compiler->builds |= node->macro == MACRO_FILTER || node->macro == MACRO_MAP ||
                        node->macro == MACRO_TRANSFORM_MAP;
    emit(compiler, node->first);
    uint32_t begin = add(compiler, (struct instruction){.operation = OPERATION_LOOP, .type = macro},
                         LIST_LOOP_VALUES);
    compiler->locals[node->local->level] = compiler->stack;
    uint32_t next =
        add(compiler, (struct instruction){.operation = OPERATION_LOOP_NEXT, .count = variables},
            variables);
    if (part->next) {
        emit(compiler, part);
        add(compiler,
            (struct instruction){
                .operation = OPERATION_LOOP_TEST, .count = variables, .target = next},
            -1);
        part = part->next;
    }
    emit(compiler, part);
    add(compiler,
        (struct instruction){
            .operation = OPERATION_LOOP_TAKE, .type = macro, .count = variables, .target = next},
        -1 - (int)variables);
    compiler->code[next].target = compiler->length;
    add(compiler, (struct instruction){.operation = OPERATION_LOOP_END, .type = macro},
        -LIST_LOOP_VALUES);
    compiler->code[begin].target = compiler->length;
}

/* ------------------------------------------------------------------------------------------------
 * The rest */

/* The keys in the order of the fields: the outermost index is the last one. */
static void emit_keys(struct compiler *compiler, const struct syntax *node) {
    if (node->kind != SYNTAX_INDEX)
        return;
    emit_keys(compiler, node->first);
    emit(compiler, node->last);
}

/* Slot and fallback do not fit the union together, so the slot is in `target`. */
static void emit_threshold(struct compiler *compiler, const struct syntax *node) {
    const struct name *name = node->name;
    emit_keys(compiler, node);
    struct value *fallback = arena_alloc(compiler->arena, sizeof *fallback);
    check(fallback && name->slot <= UINT32_MAX);
    *fallback = value_double(name->fallback);
    add(compiler,
        (struct instruction){.operation = OPERATION_THRESHOLD,
                             .count = (uint16_t)name->key_count,
                             .target = (uint32_t)name->slot,
                             .constant = fallback},
        1 - (int)name->key_count);
}

static void emit_unary(struct compiler *compiler, const struct syntax *node) {
    if (node->sign != TOKEN_NOT) {
        emit_call(compiler, node);
        return;
    }
    emit_operands(compiler, node);
    add(compiler, (struct instruction){.operation = OPERATION_NOT}, 0);
}

static void emit_name(struct compiler *compiler, const struct syntax *node) {
    if (node->local)
        emit_local(compiler, node);
    else if (node->map_key || !node->name)
        emit_element(compiler, node);
    else if (node->name->kind == NAME_THRESHOLD)
        emit_threshold(compiler, node);
    else
        emit_slot(compiler, node);
}

static void emit_function(struct compiler *compiler, const struct syntax *node) {
    if (node->name) /* fired("rule") */
        emit_slot(compiler, node);
    else if (node->function)
        emit_call(compiler, node);
    else
        emit_has(compiler, node);
}

static void emit_binary(struct compiler *compiler, const struct syntax *node) {
    if (node->sign == TOKEN_IN)
        emit_in(compiler, node);
    else if (node->function)
        emit_call(compiler, node);
    else
        emit_comparison(compiler, node);
}

static void emit_kind(struct compiler *compiler, const struct syntax *node) {
    static void (*const kinds[])(struct compiler *compiler, const struct syntax *node) = {
        [SYNTAX_NAME] = emit_name,     [SYNTAX_MEMBER] = emit_name,
        [SYNTAX_CALL] = emit_function, [SYNTAX_MACRO] = emit_macro,
        [SYNTAX_INDEX] = emit_name,    [SYNTAX_LIST] = emit_list,
        [SYNTAX_MAP] = emit_map,       [SYNTAX_UNARY] = emit_unary,
        [SYNTAX_BINARY] = emit_binary, [SYNTAX_AND] = emit_logic,
        [SYNTAX_OR] = emit_logic,      [SYNTAX_CONDITIONAL] = emit_conditional,
    };
    kinds[node->kind](compiler, node);
}

static void emit(struct compiler *compiler, const struct syntax *node) {
    if (node->kind == SYNTAX_CONSTANT) {
        add_constant(compiler, kept(compiler, node->constant));
        return;
    }
    uint32_t start = compiler->length;
    bool builds = compiler->builds;
    emit_kind(compiler, node);
    if (cost_is_constant(node)) {
        fold(compiler, start);
        compiler->builds = builds; /* what is built is built */
    }
}

/* Recognises expressions that need no program: a name, or one function of a name and constants.
 * Many derived fields are such. Fills *ret_call unless the shape is SHAPE_PROGRAM. */
static enum shape shape_of(const struct instruction *code, size_t length,
                           struct simple_call *ret_call) {
    struct simple_call call = {.count = 1};
    if (length < 2 || length > SIMPLE_CALL_MAX + 2 || code[0].operation != OPERATION_SLOT)
        return SHAPE_PROGRAM;
    call.slot = code[0].slot;
    call.type = (enum value_type)code[0].type;
    while (code[call.count].operation == OPERATION_CONSTANT && call.count < SIMPLE_CALL_MAX) {
        call.constants[call.count - 1] = code[call.count].constant;
        if (is_missing(code[call.count++].constant))
            return SHAPE_PROGRAM;
    }
    const struct instruction *last = &code[call.count];
    bool is_slot = length == 2;
    if (!is_slot && (last->operation != OPERATION_CALL || last->count != call.count ||
                     last[1].operation != OPERATION_END))
        return SHAPE_PROGRAM;
    call.apply = is_slot ? NULL : last->apply;
    call.is_tidy = !is_slot && last->type;
    *ret_call = call;
    return is_slot ? SHAPE_SLOT : SHAPE_CALL;
}

/* The instructions are collected on the heap, because their number is not known, and then copied.
 */
static const struct expression *build(const struct syntax *syntax,
                                      const struct prefilter *prefilter, struct arena *arena) {
    struct compiler compiler = {.arena = arena};
    emit(&compiler, syntax);
    add(&compiler, (struct instruction){.operation = OPERATION_END}, 0);
    struct expression *expression = arena_alloc(arena, sizeof *expression);
    struct instruction *code = arena_calloc(arena, compiler.length, sizeof *code);
    check(expression && code);
    memcpy(code, compiler.code, compiler.length * sizeof *code);
    free(compiler.code);
    *expression = (struct expression){.type = syntax->type,
                                      .cost = syntax->cost,
                                      .code = code,
                                      .length = compiler.length,
                                      .builds = compiler.builds,
                                      .prefilter = prefilter};
    expression->shape = shape_of(code, compiler.length, &expression->call);
    return expression;
}

const struct expression *expression_build_plain(const struct syntax *syntax, struct arena *arena) {
    return build(syntax, NULL, arena);
}

struct value expression_fold(const struct syntax *syntax, struct arena *arena) {
    return expression_eval(expression_build_plain(syntax, arena), NULL, arena);
}

const struct expression *expression_build(const struct syntax *syntax, struct arena *arena) {
    const struct prefilter *prefilter =
        syntax->type == VALUE_BOOL ? prefilter_build(syntax, expression_fold, arena) : NULL;
    return build(syntax, prefilter, arena);
}
