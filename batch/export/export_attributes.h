/* The attributes that transactions of an export have, so that a file with a header can be written:
 * each name once, sorted, with all types it occurs with. */
#pragma once

#include "core/base/error.h"
#include "core/wire/types/transaction.h"

#include <stddef.h>

#define EXPORT_ATTRIBUTES_MAX 4096

struct export_attribute {
    struct text name; /* heap memory of the set */
    unsigned types;   /* bit n: it occurs with enum attribute_type n */
};

struct export_attributes {
    struct export_attribute *attributes;
    size_t count, capacity;
};

void export_attributes_init(struct export_attributes *set);
void export_attributes_deinit(struct export_attributes *set);

/* Those of one more transaction. ERROR_TOO_LARGE: more than EXPORT_ATTRIBUTES_MAX different names.
 */
int export_attributes_add(struct export_attributes *set, const struct transaction *transaction,
                          struct error *ret_error);

/* The index of a name. SIZE_MAX: there is none. */
size_t export_attributes_find(const struct export_attributes *set, struct text name);
