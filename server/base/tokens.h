/* The client tokens in force, and what each may be used for: the one place that decides who may
 * make which call, whatever front a request came through.
 *
 * The tokens file (core/store/tokens/token_set.h) is loaded at the start, when it changes and at a
 * reload. A new one replaces the old one at once, between two requests; an invalid one is refused
 * and the old one stays. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/metric.h"
#include "core/store/tokens/token_set.h"
#include "core/wire/message/message.h"
#include "server/ops/clock.h"
#include "server/ops/denial.h"
#include "server/ops/log.h"

#include <stdbool.h>

struct tokens;

/* Whose token it was; .id is empty unless the secret was right. */
struct bearer {
    char id[TOKEN_ID_SIZE], name[TOKEN_NAME_SIZE];
};

/* ERROR_INVALID: the file is missing or invalid. The path is copied; the rest must outlive the
 * tokens. */
int tokens_open(const char *path, const struct clock *clock, struct log *log,
                struct metric_set *metrics, struct tokens **ret_tokens, struct error *ret_error);
void tokens_close(struct tokens *tokens); /* NULL is allowed */

/* Loads the file again; only_if_changed: unless it is the one that was loaded or refused last. 0:
 * its tokens are in force; 1: unchanged. On failure the old tokens stay. Any thread. */
int tokens_load(struct tokens *tokens, bool only_if_changed, struct error *ret_error);

/* Does this token allow this call? Counts a use if so. Any thread. */
enum denial tokens_authorize(struct tokens *tokens, struct text token, enum call call,
                             struct bearer *ret_bearer);
/* Is it valid now, for any call? Does not count as a use. */
enum denial tokens_check(struct tokens *tokens, struct text token);
/* The class of requests with this token and its weight: for a queue. A wrong one is in class 0 with
 * weight 1; an expired one in its own. Any thread. */
void tokens_classify(struct tokens *tokens, struct text token, uint64_t *ret_class,
                     unsigned *ret_weight);
/* Another one after each load that changed them. Any thread. */
unsigned tokens_version(const struct tokens *tokens);
/* The error to answer with. */
int denial_error(enum denial denial, enum call call, struct error *ret_error);

/* The scope that a call needs; TOKEN_SCOPES_ALL: any. */
unsigned tokens_scope_of(enum call call);

/* Brings the gauges up to date. */
void tokens_measure(struct tokens *tokens);
/* Appends the number of uses of each token as metrics. tokens may be NULL. */
void tokens_write(struct tokens *tokens, struct buffer *out);
