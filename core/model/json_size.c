/* Brackets and commas bound the number of values. Strings may have some, too: names do, but hardly
 * so many. */
#include "json_size.h"

#include "ubj.h"

int json_size_check(struct text file, struct error *ret_error) {
    size_t containers = 0, commas = 0;
    for (size_t i = 0; i < file.length; i++) {
        containers += file.data[i] == '{' || file.data[i] == '[';
        commas += file.data[i] == ',';
    }
    if (containers > UBJ_CONTAINERS_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "more than %u objects and arrays",
                         UBJ_CONTAINERS_MAX);
    if (commas >= UBJ_VALUES_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "more than %u values", UBJ_VALUES_MAX);
    return 0;
}
