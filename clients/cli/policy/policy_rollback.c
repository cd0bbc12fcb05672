/* The order makes it safe: make, check, exchange, tidy up. Only the third step changes what others
 * see, and a kill at any time leaves at most a folder too many beside it. */
#include "policy_rollback.h"

#include "other_files.h"
#include "policy_export.h"

#include "core/base/hash.h"
#include "core/policy/load/snapshot.h"
#include "core/store/archive/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE_DEFAULT 0644
#define SUFFIX_SIZE       (HASH_HEX_SIZE + 8)

/* One rollback under way. */
struct exchange {
    const struct rollback *rollback;
    char *path, *real; /* without slashes at the end; with all links followed */
    bool is_link;
    int old; /* descriptor of the old folder */
    struct folder_draft draft;
    struct rolled_back done;
};

/* ---- the folder itself ---- */

/* What is not of the policy comes along. If the new files and it make another policy, a file was
 * added to the old one since it was read, and looked as if it were not of it. */
static int check_new(const struct exchange *exchange, struct error *ret_error) {
    const struct rollback *rollback = exchange->rollback;
    struct policy_folder *folder;
    struct error ignored;
    size_t count;
    int r = policy_export_check(&exchange->draft, rollback->new_id, ret_error);
    if (r != -ERROR_DAMAGED || policy_folder_read(exchange->real, &folder, &ignored) < 0)
        return r;
    const struct policy_file *files = policy_folder_files(folder, &count);
    bool is_changed = snapshot_files_id(files, count) !=
                      snapshot_files_id(rollback->old_files, rollback->old_count);
    policy_folder_free(folder);
    return is_changed ? error_set(ret_error, ERROR_EXISTS,
                                  "%s was changed meanwhile; nothing was replaced", exchange->path)
                      : r;
}

static int exchange_folder(struct exchange *exchange, struct error *ret_error) {
    const struct rollback *rollback = exchange->rollback;
    struct folder_draft *draft = &exchange->draft;
    struct rolled_back *done = &exchange->done;
    struct other_files others;
    char suffix[SUFFIX_SIZE];
    int r = other_files_link(exchange->old, draft->folder, rollback->old_files, rollback->old_count,
                             &others, ret_error);
    if (r < 0)
        error_prefix(ret_error, "%s", exchange->real);
    if (r == 0)
        r = check_new(exchange, ret_error);
    if (r == 0)
        r = folder_draft_exchange(draft, ret_error);
    if (r == 0) {
        snprintf(suffix, sizeof suffix, "old-%016" PRIx64,
                 snapshot_files_id(rollback->old_files, rollback->old_count));
        if (folder_draft_publish_beside(draft, suffix, &done->old_folder, &done->mishap) < 0)
            done->old_folder =
                name_printf("%.*s%s", (int)(draft->name - draft->path), draft->path, draft->draft);
        other_files_unlink(&others, exchange->old, draft->folder);
    }
    other_files_deinit(&others);
    return r;
}

/* ---- a link to it ---- */

static bool leads_to(const char *link, int folder) {
    struct stat there, wanted;
    return stat(link, &there) == 0 && fstat(folder, &wanted) == 0 &&
           there.st_ino == wanted.st_ino && there.st_dev == wanted.st_dev;
}

/* Makes a link beside the old one that leads to the new folder: in the old one's words with another
 * last name, such as "releases/8", if they lead there, else by the whole path. */
static int make_link(const struct exchange *exchange, const char *link, struct error *ret_error) {
    char words[PATH_MAX];
    const char *new_folder = exchange->done.new_folder;
    ssize_t length = readlink(exchange->path, words, sizeof words - 1);
    if (length > 0) {
        words[length] = '\0';
        char *trimmed = path_without_slashes(words), *slash = strrchr(trimmed, '/');
        char *target = name_printf("%.*s%s", slash ? (int)(slash + 1 - trimmed) : 0, trimmed,
                                   strrchr(new_folder, '/') + 1);
        bool is_made = symlink(target, link) == 0;
        free(trimmed);
        free(target);
        if (is_made && leads_to(link, exchange->draft.folder))
            return 0;
        if (is_made)
            unlink(link);
    }
    return symlink(new_folder, link) == 0
               ? 0
               : error_set_errno(ret_error, errno, "cannot make a link beside %s", exchange->path);
}

/* A link of this name is what a killed run has left: the number is ours now. */
static int switch_link(const struct exchange *exchange, struct error *ret_error) {
    const char *slash = strrchr(exchange->path, '/');
    int folder = slash ? (int)(slash + 1 - exchange->path) : 0;
    char *link = name_printf("%.*s.%s.%ld.link", folder, exchange->path, exchange->path + folder,
                             (long)getpid());
    unlink(link);
    int r = make_link(exchange, link, ret_error);
    if (r == 0 && rename(link, exchange->path) < 0) {
        r = error_set_errno(ret_error, errno, "cannot switch the link %s", exchange->path);
        unlink(link);
    }
    free(link);
    return r;
}

