/* One value of a row, from CSV or JSON. */
#pragma once

#include "core/base/text.h"

enum cell_kind {
    CELL_ABSENT, /* empty in CSV; missing, null or "" in JSON */
    CELL_TEXT,   /* everything in CSV */
    CELL_INTEGER,
    CELL_NUMBER,
    CELL_FLAG,
    CELL_NESTED, /* an object or array where a value was wanted */
};

/* Numbers and flags of JSON as text, too: 12.5 → "12.5", true → "true". Numbers with a fraction are
 * printed with the fewest digits that read back as the same double, which are those of the file for
 * up to 15 significant digits. */
struct cell {
    enum cell_kind kind;
    struct text text; /* valid until the next row */
};

struct named_cell {
    struct text name;
    struct cell cell;
};
