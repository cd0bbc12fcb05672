#include "draft_file.h"

#include "core/base/check.h"
#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *draft_name(const char *path) {
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path + 1) : 0;
    char *name = NULL;
    check(asprintf(&name, "%.*s.%s.%ld.part", folder, path, path + folder, (long)getpid()) > 0);
    return name;
}

/* There is something at the path that cannot be replaced by renaming. */
static bool is_special(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

static FILE *open_new(const char *path) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return descriptor < 0 ? NULL : fdopen(descriptor, "w");
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
    char *resolved = realpath(path, NULL); /* NULL: nothing is there yet */
    draft->path = resolved ? resolved : text_copy(text_of(path));
    if (is_special(draft->path)) {
        draft->file = fopen(draft->path, "we");
    } else {
        draft->draft = draft_name(draft->path);
        draft->file = open_new(draft->draft);
    }
    if (draft->file)
        return 0;
    int r = error_set_errno(ret_error, errno, "cannot write %s", path);
    deinit(draft);
    return r;
}

int draft_file_publish(struct draft_file *draft, struct error *ret_error) {
    int failed = fflush(draft->file) != 0 ? errno : 0;
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
