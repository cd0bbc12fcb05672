/* Ranges are MIN..MAX, both included, of which one may be missing. */
#include "find_command.h"

#include "clients/cli/export/export_columns.h"
#include "clients/cli/io/decimal.h"
#include "clients/cli/io/decision_option.h"
#include "clients/cli/io/time_option.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/option_value.h"
#include "clients/cli/terminal/progress_option.h"
#include "clients/cli/terminal/quantity.h"
#include "clients/cli/terminal/server_options.h"
#include "core/base/buffer.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE_US_DEFAULT UINT64_C(10000000)

enum {
    OPTION_FROM = 256,
    OPTION_TO,
    OPTION_RECEIVED_FROM,
    OPTION_RECEIVED_TO,
    OPTION_VERDICT,
    OPTION_RULE,
    OPTION_SHADOW,
    OPTION_SCORE,
    OPTION_AMOUNT,
    OPTION_CURRENCY,
    OPTION_ENTITY,
    OPTION_OUTCOME,
    OPTION_ID,
    OPTION_AFTER,
    OPTION_FORMAT,
    OPTION_COLUMNS,
    OPTION_NO_INDEX,
    OPTION_SERVER,
    OPTION_TOKEN_FILE,
    OPTION_DEADLINE
};

/* ---- values ---- */

struct range_text {
    struct text min, max; /* "": not given */
};

/* "10..20", "10..", "..20", "10" */
static struct range_text split_range(const char *value) {
    const char *dots = strstr(value, "..");
    if (!dots)
        return (struct range_text){text_of(value), text_of(value)};
    return (struct range_text){{value, (size_t)(dots - value)}, text_of(dots + 2)};
}

static uint32_t parse_score(struct text text, uint32_t missing, const char *value,
                            struct argp_state *state) {
    char digits[8];
    uint64_t score = missing;
    bool fits = text.length < sizeof digits;
    if (text.length == 0)
        return missing;
    if (fits)
        snprintf(digits, sizeof digits, "%" TEXT_FORMAT, TEXT_ARGS(text));
    if (!fits || !quantity_parse_count(digits, 0, DECISION_SCORE_MAX, &score))
        argp_error(state, "--score: \"%s\" is not a range of scores (expected MIN..MAX, 0 to %d)",
                   value, DECISION_SCORE_MAX);
    return (uint32_t)score;
}

static void take_score(struct find_query *query, const char *value, struct argp_state *state) {
    struct range_text range = split_range(value);
    query->has_score = true;
    query->score_min = parse_score(range.min, 0, value, state);
    query->score_max = parse_score(range.max, DECISION_SCORE_MAX, value, state);
    if (query->score_min > query->score_max)
        argp_error(state, "--score: \"%s\" is an empty range (expected MIN..MAX, 0 to %d)", value,
                   DECISION_SCORE_MAX);
}

static int64_t parse_amount(struct text text, int64_t missing, unsigned digits,
                            struct argp_state *state) {
    struct error error;
    int64_t minor = missing;
    if (text.length > 0 && decimal_parse(text, digits, &minor, &error) < 0)
        argp_error(state, "--amount: %s, as in MIN..MAX", error.text);
    return minor;
}

/* In minor units, which only the currency tells. */
static void take_amount(struct find_command *options, struct argp_state *state) {
    struct find_query *query = &options->query;
    int digits = currency_digits(query->currency);
    if (query->currency.length == 0)
        argp_error(state, "--amount needs --currency: which one?");
    if (digits < 0)
        argp_error(state, "--currency: \"%" TEXT_FORMAT "\" is not an ISO 4217 code",
                   TEXT_ARGS(query->currency));
    struct range_text range = split_range(options->amount);
    query->has_amount = true;
    query->amount_min = parse_amount(range.min, 0, (unsigned)digits, state);
    query->amount_max =
        parse_amount(range.max, TRANSACTION_AMOUNT_MINOR_MAX, (unsigned)digits, state);
    if (query->amount_min > query->amount_max)
        argp_error(state, "--amount: \"%s\" is an empty range (expected MIN..MAX)",
                   options->amount);
}

/* 0 would be no bound, and find everything. */
static int64_t parse_end(const char *name, const char *value, struct argp_state *state) {
    int64_t time_us = time_option_parse(name, value, state);
    if (time_us == 0)
        argp_error(state, "--%s: \"%s\": there is nothing before 1970-01-01", name, value);
    return time_us;
}

