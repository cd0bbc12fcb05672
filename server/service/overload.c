/* What a front asks while requests wait (front.h): their deadlines, whose they are, and what to
 * answer those that it refuses.
 *
 * Such answers are sent by the hundred thousand when there is least time for it, so each is encoded
 * once, for every fallback verdict that a policy can have; and they are short, since copying them
 * is much of what a refusal costs. */
#include "overload.h"

#include "core/base/check.h"

#include <stdlib.h>

struct refusals {
    struct buffer answers[FRONT_REFUSAL_COUNT][VERDICT_COUNT];
};

static const struct {
    enum error_code code;
    const char *message;
} refusals[FRONT_REFUSAL_COUNT] = {
    [FRONT_OVERLOADED] = {ERROR_OVERLOADED,
                          "too much waits to answer in time; nothing was recorded"},
    [FRONT_LATE] = {ERROR_DEADLINE, "the deadline passed while it waited; nothing was recorded"},
};

void overload_open(struct service *service) {
    service->refusals = check_calloc(1, sizeof *service->refusals);
    for (size_t why = 0; why < FRONT_REFUSAL_COUNT; why++)
        for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++) {
            struct buffer *answer = &service->refusals->answers[why][verdict];
            struct response response = {.error = {.code = refusals[why].code,
                                                  .message = text_of(refusals[why].message),
                                                  .fallback = (enum verdict)verdict}};
            buffer_init(answer);
            message_encode_response(&response, answer);
        }
}

void overload_close(struct service *service) {
    if (!service->refusals)
        return;
    for (size_t why = 0; why < FRONT_REFUSAL_COUNT; why++)
        for (size_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
            buffer_deinit(&service->refusals->answers[why][verdict]);
    free(service->refusals);
}

void service_look(void *user, const void *bytes, size_t length, struct front_look *ret_look) {
    (void)user;
    enum call call = message_peek_head(bytes, length, &ret_look->deadline_us, &ret_look->token);
    ret_look->asks_for_verdicts = call == CALL_SCORE;
    ret_look->may_answer_much = call == CALL_NONE;
}

void service_classify(void *user, struct text token, uint64_t *ret_class, unsigned *ret_weight) {
    const struct service *service = user;
    *ret_class = 0;
    *ret_weight = 1;
    if (service->tokens)
        tokens_classify(service->tokens, token, ret_class, ret_weight);
}

unsigned service_classes_version(void *user) {
    const struct service *service = user;
    return service->tokens ? tokens_version(service->tokens) : 0;
}

struct text service_refusal(void *user, enum front_refusal why, bool asks_for_verdicts) {
    struct service *service = user;
    unsigned verdict = VERDICT_NONE;
    if (asks_for_verdicts)
        verdict = atomic_load_explicit(&service->fallback, memory_order_relaxed);
    return buffer_text(&service->refusals->answers[why][verdict]);
}
