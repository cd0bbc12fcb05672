/* Our own front for SP REQ/REP, on libevent: tcp, ipc and tls+tcp. */
#pragma once

#include "server/front/front.h"

/* Listens on all addresses or on none. ERROR_EXISTS: an address is in use. ERROR_INVALID,
 * ERROR_SYSTEM. The settings are copied, but not what they point to. */
int front_sp_open(const struct front_settings *settings, struct front **ret_front,
                  struct error *ret_error);
