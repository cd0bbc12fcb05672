/* Topics of Kafka as what an import takes: all records that are there, merged by their timestamps,
 * up to the end that the topics have at the beginning. */
#pragma once

#include "batch/import/import.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <stdbool.h>

struct topic_rows;

struct topic_row {
    const char *place;         /* "payments/3/18231": topic, partition, offset */
    struct text value;         /* the record, as it is */
    const struct error *error; /* NULL: the row is good */
    struct import_row row;     /* only then */
    struct text field;         /* of a bad one: at fault; may be empty */
};

/* url: "kafka://HOST:PORT,…/TOPIC,…". config: a file of librdkafka's properties, or NULL; map: a
 * mapping file, or NULL. ERROR_INVALID: the URL, the file or the mapping; ERROR_NOT_FOUND,
 * ERROR_UNAVAILABLE: as topic_reader_open(); ERROR_UNSUPPORTED: a build without Kafka. */
int topic_rows_open(const char *url, const char *config, bool is_protobuf, const char *map,
                    struct topic_rows **ret_rows, struct error *ret_error);
void topic_rows_close(struct topic_rows *rows); /* NULL is allowed */

/* 1: the next row, valid until the next call; 0: there are no more. *stop is looked at while it
 * waits: ERROR_INTERRUPTED. ERROR_UNAVAILABLE: nothing came for a minute. */
int topic_rows_next(struct topic_rows *rows, const volatile int *stop, struct topic_row *ret_row,
                    struct error *ret_error);
