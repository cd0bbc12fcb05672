/* Binding: one transaction → the first slots of a frame. The strict and the lenient mode share all
 * code; they differ only in what REFUSE() does. This runs for every decision, so texts are not
 * copied but point into the transaction, and the common field, a text without conditions, has a
 * loop of its own. */
#include "schema.h"

#include "core/policy/eval/expression.h"
#include "core/policy/lang/calendar.h"
#include "core/policy/lang/ip_network.h"
#include "core/policy/source/diagnostic.h"

#include <inttypes.h>
#include <math.h>

static const int64_t powers_of_ten[] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
};

/* One transaction on its way into a frame. */
struct binding {
    const struct schema *schema;
    const struct transaction *transaction;
    enum bind_mode mode;
    const struct bound *bound;
    struct text *ret_field;
    struct error *ret_error;
    struct ip_address
        *address; /* the last one that a derived field parsed; .text.data NULL: none */
};

/* Values are written member by member: copying a struct whose parts were just written stalls the
 * processor. */
static struct value *set(const struct binding *binding, size_t slot, enum value_type type,
                         int64_t integer) {
    struct value *v = &binding->bound->frame[slot];
    v->type = type;
    binding->bound->integers[slot] = integer;
    return v;
}

static void set_absent(const struct binding *binding, size_t slot) {
    set(binding, slot, VALUE_ABSENT, 0);
}

static void set_text(const struct binding *binding, size_t slot, struct text t) {
    struct value *v = set(binding, slot, VALUE_TEXT, 0);
    v->text.data = t.data;
    v->text.length = t.length;
}

/* number: as a frame has it; integer: as a column stores it. */
static void set_double(const struct binding *binding, size_t slot, double number, int64_t integer) {
    set(binding, slot, VALUE_DOUBLE, integer)->number = number;
}

static void set_integer(const struct binding *binding, size_t slot, enum value_type type,
                        int64_t integer) {
    set(binding, slot, type, integer)->integer = integer;
}

/* Where lenient binding leaves a field absent, strict binding fails. */
#define REFUSE(binding, slot, field, ...)                                                          \
    do {                                                                                           \
        if ((binding)->mode == BIND_LENIENT) {                                                     \
            set_absent(binding, slot);                                                             \
            return 0;                                                                              \
        }                                                                                          \
        *(binding)->ret_field = (field);                                                           \
        return error_set((binding)->ret_error, ERROR_INVALID, __VA_ARGS__);                        \
    } while (0)

static bool has_money(const struct transaction *transaction) {
    return transaction->currency.length > 0;
}

/* ------------------------------------------------------------------------------------------------
 * Money */

/* The newest rate that holds at event_time_us; NULL when the currency has none. */
/* Before its first rate a currency has that first rate (struct currency_rate). */
static const struct currency_rate *find_rate(const struct schema *schema, struct text currency,
                                             int64_t event_time_us) {
    size_t low = 0, high = schema->rate_count; /* ends at the first rate after the wanted one */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct currency_rate *rate = &schema->rates[middle];
        int order = text_compare(text_of(rate->currency), currency);
        if (order < 0 || (order == 0 && rate->from_us <= event_time_us))
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0 && text_equal(text_of(schema->rates[low - 1].currency), currency))
        return &schema->rates[low - 1];
    if (low < schema->rate_count && text_equal(text_of(schema->rates[low].currency), currency))
        return &schema->rates[low];
    return NULL;
}

/* amount × rate × 10^(digits of the base − digits of the currency), to the nearest integer, ties to
 * the even one: the only rounding that an amount ever sees. 10^13 × 10^18 × 10^4 fits 128 bits. */
static unsigned __int128 convert(const struct schema *schema, const struct currency_rate *rate,
                                 int64_t amount_minor) {
    unsigned __int128 product = (unsigned __int128)amount_minor * (uint64_t)rate->rate_e9;
    unsigned __int128 divisor = 1000000000;
    if (schema->base_digits >= rate->digits)
        product *= (uint64_t)powers_of_ten[schema->base_digits - rate->digits];
    else
        divisor *= (uint64_t)powers_of_ten[rate->digits - schema->base_digits];
    unsigned __int128 quotient = product / divisor, rest = product % divisor;
    bool up = rest * 2 > divisor || (rest * 2 == divisor && quotient % 2 == 1);
    return quotient + up;
}

