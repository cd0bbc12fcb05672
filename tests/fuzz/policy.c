/* Target: a policy's files.
 *
 *   input  files, each after a line "=== PATH"; without such a line, everything is rules/a.yaml. A
 *          minimal policy.yaml is added if there is none. Two paths are none of a policy's:
 *          "folder": the files are written to a folder and read from there first;
 *          "untrained": the text is the name of a model that is still to be trained
 *
 * A folder must be refused, or what is read of it is what was written, and every YAML file is
 * there. Loading must refuse the files with messages of clean text, or give a snapshot that decides
 * and applies transactions and runs its cases twice with the same result. Loading its files again
 * must give the same id, plan and messages, and `harrier check` must report nothing worse than
 * warnings about them. */
#include "common/target.h"

#include "core/base/check.h"
#include "core/engine/engine.h"
#include "core/engine/trial.h"
#include "core/policy/analysis/snapshot_check.h"
#include "core/policy/load/load.h"
#include "tests/unit/engine/state_map.h"
#include "tests/unit/store/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX         16
#define SEED_BYTES_MAX    4000
#define REFUSED_BYTES_MAX 24000 /* with the files of models */
#define ATTRIBUTES_MAX    8     /* of a drawn transaction */
#define PURCHASES         4     /* of one card */
#define DRAWN             8
#define HOUR_US           INT64_C(3600000000)
#define RUN_BYTES         ((size_t)4 << 20)
#define CASE_STEPS        2000 /* more would take too long for one input */

static struct buffer messages, messages_again, output, output_again;
static struct arena arena;

void target_start(void) {
    buffer_init(&messages);
    buffer_init(&messages_again);
    buffer_init(&output);
    buffer_init(&output_again);
    arena_init(&arena, RUN_BYTES);
}

/* The next line "=== PATH" after `at`; `end` if there is none. */
static const char *find_head(const char *at, const char *end) {
    const char *head = memmem(at, (size_t)(end - at), "\n=== ", 5);
    return head ? head + 1 : end;
}

struct input {
    struct policy_file files[FILES_MAX];
    size_t count;
    bool is_folder;
    struct text untrained; /* length 0: none */
};

/* What is no file of a policy. */
static bool take_word(struct input *input, struct policy_file file) {
    if (text_is(file.path, "folder")) {
        input->is_folder = true;
    } else if (text_is(file.path, "untrained")) {
        const char *end = memchr(file.content.data, '\n', file.content.length);
        input->untrained = file.content;
        if (end)
            input->untrained.length = (size_t)(end - file.content.data);
    } else {
        return false;
    }
    return true;
}

static struct input split(const uint8_t *bytes, size_t size) {
    static const char given[] = "policy: {name: fuzz, base_currency: EUR}\n";
    const char *at = (const char *)bytes, *end = at + size;
    struct input input = {0};
    bool has_policy = false;
    while (at < end && input.count < FILES_MAX - 1) {
        struct policy_file *file = &input.files[input.count];
        const char *next = find_head(at, end), *line = NULL;
        if (end - at >= 4 && memcmp(at, "=== ", 4) == 0)
            line = memchr(at, '\n', (size_t)(next - at));
        file->path = TEXT_LITERAL("rules/a.yaml");
        if (line) {
            file->path = (struct text){.data = at + 4, .length = (size_t)(line - at - 4)};
            at = line + 1;
        }
        file->content = (struct text){.data = at, .length = (size_t)(next - at)};
        has_policy |= text_is(file->path, "policy.yaml");
        input.count += !take_word(&input, *file);
        at = next;
    }
    if (!has_policy)
        input.files[input.count++] =
            (struct policy_file){.path = TEXT_LITERAL("policy.yaml"), .content = text_of(given)};
    return input;
}

/* Messages quote the files, whose control characters must not reach a terminal. */
static void must_be_clean(const struct buffer *printed) {
    for (size_t at = 0; at < printed->length;) {
        const char *line = (const char *)printed->bytes + at;
        const char *end = memchr(line, '\n', printed->length - at);
        property(end, "messages end without a line end");
        struct text text = {.data = line, .length = (size_t)(end - line)};
        property(text_is_clean(text, NULL), "a message that is not clean: %" TEXT_FORMAT,
                 TEXT_ARGS(text));
        at += text.length + 1;
    }
}

