/* Searches of a random archive that grows, is sealed, is cut and goes on otherwise, against a model
 * that looks at every transaction. The index is kept, read, left out, damaged and removed; slices
 * are small, so that segments have several. */
#include "core/store/archive/archive.h"
#include "core/store/archive/archive_seal.h"
#include "core/store/find/find.h"
#include "core/store/find/find_files.h"
#include "core/store/find/find_slices.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_US         INT64_C(1767225600000000) /* 2026-01-01 */
#define TRANSACTIONS_MAX 40000
#define HOUR_US          (INT64_C(3600) * 1000000)

static const char *const currencies[] = {"EUR", "JPY", "KWD"};
static const char *const rules[] = {"many", "far", "odd", "never"};

struct rule_of {
    unsigned rule;
    bool shadow, suppressed;
};

struct model_transaction {
    uint64_t position;
    int64_t event_us, received_us, amount_minor;
    unsigned number, currency, card, merchant, score;
    enum verdict verdict;
    struct rule_of rules[3];
    unsigned rule_count;
};

/* An outcome or an amendment. */
struct model_later {
    uint64_t position;
    size_t transaction;
    bool is_outcome;
    enum label label;
    int64_t received_us, known_us;
    struct amended amended;
};

struct scene {
    char *folder;
    const char *path; /* of the archive */
    struct archive *archive;
    struct model_transaction *transactions;
    size_t count;
    struct model_later *later;
    size_t later_count;
    uint64_t random;
    int64_t now_us;
    unsigned number;
    struct find *finds[3]; /* by enum find_index */
    struct archive_place marks[64];
    size_t mark_count;
};

static unsigned below(struct scene *scene, unsigned count) {
    return (unsigned)(split_mix(&scene->random) % count);
}

/* ---- the archive ---- */

static struct transaction transaction_of(const struct model_transaction *model, char texts[4][32]) {
    struct transaction transaction = {.event_time_us = model->event_us,
                                      .amount_minor = model->amount_minor,
                                      .currency = text_of(currencies[model->currency])};
    snprintf(texts[0], 32, "t%u", model->number);
    snprintf(texts[1], 32, "card-%u", model->card);
    snprintf(texts[2], 32, "merchant-%u", model->merchant);
    transaction.id = text_of(texts[0]);
    transaction.fields[FIELD_CARD] = text_of(texts[1]);
    if (model->merchant > 0)
        transaction.fields[FIELD_MERCHANT] = text_of(texts[2]);
    return transaction;
}

static void append_transaction(struct scene *scene) {
    struct model_transaction *model = &scene->transactions[scene->count++];
    char texts[4][32];
    struct reason reasons[3] = {0};
    assert_true(scene->count < TRANSACTIONS_MAX);
    *model = (struct model_transaction){
        .event_us = scene->now_us - (int64_t)below(scene, 100) * 36000000,
        .amount_minor =
            below(scene, 50) == 0 ? INT64_C(9000000000000) + below(scene, 9) : below(scene, 100000),
        .number = scene->number++,
        .currency = below(scene, 3),
        .card = below(scene, 400),
        .merchant = below(scene, 5),
        .score = below(scene, 1001),
        .verdict = (enum verdict)(VERDICT_APPROVE + below(scene, 4)),
        .rule_count = below(scene, 4),
    };
    for (unsigned i = 0; i < model->rule_count; i++) {
        model->rules[i] = (struct rule_of){
            .rule = i, .shadow = below(scene, 3) == 0, .suppressed = below(scene, 5) == 0};
        reasons[i] = (struct reason){.rule = text_of(rules[i]),
                                     .text = TEXT_LITERAL("so"),
                                     .shadow = model->rules[i].shadow,
                                     .suppressed = model->rules[i].suppressed};
    }
    struct record record = {.type = RECORD_TRANSACTION, .receive_time_us = scene->now_us};
    record.transaction.transaction = transaction_of(model, texts);
    record.transaction.decision =
        (struct decision){.transaction_id = record.transaction.transaction.id,
                          .verdict = model->verdict,
                          .score = model->score,
                          .reasons = reasons,
                          .reason_count = model->rule_count};
    archive_append(scene->archive, &record);
    model->position = record.position;
    model->received_us = record.receive_time_us;
}

