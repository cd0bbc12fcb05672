/* All names are relative to descriptors, so that a folder that is renamed above does not lead
 * elsewhere, and no link is followed: the draft has none but those that belong in it. */
#include "folder_draft.h"

#include "quoted_path.h"

#include "core/base/check.h"
#include "core/policy/load/snapshot.h"
#include "core/store/archive/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ATTEMPTS     100 /* names tried before giving up */
#define GROUPS_MAX   256 /* of one user */
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

char *path_without_slashes(const char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return text_copy((struct text){path, length});
}

/* ---- opening ---- */

/* What a process of the same number has left is not ours: in a container all have the same. */
static int make_draft(struct folder_draft *draft, struct error *ret_error) {
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        free(draft->draft);
        draft->draft = attempt
                           ? name_printf(".%s.%ld-%u.part", draft->name, (long)getpid(), attempt)
                           : name_printf(".%s.%ld.part", draft->name, (long)getpid());
        if (mkdirat(draft->parent, draft->draft, 0700) == 0)
            return 0;
        if (errno != EEXIST)
            break;
    }
    return error_set_errno(ret_error, errno, "cannot make a folder beside %s", draft->path);
}

static int open_parent(struct folder_draft *draft, struct error *ret_error) {
    char *slash = strrchr(draft->path, '/');
    draft->name = slash ? slash + 1 : draft->path;
    if (*draft->name == '\0' || strcmp(draft->name, ".") == 0 || strcmp(draft->name, "..") == 0)
        return error_set(ret_error, ERROR_INVALID, "%s: expected a path that ends with a name",
                         draft->path);
    char *parent = !slash ? text_copy(TEXT_LITERAL("."))
                   : slash == draft->path
                       ? text_copy(TEXT_LITERAL("/"))
                       : text_copy((struct text){draft->path, (size_t)(slash - draft->path)});
    draft->parent = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = draft->parent < 0
                ? error_set_errno(ret_error, errno, "cannot open the folder %s", parent)
                : 0;
    free(parent);
    return r;
}

/* root reads anyway. Of an owner without an entry nothing is known, and the group of its files may
 * well be its own. */
static bool is_member(uid_t owner, gid_t group) {
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX;
    const struct passwd *entry = owner == 0 ? NULL : getpwuid(owner);
    if (!entry || getgrouplist(entry->pw_name, entry->pw_gid, groups, &count) < 0)
        return true;
    for (int i = 0; i < count; i++)
        if (groups[i] == group)
            return true;
    return false;
}

/* What is given away comes back: until it is whole, nobody else may enter. Its group may stay, as
 * the mode gives that nothing yet. An owner who is not kept reads as a member of the group, or not
 * at all. */
static int check_access(const struct folder_draft *draft, struct error *ret_error) {
    const struct file_access *access = &draft->access;
    struct stat before, given;
    if (fstat(draft->folder, &before) < 0 ||
        give_owner(draft->folder, access->owner, access->group) < 0 ||
        fstat(draft->folder, &given) < 0)
        return error_set_errno(ret_error, errno, "cannot give away the folder beside %s",
                               draft->path);
    if (before.st_uid != given.st_uid && fchown(draft->folder, before.st_uid, (gid_t)-1) < 0)
        return error_set_errno(ret_error, errno, "cannot take back the folder beside %s",
                               draft->path);
    bool group_reads = access->file_mode & S_IRGRP, others_read = access->file_mode & S_IROTH;
    bool keeps_owner = given.st_uid == access->owner, keeps_group = given.st_gid == access->group;
    bool owner_reads = keeps_owner || (group_reads && is_member(access->owner, access->group));
    if (others_read || (owner_reads && (keeps_group || !group_reads)))
        return 0;
    return error_set(ret_error, ERROR_SYSTEM,
                     "the files of %s belong to user %u and group %u (mode %03o), but this process "
                     "may not give new files to them: whoever reads them as that user or group, "
                     "such as the server, could not read the new ones. Nothing was changed; run "
                     "this as root or as that user%s",
                     draft->path, (unsigned)access->owner, (unsigned)access->group,
                     (unsigned)access->file_mode,
                     keeps_group ? "" : ", or as a member of the group");
}