/* Cuts off what an earlier rollback has put behind a folder's name, ".ID" or ".ID-2": names would
 * grow with each rollback otherwise, until one more has no room. */
static void cut_id(char *path) {
    char *dot = strrchr(path, '.');
    if (!dot || dot == path || dot[-1] == '/')
        return;
    size_t digits = strspn(dot + 1, "0123456789abcdef");
    const char *rest = dot + 1 + digits;
    if (*rest == '-')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (digits == HASH_HEX_SIZE - 1 && *rest == '\0')
        *dot = '\0';
}

static int exchange_link(struct exchange *exchange, struct error *ret_error) {
    const struct rollback *rollback = exchange->rollback;
    char suffix[HASH_HEX_SIZE];
    hash_hex(rollback->new_id, suffix);
    int r = policy_export_check(&exchange->draft, rollback->new_id, ret_error);
    if (r == 0)
        r = folder_draft_publish_beside(&exchange->draft, suffix, &exchange->done.new_folder,
                                        ret_error);
    if (r == 0)
        r = switch_link(exchange, ret_error);
    if (r == 0)
        exchange->done.old_folder = text_copy(text_of(exchange->real));
    return r;
}

/* ---- both ---- */

/* As the old files are: whoever could read them, such as a server, must be able to read the new
 * ones. */
static int find_access(const struct exchange *exchange, struct file_access *ret_access,
                       struct error *ret_error) {
    struct stat status, file;
    if (fstat(exchange->old, &status) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot be read", exchange->real);
    bool has_file = fstatat(exchange->old, "policy.yaml", &file, 0) == 0;
    *ret_access =
        (struct file_access){.is_given = true,
                             .folder_mode = status.st_mode & 07777,
                             .file_mode = has_file ? file.st_mode & 0777 : FILE_MODE_DEFAULT,
                             .owner = status.st_uid,
                             .group = status.st_gid};
    return 0;
}

/* Two at a time would both take along what is not of the policy, and the second find none of it.
 * The lock goes with the descriptor. File systems that cannot lock a folder do without. */
static int lock_folder(const struct exchange *exchange, struct error *ret_error) {
    if (flock(exchange->old, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return error_set(ret_error, ERROR_SYSTEM, "%s: another rollback of it is at work",
                         exchange->path);
    if (!leads_to(exchange->path, exchange->old))
        return error_set(ret_error, ERROR_SYSTEM, "%s was replaced meanwhile; try again",
                         exchange->path);
    return 0;
}

static int find_folder(struct exchange *exchange, struct error *ret_error) {
    struct stat status;
    exchange->path = path_without_slashes(exchange->rollback->folder);
    exchange->real = realpath(exchange->path, NULL);
    if (!exchange->real || lstat(exchange->path, &status) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot be read", exchange->path);
    exchange->is_link = S_ISLNK(status.st_mode);
    exchange->old = open(exchange->real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return exchange->old < 0
               ? error_set_errno(ret_error, errno, "%s: cannot be read", exchange->real)
               : lock_folder(exchange, ret_error);
}

static int run(struct exchange *exchange, struct error *ret_error) {
    const struct rollback *rollback = exchange->rollback;
    struct file_access access;
    int r = find_folder(exchange, ret_error);
    if (r == 0)
        r = find_access(exchange, &access, ret_error);
    if (r < 0)
        return r;
    char *name = text_copy(text_of(exchange->real));
    if (exchange->is_link)
        cut_id(name);
    r = folder_draft_open(&exchange->draft, name, &access, ret_error);
    free(name);
    if (r < 0)
        return r;
    r = policy_export_write(&exchange->draft, rollback->new_files, rollback->new_count, ret_error);
    if (r == 0)
        r = policy_export_write(&exchange->draft, rollback->more_files, rollback->more_count,
                                ret_error);
    if (r == 0)
        r = (exchange->is_link ? exchange_link : exchange_folder)(exchange, ret_error);
    if (r < 0)
        folder_draft_discard(&exchange->draft);
    else
        folder_draft_close(&exchange->draft);
    return r;
}

int policy_rollback(const struct rollback *rollback, struct rolled_back *ret_done,
                    struct error *ret_error) {
    struct exchange exchange = {.rollback = rollback, .old = -1};
    int r = run(&exchange, ret_error);
    if (exchange.old >= 0)
        close(exchange.old);
    free(exchange.path);
    free(exchange.real);
    if (r < 0)
        rolled_back_deinit(&exchange.done);
    else
        *ret_done = exchange.done;
    return r;
}

void rolled_back_deinit(struct rolled_back *done) {
    free(done->old_folder);
    free(done->new_folder);
    *done = (struct rolled_back){0};
}