/* About a recent transaction, or any. */
static void append_later(struct scene *scene) {
    if (scene->count == 0)
        return;
    size_t back = below(scene, 2) ? below(scene, 50) : below(scene, (unsigned)scene->count);
    size_t index = scene->count - 1 - (back < scene->count ? back : scene->count - 1);
    struct model_later *later = &scene->later[scene->later_count++];
    char texts[4][32];
    *later = (struct model_later){.transaction = index, .is_outcome = below(scene, 3) > 0};
    struct record record = {.receive_time_us = scene->now_us};
    const struct transaction transaction = transaction_of(&scene->transactions[index], texts);
    if (later->is_outcome) {
        later->label = below(scene, 2) ? LABEL_LEGIT : (enum label)below(scene, LABEL_COUNT);
        later->known_us = scene->now_us - 5;
        record.type = RECORD_OUTCOME;
        record.outcome =
            (struct outcome_record){.known_time_us = later->known_us,
                                    .label = later->label,
                                    .transaction_position = scene->transactions[index].position,
                                    .transaction = transaction,
                                    .verdict = scene->transactions[index].verdict};
    } else {
        later->amended = (struct amended){.is_voided = below(scene, 2),
                                          .amount_minor = below(scene, 1000),
                                          .refunded_minor = below(scene, 9)};
        record.type = RECORD_AMENDMENT;
        record.amendment =
            (struct amendment_record){.previous = amended_of(&transaction),
                                      .now = later->amended,
                                      .transaction_position = scene->transactions[index].position,
                                      .transaction = transaction,
                                      .verdict = scene->transactions[index].verdict};
    }
    archive_append(scene->archive, &record);
    later->position = record.position;
    later->received_us = record.receive_time_us;
}

static void append_rare(struct scene *scene) {
    struct record record = {.type = RECORD_ENGINE, .receive_time_us = scene->now_us};
    record.engine.version = TEXT_LITERAL("test");
    archive_append(scene->archive, &record);
}

static void sync_archive(struct scene *scene) {
    struct archive_sync sync;
    struct error error;
    assert_int_equal(archive_write(scene->archive, &error), 0);
    if (archive_sync_start(scene->archive, &sync, &error) != 1)
        return;
    assert_int_equal(archive_sync_wait(&sync, &error), 0);
    assert_int_equal(archive_sync_finish(scene->archive, &sync, &error), 0);
    if (scene->mark_count == sizeof scene->marks / sizeof *scene->marks)
        scene->mark_count = 0;
    scene->marks[scene->mark_count++] = archive_end(scene->archive);
}

static void grow(struct scene *scene) {
    unsigned records = 1 + below(scene, 700);
    for (unsigned i = 0; i < records; i++) {
        unsigned kind = below(scene, 10);
        scene->now_us += below(scene, 60) == 0 ? HOUR_US : below(scene, 1000);
        if (kind < 6)
            append_transaction(scene);
        else if (kind < 9)
            append_later(scene);
        else if (below(scene, 10) == 0)
            append_rare(scene);
    }
    sync_archive(scene);
}

/* The archive goes on otherwise from an earlier mark. */
static void cut(struct scene *scene) {
    struct archive_place place = scene->marks[below(scene, (unsigned)scene->mark_count)];
    struct archive_cut_report report;
    struct error error;
    if (archive_cut(scene->archive, place, &report, &error) < 0) {
        assert_int_equal(error.code, ERROR_UNSUPPORTED); /* sealed meanwhile */
        return;
    }
    while (scene->count > 0 && scene->transactions[scene->count - 1].position > place.position)
        scene->count--;
    while (scene->later_count > 0 && scene->later[scene->later_count - 1].position > place.position)
        scene->later_count--;
    size_t kept = 0;
    for (size_t i = 0; i < scene->mark_count; i++)
        if (scene->marks[i].position <= place.position)
            scene->marks[kept++] = scene->marks[i];
    scene->mark_count = kept;
    grow(scene);
}

static void seal(struct scene *scene) {
    struct archive_seal_report report;
    struct error error;
    assert_true(archive_seal(scene->path, UINT64_MAX, NULL, &report, &error) >= 0);
}

/* ---- the index ---- */

/* One file of the index, at random: damaged, cut short, or another one in its place. */
static void damage(struct scene *scene) {
    char *folder = find_files_folder(scene->path);
    DIR *directory = opendir(folder);
    char names[2][300] = {"", ""};
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (strstr(entry->d_name, ".find") && (!*names[0] || below(scene, 3) == 0)) {
            memcpy(names[1], names[0], sizeof names[1]);
            snprintf(names[0], sizeof names[0], "%s", entry->d_name);
        }
    if (directory)
        closedir(directory);
    if (*names[0]) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", folder,
                 *names[1] && below(scene, 2) ? names[1] : names[0]);
        struct text bytes = scratch_read(path);
        char *changed = (char *)(uintptr_t)bytes.data;
        size_t length = bytes.length;
        if (length > 0 && below(scene, 4) == 0) /* else it was cut to nothing before */
            length = below(scene, (unsigned)length);
        else
            for (unsigned i = 0; length > 0 && i < 1 + below(scene, 400); i++)
                changed[split_mix(&scene->random) % length] ^= 0x10;
        snprintf(path, sizeof path, "%s/%s", folder, names[0]);
        unlink(path); /* whoever has it mapped keeps it */
        scratch_write(path, bytes.data, length);
        free(changed);
    }
    free(folder);
}

