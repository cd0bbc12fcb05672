/* The folder is read by its own names, not by models.yaml: a card is found whatever its model is
 * called, and a policy that names none of them in the end is as well described. */
#include "model_cards.h"

#include "clients/cli/io/time_option.h"
#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/store/archive/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CARD      ".card.json"
#define PAGE      ".card.md"
#define REFERENCE ".reference.json"
#define MODELS    "models"

/* ---- one file ---- */

static int read_time(const json_t *of, const char *key, int64_t *ret_us, struct error *ret_error) {
    const char *text = json_string_value(json_object_get(of, key));
    if (text && time_text_parse(text, ret_us))
        return 0;
    return error_set(ret_error, ERROR_INVALID,
                     "\"%s\" is missing or no time; expected for example \"2026-01-31T18:00:00Z\"",
                     key);
}

/* of: the object that has the range. */
static int take_range(struct model_cards *cards, const char *path, const json_t *of,
                      struct error *ret_error) {
    int64_t from_us = 0, until_us = 0;
    int r = read_time(of, "from", &from_us, ret_error);
    if (r == 0)
        r = read_time(of, "until", &until_us, ret_error);
    if (r == 0 && from_us >= until_us)
        r = error_set(ret_error, ERROR_INVALID, "the training ends before it begins");
    if (r < 0)
        return r;
    if (!cards->is_trained || from_us < cards->from_us)
        cards->from_us = from_us;
    if (!cards->is_trained || until_us > cards->until_us) {
        cards->until_us = until_us;
        free(cards->latest);
        cards->latest = text_copy(text_of(path));
    }
    cards->is_trained = true;
    return 0;
}

static int read_bytes(int folder, const char *name, struct text *ret_content,
                      struct error *ret_error) {
    int file = openat(folder, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    char *bytes = NULL;
    size_t length = 0;
    int r = 0;
    if (file < 0 || fstat(file, &status) < 0)
        r = error_set_errno(ret_error, errno, "it cannot be read");
    else if (!S_ISREG(status.st_mode))
        r = error_set(ret_error, ERROR_INVALID, "it is not a regular file");
    else if (status.st_size > (off_t)MODEL_CARD_BYTES_MAX)
        r = error_set(ret_error, ERROR_TOO_LARGE, "it has %jd bytes; expected at most %u MiB",
                      (intmax_t)status.st_size, MODEL_CARD_BYTES_MAX >> 20);
    if (r == 0) {
        bytes = check_malloc((size_t)status.st_size + 1);
        ssize_t got;
        while (length < (size_t)status.st_size &&
               (got = read(file, bytes + length, (size_t)status.st_size - length)) > 0)
            length += (size_t)got;
        *ret_content = (struct text){.data = bytes, .length = length};
    }
    if (file >= 0)
        close(file);
    return r;
}

/* Of a reference, for which its times are optional. */
static bool is_without_range(const json_t *reference) {
    return json_is_object(reference) && !json_object_get(reference, "from") &&
           !json_object_get(reference, "until");
}

static int take_file(struct model_cards *cards, const char *path, struct text content, bool is_card,
                     struct error *ret_error) {
    json_error_t where;
    json_t *root = json_loadb(content.data, content.length, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return error_set(ret_error, ERROR_INVALID, "line %d: %s", where.line, where.text);
    const json_t *of = is_card ? json_object_get(root, "trained") : root;
    int r = !is_card && is_without_range(root) ? 0
            : json_is_object(of)
                ? take_range(cards, path, of, ret_error)
                : error_set(ret_error, ERROR_INVALID,
                            "it does not say when its model was trained; expected "
                            "%s",
                            is_card ? "\"trained\": {\"from\": …, \"until\": …}" : "an object");
    json_decref(root);
    return r;
}

static bool ends_with(const char *name, const char *end) {
    size_t length = strlen(name), most = strlen(end);
    return length > most && strcmp(name + length - most, end) == 0;
}

static void keep(struct model_cards *cards, const char *path, struct text content) {
    cards->files = check_reallocarray(cards->files, cards->count + 1, sizeof *cards->files);
    cards->files[cards->count++] = (struct policy_file){
        .path = {.data = text_copy(text_of(path)), .length = strlen(path)}, .content = content};
}

static int read_card(struct model_cards *cards, int folder, const char *name,
                     struct error *ret_error) {
    bool is_card = ends_with(name, CARD), is_page = ends_with(name, PAGE);
    struct text content = {0};
    if (name[0] == '.' || (!is_card && !is_page && !ends_with(name, REFERENCE)))
        return 0;
    char *path = name_printf(MODELS "/%s", name);
    int r = cards->count == MODEL_CARDS_MAX
                ? error_set(ret_error, ERROR_TOO_LARGE, "more than %d cards", MODEL_CARDS_MAX)
                : read_bytes(folder, name, &content, ret_error);
    if (r == 0 && !is_page)
        r = take_file(cards, path, content, is_card, ret_error);
    if (r == 0 && (is_card || is_page))
        keep(cards, path, content);
    else
        free((char *)(uintptr_t)content.data);
    if (r < 0)
        error_prefix(ret_error, "%s", path);
    free(path);
    return r;
}

/* ---- the folder ---- */

static int read_all(struct model_cards *cards, DIR *entries, struct error *ret_error) {
    int r = 0;
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(entries, MODELS, &entry, ret_error)) > 0;)
        r = read_card(cards, dirfd(entries), entry->d_name, ret_error);
    return r;
}

int model_cards_read(const char *folder, struct model_cards *ret_cards, struct error *ret_error) {
    struct model_cards cards = {0};
    char *path = name_printf("%s/" MODELS, folder);
    DIR *entries = opendir(path);
    int r = 0;
    if (entries) {
        r = read_all(&cards, entries, ret_error);
        closedir(entries);
        if (r < 0)
            error_prefix(ret_error, "%s", folder);
    } else if (errno != ENOENT && errno != ENOTDIR) {
        r = error_set_errno(ret_error, errno, "%s: cannot be read", path);
    }
    free(path);
    if (r < 0)
        model_cards_deinit(&cards);
    else
        *ret_cards = cards;
    return r;
}

void model_cards_deinit(struct model_cards *cards) {
    for (size_t i = 0; i < cards->count; i++) {
        free((char *)(uintptr_t)cards->files[i].path.data);
        free((char *)(uintptr_t)cards->files[i].content.data);
    }
    free(cards->files);
    free(cards->latest);
    *cards = (struct model_cards){0};
}
