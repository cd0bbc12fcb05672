/* libharrier's own SP: greetings and frames that come in pieces, are wrong, or end anywhere; bytes
 * that the other side does not take. */
#include "clients/c/harrier.h"
#include "core/wire/message/message.h"
#include "core/wire/message/sp.h"
#include "fake_server.h"
#include "script_server.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SLACK_MS  60000 /* how late a busy machine may be */
#define PROMPT_MS 2000  /* how late a call may end; where one is later, the test tries again */

static struct harrier_client *new_client(const char *address, uint64_t deadline_us, int retries) {
    struct harrier_options options = {
        .address = address, .deadline_us = deadline_us, .retries_max = retries};
    struct harrier_client *client = NULL;
    struct harrier_error error;
    if (harrier_client_new(&options, &client, &error) < 0)
        fail_msg("%s", error.message);
    return client;
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 0 and *ret_position, or the failure's code. */
static int score(struct harrier_client *client, uint64_t *ret_position,
                 struct harrier_error *ret_error) {
    const struct harrier_transaction transaction = {.id = "t-7", .event_time_us = 1};
    struct harrier_reply *reply = NULL;
    int r = harrier_score(client, &transaction, 1, NULL, &reply, ret_error);
    if (r == 0) {
        *ret_position = reply->results[0].decision.position;
        harrier_reply_free(reply);
    }
    return -r;
}

static void expect_score(struct harrier_client *client, uint64_t position) {
    struct harrier_error error;
    uint64_t got;
    if (score(client, &got, &error) != 0)
        fail_msg("%s: %s", harrier_error_name(error.code), error.message);
    assert_int_equal(got, position);
}

/* ---------------------------------------------------------------------------------------------
 * Pieces */

static bool dribble(int descriptor, const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (!script_send(descriptor, bytes + i, 1))
            return false;
        usleep(300);
    }
    return true;
}

static void byte_by_byte(struct script_server *server, int descriptor, unsigned number,
                         void *user) {
    (void)server, (void)number, (void)user;
    uint8_t greeting[SP_GREETING_SIZE], theirs[SP_GREETING_SIZE], frame[SCRIPT_FRAME_MAX];
    uint32_t id;
    sp_greeting_write(greeting, SP_REP);
    if (!dribble(descriptor, greeting, sizeof greeting) ||
        !script_read(descriptor, theirs, sizeof theirs))
        return;
    while (script_read_request(descriptor, &id))
        dribble(descriptor, frame, script_answer(frame, id, 5));
}

static void answers_byte_by_byte(void **state) {
    (void)state;
    char address[64];
    fake_address(address);
    struct script_server *server = script_server_start(address, byte_by_byte, NULL);
    struct harrier_client *client = new_client(address, 60000000, 0);
    for (int i = 0; i < 3; i++)
        expect_score(client, 5);
    assert_int_equal(script_server_connections(server), 1);
    harrier_client_free(client);
    script_server_stop(server);
}

/* Several answers in one piece, cut at every place: the pieces of two writes. */
struct cut {
    size_t at;
    atomic_size_t length;
};

static void answer_two_in_two_pieces(struct script_server *server, int descriptor, unsigned number,
                                     void *user) {
    (void)server, (void)number;
    struct cut *cut = user;
    uint8_t frames[2 * SCRIPT_FRAME_MAX];
    uint32_t first, second;
    if (!script_greet(descriptor))
        return;
    while (script_read_request(descriptor, &first) && script_read_request(descriptor, &second)) {
        /* the second one's first */
        size_t length = script_answer(frames, second, 2);
        length += script_answer(frames + length, first, 1);
        cut->length = length;
        script_send(descriptor, frames, cut->at);
        usleep(500);
        script_send(descriptor, frames + cut->at, length - cut->at);
    }
}

struct note {
    atomic_int calls;
    uint64_t position;
};

static void note(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    struct note *note = user;
    (void)error;
    if (reply)
        note->position = reply->results[0].decision.position;
    harrier_reply_free(reply);
    atomic_fetch_add(&note->calls, 1);
}

