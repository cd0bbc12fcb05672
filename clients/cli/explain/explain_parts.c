/* The parts of a condition arrive as a list in source order, each with its depth: a part's
 * children are the parts behind it with a greater depth. Here they become lines: && and
 *
 * are taken apart, everything else is a leaf with the values that it was computed from.
 *
 * Two ways through the tree: all of it (rules that fired), or only the parts that decide the
 * result (rules that did not). */
#include "explain_parts.h"

#include "clients/cli/output/feature_value.h"
#include "core/base/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN 46 /* characters for a part, before its values */

/* ---- values ---- */

/* value_format() is called twice: a list may be of any length. */
static void add_value(struct buffer *out, struct value v, bool quoted) {
    size_t size = (size_t)value_format(v, NULL, 0) + 1;
    char *string = check_malloc(size);
    value_format(v, string, size);
    buffer_printf(out, quoted ? "\"%s\"" : "%s", string);
    free(string);
}

void explain_parts_value(struct buffer *out, const struct harrier_feature *value) {
    if (value->type == HARRIER_VALUE_ABSENT)
        buffer_append_string(out, "absent");
    else
        add_value(out, feature_value(value), value->type == HARRIER_VALUE_TEXT);
}

/* Lists and maps arrive as text that is already in the language's notation, so it is not quoted
 * again. */
static void add_part_value(struct buffer *out, const struct harrier_explained_part *part) {
    bool printed = strcmp(part->type, "list") == 0 || strcmp(part->type, "map") == 0;
    if (*part->error)
        buffer_printf(out, "no value (%s)", part->error);
    else if (part->value.type == HARRIER_VALUE_ABSENT)
        buffer_append_string(out, "absent");
    else
        add_value(out, feature_value(&part->value),
                  !printed && part->value.type == HARRIER_VALUE_TEXT);
}

/* Neither is true for a part that is absent or failed. */
static bool is_bool(const struct harrier_explained_part *part, bool flag) {
    return part->value.type == HARRIER_VALUE_FLAG && part->value.value.flag == flag;
}

/* ✓ true, ✗ false, ! failed, – absent or not a bool. */
static const char *mark_of(const struct harrier_explained_part *part) {
    return is_bool(part, true) ? "✓" : is_bool(part, false) ? "✗" : *part->error ? "!" : "–";
}

bool explain_parts_is_true(const struct harrier_explained_part *parts, size_t count) {
    return count > 0 && is_bool(&parts[0], true);
}

/* ---- one part and its values ---- */

/* The index behind the part and all its children. */
static size_t end_of(const struct harrier_explained_part *parts, size_t count, size_t index) {
    size_t end = index + 1;
    while (end < count && parts[end].depth > parts[index].depth)
        end++;
    return end;
}

/* A name that occurs twice in a leaf is printed once. */
static bool was_said(const struct harrier_explained_part *parts, size_t from, size_t index) {
    for (size_t i = from; i < index; i++)
        if (strcmp(parts[i].text, parts[index].text) == 0)
            return true;
    return false;
}

/* Where a threshold's value came from matters as much as the value. */
static void add_threshold(struct buffer *out, const struct harrier_explained_part *part) {
    static const char *const words[] = {
        [HARRIER_ORIGIN_NONE] = "",
        [HARRIER_ORIGIN_FALLBACK] = " (the policy's fallback: no value was computed)",
        [HARRIER_ORIGIN_OVERALL] = " (computed by the rebuild, over all groups)",
        [HARRIER_ORIGIN_GROUP] = " (computed by the rebuild, for this group)",
    };
    buffer_printf(out, "%s = ", part->text);
    add_part_value(out, part);
    buffer_append_string(out, words[part->origin <= HARRIER_ORIGIN_GROUP ? part->origin : 0]);
}

/* The value looked for is shown by the children of this part. */
static void add_membership(struct buffer *out, const struct harrier_explained_part *part) {
    if (is_bool(part, true))
        buffer_printf(out, "it is in the list %s%s", part->list,
                      part->added ? ", added while the server ran" : "");
    else if (is_bool(part, false))
        buffer_printf(out, "it is not in the list %s", part->list);
    else
        buffer_printf(out, "the list %s was not searched", part->list);
}

/* Literals are parts only of a conditional, and have none. */
static bool is_literal(const struct harrier_explained_part *parts, size_t index, size_t end) {
    const char *text = parts[index].text;
    bool has_parts = index + 1 < end && parts[index + 1].depth > parts[index].depth;
    return !has_parts && (text_is_digit(*text) || *text == '-' || *text == '"' || *text == '\'');
}

/* Is it worth a word below this leaf? Names and what is looked up; of arithmetic only a whole side
 * of a comparison, or what is looked for in a list. */
