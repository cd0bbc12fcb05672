/* A read lock around each judgement, a write lock around the exchange of the whole set. A token is
 * checked against its HMAC once, and then recognised by its bytes. */
#include "tokens.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/lock_order.h"
#include "core/store/tokens/token_file.h"
#include "server/ops/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The bytes of a token whose hash was right: the same bytes need not be hashed again, which takes
 * as long as a tenth of a decision. Secrets are in memory anyway, in the requests. Written once, by
 * the thread that moves the state from UNKNOWN to BEGUN. Freed with the set, so that a new file's
 * revocations take effect at once. */
enum { VERIFIED_UNKNOWN, VERIFIED_BEGUN, VERIFIED_KNOWN };
struct verified {
    atomic_int state;
    char token[TOKEN_TEXT_SIZE - 1];
};

struct tokens {
    char *path;
    const struct clock *clock;
    struct log *log;
    struct metric_set *metrics;

    pthread_mutex_t loading; /* one load at a time */
    struct token_file_stamp stamp;

    pthread_rwlock_t lock; /* of the pointers below; counts are atomic */
    struct token_set *set;
    atomic_uint_least64_t *uses; /* requests accepted, in the set's order */
    struct verified *verified;   /* in the set's order */
    atomic_uint version;
};

/* ---- judging ---- */

/* A call without a row is allowed to no token. */
static const unsigned scope_of_call[CALL_COUNT] = {
    [CALL_SCORE] = TOKEN_SCORE,       [CALL_REPORT_OUTCOME] = TOKEN_OUTCOME,
    [CALL_STATUS] = TOKEN_SCOPES_ALL, [CALL_GET_ENTITY] = TOKEN_ADMIN,
    [CALL_CHANGE_LIST] = TOKEN_ADMIN, [CALL_GET_LIST] = TOKEN_ADMIN,
    [CALL_RELOAD] = TOKEN_ADMIN,      [CALL_EXPLAIN] = TOKEN_ADMIN,
    [CALL_AMEND] = TOKEN_OUTCOME,     [CALL_CHANGE_BRAKE] = TOKEN_ADMIN,
    [CALL_FIND] = TOKEN_FIND,         [CALL_BACKFILL] = TOKEN_BACKFILL,
};

unsigned tokens_scope_of(enum call call) {
    return scope_of_call[call];
}

static size_t index_of(const struct tokens *tokens, const struct token_entry *entry) {
    return (size_t)(entry - token_set_at(tokens->set, 0));
}

/* A token that was verified before. Compared in constant time, so that timing reveals no secret. */
static const struct token_entry *recall(const struct tokens *tokens, struct text token) {
    if (token.length != TOKEN_TEXT_SIZE - 1)
        return NULL;
    const struct text id = {.data = token.data + TOKEN_ID_AT, .length = TOKEN_ID_SIZE - 1};
    const struct token_entry *entry = token_set_find_id(tokens->set, id);
    if (!entry)
        return NULL;
    struct verified *verified = &tokens->verified[index_of(tokens, entry)];
    bool is_known = atomic_load_explicit(&verified->state, memory_order_acquire) == VERIFIED_KNOWN;
    return is_known && hash_equal_constant_time(verified->token, token.data, token.length) ? entry
                                                                                           : NULL;
}

static void remember(const struct tokens *tokens, struct text token,
                     const struct token_entry *entry) {
    struct verified *verified = &tokens->verified[index_of(tokens, entry)];
    int unknown = VERIFIED_UNKNOWN;
    if (!atomic_compare_exchange_strong(&verified->state, &unknown, VERIFIED_BEGUN))
        return;
    memcpy(verified->token, token.data, sizeof verified->token);
    atomic_store_explicit(&verified->state, VERIFIED_KNOWN, memory_order_release);
}

static enum token_finding look_up(const struct tokens *tokens, struct text token,
                                  const struct token_entry **ret_entry) {
    *ret_entry = recall(tokens, token);
    if (*ret_entry)
        return TOKEN_FOUND;
    enum token_finding finding = token_set_find(tokens->set, token, ret_entry);
    if (finding == TOKEN_FOUND)
        remember(tokens, token, *ret_entry);
    return finding;
}

/* Under the lock. *ret_entry: NULL unless the secret is right. */
static enum denial find(const struct tokens *tokens, struct text token,
                        const struct token_entry **ret_entry) {
    *ret_entry = NULL;
    if (token.length == 0)
        return DENIAL_MISSING;
    enum token_finding finding = look_up(tokens, token, ret_entry);
    if (finding != TOKEN_FOUND)
        return finding == TOKEN_MALFORMED ? DENIAL_MALFORMED : DENIAL_UNKNOWN;
    int64_t expires_us = (*ret_entry)->expires_us;
    bool is_over = expires_us != 0 && clock_wall_us(tokens->clock) >= expires_us;
    return is_over ? DENIAL_EXPIRED : DENIAL_NONE;
}

