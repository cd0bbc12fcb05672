/* A node's threads.
 *
 *   the lease's   joins the group and keeps cluster->is_held up to date
 *   the node's    reconcile ─► follow ─► take over ─► ship ─► step down ─┐
 *                    ▲           ▲                                       │
 *                    └───────────┴───────────────────────────────────────┘
 *                 (reconcile only if the archive may have what the log lacks)
 *
 * Whatever fails is logged, kept as the reason for people, and tried again a second later: brokers
 * come back, and a node that has given up helps nobody. */
#include "cluster.h"

#include "core/base/check.h"
#include "node.h"
#include "server/base/deferred_free.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)160 << 20) /* the largest record, decoded */
#define POLL_MS     100
#define RETRY_MS    1000
#define UNABLE_MS   3000  /* until the lease is given back, such as with a full disk */
#define LEAVE_MS    10000 /* at most, for another node to take the lease */

static void sleep_ms(const struct cluster *cluster, int ms) {
    for (; ms > 0 && !node_is_stopping(cluster); ms -= 20)
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000000}, NULL);
}

/* librdkafka waits a minute for a broker whose machine has gone; by then another node has long
 * taken over. */
static const struct kafka_default defaults[] = {
    {"socket.timeout.ms", "3000"},
    {"socket.connection.setup.timeout.ms", "2000"},
    {"reconnect.backoff.max.ms", "500"},
};

static void log_kafka(void *user, const char *text) {
    struct cluster *cluster = user;
    log_line(cluster->service->settings.log, LOG_WARNING, "kafka: %s", text);
}

/* ---- the lease ---- */

/* Could this node decide? One that could not must not keep the lease from the others. */
static bool is_able(const struct cluster *cluster) {
    enum service_state state = service_state(cluster->service, NULL, 0);
    return state == SERVICE_STANDBY || state == SERVICE_READY || state == SERVICE_DRAINING;
}

/* Said once: the brokers may refuse the lease's length again and again. */
static void log_failure(const struct cluster *cluster, const struct group_lease *lease,
                        char last[REASON_BYTES]) {
    const struct error *failure = group_lease_failure(lease);
    if (failure->code == 0 || strncmp(failure->text, last, REASON_BYTES - 1) == 0)
        return;
    snprintf(last, REASON_BYTES, "%.*s", REASON_BYTES - 1, failure->text);
    log_line(cluster->service->settings.log, LOG_WARNING, "the lease of cluster %s: %s",
             cluster->name, failure->text);
}

static void keep_lease(struct cluster *cluster, struct group_lease *lease) {
    char last[REASON_BYTES] = "";
    int unable_ms = 0;
    atomic_store(&cluster->is_unable, false);
    while (!node_is_stopping(cluster) && !atomic_load(&cluster->leaves) && unable_ms < UNABLE_MS) {
        group_lease_poll(lease, POLL_MS);
        log_failure(cluster, lease, last);
        atomic_store(&cluster->is_held, group_lease_is_held(lease));
        unable_ms = is_able(cluster) ? 0 : unable_ms + POLL_MS;
    }
    atomic_store(&cluster->is_unable, unable_ms >= UNABLE_MS);
    atomic_store(&cluster->is_held, false);
}

/* The node's thread ships what is left before the group names another one, whose first act is to
 * shut this one out. */
static void await_shipped(struct cluster *cluster) {
    bool is_shipping = true;
    while (is_shipping) {
        pthread_mutex_lock(&cluster->service->lock);
        is_shipping = cluster->writer != NULL;
        pthread_mutex_unlock(&cluster->service->lock);
        if (is_shipping)
            nanosleep(&(struct timespec){.tv_nsec = 5 * 1000000}, NULL);
    }
}

static void *work_lease(void *user) {
    struct cluster *cluster = user;
    const struct service_settings *settings = &cluster->service->settings;
    struct group_lease *lease;
    struct error error;
    while (!node_is_stopping(cluster)) {
        if (!is_able(cluster)) {
            sleep_ms(cluster, POLL_MS);
            continue;
        }
        if (group_lease_open(&cluster->kafka, cluster->topic, cluster->name,
                             (int)(settings->cluster.lease_us / 1000), &lease, &error) < 0) {
            log_line(settings->log, LOG_ERROR, "the lease of cluster %s: %s", cluster->name,
                     error.text);
            sleep_ms(cluster, RETRY_MS);
            continue;
        }
        keep_lease(cluster, lease);
        await_shipped(cluster);
        group_lease_close(lease);
        if (atomic_load(&cluster->leaves))
            sleep_ms(cluster, LEAVE_MS);
        atomic_store(&cluster->leaves, false);
    }
    return NULL;
}

/* ---- the node ---- */

