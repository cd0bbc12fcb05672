/* A stand-in for Kafka's brokers, in memory: one topic with one partition, transactions with
 * epochs, and a lease that the test gives and takes. It takes the place of core/kafka's
 * topic_writer, log_reader and group_lease when a test is linked with it, so several nodes run in
 * one process.
 *
 * What of Kafka the cluster rests on is kept: a writer that is opened shuts out earlier ones of its
 * name, readers see whole transactions in one order, each transaction ends with an offset that no
 * record has. A node is told apart by what it is given for the brokers' addresses.
 *
 * The log says at each commit whether its records continue it: two primaries that both write make
 * the process fail there. All functions may be called by any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BROKERS_NODES_MAX 4

/* An empty topic, and nobody has the lease. No node may be open. */
void brokers_reset(void);
/* What this node believes of the lease. Several may have it, as after a pause of one of them; one
 * that is shut out may then try again at once, or learn that it has lost it. A node without it
 * opens no writer. */
enum lease { LEASE_NONE, LEASE_HELD, LEASE_UNTIL_SHUT_OUT };
void brokers_set_lease(const char *node, enum lease lease);
/* Commits of this node wait until they are let go, or another node shuts it out. */
void brokers_hold_commits(const char *node, bool hold);
/* The next commit of this node is made, and its answer is lost. */
void brokers_lose_answer(const char *node);
/* This node's readers get nothing that is newer than the log is now, until it has committed a
 * transaction and looked in vain as many times: its broker is behind. */
void brokers_stay_behind(const char *node, int looks);
/* Nothing of this is in force any more, but for the lease. */
void brokers_heal(void);

/* How many times a writer was shut out, and found that out when it committed. */
unsigned brokers_shut_out(void);
/* Does a commit of this node wait? */
bool brokers_has_waiting(const char *node);
/* The position of the last record that was committed; 0: none. */
uint64_t brokers_position(void);
