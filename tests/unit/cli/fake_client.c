#include "fake_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_server fake_server;

struct fake_reply {
    struct harrier_reply reply;
    struct harrier_result results[1000];
    struct harrier_outcome_result outcomes[1000];
    struct harrier_amendment_result amendments[1000];
    struct harrier_backfill_result backfilled[1000];
    char ids[1000][40];
    struct harrier_reason reason;
    struct harrier_feature features[3];
};

void fake_server_reset(void) {
    memset(&fake_server, 0, sizeof fake_server);
    strcpy(fake_server.known, " ");
}

static void write_down(const char *text) {
    size_t length = strlen(fake_server.calls);
    snprintf(fake_server.calls + length, sizeof fake_server.calls - length, "%s", text);
}

static bool is_known(const char *id) {
    char word[64];
    snprintf(word, sizeof word, " %s ", id);
    return strstr(fake_server.known, word) != NULL;
}

static void remember(const char *id) {
    size_t length = strlen(fake_server.known);
    snprintf(fake_server.known + length, sizeof fake_server.known - length, "%s ", id);
}

static void give_features(struct fake_reply *fake, struct harrier_decision *decision) {
    fake->features[0] = (struct harrier_feature){
        .name = "customer.count_1d", .type = HARRIER_VALUE_INTEGER, .value.integer = 3};
    fake->features[1] = (struct harrier_feature){
        .name = "customer.mean", .type = HARRIER_VALUE_NUMBER, .value.number = 0.1};
    fake->features[2] =
        (struct harrier_feature){.name = "customer.last", .type = HARRIER_VALUE_ABSENT};
    decision->features = fake->features;
    decision->feature_count = 3;
}

static void decide(struct fake_reply *fake, size_t i, const struct harrier_transaction *transaction,
                   const struct harrier_score_options *options) {
    struct harrier_result *result = &fake->results[i];
    result->error_field = result->error_message = "";
    if (strncmp(transaction->id, "bad", 3) == 0) {
        result->error_code = HARRIER_ERROR_INVALID;
        result->error_field = "terminal";
        result->error_message = "is missing";
        return;
    }
    struct harrier_decision *decision = &result->decision;
    snprintf(fake->ids[i], sizeof fake->ids[i], "%s", transaction->id);
    decision->transaction_id = fake->ids[i];
    decision->duplicate = is_known(transaction->id);
    decision->verdict =
        transaction->amount_minor > 10000 ? HARRIER_VERDICT_DECLINE : HARRIER_VERDICT_APPROVE;
    decision->score = decision->verdict == HARRIER_VERDICT_DECLINE ? 800 : 0;
    decision->position = 7;
    decision->degraded_reason = "";
    decision->server_us = 20;
    if (decision->score) {
        fake->reason = (struct harrier_reason){.rule = "large",
                                               .text = "amount \"large\", over 100",
                                               .score = 800,
                                               .verdict = HARRIER_VERDICT_DECLINE};
        decision->reasons = &fake->reason;
        decision->reason_count = 1;
    }
    if (options->return_features && fake_server.features && !decision->duplicate)
        give_features(fake, decision);
    if (!decision->duplicate && !options->dry_run && !fake_server.forgets)
        remember(transaction->id);
}

static bool is_gone(void) {
    if (fake_server.calls_left > 1)
        fake_server.calls_left--;
    return fake_server.calls_left == 1;
}

static bool failing(unsigned *left, struct harrier_error *error) {
    if (!is_gone() && *left == 0)
        return false;
    *left -= *left > 0;
    error->code = fake_server.fail_code;
    snprintf(error->message, sizeof error->message, "the fake says no");
    return true;
}

int harrier_score_submit(struct harrier_client *client,
                         const struct harrier_transaction *transactions, size_t count,
                         const struct harrier_score_options *options,
                         harrier_score_callback *callback, void *user,
                         struct harrier_error *ret_error) {
    (void)client, (void)ret_error;
    struct harrier_error error = {0};
    write_down("score(");
    for (size_t i = 0; i < count; i++) {
        write_down(i ? " " : "");
        write_down(transactions[i].id);
    }
    write_down(")\n");
    if (failing(&fake_server.fail_next, &error)) {
        callback(NULL, &error, user);
        return 0;
    }
    struct fake_reply *fake = calloc(1, sizeof *fake);
    fake->reply.results = fake->results;
    fake->reply.result_count = count;
    unsigned refuse_from = fake_server.refuse_from;
    fake_server.refuse_from = 0;
    for (size_t i = 0; i < count; i++) {
        if (refuse_from && i >= refuse_from)
            fake->results[i] = (struct harrier_result){.error_code = HARRIER_ERROR_UNAVAILABLE,
                                                       .error_field = "",
                                                       .error_message = "draining"};
        else
            decide(fake, i, &transactions[i], options);
    }
    if (fake_server.lose_next) {
        fake_server.lose_next--;
        free(fake);
        error = (struct harrier_error){.code = HARRIER_ERROR_DEADLINE, .message = "no answer"};
        callback(NULL, &error, user);
        return 0;
    }
    callback(&fake->reply, NULL, user);
    return 0;
}

/* What becomes of a report of this transaction: its error code. */
static enum harrier_error_code take_report(const char *id, size_t i, unsigned refuse_from) {
    if (refuse_from && i >= refuse_from)
        return HARRIER_ERROR_UNAVAILABLE;
    if (!is_known(id))
        return HARRIER_ERROR_NOT_FOUND;
    size_t length = strlen(fake_server.reported);
    snprintf(fake_server.reported + length, sizeof fake_server.reported - length, "%s=", id);
    return HARRIER_OK;
}

