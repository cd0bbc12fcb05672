/* Follows the archive beside the server and adds what it finds to the tables. A thread of its own.
 *
 * It reads up to the last sync mark, in portions that are each kept whole or not at all, so that
 * nothing is counted twice or can be taken back. Another archive in the place of the one that was
 * read: the tables are made again. */
#pragma once

#include "console/database/sql.h"
#include "core/base/buffer.h"
#include "server/ops/log.h"

struct reader;

struct reader_settings {
    const char *archive; /* its folder, or the data folder around it; it may come later */
    const char *folder;  /* of the console */
    struct log *log;
};

int reader_start(const struct reader_settings *settings, struct reader **ret_reader,
                 struct error *ret_error);
void reader_stop(struct reader *reader); /* waits for its end; NULL is allowed */

/* For queries: they read while the tables are written. Any thread. */
struct sql *reader_sql(const struct reader *reader);
/* Appends "read": an object with the position reached, the archive's last one, and what is wrong
 * ("": nothing). Any thread. */
void reader_write(struct reader *reader, struct buffer *out);
