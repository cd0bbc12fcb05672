/* harrier token: makes, lists and revokes the tokens that clients of a server need. It works on the
 * server's tokens file and needs no server.
 *
 * The file is locked, changed in memory, written beside itself and renamed (core/store/tokens). A
 * token's text exists only here and where it is handed out: the file has a keyed hash, and every
 * buffer that held a secret is wiped. The server is not notified: it watches the file. */
#include "clients/cli/commands/command.h"
#include "clients/cli/io/time_option.h"
#include "clients/cli/terminal/clock.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/json_line.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/base/value.h"
#include "core/store/tokens/token_file.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define FILE_DEFAULT "/etc/harrier/tokens"

/* The first lines of a new file, for people who open it in an editor. */
static const char head[] =
    "# Tokens of harrierd's clients: who may ask for what. Changed with `harrier token`.\n"
    "# It holds keyed hashes; the tokens themselves cannot be found from it.\n";

enum {
    OPTION_TOKENS = 256,
    OPTION_SCOPES,
    OPTION_WEIGHT,
    OPTION_FOR,
    OPTION_UNTIL,
    OPTION_OUT,
    OPTION_EXPIRED
};

struct options;

static int make(const struct options *options, struct error *ret_error);
static int list(const struct options *options, struct error *ret_error);
static int revoke_tokens(const struct options *options, struct error *ret_error);

static const struct task {
    const char *name;
    int (*run)(const struct options *options, struct error *ret_error);
} tasks[] = {{"new", make}, {"list", list}, {"revoke", revoke_tokens}};

/* `words` points into argv: a name for new, ids for revoke. */
struct options {
    const struct task *task;
    const char *file, *out;
    char **words; /* a name, or ids */
    size_t word_count;
    unsigned scopes, weight;
    int64_t for_us, until_us; /* 0: not given */
    bool json, expired;
};

/* ---- the command line ---- */

/* Ends the process when there is no such task, as argp does for an unknown option. */
static const struct task *find_task(const char *name, struct argp_state *state) {
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(tasks[i].name, name) == 0)
            return &tasks[i];
    argp_error(state, "there is no \"harrier token %s\" (expected new, list or revoke)", name);
    return NULL;
}

/* new needs a valid name and scopes; when the token ends is optional. */
static void check_new(const struct options *options, struct argp_state *state) {
    if (options->word_count != 1)
        argp_error(state, "new takes one name: who is the token for?");
    else if (!token_name_is_valid(text_of(options->words[0])))
        argp_error(state,
                   "a name has 1 to 64 letters, digits, \".\", \"_\" and \"-\" (\"shop-2\")");
    else if (options->scopes == 0)
        argp_error(state,
                   "--scopes is missing: what may the token be used for? (one or more of %s)",
                   token_scopes_format(TOKEN_SCOPES_ALL, (char[TOKEN_SCOPES_SIZE]){0}));
    else if (options->for_us && options->until_us)
        argp_error(state, "--for or --until, not both");
}

/* Options of one task are refused with the others: --expired with list would look as if it
 * filtered. */
static void check_usage(const struct options *options, struct argp_state *state) {
    if (!options->task) {
        argp_error(state, "new, list or revoke?");
    } else if (options->task->run == make) {
        check_new(options, state);
    } else if (options->scopes || options->weight || options->for_us || options->until_us ||
               options->out) {
        argp_error(state, "--scopes, --weight, --for, --until and --out are for new");
    } else if (options->task->run == list) {
        if (options->word_count > 0)
            argp_error(state, "list takes only options");
    } else if ((options->word_count == 0) != options->expired) {
        argp_error(state, "revoke which tokens? (their ids, as list shows them, or --expired)");
    }
    if (options->task && options->json && options->task->run != list)
        argp_error(state, "--json is for list");
    if (options->task && options->expired && options->task->run != revoke_tokens)
        argp_error(state, "--expired is for revoke");
}

