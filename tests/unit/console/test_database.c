/* What the console keeps: people and sessions with their limits, claims and decisions of reviews,
 * and files that are not its own. */
#include "console/database/audit.h"
#include "console/database/database.h"
#include "console/database/reviews.h"
#include "console/database/sessions.h"
#include "core/base/check.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW    INT64_C(1767225600000000)
#define SECOND INT64_C(1000000)

struct bench {
    char *folder;
    struct sql *sql;
    struct error error;
};

static const char good[] = "correct horse battery";

static int set_up(void **state) {
    struct bench *bench = check_calloc(1, sizeof *bench);
    assert_int_equal(password_init(&bench->error), 0);
    bench->folder = scratch_make();
    assert_int_equal(database_open(bench->folder, &bench->sql, &bench->error), 0);
    *state = bench;
    return 0;
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    sql_close(bench->sql);
    scratch_remove(bench->folder);
    free(bench);
    return 0;
}

static void reopen(struct bench *bench) {
    sql_close(bench->sql);
    bench->sql = NULL;
    assert_int_equal(database_open(bench->folder, &bench->sql, &bench->error), 0);
}

static void add_person(struct bench *bench, const char *name, enum role role) {
    char hash[PASSWORD_HASH_SIZE];
    password_hash(text_of(good), hash);
    assert_int_equal(people_add(bench->sql, name, role, hash, NOW, &bench->error), 0);
}

static int sign_in(struct bench *bench, const char *name, const char *password, int64_t now_us,
                   char token[SECRET_SIZE]) {
    struct session session;
    return session_sign_in(bench->sql, text_of(name), text_of(password), "127.0.0.1", now_us, token,
                           &session, &bench->error);
}

static int find(struct bench *bench, const char *token, int64_t now_us) {
    struct session session;
    return session_find(bench->sql, text_of(token), now_us, true, &session, &bench->error);
}

/* ---- sessions ---- */

static void a_session_begins_with_the_right_password_only(void **state) {
    struct bench *bench = *state;
    char token[SECRET_SIZE], other[SECRET_SIZE];
    struct session session;
    add_person(bench, "anna", ROLE_ANALYST);
    assert_int_equal(sign_in(bench, "anna", "correct horse batter", NOW, token), -ERROR_DENIED);
    assert_int_equal(sign_in(bench, "nobody", good, NOW, token), -ERROR_DENIED);
    assert_int_equal(sign_in(bench, "'; DROP TABLE people; --", good, NOW, token), -ERROR_DENIED);
    assert_int_equal(sign_in(bench, "anna", good, NOW, token), 0);
    assert_int_equal(sign_in(bench, "anna", good, NOW, other), 0);
    assert_string_not_equal(token, other);
    assert_int_equal(session_find(bench->sql, text_of(token), NOW, true, &session, &bench->error),
                     1);
    assert_string_equal(session.person.name, "anna");
    assert_int_equal(session.person.role, ROLE_ANALYST);
    reopen(bench);
    assert_int_equal(find(bench, token, NOW), 1);
    token[5] = token[5] == 'x' ? 'y' : 'x';
    assert_int_equal(find(bench, token, NOW), 0);
    assert_int_equal(session_end(bench->sql, &session, "127.0.0.1", NOW, &bench->error), 0);
    assert_int_equal(find(bench, other, NOW), 1); /* only the one */
}

/* To a single sign-on, Ada may be ada. */
static void capital_letters_make_no_other_name(void **state) {
    struct bench *bench = *state;
    add_person(bench, "ada", ROLE_AUTHOR);
    assert_int_equal(
        people_add(bench->sql, "Ada", ROLE_APPROVER, PASSWORD_NONE, NOW, &bench->error),
        -ERROR_EXISTS);
    assert_int_equal(
        people_add(bench->sql, "ada", ROLE_APPROVER, PASSWORD_NONE, NOW, &bench->error),
        -ERROR_EXISTS);
    add_person(bench, "adan", ROLE_APPROVER);
}

