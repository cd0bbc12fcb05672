/* The caller's trace, as W3C Trace Context (version 00) writes it: what the server's own lines say,
 * so that one finds them from the caller's side. */
#pragma once

#include "core/base/text.h"

#include <stdbool.h>

struct trace {
    char trace_id[33];  /* 32 hex digits */
    char parent_id[17]; /* 16: the caller's span */
};

/* False: it is not exactly 00-<32 hex>-<16 hex>-<2 hex> in lower case, or one of the ids is all
 * zeros. Whoever sent it is answered as if it had not been there. */
bool trace_parse(struct text traceparent, struct trace *ret_trace);
