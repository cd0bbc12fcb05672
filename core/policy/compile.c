/* One pass over the tree, operands before operators. Whatever does not depend on the frame is run
 * at once and replaced by its value; a run-time error of such a part stays what it is: a value. */
#include "compile.h"

#include "../base/check.h"
#include "program.h"
#include "scope.h"

#include <stdlib.h>

struct compiler {
    struct arena *arena;
    struct instruction *code;
    uint32_t length, capacity;
    uint32_t stack, stack_max; /* values that wait when the next instruction runs */
};

/* What emit() says of the code it made. */
struct emitted {
    bool constant; /* does not read the frame */
    uint32_t cost;
};

static struct emitted emit(struct compiler *compiler, const struct syntax *node);

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

/* Runs what was emitted since `start`, a whole subexpression, and puts its value there instead. */
static void fold(struct compiler *compiler, uint32_t start) {
    add(compiler, (struct instruction){.operation = OPERATION_END}, 0);
    struct value v = program_run(compiler->code, start, NULL, compiler->arena);
    compiler->length = start;
    compiler->stack--;
    add_constant(compiler, v);
}

static enum operation comparison(enum token_type sign) {
    switch (sign) {
    case TOKEN_EQUAL:
        return OPERATION_EQUAL;
    case TOKEN_NOT_EQUAL:
        return OPERATION_NOT_EQUAL;
    case TOKEN_LESS:
        return OPERATION_LESS;
    case TOKEN_LESS_EQUAL:
        return OPERATION_LESS_EQUAL;
    case TOKEN_GREATER:
        return OPERATION_GREATER;
    default:
        return OPERATION_GREATER_EQUAL;
    }
}

static struct emitted emit_operands(struct compiler *compiler, const struct syntax *node) {
    struct emitted all = {.constant = true, .cost = 1};
    for (const struct syntax *operand = node->first; operand; operand = operand->next) {
        struct emitted one = emit(compiler, operand);
        all.constant &= one.constant;
        all.cost += one.cost;
    }
    return all;
}

static struct emitted emit_call(struct compiler *compiler, const struct syntax *node) {
    struct emitted all = emit_operands(compiler, node);
    size_t count = node->operand_count;
    add(compiler,
        (struct instruction){
            .operation = OPERATION_CALL, .count = (uint16_t)count, .apply = node->function->apply},
        1 - (int)count);
    return all;
}

static struct emitted emit_has(struct compiler *compiler, const struct syntax *node) {
    add(compiler, (struct instruction){.operation = OPERATION_HAS, .slot = node->first->name->slot},
        1);
    return (struct emitted){.constant = false, .cost = 1};
}

static struct emitted emit_slot(struct compiler *compiler, const struct syntax *node) {
    add(compiler,
        (struct instruction){.operation = OPERATION_SLOT,
                             .type = (uint8_t)node->name->type,
                             .slot = node->name->slot},
        1);
    return (struct emitted){.constant = false, .cost = 1};
}

static struct emitted emit_comparison(struct compiler *compiler, const struct syntax *node) {
    struct emitted all = emit_operands(compiler, node);
    add(compiler, (struct instruction){.operation = (uint8_t)comparison(node->sign)}, -1);
    return all;
}

/* a && b && c:  a, AND end, b, MERGE, AND end, c, MERGE, end: */
static struct emitted emit_logic(struct compiler *compiler, const struct syntax *node) {
    bool both = node->kind == SYNTAX_AND;
    struct emitted all = emit(compiler, node->first);
    all.cost++;
    uint32_t *jumps = check_reallocarray(NULL, node->operand_count, sizeof *jumps);
    size_t jump_count = 0;
    for (const struct syntax *operand = node->first->next; operand; operand = operand->next) {
        jumps[jump_count++] = add(
            compiler,
            (struct instruction){.operation = (uint8_t)(both ? OPERATION_AND : OPERATION_OR)}, 0);
        struct emitted one = emit(compiler, operand);
        all.constant &= one.constant;
        all.cost += one.cost;
        add(compiler,
            (struct instruction){.operation =
                                     (uint8_t)(both ? OPERATION_AND_MERGE : OPERATION_OR_MERGE)},
            -1);
    }
    for (size_t i = 0; i < jump_count; i++)
        compiler->code[jumps[i]].target = compiler->length;
    free(jumps);
    return all;
}

static struct emitted emit_conditional(struct compiler *compiler, const struct syntax *node) {
    struct emitted condition = emit(compiler, node->first);
    uint32_t branch = add(compiler, (struct instruction){.operation = OPERATION_BRANCH}, -1);
    struct emitted then = emit(compiler, node->first->next);
    uint32_t jump = add(compiler, (struct instruction){.operation = OPERATION_JUMP}, -1);
    compiler->code[branch].target = compiler->length;
    struct emitted otherwise = emit(compiler, node->last);
    compiler->code[branch].end = compiler->length;
    compiler->code[jump].target = compiler->length;
    uint32_t dearer = then.cost > otherwise.cost ? then.cost : otherwise.cost;
    return (struct emitted){.constant = condition.constant && then.constant && otherwise.constant,
                            .cost = 1 + condition.cost + dearer};
}

static bool all_constants(const struct syntax *list) {
    for (const struct syntax *item = list->first; item; item = item->next)
        if (item->kind != SYNTAX_CONSTANT)
            return false;
    return true;
}