static void forget(struct scene *scene, enum find_index index) {
    find_free(scene->finds[index]);
    scene->finds[index] = NULL;
}

static struct find *find_of(struct scene *scene, enum find_index index) {
    const struct find_options options = {
        .archive = scene->path, .index = index, .slice_bytes = 20000, .tail_bytes = 6000};
    if (!scene->finds[index])
        scene->finds[index] = find_new(&options);
    return scene->finds[index];
}

/* ---- the model ---- */

static bool has_rule(const struct find_query *query, const struct model_transaction *model) {
    for (unsigned i = 0; i < model->rule_count; i++) {
        const struct rule_of *fired = &model->rules[i];
        if (text_is(query->rule, rules[fired->rule]) &&
            (query->shadow || !(fired->shadow || fired->suppressed)))
            return true;
    }
    return false;
}

static bool has_keys(const struct find_query *query, const struct transaction *transaction) {
    for (size_t i = 0; i < query->key_count; i++)
        if (!text_equal(transaction->fields[query->keys[i].field], query->keys[i].value))
            return false;
    return true;
}

static const struct model_later *last_of(const struct scene *scene, size_t transaction,
                                         bool is_outcome) {
    for (size_t i = scene->later_count; i-- > 0;)
        if (scene->later[i].transaction == transaction && scene->later[i].is_outcome == is_outcome)
            return &scene->later[i];
    return NULL;
}

static bool is_wanted(const struct scene *scene, const struct find_query *query, size_t index) {
    const struct model_transaction *model = &scene->transactions[index];
    char texts[4][32];
    const struct transaction transaction = transaction_of(model, texts);
    bool is = (!query->from_us || model->event_us >= query->from_us) &&
              (!query->until_us || model->event_us < query->until_us) &&
              (!query->received_from_us || model->received_us >= query->received_from_us) &&
              (!query->received_until_us || model->received_us < query->received_until_us) &&
              (!query->verdicts || query->verdicts & 1u << model->verdict) &&
              (!query->has_score ||
               (model->score >= query->score_min && model->score <= query->score_max)) &&
              (!query->has_amount || (model->amount_minor >= query->amount_min &&
                                      model->amount_minor <= query->amount_max)) &&
              (!query->currency.length || text_is(query->currency, currencies[model->currency])) &&
              (!query->id.length || text_equal(query->id, transaction.id)) &&
              (!query->rule.length || has_rule(query, model)) && has_keys(query, &transaction);
    if (!is || !query->labels)
        return is;
    const struct model_later *outcome = last_of(scene, index, true);
    return query->labels & 1u << (outcome ? outcome->label : LABEL_NONE);
}

/* ---- one search, page by page ---- */

struct reading {
    const struct scene *scene;
    const struct find_query *query;
    size_t next; /* transactions from here on were found or are not wanted */
    unsigned slices, patience;
    unsigned rows, enough; /* after so many rows a page ends; 0: never */
};

static int take(void *user, const struct find_row *row, struct error *ret_error) {
    struct reading *reading = user;
    const struct scene *scene = reading->scene;
    (void)ret_error;
    do
        assert_true(reading->next-- > 0);
    while (!is_wanted(scene, reading->query, reading->next));
    const struct model_transaction *model = &scene->transactions[reading->next];
    const struct model_later *outcome = last_of(scene, reading->next, true);
    const struct model_later *amendment = last_of(scene, reading->next, false);
    assert_int_equal(row->record->position, model->position);
    assert_int_equal(row->record->transaction.transaction.amount_minor, model->amount_minor);
    assert_int_equal(row->label, outcome ? outcome->label : LABEL_NONE);
    if (outcome && outcome->label != LABEL_NONE) {
        assert_int_equal(row->outcome_us, outcome->received_us);
        assert_int_equal(row->outcome_known_us, outcome->known_us);
    }
    assert_int_equal(row->is_amended, amendment != NULL);
    if (amendment) {
        assert_true(amended_equal(&row->amended, &amendment->amended));
        assert_int_equal(row->amended_us, amendment->received_us);
    }
    return reading->enough > 0 && ++reading->rows % reading->enough == 0;
}

