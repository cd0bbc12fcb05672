/* The front on the nng library: REP over tcp, ipc and ws. */
#pragma once

#include "front.h"

/* Listens on all addresses or on none. ERROR_EXISTS: an address is in use. ERROR_INVALID,
 * ERROR_SYSTEM. The settings are copied, but not what they point to. */
int front_nng_open(const struct front_settings *settings, struct front **ret_front,
                   struct error *ret_error);

/* A known bug of the library version that is linked, to be logged; NULL: none. */
const char *front_nng_warning(void);
