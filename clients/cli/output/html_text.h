/* Text as HTML: its special characters as references. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/text.h"

void html_text_put(struct text text, struct buffer *out);
