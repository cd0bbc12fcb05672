/* The keys are used under the decision lock alone, so they can be replaced under it and the old
 * ones freed behind it. */
#include "protection.h"

#include "core/store/pseudonyms/key_ledger.h"
#include "core/store/pseudonyms/protect.h"

#define OPTION_WORDS "the option pseudonym_keys with the path of a file of keys"

static bool has_keys(const struct service *service) {
    const char *path = service->settings.pseudonym_keys;
    return path && *path;
}

int protection_admit(const struct service *service, const struct snapshot *rules,
                     struct error *ret_error) {
    if (!protect_needs_keys(rules) || service->pseudonym_keys)
        return 0;
    return protect_missing_keys(rules, OPTION_WORDS, ret_error);
}

/* Allowed, since a key may have done its time; a line that was lost looks the same. */
static void log_missing(const struct service *service, const struct pseudonym_keys *keys) {
    struct buffer ids;
    buffer_init(&ids);
    if (key_ledger_missing(service->archive_path, keys, &ids))
        log_line(service->settings.log, LOG_WARNING,
                 "pseudonym_keys lacks keys with which this archive was written (%.*s): "
                 "transactions of their time get pseudonyms of another key, or are refused",
                 (int)ids.length, (const char *)ids.bytes);
    buffer_deinit(&ids);
}

static int load(struct service *service, struct pseudonym_keys **ret_keys,
                struct error *ret_error) {
    struct pseudonym_keys *keys = NULL;
    int r = pseudonym_keys_load(service->settings.pseudonym_keys, &keys, ret_error);
    if (r == 0)
        r = key_ledger_check(service->archive_path, keys, ret_error);
    if (r < 0) {
        pseudonym_keys_free(keys);
        return error_prefix(ret_error, "pseudonym_keys");
    }
    log_missing(service, keys);
    *ret_keys = keys;
    return 0;
}

int protection_open(struct service *service, struct error *ret_error) {
    bool is_first = !key_ledger_exists(service->archive_path);
    int r = has_keys(service) ? load(service, &service->pseudonym_keys, ret_error) : 0;
    if (r == 0)
        r = protection_admit(service, service->rules, ret_error);
    if (r < 0) { /* a missing file is a configuration error, too */
        if (ret_error->code == ERROR_NOT_FOUND)
            ret_error->code = ERROR_INVALID;
        return -(int)ret_error->code;
    }
    if (is_first && archive_end(service->archive).position > 0)
        protection_log_new(service, NULL, service->rules);
    return 0;
}

/* A file that was cut off, or is being written, may have older keys alone: everything would
 * silently get their pseudonyms again. */
static int check_current(const struct service *service, const struct pseudonym_keys *keys,
                         struct error *ret_error) {
    const struct pseudonym_key *now =
        service->pseudonym_keys
            ? pseudonym_keys_at(service->pseudonym_keys, clock_wall_us(service->settings.clock))
            : NULL;
    if (!now || pseudonym_keys_find(keys, pseudonym_key_id(now)))
        return 0;
    return error_set(ret_error, ERROR_INVALID,
                     "pseudonym_keys: %s lacks the key %s, which is in force now; expected it "
                     "beside others, with an \"until\" if it is to end",
                     service->settings.pseudonym_keys, now->id);
}

int protection_reload(struct service *service, struct error *ret_error) {
    struct pseudonym_keys *keys = NULL;
    int r = has_keys(service) ? load(service, &keys, ret_error) : 0;
    if (r < 0 || !keys)
        return r;
    r = check_current(service, keys, ret_error);
    if (r < 0) {
        pseudonym_keys_free(keys);
        return r;
    }
    pthread_mutex_lock(&service->lock);
    struct pseudonym_keys *before = service->pseudonym_keys;
    service->pseudonym_keys = keys;
    pthread_mutex_unlock(&service->lock);
    pseudonym_keys_free(before);
    return 0;
}

static bool protects(const struct snapshot *rules, struct text canonical) {
    for (size_t i = 0; rules && i < rules->schema.protected_count; i++)
        if (text_equal(rules->schema.fields[rules->schema.protected_slots[i]].canonical, canonical))
            return true;
    return false;
}

void protection_log_new(const struct service *service, const struct snapshot *before,
                        const struct snapshot *after) {
    for (size_t i = 0; i < after->schema.protected_count; i++) {
        const struct field *field = &after->schema.fields[after->schema.protected_slots[i]];
        if (!protects(before, field->canonical))
            log_line(service->settings.log, LOG_WARNING,
                     "%" TEXT_FORMAT
                     " is protected from now on: its pseudonyms begin without history, and what "
                     "was archived before has its clear values",
                     TEXT_ARGS(field->name));
    }
}
