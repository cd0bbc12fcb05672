/* Every transaction passes here under the decision lock, so what a policy does not ask for costs
 * nothing, and values are not copied but where they change. */
#include "protect.h"

#include "core/base/check.h"
#include "core/policy/eval/expression.h"
#include "core/policy/lang/ip_network.h"
#include "core/wire/types/field_text.h"

#include <string.h>

struct protecting {
    const struct schema *schema;
    const struct pseudonym_keys *keys;
    const struct pseudonym_key *key; /* of the event time; NULL: there is none */
    struct transaction *transaction;
    struct arena *arena;
    struct attribute *attributes; /* a copy of the transaction's, with room for those taken */
    size_t attribute_count;
    struct text *ret_field;
    struct error *ret_error;
};

bool protect_needs_keys(const struct snapshot *rules) {
    return rules->schema.protected_count > 0;
}

int protect_missing_keys(const struct snapshot *rules, const char *option,
                         struct error *ret_error) {
    const struct schema *schema = &rules->schema;
    struct text field = schema->fields[schema->protected_slots[0]].name;
    return error_set(ret_error, ERROR_INVALID,
                     "the policy %" TEXT_FORMAT " protects %" TEXT_FORMAT
                     " (protect: hmac), and there are no keys for pseudonyms; expected %s",
                     TEXT_ARGS(rules->name), TEXT_ARGS(field), option);
}

struct text protect_domain(const struct schema *schema, enum transaction_field field) {
    for (size_t i = 0; i < schema->protected_count; i++) {
        const struct field *candidate = &schema->fields[schema->protected_slots[i]];
        if (candidate->kind == FIELD_KIND_TEXT && candidate->source == field)
            return candidate->protect;
    }
    return (struct text){0};
}

static int no_memory(struct error *ret_error) {
    return error_set(ret_error, ERROR_TOO_LARGE, "the request needs too much memory");
}

static int replace(const struct pseudonym_key *key, struct text domain, struct arena *arena,
                   struct text *value, struct error *ret_error) {
    char *made = arena_alloc(arena, PSEUDONYM_SIZE);
    if (!made)
        return no_memory(ret_error);
    value->length = pseudonym_make(key->hmac, pseudonym_key_id(key), domain, *value, made);
    value->data = made;
    return 0;
}

/* ---- one value of a transaction ---- */

/* Made by the client. */
static int accept(const struct protecting *it, const struct field *field, struct text key_id) {
    const struct pseudonym_key *key = pseudonym_keys_find(it->keys, key_id);
    int64_t time_us = it->transaction->event_time_us;
    if (!it->schema->accept_pseudonyms)
        return error_set(it->ret_error, ERROR_INVALID,
                         "%" TEXT_FORMAT
                         " has the form of a pseudonym; expected the clear value, or "
                         "accept_pseudonyms: true in the policy's schema.yaml",
                         TEXT_ARGS(field->name));
    if (!key)
        return error_set(it->ret_error, ERROR_INVALID,
                         "%" TEXT_FORMAT " has a pseudonym of the key %" TEXT_FORMAT
                         ", which is not among the server's",
                         TEXT_ARGS(field->name), TEXT_ARGS(key_id));
    if (time_us < key->from_us || time_us >= key->until_us)
        return error_set(it->ret_error, ERROR_INVALID,
                         "%" TEXT_FORMAT " has a pseudonym of the key %" TEXT_FORMAT
                         ", which is not in force at the event time",
                         TEXT_ARGS(field->name), TEXT_ARGS(key_id));
    return 0;
}

/* The formats that transaction_check() knows: of a pseudonym it could not tell any more. Messages
 * quote nothing. */
static int check_clear(const struct protecting *it, const struct field *field, struct text value) {
    char name[TRANSACTION_FIELD_MAX];
    struct ip_address address;
    size_t most =
        field->kind == FIELD_KIND_TEXT ? TRANSACTION_FIELD_MAX : TRANSACTION_ATTRIBUTE_MAX;
    if (value.length > most || !text_is_plain(value)) {
        check(field->name.length < sizeof name);
        memcpy(name, field->name.data, field->name.length);
        name[field->name.length] = '\0';
        int r = field_check_any_text(name, value, most, it->ret_error);
        if (r < 0)
            return r;
    }
    if (field->kind == FIELD_KIND_TEXT && field->source == FIELD_IP &&
        (memchr(value.data, '/', value.length) || !ip_address_read(value, &address)))
        return error_set(it->ret_error, ERROR_INVALID,
                         "ip is not an IPv4 or IPv6 address; expected for example \"192.0.2.1\" or "
                         "\"2001:db8::1\"");
    if (!it->key)
        return error_set(it->ret_error, ERROR_INVALID,
                         "%" TEXT_FORMAT
                         " is protected, and the file of keys has none for this event time",
                         TEXT_ARGS(field->name));
    return 0;
}

