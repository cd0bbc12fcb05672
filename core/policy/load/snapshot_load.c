/* Files → snapshot: the order of a load, the id, and the counted references.
 *
 * Loaders run in the order in which names become known: time zones, fields, lists, the names of
 * rules, features and values, models, thresholds, rules, cases. All of them run whatever the
 * earlier ones reported, so that one run finds all errors.
 *
 * The id is the first 64 bits of SHA-256 over, for each file in the order of their paths: the
 * path's length as eight bytes (little-endian), the path, the content's length likewise, the
 * content. */
#include "snapshot_load.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/load/cases/load_cases.h"
#include "core/policy/load/features/load_features.h"
#include "core/policy/load/models/load_models.h"
#include "core/policy/load/rules/load_rule_headers.h"
#include "core/policy/load/rules/load_rules.h"
#include "core/policy/load/rules/rule_definition.h"
#include "core/policy/load/settings/load_latency.h"
#include "core/policy/load/settings/load_lists.h"
#include "core/policy/load/settings/load_policy.h"
#include "core/policy/load/settings/load_schema.h"
#include "core/policy/load/settings/load_thresholds.h"
#include "core/policy/load/settings/load_zones.h"

#include <stdatomic.h>
#include <stdlib.h>

/* A snapshot with its memory and the number of its references. */
struct holder {
    struct snapshot snapshot; /* first: a snapshot's address is its holder's */
    struct arena arena;       /* everything it points to */
    atomic_size_t references;
};

static struct holder *holder_new(void) {
    struct holder *holder = check_calloc(1, sizeof *holder);
    /* The limits are those of the files: POLICY_SIZE_MAX and the counts in load.h. */
    arena_init(&holder->arena, SIZE_MAX / 4);
    atomic_init(&holder->references, 1);
    return holder;
}

static void holder_free(struct holder *holder) {
    arena_deinit(&holder->arena);
    free(holder);
}

struct snapshot *snapshot_ref(struct snapshot *snapshot) {
    if (snapshot)
        atomic_fetch_add_explicit(&((struct holder *)snapshot)->references, 1,
                                  memory_order_relaxed);
    return snapshot;
}

void snapshot_unref(struct snapshot *snapshot) {
    struct holder *holder = (struct holder *)snapshot;
    if (!holder)
        return;
    size_t before = atomic_fetch_sub_explicit(&holder->references, 1, memory_order_acq_rel);
    check(before > 0);
    if (before == 1)
        holder_free(holder);
}

const struct list *snapshot_list(const struct snapshot *snapshot, struct text name) {
    for (size_t i = 0; i < snapshot->list_count; i++)
        if (text_equal(snapshot->lists[i].name, name))
            return &snapshot->lists[i];
    return NULL;
}

const struct policy_model *snapshot_model(const struct snapshot *snapshot, struct text name) {
    for (size_t i = 0; i < snapshot->model_count; i++)
        if (text_equal(snapshot->models[i].name, name))
            return &snapshot->models[i];
    return NULL;
}

/* ------------------------------------------------------------------------------------------------
 * Files */

static int check_sizes(const struct policy_file *files, size_t file_count,
                       struct error *ret_error) {
    size_t total = 0;
    if (file_count > POLICY_FILES_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "the policy has %zu files; expected at most %u", file_count,
                         POLICY_FILES_MAX);
    for (size_t i = 0; i < file_count; i++) {
        total += files[i].content.length;
        if (files[i].content.length > POLICY_FILE_SIZE_MAX || total > POLICY_SIZE_MAX)
            return error_set(ret_error, ERROR_TOO_LARGE,
                             "%" TEXT_FORMAT ": the policy is too large; expected at most %u MiB "
                             "per file and %u MiB in total",
                             TEXT_ARGS(files[i].path), POLICY_FILE_SIZE_MAX >> 20,
                             POLICY_SIZE_MAX >> 20);
    }
    return 0;
}

