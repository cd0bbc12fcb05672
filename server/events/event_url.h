/* The option event_url: an HTTP server that gets the events with POST. */
#pragma once

#include "core/base/error.h"
#include "event_delivery.h"

#include <stdbool.h>

struct event_base;

#define EVENT_SECRET_MIN 16 /* bytes of event_secret */
#define EVENT_SECRET_MAX 4096

struct event_url_settings {
    const char *url;
    const char *ca;     /* file of the CA certificates to trust; "": the system's */
    struct text secret; /* that signs; empty: nothing is signed */
    int64_t timeout_us; /* of an attempt, from looking up the name to the status */
};

/* Is it http:// or https:// with a host? *ret_in_clear: other machines' traffic would not be
 * encrypted. ERROR_INVALID. */
int event_url_check(const char *url, bool *ret_in_clear, struct error *ret_error);

/* The port that such a URL means. */
uint16_t event_url_port(const char *url);

/* Texts are copied. ERROR_INVALID: the URL or the file of CA certificates. */
int event_url_new(struct event_base *base, const struct event_url_settings *settings,
                  struct event_destination **ret_destination, struct error *ret_error);