/* ---- a folder ---- */

/* A path that leads nowhere else, and has one name only. */
static bool is_plain_path(struct text path) {
    size_t part = 0;
    for (size_t i = 0; i <= path.length; i++) {
        if (i < path.length && path.data[i] != '/') {
            if (path.data[i] == '\0')
                return false;
            continue;
        }
        struct text name = {.data = path.data + part, .length = i - part};
        if (name.length == 0 || name.length > 200 || text_is(name, ".") || text_is(name, ".."))
            return false;
        part = i + 1;
    }
    return path.length <= 1000;
}

/* False: there is a file or folder of that name. */
static bool write_file(const char *folder, const struct policy_file *file) {
    char path[2048];
    int length = snprintf(path, sizeof path, "%s/%" TEXT_FORMAT, folder, TEXT_ARGS(file->path));
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        mkdir(path, 0700);
    }
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    property(length < (int)sizeof path, "%s", path);
    if (descriptor < 0)
        return false;
    property(write(descriptor, file->content.data, file->content.length) ==
                 (ssize_t)file->content.length,
             "%s", path);
    close(descriptor);
    return true;
}

static const struct policy_file *find_file(const struct policy_file *files, size_t count,
                                           struct text path) {
    for (size_t i = 0; i < count; i++)
        if (text_equal(files[i].path, path))
            return &files[i];
    return NULL;
}

static void must_be_in(struct policy_folder *read, const struct policy_file *written,
                       size_t written_count) {
    size_t count;
    const struct policy_file *files = policy_folder_files(read, &count);
    for (size_t i = 0; i < count; i++) {
        const struct policy_file *as = find_file(written, written_count, files[i].path);
        property(as && text_equal(as->content, files[i].content), "%" TEXT_FORMAT,
                 TEXT_ARGS(files[i].path));
        property(i == 0 || text_compare(files[i - 1].path, files[i].path) < 0,
                 "not in the order of their paths");
    }
    for (size_t i = 0; i < written_count; i++) {
        struct text path = written[i].path;
        bool is_yaml = path.length > 5 && memcmp(path.data + path.length - 5, ".yaml", 5) == 0;
        property(!is_yaml || !policy_path_is_inside(path) || find_file(files, count, path),
                 "%" TEXT_FORMAT " is not read", TEXT_ARGS(path));
    }
}

/* NULL: it was refused, as what is no folder must be. */
static struct policy_folder *read_as_folder(const struct input *input) {
    static struct policy_file written[FILES_MAX];
    struct policy_folder *read = NULL, *none = NULL;
    struct error error = {0};
    char *folder = scratch_make(), path[512];
    size_t count = 0;
    for (size_t i = 0; i < input->count; i++)
        if (is_plain_path(input->files[i].path) && write_file(folder, &input->files[i]))
            written[count++] = input->files[i];
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/policy.yaml%s", folder, i ? ".none" : "");
        int r = policy_folder_read(path, &none, &error);
        property(r == -ERROR_NOT_FOUND && error.text[0] && !none, "%s: %d", path, r);
    }
    if (policy_folder_read(folder, &read, &error) == 0)
        must_be_in(read, written, count);
    else
        property(error.text[0] && !read, "refused without a message");
    scratch_remove(folder);
    return read;
}

/* ---- its use ---- */