static int compare_files(const void *left, const void *right) {
    const struct policy_file *a = left, *b = right;
    return text_compare(a->path, b->path);
}

/* Copies of all files, by path. */
static void keep_files(struct holder *holder, const struct policy_file *files, size_t file_count) {
    struct policy_file *kept = arena_calloc(&holder->arena, file_count, sizeof *kept);
    check(kept);
    for (size_t i = 0; i < file_count; i++) {
        kept[i].path = arena_text(&holder->arena, files[i].path);
        kept[i].content = arena_text(&holder->arena, files[i].content);
        check(kept[i].path.data && kept[i].content.data);
    }
    if (file_count > 1)
        qsort(kept, file_count, sizeof *kept, compare_files);
    holder->snapshot.files = kept;
    holder->snapshot.file_count = file_count;
}

static void add_sized(struct sha256 *sha, struct text t) {
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)t.length >> (8 * i));
    sha256_add(sha, length, sizeof length);
    sha256_add(sha, t.data, t.length);
}

/* With lengths, no two sets of files give the same bytes. */
void snapshot_files_hash(const struct policy_file *files, size_t file_count, uint8_t ret_hash[32]) {
    struct sha256 *sha = sha256_new();
    for (size_t i = 0; i < file_count; i++) {
        add_sized(sha, files[i].path);
        add_sized(sha, files[i].content);
    }
    sha256_finish(sha, ret_hash);
}

uint64_t snapshot_files_id(const struct policy_file *files, size_t file_count) {
    uint8_t digest[32];
    snapshot_files_hash(files, file_count, digest);
    uint64_t id = 0;
    for (int i = 0; i < 8; i++)
        id = id << 8 | digest[i];
    return id;
}

/* ------------------------------------------------------------------------------------------------
 * Loading */

static void refuse_file(struct load *load, const struct source *source) {
    static const char *const expected[] = {"policy.yaml", "schema.yaml", "features.yaml",
                                           "lists.yaml",  "models.yaml", "thresholds.yaml"};
    struct near near = near_to(source->path);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        near_try(&near, text_of(expected[i]));
    char hint[NEAR_HINT_SIZE];
    diagnostic_add(
        &load->diagnostics, source, (struct position){0},
        "not a file of a policy; expected policy.yaml, schema.yaml, features.yaml, lists.yaml, "
        "models.yaml, thresholds.yaml, rules/NAME.yaml or cases/NAME.yaml%s",
        near_hint(&near, hint));
}

static void parse_file(struct load *load, size_t index) {
    const struct source *source = &load->sources[index];
    if (index > 0 && text_equal(source->path, load->sources[index - 1].path))
        diagnostic_add(&load->diagnostics, source, (struct position){0},
                       "two files have this "
                       "path");
    enum policy_file_kind kind = policy_file_kind(source->path);
    if (kind == FILE_OTHER || kind == FILE_ZONE)
        return;
    if (kind == FILE_OTHER_YAML) {
        refuse_file(load, source);
        return;
    }
    load->roots[index] = tree_parse(source, &load->scratch, &load->diagnostics);
    if (!load->roots[index])
        load->scope.incomplete = true;
}

/* A missing policy.yaml is reported under its own name, as if it were there and empty. */
static void parse_files(struct load *load) {
    const struct snapshot *snapshot = load->snapshot;
    load->file_count = snapshot->file_count;
    load->sources = arena_calloc(load->arena, load->file_count + 1, sizeof *load->sources);
    load->roots = arena_calloc(&load->scratch, load->file_count, sizeof *load->roots);
    check(load->sources && load->roots);
    bool has_policy = false;
    for (size_t i = 0; i < load->file_count; i++) {
        load->sources[i].path = snapshot->files[i].path;
        load->sources[i].content = snapshot->files[i].content;
        has_policy |= policy_file_kind(load->sources[i].path) == FILE_POLICY;
        parse_file(load, i);
    }
    if (has_policy)
        return;
    struct source *missing = &load->sources[load->file_count]; /* one to spare, for this */
    missing->path = TEXT_LITERAL("policy.yaml");
    missing->content = TEXT_LITERAL("");
    diagnostic_add(&load->diagnostics, missing, (struct position){0},
                   "missing; a policy is a folder that contains policy.yaml");
}

