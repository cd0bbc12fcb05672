/* The instructions for lists, maps and macros. Lists are immutable once they are finished; while
 * one is built, its builder alone holds it on the stack and appends in place. */
#include "program_list.h"

#include "core/base/check.h"
#include "function_list.h"
#include "value_order.h"

/* The places of a loop, counted back from its top between two items. */
enum { RANGE = -3, NEXT = -2, RESULT = -1 };

/* ------------------------------------------------------------------------------------------------
 * Building: the list or map that is being built is still its builder's alone */

static struct value new_value(enum value_type type, size_t count, struct arena *arena) {
    struct value_items *items = function_new_items(count, arena);
    return items ? function_items_value(type, items) : error_value(EXPRESSION_TOO_LARGE);
}

static struct value_items *being_built(struct value *v) {
    return (struct value_items *)(uintptr_t)v->items; /* new_value() made it writable */
}

/* A missing item makes the whole list missing: absent before errors, the first error before others.
 * True: there is nothing to append to any more. */
static bool keep_missing(struct value *built, const struct value *item) {
    if (built->type == VALUE_ABSENT)
        return true;
    if (item->type == VALUE_ABSENT || (item->type == VALUE_ERROR && built->type != VALUE_ERROR))
        *built = *item;
    return built->type == VALUE_ABSENT || built->type == VALUE_ERROR;
}

/* There is room: its size was known before. */
static void append(struct value *built, const struct value *item) {
    if (keep_missing(built, item))
        return;
    struct value_items *items = being_built(built);
    items->values[items->count++] = *item;
}

static void put(struct value *built, const struct value *pair) {
    const struct value *missing = program_first_missing(pair, 2);
    if (keep_missing(built, missing ? missing : &pair[0]))
        return;
    struct value_items *items = being_built(built);
    if (value_find_key(items, &pair[0])) {
        *built = error_value(EXPRESSION_REPEATED_KEY);
        return;
    }
    items->values[items->count++] = pair[0];
    items->values[items->count++] = pair[1];
}

/* ------------------------------------------------------------------------------------------------
 * Loops */

static size_t range_step(const struct value *range) {
    return range->type == VALUE_MAP ? 2 : 1;
}

void list_loop_begin(struct value *top, enum macro macro, struct arena *arena) {
    const struct value *range = &top[-1];
    top[0] = value_int(0);
    switch (macro) {
    case MACRO_ALL:
    case MACRO_EXISTS:
        top[1] = value_bool(macro == MACRO_ALL);
        break;
    case MACRO_EXISTS_ONE:
        top[1] = value_int(0);
        break;
    case MACRO_FILTER:
    case MACRO_MAP:
        top[1] = new_value(VALUE_LIST, range->items->count / range_step(range), arena);
        break;
    case MACRO_TRANSFORM_MAP:
        top[1] = new_value(VALUE_MAP, range->items->count / range_step(range) * 2, arena);
        break;
    }
}

bool list_loop_next(struct value *top, unsigned variables) {
    const struct value *range = &top[RANGE];
    size_t next = (size_t)top[NEXT].integer;
    if (next >= range->items->count)
        return false;
    if (variables == 2 && range->type == VALUE_LIST) {
        top[0] = value_int((int64_t)next);
        top[1] = range->items->values[next];
    } else {
        for (unsigned i = 0; i < variables; i++)
            top[i] = range->items->values[next + i];
    }
    top[NEXT].integer = (int64_t)(next + range_step(range));
    return true;
}

void list_loop_skip(struct value *top, const struct value *why) {
    if (is_missing(why))
        keep_missing(&top[RESULT], why);
}

/* && with `deciding` false, || with `deciding` true. */
/* The deciding value ends the loop; missing values only count if no later item decides. */
static bool take_logic(struct value *result, const struct value *v, bool deciding) {
    if (v->type == VALUE_BOOL && v->boolean == deciding) {
        *result = *v;
        return true;
    }
    keep_missing(result, v);
    return false;
}

bool list_loop_take(struct value *top, enum macro macro, unsigned variables) {
    struct value *result = &top[RESULT];
    const struct value *item = &top[0], *v = &top[variables];
    switch (macro) {
    case MACRO_ALL:
        return take_logic(result, v, false);
    case MACRO_EXISTS:
        return take_logic(result, v, true);
    case MACRO_EXISTS_ONE:
        if (!keep_missing(result, v))
            result->integer += v->boolean;
        break;
    case MACRO_FILTER:
        if (is_missing(v) || v->boolean)
            append(result, is_missing(v) ? v : item);
        break;
    case MACRO_MAP:
        append(result, v);
        break;
    case MACRO_TRANSFORM_MAP: /* no index or key comes twice */
        if (!keep_missing(result, v)) {
            append(result, item);
            append(result, v);
        }
        break;
    }
    return false;
}

void list_loop_end(struct value *top, enum macro macro) {
    const struct value *result = &top[LIST_LOOP_VALUES + RESULT];
    if (macro == MACRO_EXISTS_ONE && !is_missing(result))
        top[-1] = value_bool(result->integer == 1);
    else
        top[-1] = *result;
}

/* ------------------------------------------------------------------------------------------------
 * Lists and maps as they are */

static struct value item_at(const struct value *list, const struct value *index) {
    if (index->integer < 0 || (uint64_t)index->integer >= list->items->count)
        return error_value(EXPRESSION_OUT_OF_RANGE);
    return list->items->values[index->integer];
}

static struct value look_up(const struct value *map, const struct value *key) {
    const struct value *found = value_find_key(map->items, key);
    return found ? *found : error_value(EXPRESSION_NO_SUCH_KEY);
}

static bool is_in(const struct value *v, const struct value *all) {
    if (all->type == VALUE_MAP)
        return value_find_key(all->items, v) != NULL;
    for (size_t i = 0; i < all->items->count; i++)
        if (value_order(*v, all->items->values[i]) == 0)
            return true;
    return false;
}

static struct value of_two(enum operation operation, const struct value *pair) {
    const struct value *missing = program_first_missing(pair, 2);
    if (missing)
        return *missing;
    switch (operation) {
    case OPERATION_INDEX:
        return item_at(&pair[0], &pair[1]);
    case OPERATION_LOOK_UP:
        return look_up(&pair[0], &pair[1]);
    case OPERATION_HAS_KEY:
        return value_bool(value_find_key(pair[0].items, &pair[1]) != NULL);
    default:
        return value_bool(is_in(&pair[0], &pair[1]));
    }
}

struct value *list_run(const struct instruction *at, struct value *top, struct arena *arena) {
    switch ((enum operation)at->operation) {
    case OPERATION_LIST:
        *top = new_value((enum value_type)at->type, at->slot, arena);
        return top + 1;
    case OPERATION_APPEND:
        append(top - 2, top - 1);
        return top - 1;
    case OPERATION_PUT:
        put(top - 3, top - 2);
        return top - 2;
    default:
        top[-2] = of_two((enum operation)at->operation, top - 2);
        return top - 1;
    }
}
