/* Addresses to listen on: what they may look like, and which of them reach beyond this machine. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_SCHEMES                                                                            \
    "tcp://HOST:PORT, tls+tcp://HOST:PORT, ipc:///PATH or ws://HOST:PORT/PATH (nng+tcp://, "       \
    "nng+ipc://: through the nng library)"

/* ERROR_INVALID: not an address that a front of ours can listen on. */
int address_check(const char *address, struct error *ret_error);

/* Only processes on this machine can reach it. The address has passed address_check(). A host name
 * other than localhost counts as reaching further. */
bool address_is_local(const char *address);

/* What a server listens with. nng+tcp:// and nng+ipc:// ask for the library where the server has a
 * front of its own; *ret_rest is what comes behind that prefix. */
enum address_front { ADDRESS_FRONT_SP, ADDRESS_FRONT_NNG };
enum address_front address_front(const char *address, const char **ret_rest);

/* Encrypted: certificates say who is there. */
bool address_is_tls(const char *address);

/* The path of an ipc:// or nng+ipc:// address, in the address; NULL for others. */
const char *address_ipc_path(const char *address);
/* The HOST:PORT part of the others, with what follows. */
const char *address_network_part(const char *address);

/* HOST:PORT or [HOST]:PORT of the admin HTTP and the HTTP door: splits and checks. */
int address_split(const char *address, char *ret_host, size_t host_size, uint16_t *ret_port,
                  struct error *ret_error);
/* Of such an address, that has passed: can only this machine reach it? */
bool address_is_loopback(const char *address);
/* 127.0.0.0/8, ::1 or localhost */
bool address_host_is_loopback(const char *host);
