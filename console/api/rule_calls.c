/* The policy as it is and as a person's draft has it: files, check, differences, edits. */
#include "rule_calls.h"

#include "clients/cli/policy/files_diff.h"
#include "console/policy/checker.h"
#include "console/policy/git_commit.h"
#include "console/policy/rule_mode.h"
#include "console/policy/versions.h"
#include "core/base/json_writer.h"

#include <stdlib.h>
#include <string.h>

struct draft_author call_author(const struct call *call) {
    return (struct draft_author){
        .person = call->session.person.name, .address = call->address, .now_us = call->now_us};
}

int call_draft_check(const struct call *call, int64_t draft, struct error *ret_error) {
    struct draft found;
    int r = draft == 0 ? 0 : draft_find(call->console->sql, draft, &found, ret_error);
    if (r == 0 && draft != 0 && strcmp(found.person, call->session.person.name) != 0)
        r = error_set(ret_error, ERROR_NOT_FOUND, "the draft is another person's");
    return r;
}

/* The parameter `draft`, and its files; 0: the live policy. */
static int load_asked(const struct call *call, int64_t *ret_draft, struct file_set *ret_files,
                      struct error *ret_error) {
    uint64_t draft;
    int r = web_query_number(call->request, "draft", INT64_MAX, 0, &draft, ret_error);
    if (r == 0)
        r = call_draft_check(call, (int64_t)draft, ret_error);
    if (r == 0)
        r = draft_files(call->console->sql, (int64_t)draft, ret_files, ret_error);
    if (r == 0)
        *ret_draft = (int64_t)draft;
    return r;
}

/* What a draft began from. */
static int load_base(const struct call *call, int64_t draft, struct file_set *ret_files,
                     struct error *ret_error) {
    struct draft found;
    if (draft == 0)
        return policy_live(call->console->sql, ret_files, ret_error);
    int r = draft_find(call->console->sql, draft, &found, ret_error);
    return r < 0 ? r : version_load(call->console->sql, found.base, ret_files, ret_error);
}

/* ---- files ---- */

static void add_file(struct buffer *out, const struct policy_file *file,
                     const struct policy_file *base, const char *change) {
    const struct policy_file *shown = file ? file : base;
    json_begin_object(out, NULL);
    json_add_text(out, "path", shown->path);
    json_add_unsigned(out, "size", shown->content.length);
    json_add_bool(out, "editable",
                  shown->content.length <= DRAFT_FILE_MAX && draft_is_editable(shown->content));
    json_add_text(out, "change", text_of(change));
    json_end_object(out);
}

static void add_files(struct buffer *out, const struct file_set *files,
                      const struct file_set *base) {
    json_begin_array(out, "files");
    for (size_t i = 0; i < files->count; i++) {
        const struct policy_file *file = &files->files[i],
                                 *before = file_set_find(base, file->path);
        add_file(out, file, before,
                 !before                                      ? "added"
                 : text_equal(file->content, before->content) ? ""
                                                              : "changed");
    }
    for (size_t i = 0; i < base->count; i++)
        if (!file_set_find(files, base->files[i].path))
            add_file(out, NULL, &base->files[i], "removed");
    json_end_array(out);
}

static int add_draft(const struct call *call, int64_t draft, struct buffer *out,
                     struct error *ret_error) {
    struct draft found;
    int r = draft == 0 ? 0 : draft_find(call->console->sql, draft, &found, ret_error);
    if (r < 0 || draft == 0)
        return r;
    json_begin_object(out, "draft");
    json_add_signed(out, "id", found.id);
    json_add_text(out, "base", text_of(found.base));
    json_add_signed(out, "revision", found.revision);
    json_add_time(out, "changed", found.changed_us);
    json_end_object(out);
    return 0;
}

static int add_live(const struct call *call, struct buffer *out, struct error *ret_error) {
    char hash[POLICY_HASH_SIZE], *folder;
    struct file_set live;
    int r = policy_live(call->console->sql, &live, ret_error);
    if (r < 0)
        return r;
    file_set_hash(&live, hash);
    file_set_deinit(&live);
    json_add_text(out, "live", text_of(hash));
    r = policy_place(call->console->sql, &folder, ret_error);
    if (r < 0)
        return r;
    json_add_text(out, "folder", text_of(folder));
    json_add_bool(out, "git", git_has(folder));
    free(folder);
    return 0;
}

