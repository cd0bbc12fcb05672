#include "clients/c/exchange/wakeup.h"

#include <unistd.h>

void wakeup(struct harrier_client *client) {
    const uint64_t one = 1;
    if (!client->polling || client->polling_until_us == INT64_MIN)
        return;
    client->polling_until_us =
        INT64_MIN; /* one write wakes it; more would be system calls for nothing */
    if (write(client->wake_descriptor, &one, sizeof one) < 0)
        return; /* the eventfd's counter is full, so it is readable */
}

void wakeup_before(struct harrier_client *client, int64_t at_us) {
    if (at_us < client->polling_until_us)
        wakeup(client);
}
