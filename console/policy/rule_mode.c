#include "rule_mode.h"

#include "core/base/check.h"
#include "core/policy/source/diagnostic.h"
#include "core/policy/source/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The byte at which a line begins, or the text's end. */
static size_t line_begin(struct text text, size_t line) {
    size_t at = 0;
    for (; line > 1 && at < text.length; line--) {
        const char *newline = memchr(text.data + at, '\n', text.length - at);
        at = newline ? (size_t)(newline - text.data) + 1 : text.length;
    }
    return at;
}

/* Columns count characters. */
static size_t byte_at(struct text text, size_t line, size_t column) {
    size_t at = line_begin(text, line);
    while (column > 1 && at < text.length && text.data[at] != '\n') {
        at++;
        while (at < text.length && !text_begins_character(text.data[at]))
            at++;
        column--;
    }
    return at;
}

static const struct tree_node *find_rule(const struct tree_node *root, const char *rule) {
    const struct tree_node *rules = tree_child(root, "rules");
    for (const struct tree_node *item = rules ? rules->first : NULL; item; item = item->next) {
        const struct tree_node *name = tree_child(item, "name");
        if (name && name->kind == TREE_TEXT && text_is(name->text, rule))
            return item;
    }
    return NULL;
}

/* A word that stands as it is read, so that it has as many bytes. */
static bool is_plain_word(const struct tree_node *node) {
    return node->kind == TREE_TEXT && node->style == TREE_PLAIN && node->line == node->end_line;
}

static char *line_of(size_t indent, const char *mode) {
    size_t size = indent + strlen(mode) + 16;
    char *line = check_calloc(1, size);
    snprintf(line, size, "%*smode: %s\n", (int)indent, "", mode);
    return line;
}

static char *member_of(const char *mode) {
    size_t size = strlen(mode) + 16;
    char *member = check_calloc(1, size);
    snprintf(member, size, "mode: %s, ", mode);
    return member;
}

static int edit_rule(struct text text, const struct tree_node *item, const char *mode,
                     struct mode_edit *edit, struct error *ret_error) {
    const struct tree_node *name = tree_child(item, "name"), *old = tree_child(item, "mode");
    if (old && is_plain_word(old)) {
        edit->at = byte_at(text, old->line, old->column);
        edit->remove = old->text.length;
        edit->insert = text_copy(text_of(mode));
        return 0;
    }
    size_t begin = byte_at(text, item->line, item->column);
    if (!old && item->has_brackets && begin < text.length && text.data[begin] == '{') {
        edit->at = begin + 1;
        edit->insert = member_of(mode);
        return 0;
    }
    if (old || item->has_brackets || !is_plain_word(name) || name->key->line != name->line)
        return error_set(
            ret_error, ERROR_INVALID,
            "the rule is written in a way that only a person can change: edit its file");
    edit->at = line_begin(text, name->line + 1);
    edit->insert = line_of(name->key->column - 1, mode);
    return edit->at > 0 && text.data[edit->at - 1] == '\n'
               ? 0
               : error_set(ret_error, ERROR_INVALID, "the file ends without a line break");
}

int rule_mode_edit(const struct file_set *files, const char *rule, const char *mode,
                   struct mode_edit *ret_edit, struct error *ret_error) {
    int r = 1;
    for (size_t i = 0; i < files->count && r == 1; i++) {
        const struct source source = {.path = files->files[i].path,
                                      .content = files->files[i].content};
        struct diagnostics diagnostics;
        struct arena arena;
        if (source.path.length < 6 || memcmp(source.path.data, "rules/", 6) != 0)
            continue;
        arena_init(&arena, TREE_MEMORY_MAX);
        diagnostics_init(&diagnostics);
        const struct tree_node *item = find_rule(tree_parse(&source, &arena, &diagnostics), rule);
        if (item) {
            struct mode_edit edit = {.path = source.path.data};
            r = edit_rule(source.content, item, mode, &edit, ret_error);
            if (r == 0)
                *ret_edit = edit;
            else
                free(edit.insert);
        }
        diagnostics_deinit(&diagnostics);
        arena_deinit(&arena);
    }
    return r == 1 ? error_set(ret_error, ERROR_NOT_FOUND, "no file has a rule \"%s\"", rule) : r;
}