static void answers_cut_anywhere(void **state) {
    (void)state;
    char address[64];
    struct cut cut = {.at = 1, .length = 2};
    const struct harrier_transaction transaction = {.id = "t-7", .event_time_us = 1};
    fake_address(address);
    struct script_server *server = script_server_start(address, answer_two_in_two_pieces, &cut);
    struct harrier_client *client = new_client(address, 60000000, 0);
    for (; cut.at < cut.length; cut.at++) {
        struct note notes[2] = {0};
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(
                harrier_score_submit(client, &transaction, 1, NULL, note, &notes[i], NULL), 0);
        harrier_drain(client);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(notes[i].calls, 1);
            assert_int_equal(notes[i].position, i + 1);
        }
    }
    assert_true(cut.length > 40);
    assert_int_equal(script_server_connections(server), 1);
    harrier_client_free(client);
    script_server_stop(server);
}

/* ---------------------------------------------------------------------------------------------
 * The end of a connection, at every byte of what the server says: the call is sent again */

struct ending {
    size_t says;          /* bytes, on the first connection */
    atomic_size_t length; /* of all there would be to say */
};

static void end_after(struct script_server *server, int descriptor, unsigned number, void *user) {
    (void)server;
    struct ending *ending = user;
    uint8_t bytes[SP_GREETING_SIZE + SCRIPT_FRAME_MAX], theirs[SP_GREETING_SIZE];
    uint32_t id = 0;
    size_t says = number == 0 ? ending->says : SIZE_MAX;
    sp_greeting_write(bytes, SP_REP);
    if (!script_send(descriptor, bytes, says < SP_GREETING_SIZE ? says : SP_GREETING_SIZE) ||
        says < SP_GREETING_SIZE || !script_read(descriptor, theirs, sizeof theirs) ||
        !script_read_request(descriptor, &id))
        return;
    size_t length = script_answer(bytes, id, 7);
    says -= SP_GREETING_SIZE;
    ending->length = SP_GREETING_SIZE + length;
    script_send(descriptor, bytes, says < length ? says : length);
    if (number > 0)
        script_read(descriptor, theirs, 1);
}

static void server_that_ends_at_each_byte(void **state) {
    (void)state;
    struct ending ending = {.length = SP_GREETING_SIZE + 1};
    for (; ending.says < ending.length; ending.says++) {
        char address[64];
        fake_address(address);
        struct script_server *server = script_server_start(address, end_after, &ending);
        struct harrier_client *client = new_client(address, 20000000, 0);
        expect_score(client, 7);
        assert_int_equal(script_server_connections(server), 2);
        harrier_client_free(client);
        script_server_stop(server);
    }
    assert_true(ending.length > SP_GREETING_SIZE + 20);
}

/* ---------------------------------------------------------------------------------------------
 * What is wrong */

struct wrong {
    const uint8_t *bytes;
    size_t length;
};

static void say_wrong_greeting(struct script_server *server, int descriptor, unsigned number,
                               void *user) {
    (void)server;
    const struct wrong *wrong = user;
    uint8_t theirs[SP_GREETING_SIZE], frame[SCRIPT_FRAME_MAX];
    uint32_t id;
    if (number == 0) {
        script_send(descriptor, wrong->bytes, wrong->length);
        /* What a request would be answered with, if one came. */
        if (script_read(descriptor, theirs, sizeof theirs) && script_read_request(descriptor, &id))
            script_send(descriptor, frame, script_answer(frame, id, 1));
        return;
    }
    if (script_greet(descriptor) && script_read_request(descriptor, &id))
        script_send(descriptor, frame, script_answer(frame, id, 2));
    script_read(descriptor, theirs, 1);
}