static int protect_text(const struct protecting *it, const struct field *field,
                        struct text *value) {
    struct text key_id;
    if (value->length == 0)
        return 0;
    *it->ret_field = field->name;
    if (pseudonym_has_form(*value) && pseudonym_parse(*value, &key_id))
        return accept(it, field, key_id);
    int r = check_clear(it, field, *value);
    return r < 0 ? r : replace(it->key, field->protect, it->arena, value, it->ret_error);
}

/* ---- attributes ---- */

static struct attribute *find_attribute(struct attribute *attributes, size_t count,
                                        struct text name) {
    for (size_t i = 0; i < count; i++)
        if (text_equal(attributes[i].name, name))
            return &attributes[i];
    return NULL;
}

static int copy_attributes(struct protecting *it) {
    struct transaction *transaction = it->transaction;
    size_t count = transaction->attribute_count, most = count + it->schema->taken_count;
    it->attributes = arena_alloc(it->arena, (most ? most : 1) * sizeof *it->attributes);
    if (!it->attributes)
        return no_memory(it->ret_error);
    if (count > 0)
        memcpy(it->attributes, transaction->attributes, count * sizeof *it->attributes);
    it->attribute_count = count;
    transaction->attributes = it->attributes;
    return 0;
}

static bool make_attribute(struct text name, const struct value *value,
                           struct attribute *ret_attribute) {
    *ret_attribute = (struct attribute){.name = name};
    switch (value->type) {
    case VALUE_TEXT:
        ret_attribute->type = ATTRIBUTE_TEXT;
        ret_attribute->text = value->text;
        return value->text.length > 0;
    case VALUE_BOOL:
        ret_attribute->type = ATTRIBUTE_FLAG;
        ret_attribute->flag = value->boolean;
        return true;
    case VALUE_INT:
    case VALUE_TIMESTAMP:
        ret_attribute->type = ATTRIBUTE_INTEGER;
        ret_attribute->integer = value->integer;
        return true;
    case VALUE_DOUBLE:
        ret_attribute->type = ATTRIBUTE_NUMBER;
        ret_attribute->number = value->number;
        return true;
    default: /* what cannot be computed is absent, as a derived field is */
        return false;
    }
}

static bool reads_pseudonym(const struct field *field, const struct value *frame) {
    for (size_t i = 0; i < field->clear_count; i++) {
        const struct value *v = &frame[field->clear_slots[i]];
        if (v->type == VALUE_TEXT && pseudonym_has_form(v->text))
            return true;
    }
    return false;
}

/* A client that sends pseudonyms sends what is taken from the clear values, too. */
static int take_one(struct protecting *it, const struct field *field, const struct value *frame) {
    const struct attribute *sent = find_attribute(it->attributes, it->attribute_count, field->name);
    if (reads_pseudonym(field, frame))
        return 0;
    if (sent) {
        *it->ret_field = field->name;
        return error_set(it->ret_error, ERROR_INVALID,
                         "%" TEXT_FORMAT
                         " is taken from the clear value of another field (from_clear); leave it "
                         "out",
                         TEXT_ARGS(field->name));
    }
    const struct value value = expression_eval(field->from_clear, frame, it->arena);
    if (make_attribute(field->name, &value, &it->attributes[it->attribute_count]))
        it->transaction->attribute_count = ++it->attribute_count;
    return 0;
}

static int take_attributes(struct protecting *it) {
    const struct schema *schema = it->schema;
    struct arena texts; /* of derived fields, of which none is bound */
    struct text field;
    struct error ignored;
    struct bound bound = {
        .frame = arena_calloc(it->arena, schema->field_count, sizeof *bound.frame),
        .integers = arena_calloc(it->arena, schema->field_count, sizeof *bound.integers),
        .texts = &texts,
    };
    if (!bound.frame || !bound.integers)
        return no_memory(it->ret_error);
    arena_init(&texts, SCHEMA_TEXTS_MAX);
    schema_bind_some(schema, it->transaction, BIND_LENIENT, schema->clear_slots,
                     schema->clear_count, &bound, &field, &ignored);
    int r = 0;
    for (size_t i = 0; r == 0 && i < schema->taken_count; i++)
        r = take_one(it, &schema->fields[schema->taken_slots[i]], bound.frame);
    arena_deinit(&texts);
    return r;
}

static int protect_attribute(const struct protecting *it, const struct field *field,
                             struct attribute *attribute) {
    *it->ret_field = field->name;
    if (attribute->type != ATTRIBUTE_TEXT)
        return error_set(it->ret_error, ERROR_INVALID,
                         "%" TEXT_FORMAT " is not a text; expected a text (string)",
                         TEXT_ARGS(field->name));
    return protect_text(it, field, &attribute->text);
}

/* All of this name: one that is given twice is refused later, and neither value may be kept then.
 */
