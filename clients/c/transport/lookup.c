/* The thread is detached and may outlive the client: the resolver cannot be interrupted. So the two
 * sides share a counted struct lookup, and the thread uses nothing else. */
#include "clients/c/transport/lookup.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"
#include "core/base/text.h"

#include <netdb.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lookup {
    pthread_mutex_t mutex;
    char *host, *port;
    int wake_descriptor; /* a duplicate: the client may be freed meanwhile */
    bool done;
    unsigned holders; /* the thread and the caller; the last one frees it */
    struct lookup_result result;
};

static bool resolve(const char *host, const char *port, int flags,
                    struct lookup_result *ret_result) {
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *found, *at;
    ret_result->count = 0;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return false;
    for (at = found; at && ret_result->count < LOOKUP_ADDRESSES_MAX; at = at->ai_next) {
        struct lookup_address *out = &ret_result->addresses[ret_result->count];
        if (at->ai_addrlen > sizeof out->address)
            continue;
        memcpy(&out->address, at->ai_addr, at->ai_addrlen);
        out->length = at->ai_addrlen;
        ret_result->count++;
    }
    freeaddrinfo(found);
    return ret_result->count > 0;
}

bool lookup_number(const char *host, const char *port, struct lookup_result *ret_result) {
    return resolve(host, port, AI_NUMERICHOST, ret_result);
}

/* Mutex held; unlocks it. */
static void release(struct lookup *lookup) {
    bool last = --lookup->holders == 0;
    pthread_mutex_unlock(&lookup->mutex);
    if (!last)
        return;
    pthread_mutex_destroy(&lookup->mutex);
    close(lookup->wake_descriptor);
    free(lookup->host);
    free(lookup->port);
    free(lookup);
}

static void *run(void *argument) {
    struct lookup *lookup = argument;
    const uint64_t one = 1;
    struct lookup_result result;
    resolve(lookup->host, lookup->port, AI_ADDRCONFIG, &result);
    pthread_mutex_lock(&lookup->mutex);
    lookup->result = result;
    lookup->done = true;
    if (write(lookup->wake_descriptor, &one, sizeof one) < 0)
        lookup->done = true; /* the counter is full, so the poller wakes up anyway */
    release(lookup);
    return NULL;
}

struct lookup *lookup_new(const char *host, const char *port, int wake_descriptor) {
    struct lookup *lookup = check_calloc(1, sizeof *lookup);
    pthread_attr_t attributes;
    pthread_t thread;
    lock_init(&lookup->mutex, LOCK_CLIENT_LOOKUP);
    lookup->host = text_copy(text_of(host));
    lookup->port = text_copy(text_of(port));
    lookup->wake_descriptor = dup(wake_descriptor);
    lookup->holders = 2;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (lookup->wake_descriptor < 0 || pthread_create(&thread, &attributes, run, lookup) != 0) {
        lookup->holders = 1; /* no descriptor or no thread: like a resolver that finds nothing */
        lookup->done = true;
    }
    pthread_attr_destroy(&attributes);
    return lookup;
}

bool lookup_take(struct lookup *lookup, struct lookup_result *ret_result) {
    pthread_mutex_lock(&lookup->mutex);
    bool done = lookup->done;
    if (done)
        *ret_result = lookup->result;
    pthread_mutex_unlock(&lookup->mutex);
    return done;
}

void lookup_free(struct lookup *lookup) {
    if (!lookup)
        return;
    pthread_mutex_lock(&lookup->mutex);
    release(lookup);
}
