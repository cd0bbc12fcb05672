/* Target: messages between client and server, and records of transactions.
 *
 *   input  u8 bit 0: a response, otherwise a request; bit 1: a record (bit 0 is ignored); bit 2:
 * the thresholds of tables (bits 0 and 1 are ignored); then its bytes
 *
 * Decoding must refuse the bytes, or give a message that encodes to bytes which decode to the same
 * message, within the arena's limit. All its transactions and outcomes can be checked. The
 * hand-written code must agree with protobuf-c's generated code on every result, including error
 * messages. */
#include "common/target.h"

#include "core/wire/bytes/threshold_set.h"
#include "core/wire/message/message_bytes.h"
#include "core/wire/record/record.h"
#include "tests/unit/wire/random_wire.h"

#define SEED_BYTES_MAX        900
#define EXPLANATION_BYTES_MAX 4000
#define TRIES                 4000

static struct arena arena, arena_again;
static struct buffer encoded, encoded_again;

void target_start(void) {
    arena_init(&arena, MESSAGE_ARENA_LIMIT);
    arena_init(&arena_again, MESSAGE_ARENA_LIMIT);
    buffer_init(&encoded);
    buffer_init(&encoded_again);
}

static void must_be_same(const char *what) {
    property(encoded.length == encoded_again.length &&
                 (encoded.length == 0 ||
                  memcmp(encoded.bytes, encoded_again.bytes, encoded.length) == 0),
             "%s encodes to other bytes the second time", what);
}

static void must_refuse_alike(int r, const struct error *error, int generated_r,
                              const struct error *generated_error) {
    property(r == generated_r && (r == 0 || strcmp(error->text, generated_error->text) == 0),
             "%d (%s) by hand, %d (%s) by the generated code", r, r < 0 ? error->text : "",
             generated_r, generated_r < 0 ? generated_error->text : "");
}

static void check_parts(const struct request *request) {
    struct text field = {0};
    struct error error;
    if (request->call == CALL_SCORE) {
        for (size_t i = 0; i < request->score.transaction_count; i++) {
            const struct transaction *transaction = &request->score.transactions[i];
            int r = transaction_check(transaction, &field, &error);
            property(r == 0 || (r < 0 && field.data && error.text[0]), "an error without a field");
            property(r < 0 || transaction_equal(transaction, transaction),
                     "a transaction differs from itself");
        }
    } else if (request->call == CALL_REPORT_OUTCOME) {
        for (size_t i = 0; i < request->outcome.outcome_count; i++) {
            int r = outcome_check(&request->outcome.outcomes[i], &field, &error);
            property(r == 0 || (r < 0 && field.data && error.text[0]), "an error without a field");
        }
    }
}

static bool run_request(const uint8_t *bytes, size_t size) {
    struct request request, again;
    struct error error, again_error;
    struct text peeked; /* as the server's queue does, before anything is decoded */
    property(!message_peek_token(bytes, size, &peeked) || peeked.length <= size, "a long token");
    property(message_peek_call(bytes, size) < CALL_COUNT, "a call that there is not");
    int r = message_decode_request(bytes, size, &arena, &request, &error);
    must_refuse_alike(r, &error,
                      message_unpack_request(bytes, size, &arena_again, &again, &again_error),
                      &again_error);
    property(arena.used <= MESSAGE_ARENA_LIMIT, "%zu bytes in the arena", arena.used);
    if (r < 0) {
        property(r == -(int)error.code &&
                     (error.code == ERROR_INVALID || error.code == ERROR_TOO_LARGE ||
                      error.code == ERROR_UNSUPPORTED),
                 "refused as %s: %s", error_code_name(error.code), error.text);
        return false;
    }
    struct text token;
    property(message_peek_token(bytes, size, &token) && text_equal(token, request.token),
             "message_peek_token() finds another token: \"%.*s\"", TEXT_ARGS(token));
    enum call call = message_peek_call(bytes, size);
    property(call == CALL_NONE || call == request.call,
             "message_peek_call() finds another call: %s", call_name(call));
    check_parts(&request);
    buffer_clear(&encoded);
    buffer_clear(&encoded_again);
    r = message_encode_request(&request, &encoded, &error);
    property(r == 0, "a decoded request cannot be encoded: %s", error.text);
    property(message_pack_request(&again, true, &encoded_again, &error) == 0, "%s", error.text);
    must_be_same("a request that the generated code read");
    arena_reset(&arena_again);
    r = message_decode_request(encoded.bytes, encoded.length, &arena_again, &again, &error);
    property(r == 0, "an encoded message is refused: %s", error.text);
    buffer_clear(&encoded_again);
    property(message_encode_request(&again, &encoded_again, &error) == 0, "%s", error.text);
    must_be_same("a request");
    return true;
}

static bool run_response(const uint8_t *bytes, size_t size) {
    struct response response, again;
    struct error error, again_error;
    int r = message_decode_response(bytes, size, &arena, &response, &error);
    must_refuse_alike(r, &error,
                      message_unpack_response(bytes, size, &arena_again, &again, &again_error),
                      &again_error);
    property(arena.used <= MESSAGE_ARENA_LIMIT, "%zu bytes in the arena", arena.used);
    if (r < 0) {
        property(r == -(int)error.code &&
                     (error.code == ERROR_INVALID || error.code == ERROR_TOO_LARGE ||
                      error.code == ERROR_UNSUPPORTED),
                 "refused as %s: %s", error_code_name(error.code), error.text);
        return false;
    }
    buffer_clear(&encoded);
    buffer_clear(&encoded_again);
    message_encode_response(&response, &encoded);
    message_pack_response(&again, &encoded_again);
    must_be_same("a response that the generated code read");
    arena_reset(&arena_again);
    r = message_decode_response(encoded.bytes, encoded.length, &arena_again, &again, &error);
    property(r == 0, "an encoded message is refused: %s", error.text);
    buffer_clear(&encoded_again);
    message_encode_response(&again, &encoded_again);
    must_be_same("a response");
    return true;
}

