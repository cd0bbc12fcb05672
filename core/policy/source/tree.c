/* libyaml's events → struct tree_node.
 *
 * libyaml is given nothing that it reads differently from what an editor shows: check_characters()
 * refuses tabs, control characters, invalid UTF-8 and the line breaks that only YAML knows. Events
 * carry line and column, in characters, of where they start, which is all that messages need;
 * places inside a text are found by tree_locate.c. */
#include "tree.h"

#include "core/base/check.h"

#include <stdio.h>
#include <yaml.h>

struct builder {
    const struct source *source;
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct tree_node *root;
    struct tree_node *open[TREE_DEPTH_MAX]; /* collections that are being filled */
    struct tree_node *keys[TREE_DEPTH_MAX]; /* their key that waits for its value */
    size_t depth;
    size_t documents;
    bool stopped; /* a limit was reached: the tree is incomplete and not used */
};

struct position tree_position(const struct tree_node *node) {
    struct position at = {.line = node->line, .column = node->column, .length = 1};
    if (node->kind == TREE_TEXT && node->style == TREE_PLAIN && node->text.length > 0 &&
        !memchr(node->text.data, '\n', node->text.length))
        at.length = node->text.length;
    return at;
}

/* ------------------------------------------------------------------------------------------------
 * Before libyaml sees it */

static const char *bad_character(const char *at, const char *end) {
    unsigned char c = (unsigned char)*at;
    if (c == '\t')
        return "tab character: indent and separate with spaces";
    if (c < 0x20 || c == 0x7f)
        return "control character: not allowed in a policy";
    if (c == 0xc2 && end - at > 1 && (unsigned char)at[1] == 0x85)
        return "line break U+0085: end lines with a plain newline";
    if (c == 0xe2 && end - at > 2 && at[1] == '\x80' && (at[2] == '\xa8' || at[2] == '\xa9'))
        return "line break U+2028 or U+2029: end lines with a plain newline";
    return "invalid UTF-8: save the file as UTF-8";
}

/* The first byte of a line that is not clean text, or that libyaml would read as a line break; the
 * line's length when there is none. */
static size_t first_bad(struct text line) {
    size_t bad = line.length;
    text_is_clean(line, &bad);
    for (size_t i = 0; i < bad; i++) {
        unsigned char c = (unsigned char)line.data[i];
        if (c == 0xc2 && i + 1 < bad && (unsigned char)line.data[i + 1] == 0x85)
            return i;
        if (c == 0xe2 && i + 2 < bad && line.data[i + 1] == '\x80' &&
            (line.data[i + 2] == '\xa8' || line.data[i + 2] == '\xa9'))
            return i;
    }
    return bad;
}

static size_t characters(const char *data, size_t length) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += text_begins_character(data[i]);
    return count;
}

/* Tabs, control characters, invalid UTF-8: the first of each line, a few lines at most. */
static bool check_characters(struct builder *builder, struct text content) {
    const char *at = content.data, *end = content.data + content.length;
    size_t found = 0;
    for (size_t line = 1; at < end && found < 5; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        size_t length = (size_t)(stop - at);
        if (newline && length > 0 && at[length - 1] == '\r')
            length--;
        size_t bad = first_bad((struct text){.data = at, .length = length});
        if (bad < length) {
            struct position where = {.line = line, .column = characters(at, bad) + 1};
            diagnostic_add(builder->diagnostics, builder->source, where, "%s",
                           bad_character(at + bad, at + length));
            found++;
        }
        at = newline ? newline + 1 : end;
    }
    return found == 0;
}

/* ------------------------------------------------------------------------------------------------
 * Events */

static struct position mark_position(yaml_mark_t mark) {
    return (struct position){.line = mark.line + 1, .column = mark.column + 1};
}

static void diagnostic_at(struct builder *builder, yaml_mark_t mark, const char *text) {
    diagnostic_add(builder->diagnostics, builder->source, mark_position(mark), "%s", text);
}

/* Two keys of one mapping with the same text. libyaml accepts them, and most readers silently drop
 * the first. */
static void check_duplicate(struct builder *builder, const struct tree_node *mapping,
                            struct tree_node *key) {
    for (const struct tree_node *child = mapping->first; child; child = child->next) {
        if (child->key->broken || !text_equal(child->key->text, key->text))
            continue;
        diagnostic_add(builder->diagnostics, builder->source, tree_position(key),
                       "duplicate key \"%" TEXT_FORMAT "\": it is already on line %zu",
                       TEXT_ARGS(key->text), child->key->line);
        key->broken = true;
        return;
    }
}

