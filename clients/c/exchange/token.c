/* The token that is sent with every request. It may change while other threads send: each request
 * takes a copy when it starts. */
#include "clients/c/exchange/token.h"
#include "clients/c/base/fail.h"
#include "clients/c/exchange/client.h"

#include <string.h>

int token_check(const char *token, struct harrier_error *ret_error) {
    size_t length = token ? strlen(token) : 0;
    if (length > MESSAGE_TOKEN_MAX)
        return fail(ret_error, HARRIER_ERROR_INVALID, "token",
                    "the token has %zu bytes; expected at most %d", length, MESSAGE_TOKEN_MAX);
    for (size_t i = 0; i < length; i++)
        if (token[i] <= ' ' || token[i] > '~') /* report where, never what */
            return fail(ret_error, HARRIER_ERROR_INVALID, "token",
                        "byte %zu of the token is a space or not printable ASCII", i);
    return 0;
}

int harrier_client_set_token(struct harrier_client *client, const char *token) {
    int r = token_check(token, NULL);
    if (r < 0 || client->token_function)
        return -(int)HARRIER_ERROR_INVALID;
    client_lock(client);
    explicit_bzero(client->token, sizeof client->token);
    if (token)
        strcpy(client->token, token); /* token_check() has bounded its length */
    client_unlock(client);
    return 0;
}
