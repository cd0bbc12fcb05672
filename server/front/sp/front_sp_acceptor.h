/* Listening on one address. */
#pragma once

#include "front_sp_state.h"

int acceptor_open(struct acceptor *acceptor, struct front_sp *front, const char *address,
                  struct error *ret_error);
void acceptor_close(struct acceptor *acceptor);
/* The loop's thread: opens the address again if acceptor_watch() found it deaf. */
void acceptor_reopen_if_deaf(struct acceptor *acceptor);
/* The watchdog's thread: sends a probe, and judges the one before. */
void acceptor_watch(struct acceptor *acceptor, int64_t now_us);
