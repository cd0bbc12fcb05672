/* Names and members: what an expression may read, and the messages about names that it may not read
 * or that do not exist. Much of this file is hints: which name was probably meant, and where it
 * would have to be declared. */
#include "checker_name.h"

#include "checker_list.h"

#include "core/base/check.h"
#include "core/policy/source/diagnostic.h"

#include <stdio.h>

/* The table of scope.h's enum scope_reader. Derived fields must not depend on state, and conditions
 * of features on nothing but the record: both are computed when a record is applied, also years
 * later. */
static bool may_read(const struct checker *checker, const struct name *name) {
    if (checker->reader == SCOPE_DERIVED)
        return name->kind == NAME_FIELD;
    if (checker->reader == SCOPE_FILTER)
        return name->kind == NAME_FIELD || name->kind == NAME_LATER;
    if (name->kind == NAME_THRESHOLD)
        return checker->reader == SCOPE_RULE;
    if (name->kind == NAME_MODEL)
        return checker->reader == SCOPE_RULE || checker->reader == SCOPE_THRESHOLD;
    return name->kind != NAME_LATER;
}

type_code checker_refuse_reading(struct checker *checker, size_t start, size_t length,
                                 const char *what) {
    static const struct {
        const char *who, *expected;
    } readers[] = {
        [SCOPE_DERIVED] = {"a derived field", "expected fields of the transaction"},
        [SCOPE_FILTER] = {"a feature's condition",
                          "expected fields of the transaction, verdict or outcome"},
        [SCOPE_VALUE] = {"a value", "only rules can"},
        [SCOPE_MODEL] = {"a model", "expected fields, features, values or lists"},
        [SCOPE_THRESHOLD] = {"a threshold", "only rules can"},
        [SCOPE_RULE] = {"a rule", "expected fields, features, values, lists, models or thresholds"},
    };
    report(checker->reporter, start, length, "%s cannot read %s; %s", readers[checker->reader].who,
           what, readers[checker->reader].expected);
    return BROKEN;
}

static const char *quoted(const struct checker *checker, struct text t) {
    struct text quoted = arena_printf(checker->scratch, "\"%" TEXT_FORMAT "\"", TEXT_ARGS(t));
    check(quoted.data);
    return quoted.data;
}

static type_code use_name(struct checker *checker, struct syntax *node, const struct name *name) {
    node->name = name;
    if (may_read(checker, name))
        return name->type;
    if (name->kind != NAME_LATER)
        return checker_refuse_reading(checker, node->start, node->end - node->start,
                                      quoted(checker, name->text));
    report(checker->reporter, node->start, node->end - node->start,
           "\"%" TEXT_FORMAT "\" is not known while a transaction is decided; only \"where\" "
           "and \"of\" of a feature can read it",
           TEXT_ARGS(name->text));
    return BROKEN;
}

/* The nearest readable name that begins with `prefix`. */
/* Names that this reader may not read are not suggested. */
static struct near nearest_name(const struct checker *checker, struct text wanted,
                                struct text prefix) {
    struct near near = near_to(wanted);
    for (size_t i = 0; i < checker->scope->name_count; i++) {
        const struct name *name = checker->scope->names[i];
        bool begins =
            name->text.length >= prefix.length &&
            (prefix.length == 0 || memcmp(name->text.data, prefix.data, prefix.length) == 0);
        if (begins && may_read(checker, name))
            near_try(&near, name->text);
    }
    return near;
}

/* Models are loaded after values, and are not for those. */
static bool is_hidden_model(const struct checker *checker, struct text word) {
    return text_is(word, "models") && checker->reader != SCOPE_RULE &&
           checker->reader != SCOPE_THRESHOLD;
}

/* Thresholds are loaded after everything but rules and cases, so other readers cannot find them. */
static bool is_hidden_threshold(const struct checker *checker, struct text word) {
    return text_is(word, "thresholds") && checker->reader != SCOPE_RULE;
}

static bool is_announced(const struct scope *scope, struct text word) {
    for (size_t i = 0; i < scope->announced_count; i++)
        if (text_equal(scope->announced[i], word))
            return true;
    return false;
}

