/* Calls that wait: what the caller gave arrives as it was, what the server answered comes back
 * whole. */
#include "clients/c/harrier_analyst.h"
#include "fake_server.h"
#include "tests/unit/unit.h"

#include <unistd.h>

/* What the fake server received, and what it is to answer. */
struct scene {
    char address[64];
    struct fake_server *server;
    struct harrier_client *client;
    struct response response; /* of the next call; call CALL_NONE: approve */
    bool matched;             /* the request was what the test expects */
    bool (*matches)(const struct request *request);
    uint64_t deadline_us; /* that the request carried */
};

static void answer(const struct request *request, struct arena *arena, struct buffer *ret_answer,
                   int *ret_delay_ms, void *user) {
    struct scene *scene = user;
    scene->deadline_us = request->deadline_us;
    scene->matched = !scene->matches || scene->matches(request);
    if (scene->response.call == CALL_NONE && scene->response.error.code == 0)
        fake_approve(request, arena, ret_answer, ret_delay_ms, NULL);
    else
        message_encode_response(&scene->response, ret_answer);
}

static int set_up(void **state) {
    struct scene *scene = calloc(1, sizeof *scene);
    struct harrier_error error;
    fake_address(scene->address);
    scene->server = fake_server_start(scene->address, answer, scene);
    struct harrier_options options = {.address = scene->address, .deadline_us = 60000000};
    if (harrier_client_new(&options, &scene->client, &error) < 0)
        fail_msg("%s", error.message);
    *state = scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    harrier_client_free(scene->client);
    fake_server_stop(scene->server);
    free(scene);
    return 0;
}

static struct harrier_reply *expect_reply(int r, struct harrier_reply *reply,
                                          const struct harrier_error *error) {
    if (r != 0)
        fail_msg("%d: %s", r, error->message);
    assert_non_null(reply);
    return reply;
}

static const struct harrier_transaction simple = {.id = "t-1", .event_time_us = 1};

static bool everything_arrived(const struct request *request) {
    const struct transaction *t = &request->score.transactions[0];
    const struct attribute *a = t->attributes;
    return request->call == CALL_SCORE && request->score.transaction_count == 1 &&
           request->score.dry_run && request->score.return_features && text_is(t->id, "t-1") &&
           t->event_time_us == 2 && t->amount_minor == 3 && text_is(t->currency, "EUR") &&
           text_is(t->fields[FIELD_CARD], "card") && text_is(t->fields[FIELD_CUSTOMER], "cust") &&
           text_is(t->fields[FIELD_ACCOUNT], "acct") && text_is(t->fields[FIELD_MERCHANT], "m") &&
           text_is(t->fields[FIELD_TERMINAL], "term") && text_is(t->fields[FIELD_DEVICE], "d") &&
           text_is(t->fields[FIELD_IP], "::1") && text_is(t->fields[FIELD_COUNTRY], "DE") &&
           text_is(t->fields[FIELD_MCC], "5411") && text_is(t->fields[FIELD_CHANNEL], "pos") &&
           text_is(t->fields[FIELD_EMAIL], "e") && text_is(t->fields[FIELD_PHONE], "p") &&
           text_is(t->source, "shop") && t->sequence == 7 && t->has_location &&
           t->latitude_e7 == -4 && t->longitude_e7 == 5 && t->attribute_count == 5 &&
           text_is(a[0].name, "note") && a[0].type == ATTRIBUTE_TEXT &&
           text_is(a[0].text, "grün") && a[1].type == ATTRIBUTE_INTEGER && a[1].integer == -6 &&
           a[2].type == ATTRIBUTE_NUMBER && a[2].number == 0.5 && a[3].type == ATTRIBUTE_FLAG &&
           a[3].flag && a[4].type == ATTRIBUTE_NONE;
}

static void every_field_is_sent(void **state) {
    struct scene *scene = *state;
    const struct harrier_attribute attributes[] = {
        harrier_text("note", "grün"), harrier_integer("items", -6), harrier_number("ratio", 0.5),
        harrier_flag("gift", true),   {.name = "nothing"},
    };
    const struct harrier_transaction transaction = {
        .id = "t-1",
        .event_time_us = 2,
        .amount_minor = 3,
        .currency = "EUR",
        .card = "card",
        .customer = "cust",
        .account = "acct",
        .merchant = "m",
        .terminal = "term",
        .device = "d",
        .ip = "::1",
        .country = "DE",
        .mcc = "5411",
        .channel = "pos",
        .email = "e",
        .phone = "p",
        .has_location = true,
        .latitude_e7 = -4,
        .longitude_e7 = 5,
        .attributes = attributes,
        .attribute_count = 5,
        .source = "shop",
        .sequence = 7,
    };
    struct harrier_score_options options = {
        .deadline_us = 300000000, .dry_run = true, .return_features = true};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    scene->matches = everything_arrived;
    int r = harrier_score(scene->client, &transaction, 1, &options, &reply, &error);
    harrier_reply_free(expect_reply(r, reply, &error));
    assert_true(scene->matched);
    /* what is left of the deadline */
    assert_in_range(scene->deadline_us, 200000000, 300000000);
}

