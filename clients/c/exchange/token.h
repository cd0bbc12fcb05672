/* Checking a token: at most 256 bytes of printable ASCII without spaces. NULL and "" are valid and
 * mean none. Errors say where it is wrong and never show a byte of it. */
#pragma once

#include "clients/c/harrier.h"

int token_check(const char *token, struct harrier_error *ret_error);
