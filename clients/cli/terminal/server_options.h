/* The options that every command that talks to a server has: an argp child. */
#pragma once

#include "clients/c/harrier.h"
#include "core/base/error.h"
#include "progress_bar.h"
#include "retry.h"

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#define SERVER_ADDRESS_DEFAULT "tcp://127.0.0.1:7731"

/* The row of --token-file; for a command that names its server otherwise, too. */
#define SERVER_OPTIONS_TOKEN_FILE(key)                                                             \
    {                                                                                              \
        "token-file", key, "FILE", 0,                                                              \
            "File with the token for the server (default: HARRIER_TOKEN, else the file that "      \
            "HARRIER_TOKEN_FILE names)",                                                           \
            0                                                                                      \
    }

/* The rows of --tls-ca, --tls-cert and --tls-key, likewise, and what takes them: false, if the key
 * is none of these. Their keys are the same in every command. */
enum { SERVER_OPTION_TLS_CA = 640, SERVER_OPTION_TLS_CERT, SERVER_OPTION_TLS_KEY };
#define SERVER_OPTIONS_TLS                                                                           \
    {"tls-ca",                                                                                       \
     SERVER_OPTION_TLS_CA,                                                                           \
     "FILE",                                                                                         \
     0,                                                                                              \
     "tls+tcp://: certificates to trust (PEM; default: the system's)",                               \
     0},                                                                                             \
        {"tls-cert", SERVER_OPTION_TLS_CERT, "FILE", 0, "tls+tcp://: certificate to show (PEM)", 0}, \
    {                                                                                                \
        "tls-key", SERVER_OPTION_TLS_KEY, "FILE", 0, "tls+tcp://: its key (PEM)", 0                  \
    }
bool server_options_take_tls(struct harrier_tls *tls, int key, const char *value);

struct server_options {
    const char *address;
    uint64_t deadline_us, retry_for_us;
    const char *token_file; /* NULL: the environment says */
    struct harrier_tls tls; /* for a tls+tcp:// address */
    bool quiet;
    enum progress_choice progress;
};

/* The input of the child is a struct server_options that was initialised. A command that asks once
 * has no --retry-for. */
extern const struct argp server_options_argp;
extern const struct argp server_options_once_argp;

void server_options_init(struct server_options *options);

/* With the token of the file, or of HARRIER_TOKEN, or of the file that HARRIER_TOKEN_FILE names, in
 * this order. Failures of the file are ERROR_NOT_FOUND and ERROR_SYSTEM, and ERROR_DENIED when it
 * is open to everybody. */
int server_options_connect(const struct server_options *options, unsigned in_flight,
                           struct harrier_client **ret_client, struct error *ret_error);

/* bar may be NULL. */
struct retry server_options_retry(const struct server_options *options, struct progress_bar *bar);
