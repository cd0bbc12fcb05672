#include "generation_folder.h"

#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/store/archive/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *generation_folder_format(uint64_t position, uint64_t id) {
    return name_printf("g-%020" PRIu64 "-%016" PRIx64, position, id);
}

bool generation_folder_parse(const char *name, uint64_t *ret_position, uint64_t *ret_id) {
    enum { DIGITS = 20, LENGTH = 2 + DIGITS + 1 + HASH_HEX_SIZE - 1 };
    if (strlen(name) != LENGTH || strncmp(name, "g-", 2) != 0 || name[2 + DIGITS] != '-' ||
        strspn(name + 2, "0123456789") != DIGITS)
        return false;
    if (hash_parse_hex(text_of(name + 2 + DIGITS + 1), ret_id) < 0)
        return false;
    *ret_position = strtoull(name + 2, NULL, 10);
    return true;
}

/* O_NOFOLLOW: of a symbolic link only the link is removed, never what it points to. */
int generation_folder_remove(int directory, const char *name, struct error *ret_error) {
    int inside = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inside < 0 && (errno == ENOENT || (errno == ENOTDIR && unlinkat(directory, name, 0) == 0)))
        return 0;
    DIR *folder = inside < 0 ? NULL : fdopendir(inside);
    if (!folder) {
        int r = error_set_errno(ret_error, errno, "%s: cannot open", name);
        if (inside >= 0)
            close(inside);
        return r;
    }
    int r = 0;
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, name, &entry, ret_error)) > 0;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlinkat(inside, entry->d_name, 0) < 0)
            r = error_set_errno(ret_error, errno, "%s/%s: cannot remove", name, entry->d_name);
    closedir(folder);
    if (r == 0 && unlinkat(directory, name, AT_REMOVEDIR) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", name);
    return r;
}

/* Nothing here was published, and the caller holds the lock, so no other process uses it. */
int generation_remove_leftovers(int directory, struct error *ret_error) {
    int r = generation_folder_remove(directory, GENERATION_NEW_FOLDER, ret_error);
    if (r == 0)
        r = generation_folder_remove(directory, GENERATION_OLD_FOLDER, ret_error);
    if (r == 0 && unlinkat(directory, GENERATION_NEW_LINK, 0) < 0 && errno != ENOENT)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", GENERATION_NEW_LINK);
    return r;
}

/* Reads the bytes as they are, without LMDB: damage must be found before LMDB follows damaged
 * pointers. */
int generation_folder_hash_file(int directory, const char *name, uint64_t *ret_size,
                                uint64_t *ret_hash, struct error *ret_error) {
    enum { PIECE = 1 << 20 };
    int descriptor = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "%s: cannot open", name);
    uint8_t *bytes = check_malloc(PIECE);
    struct hash_stream *stream = hash_stream_new();
    uint64_t size = 0;
    ssize_t length;
    while ((length = file_read_at(descriptor, bytes, PIECE, size)) > 0) {
        hash_stream_add(stream, bytes, (size_t)length);
        size += (uint64_t)length;
    }
    int r = length < 0 ? error_set_errno(ret_error, errno, "%s: cannot read", name) : 0;
    if (r == 0) {
        *ret_size = size;
        *ret_hash = hash_stream_value(stream);
    }
    hash_stream_free(stream);
    free(bytes);
    close(descriptor);
    return r;
}
