/* The replay report as one HTML file that reads offline: figures, charts and tables of exactly the
 * JSON document of `harrier replay --json`, which the file holds as it is.
 *
 * The page, its style and its scripts are in clients/cli/report/ and are put into the program when
 * it is built. The file asks the network for nothing, and its Content-Security-Policy keeps it so.
 */
#pragma once

#include "core/base/error.h"

#include <stddef.h>
#include <stdio.h>

/* Writes the page of the document json, whose parts may be missing; the page says so. `to` is
 * flushed, not closed. Errors: ERROR_INVALID if json is not one JSON object, ERROR_SYSTEM if
 * `to` does not take the text; part of the page may be written then. */
int report_page_write(const char *json, size_t length, FILE *to, struct error *ret_error);
