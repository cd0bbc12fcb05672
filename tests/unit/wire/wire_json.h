/* Plain wire structs as the JSON of tests/cases/wire: the names of the .proto files, 64-bit numbers
 * as strings, defaults left out. Two structs with equal JSON are equal; a difference can be
 * printed. */
#pragma once

#include "core/wire/message/message.h"
#include "core/wire/record/record.h"

#include <jansson.h>

json_t *request_json(const struct request *request);
json_t *response_json(const struct response *response);
json_t *record_json(const struct record *record); /* without type and position */

/* Fails the current test, printing both, unless they are equal. Takes both references. */
void assert_json_equal(const char *what, json_t *actual, json_t *expected);