static void a_decision_comes_back_whole(void **state) {
    struct scene *scene = *state;
    const struct text tags[] = {TEXT_LITERAL("hours"), TEXT_LITERAL("habits")};
    const struct reason reasons[] = {{.rule = TEXT_LITERAL("night"),
                                      .text = TEXT_LITERAL("At night"),
                                      .score = -20,
                                      .verdict = VERDICT_REVIEW,
                                      .shadow = true,
                                      .suppressed = true,
                                      .tags = tags,
                                      .tag_count = 2,
                                      .group = TEXT_LITERAL("times"),
                                      .capped = -6,
                                      .verdict_if_live = VERDICT_CHALLENGE}};
    const struct named_value features[] = {
        {TEXT_LITERAL("a"), value_bool(true)},   {TEXT_LITERAL("b"), value_int(-1)},
        {TEXT_LITERAL("c"), value_double(0.25)}, {TEXT_LITERAL("d"), value_text(text_of("x"))},
        {TEXT_LITERAL("e"), value_timestamp(7)}, {TEXT_LITERAL("f"), value_duration(-8)},
        {TEXT_LITERAL("g"), value_absent()},
    };
    const struct score_result results[] = {
        {.decision = {.transaction_id = TEXT_LITERAL("t-1"),
                      .verdict = VERDICT_DECLINE,
                      .score = 999,
                      .reasons = reasons,
                      .reason_count = 1,
                      .snapshot_id = UINT64_MAX,
                      .generation_id = 2,
                      .position = 3,
                      .degraded = true,
                      .degraded_reason = TEXT_LITERAL("old tables"),
                      .duplicate = true,
                      .dry_run = true,
                      .server_us = 4,
                      .rule_errors = 5,
                      .failed_rules = tags,
                      .failed_rule_count = 2,
                      .features = features,
                      .feature_count = 7}},
    };
    scene->response =
        (struct response){.call = CALL_SCORE, .score = {.results = results, .count = 1}};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    int r = harrier_score(scene->client, &simple, 1, NULL, &reply, &error);
    expect_reply(r, reply, &error);
    assert_int_equal(reply->result_count, 1);
    assert_int_equal(reply->results[0].error_code, HARRIER_OK);
    const struct harrier_decision *d = &reply->results[0].decision;
    assert_string_equal(d->transaction_id, "t-1");
    assert_int_equal(d->verdict, HARRIER_VERDICT_DECLINE);
    assert_int_equal(d->score, 999);
    assert_int_equal(d->reason_count, 1);
    assert_string_equal(d->reasons[0].rule, "night");
    assert_string_equal(d->reasons[0].text, "At night");
    assert_int_equal(d->reasons[0].score, -20);
    assert_int_equal(d->reasons[0].verdict, HARRIER_VERDICT_REVIEW);
    assert_true(d->reasons[0].shadow && d->reasons[0].suppressed);
    assert_int_equal(d->reasons[0].tag_count, 2);
    assert_string_equal(d->reasons[0].tags[0], "hours");
    assert_string_equal(d->reasons[0].tags[1], "habits");
    assert_string_equal(d->reasons[0].group, "times");
    assert_int_equal(d->reasons[0].capped, -6);
    assert_int_equal(d->reasons[0].verdict_if_live, HARRIER_VERDICT_CHALLENGE);
    assert_true(d->snapshot_id == UINT64_MAX && d->generation_id == 2 && d->position == 3);
    assert_true(d->degraded && d->duplicate && d->dry_run);
    assert_string_equal(d->degraded_reason, "old tables");
    assert_int_equal(d->server_us, 4);
    assert_int_equal(d->rule_errors, 5);
    assert_int_equal(d->failed_rule_count, 2);
    assert_string_equal(d->failed_rules[0], "hours");
    assert_string_equal(d->failed_rules[1], "habits");
    assert_int_equal(d->feature_count, 7);
    const struct harrier_feature *f = d->features;
    assert_true(f[0].type == HARRIER_VALUE_FLAG && f[0].value.flag);
    assert_true(f[1].type == HARRIER_VALUE_INTEGER && f[1].value.integer == -1);
    assert_true(f[2].type == HARRIER_VALUE_NUMBER && f[2].value.number == 0.25);
    assert_true(f[3].type == HARRIER_VALUE_TEXT && strcmp(f[3].value.text, "x") == 0);
    assert_true(f[4].type == HARRIER_VALUE_TIMESTAMP && f[4].value.integer == 7);
    assert_true(f[5].type == HARRIER_VALUE_DURATION && f[5].value.integer == -8);
    assert_true(f[6].type == HARRIER_VALUE_ABSENT);
    assert_string_equal(f[6].name, "g");
    harrier_reply_free(reply);
}

static void one_bad_transaction_does_not_fail_the_batch(void **state) {
    struct scene *scene = *state;
    const struct harrier_transaction batch[] = {simple, simple, simple, simple};
    const struct score_result results[] = {
        {.decision = {.verdict = VERDICT_APPROVE}},
        {.error = {ERROR_ID_CONFLICT, TEXT_LITERAL("id"), TEXT_LITERAL("id was scored before")}},
        {.decision = {.verdict = VERDICT_REVIEW}},
        {.error = {.code = ERROR_NOT_PRIMARY, .message = TEXT_LITERAL("another decides now")}},
    };
    scene->response =
        (struct response){.call = CALL_SCORE, .score = {.results = results, .count = 4}};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    int r = harrier_score(scene->client, batch, 4, NULL, &reply, &error);
    expect_reply(r, reply, &error);
    assert_int_equal(reply->result_count, 4);
    assert_int_equal(reply->results[0].decision.verdict, HARRIER_VERDICT_APPROVE);
    assert_string_equal(reply->results[0].error_message, "");
    assert_string_equal(reply->results[0].decision.transaction_id, "");
    assert_int_equal(reply->results[1].error_code, HARRIER_ERROR_ID_CONFLICT);
    assert_string_equal(reply->results[1].error_field, "id");
    assert_string_equal(reply->results[1].error_message, "id was scored before");
    assert_int_equal(reply->results[2].decision.verdict, HARRIER_VERDICT_REVIEW);
    /* To be sent again: callers have no code of its own for it. */
    assert_int_equal(reply->results[3].error_code, HARRIER_ERROR_UNAVAILABLE);
    assert_int_equal(reply->results[3].error_decided, HARRIER_DECIDED_NO);
    harrier_reply_free(reply);
}