static bool is_expired(void *user) {
    struct reading *reading = user;
    return reading->patience && ++reading->slices % reading->patience == 0;
}

static void search(struct scene *scene, struct find_query *query, enum find_index index) {
    struct reading reading = {.scene = scene, .query = query, .next = scene->count};
    const struct find_taker taker = {.take = take, .user = &reading, .is_expired = is_expired};
    struct find_page page = {0};
    struct error error;
    reading.patience = below(scene, 4);
    reading.enough = below(scene, 3) ? 0 : 1 + below(scene, 30);
    do {
        query->limit = below(scene, 4) ? 1 + below(scene, 60) : FIND_LIMIT_MAX;
        query->cursor = text_of(page.cursor);
        if (find_run(find_of(scene, index), query, &taker, &page, &error) < 0)
            fail_msg("%s", error.text);
        assert_true(page.rows <= query->limit);
        assert_true(!page.is_early || *page.cursor);
        if (below(scene, 300) == 0)
            damage(scene);
        if (below(scene, 50) == 0)
            forget(scene, index);
    } while (*page.cursor);
    while (reading.next > 0)
        assert_false(is_wanted(scene, query, --reading.next));
}

static void random_query(struct scene *scene, struct find_query *query, struct find_key keys[2],
                         char texts[3][32]) {
    int64_t begun_us = scene->transactions[0].received_us;
    unsigned span_s = (unsigned)((scene->now_us - begun_us) / 1000000) + 1;
    *query = (struct find_query){.keys = keys};
    if (below(scene, 5) == 0)
        query->from_us = begun_us + (int64_t)below(scene, span_s) * 1000000;
    if (below(scene, 5) == 0)
        query->until_us = (query->from_us ? query->from_us : begun_us) + 1 +
                          (int64_t)below(scene, span_s) * 1000000;
    if (below(scene, 6) == 0)
        query->received_from_us = begun_us + (int64_t)below(scene, span_s) * 1000000;
    if (below(scene, 6) == 0)
        query->received_until_us = (query->received_from_us ? query->received_from_us : begun_us) +
                                   1 + (int64_t)below(scene, span_s) * 1000000;
    if (below(scene, 4) == 0)
        query->verdicts = below(scene, 16) << 1;
    if (below(scene, 4) == 0) {
        query->has_score = true;
        query->score_min = below(scene, 1001);
        query->score_max = query->score_min + below(scene, 1001 - query->score_min);
    }
    if (below(scene, 4) == 0) {
        query->has_amount = true;
        query->amount_min = below(scene, 2) ? below(scene, 100000) : INT64_C(9000000000003);
        query->amount_max = query->amount_min + below(scene, 20000);
        query->currency = text_of(currencies[below(scene, 3)]);
    }
    if (below(scene, 4) == 0) {
        query->rule = text_of(rules[below(scene, 4)]);
        query->shadow = below(scene, 2);
    }
    if (below(scene, 3) == 0) {
        snprintf(texts[0], 32, "card-%u", below(scene, 420));
        keys[query->key_count++] = (struct find_key){FIELD_CARD, text_of(texts[0])};
    }
    if (below(scene, 5) == 0) {
        snprintf(texts[1], 32, "merchant-%u", below(scene, 6));
        keys[query->key_count++] = (struct find_key){FIELD_MERCHANT, text_of(texts[1])};
    }
    if (below(scene, 3) == 0)
        query->labels = below(scene, 1u << LABEL_COUNT);
    if (below(scene, 15) == 0) {
        snprintf(texts[2], 32, "t%u", below(scene, scene->number + 3));
        query->id = text_of(texts[2]);
    }
}

/* ---- counts ---- */

/* What the tally must have; amounts in double, for the sums of some are huge. */
struct counted {
    uint64_t rows, verdicts[VERDICT_COUNT], labels[LABEL_COUNT], amended, by_currency[3];
    double amounts[3];
};

static struct counted count_by_model(const struct scene *scene, const struct find_query *query) {
    struct counted counted = {0};
    for (size_t i = scene->count; i-- > 0 && counted.rows < query->limit;) {
        const struct model_transaction *model = &scene->transactions[i];
        if (!is_wanted(scene, query, i))
            continue;
        const struct model_later *outcome = last_of(scene, i, true);
        counted.rows++;
        counted.verdicts[model->verdict]++;
        counted.labels[outcome ? outcome->label : LABEL_NONE]++;
        counted.amended += last_of(scene, i, false) != NULL;
        counted.by_currency[model->currency]++;
        counted.amounts[model->currency] += (double)model->amount_minor;
    }
    return counted;
}

