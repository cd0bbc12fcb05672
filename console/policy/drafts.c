/* Edits come every second while a person types, so the audit log has a draft's beginning and end,
 * and of each file the first edit; what a submission changes is in the submission. */
#include "drafts.h"

#include "versions.h"

#include "console/database/audit.h"
#include "core/base/json_writer.h"
#include "core/policy/load/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_DEPTH_MAX 8 /* as the loader's */

/* ---- paths ---- */

static bool is_path_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || text_is_digit(c) || c == '_' ||
           c == '-' || c == '.' || c == '/';
}

static bool ends_with(struct text path, const char *end) {
    size_t length = strlen(end);
    return path.length > length && memcmp(path.data + path.length - length, end, length) == 0;
}

static bool is_in(struct text path, const char *folder) {
    size_t length = strlen(folder);
    return path.length > length && memcmp(path.data, folder, length) == 0;
}

/* The files that the loader looks for, and those that lists.yaml and models.yaml may name. */
static bool is_of_a_policy(struct text path) {
    static const char *const files[] = {"policy.yaml", "schema.yaml", "features.yaml",
                                        "lists.yaml",  "models.yaml", "thresholds.yaml"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (text_is(path, files[i]))
            return true;
    if (is_in(path, "rules/") || is_in(path, "cases/"))
        return ends_with(path, ".yaml");
    return is_in(path, "lists/") || is_in(path, "models/");
}

int draft_path_check(struct text path, struct error *ret_error) {
    size_t depth = 0;
    bool is_good = path.length > 0 && path.length <= DRAFT_PATH_MAX && policy_path_is_inside(path);
    for (size_t i = 0; i < path.length && is_good; i++) {
        bool is_slash = path.data[i] == '/';
        depth += is_slash;
        is_good = is_path_character(path.data[i]) &&
                  !(is_slash && (i + 1 == path.length || path.data[i + 1] == '/'));
    }
    if (!is_good || depth >= PATH_DEPTH_MAX)
        return error_set(ret_error, ERROR_INVALID,
                         "a file's name has letters, digits and _ - . / only, and no part of it "
                         "begins with a dot");
    if (!is_of_a_policy(path))
        return error_set(ret_error, ERROR_INVALID,
                         "a policy has no file of this name; expected rules/NAME.yaml, "
                         "cases/NAME.yaml, lists/NAME, or policy, schema, features, lists, models "
                         "or thresholds.yaml");
    return 0;
}

/* ---- what they share ---- */

static int note(struct sql *sql, const struct draft_author *author, const char *action,
                int64_t draft, const char *before, const char *after, struct error *ret_error) {
    char subject[32];
    snprintf(subject, sizeof subject, "draft %" PRId64, draft);
    const struct audit_entry entry = {.at_us = author->now_us,
                                      .person = author->person,
                                      .address = author->address,
                                      .action = action,
                                      .subject = subject,
                                      .before = before,
                                      .after = after};
    return audit_add(sql, &entry, ret_error);
}

static int take_draft(void *user, const struct sql_row *row, struct error *ret_error) {
    struct draft *draft = user;
    (void)ret_error;
    draft->id = sql_integer(row, 0);
    snprintf(draft->person, sizeof draft->person, "%s", sql_text(row, 1));
    snprintf(draft->base, sizeof draft->base, "%s", sql_text(row, 2));
    draft->revision = sql_integer(row, 3);
    draft->created_us = sql_integer(row, 4);
    draft->changed_us = sql_integer(row, 5);
    return 0;
}

int draft_find(struct sql *sql, int64_t draft, struct draft *ret_draft, struct error *ret_error) {
    struct draft found = {0};
    int r = sql_each(sql, ret_error, take_draft, &found,
                     "SELECT id, person, base, revision, created_us, changed_us FROM drafts "
                     "WHERE id = ?",
                     "i", draft);
    if (r == 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "there is no draft %" PRId64, draft);
    if (r > 0)
        *ret_draft = found;
    return r < 0 ? r : 0;
}

/* For a change: another's draft is as one that is not there. */
static int find_own(struct sql *sql, const struct draft_author *author, int64_t draft,
                    struct draft *ret_draft, struct error *ret_error) {
    struct draft found;
    int r = draft_find(sql, draft, &found, ret_error);
    if (r == 0 && strcmp(found.person, author->person) != 0)
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "the draft %" PRId64 " is another person's: only %s changes it", draft,
                      found.person);
    if (r == 0)
        *ret_draft = found;
    return r;
}

