#include "trained_policy.h"

#include "clients/cli/policy/policy_export.h"
#include "core/base/check.h"
#include "model_edit.h"

#include <string.h>

enum { FILE_EDIT, FORMAT_EDIT, CALIBRATION_EDIT, REFERENCE_EDIT, EDITS };

static const struct policy_file *models_yaml(const struct snapshot *policy) {
    for (size_t i = 0; i < policy->file_count; i++)
        if (text_is(policy->files[i].path, "models.yaml"))
            return &policy->files[i];
    return NULL;
}

static void put_number(struct buffer *out, double number) {
    char digits[64];
    value_format(value_double(number), digits, sizeof digits);
    buffer_append_string(out, digits);
}

/* As YAML on one line; empty: none. */
static struct text calibration_text(const struct calibration *calibration, struct arena *arena) {
    struct buffer out;
    buffer_init(&out);
    if (calibration->kind == CALIBRATION_PLATT) {
        buffer_append_string(&out, "{platt: {a: ");
        put_number(&out, calibration->a);
        buffer_append_string(&out, ", b: ");
        put_number(&out, calibration->b);
        buffer_append_string(&out, "}}");
    } else if (calibration->kind == CALIBRATION_ISOTONIC) {
        buffer_append_string(&out, "{isotonic: [");
        for (size_t i = 0; i < calibration->point_count; i++) {
            buffer_append_string(&out, i > 0 ? ", [" : "[");
            put_number(&out, calibration->points[i].from);
            buffer_append_string(&out, ", ");
            put_number(&out, calibration->points[i].to);
            buffer_append_string(&out, "]");
        }
        buffer_append_string(&out, "]}");
    }
    struct text result = arena_text(arena, buffer_text(&out));
    check(result.data);
    buffer_deinit(&out);
    return result;
}

static const char *format_name(enum model_format format) {
    static const char *const names[] = {[MODEL_XGBOOST_JSON] = "xgboost-json",
                                        [MODEL_XGBOOST_UBJ] = "xgboost-ubj",
                                        [MODEL_LIGHTGBM] = "lightgbm",
                                        [MODEL_ISOLATION] = "isolation-forest"};
    return names[format];
}

static struct text path_of(struct arena *arena, struct text model, const char *suffix) {
    struct text path = arena_printf(arena, "models/%" TEXT_FORMAT ".%s", TEXT_ARGS(model), suffix);
    check(path.data);
    return path;
}

static void fill_edits(struct arena *arena, const struct policy_model *model,
                       enum model_format format, struct text calibration,
                       struct model_key_edit edits[EDITS]) {
    edits[FILE_EDIT] =
        (struct model_key_edit){"file", path_of(arena, model->name, train_suffix(model)), false};
    edits[FORMAT_EDIT] = (struct model_key_edit){"format", text_of(format_name(format)), true};
    edits[CALIBRATION_EDIT] = (struct model_key_edit){"calibration", calibration, false};
    edits[REFERENCE_EDIT] =
        (struct model_key_edit){"reference", path_of(arena, model->name, "reference.json"), false};
}

int trained_policy_check(const struct snapshot *policy, const struct policy_model *model,
                         struct error *ret_error) {
    struct text yaml = models_yaml(policy)->content, edited;
    struct model_key_edit edits[EDITS];
    struct arena arena;
    arena_init(&arena, SIZE_MAX / 4);
    fill_edits(&arena, model, MODEL_XGBOOST_UBJ, (struct text){0}, edits);
    int r = model_edit_apply(yaml, model->name, edits, EDITS, &arena, &edited, ret_error);
    if (r == 0)
        r = model_edit_check_free(yaml, model->name, edits[FILE_EDIT].value, &arena, ret_error);
    if (r == 0)
        r = model_edit_check_free(yaml, model->name, edits[REFERENCE_EDIT].value, &arena,
                                  ret_error);
    arena_deinit(&arena);
    return r;
}

/* ---- files ---- */

static void put_file(struct trained_policy *policy, struct text path, struct text content) {
    for (size_t i = 0; i < policy->count; i++)
        if (text_equal(policy->files[i].path, path)) {
            policy->files[i].content = content;
            return;
        }
    policy->files[policy->count++] = (struct policy_file){.path = path, .content = content};
}

static void remove_file(struct trained_policy *policy, struct text path) {
    for (size_t i = 0; i < policy->count; i++)
        if (text_equal(policy->files[i].path, path)) {
            memmove(&policy->files[i], &policy->files[i + 1],
                    (policy->count - i - 1) * sizeof *policy->files);
            policy->count--;
            return;
        }
}