/* Times and amounts of the index may be less than they are, by less than the step. */
static void check_buckets(const struct scene *scene, const struct find_query *query,
                          const struct find_tally *tally) {
    uint64_t sums[VERDICT_COUNT] = {0};
    for (size_t i = 0; i < tally->bucket_count; i++) {
        int64_t from_us = tally->buckets[i].begin_us, until_us = from_us + tally->width_us;
        uint64_t rows = 0, least = 0, most = 0, wanted = 0;
        assert_int_equal((from_us - tally->origin_us) % tally->width_us, 0);
        assert_true(i == 0 || until_us <= tally->buckets[i - 1].begin_us);
        for (unsigned verdict = 0; verdict < VERDICT_COUNT; verdict++) {
            rows += tally->buckets[i].verdicts[verdict];
            sums[verdict] += tally->buckets[i].verdicts[verdict];
        }
        for (size_t t = scene->count; t-- > 0 && wanted < query->limit;) {
            int64_t event_us = scene->transactions[t].event_us;
            if (!is_wanted(scene, query, t))
                continue;
            wanted++;
            least += event_us >= from_us + 1000000 && event_us < until_us;
            most += event_us >= from_us && event_us < until_us + 1000000;
        }
        assert_true(rows > 0 && rows >= least && rows <= most);
    }
    for (unsigned verdict = 0; verdict < VERDICT_COUNT; verdict++)
        assert_int_equal(sums[verdict], tally->verdicts[verdict]);
}

static void count(struct scene *scene, struct find_query *query, enum find_index index) {
    struct find_tally *tally = calloc(1, sizeof *tally);
    struct find_page page;
    struct error error;
    query->limit = below(scene, 2) ? UINT32_MAX : 1 + below(scene, 400);
    query->cursor = (struct text){0};
    find_tally_init(tally, -HOUR_US / 2);
    if (find_count(find_of(scene, index), query, NULL, NULL, tally, &page, &error) < 0)
        fail_msg("%s", error.text);
    struct counted model = count_by_model(scene, query);
    assert_int_equal(tally->rows, model.rows);
    assert_true(*page.cursor ? model.rows == query->limit : model.rows <= query->limit);
    assert_memory_equal(tally->verdicts, model.verdicts, sizeof model.verdicts);
    assert_memory_equal(tally->labels, model.labels, sizeof model.labels);
    assert_int_equal(tally->amended, model.amended);
    for (size_t i = 0; i < tally->currency_count; i++)
        for (unsigned c = 0; c < 3; c++) {
            const struct find_tally_currency *currency = &tally->currencies[i];
            if (strcmp(currency->code, currencies[c]) != 0)
                continue;
            double less = model.amounts[c] - (double)currency->amount_minor;
            assert_int_equal(currency->rows, model.by_currency[c]);
            assert_true(less >= 0 &&
                        less <= (double)currency->rows * (double)(tally->amount_step_minor - 1));
            model.by_currency[c] = 0;
        }
    assert_int_equal(model.by_currency[0] + model.by_currency[1] + model.by_currency[2], 0);
    if (below(scene, 4) == 0)
        check_buckets(scene, query, tally);
    free(tally);
}

/* Ends of ranges are as exact as the columns are. */
static bool may_count(const struct find_query *query) {
    return !query->from_us && !query->until_us && !query->received_from_us &&
           !query->received_until_us && !query->has_amount;
}

static void some_searches(struct scene *scene) {
    for (unsigned i = 0; i < 25; i++) {
        struct find_query query;
        struct find_key keys[2];
        char texts[3][32];
        struct text field;
        struct error error;
        enum find_index index = (enum find_index)below(scene, 3);
        uint64_t end;
        random_query(scene, &query, keys, texts);
        assert_int_equal(find_query_check(&query, &field, &error), 0);
        if (below(scene, 4) == 0)
            assert_int_equal(find_hold(find_of(scene, index), &end, &error), 0);
        search(scene, &query, index);
        find_release(find_of(scene, index));
        if (may_count(&query))
            count(scene, &query, (enum find_index)below(scene, 3));
    }
}

/* ---- the tests ---- */

static void open_scene(struct scene *scene, uint64_t seed) {
    const struct archive_options options = {.segment_bytes = 50000};
    struct archive_recovery recovery;
    struct error error;
    *scene = (struct scene){.folder = scratch_make(), .random = seed, .now_us = START_US};
    scene->path = text_copy(text_of(scratch_path(scene->folder, "archive")));
    scene->transactions = calloc(TRANSACTIONS_MAX, sizeof *scene->transactions);
    scene->later = calloc(TRANSACTIONS_MAX, sizeof *scene->later);
    assert_int_equal(archive_open(scene->path, &options, &scene->archive, &recovery, &error), 0);
}

