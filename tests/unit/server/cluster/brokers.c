#include "brokers.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/kafka/group_lease.h"
#include "core/kafka/log_reader.h"
#include "core/kafka/topic_writer.h"
#include "server/cluster/log_message.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGES_MAX 65536
#define ENDS_MAX     1024 /* messages of one transaction */
#define WAIT_MS      2    /* instead of what librdkafka would wait for */

struct message {
    struct text header, value; /* owned; header.data NULL: the end of a transaction */
};

struct node {
    const char *name;
    enum lease lease;
    bool holds_commits, loses_answer, is_behind, has_committed;
    int waiting;
    int64_t behind_at; /* the offset from which on it sees nothing */
    int looks;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct message *messages;
    int64_t count;
    uint64_t position; /* of the last whole record */
    unsigned epoch;    /* of the writer opened last; all have one name */
    unsigned shut_out;
    struct node nodes[BROKERS_NODES_MAX];
} brokers = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct text copy(struct text text) {
    char *bytes = check_calloc(1, text.length + 1);
    if (text.length > 0)
        memcpy(bytes, text.data, text.length);
    return (struct text){.data = bytes, .length = text.length};
}

static void lock(void) {
    pthread_mutex_lock(&brokers.lock);
}

static void unlock(void) {
    pthread_mutex_unlock(&brokers.lock);
}

static void wait_ms(int ms) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ms * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&brokers.changed, &brokers.lock, &until);
}

/* Under the lock. */
static struct node *node_of(const char *name) {
    for (int i = 0; i < BROKERS_NODES_MAX; i++) {
        struct node *node = &brokers.nodes[i];
        if (!node->name)
            node->name = text_copy(text_of(name));
        if (strcmp(node->name, name) == 0)
            return node;
    }
    check(!"more nodes than BROKERS_NODES_MAX");
}

static void free_message(struct message *message) {
    free((char *)(uintptr_t)message->header.data);
    free((char *)(uintptr_t)message->value.data);
}

/* ---- for the test ---- */

void brokers_reset(void) {
    lock();
    for (int64_t i = 0; i < brokers.count; i++)
        free_message(&brokers.messages[i]);
    free(brokers.messages);
    brokers.messages = check_calloc(MESSAGES_MAX, sizeof *brokers.messages);
    brokers.count = 0;
    brokers.position = 0;
    brokers.shut_out = 0;
    for (int i = 0; i < BROKERS_NODES_MAX; i++) {
        free((char *)(uintptr_t)brokers.nodes[i].name);
        brokers.nodes[i] = (struct node){0};
    }
    unlock();
}

void brokers_set_lease(const char *node, enum lease lease) {
    lock();
    node_of(node)->lease = lease;
    unlock();
}

void brokers_hold_commits(const char *node, bool hold) {
    lock();
    node_of(node)->holds_commits = hold;
    pthread_cond_broadcast(&brokers.changed);
    unlock();
}

void brokers_lose_answer(const char *node) {
    lock();
    node_of(node)->loses_answer = true;
    unlock();
}

void brokers_stay_behind(const char *name, int looks) {
    lock();
    struct node *node = node_of(name);
    node->is_behind = true;
    node->has_committed = false;
    node->behind_at = brokers.count;
    node->looks = looks;
    unlock();
}

void brokers_heal(void) {
    lock();
    for (int i = 0; i < BROKERS_NODES_MAX; i++) {
        struct node *node = &brokers.nodes[i];
        node->holds_commits = node->loses_answer = node->is_behind = false;
    }
    pthread_cond_broadcast(&brokers.changed);
    unlock();
}

unsigned brokers_shut_out(void) {
    lock();
    unsigned count = brokers.shut_out;
    unlock();
    return count;
}

bool brokers_has_waiting(const char *node) {
    lock();
    bool has = node_of(node)->waiting > 0;
    unlock();
    return has;
}

uint64_t brokers_position(void) {
    lock();
    uint64_t position = brokers.position;
    unlock();
    return position;
}

/* ---- topic_writer.h ---- */

