#include "replay_archive.h"

#include "core/store/archive/archive.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/stat.h>

/* ---- policies ---- */

static const char policy_yaml[] = "policy: {name: first, base_currency: EUR, lateness: 1h}\n";
static const char schema_yaml[] = "derived:\n"
                                  "  mailbox: {value: email.lowerAscii()}\n";
static const char lists_yaml[] = "lists:\n"
                                 "  bad_cards: {about: Told at run time}\n";
static const char features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "  merchant: {key: merchant}\n"
    "  pair: {key: [card, merchant]}\n"
    "  mailbox: {key: mailbox}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: sum_1d, aggregate: sum, of: amount, window: 1d}\n"
    "    - {name: last_country, aggregate: last, of: country, window: 30d}\n"
    "    - {name: declined_1d, aggregate: count, where: \"verdict == 'decline'\", window: 1d}\n"
    "    - {name: hasty_1d, aggregate: count, where: 'fired(\"hasty\")', window: 1d}\n"
    "  merchant:\n"
    "    - {name: cards_1d, aggregate: distinct, of: card, window: 1d}\n"
    "    - {name: frauds_1d, aggregate: count, where: \"outcome == 'fraud' && verdict != "
    "'decline'\", window: 1d}\n"
    "    - {name: mean_7d, aggregate: mean, of: amount, window: 7d, exclude_current: true}\n"
    "  pair:\n"
    "    - {name: new_country_1d, aggregate: is_new, of: country, window: 1d}\n"
    "  mailbox:\n"
    "    - {name: cards_1d, aggregate: distinct, of: card, window: 1d}\n"
    "values:\n"
    "  - {name: usual, value: \"has(merchant.mean_7d) ? amount / merchant.mean_7d : 1.0\"}\n";
static const char other_features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: declined_1d, aggregate: count, where: \"verdict == 'decline'\", window: 1d}\n"
    "    - {name: most_1d, aggregate: max, of: amount, window: 1d}\n";
static const char rules_yaml[] =
    "rules:\n"
    "  - name: hasty\n"
    "    when: card.count_1h >= 3\n"
    "    then: {score: 300}\n"
    "    reason: \"{card.count_1h} in an hour, last in {card.last_country}\"\n"
    "    suppress: {by: card, for: 10m}\n"
    "  - name: seen_badly\n"
    "    when: card.declined_1d >= 1 && usual > 1.2\n"
    "    then: {verdict: review, score: 100}\n"
    "  - name: bad_card\n"
    "    when: card in lists.bad_cards\n"
    "    then: {verdict: decline}\n"
    "  - name: risky_merchant\n"
    "    when: merchant.frauds_1d >= 3 || merchant.cards_1d > 12 || mailbox.cards_1d > 3\n"
    "    then: {score: 250}\n"
    "  - name: strange\n"
    "    when: pair.new_country_1d && amount > 500.0\n"
    "    then: {verdict: challenge}\n"
    "    mode: shadow\n"
    "  - name: dear\n"
    "    when: amount > 800.0 || card.hasty_1d >= 3\n"
    "    then: {verdict: decline}\n";
static const char other_rules_yaml[] = "rules:\n"
                                       "  - name: hasty\n"
                                       "    when: card.count_1h >= 2 && card.declined_1d == 0\n"
                                       "    then: {verdict: decline, score: 600}\n"
                                       "  - name: dearest\n"
                                       "    when: amount >= card.most_1d && card.count_1h > 1\n"
                                       "    then: {verdict: review}\n";
/* The same features, other rules. */
static const char strict_rules_yaml[] = "rules:\n"
                                        "  - name: hasty\n"
                                        "    when: card.count_1h >= 2\n"
                                        "    then: {verdict: decline, score: 900}\n";

#define FILES_MAX 5

static struct snapshot *load(const struct policy_file *files, size_t count) {
    struct snapshot *snapshot;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    if (snapshot_load(files, count, &snapshot, &messages, &error) < 0)
        fail_msg("%s", error.text);
    buffer_deinit(&messages);
    return snapshot;
}

static struct policy_file file_of(const char *path, const char *content) {
    return (struct policy_file){.path = text_of(path), .content = text_of(content)};
}

static size_t files_of(enum replay_policy_name which, struct policy_file files[FILES_MAX]) {
    size_t count = 0;
    if (which == REPLAY_OTHER) {
        files[count++] = file_of("features.yaml", other_features_yaml);
        files[count++] = file_of("policy.yaml", policy_yaml);
        files[count++] = file_of("rules/all.yaml", other_rules_yaml);
        return count;
    }
    files[count++] = file_of("features.yaml", features_yaml);
    files[count++] = file_of("lists.yaml", lists_yaml);
    files[count++] = file_of("policy.yaml", policy_yaml);
    files[count++] =
        file_of("rules/all.yaml", which == REPLAY_STRICT ? strict_rules_yaml : rules_yaml);
    files[count++] = file_of("schema.yaml", schema_yaml);
    return count;
}

