#include "versions.h"

#include "core/base/hash.h"

#include <stdlib.h>
#include <string.h>

/* ---- keeping ---- */

static int keep_file(struct sql *sql, const char *version, const struct policy_file *file,
                     struct error *ret_error) {
    uint8_t hash[SQL_HASH_SIZE];
    struct sha256 *sha = sha256_new();
    char *path = text_copy(file->path);
    sha256_add(sha, file->content.data, file->content.length);
    sha256_finish(sha, hash);
    int r = sql_run(sql, ret_error, "INSERT OR IGNORE INTO policy_texts (hash, text) VALUES (?, ?)",
                    "hb", hash, &file->content);
    if (r >= 0)
        r = sql_run(sql, ret_error,
                    "INSERT INTO policy_version_files (version, path, text) VALUES (?, ?, ?)",
                    "tth", version, path, hash);
    free(path);
    return r < 0 ? r : 0;
}

int version_keep(struct sql *sql, const struct file_set *files, char ret_hash[POLICY_HASH_SIZE],
                 struct error *ret_error) {
    file_set_hash(files, ret_hash);
    int r = sql_run(sql, ret_error, "INSERT OR IGNORE INTO policy_versions (hash) VALUES (?)", "t",
                    ret_hash);
    if (r <= 0) /* it is there */
        return r;
    r = 0;
    for (size_t i = 0; i < files->count && r == 0; i++)
        r = keep_file(sql, ret_hash, &files->files[i], ret_error);
    return r;
}

static int take_file(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    file_set_put(user, text_of(sql_text(row, 0)), sql_bytes(row, 1));
    return 0;
}

int version_load(struct sql *sql, const char *hash, struct file_set *ret_files,
                 struct error *ret_error) {
    struct file_set files = {0};
    char found[POLICY_HASH_SIZE];
    int r = sql_each(sql, ret_error, take_file, &files,
                     "SELECT path, policy_texts.text FROM policy_version_files "
                     "JOIN policy_texts ON policy_texts.hash = policy_version_files.text "
                     "WHERE version = ? ORDER BY path",
                     "t", hash);
    if (r == 0)
        r = error_set(ret_error, ERROR_NOT_FOUND, "there is no policy %.16s", hash);
    if (r > 0) {
        file_set_hash(&files, found);
        r = strcmp(found, hash) == 0
                ? 0
                : error_set(ret_error, ERROR_DAMAGED,
                            "the console's database: the files of the policy %.16s are others",
                            hash);
    }
    if (r < 0)
        file_set_deinit(&files);
    else
        *ret_files = files;
    return r;
}

int versions_clean(struct sql *sql, struct error *ret_error) {
    static const char *const statements[] = {
        "DELETE FROM policy_version_files WHERE version NOT IN (SELECT base FROM drafts UNION "
        "SELECT base FROM submissions UNION SELECT version FROM submissions)",
        "DELETE FROM policy_versions WHERE hash NOT IN (SELECT version FROM policy_version_files)",
        "DELETE FROM policy_texts WHERE hash NOT IN (SELECT text FROM policy_version_files)",
    };
    int r = 0;
    for (size_t i = 0; i < sizeof statements / sizeof *statements && r >= 0; i++)
        r = sql_run(sql, ret_error, statements[i], "");
    return r < 0 ? r : 0;
}

/* ---- the live one ---- */

int policy_place_set(struct sql *sql, const char *folder, struct error *ret_error) {
    int r = sql_run(sql, ret_error, "DELETE FROM policy_place", "");
    if (r >= 0 && folder)
        r = sql_run(sql, ret_error, "INSERT INTO policy_place (id, folder) VALUES (1, ?)", "t",
                    folder);
    return r < 0 ? r : 0;
}

static int take_folder(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    *(char **)user = text_copy(text_of(sql_text(row, 0)));
    return 0;
}

int policy_place(struct sql *sql, char **ret_folder, struct error *ret_error) {
    int r =
        sql_each(sql, ret_error, take_folder, ret_folder, "SELECT folder FROM policy_place", "");
    if (r == 0)
        r = error_set(ret_error, ERROR_UNSUPPORTED,
                      "the console does not know the policy's folder: start it with --policy");
    return r < 0 ? r : 0;
}

int policy_live(struct sql *sql, struct file_set *ret_files, struct error *ret_error) {
    char *folder;
    int r = policy_place(sql, &folder, ret_error);
    if (r < 0)
        return r;
    r = file_set_read(folder, ret_files, ret_error);
    free(folder);
    return r;
}