int rules_show(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct file_set files, base;
    int64_t draft;
    int r = load_asked(call, &draft, &files, ret_error);
    if (r < 0)
        return r;
    r = load_base(call, draft, &base, ret_error);
    if (r == 0) {
        json_begin_object(out, NULL);
        add_files(out, &files, &base);
        file_set_deinit(&base);
        r = add_draft(call, draft, out, ret_error);
        if (r == 0)
            r = add_live(call, out, ret_error);
        if (r == 0)
            r = drafts_list(call->console->sql, call->session.person.name, out, ret_error);
        json_end_object(out);
    }
    file_set_deinit(&files);
    return r;
}

int rules_file(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    const char *path = web_query(call->request, "path");
    struct file_set files;
    int64_t draft;
    int r = load_asked(call, &draft, &files, ret_error);
    if (r < 0)
        return r;
    const struct policy_file *file = file_set_find(&files, text_of(path));
    if (!file) {
        r = error_set(ret_error, ERROR_NOT_FOUND, "the policy has no such file");
    } else if (file->content.length > DRAFT_FILE_MAX || !draft_is_editable(file->content)) {
        r = error_set(ret_error, ERROR_UNSUPPORTED, "this file is not text, or too large to edit");
    } else {
        json_begin_object(out, NULL);
        r = add_draft(call, draft, out, ret_error);
        json_add_text(out, "text", file->content);
        json_end_object(out);
    }
    file_set_deinit(&files);
    return r;
}

/* ---- check, differences ---- */

int rules_check(struct call *call, struct error *ret_error) {
    struct file_set files;
    int64_t draft;
    int r = load_asked(call, &draft, &files, ret_error);
    if (r < 0)
        return r;
    r = checker_run(call->console->checker, &files, &call->answer->body, ret_error);
    file_set_deinit(&files);
    return r;
}

void rules_add_diff(struct buffer *out, const struct file_set *before,
                    const struct file_set *after) {
    struct buffer text;
    buffer_init(&text);
    files_diff_write(
        &(struct diff_side){.label = "live", .files = before->files, .count = before->count},
        &(struct diff_side){.label = "draft", .files = after->files, .count = after->count}, false,
        &text);
    json_add_text(out, "diff", buffer_text(&text));
    buffer_deinit(&text);
}

int rules_diff(struct call *call, struct error *ret_error) {
    struct buffer *out = &call->answer->body;
    struct file_set files, base;
    int64_t draft;
    int r = load_asked(call, &draft, &files, ret_error);
    if (r < 0)
        return r;
    r = load_base(call, draft, &base, ret_error);
    if (r == 0) {
        json_begin_object(out, NULL);
        rules_add_diff(out, &base, &files);
        json_end_object(out);
        file_set_deinit(&base);
    }
    file_set_deinit(&files);
    return r;
}

/* ---- drafts ---- */

int draft_create(struct call *call, struct error *ret_error) {
    const struct draft_author author = call_author(call);
    int64_t draft;
    int r = draft_begin(call->console->sql, &author, &draft, ret_error);
    if (r < 0)
        return r;
    json_begin_object(&call->answer->body, NULL);
    json_add_signed(&call->answer->body, "draft", draft);
    json_end_object(&call->answer->body);
    return 0;
}

/* The members that every change of a draft has. */
static int read_edit(const struct call *call, struct draft_edit *edit, struct error *ret_error) {
    uint64_t draft, revision;
    int r = call_number(call, "draft", &draft, ret_error);
    if (r == 0)
        r = call_number(call, "revision", &revision, ret_error);
    if (r < 0)
        return r;
    *edit = (struct draft_edit){.draft = (int64_t)draft, .revision = (int64_t)revision};
    return 0;
}

static int answer_revision(struct call *call, int r, int64_t revision) {
    if (r < 0)
        return r;
    json_begin_object(&call->answer->body, NULL);
    json_add_signed(&call->answer->body, "revision", revision);
    json_end_object(&call->answer->body);
    return 0;
}

