#include "bench.h"

#include "core/base/check.h"
#include "core/store/generation/generation_publish.h"
#include "core/store/overlay/overlay.h"
#include "core/store/sources/source_table.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char policy_yaml[] = "policy:\n"
                                  "  name: bench\n"
                                  "  about: for tests\n"
                                  "  base_currency: EUR\n"
                                  "  lateness: 1h\n"
                                  "  on_error: skip\n"
                                  "  cutoffs: {review: 300, challenge: 500, decline: 700}\n";

static const char features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "  card_merchant: {key: [card, merchant]}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: sum_1h, aggregate: sum, of: amount, window: 1h}\n"
    "    - {name: fraud_1d, aggregate: count, where: \"outcome == 'fraud'\", window: 1d}\n"
    "  card_merchant:\n"
    "    - {name: count_1d, aggregate: count, window: 1d}\n";

/* ---- the clock ---- */

static int64_t wall_us(const struct clock *self) {
    return atomic_load(&((const struct bench_clock *)self)->wall_us);
}

static int64_t monotonic_us(const struct clock *self) {
    struct bench_clock *clock = (struct bench_clock *)(uintptr_t)self;
    return atomic_fetch_add(&clock->monotonic_us, atomic_load(&clock->tick_us));
}

/* ---- a front that waits for the answer ---- */

struct question {
    struct front_request request; /* first */
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool done;
    struct buffer answer;
};

static void take_answer(struct front_request *request, const void *bytes, size_t length) {
    struct question *question = (struct question *)request;
    pthread_mutex_lock(&question->lock);
    check(!question->done); /* exactly once */
    question->done = true;
    buffer_append(&question->answer, bytes, length);
    pthread_cond_signal(&question->answered);
    pthread_mutex_unlock(&question->lock);
}

static const struct front_kind bench_kind = {.name = "bench", .reply = take_answer};
static struct front bench_front = {.kind = &bench_kind};

static void question_init(struct question *question, struct bench *bench, const void *bytes,
                          size_t length) {
    *question = (struct question){
        .request = {.front = &bench_front,
                    .bytes = bytes,
                    .length = length,
                    .arrived_us = clock_monotonic_us(&bench->clock.clock) - bench->arrived_ago_us},
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .answered = PTHREAD_COND_INITIALIZER,
    };
    buffer_init(&question->answer);
}

static struct response await_answer(struct bench *bench, struct question *question) {
    pthread_mutex_lock(&question->lock);
    while (!question->done)
        pthread_cond_wait(&question->answered, &question->lock);
    pthread_mutex_unlock(&question->lock);
    struct response response;
    struct error error;
    if (message_decode_response(question->answer.bytes, question->answer.length, &bench->arena,
                                &response, &error) < 0)
        fail_msg("%s", error.text);
    buffer_deinit(&question->answer);
    return response;
}

struct response bench_send(struct bench *bench, const void *bytes, size_t length) {
    struct question question;
    question_init(&question, bench, bytes, length);
    service_handle(bench->service, &question.request);
    return await_answer(bench, &question);
}

static void encode(const struct bench *bench, const struct request *request, struct buffer *bytes) {
    struct request with_deadline = *request;
    struct error error;
    with_deadline.deadline_us = bench->deadline_us;
    buffer_init(bytes);
    if (message_encode_request(&with_deadline, bytes, &error) < 0)
        fail_msg("%s", error.text);
}

struct response bench_call(struct bench *bench, const struct request *request) {
    struct buffer bytes;
    encode(bench, request, &bytes);
    struct response response = bench_send(bench, bytes.bytes, bytes.length);
    buffer_deinit(&bytes);
    return response;
}

struct bench_questions {
    struct bench *bench;
    size_t count;
    struct question questions[BENCH_CALLS_MAX];
    struct buffer bytes[BENCH_CALLS_MAX];
};

struct bench_questions *bench_ask_all(struct bench *bench, const struct request *requests,
                                      size_t count) {
    struct bench_questions *asked = check_calloc(1, sizeof *asked);
    struct front_request *together[BENCH_CALLS_MAX] = {0};
    check(count <= BENCH_CALLS_MAX);
    asked->bench = bench;
    asked->count = count;
    for (size_t i = 0; i < count; i++) {
        encode(bench, &requests[i], &asked->bytes[i]);
        question_init(&asked->questions[i], bench, asked->bytes[i].bytes, asked->bytes[i].length);
        together[i] = &asked->questions[i].request;
    }
    service_handle_all(bench->service, together, count);
    return asked;
}

bool bench_is_answered(struct bench_questions *asked, size_t index) {
    struct question *question = &asked->questions[index];
    pthread_mutex_lock(&question->lock);
    bool is_answered = question->done;
    pthread_mutex_unlock(&question->lock);
    return is_answered;
}

void bench_take_answers(struct bench_questions *asked, struct response *ret_responses) {
    for (size_t i = 0; i < asked->count; i++) {
        ret_responses[i] = await_answer(asked->bench, &asked->questions[i]);
        buffer_deinit(&asked->bytes[i]);
    }
    free(asked);
}