static void greetings_that_are_wrong(void **state) {
    (void)state;
    static const struct wrong wrongs[] = {
        {(const uint8_t *)"HTTP/1.1", 8},
        {(const uint8_t *)"\0SP\1\0\x31\0\0", 8}, /* another version of SP */
        {(const uint8_t *)"\0SP\0\0\x30\0\0", 8}, /* REQ, as we are */
        {(const uint8_t *)"\0SP\0\0\x10\0\0", 8}, /* PAIR */
        {(const uint8_t *)"\0SP\0\0\x31\0\1", 8}, /* what must be zero is not */
    };
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        char address[64];
        fake_address(address);
        struct script_server *server =
            script_server_start(address, say_wrong_greeting, (void *)&wrongs[i]);
        struct harrier_client *client = new_client(address, 60000000, HARRIER_RETRIES_NONE);
        expect_score(client, 2); /* on the second connection, and not sent again for it */
        harrier_client_free(client);
        script_server_stop(server);
    }
}

/* Frames that answer nothing come before the one that does. */
static void say_stray_frames(struct script_server *server, int descriptor, unsigned number,
                             void *user) {
    (void)server, (void)number, (void)user;
    uint8_t frame[SCRIPT_FRAME_MAX];
    uint32_t id;
    if (!script_greet(descriptor))
        return;
    while (script_read_request(descriptor, &id)) {
        for (size_t length = 0; length < SP_ID_SIZE; length++) { /* too short for an id */
            size_t header = sp_header_write(frame, SP_TCP, length);
            memset(frame + header, 0xff, length);
            script_send(descriptor, frame, header + length);
        }
        script_send(descriptor, frame, script_answer(frame, id + 1, 1)); /* of no request */
        script_send(descriptor, frame, script_answer(frame, id & ~SP_ID_TOP_BIT, 1));
        script_send(descriptor, frame, script_answer(frame, id, 9));
        script_send(descriptor, frame, script_answer(frame, id, 1)); /* once more */
    }
}

static void frames_that_answer_nothing(void **state) {
    (void)state;
    char address[64];
    fake_address(address);
    struct script_server *server = script_server_start(address, say_stray_frames, NULL);
    struct harrier_client *client = new_client(address, 60000000, 0);
    for (int i = 0; i < 5; i++)
        expect_score(client, 9);
    assert_int_equal(script_server_connections(server), 1);
    harrier_client_free(client);
    script_server_stop(server);
}

/* A length that no memory has: only the header and the id are sent, and the client waits for no
 * more. */
static void claim_too_much(struct script_server *server, int descriptor, unsigned number,
                           void *user) {
    (void)server, (void)number;
    uint8_t frame[SCRIPT_FRAME_MAX];
    uint32_t id;
    if (!script_greet(descriptor) || !script_read_request(descriptor, &id))
        return;
    size_t length = sp_header_write(frame, SP_TCP, *(const uint64_t *)user);
    sp_id_write(frame + length, id);
    script_send(descriptor, frame, length + SP_ID_SIZE);
    script_read(descriptor, frame, 1);
}

static void lengths_that_are_too_much(void **state) {
    (void)state;
    static uint64_t lengths[] = {MESSAGE_RESPONSE_SIZE_MAX + SP_ID_SIZE + 1, UINT64_C(1) << 40,
                                 UINT64_C(1) << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char address[64];
        struct harrier_error error;
        uint64_t position;
        fake_address(address);
        struct script_server *server = script_server_start(address, claim_too_much, &lengths[i]);
        struct harrier_client *client = new_client(address, 60000000, 0);
        assert_int_equal(score(client, &position, &error), HARRIER_ERROR_PROTOCOL);
        assert_int_equal(error.decided, HARRIER_DECIDED_UNKNOWN);
        harrier_client_free(client);
        script_server_stop(server);
    }
}

/* ---------------------------------------------------------------------------------------------
 * The other side does not take what is sent */

struct reader {
    atomic_bool reads;
    atomic_uint taken; /* whole requests */
};

static void read_when_told(struct script_server *server, int descriptor, unsigned number,
                           void *user) {
    (void)server, (void)number;
    struct reader *reader = user;
    uint8_t frame[SCRIPT_FRAME_MAX];
    uint32_t id;
    uint64_t length;
    if (!script_greet(descriptor))
        return;
    while (!atomic_load(&reader->reads))
        usleep(1000);
    while (script_skip_request(descriptor, &id, &length)) {
        atomic_fetch_add(&reader->taken, 1);
        script_send(descriptor, frame, script_answer(frame, id, length > 100000 ? 0 : 3));
    }
}