static void a_session_ends_when_idle_or_old(void **state) {
    struct bench *bench = *state;
    char token[SECRET_SIZE];
    add_person(bench, "anna", ROLE_VIEWER);
    assert_int_equal(sign_in(bench, "anna", good, NOW, token), 0);
    assert_int_equal(find(bench, token, NOW + SESSION_IDLE_US), 1); /* seen: idle from here on */
    assert_int_equal(find(bench, token, NOW + 2 * SESSION_IDLE_US), 1);
    assert_int_equal(find(bench, token, NOW + 3 * SESSION_IDLE_US + SECOND), 0);
    int64_t at_us = NOW + 2 * SESSION_IDLE_US;
    for (; at_us <= NOW + SESSION_MOST_US; at_us += SESSION_IDLE_US / 2)
        assert_int_equal(find(bench, token, at_us), 1);
    assert_int_equal(find(bench, token, NOW + SESSION_MOST_US + SECOND), 0);
}

static void failures_are_throttled_by_name_and_forgotten(void **state) {
    struct bench *bench = *state;
    char token[SECRET_SIZE];
    add_person(bench, "anna", ROLE_VIEWER);
    add_person(bench, "bob", ROLE_VIEWER);
    for (int i = 0; i < SESSION_FAILURES_OF_BOTH; i++)
        assert_int_equal(sign_in(bench, "anna", "wrong password", NOW + i, token), -ERROR_DENIED);
    assert_int_equal(sign_in(bench, "anna", good, NOW + SECOND, token), -ERROR_UNAVAILABLE);
    assert_int_equal(sign_in(bench, "bob", good, NOW + SECOND, token), 0);
    assert_int_equal(sign_in(bench, "anna", good, NOW + SESSION_FAILURES_US + 2 * SECOND, token),
                     0);
}

static int try_from(struct bench *bench, const char *name, const char *address) {
    return session_try(bench->sql, name, address, NOW, &bench->error);
}

/* One address's failures of a name do not keep the person out elsewhere; many addresses' do. */
static void failures_are_throttled_by_address(void **state) {
    struct bench *bench = *state;
    char text[32];
    for (int i = 0; i < SESSION_FAILURES_PER_NAME; i++) {
        snprintf(text, sizeof text, "10.0.0.%d", i / SESSION_FAILURES_OF_BOTH);
        assert_int_equal(try_from(bench, "anna", text), 0);
        if (i % SESSION_FAILURES_OF_BOTH == SESSION_FAILURES_OF_BOTH - 1)
            assert_int_equal(try_from(bench, "anna", text), -ERROR_UNAVAILABLE);
    }
    assert_int_equal(try_from(bench, "anna", "10.0.1.1"), -ERROR_UNAVAILABLE);
    for (int i = 0; i < SESSION_FAILURES_PER_ADDRESS; i++) {
        snprintf(text, sizeof text, "name%d", i);
        assert_int_equal(try_from(bench, text, "10.0.2.2"), 0);
    }
    assert_int_equal(try_from(bench, "bob", "10.0.2.2"), -ERROR_UNAVAILABLE);
    assert_int_equal(try_from(bench, "bob", "10.0.2.3"), 0);
}

static void a_page_that_only_asks_by_itself_is_idle(void **state) {
    struct bench *bench = *state;
    struct session session;
    char token[SECRET_SIZE];
    add_person(bench, "anna", ROLE_VIEWER);
    assert_int_equal(sign_in(bench, "anna", good, NOW, token), 0);
    assert_int_equal(session_find(bench->sql, text_of(token), NOW + SESSION_IDLE_US, false,
                                  &session, &bench->error),
                     1);
    /* Nor can it be kept that it is used, but that ends no session. */
    assert_int_equal(sql_script(bench->sql,
                                "CREATE TRIGGER full BEFORE UPDATE ON sessions "
                                "BEGIN SELECT RAISE(ABORT, 'full'); END",
                                &bench->error),
                     0);
    assert_int_equal(find(bench, token, NOW + SESSION_IDLE_US), 1);
    assert_int_equal(find(bench, token, NOW + SESSION_IDLE_US + SECOND), 0);
}

#define TRIES 24

static void *try(void *user) {
    struct bench *bench = user;
    struct error error;
    return session_try(bench->sql, "anna", "127.0.0.1", NOW, &error) == 0 ? bench : NULL;
}

