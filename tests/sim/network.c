#include "network.h"

#include "life.h"
#include "model.h"
#include "schedule.h"

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES_MAX     64
#define SALES_OF_MESSAGE 3
#define THREADS          2
#define TOGETHER_MAX     4

struct message {
    struct front_request request; /* first */
    bool is_used, is_taken, is_lost;
    bool waits; /* network_ask() takes the answer */
    bool is_answered;
    int64_t deliver_us;
    enum call call;
    size_t sales[SALES_OF_MESSAGE];
    size_t sale_count;
    bool is_dry_run;
    enum label label;
    unsigned card;
    bool removed;
    struct buffer bytes, answer;
};

static struct message messages[MESSAGES_MAX];
static struct service *service;
static bool is_closing;
static int threads[THREADS];
static unsigned waiting;

/* ---- answers ---- */

/* A read has failed, and the answer says so. One that says instead that bytes are damaged would
 * have an operator mend what is whole. */
static bool is_of_failed_read(const struct wire_error *error) {
    char text[512];
    snprintf(text, sizeof text, "%.*s", TEXT_ARGS(error->message));
    return world->is_disturbed && error->code == ERROR_INTERNAL && strstr(text, strerror(EIO));
}

static void take_score(const struct message *message, const struct response *response) {
    if (response->score.count != message->sale_count)
        broken("%zu results of %zu transactions", response->score.count, message->sale_count);
    for (size_t i = 0; i < message->sale_count; i++) {
        const struct score_result *result = &response->score.results[i];
        char id[24];
        model_sale_id(message->sales[i], id);
        if (result->error.code == ERROR_ID_CONFLICT ||
            (result->error.code == ERROR_INTERNAL && !is_of_failed_read(&result->error)))
            broken("transaction %s: %.*s", id, TEXT_ARGS(result->error.message));
        if (result->error.code != 0)
            continue;
        if (!text_is(result->decision.transaction_id, id))
            broken("the answer for %s is about %.*s", id,
                   TEXT_ARGS(result->decision.transaction_id));
        if (!message->is_dry_run)
            model_answered_score(message->sales[i], &result->decision);
    }
}

static void take(const struct message *message, const struct response *response) {
    const struct wire_error *error = &response->error;
    if ((error->code == ERROR_INTERNAL && !is_of_failed_read(error)) ||
        error->code == ERROR_INVALID)
        broken("a %s was refused: %.*s", call_name(message->call), TEXT_ARGS(error->message));
    if (error->code != 0)
        return;
    switch (message->call) {
    case CALL_SCORE:
        take_score(message, response);
        break;
    case CALL_REPORT_OUTCOME:
        if (response->outcome.results[0].error.code == 0)
            model_answered_outcome(message->sales[0], message->label,
                                   &response->outcome.results[0]);
        break;
    case CALL_AMEND:
        if (response->amend.results[0].error.code == 0)
            model_answered_amendment(message->sales[0], &response->amend.results[0]);
        break;
    case CALL_CHANGE_LIST:
        if (response->list_change.results[0].error.code == 0)
            model_answered_list(message->card, message->removed, &response->list_change.results[0]);
        break;
    case CALL_CHANGE_BRAKE:
        model_answered_brake(response->brake_change.position);
        break;
    default:
        break;
    }
}

/* From any thread of the service. */
static void reply(struct front_request *request, const void *bytes, size_t length) {
    struct message *message = (struct message *)request;
    if (!message->is_used || !message->is_taken || message->is_answered)
        broken("a request is answered twice, or before it was made");
    message->is_answered = true;
    waiting--;
    if (message->waits) {
        buffer_append(&message->answer, bytes, length);
        schedule_wake(message, true);
        return;
    }
    if (!message->is_lost) {
        struct arena arena;
        struct response response;
        struct error error;
        arena_init(&arena, 64u << 20);
        if (message_decode_response(bytes, length, &arena, &response, &error) < 0)
            broken("an answer cannot be read: %s", error.text);
        take(message, &response);
        arena_deinit(&arena);
        life_note_promise();
    }
    buffer_deinit(&message->bytes);
    message->is_used = false;
}

static const struct front_kind kind = {.name = "sim", .reply = reply};
static struct front front = {.kind = &kind};

/* ---- delivery ---- */