/* Not reported when a file with declarations could not be read: the name may be declared there. */
type_code checker_unknown_name(struct checker *checker, const struct syntax *node,
                               bool beside_text) {
    if (checker->scope->incomplete)
        return BROKEN;
    bool derived = checker->reader == SCOPE_DERIVED;
    char hint[NEAR_HINT_SIZE];
    if (is_hidden_model(checker, node->text))
        checker_refuse_reading(checker, node->offset, node->length, "models");
    else if (text_is(node->text, "models") || text_is(node->text, "model"))
        report(checker->reporter, node->offset, node->length,
               "\"%" TEXT_FORMAT "\" is not a value; expected models.NAME", TEXT_ARGS(node->text));
    else if (is_hidden_threshold(checker, node->text))
        checker_refuse_reading(checker, node->offset, node->length, "thresholds");
    else if (text_is(node->text, "thresholds"))
        report(checker->reporter, node->offset, node->length,
               "\"thresholds\" is not a value; expected thresholds.NAME");
    else if (text_is(node->text, "lists"))
        report(checker->reporter, node->offset, node->length,
               "\"lists\" is not a value; expected lists.NAME, right of \"in\"");
    else if (scope_has_entity(checker->scope, node->text))
        report(checker->reporter, node->offset, node->length,
               "\"%" TEXT_FORMAT "\" is an entity, not a value; expected %" TEXT_FORMAT ".FEATURE",
               TEXT_ARGS(node->text), TEXT_ARGS(node->text));
    else if (derived && (text_is(node->text, "verdict") || text_is(node->text, "outcome")))
        checker_refuse_reading(checker, node->offset, node->length, quoted(checker, node->text));
    else if (is_announced(checker->scope, node->text))
        report(checker->reporter, node->offset, node->length,
               "\"%" TEXT_FORMAT "\" is declared further down; a %s can use only those above it",
               TEXT_ARGS(node->text), derived ? "derived field" : "value");
    else {
        struct near near = nearest_name(checker, node->text, (struct text){0});
        if (!*near_hint(&near, hint) && beside_text)
            snprintf(hint, sizeof hint, "; a text is written in quotes: \"%" TEXT_FORMAT "\"",
                     TEXT_ARGS(node->text));
        else if (!*hint && derived)
            snprintf(hint, sizeof hint, "; expected a field of the transaction");
        report(checker->reporter, node->offset, node->length, "unknown name \"%" TEXT_FORMAT "\"%s",
               TEXT_ARGS(node->text), hint);
    }
    return BROKEN;
}

type_code checker_name(struct checker *checker, struct syntax *node) {
    node->local = checker_local(checker, node->text);
    if (node->local)
        return node->local->type;
    const struct name *name = scope_find(checker->scope, node->text);
    return name ? use_name(checker, node, name) : checker_unknown_name(checker, node, false);
}

static struct text joined(struct checker *checker, struct text left, struct text right) {
    struct text t = arena_printf(checker->scratch, "%" TEXT_FORMAT ".%" TEXT_FORMAT,
                                 TEXT_ARGS(left), TEXT_ARGS(right));
    check(t.data);
    return t;
}

static void unknown_threshold(struct checker *checker, const struct syntax *node,
                              struct text full) {
    struct near near = nearest_name(checker, full, TEXT_LITERAL("thresholds."));
    char hint[NEAR_HINT_SIZE];
    near_hint(&near, hint);
    report(checker->reporter, node->offset, node->length,
           "unknown threshold \"%" TEXT_FORMAT "\"%s", TEXT_ARGS(node->text),
           *hint ? hint : "; thresholds.yaml declares them");
}

/* Of a model with classes, those are named. */
static type_code unknown_model(struct checker *checker, const struct syntax *node,
                               struct text full) {
    struct text prefix = arena_printf(checker->scratch, "%" TEXT_FORMAT ".", TEXT_ARGS(full));
    check(prefix.data);
    if (checker->scope->incomplete)
        return BROKEN;
    if (is_hidden_model(checker, TEXT_LITERAL("models")))
        return checker_refuse_reading(checker, node->start, node->end - node->start, "models");
    for (size_t i = 0; i < checker->scope->name_count; i++) {
        struct text name = checker->scope->names[i]->text;
        if (name.length > prefix.length && memcmp(name.data, prefix.data, prefix.length) == 0) {
            report(checker->reporter, node->start, node->end - node->start,
                   "\"%" TEXT_FORMAT "\" has a value for each class; expected for example "
                   "%" TEXT_FORMAT,
                   TEXT_ARGS(full), TEXT_ARGS(name));
            return BROKEN;
        }
    }
    struct near near = nearest_name(checker, full, TEXT_LITERAL("models."));
    char hint[NEAR_HINT_SIZE];
    near_hint(&near, hint);
    report(checker->reporter, node->start, node->end - node->start,
           "unknown model \"%" TEXT_FORMAT "\"%s", TEXT_ARGS(full),
           *hint ? hint : "; models.yaml declares them");
    return BROKEN;
}

