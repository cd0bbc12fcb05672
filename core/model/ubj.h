/* Universal Binary JSON (ubjson.org, draft 12) as XGBoost writes it: objects, arrays (also typed
 * and counted ones), strings, numbers, booleans and null. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <jansson.h>

#define UBJ_DEPTH_MAX 32 /* of objects and arrays */
#define UBJ_VALUES_MAX                                                                             \
    8000000u /* each takes some 40 bytes of memory; a file of 16 MiB has 5 million */

/* Objects and arrays together. Empty ones are two bytes of a file and 200 of memory; a tree of
 * XGBoost has about twenty. */
#define UBJ_CONTAINERS_MAX 500000u

/* The bytes may be anything. *ret_root: json_decref() it. */
int ubj_read(struct text file, json_t **ret_root, struct error *ret_error);
