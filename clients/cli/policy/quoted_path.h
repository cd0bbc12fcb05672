/* Paths and names out of an archive as text: whatever they are made of, they cannot forge a line
 * nor command a terminal. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/text.h"

/* Appends FOLDER/PATH, or PATH if folder is NULL. With a control character, a quote or a backslash
 * in it, the path is written in quotes with C's escapes, as GNU diff and patch have it. */
void quoted_path_write(const char *folder, struct text path, struct buffer *out);