static void many_tries_at_once_are_not_more(void **state) {
    struct bench *bench = *state;
    pthread_t threads[TRIES];
    void *result;
    int tried = 0;
    for (int i = 0; i < TRIES; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, try, bench), 0);
    for (int i = 0; i < TRIES; i++) {
        pthread_join(threads[i], &result);
        tried += result != NULL;
    }
    assert_int_equal(tried, SESSION_FAILURES_OF_BOTH);
    assert_int_equal(session_try_was_good(bench->sql, "anna", "127.0.0.1", NOW, &bench->error), 0);
    assert_non_null(try(bench)); /* a good one does not count */
    assert_null(try(bench));
}

static void changes_of_a_person_end_sessions(void **state) {
    struct bench *bench = *state;
    char token[SECRET_SIZE], hash[PASSWORD_HASH_SIZE];
    add_person(bench, "anna", ROLE_ADMIN);
    add_person(bench, "bob", ROLE_ANALYST);
    assert_int_equal(sign_in(bench, "bob", good, NOW, token), 0);
    assert_int_equal(people_change(bench->sql, "bob", ROLE_VIEWER, false, &bench->error), 0);
    assert_int_equal(find(bench, token, NOW), 0);
    assert_int_equal(sign_in(bench, "bob", good, NOW, token), 0);
    password_hash(TEXT_LITERAL("another long password"), hash);
    assert_int_equal(people_set_password(bench->sql, "bob", hash, &bench->error), 0);
    assert_int_equal(find(bench, token, NOW), 0);
    assert_int_equal(people_change(bench->sql, "bob", ROLE_VIEWER, true, &bench->error), 0);
    assert_int_equal(sign_in(bench, "bob", "another long password", NOW, token), -ERROR_DENIED);
    assert_int_equal(people_change(bench->sql, "cyd", ROLE_VIEWER, true, &bench->error),
                     -ERROR_NOT_FOUND);
}

static void the_last_admin_stays(void **state) {
    struct bench *bench = *state;
    struct person person;
    add_person(bench, "anna", ROLE_ADMIN);
    for (int disabled = 0; disabled < 2; disabled++) {
        assert_int_equal(sql_begin(bench->sql, &bench->error), 0);
        assert_int_equal(people_change(bench->sql, "anna", disabled ? ROLE_ADMIN : ROLE_VIEWER,
                                       disabled, &bench->error),
                         -ERROR_INVALID);
        assert_int_equal(sql_end(bench->sql, false, &bench->error), 0);
    }
    assert_int_equal(people_find(bench->sql, "anna", &person, NULL, &bench->error), 0);
    assert_int_equal(person.role, ROLE_ADMIN);
    assert_false(person.disabled);
}

static void passwords_have_bounds(void **state) {
    struct error error;
    (void)state;
    assert_int_equal(password_check(TEXT_LITERAL("elevenbytes"), &error), -ERROR_INVALID);
    assert_int_equal(password_check(TEXT_LITERAL("twelve bytes"), &error), 0);
    assert_int_equal(password_check(TEXT_LITERAL("aaaaaaaaaaaaaa"), &error), -ERROR_INVALID);
    assert_int_equal(person_check_name(TEXT_LITERAL("a b"), &error), -ERROR_INVALID);
    assert_int_equal(person_check_name(TEXT_LITERAL(""), &error), -ERROR_INVALID);
    assert_int_equal(person_check_name((struct text){.data = "a\0b", .length = 3}, &error),
                     -ERROR_INVALID);
    assert_int_equal(person_check_name(TEXT_LITERAL("a.b-c_d@e1"), &error), 0);
}

/* ---- reviews ---- */

static void add_review(struct bench *bench, uint64_t position, uint32_t score, int64_t amount) {
    char id[32];
    snprintf(id, sizeof id, "t%d", (int)position);
    const struct review review = {.position = position,
                                  .transaction_id = id,
                                  .event_us = NOW,
                                  .receive_us = NOW + (int64_t)position,
                                  .amount_minor = amount,
                                  .currency = "EUR",
                                  .reasons = "[]",
                                  .entities = "{}",
                                  .score = score};
    assert_int_equal(reviews_add(bench->sql, &review, &bench->error), 0);
}

