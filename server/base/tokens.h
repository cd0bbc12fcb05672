/* The client tokens in force, and what each may be used for: the one place that says who may ask
 * for what, whatever front a request came through.
 *
 * The tokens file (core/store/tokens/token_set.h) is loaded at the start, and again when it changes
 * and when somebody asks. A new one takes the old one's place at once, between two requests; one
 * that is not good is refused and the old one stays. */
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

/* Who asked, as far as a secret has shown it; .id is empty when none has. */
struct bearer {
    char id[TOKEN_ID_SIZE], name[TOKEN_NAME_SIZE];
};

/* ERROR_INVALID: there is no such file, or it is not good. The path is copied; the rest must
 * outlive the tokens. */
int tokens_open(const char *path, const struct clock *clock, struct log *log,
                struct metric_set *metrics, struct tokens **ret_tokens, struct error *ret_error);
void tokens_close(struct tokens *tokens); /* NULL is allowed */

/* Loads the file again: always, or only if it is another one than was loaded or refused last. 0:
 * what is in it is in force; 1: it is the same as before. On failure all stays as it was. Any
 * thread. */
int tokens_load(struct tokens *tokens, bool only_if_changed, struct error *ret_error);

/* May whoever has this token make this call? Any thread. */
enum denial tokens_judge(struct tokens *tokens, struct text token, enum call call,
                         struct bearer *ret_bearer);
/* The same without a call: is it one that is valid now? It counts as no use. */
enum denial tokens_know(struct tokens *tokens, struct text token);
/* What is answered to it. */
int denial_error(enum denial denial, enum call call, struct error *ret_error);

/* The scope that a call needs; TOKEN_SCOPES_ALL: any. */
unsigned tokens_scope_of(enum call call);

/* Brings the gauges up to date. */
void tokens_measure(struct tokens *tokens);
/* Appends how often each token was used, whose ids no table of metrics can know. tokens may be
 * NULL: none is. */
void tokens_write(struct tokens *tokens, struct buffer *out);