static void take_key(struct builder *builder, struct tree_node *mapping, struct tree_node *node) {
    if (node->kind != TREE_TEXT) {
        diagnostic_add(builder->diagnostics, builder->source, tree_position(node),
                       "a key must be a text; put a text that starts with { or [ in quotes");
        node->broken = true;
    } else if (mapping->child_count == TREE_CHILDREN_MAX) {
        if (!mapping->broken)
            diagnostic_add(builder->diagnostics, builder->source, tree_position(node),
                           "too many keys: at most %u in one mapping", TREE_CHILDREN_MAX);
        mapping->broken = true;
    } else {
        check_duplicate(builder, mapping, node);
    }
    builder->keys[builder->depth - 1] = node;
}

/* A node of a mapping is alternately a key and a value. A value of a key that was refused is still
 * attached, so that its own errors are reported. */
static void attach(struct builder *builder, struct tree_node *node) {
    if (builder->depth == 0) {
        builder->root = node;
        return;
    }
    struct tree_node *parent = builder->open[builder->depth - 1];
    if (parent->kind == TREE_MAPPING) {
        struct tree_node **key = &builder->keys[builder->depth - 1];
        if (!*key) {
            take_key(builder, parent, node);
            return;
        }
        node->key = *key;
        *key = NULL;
        if (parent->child_count == TREE_CHILDREN_MAX)
            return;
    }
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    parent->child_count++;
}

static struct tree_node *new_node(struct builder *builder, enum tree_kind kind, yaml_mark_t mark) {
    struct tree_node *node = arena_calloc(builder->arena, 1, sizeof *node);
    check(node);
    node->kind = kind;
    node->line = mark.line + 1;
    node->column = mark.column + 1;
    return node;
}

/* Anchors and tags mean something to YAML that an author of conditions does not expect. */
static bool refuse_properties(struct builder *builder, const yaml_event_t *event,
                              const yaml_char_t *anchor, const yaml_char_t *tag) {
    if (anchor)
        diagnostic_at(builder, event->start_mark,
                      "anchors (&name) are not supported; if this is text, put it in quotes");
    else if (tag)
        diagnostic_at(builder, event->start_mark,
                      "YAML reads a text that starts with \"!\" as a tag; put it in quotes");
    return anchor || tag;
}

static enum tree_style scalar_style(yaml_scalar_style_t style) {
    switch (style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
        return TREE_SINGLE_QUOTED;
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return TREE_DOUBLE_QUOTED;
    case YAML_LITERAL_SCALAR_STYLE:
        return TREE_LITERAL;
    case YAML_FOLDED_SCALAR_STYLE:
        return TREE_FOLDED;
    default:
        return TREE_PLAIN;
    }
}

static void add_scalar(struct builder *builder, const yaml_event_t *event) {
    struct tree_node *node = new_node(builder, TREE_TEXT, event->start_mark);
    node->style = scalar_style(event->data.scalar.style);
    node->end_line = event->end_mark.line + 1;
    node->text =
        arena_text(builder->arena, (struct text){.data = (const char *)event->data.scalar.value,
                                                 .length = event->data.scalar.length});
    check(node->text.data);
    node->broken =
        refuse_properties(builder, event, event->data.scalar.anchor, event->data.scalar.tag);
    attach(builder, node);
}

static void open_collection(struct builder *builder, const yaml_event_t *event,
                            enum tree_kind kind) {
    struct tree_node *node = new_node(builder, kind, event->start_mark);
    node->broken = kind == TREE_LIST
                       ? refuse_properties(builder, event, event->data.sequence_start.anchor,
                                           event->data.sequence_start.tag)
                       : refuse_properties(builder, event, event->data.mapping_start.anchor,
                                           event->data.mapping_start.tag);
    node->has_brackets = kind == TREE_LIST
                             ? event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
                             : event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    attach(builder, node);
    if (builder->depth == TREE_DEPTH_MAX) {
        diagnostic_add(builder->diagnostics, builder->source, tree_position(node),
                       "nested too deeply: at most %u levels", TREE_DEPTH_MAX);
        builder->stopped = true;
        return;
    }
    builder->open[builder->depth] = node;
    builder->keys[builder->depth] = NULL;
    builder->depth++;
}

/* Brackets end where they close. A collection without brackets ends with its last child: libyaml
 * sees its end only at what comes next. */
static void close_collection(struct builder *builder, const yaml_event_t *event) {
    struct tree_node *node = builder->open[--builder->depth];
    node->end_line = node->has_brackets ? event->end_mark.line + 1
                     : node->last       ? node->last->end_line
                                        : node->line;
}