/* About 1.9 MB, which no socket takes at once. */
static struct harrier_transaction *make_large_batch(size_t count) {
    static char words[1000];
    memset(words, 'w', sizeof words - 1);
    struct harrier_transaction *transactions = calloc(count, sizeof *transactions);
    struct harrier_attribute *attributes = calloc(2, sizeof *attributes);
    attributes[0] = harrier_text("a", words);
    attributes[1] = harrier_text("b", words);
    for (size_t i = 0; i < count; i++)
        transactions[i] = (struct harrier_transaction){
            .id = "t-7", .event_time_us = 1, .attributes = attributes, .attribute_count = 2};
    return transactions;
}

/* A request of which half was sent when its deadline passed: the rest follows, or the next one
 * would be taken for its end. So the server may decide it, as it may one that was sent whole. */
static void deadline_in_the_middle_of_sending(void **state) {
    (void)state;
    enum { COUNT = 950 };
    char address[64];
    struct reader reader = {0};
    struct harrier_error error;
    struct harrier_reply *reply = NULL;
    struct harrier_transaction *large = make_large_batch(COUNT);
    fake_address(address);
    struct script_server *server = script_server_start(address, read_when_told, &reader);
    struct harrier_client *client = new_client(address, 200000, 0);
    unsigned begun = 0, untaken = 0;
    while (untaken < 1 && begun < 10) { /* the first ones may fit what the kernel holds */
        int64_t begun_ms = now_ms();
        int r = harrier_score(client, large, COUNT, NULL, &reply, &error);
        assert_in_range(now_ms() - begun_ms, 195, SLACK_MS);
        if (r == -HARRIER_ERROR_DEADLINE) {
            assert_int_equal(error.decided, HARRIER_DECIDED_UNKNOWN);
            begun++;
            continue;
        }
        assert_int_equal(r, -HARRIER_ERROR_UNAVAILABLE);
        if (script_server_connections(server) == 0 || strstr(error.message, "no connection"))
            continue; /* a busy machine took longer than that to connect */
        untaken++;
        assert_non_null(strstr(error.message, "took no request within 200 ms"));
        assert_int_equal(error.decided, HARRIER_DECIDED_NO);
    }
    assert_int_equal(untaken, 1);
    atomic_store(&reader.reads, true);
    const struct harrier_score_options patient = {.deadline_us = 20000000};
    const struct harrier_transaction small = {.id = "t-7", .event_time_us = 1};
    if (harrier_score(client, &small, 1, &patient, &reply, &error) < 0)
        fail_msg("%s", error.message);
    assert_int_equal(reply->results[0].decision.position, 3);
    harrier_reply_free(reply);
    assert_int_equal(script_server_connections(server), 1);
    /* The one that was untaken was left out. */
    assert_int_equal(reader.taken, begun + 1);
    harrier_client_free(client);
    script_server_stop(server);
    free((void *)large[0].attributes);
    free(large);
}

static void read_silently(struct script_server *server, int descriptor, unsigned number,
                          void *user) {
    (void)server, (void)number;
    struct reader *reader = user;
    uint32_t id;
    uint64_t length;
    if (!script_greet(descriptor))
        return;
    while (!atomic_load(&reader->reads))
        usleep(1000);
    while (script_skip_request(descriptor, &id, &length))
        atomic_fetch_add(&reader->taken, 1);
}

static void *call_until_closed(void *client) {
    const struct harrier_score_options patient = {.deadline_us = HARRIER_DEADLINE_US_MAX};
    const struct harrier_transaction small = {.id = "t-7", .event_time_us = 1};
    struct harrier_reply *reply = NULL;
    struct harrier_error error;
    assert_int_equal(harrier_score(client, &small, 1, &patient, &reply, &error),
                     -HARRIER_ERROR_CLOSED);
    return NULL;
}

/* The rest of such a request follows without another call, as soon as the other side reads: a
 * thread that waits for an answer sees to it. */
