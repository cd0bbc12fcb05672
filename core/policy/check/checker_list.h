/* Lists and maps as values, what is read from them, and macros. Each returns the node's type, or
 * BROKEN when something was reported. Private to policy/. */
#pragma once

#include "checker_walk.h"

type_code checker_list(struct checker *checker, struct syntax *node);
type_code checker_map(struct checker *checker, struct syntax *node);
/* value[index], of anything but a threshold */
type_code checker_element(struct checker *checker, struct syntax *node);
/* map.name; the operand has been checked. */
type_code checker_selection(struct checker *checker, struct syntax *node);
/* x in y, where y is a value; x has been checked. */
type_code checker_membership(struct checker *checker, struct syntax *node);
bool checker_is_macro(const struct syntax *node);
/* The names of all macros, for suggestions; NULL after the last one. */
const char *checker_macro_name(size_t index);
type_code checker_macro(struct checker *checker, struct syntax *node);
