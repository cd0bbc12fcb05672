/* The driver of libharrier for the scenarios; driver.py says what it reads and writes.
 *
 * Each call has a thread of its own, so calls that wait are under way together. */
#include "clients/c/harrier.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ADDRESSES_MAX     2
#define THREAD_STACK_SIZE (256 << 10)

struct driver {
    struct harrier_client *client;
    pthread_mutex_t mutex; /* standard output, and what follows */
    pthread_cond_t fewer;
    size_t calls; /* that have not been answered */
};

struct job {
    struct driver *driver;
    json_t *command;
};

static _Noreturn void die(const char *what) {
    fprintf(stderr, "driver_c: %s\n", what);
    exit(1);
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        die("out of memory");
    return memory;
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static const char *text(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

static int64_t integer(const json_t *object, const char *name) {
    return json_integer_value(json_object_get(object, name));
}

static uint64_t deadline_us(const json_t *object) {
    return (uint64_t)(json_number_value(json_object_get(object, "deadline_ms")) * 1000);
}

/* Takes the answer. */
static void say(struct driver *driver, const json_t *command, json_t *answer) {
    json_object_set(answer, "seq", json_object_get(command, "seq"));
    char *line = json_dumps(answer, JSON_COMPACT);
    if (!line)
        die("an answer cannot be written");
    pthread_mutex_lock(&driver->mutex);
    puts(line);
    fflush(stdout);
    pthread_mutex_unlock(&driver->mutex);
    free(line);
    json_decref(answer);
}

static json_t *error_object(enum harrier_error_code code, const char *field, const char *message) {
    return json_pack("{s:{s:s,s:s,s:s}}", "error", "code", harrier_error_name(code), "field", field,
                     "message", message);
}

/* ---------------------------------------------------------------------------------------------
 * Scoring */

static struct harrier_attribute attribute_from(const json_t *object) {
    const char *name = text(object, "name");
    const json_t *value;
    if ((value = json_object_get(object, "text")))
        return harrier_text(name, json_string_value(value));
    if ((value = json_object_get(object, "integer")))
        return harrier_integer(name, json_integer_value(value));
    if ((value = json_object_get(object, "number")))
        return harrier_number(name, json_number_value(value));
    return harrier_flag(name, json_is_true(json_object_get(object, "flag")));
}

/* The attributes are the caller's to free. */
static struct harrier_transaction transaction_from(const json_t *object) {
    const json_t *listed = json_object_get(object, "attributes");
    struct harrier_attribute *attributes = allocate(json_array_size(listed), sizeof *attributes);
    for (size_t i = 0; i < json_array_size(listed); i++)
        attributes[i] = attribute_from(json_array_get(listed, i));
    return (struct harrier_transaction){.id = text(object, "id"),
                                        .event_time_us = integer(object, "event_time_us"),
                                        .amount_minor = integer(object, "amount_minor"),
                                        .currency = text(object, "currency"),
                                        .card = text(object, "card"),
                                        .merchant = text(object, "merchant"),
                                        .country = text(object, "country"),
                                        .attributes = attributes,
                                        .attribute_count = json_array_size(listed)};
}

static json_t *decision_object(const struct harrier_decision *decision) {
    json_t *reasons = json_array();
    for (size_t i = 0; i < decision->reason_count; i++)
        json_array_append_new(reasons, json_string(decision->reasons[i].rule));
    return json_pack("{s:{s:s,s:s,s:I,s:I,s:b,s:o}}", "decision", "transaction_id",
                     decision->transaction_id, "verdict", harrier_verdict_name(decision->verdict),
                     "score", (json_int_t)decision->score, "position",
                     (json_int_t)decision->position, "duplicate", (int)decision->duplicate,
                     "reasons", reasons);
}

static json_t *score_results(const struct harrier_reply *reply) {
    json_t *results = json_array();
    for (size_t i = 0; i < reply->result_count; i++) {
        const struct harrier_result *result = &reply->results[i];
        json_array_append_new(results, result->error_code
                                           ? error_object(result->error_code, result->error_field,
                                                          result->error_message)
                                           : decision_object(&result->decision));
    }
    return json_pack("{s:o}", "results", results);
}

static json_t *score(struct driver *driver, const json_t *command) {
    const json_t *listed = json_object_get(command, "transactions");
    size_t count = json_array_size(listed);
    struct harrier_transaction *transactions = allocate(count, sizeof *transactions);
    for (size_t i = 0; i < count; i++)
        transactions[i] = transaction_from(json_array_get(listed, i));
    struct harrier_score_options options = {.deadline_us = deadline_us(command),
                                            .dry_run =
                                                json_is_true(json_object_get(command, "dry_run"))};
    struct harrier_reply *reply;
    struct harrier_error error;
    int r = harrier_score(driver->client, transactions, count, &options, &reply, &error);
    for (size_t i = 0; i < count; i++)
        free((void *)transactions[i].attributes);
    free(transactions);
    if (r < 0)
        return error_object(error.code, error.field, error.message);
    json_t *answer = score_results(reply);
    harrier_reply_free(reply);
    return answer;
}

/* ---------------------------------------------------------------------------------------------
 * Outcomes, status */

static enum harrier_label label_from(const char *name) {
    for (int label = 0; label < HARRIER_LABEL_COUNT; label++)
        if (strcmp(harrier_label_name((enum harrier_label)label), name) == 0)
            return (enum harrier_label)label;
    die("a label that is not known");
}

static json_t *outcome_results(const struct harrier_reply *reply) {
    json_t *results = json_array();
    for (size_t i = 0; i < reply->outcome_count; i++) {
        const struct harrier_outcome_result *result = &reply->outcomes[i];
        json_array_append_new(
            results,
            result->error_code
                ? error_object(result->error_code, result->error_field, result->error_message)
                : json_pack("{s:{s:b,s:s}}", "accepted", "changed", (int)result->changed,
                            "previous", harrier_label_name(result->previous)));
    }
    return json_pack("{s:o}", "results", results);
}

static json_t *report_outcomes(struct driver *driver, const json_t *command) {
    const json_t *listed = json_object_get(command, "outcomes");
    size_t count = json_array_size(listed);
    struct harrier_outcome *outcomes = allocate(count, sizeof *outcomes);
    for (size_t i = 0; i < count; i++) {
        const json_t *outcome = json_array_get(listed, i);
        outcomes[i] = (struct harrier_outcome){.transaction_id = text(outcome, "transaction_id"),
                                               .label = label_from(text(outcome, "label"))};
    }
    struct harrier_reply *reply;
    struct harrier_error error;
    int r = harrier_report_outcomes(driver->client, outcomes, count, deadline_us(command), &reply,
                                    &error);
    free(outcomes);
    if (r < 0)
        return error_object(error.code, error.field, error.message);
    json_t *answer = outcome_results(reply);
    harrier_reply_free(reply);
    return answer;
}

static json_t *status(struct driver *driver, const json_t *command) {
    struct harrier_reply *reply;
    struct harrier_error error;
    if (harrier_status(driver->client, false, deadline_us(command), &reply, &error) < 0)
        return error_object(error.code, error.field, error.message);
    json_t *answer = json_pack("{s:{s:s,s:I}}", "status", "state", reply->status->state,
                               "transactions", (json_int_t)reply->status->transactions);
    harrier_reply_free(reply);
    return answer;
}

/* ---------------------------------------------------------------------------------------------
 * Commands */

static void *run_job(void *argument) {
    struct job *job = argument;
    struct driver *driver = job->driver;
    const char *what = text(job->command, "do");
    double begun_ms = now_ms();
    json_t *answer;
    if (strcmp(what, "score") == 0)
        answer = score(driver, job->command);
    else if (strcmp(what, "outcome") == 0)
        answer = report_outcomes(driver, job->command);
    else
        answer = status(driver, job->command);
    json_object_set_new(answer, "ms", json_real(now_ms() - begun_ms));
    say(driver, job->command, answer);
    json_decref(job->command);
    free(job);
    pthread_mutex_lock(&driver->mutex);
    driver->calls--;
    pthread_cond_signal(&driver->fewer);
    pthread_mutex_unlock(&driver->mutex);
    return NULL;
}

static void start_job(struct driver *driver, json_t *command) {
    struct job *job = allocate(1, sizeof *job);
    *job = (struct job){.driver = driver, .command = json_incref(command)};
    pthread_mutex_lock(&driver->mutex);
    driver->calls++;
    pthread_mutex_unlock(&driver->mutex);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, run_job, job) != 0)
        die("no thread is to be had");
    pthread_attr_destroy(&attributes);
}

