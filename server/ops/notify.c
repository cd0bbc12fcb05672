/* Written out rather than linking libsystemd for one datagram. */
#include "notify.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_supervisor(const char *socket_name, const char *message) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = socket_name ? strlen(socket_name) : 0;
    if (length < 2 || length >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, socket_name, length);
    if (socket_name[0] == '@') /* in the abstract namespace */
        address.sun_path[0] = '\0';
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return;
    ssize_t ignored =
        sendto(descriptor, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    (void)ignored;
    close(descriptor);
}
