/* The addresses of a host. A numeric address is converted at once; a name is looked up by a
 * short-lived thread, because getaddrinfo() blocks and no call may wait for a resolver beyond its
 * deadline. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define LOOKUP_ADDRESSES_MAX 8

struct lookup_address {
    struct sockaddr_storage address;
    socklen_t length;
};

struct lookup_result {
    struct lookup_address addresses[LOOKUP_ADDRESSES_MAX]; /* in the resolver's order */
    size_t count; /* 0: there is no such host, or the resolver did not answer */
};

/* Returns false when host is not an IP address. Does not block. */
bool lookup_number(const char *host, const char *port, struct lookup_result *ret_result);

struct lookup;

/* Begins a lookup; never NULL. When it is done, it adds 1 to the eventfd wake_descriptor. */
struct lookup *lookup_new(const char *host, const char *port, int wake_descriptor);
/* True, with *ret_result: it is done. */
bool lookup_take(struct lookup *lookup, struct lookup_result *ret_result);
/* After lookup_take(), or to give up. Does not wait for the thread. NULL is allowed. */
void lookup_free(struct lookup *lookup);
