/* The caller's trace id, in the form of W3C Trace Context, version 00. It appears in the log's
 * lines about a request, so that they can be found from the caller's side. */
#pragma once

#include "core/base/text.h"

#include <stdbool.h>

struct trace {
    char trace_id[33];  /* 32 hex digits */
    char parent_id[17]; /* 16: the caller's span */
};

/* False: it is not exactly 00-<32 hex>-<16 hex>-<2 hex> in lower case, or one of the ids is all
 * zeros. The request is handled the same without it. */
bool trace_parse(struct text traceparent, struct trace *ret_trace);
