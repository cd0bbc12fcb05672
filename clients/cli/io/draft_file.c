/* Drafts lie in the folder of the file, since rename() works only within a file system. Their
 * names have the process's number, so that two runs at once do not write into one another.
 *
 * There is no clean-up of drafts that a killed process left: another run may resume from one
 * (draft_file_reopen()). */
#include "draft_file.h"

#include "core/base/check.h"
#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ATTEMPTS 100

/* Of one path there is one for each attempt. */
static char *draft_name(const char *path, unsigned attempt) {
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path + 1) : 0;
    char *name = NULL, number[16] = "";
    if (attempt > 0)
        snprintf(number, sizeof number, "-%u", attempt);
    check(asprintf(&name, "%.*s.%s.%ld%s.part", folder, path, path + folder, (long)getpid(),
                   number) > 0);
    return name;
}

/* Heap. What is not there yet has no links. */
static char *resolve(const char *path) {
    char *resolved = realpath(path, NULL);
    return resolved ? resolved : text_copy(text_of(path));
}

/* There is something at the path that cannot be replaced by renaming. */
static bool is_special(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

/* O_EXCL: never open a file that another user has prepared. */
static FILE *open_new(const char *path) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return descriptor < 0 ? NULL : fdopen(descriptor, "w");
}

/* What a process of the same number has left is not ours: in a container all have the same. */
static void open_draft(struct draft_file *draft) {
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        free(draft->draft);
        draft->draft = draft_name(draft->path, attempt);
        draft->file = open_new(draft->draft);
        if (draft->file || errno != EEXIST)
            return;
    }
}

static void deinit(struct draft_file *draft) {
    free(draft->path);
    free(draft->draft);
    *draft = (struct draft_file){0};
}

int draft_file_open(struct draft_file *draft, const char *path, struct error *ret_error) {
    *draft = (struct draft_file){.is_stdout = strcmp(path, "-") == 0};
    if (draft->is_stdout) {
        draft->file = stdout;
        draft->path = text_copy(text_of("stdout"));
        return 0;
    }
    draft->path = resolve(path);
    if (is_special(draft->path)) {
        draft->file = fopen(draft->path, "we");
    } else {
        open_draft(draft);
    }
    if (draft->file)
        return 0;
    int r = error_set_errno(ret_error, errno, "cannot write %s", path);
    deinit(draft);
    return r;
}

int draft_file_publish(struct draft_file *draft, struct error *ret_error) {
    int failed = fflush(draft->file) != 0 ? errno : 0;
    if (!failed && draft->draft && fsync(fileno(draft->file)) < 0)
        failed = errno;
    if (!draft->is_stdout && fclose(draft->file) != 0 && !failed)
        failed = errno;
    if (!failed && draft->draft && rename(draft->draft, draft->path) != 0)
        failed = errno;
    int r = failed ? error_set_errno(ret_error, failed, "cannot write %s", draft->path) : 0;
    if (failed && draft->draft)
        unlink(draft->draft);
    deinit(draft);
    return r;
}

void draft_file_discard(struct draft_file *draft) {
    if (draft->file && !draft->is_stdout)
        fclose(draft->file);
    if (draft->draft)
        unlink(draft->draft);
    deinit(draft);
}

/* ---- left, and reopened ---- */

void draft_file_leave(struct draft_file *draft) {
    check(draft->draft);
    fclose(draft->file);
    deinit(draft);
}

const char *draft_file_name(const struct draft_file *draft) {
    const char *slash = draft->draft ? strrchr(draft->draft, '/') : NULL;
    return slash ? slash + 1 : draft->draft;
}

/* The path of `name` in the folder of `path`. Heap. */
static char *beside(const char *path, const char *name) {
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path + 1) : 0;
    char *whole = NULL;
    check(asprintf(&whole, "%.*s%s", folder, path, name) > 0);
    return whole;
}

/* Only a regular file, and not through a symbolic link: the name came out of a file that may have
 * been tampered with. */
static FILE *open_left(const char *path) {
    struct stat status;
    int descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0)
        return NULL;
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode))
        return fdopen(descriptor, "r+");
    close(descriptor);
    errno = ENOENT;
    return NULL;
}

int draft_file_reopen(struct draft_file *draft, const char *path, const char *name,
                      struct error *ret_error) {
    *draft = (struct draft_file){.path = resolve(path)};
    draft->draft = beside(draft->path, name);
    draft->file = strchr(name, '/') ? NULL : open_left(draft->draft);
    if (draft->file)
        return 0;
    int r = errno == ENOENT || strchr(name, '/')
                ? error_set(ret_error, ERROR_NOT_FOUND, "%s is gone", draft->draft)
                : error_set_errno(ret_error, errno, "cannot open %s", draft->draft);
    deinit(draft);
    return r;
}
