/* What was added to a list at run time, as a generation keeps it. Plain values;
 * core/policy/lists/list_table.h makes them fit for looking up. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <stddef.h>
#include <stdint.h>

/* One entry that is in a list because of an archive record. */
struct list_addition {
    struct text value;       /* in the one way of writing that its list has */
    int64_t expiry_time_us;  /* event times from here on do not find it; 0: it has no end */
    uint64_t position;       /* of the record */
    int64_t receive_time_us; /* likewise */
    struct text source, reason;
};

/* Some of a list's additions, by position. A list with many has several parts. */
struct list_part {
    struct text list;
    uint64_t changes;            /* of the list, so far, removals included */
    int64_t last_change_time_us; /* when the last of them was received */
    const struct list_addition *additions;
    size_t count;
};

#define LIST_PART_ADDITIONS_MAX 1000u

/* Appends its bytes: the same part gives the same bytes on every machine. */
void list_part_encode(const struct list_part *part, struct buffer *buffer);

/* Everything decoded lives in the arena. ERROR_DAMAGED, ERROR_TOO_LARGE. */
int list_part_decode(const void *bytes, size_t length, struct arena *arena,
                     struct list_part *ret_part, struct error *ret_error);
