/* Follows the archive beside the server: transactions go to the live screen, and those with the
 * verdict review to the queue; labels that others report close reviews. A thread of its own.
 *
 * It reads up to the last sync mark, so that nothing it keeps can be taken back. Where it got to is
 * kept with the reviews. Reading a record twice does no harm. */
#pragma once

#include "console/database/sql.h"
#include "core/base/buffer.h"
#include "live.h"
#include "server/ops/log.h"

struct follower;

struct follower_settings {
    const char *archive; /* its folder, or the data folder around it; it may come later */
    struct sql *sql;
    struct live *live;
    struct log *log;
    /* At the very first start: days of receipt, before today, whose reviews are taken. */
    int64_t days_before;
};

/* The settings are copied, but not what they point to. */
struct follower *follower_start(const struct follower_settings *settings);
void follower_stop(struct follower *follower); /* waits for its end; NULL is allowed */

/* Had it, a moment ago, read all that the archive has? Any thread. */
bool follower_is_current(struct follower *follower);

/* Appends "archive": an object with the position that was reached, and what is wrong ("": nothing).
 * Any thread. */
void follower_write(struct follower *follower, struct buffer *out);