struct snapshot *replay_archive_policy(enum replay_policy_name which) {
    struct policy_file files[FILES_MAX];
    return load(files, files_of(which, files));
}

const char *replay_archive_folder(const char *scratch, enum replay_policy_name which) {
    static const char *const names[] = {"first", "strict", "other"};
    struct policy_file files[FILES_MAX];
    size_t count = files_of(which, files);
    char name[64];
    snprintf(name, sizeof name, "%s/rules", names[which]);
    assert_int_equal(mkdir(scratch_path(scratch, names[which]), 0700), 0);
    assert_int_equal(mkdir(scratch_path(scratch, name), 0700), 0);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s/%.*s", names[which], TEXT_ARGS(files[i].path));
        scratch_write(scratch_path(scratch, name), files[i].content.data, files[i].content.length);
    }
    return scratch_path(scratch, names[which]);
}

/* ---- an archive with something of everything ---- */

static uint64_t random_state;

static unsigned random_below(unsigned bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % bound);
}

struct writing {
    struct archive *archive;
    struct snapshot *policies[REPLAY_POLICY_COUNT];
    struct arena arena;
    struct transaction transactions[4096]; /* by number */
    enum verdict verdicts[4096];
    enum label labels[4096];
    uint64_t positions[4096];
    bool has_fired[4096], is_amended[4096];
    struct amended amended[4096];
    unsigned count;
    int64_t now_us;
};

static uint64_t append(struct writing *writing, struct record record) {
    record.receive_time_us = writing->now_us;
    archive_append(writing->archive, &record);
    return record.position;
}

static void write_snapshot(struct writing *writing, enum replay_policy_name which) {
    const struct snapshot *snapshot = writing->policies[which];
    append(writing, (struct record){.type = RECORD_SNAPSHOT,
                                    .snapshot = {.snapshot_id = snapshot->id,
                                                 .name = snapshot->name,
                                                 .files = snapshot->files,
                                                 .file_count = snapshot->file_count}});
}

/* Tables of now, with one policy's plan; adopted some records later. */
static struct record generation_of(const struct writing *writing, enum replay_policy_name which,
                                   unsigned id) {
    struct archive_place end = archive_end(writing->archive);
    const struct snapshot *snapshot = writing->policies[which];
    return (struct record){.type = RECORD_GENERATION,
                           .generation = {.generation_id = id,
                                          .position = end.position,
                                          .chain = end.chain,
                                          .plan_id = snapshot->plan.id,
                                          .snapshot_id = snapshot->id,
                                          .files = snapshot->files,
                                          .file_count = snapshot->file_count}};
}

static struct text name_of(struct writing *writing, const char *format, unsigned number) {
    struct text t = arena_printf(&writing->arena, "%s%u", format, number);
    return t;
}

static const struct reason hasty = {.rule = {"hasty", 5}, .score = 300};

static void write_transaction(struct writing *writing) {
    static const char *const countries[] = {"DE", "FR", "IT", "ES", "PL"};
    unsigned i = writing->count++;
    struct transaction *transaction = &writing->transactions[i];
    *transaction = (struct transaction){
        .id = name_of(writing, "t", i),
        .event_time_us =
            writing->now_us - (random_below(5) ? 0 : random_below(7000) * REPLAY_ARCHIVE_SECOND),
        .amount_minor = random_below(100000),
        .currency = TEXT_LITERAL("EUR"),
    };
    transaction->fields[FIELD_CARD] = name_of(writing, "c", random_below(40));
    transaction->fields[FIELD_MERCHANT] = name_of(writing, "m", random_below(6));
    bool is_backfilled = random_below(12) == 0; /* by weeks late */
    if (is_backfilled)
        transaction->event_time_us -= random_below(40 * 86400) * REPLAY_ARCHIVE_SECOND;
    if (random_below(3))
        transaction->fields[FIELD_COUNTRY] = text_of(countries[random_below(5)]);
    if (random_below(2))
        transaction->fields[FIELD_EMAIL] = arena_printf(
            &writing->arena, "%s%u@Example.org", random_below(2) ? "Ann" : "ann", random_below(9));
    if (i % 3 == 0) {
        transaction->source = name_of(writing, "s", i % 2);
        transaction->sequence = 1 + (i % 7 == 0 ? i / 2 : i);
    }
    writing->verdicts[i] = (enum verdict)(1 + random_below(4));
    bool fired = writing->has_fired[i] = random_below(4) == 0;
    writing->positions[i] = append(
        writing, (struct record){.type = RECORD_TRANSACTION,
                                 .transaction = {.transaction = *transaction,
                                                 .is_backfilled = is_backfilled,
                                                 .decision = {.verdict = writing->verdicts[i],
                                                              .score = random_below(1000),
                                                              .reasons = fired ? &hasty : NULL,
                                                              .reason_count = fired}}});
}

