/* The child parser of --to, --deadline, --retry-for, --token-file, --quiet and --progress, and
 * the connection they describe. The token is read here, checked for its file's mode, handed to
 * the client and wiped; it is never an argument of the command line, where other users could read
 * it. */
#include "server_options.h"

#include "option_value.h"
#include "progress_option.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_ROOM 512 /* more than the longest, so that a longer one is seen to be */

enum { KEY_DEADLINE = 512, KEY_RETRY_FOR, KEY_TOKEN_FILE };

/* Group 4 puts these below the options of the command itself. */
#define ARGUMENTS_OF_ALL                                                                           \
    {NULL, 0, NULL, 0, "Server:", 4},                                                              \
        {"to", 't', "ADDRESS", 0, "Where the server listens (" SERVER_ADDRESS_DEFAULT ")", 0},     \
        {"deadline", KEY_DEADLINE, "TIME", 0, "Deadline for one message: 250ms, 1s, … (1s)", 0},   \
        SERVER_OPTIONS_TOKEN_FILE(KEY_TOKEN_FILE), SERVER_OPTIONS_TLS,

static const struct argp_option arguments[] = {
    ARGUMENTS_OF_ALL{"retry-for", KEY_RETRY_FOR, "TIME", 0,
                     "How long to keep trying while the server is unreachable (60s)", 0},
    {"quiet", 'q', NULL, 0, "No progress and no summary: errors only", 0},
    PROGRESS_ARGUMENT(0),
    {0},
};

static const struct argp_option arguments_once[] = {
    ARGUMENTS_OF_ALL{"quiet", 'q', NULL, 0, "Print errors only; the exit status gives the result",
                     0},
    {0},
};

bool server_options_take_tls(struct harrier_tls *tls, int key, const char *value) {
    const char **file = key == SERVER_OPTION_TLS_CA     ? &tls->ca_file
                        : key == SERVER_OPTION_TLS_CERT ? &tls->certificate_file
                        : key == SERVER_OPTION_TLS_KEY  ? &tls->key_file
                                                        : NULL;
    if (file)
        *file = value;
    return file != NULL;
}

/* The same parser serves both tables: keys that a table lacks are never delivered. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct server_options *options = state->input;
    switch (key) {
    case 't':
        options->address = value;
        return 0;
    case KEY_DEADLINE:
        options->deadline_us =
            duration_option_parse("--deadline", value, 1000, HARRIER_DEADLINE_US_MAX, state);
        return 0;
    case KEY_RETRY_FOR:
        options->retry_for_us =
            duration_option_parse("--retry-for", value, 0, UINT64_MAX / 2, state);
        return 0;
    case KEY_TOKEN_FILE:
        options->token_file = value;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case PROGRESS_OPTION:
        options->progress = progress_choice_parse(value, state);
        return 0;
    default:
        return server_options_take_tls(&options->tls, key, value) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

const struct argp server_options_argp = {.options = arguments, .parser = parse_option};
const struct argp server_options_once_argp = {.options = arguments_once, .parser = parse_option};

void server_options_init(struct server_options *options) {
    *options = (struct server_options){
        .address = SERVER_ADDRESS_DEFAULT,
        .deadline_us = 1000000,
        .retry_for_us = 60000000,
    };
}

/* ---- the token ---- */

/* A key to the server that everybody can read is a mistake, and better found here. */
static int check_status(const char *path, int descriptor, struct error *ret_error) {
    struct stat status;
    if (fstat(descriptor, &status) < 0)
        return error_set_errno(ret_error, errno, "cannot read %s", path);
    if (S_ISREG(status.st_mode) && status.st_mode & 0006)
        return error_set(ret_error, ERROR_DENIED,
                         "%s has mode %04o: everybody can read or change the token in it; expected "
                         "0600 or 0640 (chmod 600 %s)",
                         path, (unsigned)status.st_mode & 07777, path);
    return 0;
}

/* One line; a line break at its end is not part of the token. */
static int take_line(const char *path, char *token, size_t length, struct error *ret_error) {
    if (length > 0 && token[length - 1] == '\n')
        length--;
    if (length > 0 && token[length - 1] == '\r')
        length--;
    token[length] = '\0';
    if (length == 0 || strpbrk(token, "\n "))
        return error_set(ret_error, ERROR_INVALID, "%s: expected a token on one line, nothing else",
                         path);
    return 0;
}

/* The code is NOT_FOUND or SYSTEM, which error_set_errno() alone does not distinguish. */
static int read_token_file(const char *path, char *token, size_t size, struct error *ret_error) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        int number = errno;
        error_set_errno(ret_error, number, "cannot read %s", path);
        ret_error->code = number == ENOENT ? ERROR_NOT_FOUND : ERROR_SYSTEM;
        return -(int)ret_error->code;
    }
    int r = check_status(path, descriptor, ret_error);
    size_t length = 0;
    ssize_t got = 1;
    while (r == 0 && got > 0 && length < size - 1) {
        got = read(descriptor, token + length, size - 1 - length);
        if (got < 0)
            r = error_set_errno(ret_error, errno, "cannot read %s", path);
        else
            length += (size_t)got;
    }
    close(descriptor);
    return r == 0 ? take_line(path, token, length, ret_error) : r;
}

/* "" when there is none. */
static int find_token(const struct server_options *options, char *token, size_t size,
                      struct error *ret_error) {
    const char *given = getenv("HARRIER_TOKEN"), *file = options->token_file;
    token[0] = '\0';
    if (!file && given && *given) {
        snprintf(token, size, "%s", given); /* too long a one is refused as such */
        return 0;
    }
    if (!file)
        file = getenv("HARRIER_TOKEN_FILE");
    return file && *file ? read_token_file(file, token, size, ret_error) : 0;
}

/* Where the user gave what the client refuses. */
static const char *option_of(const char *field) {
    static const struct {
        const char *field, *option;
    } options[] = {{"token", "the token"},
                   {"tls.ca_file", "--tls-ca"},
                   {"tls.certificate_file", "--tls-cert"},
                   {"tls.key_file", "--tls-key"}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(field, options[i].field) == 0)
            return options[i].option;
    return "--to";
}

int server_options_connect(const struct server_options *options, unsigned in_flight,
                           struct harrier_client **ret_client, struct error *ret_error) {
    char token[TOKEN_ROOM];
    int r = find_token(options, token, sizeof token, ret_error);
    if (r < 0)
        return r;
    const struct harrier_tls *tls = &options->tls;
    const struct harrier_options client = {
        .address = options->address,
        .deadline_us = options->deadline_us,
        .in_flight_max = in_flight + 1, /* outcomes go between them */
        .token = token,
        .tls = tls->ca_file || tls->certificate_file || tls->key_file ? tls : NULL,
    };
    struct harrier_error failure = {0};
    r = harrier_client_new(&client, ret_client, &failure);
    explicit_bzero(token, sizeof token);
    if (r == 0)
        return 0;
    return retry_failure(option_of(failure.field), &failure, ret_error);
}

struct retry server_options_retry(const struct server_options *options, struct progress_bar *bar) {
    return (struct retry){.address = options->address,
                          .for_us = options->retry_for_us,
                          .bar = bar,
                          .quiet = options->quiet};
}