/* The task first; names and ids after it come in one piece. */
static error_t parse_option(int key, char *value, struct argp_state *state) {
    struct options *options = state->input;
    switch (key) {
    case OPTION_TOKENS:
        options->file = value;
        return 0;
    case OPTION_SCOPES:
        options->scopes = token_scopes_parse(text_of(value));
        if (options->scopes == 0)
            argp_error(state,
                       "--scopes: \"%s\" is not a list of scopes (expected one or more of %s, "
                       "each at most once)",
                       value, token_scopes_format(TOKEN_SCOPES_ALL, (char[TOKEN_SCOPES_SIZE]){0}));
        return 0;
    case OPTION_WEIGHT:
        if (!token_weight_parse(text_of(value), &options->weight))
            argp_error(state, "--weight: \"%s\" is not a number from 1 to 100", value);
        return 0;
    case OPTION_FOR:
        options->for_us = for_option_parse(value, state);
        return 0;
    case OPTION_UNTIL:
        options->until_us = until_option_parse(value, state);
        return 0;
    case OPTION_OUT:
        options->out = value;
        return 0;
    case OPTION_EXPIRED:
        options->expired = true;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            return ARGP_ERR_UNKNOWN; /* all the rest: ARGP_KEY_ARGS */
        options->task = find_task(value, state);
        return 0;
    case ARGP_KEY_ARGS:
        options->words = state->argv + state->next;
        options->word_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_END:
        check_usage(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {NULL, 0, NULL, 0, "Tokens:", 1},
    {"tokens", OPTION_TOKENS, "FILE", 0, "The server's tokens file (" FILE_DEFAULT ")", 0},
    {NULL, 0, NULL, 0, "New:", 2},
    {"scopes", OPTION_SCOPES, "LIST", 0,
     "What the token may be used for: score (transactions), outcome (reports), find (searches), "
     "backfill (history), admin (all other calls), separated by commas; every token may ask for "
     "the status",
     0},
    {"weight", OPTION_WEIGHT, "NUMBER", 0,
     "The client's share when the server cannot answer all clients: 1 to 100 (1)", 0},
    {"for", OPTION_FOR, "TIME", 0, "How long the token is valid: 90d, … (no end)", 0},
    {"until", OPTION_UNTIL, "DATE", 0, "When the token ends: 2027-01-31, 2027-01-31T18:00:00Z", 0},
    {"out", OPTION_OUT, "FILE", 0, "Write the token to a new file of mode 0600, not to stdout", 0},
    {NULL, 0, NULL, 0, "Listing, revoking:", 3},
    {"json", 'j', NULL, 0, "list: JSON lines", 0},
    {"expired", OPTION_EXPIRED, NULL, 0, "revoke: all expired tokens", 0},
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "new NAME --scopes LIST\nlist\nrevoke ID…",
    .doc = "Creates, lists and revokes the tokens of a server's clients. A token is shown only "
           "once, when it is created: the file holds only a keyed hash of it. A running server "
           "loads a changed file within some seconds, and at once on SIGHUP or `harrier reload`."
           "\vTo replace a token, create another with the same name, give it to the client, and "
           "revoke the old one when harrierd_token_requests_total shows that it is no longer used. "
           "Exit "
           "status: 0 done, 65 the file is damaged or open to others, 66 there is no such file or "
           "token, 75 another process is changing it.",
};

/* ---- what they share ---- */

/* From the kernel, never from a generator seeded here. */
static void draw_random(void *bytes, size_t size) {
    check(getrandom(bytes, size, 0) == (ssize_t)size); /* so few bytes come whole */
}

/* expires_us 0: the token has no end. */
static bool is_expired(const struct token_entry *entry, int64_t at_us) {
    return entry->expires_us != 0 && entry->expires_us <= at_us;
}

/* The content with a key in it: of a new file its head, too. */
static int load_or_begin(const char *path, struct token_set **ret_set, struct buffer *content,
                         struct error *ret_error) {
    int r = token_file_load(path, ret_set, content, ret_error);
    if (r < 0 && r != -ERROR_NOT_FOUND)
        return r;
    if (r == 0 && content->length > 0 && content->bytes[content->length - 1] != '\n')
        buffer_append_u8(content, '\n');
    if (r < 0)
        buffer_append_string(content, head);
    return 0;
}

/* A file without a key gets one before its first token. The set is parsed again because hashing
 * needs the key. */
static int add_key(const char *path, struct token_set **set, struct buffer *content,
                   struct error *ret_error) {
    uint8_t id[TOKEN_ID_BYTES], key[TOKEN_KEY_BYTES];
    draw_random(id, sizeof id);
    draw_random(key, sizeof key);
    token_write_key(id, key, content);
    explicit_bzero(key, sizeof key);
    token_set_free(*set);
    *set = NULL;
    return token_set_parse((struct text){(char *)content->bytes, content->length}, path, set,
                           ret_error);
}

/* Also the room behind the length: it may hold an earlier, longer content. */
static void wipe(struct buffer *content) {
    if (content->bytes)
        explicit_bzero(content->bytes, content->capacity);
    buffer_deinit(content);
}

/* ---- new ---- */

/* Ids are drawn until one is free; 32 bits and at most 10,000 tokens make a second draw rare. */
static int draw_token(const struct token_set *set, struct token_entry *entry,
                      char ret_token[TOKEN_TEXT_SIZE], struct error *ret_error) {
    uint8_t id[TOKEN_ID_BYTES], secret[TOKEN_SECRET_BYTES];
    draw_random(secret, sizeof secret);
    do {
        draw_random(id, sizeof id);
        token_format(id, secret, ret_token);
        memcpy(entry->id, ret_token + strlen("hrr_"), TOKEN_ID_SIZE - 1);
    } while (token_set_find_id(set, text_of(entry->id)));
    explicit_bzero(secret, sizeof secret);
    return token_set_hash(set, ret_token, entry, ret_error);
}

/* Before the tokens file is changed: otherwise a token could be valid that no one was given. */
static int hand_out(const char *out, const char *token, struct error *ret_error) {
    char line[TOKEN_TEXT_SIZE + 1];
    int descriptor = out ? open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : STDOUT_FILENO;
    const char *shown = out ? out : "stdout";
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "cannot create %s", out);
    int length = snprintf(line, sizeof line, "%s\n", token);
    bool failed = write(descriptor, line, (size_t)length) != length;
    int number = errno;
    explicit_bzero(line, sizeof line);
    if (out && close(descriptor) < 0 && !failed) {
        failed = true;
        number = errno;
    }
    if (!failed)
        return 0;
    if (out)
        unlink(out);
    return error_set_errno(ret_error, number, "cannot write the token to %s", shown);
}

/* To standard error: standard output has the token and nothing else. */
static void say_new(const struct options *options, const struct token_entry *entry) {
    char scopes[TOKEN_SCOPES_SIZE], until[64];
    fprintf(stderr, "harrier: token %s for %s: %s, %s%s; %s\n", entry->id, entry->name,
            token_scopes_format(entry->scopes, scopes),
            entry->expires_us ? "until " : "without end",
            entry->expires_us ? quantity_format_time(entry->expires_us, until) : "",
            options->out ? "it is stored only in that file" : "it is shown only this once");
}

/* If the tokens file cannot be published, a file with the token is removed again: that token is
 * not valid. */
static int add_token(const struct options *options, struct token_file_change *change,
                     struct token_set *set, struct buffer *content, struct error *ret_error) {
    int64_t at_us = realtime_us() / 1000000 * 1000000;
    struct token_entry entry = {.scopes = options->scopes,
                                .weight = options->weight ? options->weight : 1,
                                .created_us = at_us,
                                .expires_us =
                                    options->for_us ? at_us + options->for_us : options->until_us};
    char token[TOKEN_TEXT_SIZE];
    snprintf(entry.name, sizeof entry.name, "%s", options->words[0]);
    if (is_expired(&entry, at_us))
        return error_set(ret_error, ERROR_INVALID, "--until: that time has already passed");
    if (token_set_count(set) == TOKENS_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "%s has 10,000 tokens; revoke some (--expired)", options->file);
    int r = draw_token(set, &entry, token, ret_error);
    if (r == 0) {
        token_set_write(set, &entry, content);
        r = hand_out(options->out, token, ret_error);
    }
    explicit_bzero(token, sizeof token);
    if (r == 0)
        r = token_file_publish(change, content, ret_error);
    if (r < 0 && options->out)
        unlink(options->out);
    if (r == 0)
        say_new(options, &entry);
    return r;
}

/* The lock taken by token_file_begin() is released by publish or discard, on every path. */
static int make(const struct options *options, struct error *ret_error) {
    struct token_file_change change;
    struct token_set *set = NULL;
    struct buffer content;
    int r = token_file_begin(options->file, &change, ret_error);
    if (r < 0)
        return r;
    buffer_init(&content);
    r = load_or_begin(options->file, &set, &content, ret_error);
    if (r == 0 && (!set || !token_set_has_key(set)))
        r = add_key(options->file, &set, &content, ret_error);
    if (r == 0)
        r = add_token(options, &change, set, &content, ret_error);
    if (r < 0)
        token_file_discard(&change);
    wipe(&content);
    token_set_free(set);
    return r;
}

/* ---- list ---- */

/* Neither hash nor key: the list can be shown to anybody. */
static void print_json(const struct token_entry *entry, int64_t at_us) {
    struct buffer line;
    char scopes[TOKEN_SCOPES_SIZE];
    buffer_init(&line);
    json_begin_object(&line, NULL);
    json_add_text(&line, "id", text_of(entry->id));
    json_add_text(&line, "name", text_of(entry->name));
    json_add_text(&line, "scopes", text_of(token_scopes_format(entry->scopes, scopes)));
    json_add_unsigned(&line, "weight", entry->weight);
    if (entry->created_us)
        json_add_time(&line, "created", entry->created_us);
    if (entry->expires_us)
        json_add_time(&line, "expires", entry->expires_us);
    json_add_bool(&line, "expired", is_expired(entry, at_us));
    json_end_object(&line);
    json_print_line(&line);
}

/* Widths fit ids, names of usual length and all scopes. */
static void print_line(const struct token_entry *entry, int64_t at_us) {
    char scopes[TOKEN_SCOPES_SIZE], created[64] = "", expires[64] = "never";
    if (entry->created_us)
        quantity_format_time(entry->created_us, created);
    if (entry->expires_us)
        quantity_format_time(entry->expires_us, expires);
    printf("%-8s  %-24s  %-19s  %-20s  %s%s\n", entry->id, entry->name,
           token_scopes_format(entry->scopes, scopes), created, expires,
           is_expired(entry, at_us) ? " (expired)" : "");
}

/* Reads without the lock: the file is replaced by renaming, so it is always whole. */
static int list(const struct options *options, struct error *ret_error) {
    struct token_set *set;
    int r = token_file_load(options->file, &set, NULL, ret_error);
    if (r < 0)
        return r;
    int64_t at_us = realtime_us();
    if (!options->json)
        printf("%-8s  %-24s  %-19s  %-20s  %s\n", "id", "name", "scopes", "created", "expires");
    for (size_t i = 0; i < token_set_count(set); i++)
        (options->json ? print_json : print_line)(token_set_at(set, i), at_us);
    token_set_free(set);
    return 0;
}

/* ---- revoke ---- */

/* Ids on the command line are few: no index. */
static bool is_named(const struct options *options, const char *id) {
    for (size_t i = 0; i < options->word_count; i++)
        if (strcmp(options->words[i], id) == 0)
            return true;
    return false;
}

/* Ids are compared with those in the file before the file is changed. */
static int check_named(const struct options *options, const struct token_set *set,
                       struct error *ret_error) {
    for (size_t i = 0; i < options->word_count; i++)
        if (!token_set_find_id(set, text_of(options->words[i])))
            /* No more of it: a whole token may stand there. */
            return error_set(ret_error, ERROR_NOT_FOUND,
                             "%s has no token with the id \"%.8s\"; nothing was revoked",
                             options->file, options->words[i]);
    return 0;
}

/* The same lines but for those of the tokens that go; comments stay. */
static size_t leave_out(const struct options *options, const struct token_set *set,
                        const struct buffer *content, struct buffer *ret_left) {
    bool *gone = check_calloc(content->length + 2, sizeof *gone); /* by line: there are no more */
    size_t count = 0;
    int64_t at_us = realtime_us();
    for (size_t i = 0; i < token_set_count(set); i++) {
        const struct token_entry *entry = token_set_at(set, i);
        if (!(options->expired ? is_expired(entry, at_us) : is_named(options, entry->id)))
            continue;
        gone[entry->line] = true;
        count++;
        fprintf(stderr, "harrier: token %s for %s is revoked\n", entry->id, entry->name);
    }
    const char *at = (const char *)content->bytes, *end = at + content->length;
    for (size_t line = 1; at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline ? newline + 1 : end;
        if (!gone[line])
            buffer_append(ret_left, at, (size_t)(next - at));
        at = next;
    }
    free(gone);
    return count;
}

/* All ids are checked before any is removed: a typing error revokes nothing. */
static int revoke_tokens(const struct options *options, struct error *ret_error) {
    struct token_file_change change;
    struct token_set *set = NULL;
    struct buffer content, left;
    int r = token_file_begin(options->file, &change, ret_error);
    if (r < 0)
        return r;
    buffer_init(&content);
    buffer_init(&left);
    r = token_file_load(options->file, &set, &content, ret_error);
    if (r == 0)
        r = check_named(options, set, ret_error);
    if (r == 0 && leave_out(options, set, &content, &left) > 0)
        r = token_file_publish(&change, &left, ret_error);
    else
        token_file_discard(&change);
    wipe(&left);
    wipe(&content);
    token_set_free(set);
    return r;
}

int command_token(int argc, char **argv) {
    struct options options = {.file = FILE_DEFAULT};
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (options.task->run(&options, &error) < 0)
        return (int)exit_with(&error);
    return EXIT_STATUS_OK;
}
