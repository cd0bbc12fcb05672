/* Images as folders of files. */
#include "disk_image.h"

#include "core/base/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 4096

static bool is_zero(const uint8_t *bytes, size_t length) {
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

static int write_bytes(int file, const struct disk_image_node *node) {
    if (ftruncate(file, (off_t)node->size) < 0)
        return -1;
    for (uint64_t at = 0; at < node->used && at < node->size;) {
        uint64_t end = at;
        while (end < node->used && end < node->size) {
            uint64_t left = node->used - end;
            size_t length = left < PIECE ? (size_t)left : PIECE;
            if (is_zero(node->bytes + end, length))
                break;
            end += length;
        }
        if (end > at &&
            pwrite(file, node->bytes + at, (size_t)(end - at), (off_t)at) != (ssize_t)(end - at))
            return -1;
        at = end > at ? end : at + PIECE;
    }
    return 0;
}

static int write_node(const struct disk_image_node *node, int folder) {
    if (node->kind == DISK_IMAGE_FOLDER)
        return mkdirat(folder, node->path, node->mode & 07777) < 0 ? -1 : 0;
    if (node->kind == DISK_IMAGE_LINK)
        return symlinkat((const char *)node->bytes, folder, node->path);
    int file = openat(folder, node->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return -1;
    int r = write_bytes(file, node);
    if (r == 0)
        r = fchmod(file, node->mode & 07777);
    close(file);
    return r;
}

int disk_image_write(const struct disk_image *image, const char *folder) {
    int opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0)
        return -1;
    int r = 0;
    for (size_t i = 0; i < image->count && r == 0; i++)
        r = write_node(&image->nodes[i], opened);
    int number = errno;
    close(opened);
    errno = number;
    return r;
}

/* Everything in it, not the folder itself. Takes over the descriptor. */
static int empty(int folder) {
    DIR *listing = folder < 0 ? NULL : fdopendir(folder);
    if (!listing)
        return -1;
    int r = 0;
    struct dirent *entry;
    while (r == 0 && (entry = readdir(listing))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(folder, entry->d_name, 0) == 0)
            continue;
        if (errno != EISDIR && errno != EPERM)
            r = -1;
        else if (empty(openat(folder, entry->d_name,
                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0 ||
                 unlinkat(folder, entry->d_name, AT_REMOVEDIR) < 0)
            r = -1;
    }
    int number = errno;
    closedir(listing);
    errno = number;
    return r;
}

int disk_image_replace(const struct disk_image *image, const char *folder) {
    if (empty(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return -1;
    return disk_image_write(image, folder);
}

/* ---- comparing ---- */

static bool file_equals(int folder, const struct disk_image_node *node, const struct stat *status) {
    if (!S_ISREG(status->st_mode) || (uint64_t)status->st_size != node->size)
        return false;
    int file = openat(folder, node->path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    static uint8_t piece[1 << 16];
    bool equals = true;
    for (uint64_t at = 0; equals && at < node->size;) {
        ssize_t length = pread(file, piece, sizeof piece, (off_t)at);
        if (length <= 0)
            equals = false;
        else if (at >= node->used)
            equals = is_zero(piece, (size_t)length);
        else
            equals = memcmp(piece, node->bytes + at, (size_t)length) == 0;
        at += length > 0 ? (uint64_t)length : 0;
    }
    close(file);
    return equals;
}

static bool node_equals(int folder, const struct disk_image_node *node) {
    struct stat status;
    if (fstatat(folder, node->path, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    if (node->kind == DISK_IMAGE_FOLDER)
        return S_ISDIR(status.st_mode);
    if (node->kind == DISK_IMAGE_FILE)
        return file_equals(folder, node, &status);
    char target[4096];
    ssize_t length = readlinkat(folder, node->path, target, sizeof target);
    return length == (ssize_t)node->size && memcmp(target, node->bytes, (size_t)length) == 0;
}

/* All names in the folder, below all folders. Takes over the descriptor. */
static size_t count_names(int folder) {
    DIR *listing = folder < 0 ? NULL : fdopendir(folder);
    size_t count = 0;
    struct dirent *entry;
    while (listing && (entry = readdir(listing))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        count++;
        struct stat status;
        if (fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(status.st_mode))
            count += count_names(
                openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    }
    if (listing)
        closedir(listing);
    return count;
}

bool disk_image_equals(const struct disk_image *image, const char *folder, char *ret_difference,
                       size_t size) {
    int opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) {
        snprintf(ret_difference, size, "%s: %s", folder, strerror(errno));
        return false;
    }
    bool equals = true;
    for (size_t i = 0; i < image->count && equals; i++) {
        equals = node_equals(opened, &image->nodes[i]);
        if (!equals)
            snprintf(ret_difference, size, "%s differs", image->nodes[i].path);
    }
    size_t names = equals ? count_names(opened) : 0;
    if (!equals)
        close(opened);
    if (equals && names != image->count) {
        snprintf(ret_difference, size, "%zu names instead of %zu", names, image->count);
        equals = false;
    }
    return equals;
}
