/* A transaction as plain values, from whatever source: the wire, the archive, a CSV row. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* The text fields that every policy knows. Order is not stored anywhere; names are. Lists of them
 * elsewhere assert FIELD_COUNT, so the compiler leads to them. */
enum transaction_field {
    FIELD_CARD,
    FIELD_CUSTOMER,
    FIELD_ACCOUNT,
    FIELD_MERCHANT,
    FIELD_TERMINAL,
    FIELD_DEVICE,
    FIELD_IP,
    FIELD_COUNTRY,
    FIELD_MCC,
    FIELD_CHANNEL,
    FIELD_EMAIL,
    FIELD_PHONE,
    FIELD_COUNT
};

/* "card", "customer", …: the names in harrier.proto, policies and mapping files. */
const char *transaction_field_name(enum transaction_field field);
/* FIELD_COUNT: there is no such field. */
enum transaction_field transaction_field_parse(struct text name);

#define TRANSACTION_ID_MAX           128  /* bytes */
#define TRANSACTION_FIELD_MAX        128  /* bytes */
#define TRANSACTION_SOURCE_MAX       64   /* bytes */
#define TRANSACTION_ATTRIBUTE_MAX    1024 /* bytes of a text attribute */
#define TRANSACTION_ATTRIBUTES_MAX   64
#define TRANSACTION_AMOUNT_MINOR_MAX INT64_C(9999999999999)
#define TRANSACTION_BATCH_MAX        1000

enum attribute_type {
    ATTRIBUTE_NONE,
    ATTRIBUTE_TEXT,
    ATTRIBUTE_INTEGER,
    ATTRIBUTE_NUMBER,
    ATTRIBUTE_FLAG
};

struct attribute {
    struct text name;
    enum attribute_type type;
    union {
        struct text text;
        int64_t integer;
        double number;
        bool flag;
    };
};

/* What is left of a field that an erasure removed: docs/ARCHIVE.md, "Erasure". */
struct erased_field {
    struct text field;     /* canonical, as struct field in core/policy/load/schema.h has it */
    uint64_t hash;         /* of its text; 0: not kept */
    struct attribute kept; /* of a derived field: its value; ATTRIBUTE_NONE: none */
    bool is_shown;         /* columns of texts have ERASED_SHOWN in its place */
};

#define ERASED_TEXT "(erased)"
/* What features show in place of a removed text. No request can have it, as texts with control
 * characters are refused: so it equals nobody's value, and an audit can tell it from one. */
#define ERASED_SHOWN "\x7f" ERASED_TEXT

/* A condition that reads such a field: hash_text() of its canonical source, and the labels with
 * which it was true, bit n for label n; of an amendment, the same ERASED_LABELS_BEFORE bits higher
 * for the transaction as it was until then. */
#define ERASED_LABELS_BEFORE 8
struct erased_condition {
    uint64_t condition;
    uint32_t labels;
};

struct erased {
    const struct erased_field *fields;
    size_t field_count;
    const struct erased_condition *conditions;
    size_t condition_count;
};

/* NULL: there is nothing left of this field, or it was not erased. */
const struct erased_field *erased_find(const struct erased *erased, struct text field);

/* Texts and attributes live in the arena or buffer that the transaction was decoded into, and as
 * long as that. An absent text has length 0. Amounts are in minor units of the currency;
 * coordinates in degrees × 10^7. */
struct transaction {
    struct text id;
    int64_t event_time_us;
    int64_t amount_minor;
    struct text currency;
    struct text fields[FIELD_COUNT];
    bool has_location;
    int32_t latitude_e7, longitude_e7;
    const struct attribute *attributes;
    size_t attribute_count;
    struct text source; /* who sent it, by its own name */
    uint64_t sequence;  /* the source's number of it, from 1; 0: none */
    /* Paid back so far, as amendments say: 0 as it was scored. Neither sent nor archived with it.
     */
    int64_t refunded_minor;
    /* Of a record that an erasure has rewritten, where it belongs to the record; NULL: complete. */
    const struct erased *erased;
};

/* The rules for every transaction under any policy: id, times, amount, currency, lengths, UTF-8,
 * formats of ip, country and mcc, source and sequence, coordinates, attribute names (no name
 * twice). On failure *ret_field is the field at fault (a literal or a text of the transaction).
 * Card numbers are the schema's business: core/policy/load/schema.h. */
int transaction_check(const struct transaction *transaction, struct text *ret_field,
                      struct error *ret_error);

/* Same content, attributes in any order; source and sequence are not content. Both must have passed
 * transaction_check(). */
bool transaction_equal(const struct transaction *a, const struct transaction *b);

/* ISO 4217. The number of minor-unit digits (JPY 0, EUR 2, KWD 3), or -1 for a code not in use. */
int currency_digits(struct text code);
/* For messages: the codes by index; NULL after the last. */
const char *currency_code(size_t index);