static enum denial judge(struct tokens *tokens, struct text token, enum call call,
                         struct bearer *ret_bearer) {
    const struct token_entry *entry;
    enum denial denial = find(tokens, token, &entry);
    if (entry) {
        memcpy(ret_bearer->id, entry->id, sizeof ret_bearer->id);
        memcpy(ret_bearer->name, entry->name, sizeof ret_bearer->name);
    }
    if (denial != DENIAL_NONE)
        return denial;
    if (!(entry->scopes & scope_of_call[call]))
        return DENIAL_SCOPE;
    atomic_fetch_add_explicit(&tokens->uses[index_of(tokens, entry)], 1, memory_order_relaxed);
    return DENIAL_NONE;
}

enum denial tokens_authorize(struct tokens *tokens, struct text token, enum call call,
                             struct bearer *ret_bearer) {
    *ret_bearer = (struct bearer){.id = ""};
    pthread_rwlock_rdlock(&tokens->lock);
    enum denial denial = judge(tokens, token, call, ret_bearer);
    pthread_rwlock_unlock(&tokens->lock);
    return denial;
}

enum denial tokens_check(struct tokens *tokens, struct text token) {
    const struct token_entry *entry;
    pthread_rwlock_rdlock(&tokens->lock);
    enum denial denial = find(tokens, token, &entry);
    pthread_rwlock_unlock(&tokens->lock);
    return denial;
}

void tokens_classify(struct tokens *tokens, struct text token, uint64_t *ret_class,
                     unsigned *ret_weight) {
    const struct token_entry *entry;
    pthread_rwlock_rdlock(&tokens->lock);
    find(tokens, token, &entry);
    *ret_class = entry ? strtoul(entry->id, NULL, 16) + 1 : 0;
    *ret_weight = entry ? entry->weight : 1;
    pthread_rwlock_unlock(&tokens->lock);
}

unsigned tokens_version(const struct tokens *tokens) {
    return atomic_load_explicit(&tokens->version, memory_order_acquire);
}

int denial_error(enum denial denial, enum call call, struct error *ret_error) {
    char scope[TOKEN_SCOPES_SIZE];
    switch (denial) {
    case DENIAL_MISSING:
        return error_set(ret_error, ERROR_DENIED,
                         "the request has no token, and this server requires one");
    case DENIAL_MALFORMED:
        return error_set(ret_error, ERROR_DENIED,
                         "malformed token; expected hrr_, 8 hex digits, _, 64 hex digits");
    case DENIAL_EXPIRED:
        return error_set(ret_error, ERROR_DENIED, "the token has expired");
    case DENIAL_SCOPE:
        return error_set(ret_error, ERROR_DENIED,
                         "the token does not allow this: %s needs the scope %s", call_name(call),
                         token_scopes_format(scope_of_call[call], scope));
    case DENIAL_UNKNOWN:
    case DENIAL_NONE:
    case DENIAL_COUNT:
        break;
    }
    return error_set(ret_error, ERROR_DENIED, "the token is not known");
}

/* ---- loading ---- */

static size_t count_valid(const struct token_set *set, int64_t now_us) {
    size_t valid = 0;
    for (size_t i = 0; i < token_set_count(set); i++) {
        const struct token_entry *entry = token_set_at(set, i);
        valid += entry->expires_us == 0 || now_us < entry->expires_us;
    }
    return valid;
}

/* Counters of tokens that stay must not start over. */
static void take_over_uses(const struct tokens *tokens, const struct token_set *set,
                           atomic_uint_least64_t *uses) {
    for (size_t i = 0; i < token_set_count(set); i++) {
        const struct token_entry *before =
            tokens->set ? token_set_find_id(tokens->set, text_of(token_set_at(set, i)->id)) : NULL;
        atomic_init(&uses[i], before ? atomic_load(&tokens->uses[index_of(tokens, before)]) : 0);
    }
}

/* In pages of its own, which are locked as far as the limit of the process allows it. */
static struct verified *make_verified(size_t count) {
    size_t size = (count + 1) * sizeof(struct verified);
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(pages != MAP_FAILED);
    mlock(pages, size);
    madvise(pages, size, MADV_DONTDUMP);
    return pages;
}

static void forget(struct verified *verified, size_t count) {
    size_t size = (count + 1) * sizeof *verified;
    if (!verified)
        return;
    explicit_bzero(verified, size);
    munmap(verified, size);
}

static void exchange(struct tokens *tokens, struct token_set *set) {
    atomic_uint_least64_t *uses = check_calloc(token_set_count(set) + 1, sizeof *uses);
    struct verified *verified = make_verified(token_set_count(set));
    /* Hands the bytes to whoever verifies the token first, which a lock for reading does not. */
    for (size_t i = 0; i < token_set_count(set); i++)
        atomic_store_explicit(&verified[i].state, VERIFIED_UNKNOWN, memory_order_release);
    pthread_rwlock_wrlock(&tokens->lock);
    take_over_uses(tokens, set, uses);
    struct token_set *old_set = tokens->set;
    atomic_uint_least64_t *old_uses = tokens->uses;
    struct verified *old_verified = tokens->verified;
    tokens->set = set;
    tokens->uses = uses;
    tokens->verified = verified;
    atomic_fetch_add_explicit(&tokens->version, 1, memory_order_release);
    pthread_rwlock_unlock(&tokens->lock);
    forget(old_verified, old_set ? token_set_count(old_set) : 0);
    token_set_free(old_set);
    free(old_uses);
}

