#include "model_edit.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/policy/source/tree.h"

#include <string.h>

/* ---- finding ---- */

static const struct tree_node *parse(struct text content, struct arena *arena) {
    /* Diagnostics point to it. */
    struct source *source = arena_calloc(arena, 1, sizeof *source);
    check(source);
    *source = (struct source){.path = TEXT_LITERAL("models.yaml"), .content = content};
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    const struct tree_node *root = tree_parse(source, arena, &diagnostics);
    diagnostics_deinit(&diagnostics);
    return tree_child(root, "models");
}

static const struct tree_node *find_model(const struct tree_node *models, struct text name) {
    const struct tree_node *item = models && models->kind == TREE_LIST ? models->first : NULL;
    for (; item; item = item->next) {
        const struct tree_node *named = tree_child(item, "name");
        if (named && named->kind == TREE_TEXT && text_equal(named->text, name))
            return item;
    }
    return NULL;
}

struct text model_edit_find(struct text content, struct text model, const char *key,
                            struct arena *arena, bool *ret_shared) {
    const struct tree_node *models = parse(content, arena), *own = find_model(models, model);
    const struct tree_node *found = tree_child(own, key);
    *ret_shared = false;
    if (!found || found->kind != TREE_TEXT)
        return (struct text){0};
    for (const struct tree_node *item = models->first; item; item = item->next) {
        const struct tree_node *other = item == own ? NULL : tree_child(item, key);
        *ret_shared |= other && other->kind == TREE_TEXT && text_equal(other->text, found->text);
    }
    return found->text;
}

static bool names(const struct tree_node *model, const char *key, struct text path) {
    const struct tree_node *named = tree_child(model, key);
    return named && named->kind == TREE_TEXT && text_equal(named->text, path);
}

int model_edit_check_free(struct text content, struct text model, struct text path,
                          struct arena *arena, struct error *ret_error) {
    const struct tree_node *models = parse(content, arena), *own = find_model(models, model);
    for (const struct tree_node *item = own ? models->first : NULL; item; item = item->next) {
        if (item == own || (!names(item, "file", path) && !names(item, "reference", path)))
            continue;
        return error_set(ret_error, ERROR_INVALID,
                         "models.yaml:%zu: %" TEXT_FORMAT " is a file of model \"%" TEXT_FORMAT
                         "\", and would be written over; give that one another name",
                         item->line, TEXT_ARGS(path), TEXT_ARGS(tree_child(item, "name")->text));
    }
    return 0;
}

/* ---- editing ---- */

/* Lines of the file that become others. */
struct change {
    size_t first, last; /* from 1; last < first: before the line `first`, which stays */
    struct text text;   /* whole lines */
};

#define CHANGES_MAX 8