static int take_integer(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    *(int64_t *)user = sql_integer(row, 0);
    return 0;
}

/* ---- beginning and end ---- */

static int begin(struct sql *sql, const struct draft_author *author, const struct file_set *live,
                 int64_t *ret_draft, struct error *ret_error) {
    char base[POLICY_HASH_SIZE];
    int64_t count = 0;
    file_set_hash(live, base);
    int r =
        sql_each(sql, ret_error, take_integer, ret_draft,
                 "SELECT id FROM drafts WHERE person = ? AND base = ?", "tt", author->person, base);
    if (r != 0)
        return r < 0 ? r : 0;
    r = sql_each(sql, ret_error, take_integer, &count,
                 "SELECT count(*) FROM drafts WHERE person = ?", "t", author->person);
    if (r >= 0 && count >= DRAFTS_PER_PERSON)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "you have %d drafts: discard one of them first", DRAFTS_PER_PERSON);
    r = r < 0 ? r : version_keep(sql, live, base, ret_error);
    if (r >= 0)
        r = sql_run(sql, ret_error,
                    "INSERT INTO drafts (person, base, created_us, changed_us) VALUES (?, ?, ?, ?)",
                    "ttii", author->person, base, author->now_us, author->now_us);
    if (r < 0)
        return r;
    *ret_draft = sql_inserted(sql);
    return note(sql, author, "draft-begin", *ret_draft, "", base, ret_error);
}

int draft_begin(struct sql *sql, const struct draft_author *author, int64_t *ret_draft,
                struct error *ret_error) {
    struct file_set live;
    int r = policy_live(sql, &live, ret_error);
    if (r < 0)
        return r;
    r = sql_begin(sql, ret_error);
    if (r == 0) {
        r = begin(sql, author, &live, ret_draft, ret_error);
        int ended = sql_end(sql, r == 0, ret_error);
        r = r < 0 ? r : ended;
    }
    file_set_deinit(&live);
    return r;
}

static int discard(struct sql *sql, const struct draft_author *author, int64_t id,
                   struct error *ret_error) {
    struct draft draft;
    int r = find_own(sql, author, id, &draft, ret_error);
    if (r == 0)
        r = sql_run(sql, ret_error, "DELETE FROM draft_files WHERE draft = ?", "i", id);
    if (r >= 0)
        r = sql_run(sql, ret_error, "DELETE FROM drafts WHERE id = ?", "i", id);
    if (r >= 0)
        r = versions_clean(sql, ret_error);
    return r < 0 ? r : note(sql, author, "draft-discard", id, draft.base, "", ret_error);
}

int draft_discard(struct sql *sql, const struct draft_author *author, int64_t draft,
                  struct error *ret_error) {
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = discard(sql, author, draft, ret_error);
    int ended = sql_end(sql, r == 0, ret_error);
    return r < 0 ? r : ended;
}

static int take_listed(void *user, const struct sql_row *row, struct error *ret_error) {
    struct buffer *out = user;
    (void)ret_error;
    json_begin_object(out, NULL);
    json_add_signed(out, "id", sql_integer(row, 0));
    json_add_text(out, "base", text_of(sql_text(row, 1)));
    json_add_time(out, "created", sql_integer(row, 2));
    json_add_time(out, "changed", sql_integer(row, 3));
    json_add_signed(out, "files", sql_integer(row, 4));
    json_end_object(out);
    return 0;
}

int drafts_list(struct sql *sql, const char *person, struct buffer *out, struct error *ret_error) {
    json_begin_array(out, "drafts");
    int r = sql_each(sql, ret_error, take_listed, out,
                     "SELECT id, base, created_us, changed_us, (SELECT count(*) FROM draft_files "
                     "WHERE draft = drafts.id) FROM drafts WHERE person = ? ORDER BY id DESC",
                     "t", person);
    json_end_array(out);
    return r < 0 ? r : 0;
}

