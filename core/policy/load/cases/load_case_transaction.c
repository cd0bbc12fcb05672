/* One transaction of a case, from the keys of its mapping: fields and attributes as clients send
 * them, checked as a server checks them, so that no case tests what could not happen. */
#include "load_case_transaction.h"

#include "core/base/check.h"
#include "core/policy/lang/calendar.h"

#include <stdlib.h>

#define NUMBER_SIZE_MAX 40u /* of an amount's digits */

bool case_is_null(const struct tree_node *node) {
    return node->kind == TREE_TEXT && node->style == TREE_PLAIN &&
           (node->text.length == 0 || text_is(node->text, "~") || text_is(node->text, "null"));
}

/* What is refunded is no part of a transaction: there is a key without a name in its place. */
static const char *key_of(const struct field *field) {
    return field->kind == FIELD_KIND_REFUNDED ? "" : field->name.data;
}

void case_steps_init(struct case_loader *loader) {
    static const char *const own[STEP_OWN_KEYS] = {"at", "repeat", "every", "verdict"};
    struct load *load = loader->load;
    const struct snapshot *snapshot = load->snapshot;
    loader->key_count = STEP_OWN_KEYS + snapshot->schema.first_derived;
    loader->keys = arena_calloc(&load->scratch, loader->key_count, sizeof *loader->keys);
    check(loader->keys);
    for (size_t i = 0; i < loader->key_count; i++)
        loader->keys[i].name =
            i < STEP_OWN_KEYS ? own[i] : key_of(&snapshot->schema.fields[i - STEP_OWN_KEYS]);
    loader->bound.frame = check_calloc(snapshot->schema.field_count, sizeof(struct value));
    loader->bound.integers = check_calloc(snapshot->schema.field_count, sizeof(int64_t));
    loader->bound.texts = check_calloc(1, sizeof *loader->bound.texts);
    arena_init(loader->bound.texts, SCHEMA_TEXTS_MAX);
}

void case_steps_deinit(struct case_loader *loader) {
    free(loader->bound.frame);
    free(loader->bound.integers);
    arena_deinit(loader->bound.texts);
    free(loader->bound.texts);
}

/* ------------------------------------------------------------------------------------------------
 * A transaction */

static struct key *own_keys(struct case_loader *loader) {
    struct key *keys = arena_calloc(&loader->load->scratch, loader->key_count, sizeof *keys);
    check(keys);
    memcpy(keys, loader->keys, loader->key_count * sizeof *keys);
    return keys;
}

size_t case_field_key(const struct case_loader *loader, enum field_kind kind,
                      enum transaction_field source) {
    const struct schema *schema = &loader->load->snapshot->schema;
    size_t i = 0;
    while (schema->fields[i].kind != kind ||
           (kind == FIELD_KIND_TEXT && schema->fields[i].source != source))
        i++;
    return STEP_OWN_KEYS + i;
}

const struct tree_node *case_field_node(const struct case_draft *draft, enum field_kind kind) {
    const struct tree_node *node = draft->keys[case_field_key(draft->loader, kind, 0)].node;
    return node && !case_is_null(node) ? node : NULL;
}

/* Texts with {n} replaced. */
static bool read_field_text(struct case_draft *draft, const struct tree_node *node,
                            const char *what, size_t max, struct text *ret_text) {
    struct load *load = draft->loader->load;
    struct text t;
    if (!read_text(&draft->loader->reader, node, what, max, &t))
        return false;
    const char *at = draft->number ? memmem(t.data, t.length, "{n}", 3) : NULL;
    if (at) {
        size_t before = (size_t)(at - t.data);
        t = arena_printf(load->arena, "%.*s%lld%.*s", (int)before, t.data, (long long)draft->number,
                         (int)(t.length - before - 3), at + 3);
        check(t.data);
    }
    *ret_text = t;
    return true;
}

