/* TZif files made by a test, and the time zones of tests/cases/expressions/README.md. */
#pragma once

#include "core/base/buffer.h"
#include "core/policy/lang/zone.h"

struct tzif_change {
    int64_t time_s;
    int32_t offset_s; /* from then on */
};

/* Appends a file of version 2: first_s until the first change, the changes, the TZ string. What it
 * holds for readers of version 1 is other. */
void tzif_write(struct buffer *file, int32_t first_s, const struct tzif_change *changes,
                size_t count, const char *rule);

#define TZIF_ZONES 4
/* "Europe/Berlin" … with fewer old changes than there were. The file of each, and its name. */
const char *tzif_zone(size_t index, struct buffer *file);

/* All of them, read once. */
const struct zone_table *tzif_zone_table(void);