static void errors_of_the_whole_request(void **state) {
    struct scene *scene = *state;
    static const struct {
        enum error_code wire;
        enum harrier_error_code code;
    } cases[] = {
        {ERROR_INVALID, HARRIER_ERROR_INVALID},
        {ERROR_UNSUPPORTED, HARRIER_ERROR_UNSUPPORTED},
        {ERROR_NOT_FOUND, HARRIER_ERROR_NOT_FOUND},
        {ERROR_ID_CONFLICT, HARRIER_ERROR_ID_CONFLICT},
        {ERROR_TOO_LARGE, HARRIER_ERROR_TOO_LARGE},
        {ERROR_DEADLINE, HARRIER_ERROR_DEADLINE},
        {ERROR_UNAVAILABLE, HARRIER_ERROR_UNAVAILABLE},
        {ERROR_INTERNAL, HARRIER_ERROR_INTERNAL},
    };
    struct harrier_reply *reply = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct harrier_error error = {0};
        scene->response = (struct response){
            .error = {cases[i].wire, TEXT_LITERAL("transactions"), TEXT_LITERAL("that is wrong")}};
        int r = harrier_score(scene->client, &simple, 1, NULL, &reply, &error);
        assert_int_equal(r, -(int)cases[i].code);
        assert_int_equal(error.code, cases[i].code);
        assert_string_equal(error.field, "transactions");
        assert_string_equal(error.message, "that is wrong");
        assert_null(reply);
        /* and for those who do not want to know more */
        assert_int_equal(harrier_score(scene->client, &simple, 1, NULL, &reply, NULL), r);
    }
}

static bool outcomes_arrived(const struct request *request) {
    const struct outcome *outcomes = request->outcome.outcomes;
    return request->call == CALL_REPORT_OUTCOME && request->outcome.outcome_count == 2 &&
           text_is(outcomes[0].transaction_id, "t-1") && outcomes[0].label == LABEL_CHARGEBACK &&
           outcomes[0].known_time_us == 9 && text_is(outcomes[0].source, "feed") &&
           text_is(outcomes[1].transaction_id, "t-2") && outcomes[1].label == LABEL_NONE &&
           !outcomes[0].unless_labelled && outcomes[1].unless_labelled;
}

static void outcomes(void **state) {
    struct scene *scene = *state;
    const struct harrier_outcome reported[] = {
        {.transaction_id = "t-1",
         .label = HARRIER_LABEL_CHARGEBACK,
         .known_time_us = 9,
         .source = "feed"},
        {.transaction_id = "t-2", .unless_labelled = true},
    };
    const struct outcome_result results[] = {
        {.transaction_id = TEXT_LITERAL("t-1"),
         .position = 8,
         .changed = true,
         .previous = LABEL_SUSPECTED},
        {.error = {.code = ERROR_NOT_FOUND, .message = TEXT_LITERAL("no such transaction")}},
    };
    scene->matches = outcomes_arrived;
    scene->response =
        (struct response){.call = CALL_REPORT_OUTCOME, .outcome = {.results = results, .count = 2}};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    int r = harrier_report_outcomes(scene->client, reported, 2, NULL, &reply, &error);
    expect_reply(r, reply, &error);
    assert_true(scene->matched);
    assert_int_equal(reply->outcome_count, 2);
    assert_string_equal(reply->outcomes[0].transaction_id, "t-1");
    assert_int_equal(reply->outcomes[0].position, 8);
    assert_true(reply->outcomes[0].changed);
    assert_int_equal(reply->outcomes[0].previous, HARRIER_LABEL_SUSPECTED);
    assert_int_equal(reply->outcomes[1].error_code, HARRIER_ERROR_NOT_FOUND);
    assert_string_equal(reply->outcomes[1].error_message, "no such transaction");
    harrier_reply_free(reply);
}

static bool history_arrived(const struct request *request) {
    const struct backfill_item *items = request->backfill.items;
    return request->call == CALL_BACKFILL && request->backfill.item_count == 2 &&
           text_is(items[0].transaction.id, "t-1") && items[0].transaction.event_time_us == 5 &&
           items[0].transaction.attribute_count == 1 && items[0].has_outcome &&
           items[0].outcome.label == LABEL_FRAUD && items[0].outcome.known_time_us == 9 &&
           text_is(items[0].outcome.source, "feed") && items[0].has_amendment &&
           items[0].amendment.kind == AMENDMENT_REFUND && items[0].amendment.amount_minor == 250 &&
           text_is(items[1].transaction.fields[FIELD_CARD], "c-1") && !items[1].has_outcome &&
           !items[1].has_amendment;
}

