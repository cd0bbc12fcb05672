/* Searches of the archive, beside the server, by several threads at a time. Each has a struct find
 * of its own, which stays for the next one: its index is open, and what was read of it is verified.
 * A thread with low priority makes the index that is missing, so that no request has to. */
#pragma once

#include "core/store/find/find.h"
#include "server/ops/log.h"

struct searches;

/* archive: its folder, or the data folder around it; it may come later. Both stay the caller's. */
struct searches *searches_start(const char *archive, struct log *log);
/* No search may be under way. NULL is allowed. */
void searches_stop(struct searches *searches);

/* For one search; any thread. Give it back. */
struct searches_find {
    struct find *find;
    unsigned number; /* of its archive: another may have taken its place */
};
struct searches_find searches_take(struct searches *searches);
void searches_give(struct searches *searches, struct searches_find taken);