static _Noreturn void refuse_entity(const char *value, struct argp_state *state) {
    struct buffer expected;
    buffer_init(&expected);
    for (enum transaction_field field = 0; field < FIELD_COUNT; field++)
        buffer_printf(&expected, "%s%s=…",
                      field == 0                ? ""
                      : field + 1 < FIELD_COUNT ? ", "
                                                : " or ",
                      transaction_field_name(field));
    argp_error(state, "--entity: \"%s\" does not name a field (expected %.*s)", value,
               (int)expected.length, (const char *)expected.bytes);
    abort(); /* argp_error() ends the process */
}

/* "card=tok_17" */
static void take_entity(struct find_command *options, const char *value, struct argp_state *state) {
    const char *equals = strchr(value, '=');
    const struct text name = {.data = value, .length = equals ? (size_t)(equals - value) : 0};
    enum transaction_field field = transaction_field_parse(name);
    if (!equals || field == FIELD_COUNT)
        refuse_entity(value, state);
    if (options->query.key_count == FIELD_COUNT)
        argp_error(state, "--entity: given more than %d times", FIELD_COUNT);
    options->keys[options->query.key_count++] =
        (struct find_key){.field = field, .value = text_of(equals + 1)};
}

/* ---- the whole ---- */

static int64_t end_of(int64_t until_us) {
    return until_us != 0 ? until_us : INT64_MAX;
}

/* Ranges first: find_query_check() would name options as the wire does. */
static void check_filters(const struct find_query *query, struct argp_state *state) {
    struct error error;
    struct text field;
    time_range_check("--from", query->from_us, "--to", end_of(query->until_us), state);
    time_range_check("--received-from", query->received_from_us, "--received-to",
                     end_of(query->received_until_us), state);
    if (query->shadow && query->rule.length == 0)
        argp_error(state, "--shadow needs --rule: which one?");
    if (find_query_check(query, &field, &error) < 0)
        argp_error(state, "%s%s", text_is(field, "keys") ? "--entity: " : "", error.text);
}

/* argp_error() ends the process, so the first fault is the one reported. */
static void check_options(struct find_command *options, struct argp_state *state) {
    struct error error;
    bool wants_attributes;
    if (options->server && options->folder)
        argp_error(state, "--server takes no folder");
    if (!options->server && !options->folder)
        argp_error(state, FOLDER_ARCHIVE_MISSING);
    if (options->server && options->no_index)
        argp_error(state, "--no-index needs a folder: a server has its own index");
    if (options->amount)
        take_amount(options, state);
    options->query.keys = options->keys;
    if (export_columns_check(options->columns, &wants_attributes, &error) < 0)
        argp_error(state, "%s", error.text);
    check_filters(&options->query, state);
}

