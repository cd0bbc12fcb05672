/* harrier pseudonym: the pseudonyms of values, for questions to an archive, for lists of a policy
 * and for clients that protect values themselves.
 *
 * Values come one a line from standard input, since arguments can be seen by everybody on the
 * machine and stay in the shell's history. With --list the lines are those of a list's file: its
 * `until` stays, its comments are dropped, and each value has a line for every key that has not
 * ended. Nothing of a value is ever printed, not in messages either. */
#include "clients/cli/commands/command.h"
#include "clients/cli/terminal/clock.h"
#include "clients/cli/terminal/exit_status.h"
#include "core/policy/lang/calendar.h"
#include "core/policy/lists/list_line.h"
#include "core/store/pseudonyms/pseudonym_keys.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_KEYS = 256, OPTION_FIELD, OPTION_AT, OPTION_KEY, OPTION_ALL, OPTION_LIST };

struct options {
    const char *keys, *field, *key;
    int64_t at_us;
    bool all, list;
};

static void check_options(const struct options *options, struct argp_state *state) {
    if (!options->keys || !*options->keys)
        argp_error(state, "which keys? (--keys FILE, or HARRIER_PSEUDONYM_KEYS)");
    if (!options->field || !*options->field)
        argp_error(state,
                   "pseudonyms of what? (--field card: the field's name, or its protect_as)");
    if (strlen(options->field) > PSEUDONYM_DOMAIN_MAX)
        argp_error(state, "--field: at most %d bytes", PSEUDONYM_DOMAIN_MAX);
    if (options->key && (options->all || options->list))
        argp_error(state, "either --key or all keys (--all-keys, --list)");
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case OPTION_KEYS:
        options->keys = value;
        return 0;
    case OPTION_FIELD:
        options->field = value;
        return 0;
    case OPTION_KEY:
        options->key = value;
        return 0;
    case OPTION_ALL:
        options->all = true;
        return 0;
    case OPTION_LIST:
        options->list = true;
        return 0;
    case OPTION_AT:
        if (calendar_parse_timestamp(text_of(value), &options->at_us) < 0)
            argp_error(state, "--at: expected a time like 2027-01-31T18:00:00Z");
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "values come from standard input, one a line: arguments can be seen by "
                          "everybody on this machine");
        return 0;
    case ARGP_KEY_END:
        check_options(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {"keys", OPTION_KEYS, "FILE", 0,
     "File of keys, as the server's option pseudonym_keys names it (default: the environment "
     "variable HARRIER_PSEUDONYM_KEYS)",
     0},
    {"field", OPTION_FIELD, "NAME", 0,
     "What the values are of: the name of the protected field, or its protect_as; required", 0},
    {"at", OPTION_AT, "TIME", 0, "By the key for this event time (default: now)", 0},
    {"key", OPTION_KEY, "ID", 0, "By this key", 0},
    {"all-keys", OPTION_ALL, NULL, 0,
     "A line for each key that has not ended at that time, the newest first", 0},
    {"list", OPTION_LIST, NULL, 0,
     "The input is the file of a policy's list: keep `until DATE`, drop comments, and write a line "
     "for each key that has not ended",
     0},
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .doc = "Makes pseudonyms of the values on standard input, one a line, as the server makes them "
           "of a field with protect: hmac. A line that has the form of a pseudonym stays."
           "\vWithout spaces around the value: `printf %s 4111… | harrier pseudonym --keys FILE "
           "--field card`.\n\nExit status: 0 done, 65 a line or the file of keys is invalid, or no "
           "key fits, 66 no such file, 74 cannot read or write.",
};

/* ---- one value ---- */

/* until: what follows the pseudonym in its line. */
static void print_by(const struct options *options, const struct pseudonym_key *key,
                     struct text value, struct text until) {
    char made[PSEUDONYM_SIZE];
    pseudonym_make(key->hmac, text_of(key->id), text_of(options->field), value, made);
    printf("%s%s%" TEXT_FORMAT "\n", made, until.length > 0 ? " until " : "", TEXT_ARGS(until));
}

