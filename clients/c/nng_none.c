/* A build without nng's library. */
#include "clients/c/nng.h"

#include <stddef.h>

struct nng_link *nng_link_new(struct link *link, const char *address, const char **ret_why) {
    (void)link, (void)address;
    *ret_why = "this library was built without nng, and speaks tcp:// and ipc:// alone";
    return NULL;
}

void nng_link_free(struct nng_link *nng) {
    (void)nng;
}

void nng_link_flush(struct nng_link *nng, int64_t now_us) {
    (void)nng, (void)now_us;
}
