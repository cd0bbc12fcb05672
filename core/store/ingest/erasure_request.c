#include "erasure_request.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUEST     "request"
#define DRAFT       "request.new"
#define LOCK        "lock"
#define HASH_BYTES  8
#define REQUEST_MAX (64u << 20)

static int open_folder(const char *archive, struct error *ret_error) {
    char *path = name_printf("%s/" ERASURE_FOLDER, archive);
    int directory = -1;
    int r = directory_make(AT_FDCWD, path, &directory, ret_error);
    free(path);
    return r < 0 ? r : directory;
}

int erasure_request_write(const char *archive, const struct erasure_record *erasure,
                          struct error *ret_error) {
    const struct record record = {.type = RECORD_ERASURE, .erasure = *erasure};
    struct buffer bytes;
    int directory = open_folder(archive, ret_error);
    if (directory < 0)
        return directory;
    buffer_init(&bytes);
    buffer_append_u64(&bytes, 0);
    record_encode(&record, &bytes);
    store_u64(bytes.bytes, hash64(bytes.bytes + HASH_BYTES, bytes.length - HASH_BYTES, 0));
    unlinkat(directory, DRAFT, 0);
    int r = file_create(directory, DRAFT, bytes.bytes, bytes.length, ret_error);
    if (r == 0 && renameat(directory, DRAFT, directory, REQUEST) < 0)
        r = error_set_errno(ret_error, errno, "cannot name it " REQUEST);
    buffer_deinit(&bytes);
    close(directory);
    return r < 0 ? error_prefix(ret_error, "%s/" ERASURE_FOLDER, archive) : 0;
}

int erasure_request_read(const char *archive, struct arena *arena,
                         struct erasure_record *ret_erasure, struct error *ret_error) {
    char *path = name_printf("%s/" ERASURE_FOLDER "/" REQUEST, archive);
    char *bytes = NULL;
    size_t length = 0;
    struct record record;
    int r = file_load(AT_FDCWD, path, REQUEST_MAX, &bytes, &length, ret_error);
    if (r == -ERROR_NOT_FOUND) {
        free(path);
        return 1;
    }
    if (r == 0 && (length < HASH_BYTES || load_u64((uint8_t *)bytes) !=
                                              hash64(bytes + HASH_BYTES, length - HASH_BYTES, 0)))
        r = error_set(ret_error, ERROR_DAMAGED, "%s: it is no request of an erasure", path);
    if (r == 0)
        r = record_decode(RECORD_ERASURE, bytes + HASH_BYTES, length - HASH_BYTES, arena, &record,
                          ret_error);
    if (r == 0)
        *ret_erasure = record.erasure;
    free(bytes);
    free(path);
    return r;
}

bool erasure_request_exists(const char *archive) {
    char *path = name_printf("%s/" ERASURE_FOLDER "/" REQUEST, archive);
    bool exists = access(path, F_OK) == 0 || errno != ENOENT;
    free(path);
    return exists;
}

void erasure_request_remove(const char *archive) {
    char *path = name_printf("%s/" ERASURE_FOLDER "/" REQUEST, archive);
    unlink(path);
    free(path);
}

/* Of root's command the server's user must be able to do the next one. */
static void own(const char *archive, int directory, int lock) {
    struct stat owner;
    if (geteuid() != 0 || stat(archive, &owner) < 0)
        return;
    (void)!fchown(directory, owner.st_uid, owner.st_gid);
    (void)!fchown(lock, owner.st_uid, owner.st_gid);
}

static int take_lock(const char *archive, int operation, const char *refusal, int *ret_lock,
                     struct error *ret_error) {
    int directory = open_folder(archive, ret_error);
    if (directory < 0)
        return directory;
    int lock = openat(directory, LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    int r = 0;
    if (lock < 0)
        r = error_set_errno(ret_error, errno, "%s/" ERASURE_FOLDER "/" LOCK ": cannot open",
                            archive);
    else if (flock(lock, operation | LOCK_NB) < 0)
        r = errno == EWOULDBLOCK
                ? error_set(ret_error, ERROR_EXISTS, "%s: %s", archive, refusal)
                : error_set_errno(ret_error, errno, "%s/" ERASURE_FOLDER "/" LOCK ": cannot lock",
                                  archive);
    if (lock >= 0)
        own(archive, directory, lock);
    close(directory);
    if (r == 0)
        *ret_lock = lock;
    else if (lock >= 0)
        close(lock);
    return r;
}

int erasure_lock(const char *archive, int *ret_lock, struct error *ret_error) {
    return take_lock(archive, LOCK_EX, "another erasure or a prune is at work there", ret_lock,
                     ret_error);
}

int erasure_lock_out(const char *archive, int *ret_lock, struct error *ret_error) {
    return take_lock(archive, LOCK_SH, "an erasure is at work there", ret_lock, ret_error);
}

bool erasure_is_at_work(const char *archive) {
    char *path = name_printf("%s/" ERASURE_FOLDER "/" LOCK, archive);
    int lock = open(path, O_RDONLY | O_CLOEXEC);
    bool is_held = lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    if (lock >= 0)
        close(lock);
    free(path);
    return is_held;
}

struct text erasure_text(const struct transaction *transaction, struct text field) {
    enum transaction_field known = transaction_field_parse(field);
    if (known != FIELD_COUNT)
        return transaction->fields[known];
    for (size_t i = 0; i < transaction->attribute_count; i++)
        if (transaction->attributes[i].type == ATTRIBUTE_TEXT &&
            text_equal(transaction->attributes[i].name, field))
            return transaction->attributes[i].text;
    return (struct text){0};
}

bool erasure_concerns(const struct erased_key *keys, size_t count,
                      const struct transaction *transaction) {
    for (size_t i = 0; i < count; i++) {
        struct text text = erasure_text(transaction, keys[i].field);
        if (text.length > 0 && hash_text(text) == keys[i].hash)
            return true;
    }
    return false;
}
