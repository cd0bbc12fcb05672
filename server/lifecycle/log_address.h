/* Where the log of a cluster is: "kafka://HOST:PORT,…/TOPIC". */
#pragma once

#include "core/base/error.h"

struct log_address {
    char brokers[1024]; /* "HOST:PORT,…"; "": none */
    char topic[250];
};

/* "" is none. ERROR_INVALID: another form; ERROR_UNSUPPORTED: another scheme. */
int log_address_parse(const char *text, struct log_address *ret_address, struct error *ret_error);