/* ---- reading ---- */

static int take_change(void *user, const struct sql_row *row, struct error *ret_error) {
    struct file_set *files = user;
    struct text path = text_of(sql_text(row, 0)), content = sql_bytes(row, 1);
    (void)ret_error;
    if (content.data)
        file_set_put(files, path, content);
    else
        file_set_remove(files, path);
    return 0;
}

int draft_files(struct sql *sql, int64_t draft, struct file_set *ret_files,
                struct error *ret_error) {
    struct draft found;
    if (draft == 0)
        return policy_live(sql, ret_files, ret_error);
    int r = draft_find(sql, draft, &found, ret_error);
    if (r == 0)
        r = version_load(sql, found.base, ret_files, ret_error);
    if (r < 0)
        return r;
    r = sql_each(sql, ret_error, take_change, ret_files,
                 "SELECT path, text FROM draft_files WHERE draft = ?", "i", draft);
    if (r < 0)
        file_set_deinit(ret_files);
    return r < 0 ? r : 0;
}

int draft_write(struct sql *sql, int64_t draft, const char *folder, struct error *ret_error) {
    struct file_set files;
    int r = draft_files(sql, draft, &files, ret_error);
    if (r < 0)
        return r;
    r = file_set_write(&files, folder, ret_error);
    file_set_deinit(&files);
    return r;
}

/* ---- editing ---- */

/* Is the draft as the person knows it? */
static int check_revision(const struct draft *draft, const struct draft_edit *edit,
                          struct error *ret_error) {
    return draft->revision == edit->revision
               ? 0
               : error_set(ret_error, ERROR_EXISTS,
                           "the draft was changed elsewhere meanwhile: load it again");
}

/* Keeps what a file is now; text NULL: it is gone. */
static int keep_change(struct sql *sql, const struct draft_author *author,
                       const struct draft *draft, const char *path, const struct text *text,
                       struct error *ret_error) {
    int r =
        sql_run(sql, ret_error, "UPDATE draft_files SET text = ?3 WHERE draft = ?1 AND path = ?2",
                "itb", draft->id, path, text);
    if (r == 0) {
        r = sql_run(sql, ret_error, "INSERT INTO draft_files (draft, path, text) VALUES (?, ?, ?)",
                    "itb", draft->id, path, text);
        if (r >= 0)
            r = note(sql, author, text ? "draft-edit" : "draft-remove", draft->id, draft->base,
                     path, ret_error);
    }
    return r < 0 ? r : 0;
}

struct sizes {
    int64_t files, bytes;
};

static int take_sizes(void *user, const struct sql_row *row, struct error *ret_error) {
    struct sizes *sizes = user;
    (void)ret_error;
    sizes->files = sql_integer(row, 0);
    sizes->bytes = sql_integer(row, 1);
    return 0;
}

/* After the change, which is taken back if it is too much. */
static int finish_change(struct sql *sql, const struct draft_author *author,
                         const struct draft *draft, int64_t *ret_revision,
                         struct error *ret_error) {
    struct sizes sizes = {0};
    int r = sql_each(sql, ret_error, take_sizes, &sizes,
                     "SELECT count(*), coalesce(sum(length(text)), 0) FROM draft_files "
                     "WHERE draft = ?",
                     "i", draft->id);
    if (r >= 0 && (sizes.files > DRAFT_CHANGES_MAX || sizes.bytes > (int64_t)DRAFT_TOTAL_MAX))
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "a draft changes at most %d files with %zu MiB together",
                         DRAFT_CHANGES_MAX, DRAFT_TOTAL_MAX >> 20);
    if (r >= 0)
        r = sql_run(sql, ret_error,
                    "UPDATE drafts SET revision = revision + 1, changed_us = ? WHERE id = ?", "ii",
                    author->now_us, draft->id);
    *ret_revision = draft->revision + 1;
    return r < 0 ? r : 0;
}

