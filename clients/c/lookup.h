/* The addresses of a host. Numbers are read at once; a name is looked up by a short-lived thread,
 * so that no call waits for a resolver beyond its deadline. */
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
    struct lookup_address addresses[LOOKUP_ADDRESSES_MAX];
    size_t count; /* 0: there is no such host, or no answer */
};

/* host is numbers: false when it is not. */
bool lookup_number(const char *host, const char *port, struct lookup_result *ret_result);

struct lookup;

/* Writes an eventfd's count to wake_descriptor when it is done. */
struct lookup *lookup_new(const char *host, const char *port, int wake_descriptor);
/* True, and *ret_result: it is done. Then, or to give up, lookup_free(). */
bool lookup_take(struct lookup *lookup, struct lookup_result *ret_result);
void lookup_free(struct lookup *lookup); /* does not wait for the thread */