/* record_read_in_place() handles what our own encoder writes, and leaves other encodings to the
 * generated code. Both must read the same record. */
static bool run_record(const uint8_t *bytes, size_t size) {
    struct record record, again;
    struct error error;
    bool is_read = record_read_in_place(RECORD_TRANSACTION, bytes, size, &arena, &record);
    int r = record_decode(RECORD_TRANSACTION, bytes, size, &arena_again, &again, &error);
    property(!is_read || r == 0, "read in place, but refused by the generated code: %s",
             error.text);
    if (r < 0)
        return false;
    buffer_clear(&encoded);
    buffer_clear(&encoded_again);
    record_encode(&again, &encoded);
    if (is_read) {
        record_encode(&record, &encoded_again);
        must_be_same("a record that the generated code read");
    }
    arena_reset(&arena);
    if (again.transaction.transaction.erased) /* left to the other decoder */
        return true;
    property(
        record_read_in_place(RECORD_TRANSACTION, encoded.bytes, encoded.length, &arena, &record),
        "an encoded record is not read in place");
    buffer_clear(&encoded_again);
    record_encode(&record, &encoded_again);
    must_be_same("a record");
    return true;
}

static bool run_thresholds(const uint8_t *bytes, size_t size) {
    struct threshold_set set, again;
    struct error error;
    int r = threshold_set_decode(bytes, size, &arena, &set, &error);
    if (r < 0) {
        property(error.text[0] && r == -(int)error.code, "refused without a message");
        return false;
    }
    buffer_clear(&encoded);
    buffer_clear(&encoded_again);
    threshold_set_encode(&set, &encoded);
    r = threshold_set_decode(encoded.bytes, encoded.length, &arena_again, &again, &error);
    property(r == 0, "encoded thresholds are refused: %s", error.text);
    threshold_set_encode(&again, &encoded_again);
    must_be_same("a set of thresholds");
    return true;
}

bool target_run(const uint8_t *bytes, size_t size) {
    if (size == 0)
        return false;
    arena_reset(&arena);
    arena_reset(&arena_again);
    if (bytes[0] & 4)
        return run_thresholds(bytes + 1, size - 1);
    if (bytes[0] & 2)
        return run_record(bytes + 1, size - 1);
    return bytes[0] & 1 ? run_response(bytes + 1, size - 1) : run_request(bytes + 1, size - 1);
}

static void add_thresholds(struct seeds *seeds) {
    static const struct text keys[] = {TEXT_LITERAL("5411"), TEXT_LITERAL("5812")};
    static const double values[] = {1.5, 99};
    static const struct threshold_values thresholds[] = {
        {.name = TEXT_LITERAL("usual"), .definition = 7, .has_overall = true, .overall = 3},
        {.name = TEXT_LITERAL("amount"),
         .samples = 50,
         .key_count = 1,
         .keys = keys,
         .values = values,
         .group_count = 2}};
    static const struct threshold_cutoff cutoffs[] = {
        {.verdict = VERDICT_REVIEW, .definition = 5, .score = 300},
        {.verdict = VERDICT_DECLINE, .definition = 6, .score = 700}};
    const struct threshold_set set = {thresholds, 2, cutoffs, 2};
    struct buffer seed;
    buffer_init(&seed);
    buffer_append_u8(&seed, 4);
    threshold_set_encode(&set, &seed);
    seeds->add(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
}

/* Some of each kind of record, request and answer: many are too long, above all explanations. */
void target_seeds(struct seeds *seeds, const char *root) {
    (void)root;
    struct arena made;
    struct buffer seed;
    struct random random = {.state = 4};
    struct error error;
    unsigned kept[3][CALL_COUNT] = {0};
    add_thresholds(seeds);
    arena_init(&made, (size_t)4 << 20);
    buffer_init(&seed);
    for (unsigned i = 0; i < TRIES; i++) {
        unsigned kind = i % 4 == 3 ? 2 : i & 1, call = 0;
        arena_reset(&made);
        buffer_clear(&seed);
        buffer_append_u8(&seed, (uint8_t)kind);
        if (kind == 2) {
            struct record record = {.type = RECORD_TRANSACTION};
            do
                record = random_record(&random, &made);
            while (record.type != RECORD_TRANSACTION);
            record_encode(&record, &seed);
        } else if (kind == 1) {
            struct response response = random_response(&random, &made);
            call = response.call;
            message_encode_response(&response, &seed);
        } else {
            struct request request = random_request(&random, &made);
            call = request.call;
            property(message_encode_request(&request, &seed, &error) == 0, "%s", error.text);
        }
        unsigned most = kind == 2 ? 40 : call == CALL_SCORE ? 20 : 4;
        if (seed.length <= (call == CALL_EXPLAIN ? EXPLANATION_BYTES_MAX : SEED_BYTES_MAX) &&
            kept[kind][call]++ < most)
            seeds->add(seeds, seed.bytes, seed.length);
    }
    buffer_deinit(&seed);
    arena_deinit(&made);
}
