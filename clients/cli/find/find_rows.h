/* What a search has found, kept until all of it is there: columns depend on the attributes that the
 * transactions have, and the width of a table's on its cells. */
#pragma once

#include "batch/export/export.h"
#include "core/base/buffer.h"
#include "core/store/find/find.h"

struct find_rows {
    struct buffer records; /* encoded, one behind the other */
    struct kept_row *rows;
    size_t count, capacity;
    struct export_attributes attributes;
};

void find_rows_init(struct find_rows *rows);
void find_rows_deinit(struct find_rows *rows);

/* For struct find_taker; user: the rows. A copy is kept. ERROR_TOO_LARGE: too many attributes. */
int find_rows_take(void *user, const struct find_row *row, struct error *ret_error);

/* Each row as one of an export, in the order in which they were taken. */
int find_rows_emit(const struct find_rows *rows, const struct export_taker *taker,
                   struct error *ret_error);