/* "12.50" with two digits → 1250. Returns 0; −1: not a number; −2: more decimals than `digits`. */
static int parse_units(struct text t, unsigned digits, int64_t *ret_units) {
    bool negative = t.length > 0 && t.data[0] == '-', point = false;
    size_t start = negative, seen = 0;
    unsigned decimals = 0;
    int64_t units = 0;
    for (size_t i = start; i < t.length; i++) {
        if (t.data[i] == '.' && !point && seen > 0) {
            point = true;
            continue;
        }
        if (!text_is_digit(t.data[i]))
            return -1;
        seen++;
        decimals += point;
        if (decimals > digits && t.data[i] != '0')
            return -2;
        if (decimals <= digits && (__builtin_mul_overflow(units, 10, &units) ||
                                   __builtin_add_overflow(units, t.data[i] - '0', &units)))
            return -1;
    }
    for (unsigned i = decimals; i < digits; i++)
        if (__builtin_mul_overflow(units, 10, &units))
            return -1;
    *ret_units = negative ? -units : units;
    return seen > 0 && (!point || decimals > 0) ? 0 : -1;
}

bool case_read_units(struct case_loader *loader, const struct tree_node *node, const char *what,
                     unsigned digits, int64_t *ret_units) {
    struct reader *reader = &loader->reader;
    struct text t;
    if (!read_text(reader, node, what, NUMBER_SIZE_MAX, &t))
        return false;
    int r = node->style == TREE_PLAIN ? parse_units(t, digits, ret_units) : -1;
    if (r == -1)
        read_diagnostic(reader, node, "%s is %s%" TEXT_FORMAT "%s; expected a number such as 12.50",
                        what, node->style == TREE_PLAIN ? "" : "the text \"", TEXT_ARGS(t),
                        node->style == TREE_PLAIN ? "" : "\"");
    else if (r == -2)
        read_diagnostic(reader, node,
                        "%s %" TEXT_FORMAT " has too many decimals; expected at most %u", what,
                        TEXT_ARGS(t), digits);
    return r == 0;
}

/* amount is exact in the currency's own digits, amount_minor is the same as clients send it; a
 * missing currency is the base currency. */
static bool read_money(struct case_draft *draft) {
    struct transaction *transaction = &draft->transaction;
    const struct schema *schema = &draft->loader->load->snapshot->schema;
    const struct tree_node *amount = case_field_node(draft, FIELD_KIND_AMOUNT);
    const struct tree_node *minor = case_field_node(draft, FIELD_KIND_AMOUNT_MINOR);
    const struct tree_node *currency = case_field_node(draft, FIELD_KIND_CURRENCY);
    if (amount && minor) {
        read_diagnostic(&draft->loader->reader, minor,
                        "both amount and amount_minor are given; expected one of them");
        return false;
    }
    if (currency && !read_field_text(draft, currency, "currency", TRANSACTION_FIELD_MAX,
                                     &transaction->currency))
        return false;
    if (!currency && (amount || minor))
        transaction->currency = text_of(schema->base_currency);
    if (minor)
        return read_int(&draft->loader->reader, minor, "amount_minor", 0,
                        TRANSACTION_AMOUNT_MINOR_MAX, &transaction->amount_minor);
    int digits = currency_digits(transaction->currency);
    /* An unknown currency is reported by transaction_check(). */
    return !amount || digits < 0 ||
           case_read_units(draft->loader, amount, "amount", (unsigned)digits,
                           &transaction->amount_minor);
}

bool case_read_time(struct case_loader *loader, const struct tree_node *node, const char *what,
                    int64_t *ret_us) {
    struct text t;
    if (!read_text(&loader->reader, node, what, 64, &t))
        return false;
    if (calendar_parse_timestamp(t, ret_us) == 0 || calendar_parse_date(t, ret_us) == 0)
        return true;
    read_diagnostic(&loader->reader, node,
                    "%s \"%" TEXT_FORMAT
                    "\" is not a time; expected for example 2026-01-31T12:00:00Z",
                    what, TEXT_ARGS(t));
    return false;
}

static bool read_coordinate(struct case_draft *draft, const struct tree_node *node,
                            const char *what, int32_t *ret_e7) {
    int64_t units;
    if (!case_read_units(draft->loader, node, what, 7, &units))
        return false;
    if (units < INT32_MIN || units > INT32_MAX) {
        read_diagnostic(&draft->loader->reader, node, "%s is out of range; expected degrees", what);
        return false;
    }
    *ret_e7 = (int32_t)units;
    return true;
}

