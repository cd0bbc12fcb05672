/* harrier simulate: labelled card traffic of an invented world, as a file that harrier score
 * reads.
 *
 * Nothing is remembered between days. A day is made whole in memory (72 bytes a purchase), sorted
 * and written; the world is made once per run (simulate/). Results depend on the options only: no
 * clock, no locale, no floating point. --day-of writes one day of a longer run, byte for byte. */
#include "simulate.h"

#include "clients/cli/simulate/simulate_fraud.h"
#include "clients/cli/simulate/simulate_habit.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/quantity.h"
#include "command.h"

#include "core/base/error.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ten years; rows are written in blocks of WRITE_BYTES. */
#define DAYS_MAX     3660
#define WRITE_BYTES  (256u << 10)
#define DEFAULT_FROM "2026-01-01"

void simulate_day(const struct world *world, int32_t day, struct purchases *purchases) {
    purchases->count = 0;
    for (uint32_t customer = 0; customer < world->options.customers; customer++)
        habit_append_day(world, customer, day, purchases);
    fraud_append_day(world, day, purchases);
    purchases_sort(purchases);
}

/* ---- the command line ---- */

/* The options after parsing, with the world's in the form that simulate/ takes. */
struct settings {
    struct world_options world;
    int32_t from;
    uint32_t days;
    uint32_t only_day; /* 0: all */
    enum purchase_format format;
    const char *out; /* NULL: standard output */
};

/* Those with a letter have a short form. */
enum option_key {
    OPTION_SEED = 's',
    OPTION_FROM = 'f',
    OPTION_DAYS = 'd',
    OPTION_OUT = 'o',
    OPTION_DAY_OF = 256,
    OPTION_CUSTOMERS,
    OPTION_MERCHANTS,
    OPTION_TRANSACTIONS,
    OPTION_FRAUD_RATE,
    OPTION_FORMAT,
};

static const struct argp_option options[] = {
    {"seed", OPTION_SEED, "N", 0, "random seed: the same seed gives the same bytes (default 1)", 0},
    {"from", OPTION_FROM, "DATE", 0, "first day, UTC (default " DEFAULT_FROM ")", 0},
    {"days", OPTION_DAYS, "D", 0, "how many days (default 1)", 0},
    {"day-of", OPTION_DAY_OF, "N", 0, "write only the N-th day, counted from 1", 0},
    {"customers", OPTION_CUSTOMERS, "N", 0, "50 to 5,000,000 (default 5000)", 1},
    {"merchants", OPTION_MERCHANTS, "N", 0, "300 to 60,000 (default 600)", 1},
    {"transactions-per-day", OPTION_TRANSACTIONS, "N", 0,
     "mean over all days, 100 to 10,000,000 (default 20000)", 1},
    {"fraud-rate", OPTION_FRAUD_RATE, "SHARE", 0,
     "share of transactions that are fraud, 0 to 0.2 (default 0.007)", 1},
    {"format", OPTION_FORMAT, "csv|jsonl", 0, "default csv", 2},
    {"out", OPTION_OUT, "FILE", 0, "write to FILE instead of standard output", 2},
    {0},
};

/* YYYY-MM-DD of a day that exists, with room before it to look back at. */
static bool parse_date(const char *text, int32_t *ret_day) {
    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
        return false;
    int number[10] = {0};
    for (int i = 0; i < 10; i++) {
        if (i == 4 || i == 7)
            continue;
        if (text[i] < '0' || text[i] > '9')
            return false;
        number[i] = text[i] - '0';
    }
    int year = number[0] * 1000 + number[1] * 100 + number[2] * 10 + number[3];
    int month = number[5] * 10 + number[6], day = number[8] * 10 + number[9];
    if (year < 1971 || month < 1 || month > 12 || day < 1)
        return false;
    int32_t days = date_of(year, month, day);
    struct date back = date_from(days);
    if (back.year != year || back.month != month || back.day != day)
        return false;
    *ret_day = days;
    return true;
}

