/* Reasons of rules, and of models. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* The sentence in a node, with expressions that may read what the scope says. Reports what is wrong
 * with it; then *ret_pieces may be left untouched. */
void load_sentence(struct load *load, const struct reader *reader, const struct tree_node *node,
                   const char *what, enum scope_reader scope,
                   const struct reason_piece **ret_pieces, size_t *ret_count);