static void add_alias(struct builder *builder, const yaml_event_t *event) {
    diagnostic_at(builder, event->start_mark,
                  "aliases (*name) are not supported; if this is text, put it in quotes");
    struct tree_node *node = new_node(builder, TREE_TEXT, event->start_mark);
    node->text = TEXT_LITERAL("");
    node->broken = true;
    attach(builder, node);
}

/* false: the document ends here */
static bool take_event(struct builder *builder, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++builder->documents == 2) {
            diagnostic_at(builder, event->start_mark,
                          "a second document; expected one per file: remove the \"---\"");
            return false;
        }
        return true;
    case YAML_SCALAR_EVENT:
        add_scalar(builder, event);
        return true;
    case YAML_ALIAS_EVENT:
        add_alias(builder, event);
        return true;
    case YAML_SEQUENCE_START_EVENT:
        open_collection(builder, event, TREE_LIST);
        return !builder->stopped;
    case YAML_MAPPING_START_EVENT:
        open_collection(builder, event, TREE_MAPPING);
        return !builder->stopped;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_collection(builder, event);
        return true;
    case YAML_STREAM_END_EVENT:
        return false;
    default:
        return true;
    }
}

/* What libyaml's messages usually mean to the author of a policy. */
static const char *syntax_hint(const char *problem) {
    static const struct {
        const char *problem, *hint;
    } hints[] = {
        {"mapping values are not allowed", "; put a text that holds \": \" in quotes"},
        {"cannot start any token", "; put a text that starts with this character in quotes"},
        {"did not find expected key", "; check the indentation and the quotes before it"},
        {"could not find expected ':'", "; check the indentation, or put the text in quotes"},
        {"did not find expected ',' or", "; a closing bracket or a comma is missing"},
        {"did not find expected '-' indicator", "; check the indentation"},
        {"unexpected end of stream", "; a closing quote is missing"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strstr(problem, hints[i].problem))
            return hints[i].hint;
    return "";
}

static void report_syntax(struct builder *builder, const yaml_parser_t *parser) {
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    char context[160] = "";
    if (parser->context && parser->context_mark.line != parser->problem_mark.line)
        snprintf(context, sizeof context, " (%s that starts on line %zu)", parser->context,
                 parser->context_mark.line + 1);
    else if (parser->context)
        snprintf(context, sizeof context, " (%s)", parser->context);
    diagnostic_add(builder->diagnostics, builder->source, mark_position(parser->problem_mark),
                   "not valid YAML: %s%s%s", problem, context, syntax_hint(problem));
}

/* Stops at the first level that is too deep, not at the end: libyaml's time grows with the square
 * of the nesting. */
static bool run(struct builder *builder, yaml_parser_t *parser) {
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            report_syntax(builder, parser);
            return false;
        }
        bool more = take_event(builder, &event);
        if (more && builder->arena->used > TREE_MEMORY_MAX) {
            diagnostic_at(builder, event.start_mark, "the policy's YAML files are too large");
            builder->stopped = true;
        }
        yaml_event_delete(&event);
        if (!more || builder->stopped)
            return !builder->stopped;
    }
}

struct tree_node *tree_parse(const struct source *source, struct arena *arena,
                             struct diagnostics *diagnostics) {
    struct builder builder = {.source = source, .arena = arena, .diagnostics = diagnostics};
    struct text content = source->content;
    if (content.length > TREE_SIZE_MAX) {
        diagnostic_add(diagnostics, source, (struct position){0},
                       "the file has %zu bytes; expected at most %u; move long lists to list files",
                       content.length, TREE_SIZE_MAX);
        return NULL;
    }
    if (content.length >= 3 && memcmp(content.data, "\xef\xbb\xbf", 3) == 0) {
        content.data += 3; /* a byte order mark: harmless */
        content.length -= 3;
    }
    if (!check_characters(&builder, content))
        return NULL;
    yaml_parser_t parser;
    check(yaml_parser_initialize(&parser));
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &parser, (const unsigned char *)(content.length ? content.data : ""), content.length);
    bool done = run(&builder, &parser);
    yaml_parser_delete(&parser);
    if (!done)
        return NULL;
    if (!builder.root)
        builder.root = new_node(&builder, TREE_MAPPING, (yaml_mark_t){0});
    return builder.root;
}

const struct tree_node *tree_child(const struct tree_node *node, const char *name) {
    if (!node || node->kind != TREE_MAPPING)
        return NULL;
    for (const struct tree_node *child = node->first; child; child = child->next)
        if (text_is(child->key->text, name))
            return child;
    return NULL;
}