static void history(void **state) {
    struct scene *scene = *state;
    const struct harrier_attribute attribute = harrier_integer("items", 3);
    const struct harrier_backfill_item items[] = {
        {.transaction =
             {.id = "t-1", .event_time_us = 5, .attributes = &attribute, .attribute_count = 1},
         .outcome = {.label = HARRIER_LABEL_FRAUD, .known_time_us = 9, .source = "feed"},
         .amendment = {.kind = HARRIER_AMENDMENT_REFUND, .amount_minor = 250}},
        {.transaction = {.id = "t-2", .event_time_us = 6, .card = "c-1"}},
    };
    const struct backfill_result results[] = {
        {.transaction_id = TEXT_LITERAL("t-1"),
         .position = 8,
         .duplicate = true,
         .verdict = VERDICT_REVIEW,
         .score = 400,
         .amendment_recorded = true},
        {.error = {.code = ERROR_UNAVAILABLE, .message = TEXT_LITERAL("after the next rebuild")}},
    };
    scene->matches = history_arrived;
    scene->response =
        (struct response){.call = CALL_BACKFILL, .backfill = {.results = results, .count = 2}};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    int r = harrier_backfill(scene->client, items, 2, NULL, &reply, &error);
    expect_reply(r, reply, &error);
    assert_true(scene->matched);
    assert_int_equal(reply->backfilled_count, 2);
    const struct harrier_backfill_result *result = reply->backfilled;
    assert_string_equal(result->transaction_id, "t-1");
    assert_int_equal(result->position, 8);
    assert_true(result->duplicate && result->amendment_recorded && !result->outcome_recorded);
    assert_int_equal(result->verdict, HARRIER_VERDICT_REVIEW);
    assert_int_equal(result->score, 400);
    assert_int_equal(result[1].error_code, HARRIER_ERROR_UNAVAILABLE);
    assert_string_equal(result[1].error_message, "after the next rebuild");
    harrier_reply_free(reply);
    assert_int_equal(harrier_backfill(scene->client, items, 1001, NULL, &reply, &error),
                     -HARRIER_ERROR_TOO_LARGE);
}

static bool amendments_arrived(const struct request *request) {
    const struct amendment *amendments = request->amend.amendments;
    return request->call == CALL_AMEND && request->amend.amendment_count == 2 &&
           text_is(amendments[0].transaction_id, "t-1") && amendments[0].kind == AMENDMENT_REFUND &&
           amendments[0].amount_minor == 250 && amendments[0].known_time_us == 9 &&
           text_is(amendments[0].source, "feed") && text_is(amendments[1].transaction_id, "t-2") &&
           amendments[1].kind == AMENDMENT_VOID && amendments[1].amount_minor == 0;
}

static void amendments(void **state) {
    struct scene *scene = *state;
    const struct harrier_amendment reported[] = {
        {.transaction_id = "t-1",
         .kind = HARRIER_AMENDMENT_REFUND,
         .amount_minor = 250,
         .known_time_us = 9,
         .source = "feed"},
        {.transaction_id = "t-2", .kind = HARRIER_AMENDMENT_VOID},
    };
    const struct amendment_result results[] = {
        {.transaction_id = TEXT_LITERAL("t-1"),
         .position = 8,
         .changed = true,
         .previous = {.amount_minor = 1000, .refunded_minor = 100},
         .now = {.amount_minor = 1000, .refunded_minor = 250, .is_voided = true}},
        {.error = {.code = ERROR_NOT_FOUND, .message = TEXT_LITERAL("no such transaction")}},
    };
    scene->matches = amendments_arrived;
    scene->response =
        (struct response){.call = CALL_AMEND, .amend = {.results = results, .count = 2}};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    int r = harrier_amend(scene->client, reported, 2, NULL, &reply, &error);
    expect_reply(r, reply, &error);
    assert_true(scene->matched);
    assert_int_equal(reply->amendment_count, 2);
    const struct harrier_amendment_result *result = reply->amendments;
    assert_string_equal(result->transaction_id, "t-1");
    assert_int_equal(result->position, 8);
    assert_true(result->changed);
    assert_int_equal(result->previous.amount_minor, 1000);
    assert_int_equal(result->previous.refunded_minor, 100);
    assert_false(result->previous.voided);
    assert_int_equal(result->now.refunded_minor, 250);
    assert_true(result->now.voided);
    assert_int_equal(result[1].error_code, HARRIER_ERROR_NOT_FOUND);
    assert_string_equal(result[1].error_message, "no such transaction");
    harrier_reply_free(reply);
}

static bool list_changes_arrived(const struct request *request) {
    const struct list_change *changes = request->list_change.changes;
    return request->call == CALL_CHANGE_LIST && request->list_change.change_count == 2 &&
           text_is(changes[0].list, "cards") && text_is(changes[0].value, "tok_9") &&
           !changes[0].remove && changes[0].expiry_time_us == 77 &&
           text_is(changes[0].source, "analyst:7") && text_is(changes[0].reason, "lost") &&
           changes[1].remove && changes[1].reason.length == 0;
}

static void list_changes(void **state) {
    struct scene *scene = *state;
    const struct harrier_list_change changes[] = {
        {.list = "cards",
         .value = "tok_9",
         .expiry_time_us = 77,
         .source = "analyst:7",
         .reason = "lost"},
        {.list = "cards", .value = "tok_8", .remove = true},
    };
    const struct list_change_result results[] = {
        {.list = TEXT_LITERAL("cards"),
         .value = TEXT_LITERAL("tok_9"),
         .position = 8,
         .changed = true,
         .was_there = true,
         .previous_expiry_time_us = 5,
         .in_policy = true},
        {.error = {.code = ERROR_NOT_FOUND,
                   .field = TEXT_LITERAL("list"),
                   .message = TEXT_LITERAL("no such list")}},
    };
    scene->matches = list_changes_arrived;
    scene->response = (struct response){.call = CALL_CHANGE_LIST,
                                        .list_change = {.results = results, .count = 2}};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    int r = harrier_change_lists(scene->client, changes, 2, NULL, &reply, &error);
    expect_reply(r, reply, &error);
    assert_true(scene->matched);
    assert_int_equal(reply->list_change_count, 2);
    const struct harrier_list_result *first = &reply->list_changes[0];
    assert_string_equal(first->value, "tok_9");
    assert_int_equal(first->position, 8);
    assert_true(first->changed && first->was_there && first->in_policy);
    assert_int_equal(first->previous_expiry_time_us, 5);
    assert_int_equal(reply->list_changes[1].error_code, HARRIER_ERROR_NOT_FOUND);
    assert_string_equal(reply->list_changes[1].error_field, "list");
    harrier_reply_free(reply);
    /* One answer too few. */
    scene->response.list_change.count = 1;
    r = harrier_change_lists(scene->client, changes, 2, NULL, &reply, &error);
    assert_int_equal(r, -HARRIER_ERROR_PROTOCOL);
    r = harrier_change_lists(scene->client, changes, 1001, NULL, &reply, &error);
    assert_int_equal(r, -HARRIER_ERROR_TOO_LARGE);
}

