/* Rows that are kept until their outcomes are due, in case these are refused: in a file without a
 * name, since there may be millions. Not thread-safe. */
#pragma once

#include "clients/cli/rows/row_original.h"
#include "core/base/arena.h"
#include "core/base/error.h"

#include <stdint.h>

struct row_spool;

/* The file lies in the folder of this path or, where there can be none, in that for temporary
 * files. */
int row_spool_open(const char *path, struct row_spool **ret_spool, struct error *ret_error);
void row_spool_close(struct row_spool *spool); /* NULL is allowed */

/* ERROR_SYSTEM. *ret_offset: where to read it. */
int row_spool_add(struct row_spool *spool, const struct row_original *row, uint64_t *ret_offset,
                  struct error *ret_error);
/* Texts are in the arena. ERROR_SYSTEM; ERROR_TOO_LARGE: the arena is full. */
int row_spool_read(struct row_spool *spool, uint64_t offset, struct arena *arena,
                   struct row_original *ret_row, struct error *ret_error);
