/* What was added to a list at run time, as a generation stores it. Plain values;
 * core/policy/lists/list_table.h prepares them for look-ups. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <stddef.h>
#include <stdint.h>

/* An entry that an archive record added to a list. */
struct list_addition {
    struct text value;       /* in the canonical form of its list */
    int64_t expiry_time_us;  /* transactions from this event time on do not match it; 0: never */
    uint64_t position;       /* of the record */
    int64_t receive_time_us; /* likewise */
    struct text source, reason;
};

/* Some of a list's additions, in the order of positions. A list with many has several parts, so
 * that no value in a table gets too large. */
struct list_part {
    struct text list;
    uint64_t changes;            /* of the list in all, with removals */
    int64_t last_change_time_us; /* when the last of them was received */
    const struct list_addition *additions;
    size_t count;
};

#define LIST_PART_ADDITIONS_MAX 1000u

/* Appends its bytes. The same part gives the same bytes on every machine. */
void list_part_encode(const struct list_part *part, struct buffer *buffer);

/* Everything decoded lives in the arena. ERROR_DAMAGED, ERROR_TOO_LARGE. */
int list_part_decode(const void *bytes, size_t length, struct arena *arena,
                     struct list_part *ret_part, struct error *ret_error);
