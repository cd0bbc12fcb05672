/* Cells of CSV (RFC 4180) at the end of a buffer; commas and line feeds are the writer's business.
 * csv.h reads it. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/text.h"
#include "core/base/value.h"

#include <stddef.h>

/* Quoted when it has to be. */
void csv_add_text(struct buffer *buffer, struct text text);
/* A text as it is, all others as value_format() prints them; absent: nothing. */
void csv_add_value(struct buffer *buffer, struct value value);
/* What was appended behind `begin` becomes one cell: quoted if it has to be. */
void csv_quote_behind(struct buffer *buffer, size_t begin);