static void log_loaded(const struct tokens *tokens, const struct token_set *set) {
    size_t valid = count_valid(set, clock_wall_us(tokens->clock));
    log_line_with(tokens->log, valid > 0 ? LOG_INFO : LOG_WARNING,
                  LOG_FIELDS(log_field_string("file", tokens->path),
                             log_field_unsigned("tokens", token_set_count(set)),
                             log_field_unsigned("valid", valid)),
                  "tokens: %zu in %s, %zu of them valid now%s", token_set_count(set), tokens->path,
                  valid, valid > 0 ? "" : ": everything is denied");
}

static int load(struct tokens *tokens, bool only_if_changed, struct error *ret_error) {
    struct token_set *set;
    /* Before the file is read, so that a change meanwhile is noticed next time. */
    struct token_file_stamp stamp = token_file_stamp(tokens->path);
    if (only_if_changed && token_file_stamps_equal(stamp, tokens->stamp))
        return 1;
    int r = token_file_load(tokens->path, &set, NULL, ret_error);
    /* Invalid content stays invalid until it changes. But a file that could not be read now may be
     * readable next time, and must be tried again: a revoked token would stay valid otherwise. */
    if (r == 0 || ret_error->code != ERROR_SYSTEM)
        tokens->stamp = stamp;
    metric_add(tokens->metrics, TOKEN_LOADS, r < 0, 1);
    metric_gauge(tokens->metrics, TOKENS_REFUSED, 0, r < 0);
    if (r < 0) {
        ret_error->code = ERROR_INVALID; /* whatever the cause, it is a configuration error */
        return -ERROR_INVALID;
    }
    log_loaded(tokens, set);
    exchange(tokens, set);
    return 0;
}

int tokens_load(struct tokens *tokens, bool only_if_changed, struct error *ret_error) {
    pthread_mutex_lock(&tokens->loading);
    int r = load(tokens, only_if_changed, ret_error);
    pthread_mutex_unlock(&tokens->loading);
    return r;
}

/* ---- opening and closing ---- */

int tokens_open(const char *path, const struct clock *clock, struct log *log,
                struct metric_set *metrics, struct tokens **ret_tokens, struct error *ret_error) {
    struct tokens *tokens = check_calloc(1, sizeof *tokens);
    tokens->path = text_copy(text_of(path));
    tokens->clock = clock;
    tokens->log = log;
    tokens->metrics = metrics;
    lock_init(&tokens->loading, LOCK_TOKENS_LOADING);
    pthread_rwlockattr_t attributes; /* a steady stream of readers must not starve the writer */
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&tokens->lock, &attributes);
    lock_set_rank(&tokens->lock, LOCK_TOKENS);
    pthread_rwlockattr_destroy(&attributes);
    int r = tokens_load(tokens, false, ret_error);
    if (r < 0)
        tokens_close(tokens);
    else
        *ret_tokens = tokens;
    return r;
}

void tokens_close(struct tokens *tokens) {
    if (!tokens)
        return;
    forget(tokens->verified, tokens->set ? token_set_count(tokens->set) : 0);
    token_set_free(tokens->set);
    free(tokens->uses);
    pthread_rwlock_destroy(&tokens->lock);
    pthread_mutex_destroy(&tokens->loading);
    free(tokens->path);
    free(tokens);
}

/* ---- metrics ---- */

static int64_t next_expiry(const struct token_set *set, int64_t now_us) {
    int64_t next_us = 0;
    for (size_t i = 0; i < token_set_count(set); i++) {
        int64_t expires_us = token_set_at(set, i)->expires_us;
        if (expires_us > now_us && (next_us == 0 || expires_us < next_us))
            next_us = expires_us;
    }
    return next_us;
}

void tokens_measure(struct tokens *tokens) {
    int64_t now_us = clock_wall_us(tokens->clock);
    pthread_rwlock_rdlock(&tokens->lock);
    metric_gauge(tokens->metrics, TOKENS_VALID, 0, (int64_t)count_valid(tokens->set, now_us));
    metric_gauge(tokens->metrics, TOKENS_NEXT_EXPIRY, 0, next_expiry(tokens->set, now_us));
    pthread_rwlock_unlock(&tokens->lock);
}

void tokens_write(struct tokens *tokens, struct buffer *out) {
    buffer_append_string(out, "# HELP harrierd_token_requests_total Requests accepted, by "
                              "token.\n# TYPE harrierd_token_requests_total counter\n");
    if (!tokens)
        return;
    pthread_rwlock_rdlock(&tokens->lock);
    for (size_t i = 0; i < token_set_count(tokens->set); i++) {
        const struct token_entry *entry = token_set_at(tokens->set, i);
        buffer_printf(out, "harrierd_token_requests_total{token=\"%s\",name=\"%s\"} %" PRIu64 "\n",
                      entry->id, entry->name, (uint64_t)atomic_load(&tokens->uses[i]));
    }
    pthread_rwlock_unlock(&tokens->lock);
}