static bool is_reporting(const struct harrier_explained_part *parts, size_t index, size_t end,
                         const struct harrier_explained_part *leaf) {
    const struct harrier_explained_part *part = &parts[index];
    bool has_sides =
        leaf->kind == HARRIER_EXPLAINED_COMPARISON || leaf->kind == HARRIER_EXPLAINED_LIST;
    if (!part->reached)
        return false;
    switch (part->kind) {
    case HARRIER_EXPLAINED_NAME:
    case HARRIER_EXPLAINED_THRESHOLD:
    case HARRIER_EXPLAINED_LIST:
    case HARRIER_EXPLAINED_EACH:
        return true;
    default:
        return has_sides && part->depth == leaf->depth + 1 && !is_literal(parts, index, end);
    }
}

/* robustZScore(x, median, mad): its first two arguments, which constants are not parts of. */
static bool find_deviation(const struct harrier_explained_part *parts, size_t index, size_t end,
                           const struct harrier_explained_part **ret_of,
                           const struct harrier_explained_part **ret_from) {
    const struct harrier_explained_part *part = &parts[index];
    if (strncmp(part->text, "robustZScore(", 13) != 0 || part->kind != HARRIER_EXPLAINED_OTHER ||
        part->value.type != HARRIER_VALUE_NUMBER)
        return false;
    size_t of = index + 1, from = of < end ? end_of(parts, end, of) : end;
    size_t spread = from < end ? end_of(parts, end, from) : end;
    if (spread >= end || parts[spread].depth != part->depth + 1)
        return false;
    *ret_of = &parts[of];
    *ret_from = &parts[from];
    return true;
}

/* "amount is 7.3 robust deviations above 24.1". Infinitely many: the mad is 0. */
static bool add_deviation(struct buffer *out, const struct harrier_explained_part *parts,
                          size_t index, size_t end) {
    const struct harrier_explained_part *of, *from;
    if (!find_deviation(parts, index, end, &of, &from))
        return false;
    double number = parts[index].value.value.number;
    const char *side = number < 0 ? "below" : "above";
    if (isnan(number))
        return false;
    if (isinf(number))
        buffer_printf(out, "%s is %s the usual ", of->text, side);
    else
        buffer_printf(out, "%s is %.1f robust deviations %s the usual ", of->text, fabs(number),
                      side);
    add_part_value(out, from);
    if (isinf(number))
        buffer_append_string(out, ", which has no deviation");
    return true;
}

static void add_reporting(struct buffer *out, const struct harrier_explained_part *parts,
                          size_t index, size_t end) {
    const struct harrier_explained_part *part = &parts[index];
    if (add_deviation(out, parts, index, end))
        return;
    if (part->kind == HARRIER_EXPLAINED_THRESHOLD) {
        add_threshold(out, part);
    } else if (part->kind == HARRIER_EXPLAINED_LIST) {
        add_membership(out, part);
    } else if (part->kind == HARRIER_EXPLAINED_EACH) {
        buffer_printf(out, "for each item %s: ", part->text);
        add_part_value(out, part);
    } else {
        buffer_printf(out, "%s = ", part->text);
        add_part_value(out, part);
    }
}

/* Names first, then what was made of them; the leaf itself when it is a look-up. */
static void add_values(struct buffer *out, const struct harrier_explained_part *parts, size_t leaf,
                       size_t end, const char *separator) {
    for (int round = 0; round < 2; round++)
        for (size_t i = leaf + 1; i < end; i++) {
            bool is_name = parts[i].kind == HARRIER_EXPLAINED_NAME;
            if (is_name != (round == 0) || !is_reporting(parts, i, end, &parts[leaf]) ||
                was_said(parts, leaf + 1, i))
                continue;
            buffer_append_string(out, separator);
            add_reporting(out, parts, i, end);
            separator = ", ";
        }
    if (parts[leaf].kind == HARRIER_EXPLAINED_LIST) {
        buffer_append_string(out, separator);
        add_membership(out, &parts[leaf]);
    } else if (*parts[leaf].error) {
        buffer_append_string(out, separator);
        add_part_value(out, &parts[leaf]);
    }
}

/* Not bytes: marks and names may be longer in UTF-8. */
static size_t characters(const char *string) {
    size_t count = 0;
    for (; *string; string++)
        count += text_begins_character(*string);
    return count;
}

static void add_deciding(struct buffer *out, const struct harrier_explained_policy *policy,
                         const struct harrier_explained_part *parts, size_t index, size_t end,
                         unsigned indent);

