/* The messages around transactions, outcomes and decisions (transaction_bytes.h, decision_bytes.h).
 * The numbers in TAG() and in the writers are the field numbers of harrier.proto. */
#include "message_bytes.h"

#include "core/wire/bytes/decision_bytes.h"
#include "core/wire/bytes/transaction_bytes.h"
#include "core/wire/bytes/writing.h"
#include "core/wire/types/field_text.h"
#include "message_parts.h"

/* Field numbers of the calls in Request, and of their answers in Response. */
enum { SCORE = 10, REPORT_OUTCOME = 11 };

/* ---------------------------------------------------------------------------------------------
 * Memory
 *
 * The generated code needs more memory, and refuses a message if the arena cannot hold what it
 * makes. So that the result does not depend on which of the two reads a message, the fast reader
 * takes only those for which the generated code would certainly have room. On a 64-bit machine that
 * needs at most 64 bytes for each byte of a request (an empty attribute has 3 bytes: our struct,
 * the generated one, the pointer to it, and twice what the library keeps of a field while it reads)
 * and 600 for each of up to 1,000 transactions; for each byte of a response 180 (an empty result
 * has 2 bytes). */
#define REQUEST_BYTES_EACH  72
#define REQUEST_BYTES_MORE  ((size_t)1 << 20)
#define RESPONSE_BYTES_EACH 200
#define RESPONSE_BYTES_MORE ((size_t)64 << 10)

/* Would the generated code have room in this arena? */
static bool has_room(const struct arena *arena, size_t length, size_t each, size_t more) {
    size_t left = arena->limit - arena->used;
    return length > 0 && left >= more && (left - more) / each >= length;
}

/* Copies the message into the arena: what is decoded must not point into the caller's bytes. */
static struct reading read_copy(const void *bytes, size_t length, struct arena *arena, size_t each,
                                size_t more) {
    void *copy = has_room(arena, length, each, more) ? arena_alloc(arena, length) : NULL;
    if (!copy)
        return reading_other();
    memcpy(copy, bytes, length);
    return reading_of(copy, length);
}

/* ---------------------------------------------------------------------------------------------
 * Reading requests */

/* Counts transactions before it allocates, so one array of the right size is enough. More than a
 * request may have are left to the generated code, which reports the limit. A request without
 * transactions is left to it too. */
static bool read_score(struct reading reading, struct arena *arena, struct request *request) {
    uint32_t tag, last = 0;
    struct score_request *score = &request->score;
    struct transaction *transactions = NULL;
    *score = (struct score_request){0};
    while ((tag = take_tag(&reading, &last))) {
        if (tag == TAG(2, WIRE_VARINT)) {
            score->dry_run = take_flag(&reading);
            continue;
        }
        if (tag == TAG(3, WIRE_VARINT)) {
            score->return_features = take_flag(&reading);
            continue;
        }
        if (tag != TAG(1, WIRE_BYTES))
            return false;
        size_t count = reading_count(reading, tag);
        if (count > TRANSACTION_BATCH_MAX ||
            !(transactions = arena_calloc(arena, count, sizeof *transactions)))
            return false;
        for (size_t i = 0; i < count; i++) {
            if (i > 0)
                take_tag_again(&reading, tag);
            if (!transaction_read(take_message(&reading), arena, &transactions[i]))
                return false;
        }
        score->transactions = transactions;
        score->transaction_count = count;
    }
    request->call = CALL_SCORE;
    return transactions && is_whole(reading);
}

/* An unknown label is kept as LABEL_COUNT: the check of the outcome refuses it, and the others are
 * not affected. */
static bool read_outcome(struct reading reading, struct outcome *outcome) {
    uint32_t tag, last = 0;
    while ((tag = take_tag(&reading, &last))) {
        if (tag == TAG(1, WIRE_BYTES)) {
            outcome->transaction_id = take_text(&reading);
        } else if (tag == TAG(2, WIRE_VARINT)) {
            uint32_t number = take_u32(&reading);
            outcome->label = number < LABEL_COUNT ? (enum label)number : LABEL_COUNT;
        } else if (tag == TAG(3, WIRE_VARINT)) {
            outcome->known_time_us = take_integer(&reading);
        } else if (tag == TAG(4, WIRE_BYTES)) {
            outcome->source = take_text(&reading);
        } else if (tag == TAG(60, WIRE_VARINT)) {
            outcome->unless_labelled = take_flag(&reading);
        } else {
            return false;
        }
    }
    return is_whole(reading);
}