static void rest_without_another_call(void **state) {
    (void)state;
    enum { COUNT = 950 };
    char address[64];
    struct reader reader = {0};
    struct harrier_error error = {0};
    struct harrier_reply *reply = NULL;
    struct harrier_transaction *large = make_large_batch(COUNT);
    pthread_t waiting;
    fake_address(address);
    struct script_server *server = script_server_start(address, read_silently, &reader);
    struct harrier_client *client = new_client(address, 200000, HARRIER_RETRIES_NONE);
    pthread_create(&waiting, NULL, call_until_closed, client);
    unsigned begun = 0;
    bool is_cut = false;
    while (!is_cut) { /* until one was not begun, those before it hold what the kernel does not */
        int r = harrier_score(client, large, COUNT, NULL, &reply, &error);
        is_cut = r == -HARRIER_ERROR_UNAVAILABLE && strstr(error.message, "took no request");
        begun += r == -HARRIER_ERROR_DEADLINE;
    }
    int64_t until_ms = now_ms() + SLACK_MS;
    atomic_store(&reader.reads, true);
    while (atomic_load(&reader.taken) < begun + 1 && now_ms() < until_ms)
        usleep(1000);
    assert_int_equal(atomic_load(&reader.taken), begun + 1); /* with the small one */
    harrier_client_close(client, 0);
    pthread_join(waiting, NULL);
    harrier_client_free(client);
    script_server_stop(server);
    free((void *)large[0].attributes);
    free(large);
}

/* The connection breaks when half of a request was sent: on the next one it begins anew. */
static void break_in_the_middle(struct script_server *server, int descriptor, unsigned number,
                                void *user) {
    (void)server, (void)user;
    static uint8_t part[100000];
    uint8_t frame[SCRIPT_FRAME_MAX];
    uint32_t id;
    uint64_t length;
    if (!script_greet(descriptor))
        return;
    if (number == 0) {
        script_read(descriptor, part, sizeof part);
        usleep(20000); /* until the kernel takes no more */
        return;
    }
    while (script_skip_request(descriptor, &id, &length))
        script_send(descriptor, frame, script_answer(frame, id, length > 100000 ? 4 : 3));
}

static void on_large(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    *(int *)user = error ? (int)error->code : (int)reply->results[0].error_code;
    harrier_reply_free(reply);
}

static void connection_that_breaks_in_the_middle_of_sending(void **state) {
    (void)state;
    enum { COUNT = 950, LARGE = 6 };
    char address[64];
    int codes[LARGE];
    struct harrier_transaction *large = make_large_batch(COUNT);
    fake_address(address);
    struct script_server *server = script_server_start(address, break_in_the_middle, NULL);
    struct harrier_client *client = new_client(address, 20000000, 0);
    /* More than any socket holds. The answers have one result, which is too few; but each is an
     * answer to its own request. */
    for (size_t i = 0; i < LARGE; i++)
        assert_int_equal(
            harrier_score_submit(client, large, COUNT, NULL, on_large, &codes[i], NULL), 0);
    harrier_drain(client);
    for (size_t i = 0; i < LARGE; i++)
        assert_int_equal(codes[i], HARRIER_ERROR_PROTOCOL);
    expect_score(client, 3);
    assert_int_equal(script_server_connections(server), 2);
    harrier_client_free(client);
    script_server_stop(server);
    free((void *)large[0].attributes);
    free(large);
}

/* ---------------------------------------------------------------------------------------------
 * Probes */

/* Answers the third request alone: see below which that is. */
static void answer_the_third(struct script_server *server, int descriptor, unsigned number,
                             void *user) {
    (void)server, (void)number, (void)user;
    uint8_t frame[SCRIPT_FRAME_MAX];
    uint32_t id;
    if (!script_greet(descriptor))
        return;
    for (int i = 1; i <= 6; i++)
        if (!script_read_request(descriptor, &id) ||
            (i == 3 && !script_send(descriptor, frame, script_answer(frame, id, 3))))
            return;
}

