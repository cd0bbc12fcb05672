/* The names are those of the headers of a dead letter of `harrier stream`, where it has them. */
#include "reject_column.h"

#define PREFIX "harrier."

static const char *const names[] = {
    [REJECT_SOURCE] = PREFIX "source",
    [REJECT_LINE] = PREFIX "line",
    [REJECT_CODE] = PREFIX "code",
    [REJECT_FIELD] = PREFIX "field",
    [REJECT_REASON] = PREFIX "reason",
    [REJECT_COLUMNS] = PREFIX "columns",
    [REJECT_RAW] = PREFIX "raw",
    [REJECT_RAW_BASE64] = PREFIX "raw_base64",
    [REJECT_RECEIVED_TIME] = PREFIX "received_time",
};

const char *reject_column_name(enum reject_column column) {
    return names[column];
}

enum reject_column reject_column_parse(struct text name) {
    enum reject_column column = 0;
    while (column < REJECT_COLUMN_COUNT && !text_is(name, names[column]))
        column++;
    return column;
}

bool reject_column_is_reserved(struct text name) {
    return name.length >= sizeof PREFIX - 1 && memcmp(name.data, PREFIX, sizeof PREFIX - 1) == 0;
}