int draft_change(struct call *call, struct error *ret_error) {
    const struct draft_author author = call_author(call);
    struct draft_edit edit;
    const char *insert = "";
    uint64_t at, remove;
    int64_t revision = 0;
    int r = read_edit(call, &edit, ret_error);
    if (r == 0)
        r = call_text(call, "path", DRAFT_PATH_MAX, &edit.path, ret_error);
    if (r == 0)
        r = call_number(call, "at", &at, ret_error);
    if (r == 0)
        r = call_number(call, "remove", &remove, ret_error);
    if (r == 0)
        r = call_text(call, "insert", WEB_BODY_MAX, &insert, ret_error);
    if (r < 0)
        return r;
    edit.at = at;
    edit.remove = remove;
    edit.insert = text_of(insert);
    r = draft_edit(call->console->sql, &author, &edit, &revision, ret_error);
    return answer_revision(call, r, revision);
}

/* what: "remove" takes a file out, "restore" makes it what it is in the base. */
int draft_take_out(struct call *call, struct error *ret_error) {
    const struct draft_author author = call_author(call);
    const json_t *back = json_object_get(call->body, "restore");
    struct draft_edit edit;
    int64_t revision = 0;
    int r = read_edit(call, &edit, ret_error);
    if (r == 0)
        r = call_text(call, "path", DRAFT_PATH_MAX, &edit.path, ret_error);
    if (r == 0 && !json_is_boolean(back))
        r = error_set(ret_error, ERROR_INVALID, "restore: expected true or false");
    if (r == 0)
        r = draft_remove(call->console->sql, &author, &edit, json_is_true(back), &revision,
                         ret_error);
    return answer_revision(call, r, revision);
}

int draft_end(struct call *call, struct error *ret_error) {
    const struct draft_author author = call_author(call);
    uint64_t draft;
    int r = call_number(call, "draft", &draft, ret_error);
    if (r == 0)
        r = draft_discard(call->console->sql, &author, (int64_t)draft, ret_error);
    if (r == 0)
        buffer_append_string(&call->answer->body, "{}");
    return r;
}

int draft_take_over(struct call *call, struct error *ret_error) {
    const struct draft_author author = call_author(call);
    const char *resolve;
    uint64_t draft;
    int r = call_number(call, "draft", &draft, ret_error);
    if (r == 0)
        r = call_text(call, "resolve", 8, &resolve, ret_error);
    if (r == 0 && *resolve && strcmp(resolve, "mine") != 0 && strcmp(resolve, "live") != 0)
        r = error_set(ret_error, ERROR_INVALID, "resolve: expected mine, live or nothing");
    if (r == 0)
        r = draft_rebase(call->console->sql, &author, (int64_t)draft, resolve, ret_error);
    if (r == 0)
        buffer_append_string(&call->answer->body, "{}");
    return r;
}

static int read_mode(const struct call *call, const char **ret_mode, struct error *ret_error) {
    int r = call_text(call, "mode", 8, ret_mode, ret_error);
    if (r == 0 && strcmp(*ret_mode, "live") != 0 && strcmp(*ret_mode, "shadow") != 0 &&
        strcmp(*ret_mode, "off") != 0)
        r = error_set(ret_error, ERROR_INVALID, "mode: expected live, shadow or off");
    return r;
}

int draft_set_mode(struct call *call, struct error *ret_error) {
    const struct draft_author author = call_author(call);
    struct file_set files = {0};
    struct mode_edit found = {0};
    struct draft_edit edit;
    const char *rule, *mode;
    int64_t revision = 0;
    int r = read_edit(call, &edit, ret_error);
    if (r == 0)
        r = call_text(call, "rule", 64, &rule, ret_error);
    if (r == 0)
        r = read_mode(call, &mode, ret_error);
    if (r == 0)
        r = call_draft_check(call, edit.draft, ret_error);
    if (r == 0)
        r = draft_files(call->console->sql, edit.draft, &files, ret_error);
    if (r == 0)
        r = rule_mode_edit(&files, rule, mode, &found, ret_error);
    if (r == 0) {
        edit.path = found.path;
        edit.at = found.at;
        edit.remove = found.remove;
        edit.insert = text_of(found.insert);
        r = draft_edit(call->console->sql, &author, &edit, &revision, ret_error);
    }
    free(found.insert);
    file_set_deinit(&files);
    return answer_revision(call, r, revision);
}