bool schema_base_amount(const struct schema *schema, const struct transaction *transaction,
                        int64_t *ret_minor) {
    if (!has_money(transaction))
        return false;
    if (text_equal(transaction->currency, text_of(schema->base_currency))) {
        *ret_minor = transaction->amount_minor;
        return true;
    }
    const struct currency_rate *rate =
        find_rate(schema, transaction->currency, transaction->event_time_us);
    unsigned __int128 converted = rate ? convert(schema, rate, transaction->amount_minor) : 0;
    if (!rate || converted > TRANSACTION_AMOUNT_MINOR_MAX)
        return false;
    *ret_minor = (int64_t)converted;
    return true;
}

/* amount_minor: the transaction's, or what was refunded of it, which is not more. */
static int bind_amount(const struct binding *binding, size_t slot, int64_t amount_minor) {
    const struct schema *schema = binding->schema;
    const struct transaction *transaction = binding->transaction;
    const struct field *field = &schema->fields[slot];
    if (!has_money(transaction)) {
        if (field->required)
            REFUSE(binding, slot, TEXT_LITERAL("currency"),
                   "amount is missing; policy %" TEXT_FORMAT
                   " requires amount_minor with a currency",
                   TEXT_ARGS(schema->policy));
        set_absent(binding, slot);
        return 0;
    }
    int64_t base_minor = amount_minor;
    if (!text_equal(transaction->currency, text_of(schema->base_currency))) {
        const struct currency_rate *rate =
            find_rate(schema, transaction->currency, transaction->event_time_us);
        if (!rate)
            REFUSE(binding, slot, TEXT_LITERAL("currency"),
                   "currency %" TEXT_FORMAT " has no rate to the base currency %s of policy "
                   "%" TEXT_FORMAT "; declare one under currency_rates in policy.yaml",
                   TEXT_ARGS(transaction->currency), schema->base_currency,
                   TEXT_ARGS(schema->policy));
        unsigned __int128 converted = convert(schema, rate, amount_minor);
        if (converted > TRANSACTION_AMOUNT_MINOR_MAX)
            REFUSE(binding, slot, TEXT_LITERAL("amount_minor"),
                   "amount_minor %" PRId64 " %" TEXT_FORMAT
                   " is too large in %s; expected at most %" PRId64 " minor units",
                   amount_minor, TEXT_ARGS(transaction->currency), schema->base_currency,
                   TRANSACTION_AMOUNT_MINOR_MAX);
        base_minor = (int64_t)converted;
    }
    double major = (double)base_minor / (double)powers_of_ten[schema->base_digits];
    set_double(binding, slot, major, base_minor);
    return 0;
}

/* ------------------------------------------------------------------------------------------------
 * Texts */

static int bind_text(const struct binding *binding, size_t slot, struct text t) {
    const struct field *field = &binding->schema->fields[slot];
    if (t.length == 0) {
        if (field->required)
            REFUSE(binding, slot, field->name,
                   "%" TEXT_FORMAT " is missing; policy %" TEXT_FORMAT " requires it",
                   TEXT_ARGS(field->name), TEXT_ARGS(binding->schema->policy));
        set_absent(binding, slot);
        return 0;
    }
    if (field->refuse_card_number && text_may_be_card_number(t) && text_is_card_number(t))
        REFUSE(binding, slot, field->name,
               "%" TEXT_FORMAT " looks like a card number (13 to 19 digits with a valid check "
               "digit); expected a token",
               TEXT_ARGS(field->name));
    set_text(binding, slot, t);
    return 0;
}

/* ------------------------------------------------------------------------------------------------
 * Attributes */

