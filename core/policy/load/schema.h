/* The fields a policy knows: the well-known ones of a transaction, the attributes that schema.yaml
 * declares, and what it derives from those. */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/value.h"
#include "core/wire/types/transaction.h"

#include <stdbool.h>
#include <stdint.h>

enum field_kind {
    FIELD_KIND_TEXT, /* transaction.fields[source] */
    FIELD_KIND_ID,
    FIELD_KIND_EVENT_TIME,
    FIELD_KIND_AMOUNT, /* base currency; in a frame: double, major units; as column: exact minor
                          units */
    FIELD_KIND_AMOUNT_MINOR, /* as sent: int, minor units of its own currency */
    FIELD_KIND_REFUNDED,     /* paid back so far, as FIELD_KIND_AMOUNT; 0 while it is decided */
    FIELD_KIND_CURRENCY,
    FIELD_KIND_LATITUDE, /* double, degrees */
    FIELD_KIND_LONGITUDE,
    FIELD_KIND_ATTRIBUTE,
    FIELD_KIND_DERIVED, /* computed from the fields before it */
};

struct expression;         /* expression.h */
struct expression_network; /* likewise */

struct field {
    struct text name; /* as expressions write it: "card", "amount", "attributes.items" → "items" */
    struct text canonical; /* with all that decides its values: "card", "amount:EUR",
                              "attributes.items:decimal(2)", "derived(emailDomain(email))";
                              columns and filters are named by it */
    enum field_kind kind;
    enum transaction_field source; /* FIELD_KIND_TEXT */
    enum value_type type;          /* in a frame */
    uint8_t digits;                /* decimal, amount: fixed point after the double */
    bool required;
    bool personal;           /* an erasure removes it from the records of the person */
    bool refuse_card_number; /* a Luhn-valid 13–19 digit number is an error */
    /* What the field's pseudonyms are of: its name, or that of fields whose pseudonyms it shares.
     * Empty: it is kept as it was sent. */
    struct text protect;
    bool is_taken; /* an attribute that is never sent, but taken from clear values … */
    const struct expression *from_clear; /* … like this */
    size_t *clear_slots;                 /* of the protected fields that it reads */
    size_t clear_count;
    const struct expression *derivation; /* FIELD_KIND_DERIVED */
    /* It is a network of an address, which bind_network() computes without its derivation. NULL:
     * no. */
    const struct expression_network *network;
    bool in_minor_units; /* derived from amount_minor of any currency: sums of it mean nothing */
};

struct currency_rate {
    char currency[4];
    uint8_t digits;  /* of its minor unit */
    int64_t from_us; /* event time from which it holds; before the first one the first holds */
    int64_t rate_e9; /* base-currency units for one unit, × 10^9 */
};

#define SCHEMA_RATE_E9_MAX (INT64_C(1000000000) * 1000000000)

struct schema {
    struct text policy;   /* its name, for messages */
    struct field *fields; /* slot i of a frame is fields[i] */
    size_t field_count;
    size_t first_attribute; /* fields from here on are the attributes, by name … */
    size_t first_derived; /* … and from here on the derived ones, in the order they are computed */
    char base_currency[4];
    uint8_t base_digits;
    struct currency_rate *rates; /* by currency, then time */
    size_t rate_count;
    int64_t lateness_us;
    size_t *protected_slots; /* of the protected fields, ascending */
    size_t protected_count;
    size_t *taken_slots; /* of the attributes with from_clear */
    size_t taken_count;
    size_t *clear_slots; /* of all fields that those read, ascending */
    size_t clear_count;
    bool protects_ip;
    bool accept_pseudonyms; /* a protected field may hold one that the client has made */
};

/* What the frame's doubles hide: exact integers for columns. Parallel to schema.fields; only slots
 * of numeric fields are meaningful. */
struct bound {
    struct value *frame; /* at least field_count slots */
    int64_t *integers;   /* at least field_count; fixed point as columns store it */
    struct arena *texts; /* where derived texts are built: emptied by each schema_bind() */
};

/* Most bytes that the derived texts of one transaction take while they are computed: room for one
 * evaluation (EXPRESSION_MEMORY_MAX) after what all other fields leave (EXPRESSION_LEFT_MAX), so
 * that none depends on those above it. */
#define SCHEMA_TEXTS_MAX ((1u << 20) + (64u << 10))

enum bind_mode {
    BIND_STRICT, /* a request: undeclared attribute, wrong type, missing required field are errors
                  */
    BIND_LENIENT /* an archived record under another schema: what does not fit is absent */
};

/* Fills frame[0…field_count) and integers. Texts point into the transaction, the schema or
 * bound.texts. A derived field is absent when what it is made from is, and when it cannot be
 * computed: it is the same for every mode, engine and schema with this derivation. On
 * ERROR_INVALID, *ret_field is the invalid field (attributes by their bare name, as
 * transaction_check() has it); the frame is then half filled. Lenient binding never fails. The
 * transaction has passed transaction_check(). */
int schema_bind(const struct schema *schema, const struct transaction *transaction,
                enum bind_mode mode, const struct bound *bound, struct text *ret_field,
                struct error *ret_error);

/* The same for some fields only: `slots` ascend, and with a derived field those that it is made
 * from are among them. Of the attributes none are left out. Strict binding demands as much as
 * schema_bind() does if all fields that schema_may_refuse() are among them. */
int schema_bind_some(const struct schema *schema, const struct transaction *transaction,
                     enum bind_mode mode, const size_t *slots, size_t slot_count,
                     const struct bound *bound, struct text *ret_field, struct error *ret_error);
/* The amount in minor units of the base currency, as rules see it. false: there is none, or the
 * currency has no rate. */
bool schema_base_amount(const struct schema *schema, const struct transaction *transaction,
                        int64_t *ret_minor);
/* May binding this field, which is not an attribute, refuse a transaction? */
bool schema_may_refuse(const struct schema *schema, size_t slot);
/* A cheap test: does strict binding of these fields, `slots` ascending, surely accept the
 * transaction? Only for a schema that requires no attribute. False for a transaction with
 * attributes, in a currency other than the base currency, or with a text of more than `longest`
 * bytes: then schema_bind_some() decides. */
bool schema_surely_accepts(const struct schema *schema, const struct transaction *transaction,
                           const size_t *slots, size_t slot_count, size_t longest);
/* After schema_bind_some(): the fields that it left out, `slots` as there. */
void schema_bind_rest(const struct schema *schema, const struct transaction *transaction,
                      const size_t *slots, size_t slot_count, const struct bound *bound);