static int score_within(struct harrier_client *client, uint64_t deadline_us) {
    const struct harrier_transaction transaction = {.id = "t-7", .event_time_us = 1};
    const struct harrier_score_options options = {.deadline_us = deadline_us};
    struct harrier_reply *reply = NULL;
    int r = harrier_score(client, &transaction, 1, &options, &reply, NULL);
    harrier_reply_free(reply);
    return -r;
}

/* False: the machine was too busy to connect and to send the first request within deadline_us. */
static bool probes_while_one_is_under_way(uint64_t deadline_us) {
    char address[64], closed[64];
    fake_address(address);
    fake_address(closed);
    const char *const addresses[] = {address, closed};
    struct script_server *server = script_server_start(address, answer_the_third, NULL);
    struct harrier_options options = {.addresses = addresses,
                                      .address_count = 2,
                                      .deadline_us = 60000000, /* the probe's */
                                      .retries_max = HARRIER_RETRIES_NONE,
                                      .eject_after = 1};
    struct harrier_client *client = NULL;
    assert_int_equal(harrier_client_new(&options, &client, NULL), 0);
    bool is_sent = score_within(client, deadline_us) == HARRIER_ERROR_DEADLINE;
    if (is_sent) {
        usleep(1300000); /* the first ejection takes 1.2 s at most */
        assert_int_equal(score_within(client, 60000000), HARRIER_OK); /* behind a probe */
        assert_int_equal(score_within(client, deadline_us), HARRIER_ERROR_DEADLINE);
        usleep(1300000);
        /* Behind another probe: and the server leaves. */
        assert_int_equal(score_within(client, 60000000), HARRIER_ERROR_UNAVAILABLE);
    }
    harrier_client_free(client);
    script_server_stop(server);
    return is_sent;
}

/* The address is left out, lives again by a call's answer, and is left out anew, while its first
 * probe has no answer yet. */
static void probe_while_one_is_under_way(void **state) {
    (void)state;
    uint64_t deadline_us = 200000;
    while (!probes_while_one_is_under_way(deadline_us) && deadline_us < 60000000)
        deadline_us *= 4;
    assert_true(deadline_us < 60000000);
}

/* ---------------------------------------------------------------------------------------------
 * Addresses */

static void host_names_and_ipv6(void **state) {
    (void)state;
    char address[64], name[64];
    fake_address(address);
    snprintf(name, sizeof name, "tcp://localhost:%s", strrchr(address, ':') + 1);
    struct fake_server *server = fake_server_start(address, fake_approve, NULL);
    struct harrier_client *client = new_client(name, 60000000, 0);
    expect_score(client, 7);
    harrier_client_free(client);
    fake_server_stop(server);
    /* A host name that does not exist: the call ends at its deadline, whatever the resolver does.
     */
    struct harrier_error error;
    uint64_t position;
    bool is_prompt = false;
    for (int i = 0; !is_prompt && i < 5; i++) {
        client = new_client("tcp://no-such-host.invalid:7731", 150000, 0);
        int64_t begun_ms = now_ms();
        assert_int_equal(score(client, &position, &error), HARRIER_ERROR_UNAVAILABLE);
        int64_t took_ms = now_ms() - begun_ms;
        assert_in_range(took_ms, 145, SLACK_MS);
        is_prompt = took_ms <= 150 + PROMPT_MS;
        harrier_client_free(client);
    }
    assert_true(is_prompt);
    client = new_client("tcp://[::1]:9", 50000, 0); /* where nothing listens, if there is IPv6 */
    assert_int_equal(score(client, &position, &error), HARRIER_ERROR_UNAVAILABLE);
    harrier_client_free(client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_byte_by_byte),
        cmocka_unit_test(answers_cut_anywhere),
        cmocka_unit_test(server_that_ends_at_each_byte),
        cmocka_unit_test(greetings_that_are_wrong),
        cmocka_unit_test(frames_that_answer_nothing),
        cmocka_unit_test(lengths_that_are_too_much),
        cmocka_unit_test(deadline_in_the_middle_of_sending),
        cmocka_unit_test(rest_without_another_call),
        cmocka_unit_test(connection_that_breaks_in_the_middle_of_sending),
        cmocka_unit_test(probe_while_one_is_under_way),
        cmocka_unit_test(host_names_and_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
