/* The JSON of requests and responses, against wire_json.c (written by hand, field by field, without
 * descriptors), against the vectors of tests/cases/wire (whose bytes come from encode.py), and the
 * messages for invalid input. */
#include "core/base/check.h"
#include "core/wire/message/message_json.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"
#include "tests/unit/wire/random_wire.h"
#include "tests/unit/wire/wire_json.h"

#include <ctype.h>
#include <glob.h>
#include <math.h>

static const char *cases_folder;

static uint64_t steps(void) {
    return asked_steps(2000);
}

/* ---- spellings of the same value ---- */

static char *camel(const char *name) {
    char *out = malloc(strlen(name) + 1), *at = out;
    for (; *name; name++)
        if (*name == '_' && name[1])
            *at++ = (char)toupper((unsigned char)*++name);
        else
            *at++ = *name;
    *at = '\0';
    return out;
}

/* Names in lowerCamelCase, whole numbers in strings as numbers, null for some that are not there.
 */
static json_t *respell(const json_t *json) {
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_object(json)) {
        json_t *out = json_object();
        json_object_foreach((json_t *)(uintptr_t)json, key, value) {
            char *name = camel(key);
            bool is_text = strcmp(key, "id") == 0 || strcmp(key, "text") == 0 ||
                           strcmp(key, "source") == 0 || strcmp(key, "reason") == 0 ||
                           strcmp(key, "value") == 0 || strcmp(key, "transaction_id") == 0;
            const char *string = json_string_value(value);
            bool is_time = string && !is_text && (strstr(key, "_us") || strstr(key, "_minor"));
            json_object_set_new(out, name,
                                is_time ? json_integer(strtoll(string, NULL, 10)) : respell(value));
            free(name);
        }
        if (json_object_get(json, "event_time_us") && !json_object_get(json, "location"))
            json_object_set_new(out, "location", json_null());
        return out;
    }
    if (!json_is_array(json))
        return json_deep_copy(json);
    json_t *out = json_array();
    json_array_foreach((json_t *)(uintptr_t)json, i, value)
        json_array_append_new(out, respell(value));
    return out;
}

/* ---- both ways ---- */

static void decode_json(const char *what, enum call call, const json_t *json,
                        const struct message_envelope *envelope, struct buffer *bytes) {
    char path[MESSAGE_JSON_PATH_MAX];
    struct error error;
    char *dumped = json_dumps(json, 0);
    assert_non_null(dumped);
    buffer_clear(bytes);
    if (message_json_decode(call, text_of(dumped), envelope, bytes, path, &error) < 0)
        fail_msg("%s: %s in %s", what, error.text, dumped);
    free(dumped);
}

static void random_requests(void **state) {
    (void)state;
    struct arena made, decoded;
    struct buffer bytes, expected;
    arena_init(&made, (size_t)4 << 20);
    arena_init(&decoded, MESSAGE_ARENA_LIMIT);
    buffer_init(&bytes);
    buffer_init(&expected);
    for (unsigned long step = 0; step < steps(); step++) {
        struct random random = {.state = step};
        struct request request = random_request(&random, &made), copy;
        const struct message_envelope envelope = {
            .deadline_us = request.deadline_us,
            .token = request.token,
            .traceparent = request.traceparent,
        };
        struct error error;
        json_t *json = request_json(&request);
        json_t *call = json_object_get(json, call_name(request.call)), *other = respell(call);
        decode_json("as it is", request.call, call, &envelope, &bytes);
        buffer_clear(&expected);
        assert_int_equal(message_encode_request(&request, &expected, &error), 0);
        assert_int_equal(bytes.length, expected.length);
        assert_memory_equal(bytes.bytes, expected.bytes, expected.length);
        decode_json("spelt otherwise", request.call, other, &envelope, &bytes);
        assert_int_equal(message_decode_request(bytes.bytes, bytes.length, &decoded, &copy, &error),
                         0);
        assert_json_equal(call_name(request.call), request_json(&copy), json);
        json_decref(other);
        arena_reset(&made);
        arena_reset(&decoded);
    }
    buffer_deinit(&bytes);
    buffer_deinit(&expected);
    arena_deinit(&made);
    arena_deinit(&decoded);
}

static json_t *encode_json(const char *what, const struct buffer *bytes, bool defaults,
                           enum error_code *ret_code) {
    struct buffer json;
    struct error error;
    json_error_t fault;
    buffer_init(&json);
    if (message_json_encode(bytes->bytes, bytes->length, defaults, &json, ret_code, &error) < 0)
        fail_msg("%s: %s", what, error.text);
    json_t *out = json_loadb((const char *)json.bytes, json.length, JSON_REJECT_DUPLICATES, &fault);
    if (!out)
        fail_msg("%s: %s in %.*s", what, fault.text, (int)json.length, (const char *)json.bytes);
    buffer_deinit(&json);
    return out;
}

