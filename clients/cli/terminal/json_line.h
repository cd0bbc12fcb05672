/* A line of JSON on standard output. */
#pragma once

#include "core/base/buffer.h"

/* Prints the buffer and a line feed and frees the buffer. */
void json_print_line(struct buffer *buffer);