/* What only this model named before. */
static void remove_named(struct trained_policy *policy, struct text yaml, struct text model,
                         const char *key) {
    bool is_shared;
    struct text path = model_edit_find(yaml, model, key, &policy->arena, &is_shared);
    if (path.length > 0 && !is_shared)
        remove_file(policy, path);
}

static int make_files(const struct train_options *options, const struct train_learned *learned,
                      struct trained_policy *policy, struct error *ret_error) {
    const struct snapshot *declared = options->snapshot;
    struct text model = options->model->name, yaml = models_yaml(declared)->content, edited;
    struct model_key_edit edits[EDITS];
    struct buffer reference;
    fill_edits(&policy->arena, options->model, learned->fitted.format,
               calibration_text(&learned->calibration, &policy->arena), edits);
    int r = model_edit_apply(yaml, model, edits, EDITS, &policy->arena, &edited, ret_error);
    if (r < 0)
        return r;
    policy->files = arena_calloc(&policy->arena, declared->file_count + 2, sizeof *policy->files);
    check(policy->files);
    memcpy(policy->files, declared->files, declared->file_count * sizeof *policy->files);
    policy->count = declared->file_count;
    remove_named(policy, yaml, model, "file");
    remove_named(policy, yaml, model, "reference");
    buffer_init(&reference);
    train_reference_write(options, learned, &reference);
    struct text file = arena_text(&policy->arena, buffer_text(&learned->fitted.file)),
                text = arena_text(&policy->arena, buffer_text(&reference));
    check(file.data && text.data);
    buffer_deinit(&reference);
    put_file(policy, TEXT_LITERAL("models.yaml"), edited);
    put_file(policy, edits[FILE_EDIT].value, file);
    put_file(policy, edits[REFERENCE_EDIT].value, text);
    return 0;
}

int trained_policy_make(const struct train_options *options, const struct train_learned *learned,
                        struct trained_policy *ret_policy, struct error *ret_error) {
    struct trained_policy policy = {0};
    struct buffer messages;
    arena_init(&policy.arena, SIZE_MAX / 4);
    buffer_init(&messages);
    int r = make_files(options, learned, &policy, ret_error);
    if (r == 0) {
        r = snapshot_load_new(policy.files, policy.count, &policy.snapshot, &messages, ret_error);
        if (r < 0)
            r = error_prefix(ret_error, "the policy with the trained model");
    }
    buffer_deinit(&messages);
    if (r < 0)
        trained_policy_deinit(&policy);
    else
        *ret_policy = policy;
    return r;
}

void trained_policy_deinit(struct trained_policy *policy) {
    snapshot_unref(policy->snapshot);
    arena_deinit(&policy->arena);
    *policy = (struct trained_policy){0};
}

/* ---- the folder ---- */

/* Of this model, the cards are new. */
static int add_cards(struct folder_draft *draft, const struct model_cards *cards,
                     struct text markdown_path, struct text markdown, struct text json_path,
                     struct text json, struct error *ret_error) {
    int r = folder_draft_add(draft, markdown_path, markdown, ret_error);
    if (r == 0)
        r = folder_draft_add(draft, json_path, json, ret_error);
    for (size_t i = 0; r == 0 && i < cards->count; i++) {
        const struct policy_file *card = &cards->files[i];
        if (!text_equal(card->path, markdown_path) && !text_equal(card->path, json_path))
            r = folder_draft_add(draft, card->path, card->content, ret_error);
    }
    return r;
}

static int write_draft(const struct trained_policy *policy, const struct model_cards *cards,
                       struct folder_draft *draft, struct text model, struct text markdown,
                       struct text json, struct error *ret_error) {
    struct arena arena;
    arena_init(&arena, SIZE_MAX / 4);
    int r = policy_export_write(draft, policy->snapshot->files, policy->snapshot->file_count,
                                ret_error);
    if (r == 0)
        r = add_cards(draft, cards, path_of(&arena, model, "card.md"), markdown,
                      path_of(&arena, model, "card.json"), json, ret_error);
    arena_deinit(&arena);
    if (r == 0)
        r = policy_export_check(draft, policy->snapshot->id, ret_error);
    return r;
}

int trained_policy_write(const struct trained_policy *policy, const struct model_cards *cards,
                         const char *folder, struct text model, struct text markdown,
                         struct text json, struct error *ret_error) {
    struct folder_draft draft;
    int r = folder_draft_open(&draft, folder, NULL, ret_error);
    if (r < 0)
        return r;
    r = write_draft(policy, cards, &draft, model, markdown, json, ret_error);
    if (r == 0)
        r = folder_draft_publish(&draft, ret_error);
    if (r < 0)
        folder_draft_discard(&draft);
    else
        folder_draft_close(&draft);
    return r;
}