/* The answer, or the whole when it is an error. */
static json_t *answer_of(json_t *response) {
    const char *key;
    json_t *value;
    if (json_object_get(response, "error"))
        return response;
    assert_int_equal(json_object_size(response), 1);
    json_object_foreach(response, key, value) json_incref(value);
    value = json_object_iter_value(json_object_iter(response));
    json_decref(response);
    return value;
}

/* wire_json.c writes some empty lists and leaves others out; and a double without a fraction has no
 * point in our JSON, so that jansson reads it as a whole number. */
static json_t *alike(json_t *json) {
    const char *key;
    json_t *value;
    void *next;
    size_t i;
    json_object_foreach_safe(json, next, key, value) {
        if (json_is_array(value) && json_array_size(value) == 0)
            json_object_del(json, key);
        else if (strcmp(key, "number") == 0 && json_is_integer(value))
            json_object_set_new(json, key, json_real(json_number_value(value)));
        else
            alike(value);
    }
    if (json_is_array(json))
        json_array_foreach(json, i, value) alike(value);
    return json;
}

static void random_responses(void **state) {
    (void)state;
    struct arena made;
    struct buffer bytes;
    arena_init(&made, (size_t)4 << 20);
    buffer_init(&bytes);
    for (unsigned long step = 0; step < steps(); step++) {
        struct random random = {.state = step};
        struct response response = random_response(&random, &made);
        enum error_code code;
        buffer_clear(&bytes);
        message_encode_response(&response, &bytes);
        json_t *json = encode_json("a response", &bytes, false, &code);
        assert_int_equal(code, response.error.code);
        assert_json_equal("a response", alike(json), alike(answer_of(response_json(&response))));
        arena_reset(&made);
    }
    buffer_deinit(&bytes);
    arena_deinit(&made);
}

/* ---- the vectors ---- */

static void bytes_of_hex(const char *hex, struct buffer *bytes) {
    buffer_clear(bytes);
    for (; hex[0] && hex[1]; hex += 2) {
        unsigned byte = 0;
        sscanf(hex, "%2x", &byte);
        buffer_append_u8(bytes, (uint8_t)byte);
    }
}

static struct text text_member(const json_t *json, const char *name) {
    const json_t *member = json_object_get(json, name);
    return (struct text){json_string_value(member), json_string_length(member)};
}

static void check_request_vector(const char *path, const json_t *json, struct buffer *bytes) {
    const json_t *value = json_object_get(json, "value");
    const char *deadline = json_string_value(json_object_get(value, "deadline_us"));
    const char *unknown = json_string_value(json_object_get(json, "unknown"));
    const struct message_envelope envelope = {
        .deadline_us = deadline ? strtoull(deadline, NULL, 10) : 0,
        .token = text_member(value, "token"),
        .traceparent = text_member(value, "traceparent"),
    };
    struct buffer made;
    buffer_init(&made);
    for (enum call call = CALL_SCORE; call < CALL_COUNT; call++) {
        const json_t *message = json_object_get(value, call_name(call));
        if (!message)
            continue;
        decode_json(path, call, message, &envelope, &made);
        assert_int_equal(made.length, bytes->length - (unknown ? strlen(unknown) / 2 : 0));
        assert_memory_equal(made.bytes, bytes->bytes, made.length);
    }
    assert_true(made.length > 0);
    buffer_deinit(&made);
}

static void vectors(void **state) {
    (void)state;
    char pattern[4096];
    glob_t found;
    struct buffer bytes;
    size_t requests = 0, responses = 0;
    snprintf(pattern, sizeof pattern, "%s/re*.json", cases_folder);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    buffer_init(&bytes);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        json_t *json = json_load_file(found.gl_pathv[i], 0, NULL);
        const char *message = json_string_value(json_object_get(json, "message"));
        const json_t *value = json_object_get(json, "value");
        enum error_code code;
        bytes_of_hex(json_string_value(json_object_get(json, "hex")), &bytes);
        if (json_is_object(value) && strcmp(message, "Request") == 0) {
            check_request_vector(found.gl_pathv[i], json, &bytes);
            requests++;
        } else if (json_is_object(value) && strcmp(message, "Response") == 0) {
            assert_json_equal(found.gl_pathv[i],
                              encode_json(found.gl_pathv[i], &bytes, false, &code),
                              answer_of(json_deep_copy(value)));
            responses++;
        }
        json_decref(json);
    }
    assert_true(requests >= 12 && responses >= 14); /* the folder was found */
    buffer_deinit(&bytes);
    globfree(&found);
}