static bool read_outcomes(struct reading reading, struct arena *arena, struct request *request) {
    uint32_t last = 0, tag = take_tag(&reading, &last);
    if (tag != TAG(1, WIRE_BYTES))
        return false;
    size_t count = reading_count(reading, tag);
    struct outcome *outcomes =
        count > TRANSACTION_BATCH_MAX ? NULL : arena_calloc(arena, count, sizeof *outcomes);
    if (!outcomes)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            take_tag_again(&reading, tag);
        if (!read_outcome(take_message(&reading), &outcomes[i]))
            return false;
    }
    request->call = CALL_REPORT_OUTCOME;
    request->outcome = (struct outcome_request){.outcomes = outcomes, .outcome_count = count};
    return is_whole(reading);
}

/* Reads the fields before the call. Returns the tag of the call; 0: another protocol, or another
 * form. */
static uint32_t read_head(struct reading *reading, struct request *request) {
    uint32_t tag, last = 0, protocol = 0;
    request->deadline_us = 0;
    request->token = request->traceparent = (struct text){0};
    while ((tag = take_tag(reading, &last))) {
        if (tag == TAG(1, WIRE_VARINT))
            protocol = take_u32(reading);
        else if (tag == TAG(2, WIRE_VARINT))
            request->deadline_us = take_u64(reading);
        else if (tag == TAG(3, WIRE_BYTES))
            request->token = take_text(reading);
        else if (tag == TAG(4, WIRE_BYTES))
            request->traceparent = take_text(reading);
        else
            break;
    }
    return protocol == MESSAGE_PROTOCOL && !is_other(*reading) ? tag : 0;
}

enum call message_peek_call(const void *bytes, size_t length) {
    uint64_t deadline_us;
    struct text token;
    return message_peek_head(bytes, length, &deadline_us, &token);
}

enum call message_peek_head(const void *bytes, size_t length, uint64_t *ret_deadline_us,
                            struct text *ret_token) {
    struct reading reading = reading_of(bytes, length);
    struct request head;
    uint32_t tag = read_head(&reading, &head);
    *ret_deadline_us = head.deadline_us;
    *ret_token = head.token;
    take_message(&reading);
    if (!is_whole(reading)) /* with two calls the last one counts: left to the generated code */
        return CALL_NONE;
    return tag == TAG(SCORE, WIRE_BYTES)            ? CALL_SCORE
           : tag == TAG(REPORT_OUTCOME, WIRE_BYTES) ? CALL_REPORT_OUTCOME
                                                    : CALL_NONE;
}

/* The same text in the copy of the bytes. */
static struct text rebased(struct text text, const void *from, const uint8_t *to) {
    if (text.data)
        text.data = (const char *)to + (text.data - (const char *)from);
    return text;
}

/* The head is read before the copy is made: a message that is left to the generated code is not
 * copied, and if its rest is, the token is wiped from the copy. */
bool message_read_request(const void *bytes, size_t length, struct arena *arena,
                          struct request *ret_request) {
    struct reading reading = reading_of(bytes, length);
    uint32_t tag = read_head(&reading, ret_request);
    if ((tag != TAG(SCORE, WIRE_BYTES) && tag != TAG(REPORT_OUTCOME, WIRE_BYTES)) ||
        !has_room(arena, length, REQUEST_BYTES_EACH, REQUEST_BYTES_MORE))
        return false;
    uint8_t *copy = arena_alloc(arena, length);
    if (!copy)
        return false;
    memcpy(copy, bytes, length);
    size_t head_length = (size_t)(reading.at - (const uint8_t *)bytes);
    reading = reading_of(copy + head_length, length - head_length);
    ret_request->token = rebased(ret_request->token, bytes, copy);
    ret_request->traceparent = rebased(ret_request->traceparent, bytes, copy);
    bool is_read = tag == TAG(SCORE, WIRE_BYTES)
                       ? read_score(take_message(&reading), arena, ret_request)
                       : read_outcomes(take_message(&reading), arena, ret_request);
    is_read = is_read && is_whole(reading);
    if (!is_read && ret_request->token.length > 0)
        explicit_bzero(copy + (ret_request->token.data - (const char *)copy),
                       ret_request->token.length);
    return is_read;
}

