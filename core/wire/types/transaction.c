/* Checks in the order of harrier.proto, so that the first invalid field is the one that is named.
 * This runs for each transaction: the common case of each check is without a call. */
#include "transaction.h"

#include "core/base/pseudonym.h"
#include "field_text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>

#define LATITUDE_E7_MAX    900000000
#define LONGITUDE_E7_MAX   1800000000
#define ATTRIBUTE_NAME_MAX 64

static const char *const field_names[FIELD_COUNT] = {
    [FIELD_CARD] = "card",
    [FIELD_CUSTOMER] = "customer",
    [FIELD_ACCOUNT] = "account",
    [FIELD_MERCHANT] = "merchant",
    [FIELD_TERMINAL] = "terminal",
    [FIELD_DEVICE] = "device",
    [FIELD_IP] = "ip",
    [FIELD_COUNTRY] = "country",
    [FIELD_MCC] = "mcc",
    [FIELD_CHANNEL] = "channel",
    [FIELD_EMAIL] = "email",
    [FIELD_PHONE] = "phone",
};

const struct erased_field *erased_find(const struct erased *erased, struct text field) {
    for (size_t i = 0; i < erased->field_count; i++)
        if (text_equal(erased->fields[i].field, field))
            return &erased->fields[i];
    return NULL;
}

const char *transaction_field_name(enum transaction_field field) {
    return (size_t)field < FIELD_COUNT ? field_names[field] : "";
}

enum transaction_field transaction_field_parse(struct text name) {
    for (enum transaction_field field = 0; field < FIELD_COUNT; field++)
        if (text_is(name, field_names[field]))
            return field;
    return FIELD_COUNT;
}

