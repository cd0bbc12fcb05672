/* The console's certificate: read at the start, and again when its files change. */
#pragma once

#include "options.h"
#include "server/net/tls.h"
#include "server/ops/log.h"

struct certificate;

/* *ret_certificate is NULL without --tls-cert. ERROR_INVALID, ERROR_SYSTEM: what is wrong with the
 * files. The options are not copied. connections_max: tls_open(). */
int certificate_open(const struct console_options *options, size_t connections_max, struct log *log,
                     struct certificate **ret_certificate, struct error *ret_error);
struct tls *certificate_tls(struct certificate *certificate); /* NULL for NULL */
/* To be called now and then: if the files have changed, connections from now on get what is in
 * them. What cannot be used is logged, and the old one stays. NULL is allowed. */
void certificate_watch(struct certificate *certificate);
void certificate_close(struct certificate *certificate); /* NULL is allowed */