/* ---- what is refused ---- */

static const struct {
    enum call call;
    const char *json, *path, *says;
} refused[] = {
    {CALL_SCORE, "", "", "line 1, column 0: unexpected token near end of file"},
    {CALL_SCORE, "{", "", "is not JSON: line 1, column 1"},
    {CALL_SCORE, "{} {}", "", "end of file expected"},
    {CALL_SCORE, "[]", "", "the body: expected an object, got an array"},
    {CALL_SCORE, "NaN", "", "is not JSON"},
    {CALL_SCORE, "{\"transactions\":[{\"id\":\"a\",\"id\":\"b\"}]}", "", "duplicate object key"},
    {CALL_SCORE, "{\"transactions\":[{\"id\":\"a\\u0000\"}]}", "", "\\u0000 is not allowed"},
    {CALL_SCORE, "{\"transactions\":[{\"id\":\"\xff\"}]}", "", "unable to decode byte 0xff"},
    {CALL_SCORE, "{\"transactions\":[{\"id\":\"\\ud800\"}]}", "", "is not JSON"},
    {CALL_SCORE, "{\"transaction\":[]}", "transaction", "did you mean transactions?"},
    {CALL_SCORE, "{\"transactions\":{}}", "transactions", "expected an array, got an object"},
    {CALL_SCORE, "{\"transactions\":[{},null]}", "transactions[1]", "an object, got null"},
    {CALL_SCORE, "{\"transactions\":[{\"card_id\":\"1\"}]}", "transactions[0].card_id",
     "no such field in Transaction"},
    {CALL_SCORE, "{\"transactions\":[{\"id\":7}]}", "transactions[0].id",
     "transactions[0].id: expected a string, got the number 7"},
    {CALL_SCORE, "{\"transactions\":[{\"eventTimeUs\":1,\"event_time_us\":1}]}",
     "transactions[0].event_time_us", "given twice"},
    {CALL_SCORE, "{\"transactions\":[{\"event_time_us\":1.5}]}", "transactions[0].event_time_us",
     "expected a whole number from -9223372036854775808 to 9223372036854775807"},
    {CALL_SCORE, "{\"transactions\":[{\"event_time_us\":\"9223372036854775808\"}]}",
     "transactions[0].event_time_us", "got the string (19 bytes, not shown)"},
    {CALL_SCORE, "{\"transactions\":[{\"event_time_us\":9223372036854775808}]}", "",
     "too big integer"},
    {CALL_SCORE, "{\"transactions\":[{\"event_time_us\":\"+1\"}]}", "transactions[0].event_time_us",
     "got the string \"+1\""},
    {CALL_SCORE, "{\"transactions\":[{\"event_time_us\":\"01\"}]}", "transactions[0].event_time_us",
     "got the string \"01\""},
    {CALL_SCORE, "{\"transactions\":[{\"event_time_us\":\"\"}]}", "transactions[0].event_time_us",
     "got the string \"\""},
    {CALL_SCORE, "{\"transactions\":[{\"event_time_us\":1e300}]}", "transactions[0].event_time_us",
     "got a number"},
    {CALL_SCORE, "{\"transactions\":[{\"location\":{\"latitude_e7\":2147483648}}]}",
     "transactions[0].location.latitude_e7", "from -2147483648 to 2147483647"},
    {CALL_SCORE, "{\"dry_run\":\"true\"}", "dry_run", "true or false, got the string \"true\""},
    {CALL_SCORE, "{\"transactions\":[{},{\"attributes\":[{},{\"integer\":\"1\",\"flag\":true}]}]}",
     "transactions[1].attributes[1].flag", "only one of several fields"},
    {CALL_SCORE, "{\"transactions\":[{\"attributes\":[{\"number\":\"nan\"}]}]}",
     "transactions[0].attributes[0].number", "expected a number, got the string \"nan\""},
    {CALL_SCORE, "{\"\\u0001\":1}", "", "(1 bytes, not text): no such field"},
    {CALL_SCORE, "{\"4111111111111111\":1}", "", "(16 bytes, not shown): no such field"},
    {CALL_REPORT_OUTCOME, "{\"outcomes\":[{\"label\":\"fraud\"}]}", "outcomes[0].label",
     "expected one of LABEL_NONE, LABEL_LEGIT, LABEL_FRAUD, LABEL_CHARGEBACK, LABEL_SUSPECTED, got "
     "the string \"fraud\""},
    {CALL_REPORT_OUTCOME, "{\"outcomes\":[{\"label\":2147483648}]}", "outcomes[0].label",
     "expected one of"},
    {CALL_GET_LIST, "{\"limit\":-1}", "limit", "from 0 to 4294967295, got the number -1"},
    {CALL_GET_LIST, "{\"after_position\":\"18446744073709551616\"}", "after_position",
     "from 0 to 18446744073709551615"},
};

