/* The set of watches is computed anew whenever folders or links change: a policy has few of them,
 * and an incremental update would have to know all the ways in which links can move. */
#include "watch.h"

#include "core/base/check.h"
#include "core/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX   8  /* of subfolders; the loader has the same limit */
#define LINKS_MAX   16 /* in a chain */
#define WATCHES_MAX 4096
#define READ_BYTES  16384

/* In a folder of the policy: everything but reads and unfinished writes. */
#define FOLDER_EVENTS                                                                              \
    (IN_CREATE | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |       \
     IN_MOVE_SELF | IN_ATTRIB)
/* In a folder on the path to it: a name now means something else. */
#define WAY_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
/* Of a folder on the path itself: then the names below it mean something else, too. */
#define SELF_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF)
/* Of a file that a link leads to. */
#define FILE_EVENTS (IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)

/* One inode may have several roles, each with an entry: a folder of the policy, and on the path to
 * another one. */
struct watched {
    int id;     /* inotify's watch descriptor */
    char *path; /* to examine what was created in it */
    char *name; /* the only name that matters; empty: the folder itself; NULL: any */
};

struct watch {
    int descriptor;
    char **folders;
    size_t folder_count;
    struct watched *watched;
    size_t count, capacity;
    int failure; /* errno of the first path that could not be watched; 0: none */
};

/* ---- the table ---- */

static bool is_same_name(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_known(const struct watch *watch, int id, const char *name) {
    for (size_t i = 0; i < watch->count; i++)
        if (watch->watched[i].id == id && is_same_name(watch->watched[i].name, name))
            return true;
    return false;
}

/* Expected failures do not count: paths that are gone or loop, and folders above the policy that
 * may not be read, which are assumed to stay. */
static void note_failure(struct watch *watch, int failure, uint32_t events) {
    bool is_to_be_expected = failure == ENOENT || failure == ENOTDIR || failure == ELOOP ||
                             (failure == EACCES && events == SELF_EVENTS);
    if (!is_to_be_expected && !watch->failure)
        watch->failure = failure;
}

/* False: it is already watched in that role, or cannot be watched. */
static bool put(struct watch *watch, const char *path, const char *name, uint32_t events) {
    int id = inotify_add_watch(watch->descriptor, path, events | IN_MASK_ADD);
    if (id < 0) {
        note_failure(watch, errno, events);
        return false;
    }
    if (is_known(watch, id, name))
        return false;
    if (watch->count == WATCHES_MAX) {
        note_failure(watch, ENOSPC, events);
        return false;
    }
    if (watch->count == watch->capacity) {
        watch->capacity = watch->capacity ? 2 * watch->capacity : 32;
        watch->watched =
            check_reallocarray(watch->watched, watch->capacity, sizeof *watch->watched);
    }
    watch->watched[watch->count++] = (struct watched){
        .id = id, .path = text_copy(text_of(path)), .name = name ? text_copy(text_of(name)) : NULL};
    return true;
}

static void clear(struct watch *watch) {
    for (size_t i = 0; i < watch->count; i++) {
        inotify_rm_watch(watch->descriptor, watch->watched[i].id); /* twice for some: harmless */
        free(watch->watched[i].path);
        free(watch->watched[i].name);
    }
    watch->count = 0;
    watch->failure = 0;
}

/* ---- the path to a folder ---- */

static void put_way(struct watch *watch, const char *path, int links);

/* The link's target, relative to the folder that contains the link. */
static void put_target(struct watch *watch, const char *link, const char *parent, int links) {
    char target[PATH_MAX], joined[2 * PATH_MAX];
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length <= 0)
        return;
    target[length] = '\0';
    snprintf(joined, sizeof joined, "%s%s%s", *target == '/' ? "" : parent,
             *target == '/' ? "" : "/", target);
    put_way(watch, joined, links + 1);
}

/* One component of the path. A link, a missing name and the last one are watched through their
 * parent; a folder reports its own removal. */
static void put_name(struct watch *watch, char *path, size_t slash, bool is_last, int links) {
    struct stat status;
    bool is_there = lstat(path, &status) == 0;
    bool is_link = is_there && S_ISLNK(status.st_mode);
    char *name = path + slash + 1;
    if (!is_link && is_there && !is_last) {
        put(watch, path, "", SELF_EVENTS);
        return;
    }
    path[slash] = '\0';
    char *parent = text_copy(text_of(slash ? path : "/"));
    path[slash] = '/';
    put(watch, parent, name, WAY_EVENTS);
    if (is_link)
        put_target(watch, path, parent, links);
    free(parent);
}

static void put_way(struct watch *watch, const char *path, int links) {
    if (links > LINKS_MAX)
        return;
    char *at = text_copy(text_of(path));
    size_t length = strlen(at);
    while (length > 1 && at[length - 1] == '/')
        at[--length] = '\0';
    for (size_t slash = 0, next; slash < length; slash = next) {
        for (next = slash + 1; next < length && at[next] != '/'; next++)
            continue;
        if (next == slash + 1)
            continue;
        char ending = at[next];
        at[next] = '\0';
        put_name(watch, at, slash, next == length, links);
        at[next] = ending;
    }
    free(at);
}

/* ---- the folder ---- */

