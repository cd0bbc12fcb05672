/* The cases of tests/cases/wire: bytes that a second encoder made (tests/cases/wire/encode.py) are
 * decoded to the values beside them, encoded again to the same bytes, or refused with the error
 * they name; then every truncation and many mutations of each are decoded, which may fail but
 * nothing else. */
#include "core/wire/message/message.h"
#include "core/wire/record/record.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"
#include "tests/unit/wire/wire_json.h"

#include <glob.h>

enum { CASES_MAX = 256, BYTES_MAX = 4096 };

struct wire_case {
    char *path;
    json_t *json;
    const char *message;
    uint8_t bytes[BYTES_MAX];
    size_t length;
};

static struct wire_case cases[CASES_MAX];
static size_t case_count;

/* One decoded thing of any kind, so that all cases go through the same steps. */
struct decoded {
    bool is_request, is_response;
    struct request request;
    struct response response;
    struct record record;
};

static enum record_type record_type_of(const char *message) {
    if (strcmp(message, "TransactionRecord") == 0)
        return RECORD_TRANSACTION;
    if (strcmp(message, "OutcomeRecord") == 0)
        return RECORD_OUTCOME;
    if (strcmp(message, "AmendmentRecord") == 0)
        return RECORD_AMENDMENT;
    if (strcmp(message, "ListChangeRecord") == 0)
        return RECORD_LIST_CHANGE;
    if (strcmp(message, "SnapshotRecord") == 0)
        return RECORD_SNAPSHOT;
    if (strcmp(message, "GenerationRecord") == 0)
        return RECORD_GENERATION;
    if (strcmp(message, "BrakeRecord") == 0)
        return RECORD_BRAKE;
    if (strcmp(message, "ExperimentRecord") == 0)
        return RECORD_EXPERIMENT;
    if (strcmp(message, "ErasureRecord") == 0)
        return RECORD_ERASURE;
    assert_string_equal(message, "EngineRecord");
    return RECORD_ENGINE;
}

static int decode(const char *message, const uint8_t *bytes, size_t length, struct arena *arena,
                  struct decoded *ret_decoded, struct error *ret_error) {
    *ret_decoded = (struct decoded){.is_request = strcmp(message, "Request") == 0,
                                    .is_response = strcmp(message, "Response") == 0};
    /* A copy of exactly that size, so that a sanitizer sees a read beyond the end. */
    uint8_t *copy = malloc(length ? length : 1);
    memcpy(copy, bytes, length);
    int r;
    if (ret_decoded->is_request)
        r = message_decode_request(copy, length, arena, &ret_decoded->request, ret_error);
    else if (ret_decoded->is_response)
        r = message_decode_response(copy, length, arena, &ret_decoded->response, ret_error);
    else
        r = record_decode(record_type_of(message), copy, length, arena, &ret_decoded->record,
                          ret_error);
    free(copy); /* nothing decoded may point into it */
    return r;
}

static void encode(const struct decoded *decoded, struct buffer *buffer) {
    struct error error;
    if (decoded->is_request)
        assert_int_equal(message_encode_request(&decoded->request, buffer, &error), 0);
    else if (decoded->is_response)
        message_encode_response(&decoded->response, buffer);
    else
        record_encode(&decoded->record, buffer);
}

static void check_good(const struct wire_case *wire_case) {
    struct arena arena;
    struct buffer buffer;
    struct decoded decoded;
    struct error error = {0};
    arena_init(&arena, MESSAGE_ARENA_LIMIT);
    buffer_init(&buffer);
    if (decode(wire_case->message, wire_case->bytes, wire_case->length, &arena, &decoded, &error))
        fail_msg("%s: %s", wire_case->path, error.text);
    json_t *json = decoded.is_request    ? request_json(&decoded.request)
                   : decoded.is_response ? response_json(&decoded.response)
                                         : record_json(&decoded.record);
    json_t *expected = json_deep_copy(json_object_get(wire_case->json, "value"));
    assert_json_equal(wire_case->path, json, expected);
    encode(&decoded, &buffer);
    const char *unknown = json_string_value(json_object_get(wire_case->json, "unknown"));
    size_t known = wire_case->length - (unknown ? strlen(unknown) / 2 : 0);
    assert_int_equal(buffer.length, known);
    assert_memory_equal(buffer.bytes, wire_case->bytes, known);
    buffer_deinit(&buffer);
    arena_deinit(&arena);
}

static void check_refused(const struct wire_case *wire_case, const char *code) {
    struct arena arena;
    struct decoded decoded;
    struct error error = {0};
    arena_init(&arena, MESSAGE_ARENA_LIMIT);
    int r =
        decode(wire_case->message, wire_case->bytes, wire_case->length, &arena, &decoded, &error);
    if (r == 0)
        fail_msg("%s was accepted", wire_case->path);
    assert_int_equal(r, -(int)error.code);
    assert_string_equal(error_code_name(error.code), code);
    const char *says = json_string_value(json_object_get(wire_case->json, "says"));
    if (!strstr(error.text, says))
        fail_msg("%s: \"%s\" does not say \"%s\"", wire_case->path, error.text, says);
    arena_deinit(&arena);
}

