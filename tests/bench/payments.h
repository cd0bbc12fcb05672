/* Payments for the measurements of a decision, and the service that decides them as harrierd runs
 * it, without a network and with a clock that moves only when told to: the same each time.
 *
 * Not for use by several threads. */
#ifndef HARRIER_TESTS_BENCH_PAYMENTS_H
#define HARRIER_TESTS_BENCH_PAYMENTS_H

#include "core/base/buffer.h"
#include "core/wire/types/transaction.h"
#include "server/base/service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many different ones there are. Few of them are drawn often, most seldom. */
struct payers {
    uint64_t cards, customers, merchants, devices;
    int64_t step_us; /* from payment to payment */
};

/* One payment and its texts. */
struct payment {
    struct transaction transaction;
    char id[24], ip[24], email[32], keys[4][24];
};

/* The next one from a fixed seed; moves the clock by a step. `number` makes its id. Points into
 * `payment`, which must stay where it is. */
void make_payment(struct payment *payment, const struct payers *payers, uint64_t number);

/* A Score request of `count` transactions. Ends the program when it cannot be. */
void encode_request(const struct transaction *transactions, size_t count, struct buffer *bytes);

/* With `policy`, and an archive and generations in `folder`, which is to be empty. Ends the program
 * when it cannot be. */
struct service *open_service(const char *policy, const char *folder);

/* Decides the request, whose answer is counted in answered(). `decide` is called in the place of
 * service_handle() when it is not NULL. */
void ask(struct service *service, const struct buffer *bytes,
         void (*decide)(void *service, struct front_request *request));

/* Transactions that were answered with a decision so far. */
size_t answered(void);

/* Ends the program when fewer than `expected` were answered, or the archive could not be written.
 */
void close_service(struct service *service, size_t expected);

#endif
