/* Integer arithmetic only. For a currency that ISO 4217 does not know, the minor units are printed
 * as they are. */
#include "money.h"

#include "core/wire/types/transaction.h"
#include "decimal.h"

const char *money_format(int64_t amount_minor, struct text currency, char ret_text[MONEY_SIZE]) {
    int digits = currency_digits(currency);
    return decimal_format(amount_minor, digits < 0 ? 0 : (unsigned)digits, ret_text);
}