static int protect_attributes(const struct protecting *it, const struct field *field) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < it->attribute_count; i++)
        if (text_equal(it->attributes[i].name, field->name))
            r = protect_attribute(it, field, &it->attributes[i]);
    return r;
}

/* ---- the whole ---- */

static bool has_protected_attributes(const struct schema *schema) {
    return schema->taken_count > 0 ||
           (schema->protected_count > 0 &&
            schema->protected_slots[schema->protected_count - 1] >= schema->first_attribute);
}

static int protect_all(struct protecting *it) {
    const struct schema *schema = it->schema;
    int r = 0;
    if (has_protected_attributes(schema))
        r = copy_attributes(it);
    if (r == 0 && schema->taken_count > 0)
        r = take_attributes(it);
    for (size_t i = 0; r == 0 && i < schema->protected_count; i++) {
        const struct field *field = &schema->fields[schema->protected_slots[i]];
        r = field->kind == FIELD_KIND_TEXT
                ? protect_text(it, field, &it->transaction->fields[field->source])
                : protect_attributes(it, field);
    }
    return r;
}

/* Is this attribute protected, or taken from what is? */
static bool is_forgotten(const struct schema *schema, struct text name) {
    for (size_t i = 0; i < schema->protected_count; i++)
        if (text_equal(schema->fields[schema->protected_slots[i]].name, name))
            return true;
    for (size_t i = 0; i < schema->taken_count; i++)
        if (text_equal(schema->fields[schema->taken_slots[i]].name, name))
            return true;
    return false;
}

/* Whatever is still clear: pseudonyms among it are left out as well, and what was taken. */
static void forget(struct protecting *it) {
    const struct schema *schema = it->schema;
    struct transaction *transaction = it->transaction;
    size_t kept = 0;
    for (size_t i = 0; i < schema->protected_count; i++) {
        const struct field *field = &schema->fields[schema->protected_slots[i]];
        if (field->kind == FIELD_KIND_TEXT)
            transaction->fields[field->source] = (struct text){0};
    }
    for (size_t i = 0; it->attributes && i < it->attribute_count; i++)
        if (!is_forgotten(schema, it->attributes[i].name))
            it->attributes[kept++] = it->attributes[i];
    if (it->attributes)
        transaction->attribute_count = kept;
    else if (has_protected_attributes(schema)) /* there was no memory for a copy */
        transaction->attribute_count = 0;
}

/* transaction_check() lets pseudonyms pass as addresses. */
static int check_address(const struct transaction *transaction, struct text *ret_field,
                         struct error *ret_error) {
    if (!pseudonym_has_form(transaction->fields[FIELD_IP]))
        return 0;
    *ret_field = TEXT_LITERAL("ip");
    return error_set(ret_error, ERROR_INVALID,
                     "ip has the form of a pseudonym, and the policy does not protect it; expected "
                     "an IPv4 or IPv6 address");
}

int protect_transaction(const struct schema *schema, const struct pseudonym_keys *keys,
                        struct transaction *transaction, struct arena *arena,
                        struct text *ret_field, struct error *ret_error) {
    struct text field = {0};
    struct protecting it = {.schema = schema,
                            .keys = keys,
                            .transaction = transaction,
                            .arena = arena,
                            .ret_field = &field,
                            .ret_error = ret_error};
    int r = 0;
    if (schema->protected_count > 0) {
        check(keys);
        it.key = pseudonym_keys_at(keys, transaction->event_time_us);
        r = protect_all(&it);
        if (r < 0)
            forget(&it);
    }
    if (r == 0 && transaction->fields[FIELD_IP].length > 0 && !schema->protects_ip)
        r = check_address(transaction, &field, ret_error);
    if (r < 0)
        *ret_field = field;
    return r;
}

int protect_value(struct text domain, const struct pseudonym_keys *keys, int64_t time_us,
                  struct arena *arena, struct text *value, struct error *ret_error) {
    if (domain.length == 0 || value->length == 0 || pseudonym_has_form(*value))
        return 0;
    const struct pseudonym_key *key = keys ? pseudonym_keys_at(keys, time_us) : NULL;
    if (!key)
        return error_set(ret_error, ERROR_INVALID,
                         "%" TEXT_FORMAT
                         " is protected, and there is no key for its pseudonyms now",
                         TEXT_ARGS(domain));
    return protect_value_by(domain, key, arena, value, ret_error);
}

int protect_value_by(struct text domain, const struct pseudonym_key *key, struct arena *arena,
                     struct text *value, struct error *ret_error) {
    if (value->length > PSEUDONYM_VALUE_MAX)
        return error_set(ret_error, ERROR_INVALID,
                         "a value of %" TEXT_FORMAT " has %zu bytes; expected at most %d",
                         TEXT_ARGS(domain), value->length, PSEUDONYM_VALUE_MAX);
    return replace(key, domain, arena, value, ret_error);
}