/* "0.007" → 7000 */
static bool parse_share(const char *text, uint32_t *ret_per_million) {
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    uint64_t whole = strtoul(text, &end, 10), part = 0, unit = 1000000;
    if (whole > 1)
        return false;
    if (*end == '.')
        for (end++; *end >= '0' && *end <= '9' && unit > 1; end++) {
            unit /= 10;
            part += (uint64_t)(*end - '0') * unit;
        }
    if (*end != '\0' || whole * 1000000 + part > WORLD_FRAUD_MAX)
        return false;
    *ret_per_million = (uint32_t)(whole * 1000000 + part);
    return true;
}

/* The bounds are the world's; see simulate_world.h. */
static void parse_count(struct argp_state *state, const char *option, const char *text,
                        uint32_t least, uint32_t most, uint32_t *ret_count) {
    uint64_t count;
    if (quantity_parse_count(text, least, most, &count))
        *ret_count = (uint32_t)count;
    else
        argp_error(state, "--%s %s: expected a whole number from %u to %u", option, text, least,
                   most);
}

/* Everything is checked while parsing, so that a world is never made for options that cannot
 * work. */
static error_t parse_option(int key, char *text, struct argp_state *state) {
    struct settings *settings = state->input;
    struct world_options *world = &settings->world;
    switch (key) {
    case OPTION_SEED:
        if (!quantity_parse_count(text, 0, UINT64_MAX, &world->seed))
            argp_error(state, "--seed %s: expected a whole number below 2^64", text);
        return 0;
    case OPTION_FROM:
        if (!parse_date(text, &settings->from))
            argp_error(state, "--from %s: expected a day as YYYY-MM-DD, from 1971 on", text);
        return 0;
    case OPTION_DAYS:
        parse_count(state, "days", text, 1, DAYS_MAX, &settings->days);
        return 0;
    case OPTION_DAY_OF:
        parse_count(state, "day-of", text, 1, DAYS_MAX, &settings->only_day);
        return 0;
    case OPTION_CUSTOMERS:
        parse_count(state, "customers", text, WORLD_CUSTOMERS_MIN, WORLD_CUSTOMERS_MAX,
                    &world->customers);
        return 0;
    case OPTION_MERCHANTS:
        parse_count(state, "merchants", text, WORLD_MERCHANTS_MIN, WORLD_MERCHANTS_MAX,
                    &world->merchants);
        return 0;
    case OPTION_TRANSACTIONS:
        parse_count(state, "transactions-per-day", text, WORLD_TRANSACTIONS_MIN,
                    WORLD_TRANSACTIONS_MAX, &world->transactions_per_day);
        return 0;
    case OPTION_FRAUD_RATE:
        if (!parse_share(text, &world->fraud_per_million))
            argp_error(state,
                       "--fraud-rate %s: expected a share from 0 to 0.2, at most six decimals",
                       text);
        return 0;
    case OPTION_FORMAT:
        if (strcmp(text, "csv") != 0 && strcmp(text, "jsonl") != 0)
            argp_error(state, "--format %s: expected csv or jsonl", text);
        settings->format = strcmp(text, "csv") == 0 ? PURCHASE_CSV : PURCHASE_JSONL;
        return 0;
    case OPTION_OUT:
        settings->out = text;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: simulate takes options only", text);
        return 0;
    case ARGP_KEY_END:
        if (settings->only_day > settings->days)
            argp_error(state, "--day-of %u: there are only %u days (--days)", settings->only_day,
                       settings->days);
        if (date_from(settings->from + (int32_t)settings->days - 1).year > 9999)
            argp_error(state, "the last day lies beyond the year 9999");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse_option,
    .doc = "Writes labelled card transactions of an invented world, ordered by time, for `harrier "
           "score` to read. The same options give the same bytes on every machine, and a day is "
           "the same in every run that contains it.\v"
           "label_fraud and label_scenario hold the actual class, which score never sends. outcome "
           "is what would be reported at outcome_time; some fraud is never reported.",
};

/* ---- output ---- */

/* `rows` and `fraud` are counted for the line at the end. */
struct output {
    FILE *file;
    const char *name;
    struct buffer buffer;
    uint64_t rows, fraud;
};

/* 1: the reader of standard output has closed it (`| head`), which is not a failure. */
static int write_failed(const struct output *output, struct error *ret_error) {
    return errno == EPIPE ? 1 : error_set_errno(ret_error, errno, "%s: cannot write", output->name);
}

/* 1, as from write_failed(), is handed up to end the run without a message. */
static int output_flush(struct output *output, struct error *ret_error) {
    size_t length = output->buffer.length;
    if (length > 0 && fwrite(output->buffer.bytes, 1, length, output->file) != length)
        return write_failed(output, ret_error);
    buffer_clear(&output->buffer);
    return 0;
}

/* Rows are numbered within their day: an id does not depend on the days before. */
static int write_day(struct output *output, const struct settings *settings,
                     const struct world *world, const struct purchases *purchases,
                     struct error *ret_error) {
    for (size_t i = 0; i < purchases->count; i++) {
        purchase_append_row(&output->buffer, settings->format, world, &purchases->rows[i],
                            (uint32_t)i + 1);
        output->rows++;
        output->fraud += scenario_is_fraud(purchases->rows[i].scenario);
        if (output->buffer.length < WRITE_BYTES)
            continue;
        int r = output_flush(output, ret_error);
        if (r != 0)
            return r;
    }
    return output_flush(output, ret_error);
}

/* Days that --day-of leaves out are not generated: days are independent. */
static int write_days(struct output *output, const struct settings *settings,
                      struct error *ret_error) {
    struct world *world = world_new(&settings->world);
    struct purchases purchases = {0};
    purchase_append_header(&output->buffer, settings->format);
    int r = 0;
    for (uint32_t day = 0; day < settings->days && r == 0; day++) {
        if (settings->only_day > 0 && day + 1 != settings->only_day)
            continue;
        simulate_day(world, settings->from + (int32_t)day, &purchases);
        r = write_day(output, settings, world, &purchases, ret_error);
    }
    purchases_deinit(&purchases);
    world_free(world);
    return r;
}

/* The closing line goes to standard error and only if the rows went to a file. */
static int simulate(const struct settings *settings, struct error *ret_error) {
    struct output output = {.file = stdout, .name = "standard output"};
    if (settings->out) {
        output.name = settings->out;
        output.file = fopen(settings->out, "we");
        if (!output.file)
            return error_set_errno(ret_error, errno, "%s: cannot create", settings->out);
    }
    buffer_init(&output.buffer);
    int r = write_days(&output, settings, ret_error);
    buffer_deinit(&output.buffer);
    int failed = settings->out ? fclose(output.file) : fflush(output.file);
    if (r == 0 && failed)
        r = write_failed(&output, ret_error);
    if (r == 0 && settings->out) {
        char rows[QUANTITY_COUNT_SIZE], fraud[QUANTITY_COUNT_SIZE];
        fprintf(stderr, "%s: %s transactions, %s of them fraud\n", output.name,
                quantity_format_count(output.rows, rows),
                quantity_format_count(output.fraud, fraud));
    }
    return r;
}

int command_simulate(int argc, char **argv) {
    struct settings settings = {
        .world = {.seed = 1,
                  .customers = 5000,
                  .merchants = 600,
                  .transactions_per_day = 20000,
                  .fraud_per_million = 7000},
        .days = 1,
        .format = PURCHASE_CSV,
    };
    parse_date(DEFAULT_FROM, &settings.from);
    argp_parse(&argp, argc, argv, 0, NULL, &settings);
    struct error error;
    return simulate(&settings, &error) < 0 ? (int)exit_with(&error) : EXIT_STATUS_OK;
}
