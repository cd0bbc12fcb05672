/* One process at a time writes, so that drafts need no names of their own, and what a killed
 * process left is overwritten. Readers take no lock: a file appears whole, and keeps its content
 * for whoever has it mapped when it is replaced. */
#include "find_files.h"

#include "core/store/archive/file.h"

#include "core/base/folder/folder_next.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARCHIVE_NAME "archive"
#define INDEX_NAME   "index"
#define FILE_SUFFIX  ".find"

static size_t trimmed(const char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length;
}

char *find_files_folder(const char *archive) {
    size_t length = trimmed(archive), name = sizeof ARCHIVE_NAME - 1;
    bool is_named = length >= name && memcmp(archive + length - name, ARCHIVE_NAME, name) == 0 &&
                    (length == name || archive[length - name - 1] == '/');
    if (is_named)
        return name_printf("%.*s%s", (int)(length - name), archive, INDEX_NAME);
    return name_printf("%.*s.%s", (int)length, archive, INDEX_NAME);
}

static char *name_of(uint64_t first) {
    return name_printf("%020" PRIu64 FILE_SUFFIX, first);
}

static int open_folder(const char *folder) {
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

struct find_image *find_files_load(const char *folder, uint64_t first) {
    struct find_image *image = NULL;
    int directory = open_folder(folder);
    if (directory < 0)
        return NULL;
    char *name = name_of(first);
    int descriptor = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0)
        image = find_image_map(descriptor);
    free(name);
    close(directory);
    return image;
}

/* Not synced: what a crash of the machine leaves of it is recognised by its checksums. */
static int write_file(int directory, const char *name, struct text bytes, struct error *ret_error) {
    int descriptor = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "%s: cannot create", name);
    int r = 0;
    if (file_write_at(descriptor, bytes.data, bytes.length, 0) < 0) {
        r = error_set_errno(ret_error, errno, "%s: cannot write", name);
        unlinkat(directory, name, 0);
    }
    close(descriptor);
    return r;
}

static int write_draft(int directory, const char *name, const struct find_image *image,
                       struct error *ret_error) {
    char *draft = name_printf("%s.new", name);
    struct text bytes = find_image_bytes(image);
    unlinkat(directory, draft, 0);
    int r = write_file(directory, draft, bytes, ret_error);
    if (r == 0 && renameat(directory, draft, directory, name) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot name it so", name);
    free(draft);
    return r;
}

int find_files_publish(const char *folder, uint64_t first, const struct find_image *image,
                       struct error *ret_error) {
    int directory = -1, lock = -1;
    int r = directory_make(AT_FDCWD, folder, &directory, ret_error);
    if (r < 0)
        return r;
    r = directory_lock(directory, folder, "writes to this index", &lock, ret_error);
    if (r == 0) {
        char *name = name_of(first);
        r = write_draft(directory, name, image, ret_error);
        free(name);
        close(lock);
        if (r < 0)
            error_prefix(ret_error, "%s", folder);
    }
    close(directory);
    return r == -ERROR_EXISTS ? 1 : r;
}

bool find_files_exist(const char *folder) {
    return access(folder, F_OK) == 0;
}

bool find_files_has(const char *folder, uint64_t first) {
    char *path = name_printf("%s/%020" PRIu64 FILE_SUFFIX, folder, first);
    bool is_there = access(path, F_OK) == 0;
    free(path);
    return is_there;
}

/* A hint: if the listing fails, more is searched than has to be. */
uint64_t find_files_last(const char *folder) {
    uint64_t last = 0;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char *end;
        uint64_t first = strtoull(entry->d_name, &end, 10);
        if (strcmp(end, FILE_SUFFIX) == 0 && first > last)
            last = first;
    }
    if (directory)
        closedir(directory);
    return last;
}

void find_files_remove(const char *folder, uint64_t first) {
    int directory = open_folder(folder);
    if (directory < 0)
        return;
    char *name = name_of(first);
    unlinkat(directory, name, 0);
    free(name);
    close(directory);
}

/* A file begins with the record in its name and ends in the same segment, so one that begins in
 * front of where the archive begins ends there, too. */
static bool is_before(const char *name, uint64_t position) {
    char *end;
    uint64_t first = strtoull(name, &end, 10);
    return strncmp(end, FILE_SUFFIX, sizeof FILE_SUFFIX - 1) == 0 && first <= position;
}

int find_files_remove_before(const char *folder, uint64_t position, struct error *ret_error) {
    int descriptor = open_folder(folder);
    DIR *directory = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (!directory) {
        int r = errno == ENOENT ? 0 : error_set_errno(ret_error, errno, "%s: cannot list", folder);
        if (descriptor >= 0)
            close(descriptor);
        return r;
    }
    int r = 0;
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(directory, folder, &entry, ret_error)) > 0;)
        if (is_before(entry->d_name, position) && unlinkat(descriptor, entry->d_name, 0) < 0 &&
            errno != ENOENT)
            r = error_set_errno(ret_error, errno, "%s/%s: cannot remove", folder, entry->d_name);
    closedir(directory);
    return r;
}