static void close_scene(struct scene *scene) {
    for (int i = 0; i < 3; i++)
        forget(scene, (enum find_index)i);
    archive_close(scene->archive);
    scratch_remove(scene->folder);
    free((char *)(uintptr_t)scene->path);
    free(scene->transactions);
    free(scene->later);
}

static void test_random(void **state) {
    (void)state;
    struct scene scene;
    uint64_t seed = asked_seed(1), steps = asked_steps(25);
    open_scene(&scene, seed);
    for (uint64_t step = 0; step < steps; step++) {
        grow(&scene);
        if (scene.count == 0)
            continue;
        unsigned what = below(&scene, 8);
        if (what == 0)
            seal(&scene);
        else if (what == 1)
            cut(&scene);
        else if (what == 2)
            damage(&scene);
        else if (what == 3)
            forget(&scene, FIND_KEEP_INDEX);
        some_searches(&scene);
    }
    close_scene(&scene);
}

/* find_make_index() makes all that a search needs, but for the end. */
static void test_made_before(void **state) {
    (void)state;
    struct scene scene;
    struct error error;
    struct find_page page;
    open_scene(&scene, 7);
    for (int i = 0; i < 6; i++)
        grow(&scene);
    while (find_make_index(find_of(&scene, FIND_KEEP_INDEX), &error) == 1)
        continue;
    forget(&scene, FIND_KEEP_INDEX);
    const struct find_query query = {.rule = TEXT_LITERAL("never")};
    struct reading reading = {.scene = &scene, .query = &query};
    const struct find_taker taker = {.take = take, .user = &reading};
    assert_int_equal(find_run(find_of(&scene, FIND_KEEP_INDEX), &query, &taker, &page, &error), 0);
    assert_int_equal(page.rows, 0);
    assert_true(page.read > 2);
    assert_true(page.made <= 1);
    assert_false(page.cannot_write);
    close_scene(&scene);
}

static bool finds_last(struct scene *scene, struct find *find) {
    char id[32];
    snprintf(id, sizeof id, "t%u", scene->transactions[scene->count - 1].number);
    const struct find_query query = {.id = text_of(id)};
    struct reading reading = {.scene = scene, .query = &query, .next = scene->count};
    const struct find_taker taker = {.take = take, .user = &reading};
    struct find_page page;
    struct error error;
    if (find_run(find, &query, &taker, &page, &error) < 0)
        fail_msg("%s", error.text);
    return page.rows == 1;
}

/* What is held does not grow. */
static void test_held(void **state) {
    (void)state;
    struct scene scene;
    struct error error;
    uint64_t end = 0;
    open_scene(&scene, 9);
    grow(&scene);
    struct find *find = find_of(&scene, FIND_KEEP_INDEX);
    assert_int_equal(find_hold(find, &end, &error), 0);
    assert_int_equal(end, scene.marks[scene.mark_count - 1].position);
    assert_true(finds_last(&scene, find));
    grow(&scene);
    assert_false(finds_last(&scene, find));
    find_release(find);
    assert_true(finds_last(&scene, find));
    close_scene(&scene);
}

/* Also a single file, while the others stay: the folder may have been removed in the middle of
 * making it. */
static void test_removed_file_is_made_again(void **state) {
    (void)state;
    struct scene scene;
    struct error error;
    open_scene(&scene, 8);
    for (int i = 0; i < 6; i++)
        grow(&scene);
    while (find_make_index(find_of(&scene, FIND_KEEP_INDEX), &error) == 1)
        continue;
    char *folder = find_files_folder(scene.path);
    uint64_t newest = find_files_last(folder);
    assert_true(newest > 1);
    find_files_remove(folder, 1);
    find_files_remove(folder, newest);
    while (find_make_index(find_of(&scene, FIND_KEEP_INDEX), &error) == 1)
        continue;
    assert_true(find_files_has(folder, 1));
    assert_true(find_files_has(folder, newest));
    free(folder);
    close_scene(&scene);
}

/* Of a search of everything, in pages of this size. */
static uint64_t count_made(struct scene *scene, enum find_index index, uint32_t limit) {
    struct find_query query = {.limit = limit};
    struct reading reading = {.scene = scene, .query = &query, .next = scene->count};
    const struct find_taker taker = {.take = take, .user = &reading};
    struct find_page page = {0};
    struct error error;
    uint64_t made = 0;
    do {
        query.cursor = text_of(page.cursor);
        if (find_run(find_of(scene, index), &query, &taker, &page, &error) < 0)
            fail_msg("%s", error.text);
        made += page.made;
    } while (*page.cursor);
    return made;
}