static bool brake_change_arrived(const struct request *request) {
    const struct brake_change *change = &request->brake_change;
    return request->call == CALL_CHANGE_BRAKE && text_is(change->rule, "spree") &&
           !change->of_policy && !change->pull && change->definition == 77 &&
           text_is(change->source, "analyst:7") && change->reason.length == 0;
}

static void a_brake(void **state) {
    struct scene *scene = *state;
    const struct harrier_brake_change lift = {
        .rule = "spree", .definition = 77, .source = "analyst:7"};
    scene->matches = brake_change_arrived;
    scene->response = (struct response){.call = CALL_CHANGE_BRAKE, .brake_change = {true, 8, 77}};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    int r = harrier_change_brake(scene->client, &lift, NULL, &reply, &error);
    expect_reply(r, reply, &error);
    assert_true(scene->matched);
    assert_true(reply->brake_change->changed);
    assert_int_equal(reply->brake_change->position, 8);
    assert_int_equal(reply->brake_change->definition, 77);
    harrier_reply_free(reply);
}

static bool list_arrived(const struct request *request) {
    return request->call == CALL_GET_LIST && text_is(request->list.list, "cards") &&
           request->list.after_position == 5 && request->list.limit == 9;
}

static void a_list(void **state) {
    struct scene *scene = *state;
    const struct list_summary lists[] = {{.list = TEXT_LITERAL("cards"),
                                          .type = TEXT_LITERAL("string"),
                                          .declared = true,
                                          .runtime = true,
                                          .policy_entries = 1,
                                          .added_entries = 2,
                                          .used_entries = 3,
                                          .changes = 4,
                                          .last_change_time_us = 5}};
    const struct list_addition entries[] = {{.value = TEXT_LITERAL("tok_9"),
                                             .expiry_time_us = 6,
                                             .position = 7,
                                             .receive_time_us = 8,
                                             .reason = TEXT_LITERAL("lost")}};
    scene->matches = list_arrived;
    scene->response = (struct response){.call = CALL_GET_LIST,
                                        .list = {.lists = lists,
                                                 .list_count = 1,
                                                 .entries = entries,
                                                 .entry_count = 1,
                                                 .next_position = 7}};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    int r = harrier_get_list(scene->client, "cards", 5, 9, NULL, &reply, &error);
    expect_reply(r, reply, &error);
    assert_true(scene->matched);
    const struct harrier_lists *answer = reply->lists;
    assert_int_equal(answer->list_count, 1);
    assert_string_equal(answer->lists[0].name, "cards");
    assert_string_equal(answer->lists[0].type, "string");
    assert_string_equal(answer->lists[0].about, "");
    assert_true(answer->lists[0].declared && answer->lists[0].runtime);
    assert_int_equal(answer->lists[0].policy_entries, 1);
    assert_int_equal(answer->lists[0].added_entries, 2);
    assert_int_equal(answer->lists[0].used_entries, 3);
    assert_int_equal(answer->lists[0].changes, 4);
    assert_int_equal(answer->lists[0].last_change_time_us, 5);
    assert_int_equal(answer->entry_count, 1);
    assert_string_equal(answer->entries[0].value, "tok_9");
    assert_int_equal(answer->entries[0].expiry_time_us, 6);
    assert_int_equal(answer->entries[0].position, 7);
    assert_int_equal(answer->entries[0].receive_time_us, 8);
    assert_string_equal(answer->entries[0].source, "");
    assert_string_equal(answer->entries[0].reason, "lost");
    assert_int_equal(answer->next_position, 7);
    harrier_reply_free(reply);
}

static bool entity_arrived(const struct request *request) {
    return request->call == CALL_GET_ENTITY && text_is(request->entity.entity, "card") &&
           request->entity.key_count == 2 && text_is(request->entity.key[0], "k1") &&
           text_is(request->entity.key[1], "k2") && request->entity.at_time_us == 77;
}

static void an_entity(void **state) {
    struct scene *scene = *state;
    const struct named_value features[] = {{TEXT_LITERAL("card.count_10m"), value_int(5)}};
    scene->matches = entity_arrived;
    scene->response = (struct response){.call = CALL_GET_ENTITY,
                                        .entity = {.features = features,
                                                   .feature_count = 1,
                                                   .newest_time_us = 1,
                                                   .entries = 2,
                                                   .state_bytes = 3,
                                                   .state_hash = 4,
                                                   .at_time_us = 5}};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    const char *const key[] = {"k1", "k2"};
    int r = harrier_get_entity(scene->client, "card", key, 2, 77, NULL, &reply, &error);
    expect_reply(r, reply, &error);
    assert_true(scene->matched);
    const struct harrier_entity *entity = reply->entity;
    assert_int_equal(entity->feature_count, 1);
    assert_string_equal(entity->features[0].name, "card.count_10m");
    assert_int_equal(entity->features[0].value.integer, 5);
    assert_true(entity->newest_time_us == 1 && entity->entries == 2 && entity->state_bytes == 3 &&
                entity->state_hash == 4 && entity->at_time_us == 5);
    assert_null(reply->status);
    assert_null(reply->results);
    harrier_reply_free(reply);
    r = harrier_get_entity(scene->client, "card", NULL, 0, 0, NULL, &reply, &error);
    assert_int_equal(r, -HARRIER_ERROR_INVALID);
    const char *const long_key[17] = {0};
    r = harrier_get_entity(scene->client, "card", long_key, 17, 0, NULL, &reply, &error);
    assert_int_equal(r, -HARRIER_ERROR_INVALID);
    assert_string_equal(error.field, "key");
}

