/* An echo as a reference: nng's REP socket with contexts and asynchronous I/O, as harrierd uses it,
 * without any work behind it. A request's first four bytes (little-endian) give the length of the
 * answer; the rest of both is padding.
 *
 * With --answer the first request becomes the answer to itself and to all later requests. So the
 * bytes of a decision, sent first, turn the echo into a server that decides in no time, and a
 * client decodes its answers as it decodes harrierd's.
 *
 * usage: echo_server [--answer] ADDRESS      runs until its standard input ends */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONTEXTS   16
#define ANSWER_MAX (1u << 20)

struct echo {
    nng_ctx ctx;
    nng_aio *aio;
    enum { RECEIVING, SENDING } step;
};

static bool is_answer_first;             /* --answer */
static _Atomic(nng_msg *) first_request; /* NULL until it has come */

static void fail(const char *what, int code) {
    fprintf(stderr, "echo_server: %s: %s\n", what, nng_strerror(code));
    exit(1);
}

static void receive(struct echo *echo) {
    echo->step = RECEIVING;
    nng_ctx_recv(echo->ctx, echo->aio);
}

/* Stores a copy of the first request, which is never changed. If several threads race, one wins. */
static nng_msg *take_first(nng_msg *request) {
    nng_msg *none = NULL, *copy;
    int r = nng_msg_dup(&copy, request);
    if (r != 0)
        fail("answer", r);
    if (atomic_compare_exchange_strong(&first_request, &none, copy))
        return copy;
    nng_msg_free(copy);
    return none; /* set by the failed exchange to the winner's copy */
}

static void make_first(nng_msg *message) {
    nng_msg *first = atomic_load(&first_request);
    if (!first)
        first = take_first(message);
    int r = nng_msg_realloc(message, nng_msg_len(first));
    if (r != 0)
        fail("answer", r);
    memcpy(nng_msg_body(message), nng_msg_body(first), nng_msg_len(first));
}

static void make_sized(nng_msg *message) {
    uint32_t length = 0;
    if (nng_msg_len(message) >= sizeof length)
        memcpy(&length, nng_msg_body(message), sizeof length);
    if (length > ANSWER_MAX)
        length = ANSWER_MAX;
    int r = nng_msg_realloc(message, length);
    if (r != 0)
        fail("answer", r);
}

static void answer(struct echo *echo) {
    nng_msg *message = nng_aio_get_msg(echo->aio);
    (is_answer_first ? make_first : make_sized)(message);
    echo->step = SENDING;
    nng_aio_set_msg(echo->aio, message);
    nng_ctx_send(echo->ctx, echo->aio);
}

static void step(void *user) {
    struct echo *echo = user;
    int r = nng_aio_result(echo->aio);
    if (r == NNG_ECLOSED || r == NNG_ECANCELED)
        return;
    if (r == 0 && echo->step == RECEIVING) {
        answer(echo);
        return;
    }
    if (r != 0 && echo->step == SENDING)
        nng_msg_free(nng_aio_get_msg(echo->aio));
    receive(echo);
}

int main(int argc, char **argv) {
    is_answer_first = argc == 3 && strcmp(argv[1], "--answer") == 0;
    if (argc != 2 + is_answer_first || argv[argc - 1][0] == '-') {
        fprintf(stderr, "usage: echo_server [--answer] ADDRESS\n");
        return 64;
    }
    const char *address = argv[argc - 1];
    nng_socket socket;
    int r = nng_rep0_open(&socket);
    if (r != 0)
        fail("open", r);
    static struct echo echoes[CONTEXTS];
    for (int i = 0; i < CONTEXTS; i++) {
        if ((r = nng_ctx_open(&echoes[i].ctx, socket)) != 0 ||
            (r = nng_aio_alloc(&echoes[i].aio, step, &echoes[i])) != 0)
            fail("context", r);
    }
    if ((r = nng_listen(socket, address, NULL, 0)) != 0)
        fail(address, r);
    for (int i = 0; i < CONTEXTS; i++)
        receive(&echoes[i]);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    nng_close(socket);
    return 0;
}