static bool take_filter(struct find_command *options, int key, const char *value,
                        struct argp_state *state) {
    struct find_query *query = &options->query;
    switch (key) {
    case OPTION_FROM:
        query->from_us = time_option_parse("from", value, state);
        return true;
    case OPTION_TO:
        query->until_us = parse_end("to", value, state);
        return true;
    case OPTION_RECEIVED_FROM:
        query->received_from_us = time_option_parse("received-from", value, state);
        return true;
    case OPTION_RECEIVED_TO:
        query->received_until_us = parse_end("received-to", value, state);
        return true;
    case OPTION_VERDICT:
        query->verdicts |= verdicts_option_parse("--verdict", value, state);
        return true;
    case OPTION_RULE:
        query->rule = text_of(value);
        return true;
    case OPTION_SHADOW:
        query->shadow = true;
        return true;
    case OPTION_SCORE:
        take_score(query, value, state);
        return true;
    case OPTION_AMOUNT:
        options->amount = value;
        return true;
    case OPTION_CURRENCY:
        query->currency = text_of(value);
        return true;
    case OPTION_ENTITY:
        take_entity(options, value, state);
        return true;
    case OPTION_OUTCOME:
        query->labels |= labels_option_parse("--outcome", value, state);
        return true;
    case OPTION_ID:
        query->id = text_of(value);
        return true;
    default:
        return false;
    }
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
    static const char *const formats[] = {
        [FIND_TABLE] = "table", [FIND_CSV] = "csv", [FIND_JSONL] = "jsonl"};
    struct find_command *options = state->input;
    if (take_filter(options, key, value, state) ||
        server_options_take_tls(&options->tls, key, value))
        return 0;
    switch (key) {
    case 'n':
        options->limit = count_option_parse("--limit", value, 1, FIND_COMMAND_LIMIT_MAX, state);
        return 0;
    case OPTION_AFTER:
        options->query.cursor = text_of(value);
        return 0;
    case OPTION_FORMAT:
        options->format =
            (enum find_format)choice_option_parse("--format", value, formats, 3, state);
        return 0;
    case OPTION_COLUMNS:
        options->columns = value;
        return 0;
    case 'o':
        options->out = value;
        return 0;
    case OPTION_NO_INDEX:
        options->no_index = true;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case PROGRESS_OPTION:
        options->progress = progress_choice_parse(value, state);
        return 0;
    case OPTION_SERVER:
        options->server = value;
        return 0;
    case OPTION_TOKEN_FILE:
        options->token_file = value;
        return 0;
    case OPTION_DEADLINE:
        options->deadline_us =
            duration_option_parse("--deadline", value, 1000, HARRIER_DEADLINE_US_MAX, state);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_error(state, "one archive at a time");
        options->folder = value;
        return 0;
    case ARGP_KEY_END:
        check_options(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    {NULL, 0, NULL, 0, "Only transactions", 1},
    {"from", OPTION_FROM, "TIME", 0, "with event times from TIME on", 0},
    {"to", OPTION_TO, "TIME", 0, "with event times before TIME", 0},
    {"received-from", OPTION_RECEIVED_FROM, "TIME", 0, "received from TIME on", 0},
    {"received-to", OPTION_RECEIVED_TO, "TIME", 0, "received before TIME", 0},
    {"verdict", OPTION_VERDICT, "VERDICT,…", 0,
     "with these verdicts: approve, review, challenge, decline", 0},
    {"score", OPTION_SCORE, "MIN..MAX", 0, "with such a score; one end may be missing", 0},
    {"rule", OPTION_RULE, "NAME", 0, "for which this rule fired and had effect", 0},
    {"shadow", OPTION_SHADOW, NULL, 0,
     "With --rule: also those for which it fired in shadow or was suppressed", 0},
    {"amount", OPTION_AMOUNT, "MIN..MAX", 0,
     "of such an amount, as it was scored; needs --currency", 0},
    {"currency", OPTION_CURRENCY, "CODE", 0, "in this currency", 0},
    {"entity", OPTION_ENTITY, "FIELD=VALUE", 0,
     "with this card=…, customer=…, merchant=…, ip=…; may be given several times", 0},
    {"outcome", OPTION_OUTCOME, "LABEL,…", 0,
     "known by now to be: legit, fraud, chargeback, suspected; none: nothing is known", 0},
    {"id", OPTION_ID, "ID", 0, "with this id", 0},
    {NULL, 0, NULL, 0, "Output:", 2},
    {"limit", 'n', "N", 0, "At most N transactions (100; at most 100000)", 0},
    {"after", OPTION_AFTER, "CURSOR", 0,
     "Continue after an earlier page of the same search, which has printed CURSOR", 0},
    {"format", OPTION_FORMAT, "table|csv|jsonl", 0, "The output's format (table)", 0},
    {"columns", OPTION_COLUMNS, "NAME,…", 0,
     "Only these columns of `harrier export`, in this order (csv, jsonl: all)", 0},
    {"out", 'o', "FILE", 0, "The file to write (standard output)", 0},
    {"no-index", OPTION_NO_INDEX, NULL, 0, "Read the archive, neither read nor write its index", 0},
    {"quiet", 'q', NULL, 0, "No progress, no summary and no cursor", 0},
    PROGRESS_ARGUMENT(0),
    {NULL, 0, NULL, 0, "Instead of an archive:", 3},
    {"server", OPTION_SERVER, "ADDRESS", 0, "Ask the server at ADDRESS", 0},
    SERVER_OPTIONS_TOKEN_FILE(OPTION_TOKEN_FILE),
    SERVER_OPTIONS_TLS,
    {"deadline", OPTION_DEADLINE, "TIME", 0, "Deadline for each answer (10s)", 0},
    {0},
};

static const struct argp argp = {
    .options = arguments,
    .parser = parse_option,
    .args_doc = "ARCHIVE\n--server ADDRESS",
    .doc =
        "Finds transactions of an archive, the newest first: in the falling order of their "
        "positions. All filters given must hold. ARCHIVE is the archive's folder or a server's "
        "data folder.\vWhat the index in DATA/index lacks is made first, and kept there; the "
        "folder can be removed at any time. A server may be running; records that it has not "
        "synced yet are not found. If there are more transactions, the cursor of the next page is "
        "printed on standard error.\n\nExit status: 0 done, even if nothing was found, 64 the "
        "options are wrong, 65 the archive is damaged, or the cursor belongs to another search, 66 "
        "there is no archive, 69 the server does not answer in time, 74 cannot read or write, 75 "
        "interrupted, 77 the token lacks the scope `find`.",
};

void find_command_parse(struct find_command *options, int argc, char **argv) {
    *options = (struct find_command){
        .limit = FIND_LIMIT_DEFAULT, .out = "-", .deadline_us = DEADLINE_US_DEFAULT};
    argp_parse(&argp, argc, argv, 0, NULL, options);
}