static const struct pseudonym_key *
choose(const struct options *options, const struct pseudonym_keys *keys, struct error *ret_error) {
    const struct pseudonym_key *key = options->key
                                          ? pseudonym_keys_find(keys, text_of(options->key))
                                          : pseudonym_keys_at(keys, options->at_us);
    if (!key && options->key)
        error_set(ret_error, ERROR_INVALID, "%s has no key %s", options->keys, options->key);
    else if (!key)
        error_set(ret_error, ERROR_INVALID, "%s has no key for this time", options->keys);
    return key;
}

static int print_all(const struct options *options, const struct pseudonym_keys *keys,
                     struct text value, struct text until, struct error *ret_error) {
    const struct pseudonym_key *key;
    size_t count = 0, printed = 0;
    while (pseudonym_keys_get(keys, count))
        count++;
    while (count-- > 0) {
        key = pseudonym_keys_get(keys, count);
        if (key->until_us <= options->at_us)
            continue;
        print_by(options, key, value, until);
        printed++;
    }
    if (printed == 0)
        return error_set(ret_error, ERROR_INVALID, "all keys of %s have ended", options->keys);
    return 0;
}

static int take_value(const struct options *options, const struct pseudonym_keys *keys,
                      struct text value, struct text until, uint64_t line,
                      struct error *ret_error) {
    if (value.length > PSEUDONYM_VALUE_MAX || !text_is_clean(value, NULL))
        return error_set(ret_error, ERROR_INVALID,
                         "line %" PRIu64 ": expected UTF-8 of at most %d bytes", line,
                         PSEUDONYM_VALUE_MAX);
    if (pseudonym_has_form(value)) {
        printf("%" TEXT_FORMAT "%s%" TEXT_FORMAT "\n", TEXT_ARGS(value),
               until.length > 0 ? " until " : "", TEXT_ARGS(until));
        return 0;
    }
    if (options->all || options->list)
        return print_all(options, keys, value, until, ret_error);
    const struct pseudonym_key *key = choose(options, keys, ret_error);
    if (!key)
        return -(int)ret_error->code;
    print_by(options, key, value, until);
    return 0;
}

/* ---- the input ---- */

static int take_lines(const struct options *options, const struct pseudonym_keys *keys,
                      struct error *ret_error) {
    char *bytes = NULL;
    size_t capacity = 0;
    uint64_t line = 0;
    ssize_t length;
    int r = 0;
    while (r == 0 && (errno = 0, length = getline(&bytes, &capacity, stdin)) >= 0) {
        struct text value = {.data = bytes, .length = (size_t)length}, until = {0};
        line++;
        if (value.length > 0 && value.data[value.length - 1] == '\n')
            value.length--;
        if (value.length > 0 && value.data[value.length - 1] == '\r')
            value.length--;
        if (options->list) {
            const struct list_line parts = list_line_split(value);
            value = parts.value;
            until = parts.until;
        }
        if (value.length > 0)
            r = take_value(options, keys, value, until, line, ret_error);
    }
    if (r == 0 && ferror(stdin))
        r = error_set_errno(ret_error, errno, "cannot read standard input");
    if (bytes)
        explicit_bzero(bytes, capacity);
    free(bytes);
    return r;
}

int command_pseudonym(int argc, char **argv) {
    struct options options = {.keys = getenv("HARRIER_PSEUDONYM_KEYS"), .at_us = realtime_us()};
    struct pseudonym_keys *keys = NULL;
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    int r = pseudonym_keys_load(options.keys, &keys, &error);
    if (r == 0)
        r = take_lines(&options, keys, &error);
    pseudonym_keys_free(keys);
    return r < 0 ? (int)exit_with(&error) : EXIT_STATUS_OK;
}