static const char *attribute_type_name(enum attribute_type type) {
    switch (type) {
    case ATTRIBUTE_TEXT:
        return "a text";
    case ATTRIBUTE_INTEGER:
        return "an integer";
    case ATTRIBUTE_NUMBER:
        return "a floating-point number";
    case ATTRIBUTE_FLAG:
        return "a flag";
    case ATTRIBUTE_NONE:
        break;
    }
    return "without a value";
}

static const char *expected_name(const struct field *field) {
    switch (field->type) {
    case VALUE_BOOL:
        return "a flag (bool)";
    case VALUE_INT:
        return "an integer (int)";
    case VALUE_TIMESTAMP:
        return "an integer (timestamp, microseconds since 1970-01-01)";
    case VALUE_TEXT:
        return "a text (string)";
    default:
        return field->digits ? "an integer (decimal, in units of its last digit)"
                             : "a floating-point number (double)";
    }
}

static enum attribute_type expected_type(const struct field *field) {
    switch (field->type) {
    case VALUE_BOOL:
        return ATTRIBUTE_FLAG;
    case VALUE_INT:
    case VALUE_TIMESTAMP:
        return ATTRIBUTE_INTEGER;
    case VALUE_TEXT:
        return ATTRIBUTE_TEXT;
    default:
        return field->digits ? ATTRIBUTE_INTEGER : ATTRIBUTE_NUMBER;
    }
}

static int bind_attribute(const struct binding *binding, size_t slot,
                          const struct attribute *attribute) {
    const struct field *field = &binding->schema->fields[slot];
    if (attribute->type != expected_type(field))
        REFUSE(binding, slot, attribute->name, "%" TEXT_FORMAT " is %s; expected %s",
               TEXT_ARGS(attribute->name), attribute_type_name(attribute->type),
               expected_name(field));
    int64_t integer = attribute->integer;
    switch (attribute->type) {
    case ATTRIBUTE_TEXT:
        return bind_text(binding, slot, attribute->text);
    case ATTRIBUTE_NUMBER:
        set_double(binding, slot, attribute->number, 0);
        return 0;
    case ATTRIBUTE_FLAG:
        set(binding, slot, VALUE_BOOL, attribute->flag)->boolean = attribute->flag;
        return 0;
    case ATTRIBUTE_INTEGER:
    case ATTRIBUTE_NONE:
        break;
    }
    if (field->type == VALUE_TIMESTAMP && (integer < CALENDAR_MIN_US || integer > CALENDAR_MAX_US))
        REFUSE(binding, slot, attribute->name,
               "%" TEXT_FORMAT " %" PRId64 " is not a timestamp of the years 1 to 9999; expected "
               "microseconds since 1970-01-01",
               TEXT_ARGS(attribute->name), integer);
    if (field->type == VALUE_DOUBLE)
        set_double(binding, slot, (double)integer / (double)powers_of_ten[field->digits], integer);
    else
        set_integer(binding, slot, field->type, integer);
    return 0;
}

