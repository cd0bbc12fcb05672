#include "clients/c/exchange/client.h"
#include "clients/c/base/fail.h"

#include <unistd.h>

/* xorshift64*, seeded from the system for each client: after an outage, clients must not come back
 * in step. */
double client_random(struct harrier_client *client) {
    uint64_t x = client->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    client->random = x;
    return (double)((x * UINT64_C(0x2545f4914f6cdd1d)) >> 11) * 0x1p-53;
}

int client_check(struct harrier_client *client, struct harrier_error *ret_error) {
    if (client->process != getpid())
        return fail(ret_error, HARRIER_ERROR_INVALID, "",
                    "this client was made before a fork(); expected one of this process's own");
    return 0;
}