void bench_call_all(struct bench *bench, const struct request *requests, size_t count,
                    struct response *ret_responses) {
    bench_take_answers(bench_ask_all(bench, requests, count), ret_responses);
}

/* ---- requests ---- */

struct transaction bench_transaction(const char *id, int64_t seconds, const char *card,
                                     int64_t amount_minor) {
    struct transaction transaction = {
        .id = text_of(id),
        .event_time_us = BENCH_START_US + seconds * BENCH_SECOND,
        .amount_minor = amount_minor,
        .currency = TEXT_LITERAL("EUR"),
    };
    transaction.fields[FIELD_CARD] = text_of(card);
    transaction.fields[FIELD_MERCHANT] = TEXT_LITERAL("m1");
    return transaction;
}

struct score_result bench_score(struct bench *bench, struct transaction transaction) {
    const struct request request = {
        .call = CALL_SCORE, .score = {.transactions = &transaction, .transaction_count = 1}};
    struct response response = bench_call(bench, &request);
    if (response.error.code != 0)
        return (struct score_result){.error = response.error};
    assert_int_equal(response.call, CALL_SCORE);
    assert_int_equal(response.score.count, 1);
    return response.score.results[0];
}

struct outcome_result bench_report(struct bench *bench, const char *id, enum label label) {
    const struct outcome outcome = {
        .transaction_id = text_of(id), .label = label, .source = TEXT_LITERAL("test")};
    const struct request request = {.call = CALL_REPORT_OUTCOME,
                                    .outcome = {.outcomes = &outcome, .outcome_count = 1}};
    struct response response = bench_call(bench, &request);
    assert_int_equal(response.error.code, 0);
    assert_int_equal(response.outcome.count, 1);
    return response.outcome.results[0];
}

static bool is_busy(struct text message) {
    return message.length >= 4 && memcmp(message.data, "busy", 4) == 0;
}

struct status_response bench_status(struct bench *bench) {
    const struct request request = {.call = CALL_STATUS, .status = {.state_hash = true}};
    struct response response;
    do /* only so many may wait for state hashes; others are told to try again */
        response = bench_call(bench, &request);
    while (response.error.code == ERROR_UNAVAILABLE && is_busy(response.error.message));
    assert_int_equal(response.error.code, 0);
    assert_int_equal(response.call, CALL_STATUS);
    return response.status;
}

/* ---- opening and closing ---- */