/* UTF-8 without control characters but tabs and line breaks: what an editor shows is all of it. */
bool draft_is_editable(struct text text) {
    size_t offset;
    while (!text_is_clean(text, &offset)) {
        if (!strchr("\t\n\r", text.data[offset]) || text.data[offset] == '\0')
            return false;
        text.data += offset + 1;
        text.length -= offset + 1;
    }
    return true;
}

static int splice(const struct draft_edit *edit, struct text before, struct buffer *after,
                  struct error *ret_error) {
    if (edit->at > before.length || edit->remove > before.length - edit->at)
        return error_set(ret_error, ERROR_INVALID, "%s has %zu bytes only", edit->path,
                         before.length);
    if (before.length - edit->remove + edit->insert.length > DRAFT_FILE_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "%s: expected at most %zu MiB", edit->path,
                         DRAFT_FILE_MAX >> 20);
    buffer_append(after, before.data, edit->at);
    buffer_append(after, edit->insert.data, edit->insert.length);
    buffer_append(after, before.data + edit->at + edit->remove,
                  before.length - edit->at - edit->remove);
    return draft_is_editable(buffer_text(after))
               ? 0
               : error_set(ret_error, ERROR_INVALID,
                           "%s: expected UTF-8 text without control characters", edit->path);
}

static int edit_file(struct sql *sql, const struct draft_author *author,
                     const struct draft_edit *edit, int64_t *ret_revision,
                     struct error *ret_error) {
    struct file_set files = {0};
    struct draft draft;
    struct buffer after;
    int r = find_own(sql, author, edit->draft, &draft, ret_error);
    if (r == 0)
        r = check_revision(&draft, edit, ret_error);
    if (r == 0)
        r = draft_files(sql, edit->draft, &files, ret_error);
    if (r < 0)
        return r;
    const struct policy_file *file = file_set_find(&files, text_of(edit->path));
    buffer_init(&after);
    buffer_reserve(&after, 1);
    r = file ? 0 : draft_path_check(text_of(edit->path), ret_error);
    if (r == 0)
        r = splice(edit, file ? file->content : TEXT_LITERAL(""), &after, ret_error);
    struct text text = buffer_text(&after);
    if (r == 0)
        r = keep_change(sql, author, &draft, edit->path, &text, ret_error);
    if (r == 0)
        r = finish_change(sql, author, &draft, ret_revision, ret_error);
    buffer_deinit(&after);
    file_set_deinit(&files);
    return r;
}

int draft_edit(struct sql *sql, const struct draft_author *author, const struct draft_edit *edit,
               int64_t *ret_revision, struct error *ret_error) {
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = edit_file(sql, author, edit, ret_revision, ret_error);
    int ended = sql_end(sql, r == 0, ret_error);
    return r < 0 ? r : ended;
}

static int remove_file(struct sql *sql, const struct draft_author *author,
                       const struct draft_edit *edit, bool is_back, int64_t *ret_revision,
                       struct error *ret_error) {
    struct file_set files = {0};
    struct draft draft;
    int r = find_own(sql, author, edit->draft, &draft, ret_error);
    if (r == 0)
        r = check_revision(&draft, edit, ret_error);
    if (r == 0)
        r = version_load(sql, draft.base, &files, ret_error);
    if (r < 0)
        return r;
    /* One that the base does not have needs no row to be gone. */
    bool has_base = file_set_find(&files, text_of(edit->path)) != NULL;
    file_set_deinit(&files);
    r = is_back || !has_base
            ? sql_run(sql, ret_error, "DELETE FROM draft_files WHERE draft = ? AND path = ?", "it",
                      draft.id, edit->path)
            : keep_change(sql, author, &draft, edit->path, NULL, ret_error);
    return r < 0 ? r : finish_change(sql, author, &draft, ret_revision, ret_error);
}

int draft_remove(struct sql *sql, const struct draft_author *author, const struct draft_edit *edit,
                 bool is_back, int64_t *ret_revision, struct error *ret_error) {
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = remove_file(sql, author, edit, is_back, ret_revision, ret_error);
    int ended = sql_end(sql, r == 0, ret_error);
    return r < 0 ? r : ended;
}