/* Any of those that are due. NULL: none; *ret_next is when one will be, < 0: never. */
static struct message *pick(int64_t *ret_next) {
    struct message *picked = NULL;
    uint64_t count = 0;
    *ret_next = -1;
    for (size_t i = 0; i < MESSAGES_MAX; i++) {
        struct message *message = &messages[i];
        if (!message->is_used || message->is_taken)
            continue;
        if (message->deliver_us > world->monotonic_us) {
            if (*ret_next < 0 || message->deliver_us < *ret_next)
                *ret_next = message->deliver_us;
        } else if (chance_once(CHANCE_NETWORK, ++count)) {
            picked = message;
        }
    }
    return picked;
}

static void *deliver(void *user) {
    (void)user;
    while (!is_closing) {
        struct front_request *together[TOGETHER_MAX];
        size_t count = 0, most = 1 + chance_below(CHANCE_NETWORK, TOGETHER_MAX);
        int64_t next = -1;
        for (struct message *message; count < most && (message = pick(&next));) {
            message->is_taken = true;
            message->request.arrived_us = world->monotonic_us;
            together[count++] = &message->request;
        }
        if (count > 0)
            service_handle_all(service, together, count);
        else
            schedule_wait(messages, next);
    }
    return NULL;
}

void network_open(struct service *of) {
    service = of;
    for (int i = 0; i < THREADS; i++)
        threads[i] = schedule_start(deliver, NULL, PROCESS_SERVER);
}

void network_close(void) {
    is_closing = true;
    schedule_wake(messages, true);
    for (int i = 0; i < THREADS; i++)
        schedule_join(threads[i]);
}

unsigned network_waiting(void) {
    return waiting;
}

static struct message *new_message(enum call call) {
    for (size_t i = 0; i < MESSAGES_MAX; i++)
        if (!messages[i].is_used) {
            messages[i] = (struct message){.is_used = true, .call = call};
            messages[i].request.front = &front;
            return &messages[i];
        }
    return NULL;
}

static void send(struct message *message, const struct request *request) {
    struct error error;
    buffer_init(&message->bytes);
    buffer_init(&message->answer);
    if (message_encode_request(request, &message->bytes, &error) < 0)
        broken("a request cannot be encoded: %s", error.text);
    message->request.bytes = message->bytes.bytes;
    message->request.length = message->bytes.length;
    message->deliver_us = world->monotonic_us;
    if (!message->waits && fault_happens(FAULT_NETWORK, 4))
        message->deliver_us += (int64_t)chance_below(CHANCE_NETWORK, 20000);
    if (!message->waits && fault_happens(FAULT_NETWORK, 12))
        message->is_lost = true;
    waiting++;
    world->counts[COUNT_REQUESTS]++;
    schedule_wake(messages, true);
}

struct response network_ask(const struct request *request) {
    static struct arena arena;
    static bool has_arena;
    struct response response;
    struct error error;
    if (has_arena)
        arena_deinit(&arena);
    arena_init(&arena, 64u << 20);
    has_arena = true;
    struct message *message = new_message(request->call);
    if (!message)
        broken("too many requests are under way");
    message->waits = true;
    send(message, request);
    while (!message->is_answered)
        schedule_wait(message, -1);
    if (message_decode_response(message->answer.bytes, message->answer.length, &arena, &response,
                                &error) < 0)
        broken("an answer cannot be read: %s", error.text);
    buffer_deinit(&message->bytes);
    buffer_deinit(&message->answer);
    message->is_used = false;
    return response;
}

/* ---- what clients do ---- */

static void send_score(const size_t *sales, size_t count) {
    struct message *message = new_message(CALL_SCORE);
    struct transaction transactions[SALES_OF_MESSAGE];
    char ids[SALES_OF_MESSAGE][24];
    if (!message)
        return;
    message->sale_count = count;
    message->is_dry_run = chance_once(CHANCE_WORK, 20);
    for (size_t i = 0; i < count; i++) {
        message->sales[i] = sales[i];
        transactions[i] = model_transaction(sales[i], ids[i]);
        model_sale(sales[i])->is_sent = true;
    }
    const struct request request = {.call = CALL_SCORE,
                                    .score = {.transactions = transactions,
                                              .transaction_count = count,
                                              .dry_run = message->is_dry_run,
                                              .return_features = chance_once(CHANCE_WORK, 2)}};
    send(message, &request);
}

static void score_new(void) {
    size_t sales[SALES_OF_MESSAGE], count = 1;
    if (chance_once(CHANCE_WORK, 4))
        count += chance_below(CHANCE_WORK, SALES_OF_MESSAGE);
    for (size_t i = 0; i < count; i++)
        sales[i] = model_add_sale();
    send_score(sales, count);
    if (fault_happens(FAULT_NETWORK, 6))
        send_score(sales, count);
}