/* ---------------------------------------------------------------------------------------------
 * Reading responses */

/* The code of an error is an open enum: an unknown one becomes internal, as in the generated way.
 */
static bool read_error(struct reading reading, struct wire_error *error) {
    uint32_t tag, last = 0, code = 0, fallback = 0;
    while ((tag = take_tag(&reading, &last))) {
        if (tag == TAG(1, WIRE_VARINT))
            code = take_u32(&reading);
        else if (tag == TAG(2, WIRE_BYTES))
            error->field = take_text(&reading);
        else if (tag == TAG(3, WIRE_BYTES))
            error->message = take_text(&reading);
        else if (tag == TAG(4, WIRE_BYTES))
            error->primary = take_text(&reading);
        else if (tag == TAG(5, WIRE_VARINT))
            fallback = take_u32(&reading);
        else
            return false;
    }
    error->fallback = fallback < VERDICT_COUNT ? (enum verdict)fallback : VERDICT_NONE;
    error->code = error_code_from_protobuf((int)code);
    return is_whole(reading);
}

static bool read_accepted(struct reading reading, struct outcome_result *result) {
    uint32_t tag, last = 0, label = LABEL_NONE;
    while ((tag = take_tag(&reading, &last))) {
        if (tag == TAG(1, WIRE_BYTES))
            result->transaction_id = take_text(&reading);
        else if (tag == TAG(2, WIRE_VARINT))
            result->position = take_u64(&reading);
        else if (tag == TAG(3, WIRE_VARINT))
            result->changed = take_flag(&reading);
        else if (tag == TAG(4, WIRE_VARINT))
            label = take_u32(&reading);
        else
            return false;
    }
    result->previous = (enum label)label;
    return label < LABEL_COUNT && is_whole(reading);
}

/* A result is a oneof: the decision (or what was accepted), or an error. */
static bool read_score_result(struct reading reading, struct arena *arena,
                              struct score_result *result) {
    uint32_t last = 0, tag = take_tag(&reading, &last);
    bool is_read = false;
    if (tag == TAG(1, WIRE_BYTES))
        is_read = decision_read(take_message(&reading), arena, &result->decision);
    else if (tag == TAG(2, WIRE_BYTES))
        is_read = read_error(take_message(&reading), &result->error);
    return is_read && is_whole(reading);
}

static bool read_outcome_result(struct reading reading, struct outcome_result *result) {
    uint32_t last = 0, tag = take_tag(&reading, &last);
    bool is_read = false;
    if (tag == TAG(1, WIRE_BYTES))
        is_read = read_accepted(take_message(&reading), result);
    else if (tag == TAG(2, WIRE_BYTES))
        is_read = read_error(take_message(&reading), &result->error);
    return is_read && is_whole(reading);
}

/* An answer has no limit of its own beyond its bytes: has_room() has bounded what the results can
 * take. */
static bool read_score_answer(struct reading reading, struct arena *arena,
                              struct response *response) {
    uint32_t last = 0, tag = take_tag(&reading, &last);
    if (tag != TAG(1, WIRE_BYTES))
        return false;
    size_t count = reading_count(reading, tag);
    struct score_result *results = arena_calloc(arena, count, sizeof *results);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            take_tag_again(&reading, tag);
        if (!results || !read_score_result(take_message(&reading), arena, &results[i]))
            return false;
    }
    response->call = CALL_SCORE;
    response->score.results = results;
    response->score.count = count;
    return is_whole(reading);
}

