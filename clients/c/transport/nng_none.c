/* A build without nng's library: its addresses are refused when the client is made. */
#include "clients/c/transport/nng.h"

#include <stddef.h>

struct nng_endpoint *nng_endpoint_new(struct transport *transport, const char *address,
                                      const char **ret_why) {
    (void)transport, (void)address;
    *ret_why = "this library was built without nng, and speaks only tcp:// and ipc://";
    return NULL;
}

void nng_endpoint_free(struct nng_endpoint *nng) {
    (void)nng;
}

void nng_endpoint_flush(struct nng_endpoint *nng, int64_t now_us) {
    (void)nng, (void)now_us;
}