static struct transaction purchase(int64_t number) {
    static const struct attribute attributes[] = {
        {.name = TEXT_LITERAL("items"), .type = ATTRIBUTE_INTEGER, .integer = 3},
        {.name = TEXT_LITERAL("online"), .type = ATTRIBUTE_FLAG, .flag = true},
        {.name = TEXT_LITERAL("kind"), .type = ATTRIBUTE_TEXT, .text = TEXT_LITERAL("gift")},
        {.name = TEXT_LITERAL("risk"), .type = ATTRIBUTE_NUMBER, .number = 0.25},
    };
    struct transaction transaction = {.id = TEXT_LITERAL("t"),
                                      .event_time_us = INT64_C(1767225600000000) + number * HOUR_US,
                                      .amount_minor = 1999 * number,
                                      .currency = TEXT_LITERAL("EUR"),
                                      .has_location = true,
                                      .latitude_e7 = 475000000,
                                      .longitude_e7 = 85000000};
    for (enum transaction_field field = 0; field < FIELD_COUNT; field++)
        transaction.fields[field] = TEXT_LITERAL("x1");
    transaction.fields[FIELD_IP] = TEXT_LITERAL("192.0.2.1");
    transaction.fields[FIELD_COUNTRY] = TEXT_LITERAL("CH");
    transaction.fields[FIELD_MCC] = TEXT_LITERAL("5411");
    transaction.attributes = attributes;
    transaction.attribute_count = number % 2 ? 0 : sizeof attributes / sizeof *attributes;
    return transaction;
}

/* A value; is_sent: as a client sends it, of any type, for an attribute that may want another. */
static struct attribute draw_typed(struct chance *chance, const struct field *field, bool is_sent) {
    static const char *const texts[] = {
        "",        "x1", "192.0.2.7", "2001:db8::1", "4111111111111111", "an.address@example.com",
        "\xc3\xa9"};
    static const int64_t integers[] = {
        0, 1, -1, 12345, INT64_C(1767225600000000), INT64_MAX, INT64_MIN, INT64_C(1) << 53};
    static const double numbers[] = {0, 0.25, -1.5, 1e300, 0x1p53, 0.125, -0.005, 12.345};
    struct attribute out = {.name = field->name};
    uint64_t at = chance_next(chance);
    enum value_type type = field->type;
    if (is_sent && chance_below(chance, 4) == 0) /* another one than it wants */
        type = (enum value_type[]){VALUE_TEXT, VALUE_INT, VALUE_DOUBLE, VALUE_BOOL}[at / 8 % 4];
    if (is_sent && type == VALUE_DOUBLE && field->digits > 0 && at / 64 % 4 != 0)
        type = VALUE_INT; /* a decimal is sent in units of its last digit */
    if (type == VALUE_TEXT) {
        out.type = ATTRIBUTE_TEXT;
        out.text = text_of(texts[at % (sizeof texts / sizeof *texts)]);
    } else if (type == VALUE_BOOL) {
        out.type = ATTRIBUTE_FLAG;
        out.flag = at % 2;
    } else if (type == VALUE_DOUBLE) {
        out.type = ATTRIBUTE_NUMBER;
        out.number = numbers[at % (sizeof numbers / sizeof *numbers)];
    } else {
        out.type = ATTRIBUTE_INTEGER;
        out.integer = integers[at % (sizeof integers / sizeof *integers)];
    }
    return out;
}

/* What an erasure has left of the derived fields: their values. */
static const struct erased *draw_erased(struct chance *chance, const struct schema *schema) {
    static struct erased_field fields[ATTRIBUTES_MAX];
    static struct erased erased;
    erased = (struct erased){.fields = fields};
    for (size_t i = schema->first_derived;
         i < schema->field_count && erased.field_count < ATTRIBUTES_MAX; i++)
        if (chance_below(chance, 2)) {
            struct attribute kept = draw_typed(chance, &schema->fields[i], false);
            fields[erased.field_count++] =
                (struct erased_field){.field = schema->fields[i].canonical,
                                      .hash = chance_next(chance),
                                      .kept = kept,
                                      .is_shown = chance_below(chance, 2) == 1};
        }
    return &erased;
}

/* A transaction as this policy could be sent, and as it refuses: attributes that it declares and
 * derives, amounts in its currencies, texts of other kinds. Names are of the schema; `attributes`
 * has room for ATTRIBUTES_MAX. */
