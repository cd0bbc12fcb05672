/* A rule is put in shadow: in the person's draft, at the place of the rule, so that every other
 * byte of its file stays. The draft goes the way of every draft; nothing comes into force here. */
#include "call.h"

#include "console/policy/checker.h"
#include "console/policy/drafts.h"
#include "core/base/json_writer.h"
#include "core/policy/load/snapshot.h"

#include <stdlib.h>
#include <string.h>

#define RULE_MOST 256 /* bytes */
#define MODE      "mode: shadow"

static struct text line_at(struct text content, int line) {
    const char *at = content.data, *end = content.data + content.length;
    for (int i = 1; i < line && at < end; i++) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        at = next ? next + 1 : end;
    }
    const char *next = memchr(at, '\n', (size_t)(end - at));
    return (struct text){.data = at, .length = (size_t)((next ? next : end) - at)};
}

/* "  - name: many" gets a line behind it, "  - {name: many, …}" a member in front. How far from the
 * line's beginning, and what. false: the rule is written in another way. */
static bool find_place(struct text line, size_t *ret_at, struct buffer *insert) {
    size_t dash = 0;
    while (dash < line.length && line.data[dash] == ' ')
        dash++;
    size_t key = dash + 1;
    while (key < line.length && line.data[key] == ' ')
        key++;
    if (key >= line.length || line.data[dash] != '-')
        return false;
    if (line.data[key] == '{') {
        *ret_at = key + 1;
        buffer_append_string(insert, MODE ", ");
        return true;
    }
    if (line.length - key < 5 || memcmp(line.data + key, "name:", 5) != 0)
        return false;
    *ret_at = line.length;
    buffer_printf(insert, "\n%*s" MODE, (int)key, "");
    return true;
}

static const struct rule *find_rule(const struct snapshot *snapshot, const char *name) {
    for (size_t i = 0; i < snapshot->rule_count; i++)
        if (text_is(snapshot->rules[i].name, name))
            return &snapshot->rules[i];
    return NULL;
}

static int load(const struct file_set *files, struct snapshot **ret_snapshot,
                struct error *ret_error) {
    struct buffer messages;
    buffer_init(&messages);
    int r = snapshot_load_new(files->files, files->count, ret_snapshot, &messages, ret_error);
    buffer_deinit(&messages);
    return r;
}

static int by_hand(const char *name, struct error *ret_error) {
    return error_set(ret_error, ERROR_UNSUPPORTED,
                     "%s is written in a way that the console does not change: add \"" MODE
                     "\" to it in your draft",
                     name);
}

/* Is the rule in shadow with the change, and does the policy load? */
static int check_change(struct file_set *files, const struct draft_edit *edit, const char *name,
                        struct error *ret_error) {
    const struct policy_file *file = file_set_find(files, text_of(edit->path));
    struct snapshot *snapshot;
    struct buffer content;
    buffer_init(&content);
    buffer_append(&content, file->content.data, edit->at);
    buffer_append(&content, edit->insert.data, edit->insert.length);
    buffer_append(&content, file->content.data + edit->at, file->content.length - edit->at);
    file_set_put(files, text_of(edit->path), buffer_text(&content));
    buffer_deinit(&content);
    if (load(files, &snapshot, ret_error) < 0)
        return by_hand(name, ret_error);
    const struct rule *rule = find_rule(snapshot, name);
    bool is_shadow = rule && rule->mode == RULE_SHADOW;
    snapshot_unref(snapshot);
    return is_shadow ? 0 : by_hand(name, ret_error);
}

/* edit->path is the heap's, insert has edit->insert. */
static int find_change(const struct file_set *files, const char *name, struct draft_edit *edit,
                       struct buffer *insert, struct error *ret_error) {
    struct snapshot *snapshot;
    int r = load(files, &snapshot, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "your draft does not load");
    const struct rule *rule = find_rule(snapshot, name);
    const struct policy_file *file = rule ? file_set_find(files, rule->file) : NULL;
    size_t at = 0;
    if (!rule)
        r = error_set(ret_error, ERROR_NOT_FOUND, "your draft has no rule \"%s\"", name);
    else if (rule->mode != RULE_LIVE)
        r = error_set(ret_error, ERROR_EXISTS, "%s is not live in your draft", name);
    else if (!file)
        r = by_hand(name, ret_error);
    if (r == 0) {
        struct text line = line_at(file->content, rule->line);
        if (find_place(line, &at, insert)) {
            edit->path = text_copy(rule->file);
            edit->at = (size_t)(line.data - file->content.data) + at;
            edit->insert = buffer_text(insert);
        } else {
            r = by_hand(name, ret_error);
        }
    }
    snapshot_unref(snapshot);
    return r;
}

/* Loaded elsewhere first: what takes too much time or memory must not do so here. */
static int check_bounds(const struct call *call, const struct file_set *files,
                        struct error *ret_error) {
    struct buffer report;
    buffer_init(&report);
    int r = checker_run(call->console->checker, files, &report, ret_error);
    buffer_deinit(&report);
    return r;
}

static int change_draft(const struct call *call, const char *name, struct draft_edit *edit,
                        struct error *ret_error) {
    const struct draft_author author = {
        .person = call->session.person.name, .address = call->address, .now_us = call->now_us};
    struct sql *sql = call->console->sql;
    struct file_set files = {0};
    struct buffer insert;
    struct draft draft;
    int64_t revision;
    int r = draft_begin(sql, &author, &edit->draft, ret_error);
    if (r == 0)
        r = draft_find(sql, edit->draft, &draft, ret_error);
    if (r == 0)
        r = draft_files(sql, edit->draft, &files, ret_error);
    if (r < 0)
        return r;
    edit->revision = draft.revision;
    buffer_init(&insert);
    r = check_bounds(call, &files, ret_error);
    if (r == 0)
        r = find_change(&files, name, edit, &insert, ret_error);
    if (r == 0)
        r = check_change(&files, edit, name, ret_error);
    if (r == 0)
        r = draft_edit(sql, &author, edit, &revision, ret_error);
    free((void *)(uintptr_t)edit->path);
    buffer_deinit(&insert);
    file_set_deinit(&files);
    return r;
}

int rule_shadow(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct draft_edit edit = {0};
    const char *name;
    int r = call_text(call, "rule", RULE_MOST, &name, ret_error);
    if (r == 0)
        r = change_draft(call, name, &edit, ret_error);
    if (r < 0)
        return r;
    json_begin_object(out, NULL);
    json_add_signed(out, "draft", edit.draft);
    json_end_object(out);
    return 0;
}
