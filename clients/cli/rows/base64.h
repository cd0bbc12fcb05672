/* Base 64 (RFC 4648, section 4): the standard alphabet, padded, without line breaks. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/text.h"

#include <stdbool.h>

/* Both append to the buffer. False: the text is not base 64; what was appended is undefined. */
void base64_encode(struct buffer *buffer, struct text bytes);
bool base64_decode(struct buffer *buffer, struct text text);