static struct transaction draw(struct chance *chance, const struct schema *schema,
                               struct attribute *attributes) {
    static const char *const texts[] = {"x1", "", "192.0.2.1", "2001:db8::1", "4111111111111111"};
    static const int64_t amounts[] = {0, 1999, TRANSACTION_AMOUNT_MINOR_MAX, 1, 4095};
    struct transaction transaction = purchase((int64_t)chance_below(chance, 5));
    transaction.amount_minor = amounts[chance_below(chance, sizeof amounts / sizeof *amounts)];
    if (schema->rate_count > 0 && chance_below(chance, 4) != 0)
        transaction.currency =
            text_of(schema->rates[chance_below(chance, schema->rate_count)].currency);
    else if (chance_below(chance, 3) == 0)
        transaction.currency = chance_below(chance, 2) ? (struct text){0} : TEXT_LITERAL("JPY");
    transaction.has_location = chance_below(chance, 4) != 0;
    for (unsigned i = 0; i < 3; i++)
        transaction.fields[chance_below(chance, FIELD_COUNT)] =
            text_of(texts[chance_below(chance, sizeof texts / sizeof *texts)]);
    transaction.attributes = attributes;
    transaction.attribute_count = 0;
    for (size_t i = schema->first_attribute;
         i < schema->field_count && transaction.attribute_count < ATTRIBUTES_MAX; i++)
        /* A derived one is never sent: few are, or most transactions would be refused for it. */
        if (i < schema->first_derived ? chance_below(chance, 4) != 0
                                      : chance_below(chance, 32) == 0)
            attributes[transaction.attribute_count++] =
                draw_typed(chance, &schema->fields[i], true);
    if (chance_below(chance, 4) == 0)
        transaction.erased = draw_erased(chance, schema);
    return transaction;
}

/* Decides the transaction, or it is refused with a field's name, and applies it to the states. What
 * binds it strictly binds it leniently, too, as a record that was archived under another policy: so
 * one that is refused is applied all the same, if any policy could have taken it. */
static void decide_and_apply(struct engine *engine, struct state_map *map, uint64_t position,
                             const struct transaction *transaction) {
    struct decision decision = {.verdict = VERDICT_APPROVE};
    struct text field = {0};
    struct error error;
    arena_reset(&arena);
    int r = transaction->erased ? 0 /* it was decided before */
                                : engine_decide(engine, transaction, &map->source, true, &arena,
                                                &decision, &field, &error);
    property(r == 0 ||
                 (r == -ERROR_INVALID && field.data && text_is_clean(text_of(error.text), NULL)),
             "decide: %d, %s", r, error.text);
    property(r < 0 || (decision.score <= DECISION_SCORE_MAX && decision.verdict < VERDICT_COUNT),
             "verdict %d, score %u", decision.verdict, decision.score);
    if (transaction_check(transaction, &field, &error) < 0)
        return;
    struct record record = {.type = RECORD_TRANSACTION,
                            .position = position,
                            .transaction = {.transaction = *transaction}};
    if (r == 0)
        record.transaction.decision = decision;
    engine_apply(engine, &record, &map->source);
}

/* A few purchases of the same card, then transactions of every kind. */
static void use(struct snapshot *snapshot, uint64_t seed) {
    struct chance chance = {.state = seed};
    struct state_map map;
    struct engine *engine = engine_new(snapshot, snapshot);
    struct attribute attributes[ATTRIBUTES_MAX];
    state_map_init(&map, &snapshot->plan);
    for (int64_t i = 0; i < PURCHASES + DRAWN; i++) {
        struct transaction transaction =
            i < PURCHASES ? purchase(i) : draw(&chance, &snapshot->schema, attributes);
        int64_t minor;
        decide_and_apply(engine, &map, (uint64_t)i + 1, &transaction);
        property(!schema_base_amount(&snapshot->schema, &transaction, &minor) ||
                     (minor >= 0 && minor <= TRANSACTION_AMOUNT_MINOR_MAX),
                 "an amount of %" PRId64, minor);
    }
    state_map_deinit(&map);
    engine_free(engine);
}