static int decide(struct bench *bench, uint64_t position, const char *label, const char *person,
                  int64_t now_us) {
    const struct review_decision decision = {.position = position,
                                             .label = label,
                                             .note = "seen",
                                             .person = person,
                                             .address = "127.0.0.1",
                                             .now_us = now_us};
    return review_decide(bench->sql, &decision, &bench->error);
}

static int claim(struct bench *bench, uint64_t position, const char *person, int64_t now_us) {
    const struct review_claim claim = {
        .position = position, .person = person, .address = "127.0.0.1", .now_us = now_us};
    return review_claim(bench->sql, &claim, &bench->error);
}

static int release(struct bench *bench, uint64_t position, const char *person, int64_t now_us) {
    const struct review_claim claim = {
        .position = position, .person = person, .address = "127.0.0.1", .now_us = now_us};
    return review_release(bench->sql, &claim, &bench->error);
}

/* What the audit log has of some actions, the oldest first: "anna:claim:>anna ". */
static int take_entry(void *user, const struct sql_row *row, struct error *error) {
    (void)error;
    buffer_printf(user, "%s:%s:%s>%s ", sql_text(row, 0), sql_text(row, 1), sql_text(row, 2),
                  sql_text(row, 3));
    return 0;
}

static void check_audit(struct bench *bench, const char *expected) {
    struct buffer found;
    buffer_init(&found);
    assert_true(sql_each(bench->sql, &bench->error, take_entry, &found,
                         "SELECT person, action, before, after FROM audit ORDER BY id", "") >= 0);
    buffer_append_u8(&found, '\0');
    assert_string_equal((char *)found.bytes, expected);
    buffer_deinit(&found);
}

/* The positions of a page, as "3 1 2 ". */
static void check_page(struct bench *bench, enum review_order order, bool decided,
                       const char *expected) {
    const struct review_page page = {
        .order = order, .decided = decided, .limit = 10, .now_us = NOW};
    struct buffer out, positions;
    buffer_init(&out);
    buffer_init(&positions);
    buffer_append_u8(&out, '{');
    assert_int_equal(reviews_list(bench->sql, &page, &out, &bench->error), 0);
    buffer_append_u8(&out, '\0');
    for (const char *at = (char *)out.bytes; (at = strstr(at, "\"position\":")); at++)
        buffer_printf(&positions, "%d ", atoi(at + strlen("\"position\":")));
    buffer_append_u8(&positions, '\0');
    assert_string_equal((char *)positions.bytes, expected);
    buffer_deinit(&out);
    buffer_deinit(&positions);
}

static void the_queue_has_three_orders(void **state) {
    struct bench *bench = *state;
    add_review(bench, 1, 500, 300);
    add_review(bench, 2, 700, 100);
    add_review(bench, 3, 500, 900);
    add_review(bench, 3, 900, 1); /* read again: as it was */
    check_page(bench, REVIEW_BY_SCORE, false, "2 1 3 ");
    check_page(bench, REVIEW_BY_AMOUNT, false, "3 1 2 ");
    check_page(bench, REVIEW_BY_AGE, false, "1 2 3 ");
    assert_int_equal(decide(bench, 1, "legit", "anna", NOW + SECOND), 0);
    assert_int_equal(decide(bench, 3, "fraud", "anna", NOW + 2 * SECOND), 0);
    check_page(bench, REVIEW_BY_SCORE, false, "2 ");
    check_page(bench, REVIEW_BY_SCORE, true, "3 1 ");
}

static int take_text(void *user, const struct sql_row *row, struct error *error) {
    (void)error;
    snprintf(user, 64, "%s", sql_text(row, 0));
    return 0;
}