static bool read_location(struct case_draft *draft) {
    const struct tree_node *latitude = case_field_node(draft, FIELD_KIND_LATITUDE);
    const struct tree_node *longitude = case_field_node(draft, FIELD_KIND_LONGITUDE);
    if (!latitude && !longitude)
        return true;
    if (!latitude || !longitude) {
        read_diagnostic(&draft->loader->reader, latitude ? latitude : longitude,
                        "latitude and longitude must be given together");
        return false;
    }
    draft->transaction.has_location = true;
    bool good = read_coordinate(draft, latitude, "latitude", &draft->transaction.latitude_e7);
    return read_coordinate(draft, longitude, "longitude", &draft->transaction.longitude_e7) && good;
}

/* Values are encoded as clients encode them: decimals in units of their last digit, times in
 * microseconds. */
static bool read_attribute(struct case_draft *draft, const struct field *field,
                           const struct tree_node *node) {
    struct attribute *attribute = &draft->attributes[draft->transaction.attribute_count];
    const struct reader *reader = &draft->loader->reader;
    const char *what = field->name.data;
    bool good;
    attribute->name = field->name;
    attribute->type = ATTRIBUTE_INTEGER;
    switch (field->type) {
    case VALUE_TEXT:
        attribute->type = ATTRIBUTE_TEXT;
        good = read_field_text(draft, node, what, TRANSACTION_ATTRIBUTE_MAX, &attribute->text);
        break;
    case VALUE_BOOL:
        attribute->type = ATTRIBUTE_FLAG;
        good = read_bool(reader, node, what, &attribute->flag);
        break;
    case VALUE_INT:
        good = read_int(reader, node, what, INT64_MIN, INT64_MAX, &attribute->integer);
        break;
    case VALUE_TIMESTAMP:
        good = case_read_time(draft->loader, node, what, &attribute->integer);
        break;
    default:
        if (field->digits > 0) {
            good = case_read_units(draft->loader, node, what, field->digits, &attribute->integer);
        } else {
            attribute->type = ATTRIBUTE_NUMBER;
            good = read_double(reader, node, what, &attribute->number);
        }
    }
    draft->transaction.attribute_count += good;
    return good;
}

static bool read_attributes(struct case_draft *draft) {
    const struct schema *schema = &draft->loader->load->snapshot->schema;
    bool good = true;
    draft->attributes =
        arena_calloc(draft->loader->load->arena, schema->first_derived - schema->first_attribute,
                     sizeof *draft->attributes);
    check(draft->attributes);
    for (size_t i = schema->first_attribute; i < schema->first_derived; i++) {
        const struct tree_node *node = draft->keys[STEP_OWN_KEYS + i].node;
        if (node && !case_is_null(node))
            good &= read_attribute(draft, &schema->fields[i], node);
    }
    draft->transaction.attributes = draft->attributes;
    return good;
}

static bool read_texts(struct case_draft *draft) {
    bool good = true;
    for (enum transaction_field field = 0; field < FIELD_COUNT; field++) {
        const struct tree_node *node =
            draft->keys[case_field_key(draft->loader, FIELD_KIND_TEXT, field)].node;
        if (node && !case_is_null(node))
            good &= read_field_text(draft, node, transaction_field_name(field),
                                    TRANSACTION_FIELD_MAX, &draft->transaction.fields[field]);
    }
    return good;
}

/* The node of the field that transaction_check() or schema_bind() has refused, by its name there.
 */
static const struct tree_node *node_of_field(const struct case_draft *draft, struct text field) {
    if (text_is(field, "event_time_us"))
        field = TEXT_LITERAL("event_time");
    if (text_is(field, "latitude_e7") || text_is(field, "location"))
        field = TEXT_LITERAL("latitude");
    if (text_is(field, "longitude_e7"))
        field = TEXT_LITERAL("longitude");
    for (size_t i = STEP_OWN_KEYS; i < draft->loader->key_count; i++)
        if (text_is(field, draft->keys[i].name) && draft->keys[i].node)
            return draft->keys[i].node;
    const struct tree_node *amount = case_field_node(draft, FIELD_KIND_AMOUNT);
    return text_is(field, "amount_minor") && amount ? amount : draft->node;
}

