/* JSON text into a buffer, one value after the other; commas are the writer's business. For lines
 * of output that would cost a tree of objects each; what is read is parsed by jansson.
 *
 * Keys are literals of ours and need no escaping. Texts are escaped as jansson does it; bytes that
 * are not UTF-8 become U+FFFD. */
#pragma once

#include "buffer.h"
#include "text.h"
#include "value.h"

#include <stdbool.h>
#include <stdint.h>

/* The buffer is the caller's. Everything here appends to it. key NULL: an element of an array. */
void json_begin_object(struct buffer *buffer, const char *key);
void json_end_object(struct buffer *buffer);
void json_begin_array(struct buffer *buffer, const char *key);
void json_end_array(struct buffer *buffer);

void json_add_text(struct buffer *buffer, const char *key, struct text text);
void json_add_unsigned(struct buffer *buffer, const char *key, uint64_t number);
void json_add_signed(struct buffer *buffer, const char *key, int64_t number);
/* A key that is any text; a value without a key follows. */
void json_add_key(struct buffer *buffer, struct text key);
void json_add_number(struct buffer *buffer, const char *key,
                     const char *digits); /* as JSON has it */
void json_add_bool(struct buffer *buffer, const char *key, bool flag);
void json_add_hex(struct buffer *buffer, const char *key, uint64_t id); /* 16 digits, a string */
void json_add_time(struct buffer *buffer, const char *key, int64_t us); /* RFC 3339, a string */

/* An array of texts. */
void json_add_strings(struct buffer *buffer, const char *key, const char *const *strings,
                      size_t count);

/* A feature's value: numbers with the fewest digits that read back as the same double, times and
 * durations as value_format() prints them in strings, null for absent and for what JSON has no
 * number for. The name may be any text. */
void json_add_value(struct buffer *buffer, struct text name, struct value value);
