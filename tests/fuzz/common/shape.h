/* Changes of an input that keep its shape: of one field of a protobuf message, with the lengths of
 * all messages around it corrected, or of one word, bracket or line of a text. They get past the
 * first checks of a format, where blind changes (mutate.h) and libFuzzer's mostly end. */
#pragma once

#include "target.h"

/* Adds the changed input to `out`. Up to two bytes before the message or text, which targets use
 * for their own purposes, stay. False, and nothing added, if the input has neither shape. */
bool shape_change(struct chance *chance, const uint8_t *bytes, size_t size, struct buffer *out);

/* Parts of shape_change(). */
bool shape_is_message(const uint8_t *bytes, size_t size);
void shape_change_message(struct chance *chance, const uint8_t *bytes, size_t size,
                          struct buffer *out);
bool shape_is_text(const uint8_t *bytes, size_t size);
void shape_change_text(struct chance *chance, const uint8_t *bytes, size_t size,
                       struct buffer *out);