/* Gives thresholds' and lists' slots their final place and names all slots for messages and
 * explanations. What is not in the scope has no name: it is internal. */
static void name_slots(struct load *load) {
    struct snapshot *snapshot = load->snapshot;
    snapshot->first_list = snapshot->first_threshold + snapshot->threshold_count;
    snapshot->slot_count = snapshot->first_list + snapshot->list_count;
    load_list_slots(load);
    snapshot->slot_names =
        arena_calloc(load->arena, snapshot->slot_count, sizeof *snapshot->slot_names);
    check(snapshot->slot_names);
    for (size_t i = 0; i < load->scope.name_count; i++)
        if (load->scope.names[i]->slot < snapshot->slot_count)
            snapshot->slot_names[load->scope.names[i]->slot] = load->scope.names[i]->text;
}

static void warn_unused_lists(struct load *load) {
    struct tree_node *root;
    const struct source *source = load_find(load, FILE_LISTS, &root);
    if (load->diagnostics.errors > 0 || !source)
        return;
    /* Without errors, lists are those of the file, in its order. */
    const struct tree_node *item = root->first->first;
    for (size_t i = 0; i < load->scope.list_count; i++, item = item->next)
        if (!load->scope.list_used[i])
            diagnostic_warn(&load->diagnostics, source, tree_position(item->key),
                            "list \"%" TEXT_FORMAT "\" is never used", TEXT_ARGS(item->key->text));
}

static void warn_unused_thresholds(struct load *load) {
    struct tree_node *root;
    const struct source *source = load_find(load, FILE_THRESHOLDS, &root);
    if (load->diagnostics.errors > 0 || !source)
        return;
    const struct tree_node *list = root->first;
    while (list && !text_is(list->key->text, "thresholds"))
        list = list->next;
    /* Without errors, thresholds are those of the file, in its order. */
    const struct tree_node *item = list ? list->first : NULL;
    for (size_t i = 0; i < load->snapshot->threshold_count; i++, item = item->next)
        if (!load->scope.threshold_used[i])
            diagnostic_warn(&load->diagnostics, source, tree_position(item),
                            "threshold \"%" TEXT_FORMAT "\" is never used",
                            TEXT_ARGS(load->snapshot->thresholds[i].name));
}

static void load_all(struct load *load) {
    parse_files(load);
    load_policy(load);
    load_zones(load);
    load_schema(load);
    load->is_schema_sound = load->diagnostics.errors == 0;
    load_lists(load);
    load_rule_headers(load);
    load_features(load);
    load_models(load);
    load_thresholds(load);
    load_rules(load);
    load_cases(load);
    name_slots(load);
    if (load->diagnostics.errors == 0)
        rules_define(load->snapshot);
    if (load->is_new)
        load_check_latency(load);
    warn_unused_lists(load);
    warn_unused_thresholds(load);
    load_warn_unused_zones(load);
    if (load->analyse)
        load->analyse(load);
}

/* Everything that stays is in the holder's arena, everything else in scratch memory that goes at
 * the end. The snapshot is not shared before this returns. */