static struct emitted emit_in_constants(struct compiler *compiler, const struct syntax *node) {
    const struct syntax *list = node->last;
    struct emitted left = emit(compiler, node->first);
    struct value *constants = arena_calloc(compiler->arena, list->operand_count, sizeof *constants);
    check(constants && list->operand_count <= UINT16_MAX);
    size_t count = 0;
    for (const struct syntax *item = list->first; item; item = item->next)
        constants[count++] = kept(compiler, item->constant);
    add(compiler,
        (struct instruction){
            .operation = OPERATION_IN_CONSTANTS, .count = (uint16_t)count, .constant = constants},
        0);
    left.cost += 1 + (uint32_t)count;
    return left;
}

static struct emitted emit_in_items(struct compiler *compiler, const struct syntax *node) {
    struct emitted all = emit(compiler, node->first);
    add_constant(compiler, value_bool(false));
    for (const struct syntax *item = node->last->first; item; item = item->next) {
        struct emitted one = emit(compiler, item);
        all.constant &= one.constant;
        all.cost += 1 + one.cost;
        add(compiler, (struct instruction){.operation = OPERATION_IN_ITEM}, -1);
    }
    add(compiler, (struct instruction){.operation = OPERATION_IN_END}, -1);
    all.cost++;
    return all;
}

static struct emitted emit_in(struct compiler *compiler, const struct syntax *node) {
    if (node->last->list) {
        struct emitted left = emit(compiler, node->first);
        add(compiler,
            (struct instruction){.operation = OPERATION_IN_LIST, .list = node->last->list}, 0);
        return (struct emitted){.constant = false, .cost = left.cost + 1};
    }
    if (all_constants(node->last))
        return emit_in_constants(compiler, node);
    return emit_in_items(compiler, node);
}

/* The keys in the order of the fields: the outermost index is the last one. */
static uint32_t emit_keys(struct compiler *compiler, const struct syntax *node) {
    if (node->kind != SYNTAX_INDEX)
        return 0;
    uint32_t cost = emit_keys(compiler, node->first);
    return cost + emit(compiler, node->last).cost;
}

static struct emitted emit_threshold(struct compiler *compiler, const struct syntax *node) {
    const struct name *name = node->name;
    uint32_t cost = emit_keys(compiler, node);
    struct value *fallback = arena_alloc(compiler->arena, sizeof *fallback);
    check(fallback && name->slot <= UINT32_MAX);
    *fallback = value_double(name->fallback);
    add(compiler,
        (struct instruction){.operation = OPERATION_THRESHOLD,
                             .count = (uint16_t)name->key_count,
                             .target = (uint32_t)name->slot,
                             .constant = fallback},
        1 - (int)name->key_count);
    return (struct emitted){.constant = false, .cost = 1 + cost};
}

static struct emitted emit_unary(struct compiler *compiler, const struct syntax *node) {
    if (node->sign != TOKEN_NOT)
        return emit_call(compiler, node);
    struct emitted all = emit_operands(compiler, node);
    add(compiler, (struct instruction){.operation = OPERATION_NOT}, 0);
    return all;
}

static struct emitted emit_kind(struct compiler *compiler, const struct syntax *node) {
    switch (node->kind) {
    case SYNTAX_NAME:
    case SYNTAX_MEMBER:
        return node->name->kind == NAME_THRESHOLD ? emit_threshold(compiler, node)
                                                  : emit_slot(compiler, node);
    case SYNTAX_INDEX:
        return emit_threshold(compiler, node);
    case SYNTAX_CALL:
        return node->function ? emit_call(compiler, node) : emit_has(compiler, node);
    case SYNTAX_UNARY:
        return emit_unary(compiler, node);
    case SYNTAX_BINARY:
        if (node->sign == TOKEN_IN)
            return emit_in(compiler, node);
        return node->function ? emit_call(compiler, node) : emit_comparison(compiler, node);
    case SYNTAX_AND:
    case SYNTAX_OR:
        return emit_logic(compiler, node);
    case SYNTAX_CONDITIONAL:
        return emit_conditional(compiler, node);
    case SYNTAX_CONSTANT:
    case SYNTAX_LIST:
    case SYNTAX_MAP:
        break;
    }
    check(!"the checker lets no such node pass");
    return (struct emitted){0};
}

static struct emitted emit(struct compiler *compiler, const struct syntax *node) {
    if (node->kind == SYNTAX_CONSTANT) {
        add_constant(compiler, kept(compiler, node->constant));
        return (struct emitted){.constant = true, .cost = 1};
    }
    uint32_t start = compiler->length;
    struct emitted all = emit_kind(compiler, node);
    if (all.constant) {
        fold(compiler, start);
        all.cost = 1;
    }
    return all;
}

const struct expression *expression_build(const struct syntax *syntax, struct arena *arena) {
    struct compiler compiler = {.arena = arena};
    struct emitted all = emit(&compiler, syntax);
    add(&compiler, (struct instruction){.operation = OPERATION_END}, 0);
    struct expression *expression = arena_alloc(arena, sizeof *expression);
    struct instruction *code = arena_calloc(arena, compiler.length, sizeof *code);
    check(expression && code);
    memcpy(code, compiler.code, compiler.length * sizeof *code);
    free(compiler.code);
    *expression = (struct expression){
        .type = syntax->type, .cost = all.cost, .code = code, .length = compiler.length};
    return expression;
}
