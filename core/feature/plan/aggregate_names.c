#include "aggregate_names.h"

#include "core/base/check.h"

#include <stdio.h>

const char *aggregate_names_with_outcomes(char ret_names[AGGREGATE_NAMES_SIZE]) {
    size_t length = 0;
    int left = 0;
    for (int i = 0; i < AGGREGATE_TYPE_COUNT; i++)
        left += aggregate_takes_outcomes((enum aggregate)i);
    ret_names[0] = '\0';
    for (int i = 0; i < AGGREGATE_TYPE_COUNT; i++) {
        if (!aggregate_takes_outcomes((enum aggregate)i))
            continue;
        left--;
        length += (size_t)snprintf(ret_names + length, AGGREGATE_NAMES_SIZE - length, "%s%s",
                                   aggregate_name((enum aggregate)i),
                                   left > 1    ? ", "
                                   : left == 1 ? " and "
                                               : "");
        check(length < AGGREGATE_NAMES_SIZE);
    }
    return ret_names;
}