int load_files(const struct policy_file *files, size_t file_count, const struct load *options,
               struct diagnostic_sink *sink, struct snapshot **ret_snapshot,
               struct buffer *ret_messages, struct error *ret_error) {
    int r = check_sizes(files, file_count, ret_error);
    if (r < 0)
        return r;
    struct holder *holder = holder_new();
    keep_files(holder, files, file_count);
    holder->snapshot.id = snapshot_files_id(holder->snapshot.files, file_count);
    struct load load = *options;
    load.snapshot = &holder->snapshot;
    load.arena = &holder->arena;
    arena_init(&load.scratch, SIZE_MAX / 4);
    diagnostics_init(&load.diagnostics);
    scope_init(&load.scope, &load.scratch);
    load_all(&load);
    diagnostics_write(&load.diagnostics, ret_messages);
    if (sink)
        diagnostics_report(&load.diagnostics, sink);
    if (load.diagnostics.errors > 0) {
        r = diagnostics_error(&load.diagnostics, ret_error);
        holder_free(holder);
    } else {
        if (load.visitor)
            load.visitor->visit(load.visitor, &load);
        *ret_snapshot = &holder->snapshot;
    }
    scope_deinit(&load.scope);
    free(load.noted);
    diagnostics_deinit(&load.diagnostics);
    arena_deinit(&load.scratch);
    return r;
}

int snapshot_load(const struct policy_file *files, size_t file_count,
                  struct snapshot **ret_snapshot, struct buffer *ret_messages,
                  struct error *ret_error) {
    const struct load options = {.is_checked = false};
    return load_files(files, file_count, &options, NULL, ret_snapshot, ret_messages, ret_error);
}

int load_visit(const struct policy_file *files, size_t file_count, struct load_visitor *visitor,
               struct snapshot **ret_snapshot, struct error *ret_error) {
    const struct load options = {.visitor = visitor};
    struct buffer messages;
    buffer_init(&messages);
    int r = load_files(files, file_count, &options, NULL, ret_snapshot, &messages, ret_error);
    buffer_deinit(&messages);
    return r;
}

int snapshot_load_archived(const struct policy_file *files, size_t file_count,
                           struct snapshot **ret_snapshot, struct error *ret_error) {
    struct buffer messages; /* dropped: what they say is no mistake of who reads them */
    struct error why;
    buffer_init(&messages);
    int r = snapshot_load(files, file_count, ret_snapshot, &messages, &why);
    buffer_deinit(&messages);
    if (r == 0)
        return 0;
    return error_set(
        ret_error, ERROR_UNSUPPORTED,
        "this version (" HARRIER_VERSION
        ") cannot load it, but the one that wrote it could: install that version, or a "
        "later one (%.700s)",
        why.text);
}

int snapshot_load_new(const struct policy_file *files, size_t file_count,
                      struct snapshot **ret_snapshot, struct buffer *ret_messages,
                      struct error *ret_error) {
    const struct load options = {.is_new = true};
    return load_files(files, file_count, &options, NULL, ret_snapshot, ret_messages, ret_error);
}

/* Latency is the trained model's business. */
int snapshot_load_untrained(const struct policy_file *files, size_t file_count, struct text model,
                            struct snapshot **ret_snapshot, struct buffer *ret_messages,
                            struct error *ret_error) {
    const struct load options = {.untrained = model};
    struct snapshot *snapshot;
    int r = load_files(files, file_count, &options, NULL, &snapshot, ret_messages, ret_error);
    if (r < 0)
        return r;
    if (!snapshot_model(snapshot, model)) {
        r = error_set(ret_error, ERROR_INVALID,
                      "policy %" TEXT_FORMAT " has no model \"%" TEXT_FORMAT
                      "\": it has no models.yaml",
                      TEXT_ARGS(snapshot->name), TEXT_ARGS(model));
        snapshot_unref(snapshot);
        return r;
    }
    *ret_snapshot = snapshot;
    return 0;
}

int snapshot_load_folder(const char *path, struct snapshot **ret_snapshot,
                         struct buffer *ret_messages, struct error *ret_error) {
    struct policy_folder *folder;
    int r = policy_folder_read(path, &folder, ret_error);
    if (r < 0)
        return r;
    size_t count;
    const struct policy_file *files = policy_folder_files(folder, &count);
    r = snapshot_load_new(files, count, ret_snapshot, ret_messages, ret_error);
    policy_folder_free(folder);
    return r;
}
