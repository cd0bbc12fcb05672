/* All fronts as one: each address goes to the front that serves its scheme. */
#include "front.h"

#include "core/base/check.h"
#include "front_nng.h"
#include "server/front/sp/front_sp.h"
#include "server/net/address.h"

#include <stdlib.h>

#define FRONTS 2

static int (*const opens[FRONTS])(const struct front_settings *settings, struct front **ret_front,
                                  struct error *ret_error) = {
    [ADDRESS_FRONT_SP] = front_sp_open,
    [ADDRESS_FRONT_NNG] = front_nng_open,
};

struct fronts {
    struct front front; /* first: callers hold a pointer to it */
    struct front *of[FRONTS];
    const char **addresses[FRONTS];
};

static void watch(struct front *base) {
    struct fronts *fronts = (struct fronts *)base;
    for (size_t i = 0; i < FRONTS; i++)
        if (fronts->of[i])
            front_watch(fronts->of[i]);
}

static void find_places(struct front *base, struct front_places *places) {
    struct fronts *fronts = (struct fronts *)base;
    for (size_t i = 0; i < FRONTS; i++)
        if (fronts->of[i])
            front_find_places(fronts->of[i], places);
}

/* Our own front's, if it has an address. */
static int connect_inside(struct front *base) {
    struct fronts *fronts = (struct fronts *)base;
    struct front *own = fronts->of[ADDRESS_FRONT_SP];
    return own ? front_connect_inside(own) : FRONT_NOT_INSIDE;
}

static bool drain(struct front *base) {
    struct fronts *fronts = (struct fronts *)base;
    bool is_idle = true;
    for (size_t i = 0; i < FRONTS; i++)
        if (fronts->of[i])
            is_idle = front_drain(fronts->of[i]) && is_idle;
    return is_idle;
}

/* Stops at the first failure: each front loads the same files. */
static int reload(struct front *base, const struct tls_settings *tls, struct error *ret_error) {
    struct fronts *fronts = (struct fronts *)base;
    int r = 0;
    for (size_t i = 0; i < FRONTS && r == 0; i++)
        if (fronts->of[i])
            r = front_reload(fronts->of[i], tls, ret_error);
    return r;
}

static void close_fronts(struct front *base) {
    struct fronts *fronts = (struct fronts *)base;
    for (size_t i = 0; i < FRONTS; i++) {
        front_close(fronts->of[i]);
        free(fronts->addresses[i]);
    }
    free(fronts);
}

/* No reply: requests belong to the front that received them. */
static const struct front_kind all_fronts = {
    .name = "all",
    .watch = watch,
    .find_places = find_places,
    .connect_inside = connect_inside,
    .drain = drain,
    .reload = reload,
    .close = close_fronts,
};

/* Each front gets the settings with its own share of the addresses. */
int front_open(const struct front_settings *settings, struct front **ret_front,
               struct error *ret_error) {
    struct fronts *fronts = check_calloc(1, sizeof *fronts);
    size_t counts[FRONTS] = {0};
    const char *rest;
    int r = 0;
    fronts->front.kind = &all_fronts;
    for (size_t i = 0; i < FRONTS; i++)
        fronts->addresses[i] = check_calloc(settings->address_count, sizeof *fronts->addresses[i]);
    for (size_t i = 0; i < settings->address_count; i++) {
        enum address_front of = address_front(settings->addresses[i], &rest);
        fronts->addresses[of][counts[of]++] = settings->addresses[i];
    }
    for (size_t i = 0; i < FRONTS && r == 0; i++) {
        struct front_settings part = *settings;
        part.addresses = fronts->addresses[i];
        part.address_count = counts[i];
        if (counts[i] > 0)
            r = opens[i](&part, &fronts->of[i], ret_error);
    }
    if (r < 0)
        close_fronts(&fronts->front);
    else
        *ret_front = &fronts->front;
    return r;
}