static void a_claim_keeps_others_out_until_it_ends(void **state) {
    struct bench *bench = *state;
    int64_t over_us = NOW + REVIEW_LEASE_US;
    add_review(bench, 1, 500, 300);
    assert_int_equal(claim(bench, 1, "anna", NOW), 0);
    assert_int_equal(claim(bench, 1, "bob", NOW + SECOND), -ERROR_EXISTS);
    assert_non_null(strstr(bench->error.text, "anna"));
    assert_int_equal(decide(bench, 1, "fraud", "bob", over_us - 1), -ERROR_EXISTS);
    assert_int_equal(release(bench, 1, "bob", NOW), 0); /* not his */
    assert_int_equal(decide(bench, 1, "fraud", "bob", over_us - 1), -ERROR_EXISTS);
    assert_int_equal(claim(bench, 1, "bob", over_us), 0);
    assert_int_equal(release(bench, 1, "bob", NOW), 0);
    assert_int_equal(decide(bench, 1, "fraud", "anna", over_us + 1), 0);
    assert_int_equal(decide(bench, 1, "legit", "anna", over_us + 2), -ERROR_EXISTS);
    assert_int_equal(claim(bench, 2, "anna", NOW), -ERROR_NOT_FOUND);
    check_audit(bench, "anna:claim:>anna bob:claim:anna>bob bob:release:bob> "
                       "anna:review:open>fraud ");
}

static void what_is_unsure_can_be_decided(void **state) {
    struct bench *bench = *state;
    struct review_report reports[4];
    for (uint64_t position = 1; position <= 2; position++) {
        add_review(bench, position, 500, 300);
        assert_int_equal(decide(bench, position, REVIEW_UNSURE, "anna", NOW), 0);
    }
    check_page(bench, REVIEW_BY_AGE, false, "");
    assert_int_equal(decide(bench, 1, "fraud", "bob", NOW + SECOND), 0);
    assert_int_equal(decide(bench, 1, "legit", "anna", NOW + SECOND), -ERROR_EXISTS);
    assert_int_equal(reviews_unreported(bench->sql, reports, 4, &bench->error), 1);
    assert_string_equal(reports[0].person, "bob");
    assert_int_equal(reviews_close(bench->sql, 2, "legit", "feed", NOW, &bench->error), 0);
    assert_int_equal(decide(bench, 2, "fraud", "bob", NOW + SECOND), -ERROR_EXISTS);
    check_audit(bench, "anna:review:open>unsure anna:review:open>unsure bob:review:unsure>fraud ");
}

/* What the archive got meanwhile from another source is not overwritten. */
static void a_label_that_came_meanwhile_stays(void **state) {
    struct bench *bench = *state;
    struct review_report reports[4];
    char problem[64];
    for (uint64_t position = 1; position <= 3; position++) {
        add_review(bench, position, 500, 300);
        assert_int_equal(decide(bench, position, "legit", "anna", NOW), 0);
    }
    assert_int_equal(reviews_close(bench->sql, 1, "chargeback", "feed", NOW, &bench->error), 0);
    assert_int_equal(reviews_close(bench->sql, 2, "legit", "console:anna", NOW, &bench->error), 0);
    assert_int_equal(reviews_unreported(bench->sql, reports, 4, &bench->error), 1);
    assert_int_equal(reports[0].position, 3);
    assert_int_equal(sql_each(bench->sql, &bench->error, take_text, problem,
                              "SELECT problem FROM reviews WHERE position = 1", ""),
                     1);
    assert_string_equal(problem, "not sent: meanwhile feed reported chargeback");
    assert_int_equal(sql_each(bench->sql, &bench->error, take_text, problem,
                              "SELECT problem FROM reviews WHERE position = 2", ""),
                     1);
    assert_string_equal(problem, "");
    /* Later ones change nothing. */
    assert_int_equal(review_reported(bench->sql, 3, "", &bench->error), 0);
    assert_int_equal(reviews_close(bench->sql, 3, "chargeback", "feed", NOW, &bench->error), 0);
    assert_int_equal(sql_each(bench->sql, &bench->error, take_text, problem,
                              "SELECT label || problem FROM reviews WHERE position = 3", ""),
                     1);
    assert_string_equal(problem, "legit");
}

