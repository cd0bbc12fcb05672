/* A named list that rules look things up in: `mcc in lists.transit`, `ip in lists.blocked`.
 *
 * What it holds is of two parts. The policy's own entries never change; those that were added while
 * the server runs (list_table.h) are state and reach an expression through the frame, like
 * everything that changes. An entry with an end is there for the event times before it. */
#pragma once

#include "core/base/value.h"
#include "list_index.h"
#include "range_spans.h"

#include <stdbool.h>
#include <stddef.h>

#define LIST_NO_SLOT SIZE_MAX

struct list {
    struct text name, about;
    struct text file; /* where its own entries come from */
    enum list_kind kind;
    struct text
        protect;       /* its entries are pseudonyms: of what (struct field). Empty: they are not */
    bool card_numbers; /* what looks like one is taken */
    bool is_fixed;     /* takes no entries at run time, and those that are there do not count */
    size_t count;      /* of its own entries, each counted once */
    uint64_t contents; /* hash over these entries, in whatever order and spelling they came */
    struct list_index index;   /* of these entries, except … */
    struct range_spans ranges; /* … the ranges of integers */
    size_t slot;      /* in the frame: what was added, as list_table_value() gives it, or absent */
    size_t time_slot; /* in the frame: the transaction's event time */
};

/* Is the value, which is of list_kind_type(), in the list? bool; EXPRESSION_BAD_ARGUMENT of a
 * network list for a text that is neither an address nor a network. Pure; takes no memory. */
struct value list_contains(const struct list *list, const struct value *value,
                           const struct value *frame);

/* The address that was looked for last, so that list after list need not parse it. Zeroed: none. */
struct list_address {
    const char *data; /* whose text, not copied: it must be there from one call to the next */
    size_t length;
    struct list_network network;
};
/* The same, for lists that are asked one after the other. */
struct value list_contains_near(const struct list *list, const struct value *value,
                                const struct value *frame, struct list_address *address);

/* Do the policy's own entries hold all of this one, which is of the list's kind, at that time? */
bool list_holds(const struct list *list, const struct list_entry *entry, int64_t at_us);

/* One text in the policy's own entries, whenever it ends. */
bool list_has(const struct list *list, struct text value);

/* The value of a frame's slot for the entries that were added to a list: it points to the index. */
static inline struct value list_index_value(const struct list_index *index) {
    return value_text((struct text){.data = (const char *)index, .length = sizeof *index});
}
