/* Amounts and coordinates are integers in a transaction, so they are exact as decimals. */
#include "transaction_columns.h"

#define COORDINATE_DIGITS 7

const char *transaction_column_name(enum transaction_column column) {
    switch (column) {
    case TRANSACTION_AMOUNT:
        return "amount";
    case TRANSACTION_AMOUNT_MINOR:
        return "amount_minor";
    case TRANSACTION_CURRENCY:
        return "currency";
    case TRANSACTION_LATITUDE:
        return "latitude";
    case TRANSACTION_LONGITUDE:
        return "longitude";
    case TRANSACTION_TEXTS:
    case TRANSACTION_COLUMN_COUNT:
        break;
    }
    return transaction_field_name((enum transaction_field)(column - TRANSACTION_TEXTS));
}

enum value_type transaction_column_type(enum transaction_column column) {
    switch (column) {
    case TRANSACTION_AMOUNT:
    case TRANSACTION_LATITUDE:
    case TRANSACTION_LONGITUDE:
        return VALUE_DOUBLE;
    case TRANSACTION_AMOUNT_MINOR:
        return VALUE_INT;
    case TRANSACTION_CURRENCY:
    case TRANSACTION_TEXTS:
    case TRANSACTION_COLUMN_COUNT:
        break;
    }
    return VALUE_TEXT;
}

static struct value of_text(struct text text) {
    return text.length ? value_text(text) : value_absent();
}

struct value transaction_money(int64_t minor, const struct transaction *transaction,
                               char ret_digits[DECIMAL_SIZE]) {
    int digits = currency_digits(transaction->currency);
    if (digits < 0)
        return value_absent();
    return value_text(text_of(decimal_format(minor, (unsigned)digits, ret_digits)));
}

static struct value of_degrees(const struct transaction *transaction, int32_t e7,
                               char ret_digits[DECIMAL_SIZE]) {
    if (!transaction->has_location)
        return value_absent();
    return value_text(text_of(decimal_format(e7, COORDINATE_DIGITS, ret_digits)));
}

struct value transaction_column_value(enum transaction_column column,
                                      const struct transaction *transaction,
                                      char ret_digits[DECIMAL_SIZE]) {
    bool has_amount = transaction->currency.length > 0;
    switch (column) {
    case TRANSACTION_AMOUNT:
        return has_amount ? transaction_money(transaction->amount_minor, transaction, ret_digits)
                          : value_absent();
    case TRANSACTION_AMOUNT_MINOR:
        return has_amount ? value_int(transaction->amount_minor) : value_absent();
    case TRANSACTION_CURRENCY:
        return of_text(transaction->currency);
    case TRANSACTION_LATITUDE:
        return of_degrees(transaction, transaction->latitude_e7, ret_digits);
    case TRANSACTION_LONGITUDE:
        return of_degrees(transaction, transaction->longitude_e7, ret_digits);
    case TRANSACTION_TEXTS:
    case TRANSACTION_COLUMN_COUNT:
        break;
    }
    return of_text(transaction->fields[column - TRANSACTION_TEXTS]);
}