static bool read_outcome_answer(struct reading reading, struct arena *arena,
                                struct response *response) {
    uint32_t last = 0, tag = take_tag(&reading, &last);
    if (tag != TAG(1, WIRE_BYTES))
        return false;
    size_t count = reading_count(reading, tag);
    struct outcome_result *results = arena_calloc(arena, count, sizeof *results);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            take_tag_again(&reading, tag);
        if (!results || !read_outcome_result(take_message(&reading), &results[i]))
            return false;
    }
    response->call = CALL_REPORT_OUTCOME;
    response->outcome.results = results;
    response->outcome.count = count;
    return is_whole(reading);
}

bool message_read_response(const void *bytes, size_t length, struct arena *arena,
                           struct response *ret_response) {
    struct reading reading =
        read_copy(bytes, length, arena, RESPONSE_BYTES_EACH, RESPONSE_BYTES_MORE);
    uint32_t last = 0, tag = take_tag(&reading, &last);
    bool is_read = false;
    ret_response->error = (struct wire_error){0};
    if (tag == TAG(1, WIRE_BYTES)) {
        ret_response->call = CALL_NONE;
        is_read = read_error(take_message(&reading), &ret_response->error);
    } else if (tag == TAG(SCORE, WIRE_BYTES)) {
        is_read = read_score_answer(take_message(&reading), arena, ret_response);
    } else if (tag == TAG(REPORT_OUTCOME, WIRE_BYTES)) {
        is_read = read_outcome_answer(take_message(&reading), arena, ret_response);
    }
    return is_read && is_whole(reading);
}

/* ---------------------------------------------------------------------------------------------
 * Writing requests */

/* Fields 1 to 4, and the tag and length of the call. */
#define REQUEST_ROOM (6 * FIELD_ROOM)

static size_t outcome_room(const struct outcome *outcome) {
    return 6 * FIELD_ROOM + outcome->transaction_id.length + outcome->source.length;
}

static uint8_t *write_outcome(const struct outcome *outcome, uint8_t *at) {
    const uint8_t *end = at;
    at = put_number(at, 60, outcome->unless_labelled);
    at = put_text(at, 4, outcome->source);
    at = put_integer(at, 3, outcome->known_time_us);
    at = put_number(at, 2, outcome->label);
    at = put_text(at, 1, outcome->transaction_id);
    return put_message(at, 1, end);
}

/* The order of calls is that of falling field numbers, here and below: writing.h goes backwards. */
static uint8_t *write_score(const struct score_request *score, uint8_t *at) {
    const uint8_t *end = at;
    at = put_number(at, 3, score->return_features);
    at = put_number(at, 2, score->dry_run);
    for (size_t i = score->transaction_count; i-- > 0;)
        at = transaction_write(&score->transactions[i], 1, at);
    return put_message(at, SCORE, end);
}

static uint8_t *write_outcomes(const struct outcome_request *outcome, uint8_t *at) {
    const uint8_t *end = at;
    for (size_t i = outcome->outcome_count; i-- > 0;)
        at = write_outcome(&outcome->outcomes[i], at);
    return put_message(at, REPORT_OUTCOME, end);
}

/* `room` is an upper bound, so it may refuse a request that would fit: the generated code decides
 * then. */
bool message_write_request(const struct request *request, bool head, struct buffer *buffer) {
    size_t room = REQUEST_ROOM + request->token.length + request->traceparent.length;
    if (request->call == CALL_SCORE) {
        room += 2 * FIELD_ROOM;
        for (size_t i = 0; i < request->score.transaction_count; i++)
            room += transaction_room(&request->score.transactions[i]);
    } else if (request->call == CALL_REPORT_OUTCOME) {
        for (size_t i = 0; i < request->outcome.outcome_count; i++)
            room += outcome_room(&request->outcome.outcomes[i]);
    } else {
        return false;
    }
    if (room > MESSAGE_SIZE_MAX)
        return false;
    struct writing writing = writing_begin(buffer, room);
    uint8_t *at = writing.end;
    at = request->call == CALL_SCORE ? write_score(&request->score, at)
                                     : write_outcomes(&request->outcome, at);
    at = put_text(at, 4, request->traceparent);
    if (head) {
        at = put_text(at, 3, request->token);
        at = put_number(at, 2, request->deadline_us);
        at = put_number(at, 1, MESSAGE_PROTOCOL);
    }
    writing_finish(&writing, at);
    return true;
}

