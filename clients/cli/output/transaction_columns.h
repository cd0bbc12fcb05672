/* A transaction's money, texts and place as columns of a file, under the names by which `harrier
 * score` reads them (clients/cli/io/mapping.h): amount, amount_minor, currency, card … phone,
 * latitude, longitude. Id, times and attributes are the writer's business. */
#pragma once

#include "clients/cli/io/decimal.h"
#include "core/base/value.h"
#include "core/wire/types/transaction.h"

enum transaction_column {
    TRANSACTION_AMOUNT,
    TRANSACTION_AMOUNT_MINOR,
    TRANSACTION_CURRENCY,
    TRANSACTION_TEXTS, /* + enum transaction_field */
    TRANSACTION_LATITUDE = TRANSACTION_TEXTS + FIELD_COUNT,
    TRANSACTION_LONGITUDE,
    TRANSACTION_COLUMN_COUNT
};

const char *transaction_column_name(enum transaction_column column);

/* VALUE_INT, VALUE_TEXT, or VALUE_DOUBLE: a decimal number. */
enum value_type transaction_column_type(enum transaction_column column);

/* Absent, an int or a text. A decimal number is a text, made in ret_digits: exact, and the nearest
 * double for whoever wants one. */
struct value transaction_column_value(enum transaction_column column,
                                      const struct transaction *transaction,
                                      char ret_digits[DECIMAL_SIZE]);

/* An amount of the transaction's currency, likewise. Absent if that is no currency any more: its
 * digits are not known. */
struct value transaction_money(int64_t minor, const struct transaction *transaction,
                               char ret_digits[DECIMAL_SIZE]);
