/* Records are kept as the archive has them: the encoding is there, and small. */
#include "find_rows.h"

#include "core/base/arena.h"
#include "core/base/check.h"

#include <stdlib.h>

#define ARENA_BYTES ((size_t)64 << 20)

struct kept_row {
    size_t offset, length; /* of the record */
    uint64_t position;
    struct find_row found; /* but for the record */
};

void find_rows_init(struct find_rows *rows) {
    *rows = (struct find_rows){0};
    export_attributes_init(&rows->attributes);
}

void find_rows_deinit(struct find_rows *rows) {
    export_attributes_deinit(&rows->attributes);
    buffer_deinit(&rows->records);
    free(rows->rows);
    *rows = (struct find_rows){0};
}

int find_rows_take(void *user, const struct find_row *row, struct error *ret_error) {
    struct find_rows *rows = user;
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity ? 2 * rows->capacity : 128;
        rows->rows = check_reallocarray(rows->rows, rows->capacity, sizeof *rows->rows);
    }
    struct kept_row *kept = &rows->rows[rows->count++];
    *kept = (struct kept_row){
        .offset = rows->records.length, .position = row->record->position, .found = *row};
    record_encode(row->record, &rows->records);
    kept->length = rows->records.length - kept->offset;
    return export_attributes_add(&rows->attributes, &row->record->transaction.transaction,
                                 ret_error);
}

static int emit(const struct find_rows *rows, const struct kept_row *kept, struct arena *arena,
                const struct export_taker *taker, struct error *ret_error) {
    struct record record;
    arena_reset(arena);
    int r = record_decode(RECORD_TRANSACTION, rows->records.bytes + kept->offset, kept->length,
                          arena, &record, ret_error);
    if (r < 0)
        return r;
    record.position = kept->position;
    const struct export_row row = {
        .record = &record,
        .label = kept->found.label,
        .outcome_us = kept->found.outcome_us,
        .outcome_known_us = kept->found.outcome_known_us,
        .is_amended = kept->found.is_amended,
        .amended = kept->found.amended,
        .amended_us = kept->found.amended_us,
    };
    return taker->take(taker->user, &row, ret_error);
}

int find_rows_emit(const struct find_rows *rows, const struct export_taker *taker,
                   struct error *ret_error) {
    struct arena arena;
    int r = 0;
    arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < rows->count && r == 0; i++)
        r = emit(rows, &rows->rows[i], &arena, taker, ret_error);
    arena_deinit(&arena);
    return r;
}