/* ---------------------------------------------------------------------------------------------
 * Writing responses */

/* Messages are cut by the same field_cut() that writes them, so the bound is never too small. */
static size_t error_room(const struct wire_error *error) {
    return 6 * FIELD_ROOM + error->field.length + error->primary.length +
           field_cut(error->message, ERROR_MESSAGE_MAX).length;
}

static uint8_t *write_error(const struct wire_error *error, uint32_t number, uint8_t *at) {
    const uint8_t *end = at;
    at = put_number(at, 5, error->fallback);
    at = put_text(at, 4, error->primary);
    at = put_text(at, 3, field_cut(error->message, ERROR_MESSAGE_MAX));
    at = put_text(at, 2, error->field);
    at = put_number(at, 1, (uint64_t)error_code_to_protobuf(error->code));
    return put_message(at, number, end);
}

static uint8_t *write_accepted(const struct outcome_result *result, uint32_t number, uint8_t *at) {
    const uint8_t *end = at;
    at = put_number(at, 4, result->previous);
    at = put_number(at, 3, result->changed);
    at = put_number(at, 2, result->position);
    at = put_text(at, 1, result->transaction_id);
    return put_message(at, number, end);
}

static size_t score_answer_room(const struct response *response) {
    size_t room = FIELD_ROOM;
    for (size_t i = 0; i < response->score.count; i++) {
        const struct score_result *result = &response->score.results[i];
        room += FIELD_ROOM + (result->error.code ? error_room(&result->error)
                                                 : decision_room(&result->decision));
    }
    return room;
}

static uint8_t *write_score_answer(const struct response *response, uint8_t *at) {
    const uint8_t *end = at;
    for (size_t i = response->score.count; i-- > 0;) {
        const struct score_result *result = &response->score.results[i];
        const uint8_t *result_end = at;
        at = result->error.code ? write_error(&result->error, 2, at)
                                : decision_write(&result->decision, 1, at);
        at = put_message(at, 1, result_end);
    }
    return put_message(at, SCORE, end);
}

static size_t outcome_answer_room(const struct response *response) {
    size_t room = FIELD_ROOM;
    for (size_t i = 0; i < response->outcome.count; i++) {
        const struct outcome_result *result = &response->outcome.results[i];
        room += FIELD_ROOM + (result->error.code ? error_room(&result->error)
                                                 : 5 * FIELD_ROOM + result->transaction_id.length);
    }
    return room;
}

static uint8_t *write_outcome_answer(const struct response *response, uint8_t *at) {
    const uint8_t *end = at;
    for (size_t i = response->outcome.count; i-- > 0;) {
        const struct outcome_result *result = &response->outcome.results[i];
        const uint8_t *result_end = at;
        at =
            result->error.code ? write_error(&result->error, 2, at) : write_accepted(result, 1, at);
        at = put_message(at, 1, result_end);
    }
    return put_message(at, REPORT_OUTCOME, end);
}

/* As for requests: an answer that may exceed the limit is left to the generated code. */
bool message_write_response(const struct response *response, struct buffer *buffer) {
    size_t room;
    if (response->error.code)
        room = error_room(&response->error);
    else if (response->call == CALL_SCORE)
        room = score_answer_room(response);
    else if (response->call == CALL_REPORT_OUTCOME)
        room = outcome_answer_room(response);
    else
        return false;
    if (room > MESSAGE_RESPONSE_SIZE_MAX)
        return false;
    struct writing writing = writing_begin(buffer, room);
    uint8_t *at = writing.end;
    if (response->error.code)
        at = write_error(&response->error, 1, at);
    else if (response->call == CALL_SCORE)
        at = write_score_answer(response, at);
    else
        at = write_outcome_answer(response, at);
    writing_finish(&writing, at);
    return true;
}