struct topic_writer {
    struct node *node;
    unsigned epoch;
    bool is_hurried; /* under the lock */
    struct message added[ENDS_MAX];
    size_t added_count;
    int64_t last_offset;
};

int topic_writer_open(const struct kafka_options *kafka, const char *name,
                      const char *const *topics, size_t topic_count,
                      struct topic_writer **ret_writer, struct error *ret_error) {
    (void)name, (void)topics;
    check(topic_count == 1);
    lock();
    struct node *node = node_of(kafka->brokers);
    struct topic_writer *writer = NULL;
    if (node->lease != LEASE_NONE) {
        writer = check_calloc(1, sizeof *writer);
        *writer = (struct topic_writer){.node = node, .last_offset = -1};
        writer->epoch = ++brokers.epoch;
        pthread_cond_broadcast(&brokers.changed);
    }
    unlock();
    *ret_writer = writer;
    return writer ? 0 : error_set(ret_error, ERROR_UNAVAILABLE, "without the lease");
}

void topic_writer_hurry(struct topic_writer *writer) {
    lock();
    writer->is_hurried = true;
    pthread_cond_broadcast(&brokers.changed);
    unlock();
}

static void forget_added(struct topic_writer *writer) {
    for (size_t i = 0; i < writer->added_count; i++)
        free_message(&writer->added[i]);
    writer->added_count = 0;
}

void topic_writer_close(struct topic_writer *writer) {
    if (!writer)
        return;
    forget_added(writer);
    free(writer);
}

/* Under the lock. */
static int check_epoch(struct topic_writer *writer, struct error *ret_error) {
    if (writer->epoch == brokers.epoch)
        return 0;
    brokers.shut_out++;
    if (writer->node->lease == LEASE_UNTIL_SHUT_OUT)
        writer->node->lease = LEASE_NONE;
    return error_set(ret_error, ERROR_EXISTS, "another instance has taken over");
}

int topic_writer_begin(struct topic_writer *writer, struct error *ret_error) {
    (void)ret_error; /* as of librdkafka, which asks nobody */
    check(writer->added_count == 0);
    return 0;
}

int topic_writer_add(struct topic_writer *writer, size_t topic, struct text key, struct text value,
                     const struct topic_header *headers, size_t header_count,
                     struct error *ret_error) {
    (void)topic, (void)key, (void)ret_error;
    check(header_count == 1 && writer->added_count < ENDS_MAX);
    writer->added[writer->added_count++] =
        (struct message){.header = copy(headers[0].value), .value = copy(value)};
    return 0;
}

/* Under the lock. What is on the log is one history, whoever wrote it. */
static void append(const struct message *message) {
    struct log_head head;
    struct error error;
    check(log_head_decode(message->header, &head, &error) == 0);
    if (head.kind == LOG_KIND_RECORD && head.part + 1 == head.part_count) {
        if (head.place.position != brokers.position + 1) {
            fprintf(stderr, "record %llu is written to the log behind record %llu\n",
                    (unsigned long long)head.place.position, (unsigned long long)brokers.position);
            abort();
        }
        brokers.position = head.place.position;
    }
    check(brokers.count < MESSAGES_MAX);
    brokers.messages[brokers.count++] = *message;
}

/* Under the lock. */
static int commit(struct topic_writer *writer, struct error *ret_error) {
    struct node *node = writer->node;
    node->waiting++;
    while (node->holds_commits && !writer->is_hurried && writer->epoch == brokers.epoch)
        pthread_cond_wait(&brokers.changed, &brokers.lock);
    node->waiting--;
    int r = check_epoch(writer, ret_error);
    if (r == 0 && node->holds_commits)
        r = error_set(ret_error, ERROR_UNAVAILABLE, "the brokers are away");
    if (r < 0)
        return r;
    for (size_t i = 0; i < writer->added_count; i++)
        append(&writer->added[i]);
    writer->added_count = 0;
    writer->last_offset = brokers.count - 1;
    check(brokers.count < MESSAGES_MAX);
    brokers.messages[brokers.count++] = (struct message){0};
    node->has_committed = true;
    pthread_cond_broadcast(&brokers.changed);
    if (node->loses_answer) {
        node->loses_answer = false;
        return error_set(ret_error, ERROR_UNAVAILABLE, "the answer was lost");
    }
    return 0;
}

