/* A tokens file that is not valid changes nothing: the tokens before it stay in force. */
#include "token_reload.h"

#include <stdio.h>

int token_reload_open(struct service *service, struct error *ret_error) {
    const struct service_settings *settings = &service->settings;
    if (!settings->tokens || !*settings->tokens)
        return 0;
    int r = tokens_open(settings->tokens, settings->clock, settings->log, settings->metrics,
                        &service->tokens, ret_error);
    return r < 0 ? error_prefix(ret_error, "tokens") : 0;
}

/* error NULL: they are valid. False: that is known already. */
static bool note(struct service *service, const struct error *error) {
    char reason[REASON_BYTES];
    if (error)
        snprintf(reason, sizeof reason, "tokens: %.*s", REASON_BYTES - 16, error->text);
    return service_note_refusal(service, &service->refused_tokens, error ? reason : NULL);
}

/* Looked at every second, so a file that stays invalid is logged once only. */
int token_reload(struct service *service, bool only_if_changed, struct error *ret_error) {
    if (!service->tokens)
        return 1;
    int r = tokens_load(service->tokens, only_if_changed, ret_error);
    if (r > 0)
        return r;
    bool is_new = note(service, r < 0 ? ret_error : NULL);
    if (r < 0 && (is_new || !only_if_changed)) /* else it would be logged every second */
        log_line_with(service->settings.log, LOG_ERROR, LOG_FAILURE(ret_error),
                      "tokens file refused, the current tokens stay in force: %s", ret_error->text);
    return r;
}

void service_poll_tokens(struct service *service) {
    struct error error;
    token_reload(service, true, &error);
}
