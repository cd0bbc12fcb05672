/* Lines of text, as JSON lines have them: one a row, blank ones skipped. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "input.h"

#include <stdbool.h>
#include <stdint.h>

#define JSON_LINE_MAX (1u << 20) /* bytes of a row */
/* With keeps_long: a longer one cannot be kept, and ends the reading. */
#define JSON_LINE_KEPT_MAX (16u << 20)
/* What a file of refused rows adds to a row, at most. */
#define JSON_REJECT_MEMBERS_MAX (16u << 10)

struct json_lines {
    struct byte_source *source;
    struct text chunk; /* what is left of it */
    uint64_t line;     /* of the last one, from 1 */
    struct buffer bytes;
    bool keeps_long; /* bytes also has lines that are too long */
};

void json_lines_init(struct json_lines *lines, struct byte_source *source);
void json_lines_deinit(struct json_lines *lines);

enum json_lines_result {
    JSON_LINES_END = 0,
    JSON_LINES_LINE = 1,     /* lines->bytes, without the line feed, valid until the next call */
    JSON_LINES_TOO_LONG = 2, /* and skipped; the bytes are there only with keeps_long */
};

/* An enum json_lines_result, or the source's failure. ERROR_TOO_LARGE: the line cannot be kept.
 * A line may be longer than JSON_LINE_MAX by what is added to a refused row; one that begins as a
 * row kept in `harrier.raw` does may be longer than that. Whoever takes the row out checks it. */
int json_lines_next(struct json_lines *lines, struct error *ret_error);