static bool status_arrived(const struct request *request) {
    return request->call == CALL_STATUS && request->status.state_hash;
}

static void the_status(void **state) {
    struct scene *scene = *state;
    const struct status_brake brakes[] = {{.rule = TEXT_LITERAL("spree"),
                                           .definition = 1,
                                           .position = 2,
                                           .applies = true,
                                           .pulled_time_us = 3,
                                           .reason = TEXT_LITERAL("too many")},
                                          {.source = TEXT_LITERAL("analyst:7")}};
    scene->matches = status_arrived;
    scene->response = (struct response){.call = CALL_STATUS,
                                        .status = {.version = TEXT_LITERAL("0.1.0"),
                                                   .state = TEXT_LITERAL("ready"),
                                                   .state_reason = TEXT_LITERAL("r"),
                                                   .started_time_us = 1,
                                                   .policy_name = TEXT_LITERAL("p"),
                                                   .snapshot_id = 2,
                                                   .reload_error = TEXT_LITERAL("e"),
                                                   .generation_id = 3,
                                                   .generation_position = 4,
                                                   .generation_time_us = 5,
                                                   .position = 6,
                                                   .synced_position = 7,
                                                   .transactions = 8,
                                                   .outcomes = 9,
                                                   .labels = {0, 10, 11, 12, 13},
                                                   .newest_event_time_us = 14,
                                                   .overlay_entities = 15,
                                                   .overlay_bytes = 16,
                                                   .state_hash = 17,
                                                   .duplicates = 18,
                                                   .rejected = 19,
                                                   .overlay_memory_bytes = 20,
                                                   .compared_entities = 21,
                                                   .differing_entities = 22,
                                                   .stale = true,
                                                   .swap_state = TEXT_LITERAL("refused"),
                                                   .swap_reason = TEXT_LITERAL("w"),
                                                   .node = TEXT_LITERAL("n"),
                                                   .primary = TEXT_LITERAL("tcp://a:1"),
                                                   .committed_position = 23,
                                                   .brakes = brakes,
                                                   .described_brakes = 2,
                                                   .brake_count = 24}};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    int r = harrier_status(scene->client, true, NULL, &reply, &error);
    expect_reply(r, reply, &error);
    assert_true(scene->matched);
    const struct harrier_status *s = reply->status;
    assert_string_equal(s->version, "0.1.0");
    assert_string_equal(s->state, "ready");
    assert_string_equal(s->state_reason, "r");
    assert_string_equal(s->policy_name, "p");
    assert_string_equal(s->reload_error, "e");
    assert_string_equal(s->swap_state, "refused");
    assert_string_equal(s->swap_reason, "w");
    assert_string_equal(s->node, "n");
    assert_string_equal(s->primary, "tcp://a:1");
    assert_true(s->stale);
    assert_int_equal(s->described_brakes, 2);
    assert_int_equal(s->brake_count, 24);
    assert_string_equal(s->brakes[0].rule, "spree");
    assert_string_equal(s->brakes[0].reason, "too many");
    assert_string_equal(s->brakes[0].source, "");
    assert_true(s->brakes[0].applies && !s->brakes[1].applies);
    assert_int_equal(s->brakes[0].definition, 1);
    assert_int_equal(s->brakes[0].position, 2);
    assert_int_equal(s->brakes[0].pulled_time_us, 3);
    assert_string_equal(s->brakes[1].rule, "");
    assert_string_equal(s->brakes[1].source, "analyst:7");
    const uint64_t numbers[] = {(uint64_t)s->started_time_us,
                                s->snapshot_id,
                                s->generation_id,
                                s->generation_position,
                                (uint64_t)s->generation_time_us,
                                s->position,
                                s->synced_position,
                                s->transactions,
                                s->outcomes,
                                s->labels[HARRIER_LABEL_LEGIT],
                                s->labels[HARRIER_LABEL_FRAUD],
                                s->labels[HARRIER_LABEL_CHARGEBACK],
                                s->labels[HARRIER_LABEL_SUSPECTED],
                                (uint64_t)s->newest_event_time_us,
                                s->overlay_entities,
                                s->overlay_bytes,
                                s->state_hash,
                                s->duplicates,
                                s->rejected,
                                s->overlay_memory_bytes,
                                s->compared_entities,
                                s->differing_entities,
                                s->committed_position};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_int_equal(numbers[i], i + 1);
    harrier_reply_free(reply);
}

static void what_cannot_be_sent(void **state) {
    struct scene *scene = *state;
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    struct harrier_transaction *many = calloc(1001, sizeof *many);
    assert_int_equal(harrier_score(scene->client, many, 1001, NULL, &reply, &error),
                     -HARRIER_ERROR_TOO_LARGE);
    assert_non_null(strstr(error.message, "1001; expected at most 1000"));
    assert_int_equal(harrier_score(scene->client, many, 0, NULL, &reply, &error),
                     -HARRIER_ERROR_INVALID);
    struct harrier_attribute attributes[65] = {{0}};
    many[1] = (struct harrier_transaction){.attributes = attributes, .attribute_count = 65};
    assert_int_equal(harrier_score(scene->client, many, 2, NULL, &reply, &error),
                     -HARRIER_ERROR_INVALID);
    assert_string_equal(error.field, "attributes");
    struct harrier_score_options late = {.deadline_us = HARRIER_DEADLINE_US_MAX + 1};
    assert_int_equal(harrier_score(scene->client, &simple, 1, &late, &reply, &error),
                     -HARRIER_ERROR_INVALID);
    assert_string_equal(error.field, "deadline_us");
    assert_int_equal(fake_server_requests(scene->server), 0);
    assert_null(reply);
    free(many);
}