static json_t *open_client(struct driver *driver, const json_t *command) {
    const json_t *given = json_object_get(command, "options");
    const json_t *addresses = json_object_get(given, "addresses");
    struct harrier_options options = {.address = json_string_value(json_array_get(addresses, 0)),
                                      .fallback_address =
                                          json_string_value(json_array_get(addresses, 1)),
                                      .deadline_us = deadline_us(given),
                                      .token = text(given, "token")};
    if (!options.token)
        options.token = text(given, "changing_token");
    struct harrier_error error;
    if (json_array_size(addresses) > ADDRESSES_MAX)
        return json_pack("{s:s}", "broken", "libharrier has two addresses");
    if (driver->client)
        return json_pack("{s:s}", "broken", "a client is open already");
    if (harrier_client_new(&options, &driver->client, &error) < 0)
        return error_object(error.code, error.field, error.message);
    return json_object();
}

static json_t *change_token(struct driver *driver, const json_t *command) {
    if (!driver->client)
        return json_pack("{s:s}", "broken", "no client is open");
    if (harrier_client_set_token(driver->client, text(command, "token")) < 0)
        return error_object(HARRIER_ERROR_INVALID, "token", "it is no token");
    return json_object();
}

/* harrier_client_free() must not meet a call. */
static void close_client(struct driver *driver) {
    pthread_mutex_lock(&driver->mutex);
    while (driver->calls > 0)
        pthread_cond_wait(&driver->fewer, &driver->mutex);
    pthread_mutex_unlock(&driver->mutex);
    harrier_client_free(driver->client);
    driver->client = NULL;
}