static void values_and_bytes(void **state) {
    (void)state;
    size_t good = 0, refused = 0;
    for (size_t i = 0; i < case_count; i++) {
        const char *code = json_string_value(json_object_get(cases[i].json, "error"));
        if (code)
            refused++, check_refused(&cases[i], code);
        else
            good++, check_good(&cases[i]);
    }
    assert_true(good >= 20 && refused >= 10); /* the folder was found */
}

/* Decodes bytes that may be anything; whatever comes out must be fit for the next step. */
static void survive(const struct wire_case *wire_case, const uint8_t *bytes, size_t length,
                    struct arena *arena) {
    struct decoded decoded;
    struct error error = {0};
    arena_reset(arena);
    int r = decode(wire_case->message, bytes, length, arena, &decoded, &error);
    if (r < 0) {
        assert_int_equal(r, -(int)error.code);
        assert_true(error.text[0] != '\0');
        assert_true(text_is_clean(text_of(error.text), NULL));
        return;
    }
    struct buffer buffer;
    buffer_init(&buffer);
    encode(&decoded, &buffer);
    buffer_deinit(&buffer);
    if (decoded.is_request && decoded.request.call == CALL_SCORE)
        for (size_t i = 0; i < decoded.request.score.transaction_count; i++) {
            struct text field = {0};
            const struct transaction *transaction = &decoded.request.score.transactions[i];
            assert_true(transaction_equal(transaction, transaction));
            if (transaction_check(transaction, &field, &error) < 0) {
                assert_true(field.length > 0);
                assert_true(text_is_clean(text_of(error.text), NULL));
            }
        }
}

static void truncations(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_LIMIT);
    for (size_t i = 0; i < case_count; i++)
        for (size_t length = 0; length < cases[i].length; length++)
            survive(&cases[i], cases[i].bytes, length, &arena);
    arena_deinit(&arena);
}

static void single_byte_mutations(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_LIMIT);
    for (size_t i = 0; i < case_count; i++) {
        uint8_t bytes[BYTES_MAX];
        memcpy(bytes, cases[i].bytes, cases[i].length);
        for (size_t at = 0; at < cases[i].length; at++) {
            static const uint8_t replacements[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
            uint8_t original = bytes[at];
            for (unsigned bit = 0; bit < 8; bit++) {
                bytes[at] = (uint8_t)(original ^ (1u << bit));
                survive(&cases[i], bytes, cases[i].length, &arena);
            }
            for (size_t j = 0; j < sizeof replacements; j++) {
                bytes[at] = replacements[j];
                survive(&cases[i], bytes, cases[i].length, &arena);
            }
            bytes[at] = original;
        }
    }
    arena_deinit(&arena);
}

static uint64_t next_random(uint64_t *random) {
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *random >> 33;
}

/* HARRIER_STEPS: how many; the default is quick. */
static void random_mutations(void **state) {
    (void)state;
    uint64_t steps = asked_steps(20000);
    uint64_t random = 1;
    struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_LIMIT);
    for (uint64_t step = 0; step < steps; step++) {
        const struct wire_case *wire_case = &cases[next_random(&random) % case_count];
        uint8_t bytes[BYTES_MAX];
        size_t length = wire_case->length;
        memcpy(bytes, wire_case->bytes, length);
        for (size_t changes = 1 + next_random(&random) % 6; changes && length; changes--) {
            size_t at = next_random(&random) % length;
            size_t run = next_random(&random) % (length - at) + 1;
            switch (next_random(&random) % 3) {
            case 0: /* another byte */
                bytes[at] = (uint8_t)next_random(&random);
                break;
            case 1: /* a run left out */
                memmove(bytes + at, bytes + at + run, length - at - run);
                length -= run;
                break;
            default: /* a run twice */
                if (length + run > BYTES_MAX)
                    break;
                memmove(bytes + at + run, bytes + at, length - at);
                length += run;
            }
        }
        survive(wire_case, bytes, length, &arena);
    }
    arena_deinit(&arena);
}

static void load_case(char *path) {
    json_error_t error;
    struct wire_case *wire_case = &cases[case_count++];
    wire_case->path = path;
    wire_case->json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!wire_case->json) {
        fprintf(stderr, "%s:%d: %s\n", path, error.line, error.text);
        exit(1);
    }
    wire_case->message = json_string_value(json_object_get(wire_case->json, "message"));
    const char *hex = json_string_value(json_object_get(wire_case->json, "hex"));
    if (!wire_case->message || !hex || strlen(hex) / 2 > BYTES_MAX) {
        fprintf(stderr, "%s: message or hex is missing or too long\n", path);
        exit(1);
    }
    for (const char *at = hex; at[0] && at[1]; at += 2) {
        unsigned byte = 0;
        sscanf(at, "%2x", &byte);
        wire_case->bytes[wire_case->length++] = (uint8_t)byte;
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s CASES_DIR\n", argv[0]);
        return 2;
    }
    char pattern[4096];
    snprintf(pattern, sizeof pattern, "%s/*.json", argv[1]);
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0 || found.gl_pathc > CASES_MAX) {
        fprintf(stderr, "%s: no cases, or more than %d\n", pattern, CASES_MAX);
        return 1;
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        load_case(found.gl_pathv[i]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_bytes),
        cmocka_unit_test(truncations),
        cmocka_unit_test(single_byte_mutations),
        cmocka_unit_test(random_mutations),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < case_count; i++)
        json_decref(cases[i].json);
    globfree(&found);
    return failed;
}