static const char *line_at(struct text content, size_t line) {
    const char *at = content.data, *end = content.data + content.length;
    for (size_t i = 1; i < line && at < end; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    return at;
}

static int refuse(const struct tree_node *at, const char *what, struct error *ret_error) {
    return error_set(ret_error, ERROR_INVALID, "models.yaml:%zu: %s", at->line, what);
}

/* What stands before a key on its line: white space, and the "- " of its model. */
static int prefix_of(struct text content, const struct tree_node *key, struct arena *arena,
                     struct text *ret_prefix, struct error *ret_error) {
    const char *line = line_at(content, key->line);
    if (key->line == 1 && content.length >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
        line += 3;
    size_t length = key->column - 1; /* these characters are bytes, or the check fails */
    if (strspn(line, " -") < length)
        return refuse(key, "write the model's keys on lines of their own: they are edited there",
                      ret_error);
    *ret_prefix = arena_text(arena, (struct text){.data = line, .length = length});
    check(ret_prefix->data);
    return 0;
}

static int replace_key(struct text content, const struct tree_node *value,
                       const struct model_key_edit *edit, struct arena *arena,
                       struct change *ret_change, struct error *ret_error) {
    struct text prefix;
    int r = prefix_of(content, value->key, arena, &prefix, ret_error);
    if (r < 0)
        return r;
    if (value->kind == TREE_TEXT && (value->style == TREE_LITERAL || value->style == TREE_FOLDED))
        return refuse(value->key, "write the key's value on its line", ret_error);
    *ret_change = (struct change){.first = value->key->line, .last = value->end_line};
    if (edit->value.length > 0)
        ret_change->text = arena_printf(arena, "%" TEXT_FORMAT "%s: %" TEXT_FORMAT "\n",
                                        TEXT_ARGS(prefix), edit->key, TEXT_ARGS(edit->value));
    else if (memchr(prefix.data, '-', prefix.length))
        return refuse(value->key, "move this key behind the model's name: it goes", ret_error);
    else
        ret_change->text = TEXT_LITERAL("");
    check(ret_change->text.data);
    return 0;
}

/* Behind the name, indented as the name is. */
static int insert_key(struct text content, const struct tree_node *model,
                      const struct model_key_edit *edit, struct arena *arena,
                      struct change *ret_change, struct error *ret_error) {
    const struct tree_node *name = tree_child(model, "name");
    struct text prefix;
    int r = prefix_of(content, name->key, arena, &prefix, ret_error);
    if (r < 0)
        return r;
    *ret_change =
        (struct change){.first = name->end_line + 1,
                        .last = name->end_line,
                        .text = arena_printf(arena, "%*s%s: %" TEXT_FORMAT "\n", (int)prefix.length,
                                             "", edit->key, TEXT_ARGS(edit->value))};
    check(ret_change->text.data);
    return 0;
}

static bool is_before(const struct change *a, const struct change *b) {
    return a->first != b->first ? a->first < b->first : a->last < b->last;
}

/* In the order of their lines, what is inserted before a line ahead of what replaces it; insertions
 * at one line stay in the order in which they were made. */
static void sort_changes(struct change *changes, size_t count) {
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && is_before(&changes[k], &changes[k - 1]); k--) {
            struct change held = changes[k];
            changes[k] = changes[k - 1];
            changes[k - 1] = held;
        }
}

static struct text apply(struct text content, const struct change *changes, size_t count,
                         struct arena *arena) {
    struct buffer out;
    const char *at = content.data;
    buffer_init(&out);
    for (size_t i = 0; i < count; i++) {
        const char *until = line_at(content, changes[i].first);
        buffer_append(&out, at, (size_t)(until - at));
        if (out.length > 0 && out.bytes[out.length - 1] != '\n')
            buffer_append_string(&out, "\n"); /* the last line had no end */
        buffer_append(&out, changes[i].text.data, changes[i].text.length);
        at = changes[i].last < changes[i].first ? until : line_at(content, changes[i].last + 1);
    }
    buffer_append(&out, at, (size_t)(content.data + content.length - at));
    struct text result = arena_text(arena, buffer_text(&out));
    check(result.data);
    buffer_deinit(&out);
    return result;
}

int model_edit_apply(struct text content, struct text model, const struct model_key_edit *edits,
                     size_t count, struct arena *arena, struct text *ret_content,
                     struct error *ret_error) {
    struct change changes[CHANGES_MAX];
    size_t change_count = 0;
    const struct tree_node *node = find_model(parse(content, arena), model);
    check(count <= CHANGES_MAX);
    if (!node)
        return error_set(ret_error, ERROR_INVALID, "models.yaml has no model \"%" TEXT_FORMAT "\"",
                         TEXT_ARGS(model));
    if (node->has_brackets)
        return refuse(node,
                      "write the model without { }, its keys on lines of their own: they are "
                      "edited there",
                      ret_error);
    for (size_t i = 0; i < count; i++) {
        const struct tree_node *value = tree_child(node, edits[i].key);
        int r = 0;
        if (value)
            r = replace_key(content, value, &edits[i], arena, &changes[change_count++], ret_error);
        else if (edits[i].value.length > 0 && !edits[i].if_present)
            r = insert_key(content, node, &edits[i], arena, &changes[change_count++], ret_error);
        if (r < 0)
            return r;
    }
    sort_changes(changes, change_count);
    *ret_content = apply(content, changes, change_count, arena);
    return 0;
}
