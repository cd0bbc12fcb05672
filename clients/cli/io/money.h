/* Minor units → text: 5716 EUR → "57.16". The other way is decimal_parse(). */
#pragma once

#include "core/base/text.h"
#include "decimal.h"

#include <stdint.h>

#define MONEY_SIZE DECIMAL_SIZE
/* A currency without known digits is printed in minor units. */
const char *money_format(int64_t amount_minor, struct text currency, char ret_text[MONEY_SIZE]);
