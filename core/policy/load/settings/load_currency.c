/* Currency codes with hints: codes in small letters, near misses of the policy's own currencies
 * first, and of any other only if a single one is near. */
#include "load_currency.h"

#include <stdio.h>

/* The only currency in use that is one letter off; NULL when there are several. */
static const char *only_near_currency(struct text t) {
    const char *found = NULL;
    for (size_t i = 0; currency_code(i); i++) {
        if (text_distance(t, text_of(currency_code(i))) > 1)
            continue;
        if (found)
            return NULL;
        found = currency_code(i);
    }
    return found;
}

/* The currency that t, at most 64 bytes, is a slip of: in small letters, or one letter off. Of
 * several, the policy's own are the likely ones. */
static const char *currency_hint(const struct schema *schema, struct text t,
                                 char ret_hint[NEAR_HINT_SIZE]) {
    char capitals[65] = "";
    for (size_t i = 0; i < t.length; i++)
        capitals[i] =
            (char)(t.data[i] >= 'a' && t.data[i] <= 'z' ? t.data[i] - 'a' + 'A' : t.data[i]);
    struct near near = near_to(text_of(capitals));
    if (currency_digits(near.wanted) >= 0) {
        snprintf(ret_hint, NEAR_HINT_SIZE, "; did you mean \"%s\"?", capitals);
        return ret_hint;
    }
    near_try(&near, text_of(schema->base_currency));
    for (size_t i = 0; i < schema->rate_count; i++)
        near_try(&near, text_of(schema->rates[i].currency));
    const char *only = only_near_currency(near.wanted);
    if (only)
        near_try(&near, text_of(only));
    return near_hint(&near, ret_hint);
}

bool load_currency(const struct reader *reader, const struct tree_node *node, const char *what,
                   const struct schema *schema, char ret_code[4], uint8_t *ret_digits) {
    struct text code;
    if (!read_text(reader, node, what, 64, &code))
        return false;
    int digits = currency_digits(code);
    if (digits < 0) {
        char hint[NEAR_HINT_SIZE];
        read_diagnostic(reader, node,
                        "%s \"%" TEXT_FORMAT
                        "\" is not a current ISO 4217 code; expected for example EUR%s",
                        what, TEXT_ARGS(code), currency_hint(schema, code, hint));
        return false;
    }
    memcpy(ret_code, code.data, 3);
    ret_code[3] = '\0';
    *ret_digits = (uint8_t)digits;
    return true;
}

/* Without a rate a transaction in the currency is refused (schema.h), so a feature of that currency
 * would never count anything. */
bool load_currency_has_rate(const struct load *load, const struct reader *reader,
                            const struct tree_node *node, const char currency[4]) {
    const struct schema *schema = &load->snapshot->schema;
    if (strcmp(currency, schema->base_currency) == 0 || load->rates_incomplete)
        return true;
    for (size_t i = 0; i < schema->rate_count; i++)
        if (strcmp(currency, schema->rates[i].currency) == 0)
            return true;
    read_diagnostic(reader, node,
                    "no transaction can be in %s: its rate to %s is missing from currency_rates "
                    "in policy.yaml",
                    currency, schema->base_currency);
    return false;
}