static const char *message_of(enum harrier_error_code code) {
    return code == HARRIER_ERROR_UNAVAILABLE ? "draining" : "transaction_id is not known";
}

int harrier_report_outcomes(struct harrier_client *client, const struct harrier_outcome *outcomes,
                            size_t count, const struct harrier_call_options *options,
                            struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    (void)client, (void)options;
    write_down("outcomes(");
    for (size_t i = 0; i < count; i++) {
        write_down(i ? " " : "");
        write_down(outcomes[i].transaction_id);
        write_down(outcomes[i].label == HARRIER_LABEL_FRAUD ? "=fraud" : "=other");
    }
    write_down(")\n");
    if (failing(&fake_server.fail_outcomes_next, ret_error))
        return -(int)ret_error->code;
    struct fake_reply *fake = calloc(1, sizeof *fake);
    fake->reply.outcomes = fake->outcomes;
    fake->reply.outcome_count = count;
    unsigned refuse_from = fake_server.refuse_from;
    fake_server.refuse_from = 0;
    for (size_t i = 0; i < count; i++) {
        enum harrier_error_code code = take_report(outcomes[i].transaction_id, i, refuse_from);
        fake->outcomes[i] = (struct harrier_outcome_result){
            .error_code = code,
            .error_field = "transaction_id",
            .error_message = message_of(code),
            .changed = code == HARRIER_OK,
        };
    }
    *ret_reply = &fake->reply;
    return 0;
}

int harrier_amend(struct harrier_client *client, const struct harrier_amendment *amendments,
                  size_t count, const struct harrier_call_options *options,
                  struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    (void)client, (void)options;
    write_down("amendments(");
    for (size_t i = 0; i < count; i++) {
        write_down(i ? " " : "");
        write_down(amendments[i].transaction_id);
        write_down(amendments[i].kind == HARRIER_AMENDMENT_REFUND ? "=refund" : "=other");
    }
    write_down(")\n");
    if (failing(&fake_server.fail_amendments_next, ret_error))
        return -(int)ret_error->code;
    struct fake_reply *fake = calloc(1, sizeof *fake);
    fake->reply.amendments = fake->amendments;
    fake->reply.amendment_count = count;
    unsigned refuse_from = fake_server.refuse_from;
    fake_server.refuse_from = 0;
    for (size_t i = 0; i < count; i++) {
        enum harrier_error_code code = take_report(amendments[i].transaction_id, i, refuse_from);
        fake->amendments[i] = (struct harrier_amendment_result){
            .error_code = code,
            .error_field = "transaction_id",
            .error_message = message_of(code),
            .changed = code == HARRIER_OK,
            .now.refunded_minor = amendments[i].amount_minor,
        };
    }
    *ret_reply = &fake->reply;
    return 0;
}

/* Of a known id nothing is recorded; "bad…" is refused for good. */
int harrier_backfill(struct harrier_client *client, const struct harrier_backfill_item *items,
                     size_t count, const struct harrier_call_options *options,
                     struct harrier_reply **ret_reply, struct harrier_error *ret_error) {
    (void)client, (void)options;
    write_down("backfill(");
    for (size_t i = 0; i < count; i++) {
        write_down(i ? " " : "");
        write_down(items[i].transaction.id);
    }
    write_down(")\n");
    if (failing(&fake_server.fail_next, ret_error))
        return -(int)ret_error->code;
    struct fake_reply *fake = calloc(1, sizeof *fake);
    fake->reply.backfilled = fake->backfilled;
    fake->reply.backfilled_count = count;
    unsigned refuse_from = fake_server.refuse_from;
    fake_server.refuse_from = 0;
    for (size_t i = 0; i < count; i++) {
        struct harrier_backfill_result *result = &fake->backfilled[i];
        *result = (struct harrier_backfill_result){.error_field = "", .error_message = "draining"};
        if (refuse_from && i >= refuse_from) {
            result->error_code = HARRIER_ERROR_UNAVAILABLE;
        } else if (strncmp(items[i].transaction.id, "bad", 3) == 0) {
            result->error_code = HARRIER_ERROR_INVALID;
            result->error_message = "card is missing";
        } else {
            result->duplicate = is_known(items[i].transaction.id);
            result->outcome_recorded = !result->duplicate && items[i].outcome.label;
            result->amendment_recorded = !result->duplicate && items[i].amendment.kind;
            if (!result->duplicate)
                remember(items[i].transaction.id);
        }
    }
    *ret_reply = &fake->reply;
    return 0;
}

void harrier_reply_free(struct harrier_reply *reply) {
    free(reply); /* the first member of a fake_reply */
}

void harrier_drain(struct harrier_client *client) {
    (void)client; /* every callback has returned before submit does */
}

const char *harrier_verdict_name(enum harrier_verdict verdict) {
    static const char *const names[] = {"", "approve", "review", "challenge", "decline"};
    return names[verdict];
}

const char *harrier_error_name(enum harrier_error_code code) {
    switch (code) {
    case HARRIER_ERROR_INVALID:
        return "invalid";
    case HARRIER_ERROR_NOT_FOUND:
        return "not_found";
    case HARRIER_ERROR_TOO_LARGE:
        return "too_large";
    default:
        return "another";
    }
}
