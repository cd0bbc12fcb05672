/* --format, which all commands that read rows of a file have. */
#pragma once

#include "rows.h"

#include <argp.h>

/* "csv" or "jsonl"; anything else ends the process with a message, as argp does. */
enum row_format format_option_parse(const char *value, struct argp_state *state);