static void bad_input(void **state) {
    (void)state;
    const struct message_envelope envelope = {0};
    struct buffer bytes;
    buffer_init(&bytes);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char path[MESSAGE_JSON_PATH_MAX];
        struct error error = {0};
        int r = message_json_decode(refused[i].call, text_of(refused[i].json), &envelope, &bytes,
                                    path, &error);
        if (r != -ERROR_INVALID)
            fail_msg("%s: %d", refused[i].json, r);
        if (!strstr(error.text, refused[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", refused[i].json, error.text,
                     refused[i].says);
        assert_string_equal(path, refused[i].path);
        assert_int_equal(bytes.length, 0);
    }
    buffer_deinit(&bytes);
}

static void decode_one(enum call call, const char *json, struct arena *arena,
                       struct request *ret_request) {
    const struct message_envelope envelope = {0};
    struct buffer bytes;
    struct error error;
    char path[MESSAGE_JSON_PATH_MAX];
    buffer_init(&bytes);
    if (message_json_decode(call, text_of(json), &envelope, &bytes, path, &error) < 0 ||
        message_decode_request(bytes.bytes, bytes.length, arena, ret_request, &error) < 0)
        fail_msg("%s: %s", json, error.text);
    buffer_deinit(&bytes);
}

/* What the mapping allows beside the plain forms. */
static void other_forms(void **state) {
    (void)state;
    struct arena arena;
    struct request request;
    arena_init(&arena, MESSAGE_ARENA_LIMIT);
    decode_one(CALL_SCORE,
               " {\"transactions\":[{\"id\":\"\\u00e9\",\"eventTimeUs\":1e3,\"amount_minor\":5.0,"
               "\"currency\":null,\"location\":{\"latitudeE7\":-1.0},\"attributes\":["
               "{\"name\":\"a\",\"number\":\"NaN\"},{\"name\":\"b\",\"number\":\"-Infinity\"},"
               "{\"name\":\"c\",\"number\":\"1.5\"},{\"name\":\"d\",\"number\":7},"
               "{\"name\":\"e\",\"integer\":\"-9223372036854775808\"},{\"name\":\"f\","
               "\"text\":\"\"}]}],\"dryRun\":true}\n",
               &arena, &request);
    const struct transaction *transaction = request.score.transactions;
    assert_true(request.score.dry_run);
    assert_true(text_is(transaction->id, "é"));
    assert_int_equal(transaction->event_time_us, 1000);
    assert_int_equal(transaction->amount_minor, 5);
    assert_int_equal(transaction->currency.length, 0);
    assert_int_equal(transaction->latitude_e7, -1);
    assert_int_equal(transaction->attribute_count, 6);
    assert_true(isnan(transaction->attributes[0].number));
    assert_true(isinf(transaction->attributes[1].number));
    assert_true(transaction->attributes[2].number == 1.5);
    assert_true(transaction->attributes[3].number == 7);
    assert_true(transaction->attributes[4].integer == INT64_MIN);
    assert_int_equal(transaction->attributes[5].type, ATTRIBUTE_TEXT);
    decode_one(CALL_REPORT_OUTCOME, "{\"outcomes\":[{\"transactionId\":\"t\",\"label\":2}]}",
               &arena, &request);
    assert_int_equal(request.outcome.outcomes[0].label, LABEL_FRAUD);
    decode_one(CALL_GET_LIST, "{\"afterPosition\":\"18446744073709551615\"}", &arena, &request);
    assert_true(request.list.after_position == UINT64_MAX);
    arena_deinit(&arena);
}

/* Small bodies that would become large: refused before anything is built from them. */
static void containers(void **state) {
    (void)state;
    const struct message_envelope envelope = {0};
    struct buffer json, bytes;
    struct error error;
    char path[MESSAGE_JSON_PATH_MAX];
    buffer_init(&json);
    buffer_init(&bytes);
    for (int over = 0; over < 2; over++) {
        buffer_clear(&json);
        buffer_append_string(&json, "{\"transactions\":[{\"id\":\"[[\\\"[[\"}");
        for (size_t i = 3; i < MESSAGE_JSON_CONTAINERS_MAX + (size_t)over; i++)
            buffer_append_string(&json, ",{}");
        buffer_append_string(&json, "]}");
        struct text text = {(const char *)json.bytes, json.length};
        int r = message_json_decode(CALL_SCORE, text, &envelope, &bytes, path, &error);
        assert_int_equal(r, over ? -ERROR_TOO_LARGE : 0);
    }
    /* As deep as it gets: jansson's own limit. */
    buffer_clear(&json);
    for (size_t i = 0; i < 60000; i++)
        buffer_append_string(&json, "[");
    struct text text = {(const char *)json.bytes, json.length};
    assert_int_equal(message_json_decode(CALL_SCORE, text, &envelope, &bytes, path, &error),
                     -ERROR_INVALID);
    assert_non_null(strstr(error.text, "maximum parsing depth"));
    buffer_deinit(&json);
    buffer_deinit(&bytes);
}

static size_t allocated;

static void *counting_malloc(size_t size) {
    allocated += size;
    return malloc(size);
}

/* A number in a string is read as a number, not as a document of its own. */
static void documents_in_strings(void **state) {
    (void)state;
    const struct message_envelope envelope = {0};
    struct buffer json, bytes;
    struct error error;
    char path[MESSAGE_JSON_PATH_MAX];
    buffer_init(&json);
    buffer_init(&bytes);
    buffer_append_string(&json, "{\"transactions\":[{\"attributes\":[{\"number\":\"[[]");
    for (size_t i = 0; i < 300000; i++)
        buffer_append_string(&json, ",[]");
    buffer_append_string(&json, "]\"}]}]}");
    struct text text = {(const char *)json.bytes, json.length};
    allocated = 0;
    json_set_alloc_funcs(counting_malloc, free);
    int r = message_json_decode(CALL_SCORE, text, &envelope, &bytes, path, &error);
    json_set_alloc_funcs(malloc, free);
    assert_int_equal(r, -ERROR_INVALID);
    assert_string_equal(path, "transactions[0].attributes[0].number");
    assert_true(allocated < 10 * json.length);
    buffer_deinit(&json);
    buffer_deinit(&bytes);
}

/* A reader in another language finds every field that has a value for "not set". */
static void defaults_are_written(void **state) {
    (void)state;
    const struct score_result result = {.decision = {.transaction_id = TEXT_LITERAL("t")}};
    const struct response response = {.call = CALL_SCORE,
                                      .score = {.results = &result, .count = 1}};
    struct buffer bytes;
    enum error_code code;
    buffer_init(&bytes);
    message_encode_response(&response, &bytes);
    json_t *json = encode_json("a decision", &bytes, true, &code);
    json_t *expected = json_loads(
        "{\"results\":[{\"decision\":{\"transaction_id\":\"t\",\"verdict\":\"VERDICT_UNSPECIFIED\","
        "\"score\":0,\"reasons\":[],\"snapshot_id\":\"0\",\"generation_id\":\"0\","
        "\"position\":\"0\",\"degraded\":false,\"degraded_reason\":\"\",\"duplicate\":false,"
        "\"dry_run\":false,\"server_us\":0,\"rule_errors\":0,\"features\":[],"
        "\"failed_rules\":[],\"arm\":\"ARM_UNSPECIFIED\"}}]}",
        0, NULL);
    assert_json_equal("a decision", json, expected);
    buffer_deinit(&bytes);
}

static void errors_without_a_response(void **state) {
    (void)state;
    struct buffer json;
    struct error error;
    buffer_init(&json);
    error_set(&error, ERROR_TOO_LARGE, "a \"large\" body");
    message_json_encode_error(&error, TEXT_LITERAL("transactions"), &json);
    buffer_append_u8(&json, 0);
    assert_string_equal((char *)json.bytes,
                        "{\"error\":{\"code\":\"ERROR_TOO_LARGE\",\"field\":\"transactions\","
                        "\"message\":\"a \\\"large\\\" body\",\"primary\":\"\","
                        "\"fallback\":\"VERDICT_UNSPECIFIED\"}}");
    enum error_code code;
    assert_int_equal(message_json_encode("\xff", 1, true, &json, &code, &error), -ERROR_INVALID);
    assert_int_equal(message_json_encode("", 0, true, &json, &code, &error), -ERROR_INVALID);
    buffer_deinit(&json);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s CASES_DIR\n", argv[0]);
        return 2;
    }
    cases_folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_requests),
        cmocka_unit_test(random_responses),
        cmocka_unit_test(vectors),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(other_forms),
        cmocka_unit_test(containers),
        cmocka_unit_test(documents_in_strings),
        cmocka_unit_test(defaults_are_written),
        cmocka_unit_test(errors_without_a_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
