/* Taking an address: lock, bind, permissions, listen.
 *
 * An ipc path is taken in an order that leaves no gap: the lock keeps other servers off, a stale
 * socket file is removed, the new one is created closed to others, gets its permissions, and only
 * then listens. */
#include "listening.h"

#include "address.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/un.h>
#include <unistd.h>

/* A client whose machine has died sends nothing, not even a FIN: TCP probes it after a minute of
 * silence and gives it up two minutes after its last word. */
#define KEEPALIVE_IDLE_S     60
#define KEEPALIVE_INTERVAL_S 20
#define KEEPALIVE_COUNT      3

int listening_lock(const char *path, int *ret_lock, struct error *ret_error) {
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s.lock", path);
    int lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return error_set_errno(ret_error, errno, "cannot create %s", name);
    if (flock(lock, LOCK_EX | LOCK_NB) == 0) {
        *ret_lock = lock;
        return 0;
    }
    int number = errno;
    close(lock);
    if (number == EWOULDBLOCK)
        return error_set(ret_error, ERROR_EXISTS,
                         "another server listens on ipc://%s (it holds %s)", path, name);
    return error_set_errno(ret_error, number, "cannot lock %s", name);
}

/* ---- one socket ---- */

static int refuse(const char *address, int number, struct error *ret_error) {
    error_set_errno(ret_error, number, "%s", address);
    ret_error->code = number == EADDRINUSE      ? ERROR_EXISTS
                      : number == EADDRNOTAVAIL ? ERROR_INVALID
                                                : ERROR_SYSTEM;
    return -(int)ret_error->code;
}

/* Accepted sockets inherit these from the listening one. */
static bool set_options(int descriptor) {
    const int on = 1, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S,
              count = KEEPALIVE_COUNT;
    return setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
           setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0 &&
           setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle) == 0 &&
           setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval) == 0 &&
           setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count) == 0;
}

/* Binds without listening. Returns 0 or an errno value. A socket file starts out accessible to the
 * server's user alone: a client that found it open could be connecting just as it begins to listen.
 */
static int bind_at(struct listening *listening, const struct sockaddr *where, socklen_t length) {
    int descriptor = socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0)
        return errno;
    struct sockaddr_storage bound = {0};
    socklen_t bound_length = sizeof bound;
    if ((where->sa_family == AF_UNIX ? fchmod(descriptor, S_IRUSR | S_IWUSR) < 0
                                     : !set_options(descriptor)) ||
        bind(descriptor, where, length) < 0 ||
        getsockname(descriptor, (struct sockaddr *)&bound, &bound_length) < 0) {
        int number = errno;
        close(descriptor);
        return number;
    }
    listening->descriptor = descriptor;
    listening->where = bound;
    listening->where_length = bound_length;
    return 0;
}

static int start(struct listening *listening, const char *address, struct error *ret_error) {
    if (listen(listening->descriptor, SOMAXCONN) == 0)
        return 0;
    int number = errno;
    listening_close(listening);
    return refuse(address, number, ret_error);
}

/* ---- ipc ---- */

/* Removes a socket file that a crashed server left behind, that no process listens on. Any other
 * file is not ours to remove. */
static int clear_path(const char *path, const struct sockaddr_un *where, struct error *ret_error) {
    struct stat found;
    if (lstat(path, &found) < 0)
        return errno == ENOENT ? 0 : error_set_errno(ret_error, errno, "ipc://%s", path);
    if (!S_ISSOCK(found.st_mode))
        return error_set(ret_error, ERROR_EXISTS, "ipc://%s: the file exists and is not a socket",
                         path);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (client < 0)
        return error_set_errno(ret_error, errno, "ipc://%s", path);
    int number = connect(client, (const struct sockaddr *)where, sizeof *where) == 0 ? 0 : errno;
    close(client);
    if (number == 0 || number == EAGAIN)
        return error_set(ret_error, ERROR_EXISTS, "another program listens on ipc://%s", path);
    if (number == EACCES || number == EPERM) /* another user's, who may well be listening */
        return error_set_errno(ret_error, number, "ipc://%s already exists", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return error_set_errno(ret_error, errno, "cannot replace %s", path);
    return 0;
}

/* Permissions are set between bind() and listen(), while no client can connect. */
static int open_ipc(struct listening *listening, const char *address,
                    const struct ipc_access *access, struct error *ret_error) {
    const char *path = address_ipc_path(address);
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    struct stat made;
    memcpy(where.sun_path, path, strlen(path)); /* address_check() has seen its length */
    int r = clear_path(path, &where, ret_error);
    if (r < 0)
        return r;
    int number = bind_at(listening, (const struct sockaddr *)&where, sizeof where);
    if (number != 0)
        return refuse(address, number, ret_error);
    if (lstat(path, &made) == 0) {
        listening->device = made.st_dev;
        listening->inode = made.st_ino;
    }
    r = ipc_access_grant(path, access, ret_error);
    if (r < 0) {
        listening_close(listening);
        return r;
    }
    return start(listening, address, ret_error);
}

/* ---- tcp ---- */

static int open_tcp(struct listening *listening, const char *address, struct error *ret_error) {
    char host[256], service[8];
    uint16_t port;
    int r = address_split(address_network_part(address), host, sizeof host, &port, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", address);
    snprintf(service, sizeof service, "%u", port);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    bool any = *host == '\0' || strcmp(host, "*") == 0;
    int code = getaddrinfo(any ? NULL : host, service, &hints, &found);
    if (code != 0)
        return error_set(ret_error, ERROR_INVALID, "%s: %s", address, gai_strerror(code));
    int number = EADDRNOTAVAIL;
    for (struct addrinfo *at = found; at && number != 0; at = at->ai_next)
        number = bind_at(listening, at->ai_addr, at->ai_addrlen);
    freeaddrinfo(found);
    return number == 0 ? start(listening, address, ret_error) : refuse(address, number, ret_error);
}

/* ---- both ---- */

int listening_open(struct listening *listening, const char *address,
                   const struct ipc_access *access, struct error *ret_error) {
    listening->descriptor = -1;
    return address_ipc_path(address) ? open_ipc(listening, address, access, ret_error)
                                     : open_tcp(listening, address, ret_error);
}

int listening_reopen(struct listening *listening, const char *address,
                     const struct ipc_access *access, struct error *ret_error) {
    if (address_ipc_path(address))
        return open_ipc(listening, address, access, ret_error);
    struct sockaddr_storage where = listening->where;
    int number = bind_at(listening, (const struct sockaddr *)&where, listening->where_length);
    return number == 0 ? start(listening, address, ret_error) : refuse(address, number, ret_error);
}

void listening_close(struct listening *listening) {
    const struct sockaddr_un *where = (const struct sockaddr_un *)&listening->where;
    struct stat found;
    if (listening->descriptor < 0)
        return;
    /* Another process may have replaced the file since. */
    if (where->sun_family == AF_UNIX && lstat(where->sun_path, &found) == 0 &&
        found.st_dev == listening->device && found.st_ino == listening->inode)
        unlink(where->sun_path);
    close(listening->descriptor);
    listening->descriptor = -1;
}
