/* Where the next page of a search begins: a position, bound to the filters of the search. */
#pragma once

#include "core/wire/types/find.h"

#define FIND_CURSOR_SIZE 33 /* 32 hex digits and a NUL */

/* Of the page with the transactions before this position. */
void find_cursor_format(const struct find_query *query, uint64_t before,
                        char ret_cursor[FIND_CURSOR_SIZE]);
/* UINT64_MAX if the query has no cursor. ERROR_INVALID: it is none, or of another search. */
int find_cursor_parse(const struct find_query *query, uint64_t *ret_before,
                      struct error *ret_error);
