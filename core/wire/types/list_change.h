/* An entry that is to be added to one of the policy's lists, or taken back: plain values. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define LIST_CHANGES_MAX       1000 /* of one request */
#define LIST_PAGE_MAX          1000 /* entries of one answer */
#define LIST_CHANGE_NAME_MAX   128  /* bytes */
#define LIST_CHANGE_VALUE_MAX  1024
#define LIST_CHANGE_SOURCE_MAX 128
#define LIST_CHANGE_REASON_MAX 512

struct list_change {
    struct text list, value;
    bool remove;
    int64_t expiry_time_us; /* event times from here on do not find it; 0: it has no end */
    struct text source, reason;
};

/* What every change must satisfy under any policy; *ret_field as for transaction_check(). */
int list_change_check(const struct list_change *change, struct text *ret_field,
                      struct error *ret_error);
