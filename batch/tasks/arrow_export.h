/* Record batches for the Arrow C data interface. Private to batch/ and clients/. */
#pragma once

#include "arrow_abi.h"

#include <stddef.h>

/* A record batch of so many columns and rows, which the consumer releases. Every column must be
 * given to it before. */
void arrow_export_begin(size_t columns, size_t rows, struct ArrowSchema *ret_schema,
                        struct ArrowArray *ret_array);

struct arrow_column {
    const char *name, *format; /* copied; the format as the specification of the interface has it */
    void *presence;            /* a bit for each row; NULL: all are there */
    void *values;
    void *bytes; /* of binaries and texts, whose values are offsets in it; else NULL */
};
/* Takes over the column's buffers, which are heap memory. */
void arrow_export_column(size_t index, const struct arrow_column *column,
                         struct ArrowSchema *schema, struct ArrowArray *array);
