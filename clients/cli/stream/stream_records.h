/* Records of Kafka → what a batch sends. */
#pragma once

#include "core/base/error.h"
#include "record_parser.h"
#include "stream_batch.h"

#include <stddef.h>

struct stream_records {
    struct record_parser *parsers[BATCH_KIND_COUNT];
    const char *source; /* of outcomes and amendments that state none; NULL: none */
};

/* maps: of each kind, NULL: none. Errors as those of record_parser_new(); close it then, too. */
int stream_records_open(struct stream_records *records, enum record_format format,
                        const char *const maps[BATCH_KIND_COUNT], const char *source,
                        struct error *ret_error);
void stream_records_close(struct stream_records *records);

/* Item `index` of the batch. 1: it has nothing to report. Errors as record_parser_transaction(). */
int stream_records_parse(const struct stream_records *records, struct stream_batch *batch,
                         size_t index, struct error *ret_error);
