/* Target: requests and responses as JSON.
 *
 *   input  u8: 0, followed by the bytes of a Response; otherwise the call (modulo the number of
 *          calls), followed by its JSON
 *
 * JSON must be refused with a message that is clean text, or give the same bytes twice, which the
 * decoder then accepts or refuses like any others. Every response that can be unpacked must give
 * JSON that jansson reads, without duplicate names. */
#include "common/target.h"

#include "core/wire/message/message_json.h"
#include "tests/unit/wire/random_wire.h"

#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define SEED_BYTES_MAX 1200

static struct arena arena;
static struct buffer bytes, bytes_again;

void target_start(void) {
    arena_init(&arena, MESSAGE_ARENA_LIMIT);
    buffer_init(&bytes);
    buffer_init(&bytes_again);
}

static bool run_json(enum call call, struct text json) {
    const struct message_envelope envelope = {.deadline_us = 5, .token = TEXT_LITERAL("secret")};
    char path[MESSAGE_JSON_PATH_MAX];
    struct request request;
    struct error error;
    buffer_clear(&bytes);
    buffer_clear(&bytes_again);
    int r = message_json_decode(call, json, &envelope, &bytes, path, &error);
    property(strlen(path) < sizeof path && text_is_clean(text_of(path), NULL), "the path \"%s\"",
             path);
    if (r < 0) {
        property(r == -(int)error.code &&
                     (error.code == ERROR_INVALID || error.code == ERROR_TOO_LARGE),
                 "refused as %s: %s", error_code_name(error.code), error.text);
        property(error.text[0] && text_is_clean(text_of(error.text), NULL), "the message \"%s\"",
                 error.text);
        property(bytes.length == 0, "%zu bytes of a refused request", bytes.length);
        return false;
    }
    property(message_json_decode(call, json, &envelope, &bytes_again, path, &error) == 0, "%s",
             error.text);
    property(bytes.length == bytes_again.length &&
                 memcmp(bytes.bytes, bytes_again.bytes, bytes.length) == 0,
             "other bytes the second time");
    r = message_decode_request(bytes.bytes, bytes.length, &arena, &request, &error);
    property(r == 0 || error.code == ERROR_INVALID || error.code == ERROR_TOO_LARGE,
             "refused as %s: %s", error_code_name(error.code), error.text);
    property(r < 0 || (request.call == call && request.deadline_us == 5 &&
                       text_is(request.token, "secret")),
             "another call or envelope");
    return true;
}

static bool run_response(const uint8_t *input, size_t size) {
    enum error_code code;
    struct error error;
    json_error_t diagnostic;
    for (int defaults = 0; defaults < 2; defaults++) {
        buffer_clear(&bytes);
        if (message_json_encode(input, size, defaults, &bytes, &code, &error) < 0)
            return false;
        /* Doubles without a fraction may exceed jansson's integers. */
        json_t *json = json_loadb((const char *)bytes.bytes, bytes.length,
                                  JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
                                  &diagnostic);
        property(json_is_object(json), "%s in %.*s", diagnostic.text, (int)bytes.length,
                 (const char *)bytes.bytes);
        /* A ReloadResponse has a text named "error"; only an object is a failure. */
        bool is_failure = json_is_object(json_object_get(json, "error"));
        property((code != 0) == is_failure, "code %d", (int)code);
        json_decref(json);
    }
    return true;
}

bool target_run(const uint8_t *input, size_t size) {
    if (size == 0)
        return false;
    arena_reset(&arena);
    if (input[0] == 0)
        return run_response(input + 1, size - 1);
    enum call call = CALL_SCORE + input[0] % (CALL_COUNT - CALL_SCORE);
    return run_json(call, (struct text){(const char *)input + 1, size - 1});
}

static void add_vector(struct seeds *seeds, const json_t *value, struct buffer *seed) {
    for (enum call call = CALL_SCORE; call < CALL_COUNT; call++) {
        char *json = json_dumps(json_object_get(value, call_name(call)), JSON_COMPACT);
        if (!json)
            continue;
        buffer_clear(seed);
        buffer_append_u8(seed, (uint8_t)(call - CALL_SCORE + CALL_COUNT - CALL_SCORE));
        buffer_append_string(seed, json);
        seeds->add(seeds, seed->bytes, seed->length);
        free(json);
    }
}

struct refused {
    struct bad_case taker;
    struct seeds *seeds;
};

/* The body of a request; which call it is for, its path says. /v1/status has no body. */
static void take_request(struct bad_case *self, struct text name, struct text content) {
    static const struct {
        const char *path;
        enum call call;
    } calls[] = {{"/v1/score", CALL_SCORE},         {"/v1/outcomes", CALL_REPORT_OUTCOME},
                 {"/v1/entity", CALL_GET_ENTITY},   {"/v1/explain", CALL_EXPLAIN},
                 {"/v1/lists", CALL_GET_LIST},      {"/v1/list-changes", CALL_CHANGE_LIST},
                 {"/v1/reload", CALL_RELOAD},       {"/v1/amendments", CALL_AMEND},
                 {"/v1/brakes", CALL_CHANGE_BRAKE}, {"/v1/find", CALL_FIND},
                 {"/v1/backfill", CALL_BACKFILL}};
    const struct refused *refused = (const struct refused *)self;
    const char *body = memmem(content.data, content.length, "\n\n", 2);
    struct buffer seed;
    (void)name;
    if (!body)
        return;
    buffer_init(&seed);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (!memmem(content.data, content.length, calls[i].path, strlen(calls[i].path)))
            continue;
        buffer_clear(&seed);
        buffer_append_u8(&seed, (uint8_t)calls[i].call);
        buffer_append(&seed, body + 2, (size_t)(content.data + content.length - body - 2));
        refused->seeds->add_any(refused->seeds, seed.bytes, seed.length);
    }
    buffer_deinit(&seed);
}

static void end_case(struct bad_case *self) {
    (void)self;
}

void target_seeds(struct seeds *seeds, const char *root) {
    struct refused refused = {.taker = {.take = take_request, .end = end_case}, .seeds = seeds};
    struct arena made;
    struct buffer seed;
    struct random random = {.state = 4};
    char pattern[4096];
    glob_t found;
    arena_init(&made, (size_t)4 << 20);
    buffer_init(&seed);
    snprintf(pattern, sizeof pattern, "%s/tests/cases/wire/request_*.json", root);
    bad_cases(root, "http", &refused.taker);
    property(glob(pattern, 0, NULL, &found) == 0, "%s", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        json_t *json = json_load_file(found.gl_pathv[i], 0, NULL);
        add_vector(seeds, json_object_get(json, "value"), &seed);
        json_decref(json);
    }
    globfree(&found);
    for (unsigned i = 0; i < 60; i++) {
        struct response response = random_response(&random, &made);
        buffer_clear(&seed);
        buffer_append_u8(&seed, 0);
        message_encode_response(&response, &seed);
        if (seed.length <= SEED_BYTES_MAX)
            seeds->add(seeds, seed.bytes, seed.length);
        arena_reset(&made);
    }
    buffer_deinit(&seed);
    arena_deinit(&made);
}