static bool has_states(struct service *service) {
    pthread_mutex_lock(&service->lock);
    bool has = service->states.overlay != NULL;
    pthread_mutex_unlock(&service->lock);
    return has;
}

static void set_reconciling(struct service *service, bool is_reconciling) {
    pthread_mutex_lock(&service->lock);
    service->replication.is_reconciling = is_reconciling;
    pthread_mutex_unlock(&service->lock);
}

/* Folds what is reconciled. The archive is not that of the opening any more. */
static void ask_for_states(struct cluster *cluster) {
    struct service *service = cluster->service;
    pthread_mutex_lock(&service->lock);
    bool is_start = service->state == SERVICE_STARTING;
    pthread_mutex_unlock(&service->lock);
    if (is_start) {
        fold_free(service->first_fold);
        service->first_fold = NULL;
    }
    jobs_ask(&service->jobs, is_start ? JOB_START : JOB_RECOVER);
    while (!has_states(service) && !node_is_stopping(cluster))
        sleep_ms(cluster, 20);
}

static int get_states(struct cluster *cluster, struct error *ret_error) {
    struct service *service = cluster->service;
    if (has_states(service))
        return 0;
    set_reconciling(service, true);
    int r = follow_reconcile(cluster, ret_error);
    if (r < 0)
        return r;
    set_reconciling(service, false);
    ask_for_states(cluster);
    return 0;
}

/* May this node take over? While it drains or has no room it must not. */
static bool may_take_over(struct cluster *cluster) {
    if (!atomic_load(&cluster->is_held) || atomic_load(&cluster->leaves))
        return false;
    return service_state(cluster->service, NULL, 0) == SERVICE_STANDBY;
}

static int follow(struct cluster *cluster, struct error *ret_error) {
    int r = cluster->reader ? 0 : follow_reopen(cluster, ret_error);
    while (r >= 0 && !node_is_stopping(cluster) && !may_take_over(cluster))
        r = follow_some(cluster, POLL_MS, ret_error);
    return r < 0 ? r : 0;
}

/* Once around. */
static int live(struct cluster *cluster, struct error *ret_error) {
    int r = get_states(cluster, ret_error);
    if (r == 0)
        r = follow(cluster, ret_error);
    if (r == 0 && !node_is_stopping(cluster))
        r = ship_take_over(cluster, ret_error);
    if (r == 0 && cluster->writer)
        r = ship_until_deposed(cluster, ret_error);
    return r;
}

/* The same trouble is said once. */
static void complain(struct cluster *cluster, const struct error *error, char last[REASON_BYTES]) {
    struct service *service = cluster->service;
    char text[REASON_BYTES];
    snprintf(text, sizeof text, "%.*s", REASON_BYTES - 1, error->text);
    pthread_mutex_lock(&service->lock);
    if (service->state == SERVICE_STARTING ||
        (service->state == SERVICE_UNAVAILABLE && service->replication.is_reconciling))
        service_set_state(service, service->state, "%s", text);
    pthread_mutex_unlock(&service->lock);
    if (strcmp(text, last) != 0)
        log_line(service->settings.log, LOG_ERROR, "the cluster's log: %s", text);
    memcpy(last, text, REASON_BYTES);
}

/* What reading on would not mend. */
static bool is_another_history(const struct error *error) {
    return error->code == ERROR_DAMAGED || error->code == ERROR_UNSUPPORTED;
}

/* A node that does not follow must not look as if it did. Reconciling says why it cannot. */
static void stop_following(struct service *service) {
    pthread_mutex_lock(&service->lock);
    if (service->state == SERVICE_STANDBY) {
        service->losses++;
        service_defer_free(service, &service->states);
        service->replication.is_reconciling = true;
        service_set_state(service, SERVICE_UNAVAILABLE, "it cannot follow the log");
    }
    pthread_mutex_unlock(&service->lock);
    service_report(service);
}

static void *work(void *user) {
    struct cluster *cluster = user;
    char last[REASON_BYTES] = "";
    struct error error;
    while (!node_is_stopping(cluster)) {
        if (live(cluster, &error) == 0) {
            *last = '\0';
            continue;
        }
        if (node_is_stopping(cluster))
            break;
        if (is_another_history(&error))
            stop_following(cluster->service);
        complain(cluster, &error, last);
        log_reader_close(cluster->reader);
        cluster->reader = NULL;
        sleep_ms(cluster, RETRY_MS);
    }
    return NULL;
}

/* ---- opening and closing ---- */

static char *copy(const char *text) {
    return text && *text ? text_copy(text_of(text)) : NULL;
}

