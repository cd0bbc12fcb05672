/* Random payments, and the service that decides them as harrierd runs it, but without a network and
 * with a clock that only make_payment() moves: every run does the same work.
 *
 * Not thread-safe: the generator, the clock and the counters are static. */
#ifndef HARRIER_TESTS_BENCH_PAYMENTS_H
#define HARRIER_TESTS_BENCH_PAYMENTS_H

#include "core/base/buffer.h"
#include "core/wire/types/transaction.h"
#include "server/base/service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of different values. Low numbers are drawn more often than high ones. */
struct payers {
    uint64_t cards, customers, merchants, devices;
    int64_t step_us; /* between two payments */
};

/* One payment and the texts that its transaction points to. */
struct payment {
    struct transaction transaction;
    char id[24], ip[24], email[32], keys[4][24];
};

/* The next payment from a fixed seed, with an id made from `number`; moves the clock by a step.
 * The transaction points into `payment`, which must not move. */
void make_payment(struct payment *payment, const struct payers *payers, uint64_t number);

/* Encodes a Score request of `count` transactions into `bytes`. Ends the program on an error. */
void encode_request(const struct transaction *transactions, size_t count, struct buffer *bytes);

/* Opens a service with `policy`, and an archive and generations in the empty `folder`. Ends the
 * program on an error. */
struct service *open_service(const char *policy, const char *folder);

/* Has the service handle the request and counts its decisions for answered(). `decide` replaces
 * service_handle() if it is not NULL. */
void ask(struct service *service, const struct buffer *bytes,
         void (*decide)(void *service, struct front_request *request));

/* The number of transactions answered with a decision so far. */
size_t answered(void);

/* Ends the program if fewer than `expected` transactions were answered, or the archive could not be
 * written. */
void close_service(struct service *service, size_t expected);

#endif
