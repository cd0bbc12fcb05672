/* A change of one of the policy's lists at run time, an entry added or removed, as plain values. */
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
    int64_t expiry_time_us; /* transactions from this event time on do not match it; 0: never */
    struct text source, reason;
};

/* The rules for every change under any policy; *ret_field as for transaction_check(). */
int list_change_check(const struct list_change *change, struct text *ret_field,
                      struct error *ret_error);