/* A name with a dot that is not declared. What precedes the dot decides which message helps. */
static type_code unknown_member(struct checker *checker, const struct syntax *node,
                                struct text full) {
    if (checker->scope->incomplete)
        return BROKEN;
    struct text before = node->first->text;
    char hint[NEAR_HINT_SIZE];
    size_t start = node->start, length = node->end - node->start;
    if (checker->reader == SCOPE_DERIVED && !text_is(before, "attributes"))
        return checker_refuse_reading(checker, start, length, quoted(checker, full));
    if (scope_has_entity(checker->scope, before)) {
        struct text prefix = {.data = full.data, .length = before.length + 1};
        struct near near = nearest_name(checker, full, prefix);
        report(checker->reporter, start, length,
               "entity \"%" TEXT_FORMAT "\" has no feature \"%" TEXT_FORMAT "\"%s",
               TEXT_ARGS(before), TEXT_ARGS(node->text), near_hint(&near, hint));
    } else if (is_hidden_threshold(checker, before)) {
        checker_refuse_reading(checker, start, length, "thresholds");
    } else if (text_is(before, "thresholds")) {
        unknown_threshold(checker, node, full);
    } else if (text_is(before, "lists")) {
        report(checker->reporter, start, length,
               "a list is not a value; it can only be used right of \"in\"");
    } else if (text_is(before, "attributes")) {
        report(checker->reporter, start, length,
               "attributes are read by their own names: "
               "write \"%" TEXT_FORMAT "\"",
               TEXT_ARGS(node->text));
    } else if (scope_find(checker->scope, before)) {
        report(checker->reporter, node->offset, node->length,
               "\"%" TEXT_FORMAT "\" has no member \"%" TEXT_FORMAT
               "\"; functions are called with ()",
               TEXT_ARGS(before), TEXT_ARGS(node->text));
    } else {
        struct near near = near_to(before);
        for (size_t i = 0; i < checker->scope->entity_count; i++)
            near_try(&near, checker->scope->entities[i]);
        report(checker->reporter, node->first->offset, node->first->length,
               "unknown entity \"%" TEXT_FORMAT "\"%s", TEXT_ARGS(before), near_hint(&near, hint));
    }
    return BROKEN;
}

/* Is what precedes the dot a value, so that this selects from a map? Otherwise both halves are one
 * name, such as card.count_1h. */
static bool is_selection(const struct checker *checker, const struct syntax *node) {
    const struct syntax *operand = node->first;
    if (operand->kind != SYNTAX_NAME || checker_local(checker, operand->text))
        return true;
    const struct name *name = scope_find(checker->scope, operand->text);
    return name && type_kind(name->type) == VALUE_MAP;
}

/* Does it begin with "models", and is that no variable of a macro? */
static bool is_of_models(const struct checker *checker, const struct syntax *node) {
    return node->kind == SYNTAX_NAME && text_is(node->text, "models") &&
           !checker_local(checker, node->text);
}

/* models.NAME, and models.NAME.CLASS, whose name has two dots. */
static type_code model_member(struct checker *checker, struct syntax *node) {
    struct text full = node->first->text;
    if (node->first->kind == SYNTAX_MEMBER)
        full = joined(checker, node->first->first->text, full);
    full = joined(checker, full, node->text);
    const struct name *name = scope_find(checker->scope, full);
    return name ? use_name(checker, node, name) : unknown_model(checker, node, full);
}

/* thresholds.NAME and entity.feature are looked up as one name with a dot. */
type_code checker_member(struct checker *checker, struct syntax *node) {
    const struct syntax *first = node->first;
    if (is_of_models(checker, first) ||
        (first->kind == SYNTAX_MEMBER && is_of_models(checker, first->first)))
        return model_member(checker, node);
    if (is_selection(checker, node)) {
        type_code type = checker_node(checker, node->first);
        if (type == BROKEN)
            return BROKEN;
        if (type_kind(type) == VALUE_MAP)
            return checker_selection(checker, node);
        report(checker->reporter, node->offset, node->length,
               "a value has no member \"%" TEXT_FORMAT "\"; functions are called with ()",
               TEXT_ARGS(node->text));
        return BROKEN;
    }
    struct text full = joined(checker, node->first->text, node->text);
    const struct name *name = scope_find(checker->scope, full);
    return name ? use_name(checker, node, name) : unknown_member(checker, node, full);
}
