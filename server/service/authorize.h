/* Who may make which call. Any thread, without locks. */
#pragma once

#include "server/base/run.h"

/* The token of Status probes that this process sends to itself: draws a new one. */
void authorize_draw_probe_token(struct service *service);

/* The step before decoding: a large request without any valid token is not worth decoding. */
enum next check_token_early(struct run *run);
/* The step after it, the one that counts: does the token allow this call? */
enum next authorize(struct run *run);
