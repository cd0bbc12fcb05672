/* What the loaders of the single files share: finding files, declaring names, and expressions
 * inside YAML texts, whose errors have to be reported at their place in the file. */
#include "load.h"

#include "core/base/check.h"

/* By path alone. ".yml" is recognised only to be refused with a hint. */
enum policy_file_kind policy_file_kind(struct text path) {
    static const struct {
        const char *path;
        enum policy_file_kind kind;
    } files[] = {
        {"policy.yaml", FILE_POLICY},     {"schema.yaml", FILE_SCHEMA},
        {"features.yaml", FILE_FEATURES}, {"lists.yaml", FILE_LISTS},
        {"models.yaml", FILE_MODELS},     {"thresholds.yaml", FILE_THRESHOLDS},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (text_is(path, files[i].path))
            return files[i].kind;
    bool yaml = path.length > 5 && memcmp(path.data + path.length - 5, ".yaml", 5) == 0;
    bool yml = path.length > 4 && memcmp(path.data + path.length - 4, ".yml", 4) == 0;
    if (yaml && path.length > 11 && memcmp(path.data, "rules/", 6) == 0)
        return FILE_RULES;
    if (yaml && path.length > 11 && memcmp(path.data, "cases/", 6) == 0)
        return FILE_CASES;
    if (zone_path_name(path).data)
        return FILE_ZONE;
    return yaml || yml ? FILE_OTHER_YAML : FILE_OTHER;
}

struct reader load_reader(struct load *load, const struct source *source) {
    return (struct reader){
        .source = source, .diagnostics = &load->diagnostics, .arena = load->arena};
}

const struct source *load_find(struct load *load, enum policy_file_kind kind,
                               struct tree_node **ret_root) {
    for (size_t i = 0; i < load->file_count; i++) {
        if (policy_file_kind(load->sources[i].path) != kind)
            continue;
        *ret_root = load->roots[i];
        return load->roots[i] ? &load->sources[i] : NULL;
    }
    return NULL;
}

const struct source *load_source(const struct load *load, struct text path) {
    for (size_t i = 0; i < load->file_count; i++)
        if (text_equal(load->sources[i].path, path))
            return &load->sources[i];
    return NULL;
}

bool load_field_yields(const struct field *field) {
    return field->kind == FIELD_KIND_REFUNDED;
}

/* Gives the name of a field that yields to what the policy declares. NULL: it is another's. */
static struct name *take_over(struct load *load, struct name name) {
    struct schema *schema = &load->snapshot->schema;
    struct name *there = scope_change(&load->scope, name.text);
    if (there->kind != NAME_FIELD || there->slot >= schema->field_count ||
        !load_field_yields(&schema->fields[there->slot]))
        return NULL;
    schema->fields[there->slot].name = TEXT_LITERAL("");
    *there = name;
    return there;
}

/* The scope has one name space: a field and a value cannot share a name. */
struct name *load_declare(struct load *load, const struct reader *reader,
                          const struct tree_node *node, struct name name) {
    struct name *declared = scope_add(&load->scope, name);
    if (!declared)
        declared = take_over(load, name);
    if (!declared)
        read_diagnostic(reader, node, "there is already a name \"%" TEXT_FORMAT "\"",
                        TEXT_ARGS(name.text));
    return declared;
}

static void declare_broken_name(struct load *load, struct text name) {
    scope_add(&load->scope, (struct name){.text = name,
                                          .canonical = name,
                                          .kind = NAME_FIELD,
                                          .type = VALUE_ERROR,
                                          .slot = SIZE_MAX});
}

void load_declare_broken(struct load *load, const struct tree_node *node) {
    if (node->key)
        declare_broken_name(load, node->key->text);
    if (node->kind == TREE_TEXT && (!node->key || text_is(node->key->text, "name")))
        declare_broken_name(load, node->text);
    for (const struct tree_node *child = node->first; child; child = child->next)
        load_declare_broken(load, child);
}

bool load_is_taken(struct text name) {
    static const char *const words[] = {"verdict", "outcome", "lists",      "thresholds",
                                        "model",   "models",  "attributes", "location"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (text_is(name, words[i]))
            return true;
    return false;
}

/* ------------------------------------------------------------------------------------------------
 * Expressions in YAML texts */

/* A reporter that turns offsets in an expression into places in the file. */
struct place {
    struct reporter reporter;
    struct load *load;
    const struct source *source;
    const struct tree_node *node;
    size_t offset;
};

/* Characters of the value from offset on, up to the end of their line. */
static size_t characters(struct text value, size_t offset, size_t length) {
    size_t count = 0;
    for (size_t i = offset; i < offset + length && i < value.length; i++) {
        if (value.data[i] == '\n')
            break;
        count += text_begins_character(value.data[i]);
    }
    return count;
}

struct position load_locate(const struct source *source, const struct tree_node *node,
                            size_t offset, size_t length) {
    return tree_locate(source, node, offset, characters(node->text, offset, length));
}

/* Kept for the analysis and for explanations, which need the trees of all expressions. */
static void note(struct load *load, struct noted_expression noted) {
    if (load->noted_count == load->noted_capacity) {
        load->noted_capacity = load->noted_capacity ? load->noted_capacity * 2 : 64;
        load->noted = check_reallocarray(load->noted, load->noted_capacity, sizeof noted);
    }
    load->noted[load->noted_count++] = noted;
}

/* Locating means scanning the file, so it is skipped once no more messages are stored. */
static void report_in_place(struct reporter *reporter, size_t offset, size_t length,
                            const char *text) {
    struct place *place = (struct place *)reporter; /* its first member */
    struct position at = {0};
    if (place->load->diagnostics.stored < DIAGNOSTICS_STORED_MAX) {
        offset += place->offset;
        at = load_locate(place->source, place->node, offset, length);
    }
    diagnostic_add(&place->load->diagnostics, place->source, at, "%s", text);
}

/* A plain or folded text over several lines has lost its line breaks, so a // comment would hide
 * the rest: the reporter says so. */
struct syntax *load_expression(struct load *load, const struct source *source,
                               const struct tree_node *node, size_t offset, size_t length,
                               enum scope_reader reader, enum value_type wanted) {
    bool folded =
        node->style == TREE_FOLDED || (node->style != TREE_LITERAL && node->end_line > node->line);
    struct place place = {.reporter = {.report = report_in_place, .folded = folded},
                          .load = load,
                          .source = source,
                          .node = node,
                          .offset = offset};
    struct text text = {.data = node->text.data + offset, .length = length};
    struct syntax *syntax =
        expression_check(text, &load->scope, reader, wanted, &load->scratch, &place.reporter);
    if (syntax && (load->is_checked || load->visitor))
        note(load, (struct noted_expression){.source = source,
                                             .node = node,
                                             .offset = offset,
                                             .reader = reader,
                                             .syntax = syntax});
    return syntax;
}

struct syntax *load_expression_node(struct load *load, const struct source *source,
                                    const struct tree_node *node, const char *what,
                                    enum scope_reader reader, enum value_type wanted) {
    struct reader text_reader = load_reader(load, source);
    text_reader.arena = &load->scratch;
    struct text ignored;
    if (!read_text(&text_reader, node, what, EXPRESSION_SOURCE_MAX, &ignored))
        return NULL;
    return load_expression(load, source, node, 0, node->text.length, reader, wanted);
}
