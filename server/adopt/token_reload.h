/* The tokens file, loaded at the start, at a reload, and when it changes. */
#pragma once

#include "server/base/service_state.h"

/* The first load; service->tokens stays NULL if no file is configured. */
int token_reload_open(struct service *service, struct error *ret_error);
/* 0: the file's tokens are in force; 1: no file, or it is unchanged. On failure the tokens before
 * stay, and the error has been logged; only_if_changed: once for each new error. */
int token_reload(struct service *service, bool only_if_changed, struct error *ret_error);