int folder_draft_open(struct folder_draft *draft, const char *path,
                      const struct file_access *access, struct error *ret_error) {
    *draft = (struct folder_draft){.path = path_without_slashes(path), .parent = -1, .folder = -1};
    if (access)
        draft->access = *access;
    int r = open_parent(draft, ret_error);
    if (r == 0)
        r = make_draft(draft, ret_error);
    if (r == 0) {
        draft->folder = openat(draft->parent, draft->draft, FOLDER_FLAGS);
        if (draft->folder < 0)
            r = error_set_errno(ret_error, errno, "cannot open the folder beside %s", draft->path);
        else if (access)
            r = check_access(draft, ret_error);
        if (r < 0)
            unlinkat(draft->parent, draft->draft, AT_REMOVEDIR);
    }
    if (r < 0)
        folder_draft_close(draft);
    return r;
}

void folder_draft_close(struct folder_draft *draft) {
    if (draft->folder >= 0)
        close(draft->folder);
    if (draft->parent >= 0)
        close(draft->parent);
    free(draft->path);
    free(draft->draft);
    *draft = (struct folder_draft){.parent = -1, .folder = -1};
}

/* ---- filling ---- */

int give_owner(int descriptor, uid_t owner, gid_t group) {
    bool is_failed = fchown(descriptor, owner, group) < 0 &&
                     fchown(descriptor, (uid_t)-1, group) < 0 && errno != EPERM;
    return is_failed ? -1 : 0;
}

static int give_access(const struct folder_draft *draft, int descriptor, mode_t mode) {
    if (!draft->access.is_given)
        return 0;
    if (give_owner(descriptor, draft->access.owner, draft->access.group) < 0)
        return -1;
    return fchmod(descriptor, mode);
}

/* A folder inside the draft that is there or not. Returns its descriptor, or -1: errno. */
static int enter(const struct folder_draft *draft, int directory, const char *name) {
    bool is_new = mkdirat(directory, name, 0777) == 0;
    if (!is_new && errno != EEXIST)
        return -1;
    int inside = openat(directory, name, FOLDER_FLAGS);
    if (inside < 0 || !is_new)
        return inside;
    if (give_access(draft, inside, draft->access.folder_mode) == 0 && fsync(directory) == 0)
        return inside;
    int number = errno;
    close(inside);
    errno = number;
    return -1;
}

static int write_content(const struct folder_draft *draft, int descriptor, struct text content) {
    if (file_write_at(descriptor, content.data, content.length, 0) < 0 ||
        give_access(draft, descriptor, draft->access.file_mode) < 0)
        return -1;
    return fsync(descriptor);
}

static int create(const struct folder_draft *draft, int directory, const char *name,
                  struct text content) {
    int descriptor = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return -1;
    int r = write_content(draft, descriptor, content), number = errno;
    if (close(descriptor) < 0 && r == 0)
        return -1;
    errno = number;
    return r < 0 ? r : fsync(directory);
}

/* path is cut into its parts. An empty part means nothing, as for the kernel. */
static int create_below(const struct folder_draft *draft, char *path, struct text content) {
    int directory = dup(draft->folder);
    char *name = path;
    for (char *slash; directory >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
        *slash = '\0';
        if (*name == '\0')
            continue;
        int inside = enter(draft, directory, name), number = errno;
        close(directory);
        errno = number;
        directory = inside;
    }
    if (directory < 0)
        return -1;
    int r = create(draft, directory, name, content), number = errno;
    close(directory);
    errno = number;
    return r;
}

static int refuse_file(const struct folder_draft *draft, struct text path, int number,
                       struct error *ret_error) {
    struct buffer shown;
    buffer_init(&shown);
    quoted_path_write(NULL, path, &shown);
    int r = error_set_errno(ret_error, number, "%s: cannot write %" TEXT_FORMAT, draft->path,
                            TEXT_ARGS(buffer_text(&shown)));
    buffer_deinit(&shown);
    return r;
}

