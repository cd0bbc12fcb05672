/* Outcomes and amendments against a fake of libharrier: what is sent again, and what is not. */
#include "clients/cli/score/report_sender.h"
#include "tests/unit/cli/fake_client.h"
#include "tests/unit/unit.h"

#define COUNT 4

struct sending {
    struct retry retry;
    struct row_errors diagnostics;
    struct report_sender sender;
    struct harrier_outcome outcomes[COUNT];
    struct harrier_amendment amendments[COUNT];
    struct row_original rows[COUNT];
    size_t count;
    struct error error;
};

/* Of four transactions, of which the server does not know c. */
static void begin(struct sending *sending, uint64_t retry_for_us) {
    static const char *const ids[COUNT] = {"a", "b", "c", "d"};
    fake_server_reset();
    strcpy(fake_server.known, " a b d ");
    memset(sending, 0, sizeof *sending);
    sending->retry = (struct retry){.address = "fake", .for_us = retry_for_us, .quiet = true};
    sending->diagnostics.file = "rows.csv";
    sending->sender =
        (struct report_sender){.retry = &sending->retry, .diagnostics = &sending->diagnostics};
    for (size_t i = 0; i < COUNT; i++) {
        sending->outcomes[i] =
            (struct harrier_outcome){.transaction_id = ids[i], .label = HARRIER_LABEL_FRAUD};
        sending->amendments[i] = (struct harrier_amendment){.transaction_id = ids[i],
                                                            .kind = HARRIER_AMENDMENT_REFUND,
                                                            .amount_minor = (int64_t)i + 1};
        sending->rows[i].line = i + 2;
    }
    sending->count = COUNT;
}

static int send_outcomes(struct sending *sending) {
    return report_sender_outcomes(&sending->sender, sending->outcomes, sending->rows,
                                  &sending->count, &sending->error);
}

static int send_amendments(struct sending *sending) {
    return report_sender_amendments(&sending->sender, sending->amendments, sending->rows,
                                    &sending->count, &sending->error);
}

static void a_refusal_is_final(void **state) {
    (void)state;
    struct sending sending;
    begin(&sending, 5000000);
    assert_int_equal(send_outcomes(&sending), 0);
    assert_string_equal(fake_server.calls, "outcomes(a=fraud b=fraud c=fraud d=fraud)\n");
    assert_int_equal(sending.sender.outcomes.accepted, 3);
    assert_int_equal(sending.sender.outcomes.changed, 3);
    assert_int_equal(sending.diagnostics.count, 1);
    begin(&sending, 5000000);
    assert_int_equal(send_amendments(&sending), 0);
    assert_string_equal(fake_server.calls, "amendments(a=refund b=refund c=refund d=refund)\n");
    assert_int_equal(sending.sender.amendments.accepted, 3);
    assert_int_equal(sending.diagnostics.count, 1);
    assert_int_equal(sending.sender.last.refunded_minor, 4);
}

/* The answer says so of each; the others are done and are not sent twice. */
static void only_what_failed_for_a_while_is_sent_again(void **state) {
    (void)state;
    struct sending sending;
    begin(&sending, 5000000);
    fake_server.refuse_from = 1;
    assert_int_equal(send_outcomes(&sending), 0);
    assert_string_equal(fake_server.calls, "outcomes(a=fraud b=fraud c=fraud d=fraud)\n"
                                           "outcomes(b=fraud c=fraud d=fraud)\n");
    assert_string_equal(fake_server.reported, "a=b=d=");
    begin(&sending, 5000000);
    fake_server.refuse_from = 2;
    assert_int_equal(send_amendments(&sending), 0);
    assert_string_equal(fake_server.calls, "amendments(a=refund b=refund c=refund d=refund)\n"
                                           "amendments(c=refund d=refund)\n");
    assert_string_equal(fake_server.reported, "a=b=d=");
    assert_int_equal(sending.diagnostics.count, 1);
    assert_int_equal(sending.sender.last.refunded_minor, 4); /* d's, not that of its new place */
}

/* With their rows at the front. */
static void what_is_not_done_stays(void **state) {
    (void)state;
    struct sending sending;
    begin(&sending, 0);
    fake_server.refuse_from = 2;
    assert_int_equal(send_amendments(&sending), -ERROR_UNAVAILABLE);
    assert_non_null(strstr(sending.error.text, "draining"));
    assert_int_equal(sending.count, 2);
    assert_string_equal(sending.amendments[0].transaction_id, "c");
    assert_int_equal(sending.rows[0].line, 4);
    assert_int_equal(sending.rows[1].line, 5);
    assert_int_equal(sending.sender.amendments.accepted, 2);
    begin(&sending, 0);
    fake_server.fail_amendments_next = 1;
    fake_server.fail_code = HARRIER_ERROR_UNAVAILABLE;
    assert_int_equal(send_amendments(&sending), -ERROR_UNAVAILABLE);
    assert_int_equal(sending.count, 4);
    begin(&sending, 0);
    fake_server.fail_outcomes_next = 1;
    fake_server.fail_code = HARRIER_ERROR_UNAVAILABLE;
    assert_int_equal(send_outcomes(&sending), -ERROR_UNAVAILABLE);
    assert_int_equal(sending.count, 4);
}

/* Recorded ones are not sent again; of those that are known, nothing is counted twice. */
static void history_is_recorded_once(void **state) {
    (void)state;
    struct sending sending;
    static const char *const ids[COUNT] = {"a", "x", "bad1", "y"};
    struct harrier_backfill_item items[COUNT] = {{.outcome.label = HARRIER_LABEL_FRAUD},
                                                 {.outcome.label = HARRIER_LABEL_FRAUD},
                                                 {.outcome.label = HARRIER_LABEL_NONE},
                                                 {.amendment.kind = HARRIER_AMENDMENT_VOID}};
    for (size_t i = 0; i < COUNT; i++)
        items[i].transaction.id = ids[i];
    begin(&sending, 5000000);
    fake_server.refuse_from = 1;
    assert_int_equal(report_sender_backfill(&sending.sender, items, sending.rows, &sending.count,
                                            &sending.error),
                     0);
    assert_string_equal(fake_server.calls, "backfill(a x bad1 y)\nbackfill(x bad1 y)\n");
    assert_int_equal(sending.sender.transactions.accepted, 3);
    assert_int_equal(sending.sender.transactions.changed, 2);
    assert_int_equal(sending.sender.outcomes.changed, 1);
    assert_int_equal(sending.sender.amendments.changed, 1);
    assert_int_equal(sending.diagnostics.count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_is_final),
        cmocka_unit_test(only_what_failed_for_a_while_is_sent_again),
        cmocka_unit_test(what_is_not_done_stays),
        cmocka_unit_test(history_is_recorded_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