/* SIZE_MAX when there is none of this name. */
/* Attributes are sorted by name, so that a transaction with many costs a binary search for each. */
static size_t find_attribute(const struct schema *schema, struct text name) {
    size_t low = schema->first_attribute, high = schema->first_derived;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = text_compare(schema->fields[middle].name, name);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

static int refuse_undeclared(const struct binding *binding, struct text name) {
    const struct schema *schema = binding->schema;
    struct near near = near_to(name);
    char hint[NEAR_HINT_SIZE];
    *binding->ret_field = name;
    for (size_t i = schema->first_derived; i < schema->field_count; i++)
        if (text_equal(schema->fields[i].name, name))
            return error_set(binding->ret_error, ERROR_INVALID,
                             "attribute \"%" TEXT_FORMAT "\" cannot be sent: policy %" TEXT_FORMAT
                             " derives it; leave it out",
                             TEXT_ARGS(name), TEXT_ARGS(schema->policy));
    for (size_t i = 0; i < schema->first_derived; i++)
        near_try(&near, schema->fields[i].name);
    return error_set(binding->ret_error, ERROR_INVALID,
                     "attribute \"%" TEXT_FORMAT "\" is not declared by policy %" TEXT_FORMAT "%s",
                     TEXT_ARGS(name), TEXT_ARGS(schema->policy), near_hint(&near, hint));
}

static int bind_attributes(const struct binding *binding) {
    const struct schema *schema = binding->schema;
    for (size_t slot = schema->first_attribute; slot < schema->first_derived; slot++)
        set_absent(binding, slot);
    for (size_t i = 0; i < binding->transaction->attribute_count; i++) {
        const struct attribute *attribute = &binding->transaction->attributes[i];
        size_t slot = find_attribute(schema, attribute->name);
        int r = 0;
        if (slot != SIZE_MAX)
            r = bind_attribute(binding, slot, attribute);
        else if (binding->mode == BIND_STRICT)
            r = refuse_undeclared(binding, attribute->name);
        if (r < 0)
            return r;
    }
    if (binding->mode == BIND_LENIENT)
        return 0;
    for (size_t slot = schema->first_attribute; slot < schema->first_derived; slot++) {
        const struct field *field = &schema->fields[slot];
        if (field->required && binding->bound->frame[slot].type == VALUE_ABSENT) {
            *binding->ret_field = field->name;
            return error_set(binding->ret_error, ERROR_INVALID,
                             "attribute \"%" TEXT_FORMAT "\" is missing; policy %" TEXT_FORMAT
                             " requires it",
                             TEXT_ARGS(field->name), TEXT_ARGS(schema->policy));
        }
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------
 * Derived fields */

/* number × 10^digits to the nearest integer, ties to the even one; false when a double does not
 * hold every integer there, which NaN and the infinities are a case of. */
static bool round_to_digits(double number, unsigned digits, int64_t *ret_units) {
    double scaled = number * (double)powers_of_ten[digits];
    if (!(scaled > -0x1p53 && scaled < 0x1p53))
        return false;
    int64_t units = (int64_t)scaled;
    double rest = scaled - (double)units; /* exact, of the sign of scaled */
    if (rest > 0.5 || (rest == 0.5 && units % 2 != 0))
        units++;
    else if (rest < -0.5 || (rest == -0.5 && units % 2 != 0))
        units--;
    *ret_units = units;
    return true;
}

/* The result of the derivation, without running it: several networks of one address parse it once.
 */
static void bind_network(const struct binding *binding, size_t slot) {
    const struct expression_network *network = binding->schema->fields[slot].network;
    const struct value *v = &binding->bound->frame[network->slot];
    struct ip_address *address = binding->address;
    char text[IP_NETWORK_SIZE];
    struct text kept = {0};
    bool is_read = v->type == VALUE_TEXT && address->text.data == v->text.data &&
                   address->text.length == v->text.length;
    if (v->type == VALUE_TEXT && !is_read) {
        is_read = ip_address_read(v->text, address);
        if (!is_read)
            address->text.data = NULL;
    }
    if (is_read) {
        size_t length = ip_address_network(address, network->v4_bits, network->v6_bits, text);
        kept = arena_text(binding->bound->texts, (struct text){.data = text, .length = length});
    }
    if (kept.data)
        set_text(binding, slot, kept);
    else
        set_absent(binding, slot);
}

/* What an erasure has kept of a field that is derived from what it removed. */
static void bind_kept(const struct binding *binding, size_t slot, const struct attribute *kept) {
    switch (kept->type) {
    case ATTRIBUTE_TEXT:
        set_text(binding, slot, kept->text);
        return;
    case ATTRIBUTE_INTEGER:
        set_integer(binding, slot, binding->schema->fields[slot].type, kept->integer);
        return;
    case ATTRIBUTE_FLAG:
        binding->bound->frame[slot] = value_bool(kept->flag);
        binding->bound->integers[slot] = kept->flag;
        return;
    case ATTRIBUTE_NUMBER: {
        int64_t integer = 0;
        unsigned digits = binding->schema->fields[slot].digits;
        if (digits > 0 && !round_to_digits(kept->number, digits, &integer))
            break;
        set_double(binding, slot, kept->number, integer);
        return;
    }
    case ATTRIBUTE_NONE:
        break;
    }
    set_absent(binding, slot);
}

/* What cannot be computed is absent in every mode: a derived field never refuses a transaction,
 * because a client could not correct it. */
static void bind_derived(const struct binding *binding, size_t slot) {
    const struct field *field = &binding->schema->fields[slot];
    const struct erased *erased = binding->transaction->erased;
    const struct erased_field *left = erased ? erased_find(erased, field->canonical) : NULL;
    if (left) {
        bind_kept(binding, slot, &left->kept);
        return;
    }
    if (field->network) {
        bind_network(binding, slot);
        return;
    }
    struct value v =
        expression_eval(field->derivation, binding->bound->frame, binding->bound->texts);
    int64_t integer = 0;
    switch (v.type) {
    case VALUE_TEXT:
        if (v.text.length == 0) /* as of every other field */
            v = value_absent();
        break;
    case VALUE_BOOL:
        integer = v.boolean;
        break;
    case VALUE_INT:
    case VALUE_TIMESTAMP:
        integer = v.integer;
        break;
    case VALUE_DOUBLE:
        if (field->digits == 0) {
            if (!isfinite(v.number))
                v = value_absent();
            break;
        }
        v = round_to_digits(v.number, field->digits, &integer)
                ? value_double((double)integer / (double)powers_of_ten[field->digits])
                : value_absent();
        break;
    default:
        v = value_absent();
    }
    binding->bound->frame[slot] = v;
    binding->bound->integers[slot] = integer;
}

/* ------------------------------------------------------------------------------------------------
 * The whole */

static int bind_coordinate(const struct binding *binding, size_t slot, int32_t e7) {
    if (!binding->transaction->has_location) {
        if (binding->schema->fields[slot].required)
            REFUSE(binding, slot, TEXT_LITERAL("location"),
                   "location is missing; policy %" TEXT_FORMAT " requires it",
                   TEXT_ARGS(binding->schema->policy));
        set_absent(binding, slot);
        return 0;
    }
    set_double(binding, slot, (double)e7 / 1e7, e7);
    return 0;
}

static int bind_field(const struct binding *binding, size_t slot) {
    const struct field *field = &binding->schema->fields[slot];
    const struct transaction *transaction = binding->transaction;
    switch (field->kind) {
    case FIELD_KIND_TEXT:
        return bind_text(binding, slot, transaction->fields[field->source]);
    case FIELD_KIND_ID:
        return bind_text(binding, slot, transaction->id);
    case FIELD_KIND_CURRENCY:
        return bind_text(binding, slot, transaction->currency);
    case FIELD_KIND_EVENT_TIME:
        set_integer(binding, slot, VALUE_TIMESTAMP, transaction->event_time_us);
        return 0;
    case FIELD_KIND_AMOUNT:
        return bind_amount(binding, slot, transaction->amount_minor);
    case FIELD_KIND_REFUNDED:
        return bind_amount(binding, slot, transaction->refunded_minor);
    case FIELD_KIND_AMOUNT_MINOR:
        if (has_money(transaction))
            set_integer(binding, slot, VALUE_INT, transaction->amount_minor);
        else
            set_absent(binding, slot);
        return 0;
    case FIELD_KIND_LATITUDE:
        return bind_coordinate(binding, slot, transaction->latitude_e7);
    case FIELD_KIND_LONGITUDE:
        return bind_coordinate(binding, slot, transaction->longitude_e7);
    case FIELD_KIND_ATTRIBUTE:
    case FIELD_KIND_DERIVED:
        break;
    }
    return 0;
}

/* Binds texts that need no check, up to the first field that is anything else. Returns how many. */
static inline size_t bind_plain_texts(const struct binding *binding, const size_t *slots,
                                      size_t count) {
    const struct field *fields = binding->schema->fields;
    const struct text *texts = binding->transaction->fields;
    struct value *frame = binding->bound->frame;
    size_t i = 0;
    for (; i < count; i++) {
        const struct field *field = &fields[slots[i]];
        if (field->kind != FIELD_KIND_TEXT)
            break;
        struct text t = texts[field->source];
        if ((field->refuse_card_number && text_may_be_card_number(t)) ||
            (t.length == 0 && field->required))
            break;
        struct value *v = &frame[slots[i]];
        v->type = t.length > 0 ? VALUE_TEXT : VALUE_ABSENT;
        v->text.data = t.data;
        v->text.length = t.length;
    }
    return i;
}

/* Binds the fields before the attributes; *ret_end: how many of `slots` those are. */
static int bind_own_fields(const struct binding *binding, const size_t *slots, size_t count,
                           size_t *ret_end) {
    size_t i = bind_plain_texts(binding, slots, count);
    int r = 0;
    while (r == 0 && i < count && slots[i] < binding->schema->first_attribute) {
        r = bind_field(binding, slots[i++]);
        i += bind_plain_texts(binding, slots + i, count - i);
    }
    *ret_end = i;
    return r;
}

bool schema_may_refuse(const struct schema *schema, size_t slot) {
    const struct field *field = &schema->fields[slot];
    return field->kind == FIELD_KIND_AMOUNT || field->required || field->refuse_card_number;
}

int schema_bind(const struct schema *schema, const struct transaction *transaction,
                enum bind_mode mode, const struct bound *bound, struct text *ret_field,
                struct error *ret_error) {
    struct ip_address address;
    address.text.data = NULL;
    struct binding binding = {.schema = schema,
                              .transaction = transaction,
                              .mode = mode,
                              .bound = bound,
                              .ret_field = ret_field,
                              .ret_error = ret_error,
                              .address = &address};
    for (size_t slot = 0; slot < schema->first_attribute; slot++) {
        int r = bind_field(&binding, slot);
        if (r < 0)
            return r;
    }
    int r = bind_attributes(&binding);
    if (r < 0)
        return r;
    arena_reset(bound->texts);
    for (size_t slot = schema->first_derived; slot < schema->field_count; slot++)
        bind_derived(&binding, slot);
    return 0;
}

int schema_bind_some(const struct schema *schema, const struct transaction *transaction,
                     enum bind_mode mode, const size_t *slots, size_t slot_count,
                     const struct bound *bound, struct text *ret_field, struct error *ret_error) {
    struct ip_address address;
    address.text.data = NULL;
    const struct binding binding = {.schema = schema,
                                    .transaction = transaction,
                                    .mode = mode,
                                    .bound = bound,
                                    .ret_field = ret_field,
                                    .ret_error = ret_error,
                                    .address = &address};
    size_t i;
    int r = bind_own_fields(&binding, slots, slot_count, &i);
    if (r == 0 && (mode == BIND_STRICT || (i < slot_count && slots[i] < schema->first_derived)))
        r = bind_attributes(&binding);
    if (r < 0)
        return r;
    while (i < slot_count && slots[i] < schema->first_derived)
        i++;
    arena_reset(bound->texts);
    for (; i < slot_count; i++)
        bind_derived(&binding, slots[i]);
    return 0;
}

void schema_bind_rest(const struct schema *schema, const struct transaction *transaction,
                      const size_t *slots, size_t slot_count, const struct bound *bound) {
    struct text field;
    struct error ignored;
    struct ip_address address;
    address.text.data = NULL;
    const struct binding binding = {.schema = schema,
                                    .transaction = transaction,
                                    .mode = BIND_LENIENT,
                                    .bound = bound,
                                    .ret_field = &field,
                                    .ret_error = &ignored,
                                    .address = &address};
    for (size_t i = 0; i < slot_count; i++)
        if (slots[i] < schema->first_attribute)
            bind_field(&binding, slots[i]);
        else if (slots[i] >= schema->first_derived)
            bind_derived(&binding, slots[i]);
}
