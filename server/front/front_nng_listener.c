/* Listening on one address: lock, then listener, then permissions. */
#include "front_nng_listener.h"

#include "server/net/address.h"
#include "server/net/listening.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

int front_nng_error(struct error *ret_error, int code, const char *what) {
    enum error_code ours = code == NNG_EADDRINUSE                          ? ERROR_EXISTS
                           : code == NNG_EADDRINVAL || code == NNG_ENOTSUP ? ERROR_INVALID
                                                                           : ERROR_SYSTEM;
    return error_set(ret_error, ours, "%s: %s", what, nng_strerror(code));
}

/* Finds the bound address, for probes: port 0 has become a real port. */
static void find_where(struct listener *listener) {
    nng_sockaddr bound;
    const char *own;
    address_front(listener->address, &own);
    listener->where_length = 0;
    memset(&listener->where, 0, sizeof listener->where);
    const char *path = address_ipc_path(listener->address);
    if (path) {
        struct sockaddr_un *where = (struct sockaddr_un *)&listener->where;
        listener->where_length = sizeof *where;
        where->sun_family = AF_UNIX;
        memcpy(where->sun_path, path, strlen(path)); /* address_check() has checked its length */
        return;
    }
    if (strncmp(own, "tcp://", 6) != 0 ||
        nng_listener_get_addr(listener->id, NNG_OPT_LOCADDR, &bound) != 0)
        return;
    if (bound.s_family == NNG_AF_INET) {
        struct sockaddr_in *where = (struct sockaddr_in *)&listener->where;
        listener->where_length = sizeof *where;
        where->sin_family = AF_INET;
        where->sin_port = bound.s_in.sa_port; /* both in network order */
        where->sin_addr.s_addr = bound.s_in.sa_addr;
    } else if (bound.s_family == NNG_AF_INET6) {
        struct sockaddr_in6 *where = (struct sockaddr_in6 *)&listener->where;
        listener->where_length = sizeof *where;
        where->sin6_family = AF_INET6;
        where->sin6_port = bound.s_in6.sa_port;
        memcpy(&where->sin6_addr, bound.s_in6.sa_addr, sizeof where->sin6_addr);
    }
}

/* nng sets the mode between bind() and listen(), but has no option for the group. So the socket
 * starts out closed to others and is opened afterwards. */
static int start(struct listener *listener, nng_socket socket, struct error *ret_error) {
    const char *path = address_ipc_path(listener->address);
    const char *own;
    address_front(listener->address, &own);
    int code = nng_listener_create(&listener->id, socket, own);
    if (code != 0)
        return front_nng_error(ret_error, code, listener->address);
    if (code == 0 && path)
        code = nng_listener_set_int(listener->id, NNG_OPT_IPC_PERMISSIONS, IPC_ACCESS_CLOSED);
    if (code == 0)
        code = nng_listener_start(listener->id, 0);
    if (code != 0) {
        nng_listener_close(listener->id);
        return front_nng_error(ret_error, code, listener->address);
    }
    if (path && ipc_access_grant(path, &listener->ipc_access, ret_error) < 0) {
        nng_listener_close(listener->id);
        return -(int)ret_error->code;
    }
    listener->listening = true;
    find_where(listener);
    return 0;
}

int listener_open(struct listener *listener, const char *address,
                  const struct ipc_access *ipc_access, nng_socket socket, struct error *ret_error) {
    *listener = (struct listener){.address = address, .ipc_access = *ipc_access, .lock = -1};
    probe_init(&listener->probe);
    const char *path = address_ipc_path(address);
    int r = path ? listening_lock(path, &listener->lock, ret_error) : 0;
    if (r == 0)
        r = start(listener, socket, ret_error);
    if (r < 0)
        listener_close(listener);
    return r;
}

/* The lock stays: another server must not get in between. */
int listener_reopen(struct listener *listener, nng_socket socket, struct error *ret_error) {
    if (listener->listening)
        nng_listener_close(listener->id);
    listener->listening = false;
    return start(listener, socket, ret_error);
}

void listener_close(struct listener *listener) {
    probe_end(&listener->probe);
    if (listener->listening)
        nng_listener_close(listener->id);
    listener->listening = false;
    if (listener->lock >= 0)
        close(listener->lock);
    listener->lock = -1;
}