static void write_outcome(struct writing *writing) {
    unsigned i = writing->count - 1 - random_below(writing->count < 60 ? writing->count : 60);
    enum label label = (enum label)random_below(LABEL_COUNT);
    if (label == writing->labels[i])
        return;
    append(writing, (struct record){.type = RECORD_OUTCOME,
                                    .outcome = {.known_time_us = writing->now_us,
                                                .previous = writing->labels[i],
                                                .label = label,
                                                .transaction_position = writing->positions[i],
                                                .transaction = writing->transactions[i],
                                                .verdict = writing->verdicts[i],
                                                .is_amended = writing->is_amended[i],
                                                .amended = writing->amended[i]}});
    writing->labels[i] = label;
}

static void write_amendment(struct writing *writing) {
    unsigned i = writing->count - 1 - random_below(writing->count < 60 ? writing->count : 60);
    const struct transaction *transaction = &writing->transactions[i];
    struct amended before = writing->is_amended[i] ? writing->amended[i] : amended_of(transaction),
                   now = before;
    if (random_below(3) == 0)
        now.is_voided = !now.is_voided;
    else
        now.amount_minor = random_below(100000);
    now.refunded_minor = random_below((unsigned)now.amount_minor + 1);
    append(writing, (struct record){.type = RECORD_AMENDMENT,
                                    .amendment = {.known_time_us = writing->now_us,
                                                  .previous = before,
                                                  .now = now,
                                                  .transaction_position = writing->positions[i],
                                                  .transaction = *transaction,
                                                  .verdict = writing->verdicts[i],
                                                  .fired = &hasty.rule,
                                                  .fired_count = writing->has_fired[i],
                                                  .label = writing->labels[i]}});
    writing->is_amended[i] = true;
    writing->amended[i] = now;
}

static void write_list_change(struct writing *writing) {
    append(writing,
           (struct record){.type = RECORD_LIST_CHANGE,
                           .list_change = {.list = TEXT_LITERAL("bad_cards"),
                                           .entry = name_of(writing, "c", random_below(40)),
                                           .removed = random_below(2)}});
}

/* Of a rule of one of the policies, or of a whole policy. By the count of transactions alone: every
 * second one is lifted again. */
static void write_brake(struct writing *writing) {
    unsigned number = writing->count / 41;
    const struct snapshot *policy = writing->policies[number / 2 % REPLAY_POLICY_COUNT];
    unsigned rule = number / 2 % (unsigned)(policy->rule_count + 1);
    bool is_policy = rule == policy->rule_count;
    append(writing, (struct record){
                        .type = RECORD_BRAKE,
                        .brake = {.rule = is_policy ? (struct text){0} : policy->rules[rule].name,
                                  .definition = is_policy ? policy->definition
                                                          : policy->rules[rule].definition,
                                  .lifted = number % 2}});
}

void replay_archive_write(const char *path, const struct replay_archive_kind *kind) {
    static struct writing writing;
    struct archive_recovery recovery;
    struct error error;
    struct record tables = {0};
    unsigned adopt_at = 0, generation = 1;
    memset(&writing, 0, sizeof writing);
    arena_init(&writing.arena, 64u << 20);
    for (int i = 0; i < REPLAY_POLICY_COUNT; i++)
        writing.policies[i] = replay_archive_policy((enum replay_policy_name)i);
    const struct archive_options options = {.segment_bytes = kind->segment_bytes};
    if (archive_open(path, &options, &writing.archive, &recovery, &error) < 0)
        fail_msg("%s", error.text);
    writing.now_us = REPLAY_ARCHIVE_START_US;
    random_state = 88172645463325252;
    write_snapshot(&writing, REPLAY_FIRST);
    while (writing.count < kind->transactions) {
        writing.now_us += random_below(400) * REPLAY_ARCHIVE_SECOND;
        write_transaction(&writing);
        if (random_below(3) == 0)
            write_outcome(&writing);
        if (random_below(12) == 0)
            write_amendment(&writing);
        if (random_below(60) == 0)
            write_list_change(&writing);
        if (writing.count % 41 == 0)
            write_brake(&writing);
        if (kind->policies && random_below(150) == 0)
            write_snapshot(&writing, (enum replay_policy_name)random_below(REPLAY_POLICY_COUNT));
        if (kind->tables && tables.type == 0 && random_below(120) == 0) {
            tables = generation_of(
                &writing, (enum replay_policy_name)random_below(REPLAY_POLICY_COUNT), generation++);
            adopt_at = writing.count + random_below(40);
        } else if (tables.type != 0 && writing.count >= adopt_at) {
            append(&writing, tables);
            tables.type = (enum record_type)0;
        }
    }
    archive_close(writing.archive);
    for (int i = 0; i < REPLAY_POLICY_COUNT; i++)
        snapshot_unref(writing.policies[i]);
    arena_deinit(&writing.arena);
}
