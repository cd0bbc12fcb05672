/* Takes answered batches and commits them: decisions, dead letters and offsets in one transaction
 * of Kafka. Batches that come while one is committed go together into the next. */
#pragma once

#include "core/kafka/topic_writer.h"
#include "record_parser.h"
#include "stream_batch.h"

#include <stdbool.h>

/* The topics that the writer has, in this order. */
enum { COMMIT_DEAD_LETTERS, COMMIT_DECISIONS };

struct commit_settings {
    struct topic_writer *writer;
    const struct topic_reader *reader; /* woken when batches are given back */
    const char *const *topics;         /* as the reader has them */
    enum record_format format;         /* of decisions */
    bool features;
    struct metric_set *metrics;
};

struct commit_thread;

/* The settings are copied. Everything they point at must outlive the thread. */
struct commit_thread *commit_thread_start(const struct commit_settings *settings);
/* Ends it behind what it is committing; what waits is dropped. NULL is allowed. */
void commit_thread_stop(struct commit_thread *thread);

/* In the order of reading. */
void commit_thread_hand(struct commit_thread *thread, struct stream_batch *batch);
/* The batches that are done, emptied, as a list; NULL: none. */
struct stream_batch *commit_thread_take_back(struct commit_thread *thread);

/* Waits until everything handed over is committed or given up. false: it took longer than that. */
bool commit_thread_drain(struct commit_thread *thread, unsigned milliseconds);

/* < 0: the thread has ended, and why. */
int commit_thread_failure(struct commit_thread *thread, struct error *ret_error);
