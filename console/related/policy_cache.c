#include "policy_cache.h"

#include "batch/policies/policy_history.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/lock_order.h"

#include <pthread.h>
#include <stdlib.h>

struct policy_cache {
    pthread_mutex_t lock;
    struct snapshot *snapshots[POLICY_CACHE_MOST]; /* the last used first; NULL: none */
};

/* ---- reading one ---- */

static const struct policy_adoption *find_adoption(const struct policy_history *history,
                                                   uint64_t id) {
    for (size_t i = policy_history_count(history); i-- > 0;)
        if (policy_history_at(history, i)->snapshot_id == id)
            return policy_history_at(history, i);
    return NULL;
}

static int load_version(const struct policy_version *version, uint64_t id,
                        struct snapshot **ret_snapshot, struct error *ret_error) {
    char hex[HASH_HEX_SIZE];
    struct error reason;
    struct buffer messages;
    buffer_init(&messages);
    int r = snapshot_load(version->files, version->file_count, ret_snapshot, &messages, &reason);
    buffer_deinit(&messages);
    hash_hex(id, hex);
    return r < 0 ? error_set(ret_error, ERROR_UNSUPPORTED,
                             "this version cannot load the policy %s: %s", hex, reason.text)
                 : 0;
}

static int read_policy(const char *archive, uint64_t id, struct snapshot **ret_snapshot,
                       struct error *ret_error) {
    const struct policy_history_options options = {.archive = archive};
    struct policy_history *history;
    struct policy_version version;
    char hex[HASH_HEX_SIZE];
    int r = policy_history_open(&options, NULL, &history, ret_error);
    if (r < 0)
        return r;
    const struct policy_adoption *adoption = find_adoption(history, id);
    hash_hex(id, hex);
    if (!adoption)
        r = error_set(ret_error, ERROR_NOT_FOUND, "the archive has no policy %s", hex);
    if (r == 0)
        r = policy_history_load(history, adoption, &version, ret_error);
    if (r == 0) {
        r = load_version(&version, id, ret_snapshot, ret_error);
        policy_version_deinit(&version);
    }
    policy_history_close(history);
    return r;
}

/* ---- keeping some ---- */

/* In front of the others; takes a reference. Under the lock. */
static void put_first(struct policy_cache *cache, struct snapshot *snapshot, size_t from) {
    for (size_t i = from; i > 0; i--)
        cache->snapshots[i] = cache->snapshots[i - 1];
    cache->snapshots[0] = snapshot;
}

static struct snapshot *take_kept(struct policy_cache *cache, uint64_t id) {
    for (size_t i = 0; i < POLICY_CACHE_MOST && cache->snapshots[i]; i++)
        if (cache->snapshots[i]->id == id) {
            put_first(cache, cache->snapshots[i], i);
            return snapshot_ref(cache->snapshots[0]);
        }
    return NULL;
}

int policy_cache_get(struct policy_cache *cache, const char *archive, uint64_t id,
                     struct snapshot **ret_snapshot, struct error *ret_error) {
    pthread_mutex_lock(&cache->lock);
    *ret_snapshot = take_kept(cache, id);
    pthread_mutex_unlock(&cache->lock);
    if (*ret_snapshot)
        return 0;
    int r = read_policy(archive, id, ret_snapshot, ret_error);
    if (r < 0)
        return r;
    pthread_mutex_lock(&cache->lock);
    struct snapshot *kept = take_kept(cache, id); /* another thread may have read it, too */
    if (!kept) {
        snapshot_unref(cache->snapshots[POLICY_CACHE_MOST - 1]);
        put_first(cache, snapshot_ref(*ret_snapshot), POLICY_CACHE_MOST - 1);
    }
    pthread_mutex_unlock(&cache->lock);
    snapshot_unref(kept);
    return 0;
}

struct policy_cache *policy_cache_new(void) {
    struct policy_cache *cache = check_calloc(1, sizeof *cache);
    lock_init(&cache->lock, LOCK_CONSOLE_POLICY_CACHE);
    return cache;
}

void policy_cache_free(struct policy_cache *cache) {
    if (!cache)
        return;
    for (size_t i = 0; i < POLICY_CACHE_MOST; i++)
        snapshot_unref(cache->snapshots[i]);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}