/* Of a computed value that is true or false, and asked for by its name alone: why it is. */
static void add_reasons_of_name(struct buffer *out, const struct harrier_explained_policy *policy,
                                const struct harrier_explained_part *part, unsigned indent) {
    for (size_t i = 0; i < policy->computed_count; i++)
        if (part->kind == HARRIER_EXPLAINED_NAME && part->reached &&
            strcmp(policy->computed[i].name, part->text) == 0)
            add_deciding(out, policy, policy->computed[i].parts, 0, policy->computed[i].part_count,
                         indent);
}

/* Values are aligned behind the part; padding is taken back if there are none. */
static void add_leaf(struct buffer *out, const struct harrier_explained_policy *policy,
                     const struct harrier_explained_part *parts, size_t leaf, size_t end,
                     unsigned indent) {
    const struct harrier_explained_part *part = &parts[leaf];
    size_t width = characters(part->text) + indent;
    buffer_printf(out, "%*s%s %s", (int)indent, "", mark_of(part), part->text);
    size_t before = out->length;
    buffer_printf(out, "%*s", width < COLUMN ? (int)(COLUMN - width) : 2, "");
    size_t padded = out->length;
    if (part->reached)
        add_values(out, parts, leaf, end, "");
    else
        buffer_append_string(out, "not evaluated");
    if (out->length == padded)
        out->length = before;
    buffer_append_string(out, "\n");
    add_reasons_of_name(out, policy, part, indent + 4);
}

/* ---- conditions ---- */

/* A part that is shown as a list of its children. */
static bool is_inner(const struct harrier_explained_part *parts, size_t index, size_t end) {
    enum harrier_explained_kind kind = parts[index].kind;
    if (kind == HARRIER_EXPLAINED_AND || kind == HARRIER_EXPLAINED_OR)
        return true;
    /* !(a || b): what it is of is worth taking apart. */
    return kind == HARRIER_EXPLAINED_NOT && index + 1 < end &&
           (parts[index + 1].kind == HARRIER_EXPLAINED_AND ||
            parts[index + 1].kind == HARRIER_EXPLAINED_OR);
}

/* In front of the children's list. */
static const char *words_for(enum harrier_explained_kind kind) {
    return kind == HARRIER_EXPLAINED_AND  ? "all of"
           : kind == HARRIER_EXPLAINED_OR ? "one of"
                                          : "not";
}

/* The outermost && needs no heading: its parts are simply listed. */
static void add_tree(struct buffer *out, const struct harrier_explained_policy *policy,
                     const struct harrier_explained_part *parts, size_t index, size_t end,
                     unsigned indent) {
    if (!is_inner(parts, index, end)) {
        add_leaf(out, policy, parts, index, end, indent);
        return;
    }
    bool is_plain = index == 0 && parts[0].kind == HARRIER_EXPLAINED_AND;
    if (!is_plain) {
        buffer_printf(out, "%*s%s %s%s\n", (int)indent, "", mark_of(&parts[index]),
                      words_for(parts[index].kind),
                      parts[index].reached ? "" : "  (not evaluated)");
        indent += 2;
    }
    for (size_t i = index + 1; i < end; i = end_of(parts, end, i))
        add_tree(out, policy, parts, i, end_of(parts, end, i), indent);
}

void explain_parts_all(struct buffer *out, const struct harrier_explained_policy *policy,
                       const struct harrier_explained_part *parts, size_t count, unsigned indent) {
    if (count > 0)
        add_tree(out, policy, parts, 0, count, indent);
}

/* Parts that were not needed, or do not matter for the result, are left out. */
static void add_deciding(struct buffer *out, const struct harrier_explained_policy *policy,
                         const struct harrier_explained_part *parts, size_t index, size_t end,
                         unsigned indent) {
    if (!parts[index].decides || !parts[index].reached)
        return;
    if (!is_inner(parts, index, end)) {
        add_leaf(out, policy, parts, index, end, indent);
        return;
    }
    for (size_t i = index + 1; i < end; i = end_of(parts, end, i))
        add_deciding(out, policy, parts, i, end_of(parts, end, i), indent);
}

void explain_parts_deciding(struct buffer *out, const struct harrier_explained_policy *policy,
                            const struct harrier_explained_part *parts, size_t count,
                            unsigned indent) {
    if (count > 0)
        add_deciding(out, policy, parts, 0, count, indent);
}

void explain_parts_computed(struct buffer *out, const struct harrier_explained_computed *computed,
                            unsigned indent) {
    if (computed->part_count == 0)
        return;
    buffer_printf(out, "%*s%-36s", (int)indent, "", computed->name);
    add_part_value(out, &computed->parts[0]);
    buffer_printf(out, "\n%*s= %s", (int)indent + 2, "", computed->parts[0].text);
    char with[32];
    snprintf(with, sizeof with, "\n%*swith ", (int)indent + 2, "");
    add_values(out, computed->parts, 0, computed->part_count, with);
    buffer_append_string(out, "\n");
}