/* Without files, the next page does not make again what the pages before it went through. */
static void test_pages_without_index(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene, 11);
    for (int i = 0; i < 6; i++)
        grow(&scene);
    uint64_t slices = count_made(&scene, FIND_NO_INDEX, FIND_LIMIT_MAX);
    forget(&scene, FIND_NO_INDEX);
    assert_true(slices > 2);
    assert_int_equal(count_made(&scene, FIND_NO_INDEX, 20), slices);
    /* What an earlier search left in memory is no slice with all its columns, but for its end. */
    assert_true(count_made(&scene, FIND_NO_INDEX, FIND_LIMIT_MAX) >= slices - 1);
    close_scene(&scene);
}

static void take_newest(struct scene *scene, struct find_slices *slices, size_t *ret_first,
                        size_t *ret_count) {
    struct archive_parts *parts;
    struct error error;
    assert_int_equal(archive_parts_open(scene->path, &parts, &error), 0);
    find_slices_begin(slices, parts, UINT64_MAX);
    assert_int_equal(find_slices_take(slices, parts, archive_parts_count(parts) - 1, true,
                                      ret_first, ret_count, &error),
                     0);
    archive_parts_close(parts);
}

/* While a segment grows, its end is made piece by piece, until a file has them all. */
static void test_pieces(void **state) {
    (void)state;
    const struct archive_options options = {0};
    struct archive_recovery recovery;
    struct error error;
    struct scene scene;
    size_t first, count, most = 0;
    open_scene(&scene, 13);
    archive_close(scene.archive);
    assert_int_equal(archive_open(scene.path, &options, &scene.archive, &recovery, &error), 0);
    struct find_slices slices = {
        .folder = find_files_folder(scene.path), .slice_bytes = 10000000, .tail_bytes = 400000};
    const struct find_image *kept = NULL;
    for (int i = 0; i < 40; i++) {
        for (int j = 0; j < 200; j++)
            append_transaction(&scene);
        sync_archive(&scene);
        take_newest(&scene, &slices, &first, &count);
        assert_true(slices.items[first].is_piece);
        assert_true(!kept || slices.items[first].image == kept);
        kept = count > 1 ? slices.items[first].image : NULL;
        most = count > most ? count : most;
    }
    assert_in_range(most, 3, 40);
    const struct find_options keeper = {
        .archive = scene.path, .index = FIND_KEEP_INDEX, .tail_bytes = 400000};
    struct find *find = find_new(&keeper);
    assert_int_equal(find_make_index(find, &error), 1);
    assert_int_equal(find_make_index(find, &error), 0);
    find_free(find);
    take_newest(&scene, &slices, &first, &count);
    assert_int_equal(count, 1);
    assert_true(slices.items[first].is_file);
    find_slices_deinit(&slices);
    close_scene(&scene);
}

/* What a crash of the machine may leave: every file has its header, and zeros after it. */
static void test_all_files_damaged(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene, 14);
    for (int i = 0; i < 16; i++)
        grow(&scene);
    struct find_page page;
    struct error error;
    uint64_t files = 0;
    count_made(&scene, FIND_KEEP_INDEX, FIND_LIMIT_MAX);
    forget(&scene, FIND_KEEP_INDEX);
    char *folder = find_files_folder(scene.path);
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (!strstr(entry->d_name, ".find"))
            continue;
        struct text bytes = scratch_read(path);
        memset((char *)(uintptr_t)bytes.data + bytes.length / 2, 0, bytes.length / 2);
        scratch_write(path, bytes.data, bytes.length);
        free((char *)(uintptr_t)bytes.data);
        files++;
    }
    closedir(directory);
    free(folder);
    assert_true(files > 20); /* more than a search repairs one by one */
    const struct find_query query = {.rule = TEXT_LITERAL("never")};
    struct reading reading = {.scene = &scene, .query = &query};
    const struct find_taker taker = {.take = take, .user = &reading};
    for (int index = FIND_READ_INDEX; index <= FIND_KEEP_INDEX; index++) {
        struct find *find = find_of(&scene, (enum find_index)index);
        if (find_run(find, &query, &taker, &page, &error) < 0)
            fail_msg("%s", error.text);
        assert_int_equal(page.rows, 0);
        assert_true(page.made + 1 >= files);
    }
    close_scene(&scene);
}

