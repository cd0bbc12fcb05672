/* One pass over a checked tree, operands before operators. A step is about the work of one simple
 * instruction: reading a name, comparing two numbers, looking at one item of a list.
 *
 *   name, literal                1
 *   operator, function           1, and its operands
 *   a ? b : c                    1, a, and the more expensive of b and c
 *   ==, in, [] of a map, …       1 more for each item that is looked at
 *   macro                        its range; for each item 2, 1 more if it has two variables, and
 *                                what is evaluated for it
 *   function of texts            1 more for each four bytes that they can have
 *   lastIndexOf                  and one for each 64 pairs of a byte of each of its texts
 *   matches                      see pattern_steps()
 *   function of a local time     ZONE_STEPS more with a time zone; twice that if it is computed
 *                                which one
 *
 * The numbers are upper bounds in a unit of work, not measurements: they limit what a policy may do
 * and rank its parts. What does not read the frame is computed at load and costs 1 from then on,
 * but must keep to the limit there, too. Arithmetic saturates. */
#include "cost.h"

#include "core/policy/lang/scope.h"
#include "core/policy/lists/list.h"
#include "function.h"
#include "pattern.h"

static uint32_t add(uint32_t a, uint32_t b) {
    uint32_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT32_MAX : sum;
}

static uint32_t multiply(uint32_t a, uint32_t b) {
    uint32_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT32_MAX : product;
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

/* Steps of comparing two values beyond the one for simple values: the items of lists, level by
 * level. Each key of a map is searched for among those of the other, hence the square. */
static uint32_t comparison(type_code type, uint32_t items_max) {
    uint32_t all = 0;
    for (; type_depth(type) > 0; type = type_element(type)) {
        uint32_t here = type_kind(type) == VALUE_MAP ? multiply(items_max, items_max) : items_max;
        all = multiply(larger(all, 1), here);
    }
    return all;
}

#define BYTES_PER_STEP          4u   /* of a text that is read character by character */
#define BYTES_COMPARED_PER_STEP 128u /* of two texts that are compared */
#define PAIRS_PER_STEP          64u  /* of bytes, where a text is looked for from its end */

/* Two texts are compared many bytes at a time. */
static uint32_t text_comparison(const struct syntax *a, const struct syntax *b) {
    return larger(a->text_max, b->text_max) / BYTES_COMPARED_PER_STEP;
}

/* Steps of reading a function's texts; those of a list count only for functions of all its items.
 */
static uint32_t text_steps(const struct syntax *node) {
    uint32_t steps = 0;
    if (node->function->reads_edge)
        return text_comparison(node->first->next, node->first->next);
    for (const struct syntax *operand = node->first; operand; operand = operand->next) {
        bool each = node->function->extent == FUNCTION_OF_ITEMS;
        uint32_t texts = type_depth(operand->type) == 0 ? 1 : each ? operand->items_max : 0;
        steps = add(steps, multiply(operand->text_max / BYTES_PER_STEP, texts));
    }
    if (node->function->searches_back)
        steps = add(steps,
                    multiply(node->first->text_max, node->first->next->text_max) / PAIRS_PER_STEP);
    return steps;
}

/* Joined texts have the bytes of both; what else builds a text may fill the limit, unless it only
 * takes something away. */
static void limit_text(struct syntax *node) {
    const struct function *function = node->function;
    switch (function->builds) {
    case FUNCTION_TAKES_AWAY:
        break;
    case FUNCTION_SHORT_TEXT:
        node->text_max = FUNCTION_SHORT_MAX;
        break;
    case FUNCTION_JOINS_TEXTS:
        node->text_max = add(node->first->text_max, node->last->text_max);
        break;
    case FUNCTION_FILLS_TEXT:
        node->text_max = FUNCTION_TEXT_MAX;
        break;
    }
    if (node->text_max > FUNCTION_TEXT_MAX)
        node->text_max = FUNCTION_TEXT_MAX;
}

static uint32_t extent_steps(struct syntax *node) {
    uint32_t items_max = node->first->items_max;
    switch (node->function->extent) {
    case FUNCTION_OF_ITEMS:
        return items_max;
    case FUNCTION_MAKES_PIECES: {
        const struct syntax *limit = node->operand_count > 2 ? node->last : NULL;
        node->items_max = FUNCTION_PIECES_MAX;
        if (limit && limit->kind == SYNTAX_CONSTANT && limit->constant.integer >= 0 &&
            limit->constant.integer < FUNCTION_PIECES_MAX)
            node->items_max = (uint32_t)limit->constant.integer;
        return node->items_max;
    }
    case FUNCTION_JOINS_LISTS:
        node->items_max = add(items_max, node->last->items_max);
        return node->items_max;
    case FUNCTION_OF_VALUES:
        break;
    }
    return 0;
}

/* How many times longer the subject may be than the one that pattern_steps() is computed for. */
static uint32_t subject_parts(uint32_t text_max) {
    uint32_t bytes = text_max < PATTERN_SUBJECT_MAX ? text_max : PATTERN_SUBJECT_MAX;
    return larger((bytes + PATTERN_USUAL_SUBJECT - 1) / PATTERN_USUAL_SUBJECT, 1);
}

/* A search among the changes of a zone, and one among zones: some 12 comparisons each. */
#define ZONE_STEPS 8u

static uint32_t zone_steps(const struct syntax *node) {
    return node->zones ? 2 * ZONE_STEPS : node->zone ? ZONE_STEPS : 0;
}

static uint32_t call_steps(struct syntax *node) {
    if (node->pattern)
        return multiply(pattern_steps(node->pattern), subject_parts(node->first->text_max));
    if (!node->function)
        return 0;
    uint32_t steps = add(text_steps(node), extent_steps(node));
    steps = add(steps, zone_steps(node));
    limit_text(node);
    return steps;
}

/* What is evaluated of the operands whatever happens. */
static uint32_t operand_steps(const struct syntax *node) {
    uint32_t sum = 0;
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        sum = add(sum, operand->cost);
    return sum;
}

/* Of a list that is written right of "in" the items are compared as they come. */
static uint32_t membership_steps(const struct syntax *node) {
    const struct syntax *left = node->first, *list = node->last;
    if (list->list)
        return add(left->cost, list_kind_steps(list->list->kind));
    uint32_t one = add(1, comparison(left->type, larger(left->items_max, list->items_max)));
    one = add(one, text_comparison(left, list));
    if (list->kind != SYNTAX_LIST)
        return add(left->cost + list->cost, multiply(list->items_max, one));
    uint32_t items = cost_is_constant(list) ? 0 : operand_steps(list);
    return add(left->cost, add(items, multiply((uint32_t)list->operand_count, one)));
}

static uint32_t binary_steps(struct syntax *node) {
    if (node->sign == TOKEN_IN)
        return membership_steps(node);
    uint32_t operands = operand_steps(node);
    if (node->function)
        return add(operands, call_steps(node));
    uint32_t items_max = larger(node->first->items_max, node->last->items_max);
    operands = add(operands, text_comparison(node->first, node->last));
    return add(operands, comparison(node->first->type, items_max));
}

static uint32_t macro_steps(const struct syntax *node) {
    uint32_t each = 1 + syntax_variable_count(node);
    for (const struct syntax *part = syntax_macro_parts(node); part; part = part->next)
        each = add(each, part->cost);
    return add(node->first->cost, multiply(node->first->items_max, each));
}

/* thresholds.NAME[key][key]: one look-up */
static uint32_t threshold_steps(const struct syntax *node) {
    uint32_t sum = 0;
    for (; node->kind == SYNTAX_INDEX; node = node->first)
        sum = add(sum, node->last->cost);
    return sum;
}

static uint32_t node_steps(struct syntax *node) {
    const struct syntax *first = node->first;
    switch (node->kind) {
    case SYNTAX_CONDITIONAL:
        return add(first->cost, larger(first->next->cost, node->last->cost));
    case SYNTAX_MACRO:
        return macro_steps(node);
    case SYNTAX_CALL:
        return add(operand_steps(node), call_steps(node));
    case SYNTAX_BINARY:
        return binary_steps(node);
    case SYNTAX_MAP: /* its keys are compared with each other */
        return add(operand_steps(node), comparison(node->type, node->items_max));
    case SYNTAX_MEMBER:
    case SYNTAX_INDEX:
        if (node->name)
            return threshold_steps(node);
        if (node->map_key)
            return add(operand_steps(node), first->items_max);
        break;
    default:
        break;
    }
    return operand_steps(node);
}

/* Properties of a node that follow from its operands and its name: what it reads, how large its
 * value can be. A resolved name is a leaf: what precedes its dot is not an operand. */
static void inherit(struct syntax *node) {
    node->reads_frame = node->name != NULL;
    node->reads_local = LOCAL_NONE;
    node->items_max = node->text_max = 0;
    if (node->kind == SYNTAX_CONSTANT && node->constant.type == VALUE_TEXT)
        node->text_max = (uint32_t)node->constant.text.length;
    if (node->kind == SYNTAX_NAME && node->local) {
        node->reads_local = node->local->level;
        node->items_max = node->local->items_max;
        node->text_max = node->local->text_max;
    }
    if (node->name) {
        node->items_max = node->name->items_max;
        if (node->name->type == VALUE_TEXT)
            node->text_max = node->name->text_max ? node->name->text_max : FUNCTION_TEXT_MAX;
    }
    for (const struct syntax *operand = node->first; operand; operand = operand->next) {
        node->reads_frame |= operand->reads_frame || operand->name || operand->list;
        if (operand->reads_local < node->reads_local)
            node->reads_local = operand->reads_local;
        node->items_max = larger(node->items_max, operand->items_max);
        node->text_max = larger(node->text_max, operand->text_max);
    }
    size_t entries = node->kind == SYNTAX_MAP ? node->operand_count / 2 : node->operand_count;
    if (node->kind == SYNTAX_LIST || node->kind == SYNTAX_MAP)
        node->items_max = larger(node->items_max, (uint32_t)entries);
    if (node->kind == SYNTAX_MACRO && node->reads_local >= node->local->level)
        node->reads_local = LOCAL_NONE;
}

bool cost_fill_node(struct syntax *node, struct reporter *reporter) {
    inherit(node);
    node->cost = add(1, node_steps(node));
    if (type_depth(node->type) == 0) {
        node->items_max = 0;
        if (node->type != VALUE_TEXT)
            node->text_max = 0;
    }
    bool good = node->cost <= EXPRESSION_COST_MAX;
    if (!good && reporter)
        report(reporter, node->offset, node->length,
               "this can take %u steps; expected at most %u: do less for each item, or use fewer "
               "items",
               node->cost, EXPRESSION_COST_MAX);
    if (cost_is_constant(node))
        node->cost = 1;
    return good;
}

/* A macro's variables are not expressions, nor is a list's name, what has() asks for or the rule
 * that fired() names, and the name of a feature or threshold is one node. */
static bool is_evaluated(const struct syntax *node, const struct syntax *operand) {
    if (node->kind == SYNTAX_MACRO)
        return operand != node->first->next &&
               (syntax_variable_count(node) == 1 || operand != node->first->next->next);
    if (node->kind == SYNTAX_CALL && !node->function)
        return !node->name && !operand->name;
    return !operand->list && (node->kind != SYNTAX_MEMBER || !node->name);
}

/* What is no list or text ignores these limits. */
static void limit_variables(const struct syntax *macro) {
    struct local *local = macro->local;
    for (unsigned left = syntax_variable_count(macro); left > 0; left--, local = local->outer) {
        local->items_max = macro->first->items_max;
        local->text_max = macro->first->text_max;
    }
}

bool cost_fill(struct syntax *node, struct reporter *reporter) {
    for (struct syntax *operand = node->first; operand; operand = operand->next) {
        operand->reads_local = LOCAL_NONE;
        if (is_evaluated(node, operand) && !cost_fill(operand, reporter))
            return false;
        if (node->kind == SYNTAX_MACRO && operand == node->first)
            limit_variables(node);
    }
    return cost_fill_node(node, reporter);
}
