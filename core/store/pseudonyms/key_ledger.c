/* Written whole: a draft beside it, synced and renamed. The server and an import hold the archive's
 * lock; only a reload of the server and its start can meet, and those take turns. */
#include "key_ledger.h"

#include "core/base/check.h"
#include "core/store/archive/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRAFT_NAME KEY_LEDGER_NAME ".new"
#define SIZE_LIMIT ((size_t)1 << 20)

bool key_ledger_exists(const char *archive) {
    char *path = name_printf("%s/%s", archive, KEY_LEDGER_NAME);
    bool exists = access(path, F_OK) == 0;
    free(path);
    return exists;
}

/* The fingerprint of this id; NULL: the id is not in the ledger. */
static const char *find(const char *ledger, const char *id) {
    size_t length = strlen(id);
    for (const char *line = ledger; line && *line;) {
        if (strncmp(line, id, length) == 0 && line[length] == ' ')
            return line + length + 1;
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return NULL;
}

static int compare(const char *archive, const char *ledger, const struct pseudonym_keys *keys,
                   struct buffer *added, struct error *ret_error) {
    const struct pseudonym_key *key;
    size_t known = 0;
    for (size_t i = 0; (key = pseudonym_keys_get(keys, i)); i++) {
        char fingerprint[PSEUDONYM_FINGERPRINT_SIZE];
        pseudonym_fingerprint(key->hmac, fingerprint);
        const char *before = find(ledger, key->id);
        if (!before)
            buffer_printf(added, "%s %s\n", key->id, fingerprint);
        else if (strncmp(before, fingerprint, sizeof fingerprint - 1) != 0)
            return error_set(ret_error, ERROR_INVALID,
                             "the key %s is another one than that with which %s was written: every "
                             "card and person would begin anew; expected the same key, or a new "
                             "one under an id of its own",
                             key->id, archive);
        known += before != NULL;
    }
    if (known == 0 && *ledger)
        return error_set(ret_error, ERROR_INVALID,
                         "none of the keys is one with which %s was written (%.*s); expected at "
                         "least one of them beside new ones",
                         archive, (int)strcspn(ledger, " "), ledger);
    return 0;
}

static int publish(int folder, const struct buffer *content, struct error *ret_error) {
    unlinkat(folder, DRAFT_NAME, 0); /* of one that was cut off */
    int r = file_create(folder, DRAFT_NAME, content->bytes, content->length, ret_error);
    if (r == 0 && renameat(folder, DRAFT_NAME, folder, KEY_LEDGER_NAME) < 0)
        r = error_set_errno(ret_error, errno, "cannot rename %s", DRAFT_NAME);
    if (r == 0)
        r = directory_sync(folder, ".", ret_error);
    return r;
}

int key_ledger_check(const char *archive, const struct pseudonym_keys *keys,
                     struct error *ret_error) {
    struct buffer content;
    char *ledger = NULL;
    size_t length = 0;
    int folder;
    int r = directory_make(AT_FDCWD, archive, &folder, ret_error);
    if (r < 0)
        return r;
    r = file_load(folder, KEY_LEDGER_NAME, SIZE_LIMIT, &ledger, &length, ret_error);
    if (r == -ERROR_NOT_FOUND)
        r = 0;
    buffer_init(&content);
    if (length > 0)
        buffer_append(&content, ledger, length);
    size_t before = content.length;
    if (r == 0)
        r = compare(archive, ledger ? ledger : "", keys, &content, ret_error);
    if (r == 0 && content.length > before)
        r = publish(folder, &content, ret_error);
    buffer_deinit(&content);
    free(ledger);
    close(folder);
    return r;
}

bool key_ledger_missing(const char *archive, const struct pseudonym_keys *keys,
                        struct buffer *ret_ids) {
    char *ledger = NULL;
    size_t length = 0, before = ret_ids->length;
    struct error ignored;
    int folder;
    if (directory_make(AT_FDCWD, archive, &folder, &ignored) < 0)
        return false;
    if (file_load(folder, KEY_LEDGER_NAME, SIZE_LIMIT, &ledger, &length, &ignored) < 0)
        ledger = NULL;
    for (const char *line = ledger; line && *line;) {
        const struct text id = {.data = line, .length = strcspn(line, " \n")};
        if (!pseudonym_keys_find(keys, id))
            buffer_printf(ret_ids, "%s%" TEXT_FORMAT, ret_ids->length > before ? " " : "",
                          TEXT_ARGS(id));
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    free(ledger);
    close(folder);
    return ret_ids->length > before;
}