static bool is_always_expired(void *user) {
    (void)user;
    return true;
}

/* A page that begins far back, with nothing of the index there: time counts from the first slice
 * made. */
static void test_expired_before_cursor(void **state) {
    (void)state;
    struct scene scene;
    struct error error;
    struct find_page page;
    open_scene(&scene, 13);
    for (int i = 0; i < 6; i++)
        grow(&scene);
    uint64_t slices = count_made(&scene, FIND_NO_INDEX, FIND_LIMIT_MAX), pages = 0;
    struct find_query query = {.limit = (uint32_t)scene.count - 5};
    struct reading reading = {.scene = &scene, .query = &query, .next = scene.count};
    struct find_taker taker = {.take = take, .user = &reading};
    assert_int_equal(find_run(find_of(&scene, FIND_NO_INDEX), &query, &taker, &page, &error), 0);
    taker.is_expired = is_always_expired;
    for (char cursor[FIND_CURSOR_SIZE]; *page.cursor; pages++) {
        memcpy(cursor, page.cursor, sizeof cursor);
        query.cursor = text_of(cursor);
        assert_int_equal(find_run(find_of(&scene, FIND_KEEP_INDEX), &query, &taker, &page, &error),
                         0);
        assert_true(page.made < slices - 1);
    }
    assert_true(pages > 2);
    while (reading.next > 0)
        assert_false(is_wanted(&scene, &query, --reading.next));
    close_scene(&scene);
}

/* A server tries again and again: what it cannot write does not pile up in its memory. */
static void test_index_cannot_be_written(void **state) {
    (void)state;
    struct scene scene;
    struct error error;
    open_scene(&scene, 12);
    for (int i = 0; i < 6; i++)
        grow(&scene);
    char *folder = find_files_folder(scene.path);
    scratch_write(folder, "a file", 6); /* nobody makes a folder of this name */
    uint64_t slices = count_made(&scene, FIND_NO_INDEX, FIND_LIMIT_MAX);
    for (uint64_t i = 0; i < 2 * slices; i++) {
        assert_true(find_make_index(find_of(&scene, FIND_KEEP_INDEX), &error) < 0);
        assert_non_null(strstr(error.text, folder));
    }
    assert_true(count_made(&scene, FIND_KEEP_INDEX, 20) >= slices - 1);
    /* With room, it goes on. */
    unlink(folder);
    while (find_make_index(find_of(&scene, FIND_KEEP_INDEX), &error) == 1)
        continue;
    forget(&scene, FIND_KEEP_INDEX);
    assert_true(count_made(&scene, FIND_KEEP_INDEX, FIND_LIMIT_MAX) <= 1);
    free(folder);
    close_scene(&scene);
}

static void test_cursor(void **state) {
    (void)state;
    struct scene scene;
    struct error error;
    struct find_page page;
    open_scene(&scene, 9);
    grow(&scene);
    struct find_query query = {.limit = 1}, other;
    struct reading reading = {.scene = &scene, .query = &query, .next = scene.count};
    const struct find_taker taker = {.take = take, .user = &reading};
    struct find *find = find_of(&scene, FIND_NO_INDEX);
    assert_int_equal(find_run(find, &query, &taker, &page, &error), 0);
    char cursor[FIND_CURSOR_SIZE];
    memcpy(cursor, page.cursor, sizeof cursor);
    other = query;
    other.verdicts = 2;
    other.cursor = text_of(cursor);
    assert_int_equal(find_run(find, &other, &taker, &page, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.text, "other filters"));
    other = query;
    other.cursor = TEXT_LITERAL("x");
    assert_int_equal(find_run(find, &other, &taker, &page, &error), -ERROR_INVALID);
    query.cursor = text_of(cursor);
    query.limit = 5; /* pages may differ in length */
    assert_int_equal(find_run(find, &query, &taker, &page, &error), 0);
    assert_int_equal(page.rows, 5);
    close_scene(&scene);
}

static void test_folder(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"/data/archive", "/data/index"},
        {"/data/archive//", "/data/index"},
        {"archive", "index"},
        {"/backup/monday", "/backup/monday.index"},
        {"myarchive", "myarchive.index"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *folder = find_files_folder(cases[i][0]);
        assert_string_equal(folder, cases[i][1]);
        free(folder);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_made_before),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_removed_file_is_made_again),
        cmocka_unit_test(test_pages_without_index),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_all_files_damaged),
        cmocka_unit_test(test_expired_before_cursor),
        cmocka_unit_test(test_index_cannot_be_written),
        cmocka_unit_test(test_cursor),
        cmocka_unit_test(test_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