void bench_write_policy(struct bench *bench, const char *name, const char *content) {
    char path[192];
    snprintf(path, sizeof path, "%s/%s", bench->settings.policy, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(content, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

void bench_write_rules(struct bench *bench, int score) {
    char rules[512];
    snprintf(rules, sizeof rules,
             "rules:\n"
             "  - {name: many, about: many, when: card.count_1h >= 3, then: {score: %d},\n"
             "     reason: \"{card.count_1h} in an hour\"}\n",
             score);
    bench_write_policy(bench, "rules/all.yaml", rules);
}

void bench_init(struct bench *bench) {
    *bench = (struct bench){.clock = {.clock = {wall_us, monotonic_us}}};
    atomic_store(&bench->clock.wall_us, BENCH_START_US + 3600 * BENCH_SECOND);
    atomic_store(&bench->clock.monotonic_us, 1000 * BENCH_SECOND);
    strcpy(bench->folder, "/tmp/harrier-service-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    static const char *const names[] = {"policy", "archive", "generations", "policy/rules",
                                        "messages"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        snprintf(bench->path[i], sizeof bench->path[i], "%s/%s", bench->folder, names[i]);
    assert_int_equal(mkdir(bench->path[0], 0700), 0);
    assert_int_equal(mkdir(bench->path[3], 0700), 0);
    int messages = open(bench->path[4], O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    assert_true(messages >= 0);
    log_init(&bench->log, messages, LOG_DEBUG);
    bench->metrics = server_metrics_new();
    bench->settings = (struct service_settings){
        .policy = bench->path[0],
        .archive = bench->path[1],
        .generations = bench->path[2],
        .sync_interval_us = 1000,
        .lazy_sync_interval_us = 10000,
        .max_ahead_us = 60 * BENCH_SECOND,
        .message_bytes_max = 1u << 20,
        .clock = &bench->clock.clock,
        .log = &bench->log,
        .metrics = bench->metrics,
    };
    bench_write_policy(bench, "policy.yaml", policy_yaml);
    bench_write_policy(bench, "features.yaml", features_yaml);
    bench_write_rules(bench, 400);
    arena_init(&bench->arena, 256u << 20);
}

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static enum service_state await_change(struct bench *bench, enum service_state from) {
    enum service_state state = service_state(bench->service, NULL, 0);
    for (int i = 0; i < BENCH_WAIT_MS && state == from; i++) {
        pause_ms(1);
        state = service_state(bench->service, NULL, 0);
    }
    return state;
}

void bench_await(struct bench *bench, enum service_state wanted) {
    for (int i = 0; i < BENCH_WAIT_MS && service_state(bench->service, NULL, 0) != wanted; i++)
        pause_ms(1);
    char reason[512];
    enum service_state state = service_state(bench->service, reason, sizeof reason);
    if (state != wanted)
        fail_msg("the service is %s, not %s: %s", service_state_name(state),
                 service_state_name(wanted), reason);
}

int bench_try_open(struct bench *bench, struct error *ret_error) {
    int r = service_open(&bench->settings, &bench->service, ret_error);
    if (r < 0)
        return r;
    if (await_change(bench, SERVICE_STARTING) == SERVICE_READY)
        return 0;
    struct error error;
    r = service_failure(bench->service, ret_error);
    service_close(bench->service, &error);
    bench->service = NULL;
    return r;
}

void bench_open(struct bench *bench) {
    struct error error;
    if (bench_try_open(bench, &error) < 0)
        fail_msg("%s", error.text);
}

void bench_close(struct bench *bench) {
    struct error error;
    if (bench->service && service_close(bench->service, &error) < 0)
        fail_msg("%s", error.text);
    bench->service = NULL;
}

/* ---- a wrong generation ---- */

struct writing {
    struct generation_writer *writer;
    bool leaves_out; /* the state of one card */
    size_t left_out;
    struct error error;
};

static int write_state(void *user, size_t entity, struct text key, struct text state) {
    struct writing *writing = user;
    if (writing->leaves_out && entity == 0 && text_is(key, "c7") && writing->left_out++ == 0)
        return 0;
    return generation_writer_state(writing->writer, entity, key, state, &writing->error);
}

static int write_id(void *user, uint64_t id_hash, struct known_id known) {
    struct writing *writing = user;
    return generation_writer_id(writing->writer, id_hash, known, &writing->error);
}

/* The current generation once more, without the state of a card, or with other counts. */
static void publish_wrong(struct bench *bench, bool leaves_out, bool counts_wrongly) {
    struct generation *generation;
    struct error error;
    struct buffer messages;
    struct snapshot *snapshot;
    buffer_init(&messages);
    assert_int_equal(snapshot_load_folder(bench->settings.policy, &snapshot, &messages, &error), 0);
    assert_int_equal(
        generation_open_current(bench->settings.generations, true, &generation, &error), 0);
    assert_int_equal(generation_bind(generation, &snapshot->plan, &error), 0);
    struct overlay *overlay = overlay_new(&snapshot->plan, generation);
    struct tally tally = overlay_tally(overlay);
    struct source_table *sources = source_table_new();
    if (counts_wrongly) {
        tally.outcomes++;
        const struct transaction one = {.source = TEXT_LITERAL("nobody"), .sequence = 1};
        source_table_add(sources, &one, BENCH_START_US);
    }
    const struct snapshot_record record = {.snapshot_id = snapshot->id,
                                           .name = snapshot->name,
                                           .files = snapshot->files,
                                           .file_count = snapshot->file_count};
    const struct generation_description description = {
        .place = generation_manifest(generation)->place,
        .snapshot = &record,
        .tally = &tally,
        .sources = sources,
        .now_us = BENCH_START_US,
        .version = HARRIER_VERSION,
    };
    struct writing writing = {.leaves_out = leaves_out};
    struct generation_manifest manifest;
    int r = generation_writer_open(bench->settings.generations, &snapshot->plan, &writing.writer,
                                   &writing.error);
    if (r == 0)
        r = overlay_visit(overlay, write_state, &writing);
    if (r == 0)
        r = overlay_visit_ids(overlay, write_id, &writing);
    if (r == 0)
        r = generation_writer_finish(writing.writer, &description, &writing.error);
    for (size_t i = 0; r == 0 && i < generation_writer_checks(writing.writer); i++)
        r = generation_writer_check(writing.writer, i, &writing.error);
    if (r == 0)
        r = generation_writer_publish(writing.writer, &manifest, &writing.error);
    if (r < 0)
        fail_msg("%s", writing.error.text);
    assert_int_equal(writing.left_out, leaves_out);
    generation_writer_close(writing.writer);
    source_table_free(sources);
    overlay_free(overlay);
    snapshot_unref(snapshot);
    buffer_deinit(&messages);
}

void bench_publish_with_a_hole(struct bench *bench) {
    publish_wrong(bench, true, false);
}

void bench_publish_with_wrong_counts(struct bench *bench) {
    publish_wrong(bench, false, true);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status, (void)type, (void)ftw;
    return remove(path);
}

void bench_deinit(struct bench *bench) {
    bench_close(bench);
    close(bench->log.descriptor);
    metric_set_free(bench->metrics);
    arena_deinit(&bench->arena);
    nftw(bench->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int bench_setup(void **state) {
    struct bench *bench = check_calloc(1, sizeof *bench);
    bench_init(bench);
    *state = bench;
    return 0;
}

int bench_teardown(void **state) {
    bench_deinit(*state);
    free(*state);
    return 0;
}