static void try_cases(struct snapshot *snapshot) {
    size_t steps = snapshot->case_count;
    for (size_t i = 0; i < snapshot->case_count; i++)
        steps += snapshot->cases[i].step_count;
    if (steps > CASE_STEPS)
        return;
    buffer_clear(&output);
    buffer_clear(&output_again);
    size_t failed = trial_run_all(snapshot, &output);
    must_be_clean(&output);
    property(
        failed == trial_run_all(snapshot, &output_again) && output.length == output_again.length &&
            (output.length == 0 || memcmp(output.bytes, output_again.bytes, output.length) == 0),
        "cases give other results the second time");
    property((failed == 0) == (output.length == 0), "%zu cases fail without a message", failed);
}

static void analyse(const struct snapshot *snapshot) {
    struct snapshot *again = NULL;
    struct error error;
    buffer_clear(&output);
    int r = snapshot_check(snapshot->files, snapshot->file_count, INT64_C(1767225600000000), NULL,
                           &again, &output, &error);
    /* Only the check enforces a latency budget: a policy that was in force must always load. */
    property(r == 0 || snapshot->latency_budget_us > 0, "a policy that loads fails the check: %s",
             error.text);
    must_be_clean(&output);
    property(r < 0 || again->id == snapshot->id, "another id");
    snapshot_unref(again);
}

static void load_again(const struct snapshot *snapshot) {
    struct snapshot *again = NULL;
    struct error error;
    buffer_clear(&messages_again);
    int r = snapshot_load(snapshot->files, snapshot->file_count, &again, &messages_again, &error);
    property(r == 0, "its own files are refused: %s", error.text);
    property(again->id == snapshot->id && again->plan.id == snapshot->plan.id, "another id");
    property(messages.length == messages_again.length &&
                 (messages.length == 0 ||
                  memcmp(messages.bytes, messages_again.bytes, messages.length) == 0),
             "other messages");
    snapshot_unref(again);
}

static bool is_refused(int r, const struct snapshot *snapshot, const struct error *error) {
    must_be_clean(&messages);
    if (r == 0)
        return false;
    property(r == -ERROR_INVALID || r == -ERROR_TOO_LARGE, "refused as %s: %s",
             error_code_name(error->code), error->text);
    property(messages.length > 0 && error->text[0] && !snapshot, "refused without a message");
    return true;
}

/* Its model has a margin of 0, so it decides as any other. */
static bool run_untrained(const struct policy_file *files, size_t count, struct text name) {
    struct snapshot *snapshot = NULL;
    struct error error = {0};
    int r = snapshot_load_untrained(files, count, name, &snapshot, &messages, &error);
    if (is_refused(r, snapshot, &error))
        return false;
    use(snapshot, snapshot->id);
    snapshot_unref(snapshot);
    return true;
}

static bool run_files(const struct policy_file *files, size_t count) {
    struct snapshot *snapshot = NULL;
    struct error error = {0};
    int r = snapshot_load(files, count, &snapshot, &messages, &error);
    if (is_refused(r, snapshot, &error))
        return false;
    load_again(snapshot);
    use(snapshot, snapshot->id);
    try_cases(snapshot);
    analyse(snapshot);
    snapshot_unref(snapshot);
    return true;
}

bool target_run(const uint8_t *bytes, size_t size) {
    struct input input = split(bytes, size);
    const struct policy_file *files = input.files;
    struct policy_folder *folder = input.is_folder ? read_as_folder(&input) : NULL;
    if (input.is_folder && !folder)
        return false;
    if (folder)
        files = policy_folder_files(folder, &input.count);
    buffer_clear(&messages);
    bool is_read = input.untrained.length > 0 ? run_untrained(files, input.count, input.untrained)
                                              : run_files(files, input.count);
    policy_folder_free(folder);
    return is_read;
}

/* Seeds: subsets of the files of the policy in docs/POLICY.md, and of rules/handbook. */

