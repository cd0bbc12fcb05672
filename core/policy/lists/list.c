/* Looking up a value in both parts of a list. A lookup runs inside a condition, so it neither
 * allocates nor fails; the three kinds are separate functions to keep the common one, texts, small.
 */
#include "list.h"

#include "core/base/check.h"
#include "core/policy/lang/expression_error.h"

#include <stdlib.h>

bool list_has(const struct list *list, struct text value) {
    return list_index_has_text(&list->index, value, INT64_MIN);
}

bool list_holds(const struct list *list, const struct list_entry *entry, int64_t at_us) {
    if (list->kind == LIST_TEXTS)
        return list_index_has_text(&list->index, entry->text, at_us);
    if (list->kind == LIST_NETWORKS)
        return list_index_has_network(&list->index, &entry->network, at_us);
    return range_spans_cover(&list->ranges, entry->low, entry->high, at_us) ||
           (entry->low == entry->high && list_index_has_integer(&list->index, entry->low, at_us));
}

/* Without a time in the frame no entry has ended. */
static int64_t time_of(const struct list *list, const struct value *frame) {
    if (list->time_slot == LIST_NO_SLOT || frame[list->time_slot].type != VALUE_TIMESTAMP)
        return INT64_MIN;
    return frame[list->time_slot].integer;
}

/* The frame carries the index of the entries that were added at run time as a text whose bytes are
 * the struct itself: list_index_value(). */
static const struct list_index *added_to(const struct list *list, const struct value *frame) {
    if (list->slot == LIST_NO_SLOT || frame[list->slot].type != VALUE_TEXT)
        return NULL;
    const struct list_index *added = (const void *)frame[list->slot].text.data;
    check(added->kind == list->kind);
    return added;
}

/* Not inlined: list_contains_near() answers most lookups, those in empty lists, without a call. */
static __attribute__((noinline)) struct value has_text(const struct list *list,
                                                       const struct value *value,
                                                       const struct list_index *added,
                                                       const struct value *frame) {
    int64_t at_us = time_of(list, frame);
    return value_bool(list_index_has_text(&list->index, value->text, at_us) ||
                      (added && list_index_has_text(added, value->text, at_us)));
}

static __attribute__((noinline)) struct value has_integer(const struct list *list,
                                                          const struct value *value,
                                                          const struct list_index *added,
                                                          const struct value *frame) {
    int64_t at_us = time_of(list, frame);
    return value_bool(list_index_has_integer(&list->index, value->integer, at_us) ||
                      range_spans_has(&list->ranges, value->integer, at_us) ||
                      (added && list_index_has_integer(added, value->integer, at_us)));
}

/* Into *address, unless it is there. */
static bool parse_address(struct text text, struct list_address *address) {
    if (address->data == text.data && address->length == text.length && text.length > 0)
        return true;
    address->data = NULL;
    if (!list_network_parse(text, &address->network))
        return false;
    address->data = text.data;
    address->length = text.length;
    return true;
}

static __attribute__((noinline)) struct value
has_network(const struct list *list, const struct value *value, const struct list_index *added,
            const struct value *frame, struct list_address *address) {
    if (!parse_address(value->text, address))
        return (struct value){.type = VALUE_ERROR, .error_code = EXPRESSION_BAD_ARGUMENT};
    bool has_own = list->index.count > 0, has_added = added && added->count > 0;
    if (!has_own && !has_added)
        return value_bool(false);
    int64_t at_us = time_of(list, frame);
    return value_bool((has_own && list_index_has_network(&list->index, &address->network, at_us)) ||
                      (has_added && list_index_has_network(added, &address->network, at_us)));
}

/* Most lists that take entries at run time have none. */
struct value list_contains_near(const struct list *list, const struct value *value,
                                const struct value *frame, struct list_address *address) {
    const struct list_index *added = added_to(list, frame);
    switch (list->kind) {
    case LIST_NETWORKS:
        return has_network(list, value, added, frame, address);
    case LIST_INTEGERS:
        return has_integer(list, value, added, frame);
    case LIST_TEXTS:
    case LIST_KIND_COUNT:
        break;
    }
    if (list->index.count == 0 && (!added || added->count == 0))
        return value_bool(false);
    return has_text(list, value, added, frame);
}

struct value list_contains(const struct list *list, const struct value *value,
                           const struct value *frame) {
    struct list_address address = {0};
    return list_contains_near(list, value, frame, &address);
}
