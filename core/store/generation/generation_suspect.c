#include "generation_suspect.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/store/archive/file.h"
#include "generation_folder.h"
#include "manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE        "suspect"
#define EXIT_STORED 74 /* EX_IOERR of sysexits.h */

/* ---- the note; nothing here allocates, as a signal handler may be calling ---- */

bool generation_is_tables(const char *path) {
    size_t length = strlen(path), name = strlen("/" MANIFEST_TABLES);
    return length > name && strcmp(path + length - name, "/" MANIFEST_TABLES) == 0;
}

void generation_suspect(const char *path) {
    char note[4096];
    size_t folder = strlen(path) - strlen(MANIFEST_TABLES);
    if (!generation_is_tables(path) || folder + sizeof NOTE > sizeof note)
        return;
    memcpy(note, path, folder);
    memcpy(note + folder, NOTE, sizeof NOTE);
    int descriptor = open(note, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
}

static void say(const char *text) {
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return; /* there is no one to tell */
}

_Noreturn void generation_give_up(const char *path, const char *what) {
    generation_suspect(path);
    say(path);
    say(": the tables in use ");
    say(what);
    say(": the process ends, since nothing can be decided on them. The next start reads them "
        "against their hashes, and goes on without them if they are damaged; `harrier rebuild` "
        "makes "
        "new ones\n");
    _exit(EXIT_STORED);
}

bool generation_is_suspect(int directory) {
    return faccessat(directory, NOTE, F_OK, 0) == 0;
}

void generation_unsuspect(int directory) {
    unlinkat(directory, NOTE, 0);
}

/* ---- reading all of it ---- */

struct generation_scrub {
    char *path;
    int descriptor;
    struct hash_stream *stream;
    uint64_t at, size, hash; /* size and hash as published */
};

static int read_manifest(int directory, struct manifest *ret_manifest, struct error *ret_error) {
    char *bytes;
    size_t length;
    int r = file_load(directory, MANIFEST_FILE, MANIFEST_SIZE_MAX, &bytes, &length, ret_error);
    if (r < 0)
        return r;
    r = manifest_parse(bytes, length, ret_manifest, ret_error);
    free(bytes);
    return r < 0 ? error_prefix(ret_error, "%s", MANIFEST_FILE) : 0;
}

int generation_scrub_open(const char *root, const char *folder, struct generation_scrub **ret_scrub,
                          struct error *ret_error) {
    struct manifest manifest;
    char *path = name_printf("%s/%s", root, folder);
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = directory < 0 ? error_set_errno(ret_error, errno, "cannot open")
                          : read_manifest(directory, &manifest, ret_error);
    int descriptor = r < 0 ? -1 : openat(directory, MANIFEST_TABLES, O_RDONLY | O_CLOEXEC);
    if (r == 0 && descriptor < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot open", MANIFEST_TABLES);
    if (directory >= 0)
        close(directory);
    if (r == 0) {
        struct generation_scrub *scrub = check_calloc(1, sizeof *scrub);
        *scrub = (struct generation_scrub){.path = name_printf("%s/%s", path, MANIFEST_TABLES),
                                           .descriptor = descriptor,
                                           .stream = hash_stream_new(),
                                           .size = manifest.file_size,
                                           .hash = manifest.file_hash};
        manifest_deinit(&manifest);
        *ret_scrub = scrub;
    } else {
        error_prefix(ret_error, "%s", path);
    }
    free(path);
    return r;
}

static int refuse(const struct generation_scrub *scrub, struct error *ret_error) {
    generation_suspect(scrub->path);
    return error_set(ret_error, ERROR_DAMAGED,
                     "%s: its content has changed since it was published: rebuild it from the "
                     "archive",
                     scrub->path);
}

int generation_scrub_step(struct generation_scrub *scrub, size_t bytes, struct error *ret_error) {
    enum { PIECE = 256 << 10 };
    uint8_t *piece = check_malloc(PIECE);
    ssize_t length = 1;
    for (size_t done = 0; done < bytes && length > 0; done += (size_t)length) {
        length = file_read_at(scrub->descriptor, piece, PIECE, scrub->at);
        if (length < 0)
            break;
        hash_stream_add(scrub->stream, piece, (size_t)length);
        scrub->at += (uint64_t)length;
    }
    int number = errno;
    free(piece);
    if (length < 0) {
        generation_suspect(scrub->path);
        return error_set_errno(ret_error, number, "%s: byte %" PRIu64 ": cannot read", scrub->path,
                               scrub->at);
    }
    if (length > 0)
        return 1;
    bool is_same = scrub->at == scrub->size && hash_stream_value(scrub->stream) == scrub->hash;
    return is_same ? 0 : refuse(scrub, ret_error);
}

void generation_scrub_close(struct generation_scrub *scrub) {
    if (!scrub)
        return;
    hash_stream_free(scrub->stream);
    close(scrub->descriptor);
    free(scrub->path);
    free(scrub);
}
