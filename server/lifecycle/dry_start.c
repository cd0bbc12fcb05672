#include "dry_start.h"

#include "core/policy/analysis/challenger_check.h"
#include "core/policy/load/snapshot.h"
#include "core/store/pseudonyms/protect.h"
#include "core/store/tokens/token_file.h"
#include "server/adopt/admission.h"
#include "server/cluster/cluster.h"
#include "settings_of.h"

#include <stdio.h>

/* Prints the diagnostics of the policy and of failed cases, warnings too. Their paths begin in the
 * folder, and shadows and the challenger have files of the same names: the last line says whose.
 * NULL: it is refused. */
static struct snapshot *check_policy(const char *folder) {
    struct snapshot *snapshot = NULL;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    int r = admission_load(folder, &snapshot, &messages, &error);
    if (messages.length > 0)
        fwrite(messages.bytes, 1, messages.length, stderr);
    buffer_deinit(&messages);
    if (r == 0)
        return snapshot;
    fprintf(stderr, "harrierd: policy in %s refused: %s\n", folder, error.text);
    return NULL;
}

static bool check_tokens(const char *path) {
    struct token_set *set;
    struct error error;
    if (*path == '\0')
        return true;
    if (token_file_load(path, &set, NULL, &error) < 0) {
        fprintf(stderr, "harrierd: tokens: %s\n", error.text);
        return false;
    }
    token_set_free(set);
    return true;
}

static bool check_keys(const char *path, const struct snapshot *rules) {
    struct pseudonym_keys *keys = NULL;
    struct error error;
    int r = 0;
    if (*path)
        r = pseudonym_keys_load(path, &keys, &error);
    else if (rules && protect_needs_keys(rules))
        r = protect_missing_keys(rules, "the option pseudonym_keys", &error);
    if (r < 0)
        fprintf(stderr, "harrierd: pseudonym_keys: %s\n", error.text);
    pseudonym_keys_free(keys);
    return r == 0;
}

static bool check_log(const struct options *options) {
    const struct cluster_settings settings = cluster_settings_of(options);
    struct error error;
    if (cluster_check(&settings, &error) == 0)
        return true;
    fprintf(stderr, "harrierd: %s\n", error.text);
    return false;
}

/* Is the challenger valid, and does it fit the policy? champion NULL: that is not valid itself. */
static bool check_challenger(const struct options *options, const struct snapshot *champion) {
    struct snapshot *challenger = check_policy(options->challenger);
    struct experiment experiment;
    struct error error;
    int r = 0;
    if (champion && challenger)
        r = challenger_experiment(champion, challenger, text_of(options->challenger_name),
                                  text_of(options->challenger_key), options->challenger_parts,
                                  &experiment, &error);
    if (r < 0)
        fprintf(stderr, "harrierd: challenger %s: %s\n", options->challenger, error.text);
    bool is_good = challenger && r == 0;
    snapshot_unref(challenger);
    return is_good;
}

bool dry_start(const struct options *options) {
    bool good = check_tokens(options->tokens);
    good &= check_log(options);
    struct snapshot *champion = check_policy(options->policy);
    good &= champion != NULL;
    good &= check_keys(options->pseudonym_keys, champion);
    for (size_t i = 0; i < options->shadow.count; i++) {
        struct snapshot *shadow = check_policy(options->shadow.items[i]);
        good &= shadow != NULL;
        snapshot_unref(shadow);
    }
    if (*options->challenger)
        good &= check_challenger(options, champion);
    snapshot_unref(champion);
    return good;
}