static void put_tree(struct watch *watch, const char *path, int depth);

static void put_entry(struct watch *watch, const char *folder, const char *name, int depth) {
    char path[2 * PATH_MAX];
    struct stat status, link;
    if (*name == '.')
        return;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (lstat(path, &link) < 0)
        return;
    if (S_ISLNK(link.st_mode))
        put_way(watch, path, 0);
    if (stat(path, &status) < 0)
        return;
    if (S_ISDIR(status.st_mode))
        put_tree(watch, path, depth + 1);
    else if (S_ISLNK(link.st_mode))
        put(watch, path, NULL, FILE_EVENTS);
}

static void put_tree(struct watch *watch, const char *path, int depth) {
    if (depth > DEPTH_MAX)
        return;
    /* Before it is read, so that later changes are reported; and only once, as links may lead back
     * here. */
    if (!put(watch, path, NULL, FOLDER_EVENTS))
        return;
    DIR *directory = opendir(path);
    if (!directory)
        return;
    const struct dirent *entry;
    while ((entry = readdir(directory)))
        put_entry(watch, path, entry->d_name, depth);
    closedir(directory);
}

static void put_all(struct watch *watch) {
    clear(watch);
    for (size_t i = 0; i < watch->folder_count; i++) {
        put_way(watch, watch->folders[i], 0);
        put_tree(watch, watch->folders[i], 0);
    }
}

/* ---- events ---- */

static bool is_policy_name(const char *name) {
    return name[0] != '.' || (name[1] == '.' && name[2] != '\0');
}

/* A new regular file is still being written, and IN_CLOSE_WRITE will follow. A folder, a symbolic
 * link or a hard link is complete at once. */
static bool is_complete(const struct watched *watched, const char *name) {
    char path[2 * PATH_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", watched->path, name);
    return lstat(path, &status) < 0 || !S_ISREG(status.st_mode) || status.st_nlink > 1;
}

static bool concerns(const struct watched *watched, const struct inotify_event *event) {
    const char *name = event->len ? event->name : "";
    if (watched->name)
        return (event->mask & (WAY_EVENTS | SELF_EVENTS)) && strcmp(watched->name, name) == 0;
    if (*name == '\0')
        return true;
    if (!is_policy_name(name))
        return false;
    return !(event->mask & IN_CREATE) || is_complete(watched, name);
}

/* May the set of folders to watch have changed? */
static bool may_move(const struct inotify_event *event) {
    return !(event->mask & IN_CLOSE_WRITE);
}

/* Does this event matter? IN_Q_OVERFLOW: events were lost, so anything may have changed. */
static bool take(struct watch *watch, const struct inotify_event *event, bool *is_moved) {
    if (event->mask & IN_Q_OVERFLOW) {
        *is_moved = true;
        return true;
    }
    if (event->mask & IN_IGNORED)
        return false;
    for (size_t i = 0; i < watch->count; i++)
        if (watch->watched[i].id == event->wd && concerns(&watch->watched[i], event)) {
            *is_moved |= may_move(event);
            return true;
        }
    return false;
}

bool watch_read(struct watch *watch) {
    _Alignas(struct inotify_event) char bytes[READ_BYTES];
    bool is_changed = false, is_moved = false;
    ssize_t got;
    while ((got = read(watch->descriptor, bytes, sizeof bytes)) > 0)
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *event = (const struct inotify_event *)(bytes + at);
            is_changed |= take(watch, event, &is_moved);
            at += (ssize_t)(sizeof *event + event->len);
        }
    if (is_moved)
        put_all(watch);
    return is_changed;
}

/* ---- opening ---- */

static void free_folders(struct watch *watch) {
    for (size_t i = 0; i < watch->folder_count; i++)
        free(watch->folders[i]);
    free(watch->folders);
    watch->folders = NULL;
    watch->folder_count = 0;
}

/* Without resolving links: the switch of a link is what must be noticed. */
static char *absolute(const char *path) {
    char here[PATH_MAX], joined[2 * PATH_MAX];
    if (*path == '/' || !getcwd(here, sizeof here))
        return text_copy(text_of(path));
    snprintf(joined, sizeof joined, "%s/%s", here, path);
    return text_copy(text_of(joined));
}

int watch_set(struct watch *watch, const char *const *folders, size_t count,
              struct error *ret_error) {
    free_folders(watch);
    watch->folders = check_calloc(count, sizeof *watch->folders);
    for (size_t i = 0; i < count; i++)
        watch->folders[i] = absolute(folders[i]);
    watch->folder_count = count;
    put_all(watch);
    if (!watch->failure)
        return 0;
    return error_set_errno(ret_error, watch->failure,
                           "some files in the policy folders cannot be watched");
}

int watch_open(struct watch **ret_watch, struct error *ret_error) {
    int descriptor = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "the policy folders cannot be watched");
    struct watch *watch = check_calloc(1, sizeof *watch);
    watch->descriptor = descriptor;
    *ret_watch = watch;
    return 0;
}

int watch_descriptor(const struct watch *watch) {
    return watch->descriptor;
}

void watch_close(struct watch *watch) {
    if (!watch)
        return;
    clear(watch);
    close(watch->descriptor); /* removes all watches */
    free_folders(watch);
    free(watch->watched);
    free(watch);
}
