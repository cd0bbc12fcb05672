/* Addresses to listen on: what they may look like, and which of them reach beyond this machine. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_SCHEMES                                                                            \
    "tcp://HOST:PORT, tls+tcp://HOST:PORT, ipc:///PATH or ws://HOST:PORT/PATH (nng+tcp://, "       \
    "nng+ipc://: through the nng library)"

/* ERROR_INVALID: not an address that one of our fronts can listen on. */
int address_check(const char *address, struct error *ret_error);

/* Can only processes on this machine reach it? The address must have passed address_check(). A host
 * name other than localhost counts as remote, whatever it resolves to. */
bool address_is_local(const char *address);

/* Does it stand for all of the machine's addresses, so that nobody can be sent there? The address
 * must have passed address_check(). */
bool address_is_wildcard(const char *address);

/* Which front serves the address; *ret_rest is the address without `nng+`. */
enum address_front { ADDRESS_FRONT_SP, ADDRESS_FRONT_NNG };
enum address_front address_front(const char *address, const char **ret_rest);

/* Encrypted, with certificates. */
bool address_is_tls(const char *address);

/* The path of an ipc:// or nng+ipc:// address, in the address; NULL for others. */
const char *address_ipc_path(const char *address);
/* HOST:PORT of the others and what follows it, in the address; NULL for ipc. */
const char *address_network_part(const char *address);

/* Splits HOST:PORT or [HOST]:PORT, as the admin HTTP and the HTTP front have it. ERROR_INVALID. */
int address_split(const char *address, char *ret_host, size_t host_size, uint16_t *ret_port,
                  struct error *ret_error);
/* The same as address_is_local() for HOST:PORT. */
bool address_is_loopback(const char *address);
/* 127.0.0.0/8, ::1 or localhost */
bool address_host_is_loopback(const char *host);