static void options_that_are_wrong(void **state) {
    (void)state;
    struct harrier_client *client = NULL;
    struct harrier_error error;
    static const char *const second_wrong[] = {"ipc:///a", "nonsense"};
    static const char *const twice[] = {"ipc:///a", "ipc:///a"};
    static const struct harrier_metrics no_metrics;
    static char long_path[150] = "ipc://", long_token[258];
    memset(long_path + 6, 'p', 108);
    memset(long_token, 't', 257);
    static const struct {
        struct harrier_options options;
        const char *field;
    } cases[] = {
        {{.address = NULL}, "addresses"},
        {{.address = ""}, "addresses"},
        {{.address = "127.0.0.1:7731"}, "addresses"},
        {{.address = "carrier-pigeon://x"}, "addresses"},
        {{.address = "tcp://127.0.0.1"}, "addresses"},
        {{.address = "tcp://127.0.0.1:"}, "addresses"},
        {{.address = "tcp://127.0.0.1:0"}, "addresses"},
        {{.address = "tcp://127.0.0.1:65536"}, "addresses"},
        {{.address = "tcp://127.0.0.1:77x"}, "addresses"},
        {{.address = "tcp://:7731"}, "addresses"},
        {{.address = "tcp://[]:7731"}, "addresses"},
        {{.address = "tcp://::1:7731"}, "addresses"},
        {{.address = "tcp://[::g]:7731"}, "addresses"},
        {{.address = "ipc://"}, "addresses"},
        {{.address = long_path}, "addresses"},
        {{.addresses = second_wrong, .address_count = 2}, "addresses"},
        {{.addresses = twice, .address_count = 2}, "addresses"},
        {{.addresses = twice, .address_count = 17}, "addresses"},
        {{.address = "ipc:///a", .addresses = twice, .address_count = 1}, "addresses"},
        {{.address = "ipc:///a", .in_flight_max = 10001}, "in_flight_max"},
        {{.address = "ipc:///a", .deadline_us = HARRIER_DEADLINE_US_MAX + 1}, "deadline_us"},
        {{.address = "ipc:///a", .retries_max = -2}, "retries_max"},
        {{.address = "ipc:///a", .fallback = (enum harrier_verdict)9}, "fallback"},
        {{.address = "ipc:///a", .token = "with space"}, "token"},
        {{.address = "ipc:///a", .token = long_token}, "token"},
        {{.address = "ipc:///a", .metrics = &no_metrics}, "metrics"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(harrier_client_new(&cases[i].options, &client, &error),
                         -HARRIER_ERROR_INVALID);
        assert_string_equal(error.field, cases[i].field);
        assert_null(client);
    }
    assert_int_equal(harrier_client_new(NULL, &client, NULL), -HARRIER_ERROR_INVALID);
    harrier_client_free(NULL);
    harrier_reply_free(NULL);
}

static void names(void **state) {
    (void)state;
    assert_string_equal(harrier_version(), HARRIER_VERSION); /* the project's */
    char numbers[32];
    snprintf(numbers, sizeof numbers, "%d.%d.%d", HARRIER_VERSION_MAJOR, HARRIER_VERSION_MINOR,
             HARRIER_VERSION_PATCH);
    assert_string_equal(numbers, HARRIER_VERSION_STRING);
    assert_string_equal(harrier_verdict_name(HARRIER_VERDICT_CHALLENGE), "challenge");
    assert_string_equal(harrier_label_name(HARRIER_LABEL_CHARGEBACK), "chargeback");
    assert_string_equal(harrier_error_name(HARRIER_OK), "ok");
    assert_string_equal(harrier_error_name(HARRIER_ERROR_BUSY), "busy");
    assert_string_equal(harrier_error_name((enum harrier_error_code)99), "unknown");
}

/* ---- explanations ---- */

static bool explain_arrived(const struct request *request) {
    return request->call == CALL_EXPLAIN && text_is(request->explain.transaction_id, "t1");
}

static const struct explained_part explained_parts[] = {
    {.text = TEXT_LITERAL("amount > 5.0"),
     .kind = EXPLAINED_COMPARISON,
     .type = TEXT_LITERAL("bool"),
     .value = {.type = VALUE_BOOL, .boolean = true},
     .reached = true,
     .decides = true},
    {.text = TEXT_LITERAL("amount"),
     .depth = 1,
     .kind = EXPLAINED_NAME,
     .type = TEXT_LITERAL("double"),
     .value = {.type = VALUE_DOUBLE, .number = 7.5},
     .reached = true},
};
static const struct explained_rule explained_rule = {.name = TEXT_LITERAL("many"),
                                                     .file = TEXT_LITERAL("rules/a.yaml"),
                                                     .line = 3,
                                                     .mode = MODE_SHADOW,
                                                     .fate = FATE_SHADOW,
                                                     .verdict = VERDICT_DECLINE,
                                                     .score = 40,
                                                     .capped = 5,
                                                     .rollout = 10000,
                                                     .parts = explained_parts,
                                                     .part_count = 2};
static const struct explained_entity explained_entity = {.name = TEXT_LITERAL("card"),
                                                         .key = TEXT_LITERAL("c1"),
                                                         .entries = 4,
                                                         .applied = 2,
                                                         .is_in_tables = true};
static const struct explained_outcome explained_outcome = {
    .position = 9, .receive_time_us = 10, .label = LABEL_FRAUD, .source = TEXT_LITERAL("me")};
static const struct explained_group explained_group = {
    .name = TEXT_LITERAL("g"), .is_limited = true, .at_most = 35, .asked = 40, .counted = 35};
static const struct explained_cutoff explained_cutoff = {
    .verdict = VERDICT_REVIEW, .score = 300, .is_computed = true};
static const struct named_value explained_field = {.name = TEXT_LITERAL("amount"),
                                                   .value = {.type = VALUE_DOUBLE, .number = 7.5}};
static const double explained_contribution = 0.75;
static const struct explained_model explained_model = {.name = TEXT_LITERAL("models.m"),
                                                       .inputs = &explained_field,
                                                       .contributions = &explained_contribution,
                                                       .input_count = 1,
                                                       .bias = 0.25,
                                                       .margin = 1};
static const struct text explained_note = TEXT_LITERAL("n");

static const struct attribute explained_attribute = {
    .name = TEXT_LITERAL("items"), .type = ATTRIBUTE_INTEGER, .integer = 3};

static struct explanation explanation(void) {
    struct explanation out = {
        .transaction = {.id = TEXT_LITERAL("t1"),
                        .event_time_us = 1,
                        .amount_minor = 750,
                        .currency = TEXT_LITERAL("EUR"),
                        .attributes = &explained_attribute,
                        .attribute_count = 1},
        .position = 5,
        .archived = {.verdict = VERDICT_DECLINE, .score = 700},
        .difference = TEXT_LITERAL("score 700 → 0"),
        .generation_id = 6,
        .base_position = 4,
        .entities = &explained_entity,
        .entity_count = 1,
        .outcomes = &explained_outcome,
        .outcome_count = 1,
        .notes = &explained_note,
        .note_count = 1,
        .then = {.name = TEXT_LITERAL("p"),
                 .snapshot_id = 8,
                 .decision = {.verdict = VERDICT_APPROVE},
                 .fields = &explained_field,
                 .field_count = 1,
                 .models = &explained_model,
                 .model_count = 1,
                 .rules = &explained_rule,
                 .rule_count = 1,
                 .groups = &explained_group,
                 .group_count = 1,
                 .cutoffs = &explained_cutoff,
                 .cutoff_count = 1},
    };
    out.transaction.fields[FIELD_CARD] = TEXT_LITERAL("c1");
    return out;
}

static void expect_explained_policy(const struct harrier_explained_policy *then) {
    assert_string_equal(then->name, "p");
    assert_int_equal(then->snapshot_id, 8);
    assert_int_equal(then->decision.verdict, HARRIER_VERDICT_APPROVE);
    assert_string_equal(then->fields[0].name, "amount");
    const struct harrier_explained_rule *rule = &then->rules[0];
    assert_string_equal(rule->name, "many");
    assert_int_equal(rule->mode, HARRIER_RULE_SHADOW);
    assert_string_equal(harrier_rule_fate_name(rule->fate), "shadow");
    assert_int_equal(rule->score - rule->capped, 35);
    assert_int_equal(rule->part_count, 2);
    assert_string_equal(rule->parts[0].text, "amount > 5.0");
    assert_int_equal(rule->parts[0].kind, HARRIER_EXPLAINED_COMPARISON);
    assert_true(rule->parts[0].value.value.flag && rule->parts[0].decides);
    assert_true(rule->parts[1].value.value.number == 7.5 && !rule->parts[1].decides);
    assert_int_equal(rule->parts[1].depth, 1);
    assert_int_equal(then->model_count, 1);
    assert_string_equal(then->models[0].name, "models.m");
    assert_string_equal(then->models[0].inputs[0].name, "amount");
    assert_true(then->models[0].contributions[0] == 0.75 && then->models[0].bias == 0.25);
    assert_true(then->models[0].margin == 1);
    assert_int_equal(then->groups[0].counted, 35);
    assert_true(then->cutoffs[0].computed);
}

static void an_explanation(void **state) {
    struct scene *scene = *state;
    struct explanation answered = explanation();
    scene->matches = explain_arrived;
    scene->response = (struct response){.call = CALL_EXPLAIN, .explain = &answered};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    int r = harrier_explain(scene->client, "t1", NULL, &reply, &error);
    expect_reply(r, reply, &error);
    assert_true(scene->matched);
    const struct harrier_explanation *e = reply->explanation;
    assert_string_equal(e->transaction.id, "t1");
    assert_string_equal(e->transaction.card, "c1");
    assert_string_equal(e->transaction.email, "");
    assert_int_equal(e->transaction.attributes[0].value.integer, 3);
    assert_int_equal(e->position, 5);
    assert_int_equal(e->archived.verdict, HARRIER_VERDICT_DECLINE);
    assert_false(e->equal);
    assert_string_equal(e->difference, "score 700 → 0");
    assert_string_equal(e->entities[0].key, "c1");
    assert_true(e->entities[0].in_tables);
    assert_int_equal(e->outcomes[0].label, HARRIER_LABEL_FRAUD);
    assert_string_equal(e->notes[0], "n");
    assert_null(e->now);
    expect_explained_policy(&e->then);
    assert_null(reply->status);
    harrier_reply_free(reply);
}

int main(void) {
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(every_field_is_sent),
        WITH_SERVER(a_decision_comes_back_whole),
        WITH_SERVER(one_bad_transaction_does_not_fail_the_batch),
        WITH_SERVER(errors_of_the_whole_request),
        WITH_SERVER(outcomes),
        WITH_SERVER(amendments),
        WITH_SERVER(history),
        WITH_SERVER(an_entity),
        WITH_SERVER(list_changes),
        WITH_SERVER(a_list),
        WITH_SERVER(a_brake),
        WITH_SERVER(the_status),
        WITH_SERVER(an_explanation),
        WITH_SERVER(what_cannot_be_sent),
        cmocka_unit_test(options_that_are_wrong),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
