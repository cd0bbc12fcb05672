/* A TCP port of loopback that nobody listens on. None of those that the kernel gives to whoever
 * connects: it might give it away before somebody listens there. */
#pragma once

#include "core/base/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT_FIRST 10240
#define PORT_END   32768

static inline bool port_is_free(uint16_t port) {
    struct sockaddr_in where = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    check(descriptor >= 0);
    bool is_free = bind(descriptor, (struct sockaddr *)&where, sizeof where) == 0;
    close(descriptor);
    return is_free;
}

static inline int free_port(void) {
    uint16_t port;
    do {
        check(getrandom(&port, sizeof port, 0) == sizeof port);
        port = (uint16_t)(PORT_FIRST + port % (PORT_END - PORT_FIRST));
    } while (!port_is_free(port));
    return port;
}