int topic_writer_commit(struct topic_writer *writer, const rd_kafka_topic_partition_list_t *offsets,
                        const rd_kafka_consumer_group_metadata_t *group, struct error *ret_error) {
    (void)offsets, (void)group;
    lock();
    int r = commit(writer, ret_error);
    unlock();
    forget_added(writer);
    return r;
}

int64_t topic_writer_last_offset(const struct topic_writer *writer) {
    return writer->last_offset;
}

/* ---- log_reader.h ---- */

struct log_reader {
    struct node *node;
    int64_t next, end;
    bool said_end;
};

void log_record_free(struct log_record *record) {
    (void)record; /* the log keeps it */
}

int log_reader_open(const struct kafka_options *kafka, const char *topic, const char *header,
                    int64_t from, struct log_reader **ret_reader, struct error *ret_error) {
    (void)topic, (void)header, (void)ret_error;
    struct log_reader *reader = check_calloc(1, sizeof *reader);
    lock();
    reader->node = node_of(kafka->brokers);
    reader->next = from == LOG_BEGINNING ? 0 : from;
    reader->end = brokers.count;
    check(reader->next <= reader->end);
    unlock();
    *ret_reader = reader;
    return 0;
}

int64_t log_reader_end(const struct log_reader *reader) {
    return reader->end;
}

void log_reader_close(struct log_reader *reader) {
    free(reader);
}

/* Under the lock: the offset from which on this reader sees nothing. */
static int64_t seen_until(const struct log_reader *reader) {
    const struct node *node = reader->node;
    return node->is_behind && node->behind_at < brokers.count ? node->behind_at : brokers.count;
}

/* Under the lock: whoever is behind has looked in vain. */
static void note_look(struct node *node) {
    if (node->is_behind && node->has_committed && --node->looks <= 0)
        node->is_behind = false;
}

/* Under the lock. The offsets without a record are passed. */
static const struct message *next_of(struct log_reader *reader) {
    while (reader->next < seen_until(reader)) {
        const struct message *message = &brokers.messages[reader->next++];
        if (message->header.data)
            return message;
    }
    return NULL;
}

int log_reader_next(struct log_reader *reader, int ms, struct log_record *ret_record,
                    struct error *ret_error) {
    (void)ret_error;
    int r = LOG_NONE;
    lock();
    const struct message *message = next_of(reader);
    if (!message && ms > 0) {
        note_look(reader->node);
        wait_ms(WAIT_MS);
        message = next_of(reader);
    }
    if (message) {
        *ret_record = (struct log_record){
            .offset = reader->next - 1, .header = message->header, .value = message->value};
        reader->said_end = false;
        r = LOG_RECORD;
    } else if (!reader->said_end) {
        reader->said_end = true;
        r = LOG_END;
    }
    unlock();
    return r;
}

/* ---- group_lease.h ---- */

struct group_lease {
    struct node *node;
    bool is_held; /* as polled last */
};

int group_lease_open(const struct kafka_options *kafka, const char *topic, const char *group,
                     int timeout_ms, struct group_lease **ret_lease, struct error *ret_error) {
    (void)topic, (void)group, (void)timeout_ms, (void)ret_error;
    struct group_lease *lease = check_calloc(1, sizeof *lease);
    lock();
    lease->node = node_of(kafka->brokers);
    unlock();
    *ret_lease = lease;
    return 0;
}

void group_lease_close(struct group_lease *lease) {
    free(lease);
}

void group_lease_poll(struct group_lease *lease, int ms) {
    (void)ms;
    nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000L}, NULL);
    lock();
    lease->is_held = lease->node->lease != LEASE_NONE;
    unlock();
}

bool group_lease_is_held(const struct group_lease *lease) {
    return lease->is_held;
}

const struct error *group_lease_failure(const struct group_lease *lease) {
    static const struct error none;
    (void)lease;
    return &none;
}
