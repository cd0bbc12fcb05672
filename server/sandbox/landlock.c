/* The interface of the kernel is written out here: the headers of Debian 12 are older than what the
 * kernels of its users can do. The numbers are from the kernel's documentation (Landlock:
 * unprivileged access control), and never change. */
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CREATE_RULESET 444 /* system calls, the same on all machines */
#define ADD_RULE       445
#define RESTRICT_SELF  446

#define VERSION_PORTS  4
#define VERSION_SCOPES 6

#define VERSION_FLAG 1U
#define PATH_BENEATH 1
#define NET_PORT     2

enum {
    FILE_EXECUTE = 1 << 0,
    FILE_WRITE = 1 << 1,
    FILE_READ = 1 << 2,
    FOLDER_READ = 1 << 3,
    REMOVE_FOLDER = 1 << 4,
    REMOVE_FILE = 1 << 5,
    MAKE_CHARACTER_DEVICE = 1 << 6,
    MAKE_FOLDER = 1 << 7,
    MAKE_FILE = 1 << 8,
    MAKE_SOCKET = 1 << 9,
    MAKE_PIPE = 1 << 10,
    MAKE_BLOCK_DEVICE = 1 << 11,
    MAKE_LINK = 1 << 12,
    REFER = 1 << 13,       /* move between folders: version 2 */
    TRUNCATE = 1 << 14,    /* version 3 */
    IOCTL_DEVICE = 1 << 15 /* version 5 */
};
enum { BIND_TCP = 1 << 0, CONNECT_TCP = 1 << 1 };        /* version 4 */
enum { SCOPE_ABSTRACT = 1 << 0, SCOPE_SIGNAL = 1 << 1 }; /* version 6 */

#define RIGHTS_READ   (FILE_READ | FOLDER_READ)
#define RIGHTS_LISTEN (RIGHTS_READ | FILE_WRITE | TRUNCATE | MAKE_SOCKET | MAKE_FILE | REMOVE_FILE)
#define RIGHTS_RUN    (FILE_READ | FILE_EXECUTE)
#define RIGHTS_WRITE                                                                               \
    (RIGHTS_READ | FILE_WRITE | TRUNCATE | MAKE_FILE | MAKE_FOLDER | MAKE_LINK | REMOVE_FILE |     \
     REMOVE_FOLDER | REFER)
/* What a rule on a file, not a folder, may name. */
#define RIGHTS_OF_FILES (FILE_EXECUTE | FILE_WRITE | FILE_READ | TRUNCATE | IOCTL_DEVICE)

struct ruleset_attributes {
    __u64 files, net, scopes;
};
struct path_attributes {
    __u64 allowed;
    __s32 parent;
} __attribute__((packed));
struct port_attributes {
    __u64 allowed, port;
};

static __u64 rights_on_files(int version) {
    __u64 rights = (REFER << 1) - 1;
    if (version >= 3)
        rights |= TRUNCATE;
    if (version >= 5)
        rights |= IOCTL_DEVICE;
    return rights;
}

int landlock_version(void) {
    long version = syscall(CREATE_RULESET, NULL, 0, VERSION_FLAG);
    return version > 0 ? (int)version : 0;
}

int landlock_init(struct landlock *landlock, const struct landlock_limits *limits,
                  struct error *ret_error) {
    *landlock = (struct landlock){.version = landlock_version(), .limits = *limits};
    landlock->limits.binds &= landlock->version >= VERSION_PORTS;
    landlock->limits.connects &= landlock->version >= VERSION_PORTS;
    landlock->limits.abstract_sockets &= landlock->version >= VERSION_SCOPES;
    const struct ruleset_attributes attributes = {
        .files = rights_on_files(landlock->version),
        .net = (landlock->limits.binds ? BIND_TCP : 0U) |
               (landlock->limits.connects ? CONNECT_TCP : 0U),
        .scopes = (landlock->version >= VERSION_SCOPES ? SCOPE_SIGNAL : 0U) |
                  (landlock->limits.abstract_sockets ? SCOPE_ABSTRACT : 0U)};
    /* An older kernel takes no larger struct, unless the rest of it is zero. */
    landlock->descriptor = (int)syscall(CREATE_RULESET, &attributes, sizeof attributes, 0);
    if (landlock->descriptor < 0)
        return error_set_errno(ret_error, errno, "Landlock");
    return 0;
}

int landlock_add_path(struct landlock *landlock, const char *path, enum landlock_rights rights,
                      struct error *ret_error) {
    static const __u64 rights_of[] = {[LANDLOCK_READ] = RIGHTS_READ,
                                      [LANDLOCK_WRITE] = RIGHTS_WRITE,
                                      [LANDLOCK_LISTEN] = RIGHTS_LISTEN,
                                      [LANDLOCK_RUN] = RIGHTS_RUN};
    struct stat status;
    int number = 0, parent = open(path, O_PATH | O_CLOEXEC);
    if (parent < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES
                   ? 0
                   : error_set_errno(ret_error, errno, "Landlock: %s", path);
    struct path_attributes attributes = {
        .allowed = rights_of[rights] & rights_on_files(landlock->version), .parent = parent};
    if (fstat(parent, &status) == 0 && !S_ISDIR(status.st_mode))
        attributes.allowed &= RIGHTS_OF_FILES;
    if (syscall(ADD_RULE, landlock->descriptor, PATH_BENEATH, &attributes, 0) < 0)
        number = errno;
    close(parent);
    return number == 0 ? 0 : error_set_errno(ret_error, number, "Landlock: %s", path);
}

int landlock_add_port(struct landlock *landlock, uint16_t port, bool binds, bool connects,
                      struct error *ret_error) {
    const struct port_attributes attributes = {
        .allowed = (binds && landlock->limits.binds ? BIND_TCP : 0U) |
                   (connects && landlock->limits.connects ? CONNECT_TCP : 0U),
        .port = port};
    if (attributes.allowed == 0)
        return 0;
    if (syscall(ADD_RULE, landlock->descriptor, NET_PORT, &attributes, 0) < 0)
        return error_set_errno(ret_error, errno, "Landlock: port %u", port);
    return 0;
}

int landlock_enter(struct landlock *landlock, struct error *ret_error) {
    if (syscall(RESTRICT_SELF, landlock->descriptor, 0) < 0)
        return error_set_errno(ret_error, errno, "Landlock");
    return 0;
}

void landlock_deinit(struct landlock *landlock) {
    if (landlock->descriptor >= 0)
        close(landlock->descriptor);
    landlock->descriptor = -1;
}
