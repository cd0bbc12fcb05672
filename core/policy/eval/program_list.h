/* The instructions for lists, maps and macros. Private to policy/.
 *
 * A macro's loop keeps on the stack
 *
 *   range    the list, or map of which it takes the keys
 *   next     int: which item is next
 *   result   so far; of exists_one an int; a list or map that still has room for more; missing
 *   item     while one is looked at: the macro's variable; of two, the index or key and then the
 *            item of the list or the value of the map
 *
 * and ends with its result alone. all and exists take absent and errors in as && and || do; in the
 * others they stay, absent before errors. */
#pragma once

#include "core/policy/lang/syntax.h"
#include "program.h"

#define LIST_LOOP_VALUES 2 /* that a loop needs beside its range, between two items */

/* top: the first free place of the stack; the range is below it. */
void list_loop_begin(struct value *top, enum macro macro, struct arena *arena);
/* Pushes the next item for one or two variables. False when there is none. */
bool list_loop_next(struct value *top, unsigned variables);
/* The item is not for the result, or with a missing value nothing is. top: of the loop without the
 * item. */
void list_loop_skip(struct value *top, const struct value *why);
/* top: the item, with what was evaluated for it after it. True: the result is final. */
bool list_loop_take(struct value *top, enum macro macro, unsigned variables);
/* top: as without the loop; puts the result in the range's place. */
void list_loop_end(struct value *top, enum macro macro);

/* The other instructions. Returns the new top. */
struct value *list_run(const struct instruction *at, struct value *top, struct arena *arena);
