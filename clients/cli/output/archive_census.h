/* What an archive holds, counted record by record without trusting what the records say of each
 * other: a transaction's label is that of its last outcome, ids are counted by themselves. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/store/archive/archive.h"
#include "core/wire/record/record.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct archive_census {
    uint64_t before; /* position before the first record: 0, or that of a folder of archive_cut() */
    uint64_t records, by_type[RECORD_TYPE_COUNT];
    uint64_t segments;
    char *segment;           /* the last one seen */
    struct buffer labels;    /* by position after `before`: 0 no transaction, else 1 + enum label */
    struct buffer id_hashes; /* uint64_t of each transaction's id */
    int64_t first_event_us, last_event_us;
    struct archive_place end, synced; /* filled by the caller before printing */
};

void archive_census_init(struct archive_census *census, uint64_t before);
void archive_census_deinit(struct archive_census *census);

/* file: the segment the record is in. ERROR_DAMAGED: an outcome of what is no transaction. Labels
 * of transactions up to `before` are not counted. */
int archive_census_add(struct archive_census *census, const struct record *record, const char *file,
                       struct error *ret_error);

/* Transactions whose last outcome says this label. */
uint64_t archive_census_labelled(const struct archive_census *census, enum label label);
/* Different transaction ids (by their 64-bit hashes). Sorts; call it when all are added. */
uint64_t archive_census_ids(struct archive_census *census);

void archive_census_print(struct archive_census *census, bool json, FILE *to);