static bool all_within(struct text value, size_t length, char low, char high) {
    if (value.length != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (value.data[i] < low || value.data[i] > high)
            return false;
    return true;
}

/* Four numbers up to 255 without leading zeros, as inet_pton() accepts them: a shorter loop for the
 * common case. */
static bool is_dotted_quad(struct text value) {
    static const unsigned least[] = {256, 0, 10, 100}; /* by the number of digits */
    unsigned parts = 1, digits = 0, number = 0;
    if (value.length >= INET_ADDRSTRLEN)
        return false;
    for (size_t i = 0; i < value.length; i++) {
        unsigned digit = (unsigned char)value.data[i] - (unsigned)'0';
        if (digit <= 9) {
            number = 10 * number + digit;
            if (++digits > 3)
                return false;
            continue;
        }
        if (value.data[i] != '.' || number < least[digits] || number > 255)
            return false;
        parts++;
        digits = number = 0;
    }
    return parts == 4 && number >= least[digits] && number <= 255;
}

/* inet_pton() needs a NUL and knows two families; the common form is settled before. */
static bool is_ip(struct text value) {
    char string[INET6_ADDRSTRLEN];
    unsigned char address[16];
    if (is_dotted_quad(value))
        return true;
    if (value.length >= sizeof string)
        return false;
    memcpy(string, value.data, value.length);
    string[value.length] = '\0';
    return inet_pton(AF_INET, string, address) == 1 || inet_pton(AF_INET6, string, address) == 1;
}

/* Zero needs no currency, because a login has no amount. Currencies must be in use: an unknown code
 * has no known minor unit. */
static int check_amount(const struct transaction *transaction, struct text *ret_field,
                        struct error *ret_error) {
    int64_t amount = transaction->amount_minor;
    *ret_field = TEXT_LITERAL("amount_minor");
    if (amount < 0)
        return error_set(ret_error, ERROR_INVALID,
                         "amount_minor %" PRId64 " is negative; expected 0 to %" PRId64, amount,
                         TRANSACTION_AMOUNT_MINOR_MAX);
    if (amount > TRANSACTION_AMOUNT_MINOR_MAX)
        return error_set(ret_error, ERROR_INVALID,
                         "amount_minor %" PRId64 " is too large; expected at most %" PRId64, amount,
                         TRANSACTION_AMOUNT_MINOR_MAX);
    *ret_field = TEXT_LITERAL("currency");
    if (transaction->currency.length == 0) {
        if (amount == 0)
            return 0;
        return error_set(ret_error, ERROR_INVALID,
                         "currency is missing; it is required when amount_minor is not 0");
    }
    if (currency_digits(transaction->currency) < 0)
        return error_set(ret_error, ERROR_INVALID,
                         "currency %s is not an ISO 4217 code in use; expected three capital "
                         "letters such as \"EUR\"",
                         field_quote(transaction->currency).string);
    return 0;
}

/* Checks a field that is present: length and UTF-8; three of the fields have a format as well. */
static int check_field(enum transaction_field field, struct text value, struct error *ret_error) {
    const char *name = field_names[field];
    int r = field_check_text(name, value, TRANSACTION_FIELD_MAX, ret_error);
    if (r < 0)
        return r;
    const char *expected = NULL;
    if (field == FIELD_IP && !is_ip(value) && !pseudonym_has_form(value))
        expected = "an IPv4 or IPv6 address; expected for example \"192.0.2.1\" or \"2001:db8::1\"";
    else if (field == FIELD_COUNTRY && !all_within(value, 2, 'A', 'Z'))
        expected = "an ISO 3166-1 alpha-2 code; expected two capital letters such as \"DE\"";
    else if (field == FIELD_MCC && !all_within(value, 4, '0', '9'))
        expected = "a merchant category code; expected four digits such as \"5411\"";
    if (!expected)
        return 0;
    return error_set(ret_error, ERROR_INVALID, "%s %s is not %s", name, field_quote(value).string,
                     expected);
}

/* The name becomes a label of metrics and stands in reports, so it must not be a card number. */
static int check_source(const struct transaction *transaction, struct text *ret_field,
                        struct error *ret_error) {
    struct text source = transaction->source;
    if (source.length == 0) {
        if (transaction->sequence == 0)
            return 0;
        *ret_field = TEXT_LITERAL("sequence");
        return error_set(ret_error, ERROR_INVALID,
                         "sequence %" PRIu64 " has no source; expected the name of who numbers the "
                         "transactions in \"source\"",
                         transaction->sequence);
    }
    if (transaction->sequence > INT64_MAX) {
        *ret_field = TEXT_LITERAL("sequence");
        return error_set(ret_error, ERROR_INVALID,
                         "sequence %" PRIu64 " is too large; expected at most %" PRId64,
                         transaction->sequence, INT64_MAX);
    }
    *ret_field = TEXT_LITERAL("source");
    int r = field_check_text("source", source, TRANSACTION_SOURCE_MAX, ret_error);
    if (r == 0 && text_is_card_number(source))
        r = error_set(ret_error, ERROR_INVALID,
                      "source looks like a card number; expected the name of a program");
    return r;
}

static int check_location(const struct transaction *transaction, struct text *ret_field,
                          struct error *ret_error) {
    if (!transaction->has_location)
        return 0;
    *ret_field = TEXT_LITERAL("location.latitude_e7");
    if (transaction->latitude_e7 < -LATITUDE_E7_MAX || transaction->latitude_e7 > LATITUDE_E7_MAX)
        return error_set(ret_error, ERROR_INVALID,
                         "location.latitude_e7 %" PRId32
                         " is beyond a pole; expected degrees × 10^7"
                         ", -%d to %d",
                         transaction->latitude_e7, LATITUDE_E7_MAX, LATITUDE_E7_MAX);
    *ret_field = TEXT_LITERAL("location.longitude_e7");
    if (transaction->longitude_e7 < -LONGITUDE_E7_MAX ||
        transaction->longitude_e7 > LONGITUDE_E7_MAX)
        return error_set(ret_error, ERROR_INVALID,
                         "location.longitude_e7 %" PRId32 " is more than half way round; expected "
                         "degrees × 10^7, -%d to %d",
                         transaction->longitude_e7, LONGITUDE_E7_MAX, LONGITUDE_E7_MAX);
    return 0;
}

/* [a-z][a-z0-9_]* */
static bool is_attribute_name(struct text name) {
    if (name.length == 0 || name.length > ATTRIBUTE_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool letter = c >= 'a' && c <= 'z';
        bool later = (c >= '0' && c <= '9') || c == '_';
        if (!letter && !(later && i > 0))
            return false;
    }
    return true;
}

/* The name was checked before, so it fits the array and is safe to print. */
static int check_attribute_value(const struct attribute *attribute, struct error *ret_error) {
    char name[ATTRIBUTE_NAME_MAX + 1] = {0};
    memcpy(name, attribute->name.data, attribute->name.length);
    switch (attribute->type) {
    case ATTRIBUTE_TEXT:
        return field_check_text(name, attribute->text, TRANSACTION_ATTRIBUTE_MAX, ret_error);
    case ATTRIBUTE_NUMBER:
        if (isfinite(attribute->number))
            return 0;
        return error_set(ret_error, ERROR_INVALID, "%s is %s; expected a finite number", name,
                         isnan(attribute->number) ? "not a number (NaN)" : "infinite");
    case ATTRIBUTE_INTEGER:
    case ATTRIBUTE_FLAG:
        return 0;
    case ATTRIBUTE_NONE:
        break;
    }
    return error_set(ret_error, ERROR_INVALID,
                     "%s has no value; expected a text, an integer, a number or a flag", name);
}

static bool has_name(const struct attribute *attributes, size_t count, struct text name) {
    for (size_t i = 0; i < count; i++)
        if (text_equal(attributes[i].name, name))
            return true;
    return false;
}

/* At most 64 attributes, so comparing each name with those before it is fast enough. */
static int check_attributes(const struct transaction *transaction, struct text *ret_field,
                            struct error *ret_error) {
    *ret_field = TEXT_LITERAL("attributes");
    if (transaction->attribute_count > TRANSACTION_ATTRIBUTES_MAX)
        return error_set(ret_error, ERROR_INVALID, "attributes: %zu; expected at most %d",
                         transaction->attribute_count, TRANSACTION_ATTRIBUTES_MAX);
    for (size_t i = 0; i < transaction->attribute_count; i++) {
        const struct attribute *attribute = &transaction->attributes[i];
        *ret_field = TEXT_LITERAL("attributes");
        if (!is_attribute_name(attribute->name))
            return error_set(ret_error, ERROR_INVALID,
                             "attributes[%zu] has the name %s; expected a lower-case letter, then "
                             "lower-case letters, digits and _, at most %d bytes",
                             i, field_quote(attribute->name).string, ATTRIBUTE_NAME_MAX);
        *ret_field = attribute->name;
        if (has_name(transaction->attributes, i, attribute->name))
            return error_set(ret_error, ERROR_INVALID,
                             "%" TEXT_FORMAT " is given twice; expected each attribute once",
                             TEXT_ARGS(attribute->name));
        int r = check_attribute_value(attribute, ret_error);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_time(const struct transaction *transaction, struct error *ret_error) {
    if (transaction->event_time_us == 0)
        return error_set(ret_error, ERROR_INVALID,
                         "event_time_us is missing; expected microseconds since 1970-01-01");
    return field_check_time("event_time_us", transaction->event_time_us, ret_error);
}

/* *ret_field is set before each check; transaction_check() passes it on only if one fails. */
static int check_in_order(const struct transaction *transaction, struct text *ret_field,
                          struct error *ret_error) {
    *ret_field = TEXT_LITERAL("id");
    int r = field_check_required("id", transaction->id, TRANSACTION_ID_MAX, ret_error);
    if (r < 0)
        return r;
    *ret_field = TEXT_LITERAL("event_time_us");
    r = check_time(transaction, ret_error);
    if (r < 0)
        return r;
    r = check_amount(transaction, ret_field, ret_error);
    if (r < 0)
        return r;
    for (enum transaction_field field = 0; field < FIELD_COUNT; field++) {
        if (transaction->fields[field].length == 0)
            continue;
        r = check_field(field, transaction->fields[field], ret_error);
        if (r < 0) {
            *ret_field = text_of(field_names[field]);
            return r;
        }
    }
    r = check_source(transaction, ret_field, ret_error);
    if (r < 0)
        return r;
    r = check_location(transaction, ret_field, ret_error);
    if (r < 0)
        return r;
    return check_attributes(transaction, ret_field, ret_error);
}

int transaction_check(const struct transaction *transaction, struct text *ret_field,
                      struct error *ret_error) {
    struct text field;
    int r = check_in_order(transaction, &field, ret_error);
    if (r < 0)
        *ret_field = field;
    return r;
}

static bool attribute_equal(const struct attribute *a, const struct attribute *b) {
    if (a->type != b->type || !text_equal(a->name, b->name))
        return false;
    switch (a->type) {
    case ATTRIBUTE_TEXT:
        return text_equal(a->text, b->text);
    case ATTRIBUTE_INTEGER:
        return a->integer == b->integer;
    case ATTRIBUTE_NUMBER: /* by its bits, as stored: 0 and -0 differ */
        return memcmp(&a->number, &b->number, sizeof a->number) == 0;
    case ATTRIBUTE_FLAG:
        return a->flag == b->flag;
    case ATTRIBUTE_NONE:
        return true;
    }
    return false;
}

/* Names are unique (transaction_check()), so equal counts and containment mean equality. */
static bool attributes_equal(const struct transaction *a, const struct transaction *b) {
    if (a->attribute_count != b->attribute_count)
        return false;
    for (size_t i = 0; i < a->attribute_count; i++) {
        size_t j = 0;
        while (j < b->attribute_count && !attribute_equal(&a->attributes[i], &b->attributes[j]))
            j++;
        if (j == b->attribute_count)
            return false;
    }
    return true;
}

/* Decides between a repeated id and a conflict, so every field counts. Source and sequence say how
 * it came and not what it is: a retry may go through another program. */
bool transaction_equal(const struct transaction *a, const struct transaction *b) {
    if (!text_equal(a->id, b->id) || a->event_time_us != b->event_time_us ||
        a->amount_minor != b->amount_minor || !text_equal(a->currency, b->currency) ||
        a->has_location != b->has_location)
        return false;
    if (a->has_location && (a->latitude_e7 != b->latitude_e7 || a->longitude_e7 != b->longitude_e7))
        return false;
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (!text_equal(a->fields[i], b->fields[i]))
            return false;
    return attributes_equal(a, b);
}
