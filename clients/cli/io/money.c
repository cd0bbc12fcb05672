/* Integer arithmetic only. ISO 4217 knows 0, 2, 3 and 4 digits; for other currencies the minor
 * units are printed as they are. */
#include "money.h"

#include "core/wire/types/transaction.h"

#include <inttypes.h>
#include <stdio.h>

const char *money_format(int64_t amount_minor, struct text currency, char ret_text[MONEY_SIZE]) {
    int digits = currency_digits(currency);
    uint64_t magnitude = amount_minor < 0 ? 0 - (uint64_t)amount_minor : (uint64_t)amount_minor;
    const char *sign = amount_minor < 0 ? "-" : "";
    switch (digits) {
    case 2:
        snprintf(ret_text, MONEY_SIZE, "%s%" PRIu64 ".%02" PRIu64, sign, magnitude / 100,
                 magnitude % 100);
        break;
    case 3:
        snprintf(ret_text, MONEY_SIZE, "%s%" PRIu64 ".%03" PRIu64, sign, magnitude / 1000,
                 magnitude % 1000);
        break;
    case 4:
        snprintf(ret_text, MONEY_SIZE, "%s%" PRIu64 ".%04" PRIu64, sign, magnitude / 10000,
                 magnitude % 10000);
        break;
    default:
        snprintf(ret_text, MONEY_SIZE, "%s%" PRIu64, sign, magnitude);
    }
    return ret_text;
}