static void labels_are_reported_once(void **state) {
    struct bench *bench = *state;
    struct review_report reports[4];
    add_review(bench, 1, 500, 300);
    add_review(bench, 2, 500, 300);
    add_review(bench, 3, 500, 300);
    assert_int_equal(decide(bench, 2, "fraud", "anna", NOW), 0);
    assert_int_equal(decide(bench, 1, REVIEW_UNSURE, "anna", NOW), 0); /* stays in the console */
    reopen(bench);
    assert_int_equal(reviews_unreported(bench->sql, reports, 4, &bench->error), 1);
    assert_string_equal(reports[0].transaction_id, "t2");
    assert_string_equal(reports[0].label, "fraud");
    assert_string_equal(reports[0].person, "anna");
    assert_int_equal(review_reported(bench->sql, 2, "", &bench->error), 0);
    assert_int_equal(reviews_unreported(bench->sql, reports, 4, &bench->error), 0);
    /* Another source's label closes what is open, and no more. */
    assert_int_equal(reviews_close(bench->sql, 3, "none", "feed", NOW, &bench->error), 0);
    check_page(bench, REVIEW_BY_AGE, false, "3 ");
    assert_int_equal(reviews_close(bench->sql, 3, "chargeback", "feed", NOW, &bench->error), 0);
    assert_int_equal(reviews_close(bench->sql, 2, "legit", "feed", NOW, &bench->error), 0);
    check_page(bench, REVIEW_BY_AGE, false, "");
    assert_int_equal(reviews_unreported(bench->sql, reports, 4, &bench->error), 0);
}

static void a_decision_and_its_audit_entry_come_together(void **state) {
    struct bench *bench = *state;
    char label[64] = "";
    add_review(bench, 1, 500, 300);
    /* The entry cannot be written. */
    assert_int_equal(
        sql_script(bench->sql, "ALTER TABLE audit RENAME TO audit_away", &bench->error), 0);
    assert_true(decide(bench, 1, "fraud", "anna", NOW) < 0);
    assert_int_equal(sql_each(bench->sql, &bench->error, take_text, label,
                              "SELECT label FROM reviews WHERE position = 1", ""),
                     1);
    assert_string_equal(label, "");
    assert_int_equal(
        sql_script(bench->sql, "ALTER TABLE audit_away RENAME TO audit", &bench->error), 0);
    assert_int_equal(decide(bench, 1, "fraud", "anna", NOW), 0);
    assert_int_equal(sql_each(bench->sql, &bench->error, take_text, label,
                              "SELECT after FROM audit WHERE action = 'review' AND subject = '1'",
                              ""),
                     1);
    assert_string_equal(label, "fraud");
}

/* ---- files ---- */

static void other_files_are_refused(void **state) {
    struct bench *bench = *state;
    const char *path = scratch_path(bench->folder, DATABASE_FILE);
    struct sql *sql;
    assert_int_equal(sql_script(bench->sql, "PRAGMA user_version = 1000", &bench->error), 0);
    assert_int_equal(database_open(bench->folder, &sql, &bench->error), -ERROR_UNSUPPORTED);
    assert_int_equal(sql_script(bench->sql, "PRAGMA application_id = 7", &bench->error), 0);
    assert_int_equal(database_open(bench->folder, &sql, &bench->error), -ERROR_INVALID);
    sql_close(bench->sql);
    bench->sql = NULL;
    scratch_write(path,
                  "this is no database at all, but it is long enough for a header.........."
                  ".............................................",
                  110);
    assert_int_equal(database_open(bench->folder, &sql, &bench->error), -ERROR_DAMAGED);
    assert_non_null(strstr(bench->error.text, "backup"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_session_begins_with_the_right_password_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(capital_letters_make_no_other_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_session_ends_when_idle_or_old, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_are_throttled_by_name_and_forgotten, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(changes_of_a_person_end_sessions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_admin_stays, set_up, tear_down),
        cmocka_unit_test(passwords_have_bounds),
        cmocka_unit_test_setup_teardown(the_queue_has_three_orders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_claim_keeps_others_out_until_it_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_unsure_can_be_decided, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_label_that_came_meanwhile_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_are_throttled_by_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_that_only_asks_by_itself_is_idle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_tries_at_once_are_not_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(labels_are_reported_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_decision_and_its_audit_entry_come_together, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(other_files_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