static void run(struct driver *driver, json_t *command) {
    const char *what = text(command, "do");
    if (!what)
        die("a line without \"do\"");
    if (strcmp(what, "open") == 0) {
        say(driver, command, open_client(driver, command));
    } else if (strcmp(what, "token") == 0) {
        say(driver, command, change_token(driver, command));
    } else if (strcmp(what, "close") == 0) {
        close_client(driver);
        say(driver, command, json_object());
    } else if (strcmp(what, "score") != 0 && strcmp(what, "outcome") != 0 &&
               strcmp(what, "status") != 0) {
        say(driver, command, json_pack("{s:s}", "broken", "libharrier cannot do this"));
    } else if (!driver->client) {
        say(driver, command, json_pack("{s:s}", "broken", "no client is open"));
    } else {
        start_job(driver, command);
    }
}

int main(void) {
    struct driver driver = {.client = NULL};
    pthread_mutex_init(&driver.mutex, NULL);
    pthread_cond_init(&driver.fewer, NULL);
    printf("{\"driver\": \"c\", \"version\": \"%s\", \"can\": [\"addresses\", \"token\", "
           "\"token_change\"]}\n",
           harrier_version());
    fflush(stdout);

    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        json_error_t error;
        json_t *command = json_loads(line, 0, &error);
        if (!command)
            die(error.text);
        run(&driver, command);
        json_decref(command);
    }
    free(line);
    close_client(&driver);
    return 0;
}
