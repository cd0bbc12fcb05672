/* Options ipc_mode and ipc_group. */
#include "ipc_access.h"

#include "core/base/text.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No set-id bits, no execute permission: they mean nothing on a socket and are surely a mistake. */
static int parse_mode(const char *text, mode_t *ret_mode, struct error *ret_error) {
    size_t length = strlen(text);
    mode_t mode = 0;
    bool good = length == 3 || (length == 4 && text[0] == '0');
    for (size_t i = 0; i < length && good; i++) {
        good = text[i] >= '0' && text[i] <= '7';
        mode = mode << 3 | (mode_t)(text[i] - '0');
    }
    if (!good || (mode & 0600) != 0600 || (mode & 0111) != 0)
        return error_set(ret_error, ERROR_INVALID,
                         "ipc_mode cannot be \"%.32s\"; expected for example 0600, 0660 or 0666",
                         text);
    *ret_mode = mode;
    return 0;
}

static int parse_group(const char *text, gid_t *ret_group, struct error *ret_error) {
    char *end;
    if (*text == '\0') {
        *ret_group = (gid_t)-1;
        return 0;
    }
    if (text_is_digit(*text)) {
        errno = 0;
        unsigned long number = strtoul(text, &end, 10);
        if (*end == '\0' && errno == 0 && number < (gid_t)-1) {
            *ret_group = (gid_t)number;
            return 0;
        }
    }
    const struct group *group = getgrnam(text);
    if (!group)
        return error_set(ret_error, ERROR_INVALID, "ipc_group: there is no group \"%.64s\"", text);
    *ret_group = group->gr_gid;
    return 0;
}

int ipc_access_parse(const char *mode, const char *group, struct ipc_access *ret_access,
                     struct error *ret_error) {
    struct ipc_access access;
    int r = parse_mode(mode, &access.mode, ret_error);
    if (r == 0)
        r = parse_group(group, &access.group, ret_error);
    if (r == 0)
        *ret_access = access;
    return r;
}

int ipc_access_grant(const char *path, const struct ipc_access *access, struct error *ret_error) {
    if (access->group != (gid_t)-1 && lchown(path, (uid_t)-1, access->group) < 0)
        return error_set_errno(ret_error, errno,
                               "cannot give %s to group %u (ipc_group); is the server's user a "
                               "member of it?",
                               path, (unsigned)access->group);
    if (chmod(path, access->mode) < 0)
        return error_set_errno(ret_error, errno, "cannot set the mode of %s", path);
    return 0;
}