/* One of the last ones, most often. */
static size_t some_sale(void) {
    size_t count = model_sale_count();
    size_t from = chance_once(CHANCE_WORK, 4) || count < 30 ? 0 : count - 30;
    size_t sale = from + chance_below(CHANCE_WORK, count - from);
    while (sale > 0 && model_is_erasing(model_sale(sale)->card))
        sale--; /* nobody asks about a person who is forgotten */
    return sale;
}

static void score_known(void) {
    size_t sale = some_sale();
    send_score(&sale, 1);
}

static void report_outcome(void) {
    static const enum label labels[] = {LABEL_FRAUD, LABEL_LEGIT, LABEL_CHARGEBACK};
    size_t sale = some_sale();
    struct message *message = new_message(CALL_REPORT_OUTCOME);
    char id[24];
    if (!message)
        return;
    message->sales[0] = sale;
    message->label = labels[chance_below(CHANCE_WORK, 3)];
    model_sale_id(sale, id);
    model_sent_outcome(sale, message->label);
    const struct outcome outcome = {
        .transaction_id = text_of(id), .label = message->label, .source = TEXT_LITERAL("sim")};
    send(message, &(struct request){.call = CALL_REPORT_OUTCOME,
                                    .outcome = {.outcomes = &outcome, .outcome_count = 1}});
}

static void amend(void) {
    size_t sale = some_sale();
    struct message *message = new_message(CALL_AMEND);
    char id[24];
    if (!message)
        return;
    message->sales[0] = sale;
    model_sale_id(sale, id);
    struct amendment amendment = {
        .transaction_id = text_of(id),
        .kind = (enum amendment_kind)(1 + chance_below(CHANCE_WORK, AMENDMENT_KIND_COUNT - 1)),
        .source = TEXT_LITERAL("sim"),
    };
    if (amendment.kind == AMENDMENT_CAPTURE || amendment.kind == AMENDMENT_REFUND)
        amendment.amount_minor =
            1 + (int64_t)chance_below(CHANCE_WORK, (uint64_t)model_sale(sale)->amount_minor);
    model_sent_amendment(sale, amendment.kind, amendment.amount_minor);
    send(message, &(struct request){.call = CALL_AMEND,
                                    .amend = {.amendments = &amendment, .amendment_count = 1}});
}

static void change_list(void) {
    struct message *message = new_message(CALL_CHANGE_LIST);
    if (!message)
        return;
    do
        message->card =
            (unsigned)chance_below(CHANCE_WORK, CARDS / 2); /* the others may be erased */
    while (model_is_erasing(message->card));
    message->removed = chance_once(CHANCE_WORK, 2);
    model_sent_list(message->card, message->removed);
    const struct list_change change = {.list = TEXT_LITERAL("blocked"),
                                       .value = text_of(model_card(message->card)),
                                       .remove = message->removed,
                                       .source = TEXT_LITERAL("sim")};
    send(message, &(struct request){.call = CALL_CHANGE_LIST,
                                    .list_change = {.changes = &change, .change_count = 1}});
}

static void change_brake(void) {
    struct message *message = new_message(CALL_CHANGE_BRAKE);
    if (!message)
        return;
    send(message, &(struct request){.call = CALL_CHANGE_BRAKE,
                                    .brake_change = {.rule = TEXT_LITERAL("many"),
                                                     .pull = chance_once(CHANCE_WORK, 2),
                                                     .source = TEXT_LITERAL("sim")}});
}

void network_act(void) {
    uint64_t what = chance_below(CHANCE_WORK, 100);
    if (what < 60 || model_sale_count() < 3)
        score_new();
    else if (what < 66)
        score_known();
    else if (what < 80)
        report_outcome();
    else if (what < 92)
        amend();
    else if (what < 97)
        change_list();
    else
        change_brake();
}

/* A client that got no answer asks again, with the same id. */
bool network_repeat(void) {
    size_t count = model_sale_count();
    for (size_t i = count > 200 ? count - 200 : 0; i < count; i++)
        if (model_sale(i)->is_sent && !model_sale(i)->is_recorded &&
            !model_is_erasing(model_sale(i)->card) && chance_once(CHANCE_WORK, 3)) {
            send_score(&i, 1);
            return true;
        }
    return false;
}