static void add_files(struct seeds *seeds, const struct policy_file *files, size_t count,
                      unsigned parts) {
    struct buffer seed;
    buffer_init(&seed);
    for (size_t i = 0; i < count; i++) {
        if (!(parts >> i % 16 & 1))
            continue;
        buffer_printf(&seed, "=== %" TEXT_FORMAT "\n", TEXT_ARGS(files[i].path));
        buffer_append(&seed, files[i].content.data, files[i].content.length);
    }
    if (seed.length <= SEED_BYTES_MAX && target_run(seed.bytes, seed.length))
        seeds->add(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
}

static void add_folder(struct seeds *seeds, const char *root, const char *name) {
    char path[4096];
    struct policy_folder *folder;
    struct error error;
    size_t count;
    snprintf(path, sizeof path, "%s/%s", root, name);
    property(policy_folder_read(path, &folder, &error) == 0, "%s", error.text);
    const struct policy_file *files = policy_folder_files(folder, &count);
    for (unsigned parts = 1; parts < 1u << (count < 10 ? count : 10); parts++)
        add_files(seeds, files, count, parts);
    policy_folder_free(folder);
}

/* What loading refuses reaches most of the messages. */
struct refused {
    struct bad_case taker;
    struct seeds *seeds;
    struct buffer seed;
};

static void take_file(struct bad_case *self, struct text name, struct text content) {
    struct refused *refused = (struct refused *)self;
    if (name.length < 5 || memcmp(name.data, "file ", 5) != 0)
        return;
    buffer_printf(&refused->seed, "=== %.*s\n", (int)name.length - 5, name.data + 5);
    buffer_append(&refused->seed, content.data, content.length);
}

static void end_case(struct bad_case *self) {
    struct refused *refused = (struct refused *)self;
    if (refused->seed.length <= REFUSED_BYTES_MAX)
        refused->seeds->add_any(refused->seeds, refused->seed.bytes, refused->seed.length);
    buffer_clear(&refused->seed);
}

static void add_refused(struct seeds *seeds, const char *root) {
    struct refused refused = {.taker = {.take = take_file, .end = end_case}, .seeds = seeds};
    char pattern[4096];
    glob_t found;
    buffer_init(&refused.seed);
    bad_cases(root, "policy", &refused.taker);
    snprintf(pattern, sizeof pattern, "%s/tests/cases/broken/*", root);
    property(glob(pattern, 0, NULL, &found) == 0, "%s", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct policy_folder *folder;
        struct error error;
        size_t count;
        if (policy_folder_read(found.gl_pathv[i], &folder, &error) < 0)
            continue;
        const struct policy_file *files = policy_folder_files(folder, &count);
        for (size_t j = 0; j < count; j++) {
            buffer_printf(&refused.seed, "=== %" TEXT_FORMAT "\n", TEXT_ARGS(files[j].path));
            buffer_append(&refused.seed, files[j].content.data, files[j].content.length);
        }
        end_case(&refused.taker);
        policy_folder_free(folder);
    }
    globfree(&found);
    buffer_deinit(&refused.seed);
}

static char *read_text_file(const char *root, const char *name) {
    char path[4096];
    char *text = check_calloc(1, 1 << 20);
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "r");
    property(file, "cannot open %s", path);
    text[fread(text, 1, (1 << 20) - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* Blocks of YAML that begin with "# PATH". */
static size_t find_blocks(char *text, struct policy_file *files) {
    static const char begin[] = "```yaml\n# ";
    size_t count = 0;
    char *at = text;
    while (count < FILES_MAX && (at = strstr(at, begin))) {
        char *path = at + sizeof begin - 1, *content = strchr(path, '\n');
        char *end = content ? strstr(content, "\n```") : NULL;
        if (!end)
            break;
        files[count].path = (struct text){.data = path, .length = (size_t)(content - path)};
        files[count].content =
            (struct text){.data = content + 1, .length = (size_t)(end - content)};
        count += memchr(path, ' ', (size_t)(content - path)) == NULL;
        at = end;
    }
    return count;
}

void target_seeds(struct seeds *seeds, const char *root) {
    struct policy_file files[FILES_MAX];
    char *text = read_text_file(root, "docs/POLICY.md");
    size_t count = find_blocks(text, files);
    property(count >= 4, "docs/POLICY.md shows %zu files", count);
    for (unsigned parts = 1; parts < 1u << count; parts++)
        add_files(seeds, files, count, parts);
    free(text);
    add_folder(seeds, root, "rules/handbook");
    add_refused(seeds, root);
}