/* Would a server take it? */
static bool check_accepted(struct case_draft *draft) {
    struct text field = {0};
    struct error error;
    int r = transaction_check(&draft->transaction, &field, &error);
    if (r == 0)
        r = schema_bind(&draft->loader->load->snapshot->schema, &draft->transaction, BIND_STRICT,
                        &draft->loader->bound, &field, &error);
    if (r == 0)
        return true;
    const struct tree_node *node = node_of_field(draft, field);
    struct position at = tree_position(node);
    at.secret = node->kind == TREE_TEXT && text_is_card_number(node->text);
    diagnostic_add(draft->loader->reader.diagnostics, draft->loader->reader.source, at, "%s",
                   error.text);
    return false;
}

/* All but the time and what is the step's own. */
bool case_build(struct case_draft *draft, struct text id, int64_t at_us) {
    const struct tree_node *own_id = case_field_node(draft, FIELD_KIND_ID);
    draft->transaction = (struct transaction){.id = id, .event_time_us = at_us};
    bool good =
        !own_id || read_field_text(draft, own_id, "id", TRANSACTION_ID_MAX, &draft->transaction.id);
    good &= read_money(draft);
    good &= read_texts(draft);
    good &= read_location(draft);
    good &= read_attributes(draft);
    /* When the schema has errors, a transaction that does not fit it may still be right. */
    return good && (!draft->loader->load->is_schema_sound || check_accepted(draft));
}

/* ------------------------------------------------------------------------------------------------
 * Keys */

static void refuse_key(struct case_loader *loader, struct tree_node *key, const char *why) {
    read_diagnostic(&loader->reader, key, "%s", why);
    key->broken = true;
}

/* Reports keys that exist elsewhere but not here, with what to write instead. */
static void refuse_keys(struct case_loader *loader, const struct tree_node *node, bool history) {
    const struct schema *schema = &loader->load->snapshot->schema;
    const struct field *refunded =
        &schema->fields[case_field_key(loader, FIELD_KIND_REFUNDED, 0) - STEP_OWN_KEYS];
    for (const struct tree_node *child = node->first; child; child = child->next) {
        struct tree_node *key = child->key;
        if (key->broken)
            continue;
        for (size_t i = schema->first_derived; i < schema->field_count; i++)
            if (text_equal(key->text, schema->fields[i].name))
                refuse_key(loader, key, "this field is derived by schema.yaml; leave it out");
        if (key->broken)
            continue;
        if (refunded->name.length > 0 && text_equal(key->text, refunded->name))
            refuse_key(loader, key,
                       "nothing is refunded yet when a transaction is decided; amend one of the "
                       "history: {amend: refund, of: ID, amount: 12.50}");
        else if (text_is(key->text, "attributes"))
            refuse_key(loader, key,
                       "attributes are written beside the other fields, without "
                       "\"attributes\"");
        else if (history && text_is(key->text, "event_time"))
            refuse_key(loader, key,
                       "a transaction of the history has \"at\" instead: a time, or -10m for ten "
                       "minutes before the transaction");
        else if (!history && (text_is(key->text, "at") || text_is(key->text, "repeat") ||
                              text_is(key->text, "every") || text_is(key->text, "verdict")))
            refuse_key(loader, key,
                       "only transactions of the history have this key; the time of this one is "
                       "\"event_time\"");
    }
}

struct key *case_read_fields(struct case_loader *loader, const struct tree_node *node,
                             const char *what, bool history) {
    struct key *keys = own_keys(loader);
    if (!read_mapping(&loader->reader, node, what))
        return NULL;
    refuse_keys(loader, node, history);
    /* Unknown keys are reported and do no further harm. */
    size_t first = history ? 0 : STEP_OWN_KEYS;
    read_keys(&loader->reader, node, what, keys + first, loader->key_count - first);
    return keys;
}
