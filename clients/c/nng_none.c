/* A build without nng's library. */
#include "nng.h"

#include <stddef.h>

struct nng_endpoint *nng_endpoint_new(struct endpoint *endpoint, const char *address,
                                      const char **ret_why) {
    (void)endpoint, (void)address;
    *ret_why = "this library was built without nng, and speaks tcp:// and ipc:// alone";
    return NULL;
}

void nng_endpoint_free(struct nng_endpoint *nng) {
    (void)nng;
}

void nng_endpoint_flush(struct nng_endpoint *nng, int64_t now_us) {
    (void)nng, (void)now_us;
}