int folder_draft_add(struct folder_draft *draft, struct text path, struct text content,
                     struct error *ret_error) {
    check(policy_path_is_inside(path));
    char *parts = text_copy(path);
    int r =
        create_below(draft, parts, content) < 0 ? refuse_file(draft, path, errno, ret_error) : 0;
    free(parts);
    return r;
}

/* ---- taking a name ---- */

/* Lets others in, who may read the whole of it now. */
static int open_to_others(struct folder_draft *draft) {
    mode_t mask = umask(0);
    umask(mask);
    int r = draft->access.is_given ? give_access(draft, draft->folder, draft->access.folder_mode)
                                   : fchmod(draft->folder, 0777 & ~mask);
    return r < 0 ? r : fsync(draft->folder);
}

/* Where the file system does not know the flag, the check and the renaming are two steps; only an
 * empty folder could be replaced between them. */
static int rename_to_free(int directory, const char *from, const char *to) {
    struct stat status;
    if (renameat2(directory, from, directory, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (fstatat(directory, to, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return -1;
    }
    return renameat(directory, from, directory, to);
}

static int take_name(struct folder_draft *draft, const char *name) {
    if (rename_to_free(draft->parent, draft->draft, name) < 0)
        return -1;
    free(draft->draft);
    draft->draft = text_copy(text_of(name));
    return fsync(draft->parent);
}

int folder_draft_publish(struct folder_draft *draft, struct error *ret_error) {
    if (open_to_others(draft) == 0 && take_name(draft, draft->name) == 0)
        return 0;
    return error_set_errno(ret_error, errno, "cannot make the folder %s", draft->path);
}

int folder_draft_publish_beside(struct folder_draft *draft, const char *suffix, char **ret_path,
                                struct error *ret_error) {
    int r = draft->is_exchanged ? 0 : open_to_others(draft);
    for (unsigned attempt = 1; r == 0; attempt++) {
        char *name = attempt > 1 ? name_printf("%s.%s-%u", draft->name, suffix, attempt)
                                 : name_printf("%s.%s", draft->name, suffix);
        r = take_name(draft, name);
        free(name);
        if (r == 0) {
            *ret_path =
                name_printf("%.*s%s", (int)(draft->name - draft->path), draft->path, draft->draft);
            return 0;
        }
        if (errno == EEXIST && attempt < ATTEMPTS)
            r = 0;
    }
    return error_set_errno(ret_error, errno, "cannot name a folder %s.%s", draft->path, suffix);
}

int folder_draft_exchange(struct folder_draft *draft, struct error *ret_error) {
    if (open_to_others(draft) < 0)
        return error_set_errno(ret_error, errno, "cannot finish the folder beside %s", draft->path);
    if (renameat2(draft->parent, draft->draft, draft->parent, draft->name, RENAME_EXCHANGE) == 0) {
        draft->is_exchanged = true;
        fsync(draft->parent); /* if it fails, a crash of the machine may undo it, as a whole */
        return 0;
    }
    if (errno == EINVAL || errno == ENOSYS || errno == EBUSY)
        return error_set(ret_error, ERROR_SYSTEM, "%s cannot be replaced in one step: %s",
                         draft->path,
                         errno == EBUSY ? "it is a mount point" : "its file system cannot do that");
    return error_set_errno(ret_error, errno, "cannot replace the folder %s", draft->path);
}

/* ---- removing ---- */

/* Of a link only the link goes. Failures leave something behind under a name that says so. */
static void remove_below(int directory, const char *name) {
    int inside = openat(directory, name, FOLDER_FLAGS);
    DIR *folder = inside < 0 ? NULL : fdopendir(inside);
    const struct dirent *entry;
    if (inside >= 0 && !folder)
        close(inside);
    while (folder && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlinkat(inside, entry->d_name, 0) < 0)
            remove_below(inside, entry->d_name);
    if (folder)
        closedir(folder);
    unlinkat(directory, name, AT_REMOVEDIR);
}

void folder_draft_discard(struct folder_draft *draft) {
    check(!draft->is_exchanged);
    if (draft->folder >= 0)
        remove_below(draft->parent, draft->draft);
    folder_draft_close(draft);
}