/* What the archive knows of an earlier time in the cluster. */
static int load_committed(struct cluster *cluster, struct error *ret_error) {
    const char *path = cluster->service->archive_path;
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) /* it was opened a moment ago */
        return error_set(ret_error, ERROR_SYSTEM, "%s: cannot open", path);
    cluster->committed.offset = -1;
    int r = archive_committed_read(directory, &cluster->committed, ret_error);
    close(directory);
    cluster->was_in_cluster = r == 0;
    /* A crash of the machine may have kept the file and lost the end of the archive. */
    if (r == 0 &&
        cluster->committed.place.position > archive_end(cluster->service->archive).position) {
        cluster->committed = (struct archive_committed){.offset = -1};
        cluster->forgot_place = true;
    }
    return r < 0 ? error_prefix(ret_error, "%s", path) : 0;
}

void cluster_free(struct service *service) {
    struct cluster *cluster = service->cluster;
    if (!cluster)
        return;
    archive_committed_close(cluster->file);
    log_reader_close(cluster->reader);
    buffer_deinit(&cluster->parts);
    arena_deinit(&cluster->arena);
    free(cluster->config);
    free(cluster->address);
    free(cluster->node);
    free(cluster->name);
    free(cluster->topic);
    free(cluster->brokers);
    free(cluster);
    service->cluster = NULL;
}

/* The properties are tried. */
int cluster_check(const struct cluster_settings *settings, struct error *ret_error) {
    const char *file = settings->config && *settings->config ? settings->config : NULL;
    const struct kafka_options options = {.brokers = settings->brokers, .file = file};
    rd_kafka_conf_t *config;
    if (!settings->brokers)
        return 0;
    int r = kafka_config_new(&options, KAFKA_PRODUCER, &config, ret_error);
    if (r == 0) {
        rd_kafka_conf_destroy(config);
        return 0;
    }
    ret_error->code = ERROR_INVALID;
    return error_prefix(ret_error, "log_config");
}

int cluster_open(struct service *service, struct error *ret_error) {
    struct cluster_settings *settings = &service->settings.cluster;
    if (!settings->brokers)
        return 0;
    struct cluster *cluster = check_calloc(1, sizeof *cluster);
    cluster->service = service;
    cluster->brokers = copy(settings->brokers);
    cluster->topic = copy(settings->topic);
    cluster->name = copy(settings->name);
    cluster->node = copy(settings->node);
    cluster->address = copy(settings->address);
    cluster->config = copy(settings->config);
    *settings = (struct cluster_settings){.brokers = cluster->brokers,
                                          .topic = cluster->topic,
                                          .name = cluster->name,
                                          .node = cluster->node,
                                          .address = cluster->address,
                                          .config = cluster->config,
                                          .lease_us = settings->lease_us};
    cluster->log = (struct kafka_log){log_kafka, cluster};
    cluster->kafka = (struct kafka_options){.brokers = cluster->brokers,
                                            .file = cluster->config,
                                            .log = &cluster->log,
                                            .defaults = defaults,
                                            .default_count = sizeof defaults / sizeof *defaults};
    check(getrandom(&cluster->nonce, sizeof cluster->nonce, 0) == sizeof cluster->nonce);
    buffer_init(&cluster->parts);
    arena_init(&cluster->arena, ARENA_BYTES);
    service->cluster = cluster;
    int r = load_committed(cluster, ret_error);
    if (r == 0 && cluster->was_in_cluster)
        r = archive_committed_open(service->archive_path, &cluster->committed, &cluster->file,
                                   ret_error);
    if (r == 0)
        service->replication.committed = cluster->committed.place;
    return r;
}

void cluster_start(struct service *service) {
    struct cluster *cluster = service->cluster;
    if (!cluster)
        return;
    check(pthread_create(&cluster->lease_thread, NULL, work_lease, cluster) == 0);
    check(pthread_create(&cluster->thread, NULL, work, cluster) == 0);
}

void service_hand_over(struct service *service) {
    pthread_mutex_lock(&service->lock);
    bool is_primary = service->cluster && service->replication.is_primary;
    pthread_mutex_unlock(&service->lock);
    if (is_primary)
        atomic_store(&service->cluster->leaves, true);
    else
        log_line(service->settings.log, LOG_WARNING,
                 "this server is not the primary of a cluster: there is nothing to hand over");
}

void cluster_stop(struct service *service) {
    struct cluster *cluster = service->cluster;
    if (!cluster)
        return;
    atomic_store(&cluster->is_stopping, true);
    pthread_mutex_lock(&service->lock);
    if (cluster->writer) /* with the brokers away it would try for minutes */
        topic_writer_hurry(cluster->writer);
    pthread_mutex_unlock(&service->lock);
    pthread_join(cluster->thread, NULL);
    pthread_join(cluster->lease_thread, NULL);
}
