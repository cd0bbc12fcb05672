/* Whatever librdkafka can do about security, compression and time-outs is a property of its own, so
 * none of it needs an option of ours. What would break a promise of the command (who commits
 * offsets, which records are read) is not the user's to set. */
#include "kafka_config.h"

#include "core/base/check.h"
#include "core/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LINE_BYTES_MAX  8192
#define METADATA_MS     10000
#define REASON_BYTES    512
#define LOG_LEVEL_SHOWN 4 /* warnings and worse, as syslog counts */

/* ---- properties ---- */

/* With what to use instead. */
static const struct {
    const char *name, *instead;
} ours[] = {
    {"bootstrap.servers", "use --brokers, or harrierd's option log"},
    {"metadata.broker.list", "use --brokers, or harrierd's option log"},
    {"group.id", "use --group, or harrierd's option cluster"},
    {"group.instance.id", "use --instance"},
    {"transactional.id", "use --instance, or harrierd's option cluster"},
    {"auto.offset.reset", "use --from; harrierd goes on where it was"},
    {"enable.auto.commit", "offsets are committed with the decisions"},
    {"enable.auto.offset.store", "offsets are committed with the decisions"},
    {"enable.partition.eof", "the command needs it"},
    {"enable.idempotence", "transactions need it"},
    {"isolation.level", "only committed records are read"},
    {"partition.assignment.strategy", "the command needs a strategy that gives up all partitions"},
};

static bool shows_debug; /* somebody asked librdkafka for it */

static int set_property(rd_kafka_conf_t *config, enum kafka_role role, struct text name,
                        const char *value, struct error *ret_error) {
    static const char *const prefixes[] = {"consumer.", "producer."};
    char word[LINE_BYTES_MAX], reason[REASON_BYTES];
    snprintf(word, sizeof word, "%.*s", (int)name.length, name.data);
    const char *bare = word;
    for (int of = KAFKA_CONSUMER; of <= KAFKA_PRODUCER; of++) {
        if (strncmp(word, prefixes[of], strlen(prefixes[of])) != 0)
            continue;
        if (of != (int)role)
            return 0;
        bare = word + strlen(prefixes[of]);
    }
    shows_debug = shows_debug || strcmp(bare, "debug") == 0;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(bare, ours[i].name) == 0)
            return error_set(ret_error, ERROR_INVALID, "%s cannot be set: %s", bare,
                             ours[i].instead);
    if (rd_kafka_conf_set(config, bare, value, reason, sizeof reason) != RD_KAFKA_CONF_OK)
        return error_set(ret_error, ERROR_INVALID, "%s", reason);
    return 0;
}

static int set_line(rd_kafka_conf_t *config, enum kafka_role role, const char *line,
                    struct error *ret_error) {
    const char *equals = strchr(line, '=');
    if (!equals || equals == line)
        return error_set(ret_error, ERROR_INVALID, "expected NAME=VALUE, a property of librdkafka");
    struct text name = {.data = line, .length = (size_t)(equals - line)};
    while (name.length > 0 && name.data[name.length - 1] == ' ')
        name.length--;
    return set_property(config, role, name, equals + 1 + strspn(equals + 1, " "), ret_error);
}

/* It may have a password. */
static int check_mode(const char *path, FILE *file, struct error *ret_error) {
    struct stat status;
    if (fstat(fileno(file), &status) < 0)
        return error_set_errno(ret_error, errno, "cannot read %s", path);
    if (S_ISREG(status.st_mode) && status.st_mode & 0002)
        return error_set(ret_error, ERROR_DENIED, "%s has mode %04o: everybody can change it", path,
                         (unsigned)status.st_mode & 07777);
    return 0;
}

static int read_lines(rd_kafka_conf_t *config, enum kafka_role role, const char *path, FILE *file,
                      struct error *ret_error) {
    char line[LINE_BYTES_MAX];
    unsigned number = 0;
    while (fgets(line, sizeof line, file)) {
        number++;
        size_t length = strcspn(line, "\r\n");
        if (line[length] == '\0' && !feof(file))
            return error_set(ret_error, ERROR_TOO_LARGE, "%s:%u: longer than %d bytes", path,
                             number, LINE_BYTES_MAX - 2);
        line[length] = '\0';
        const char *begin = line + strspn(line, " \t");
        if (*begin == '\0' || *begin == '#')
            continue;
        if (set_line(config, role, begin, ret_error) < 0)
            return error_prefix(ret_error, "%s:%u", path, number);
    }
    return ferror(file) ? error_set_errno(ret_error, errno, "cannot read %s", path) : 0;
}

static int read_file(rd_kafka_conf_t *config, enum kafka_role role, const char *path,
                     struct error *ret_error) {
    FILE *file = fopen(path, "re");
    if (!file) {
        int number = errno;
        error_set_errno(ret_error, number, "cannot read %s", path);
        ret_error->code = number == ENOENT ? ERROR_NOT_FOUND : ERROR_SYSTEM;
        return -(int)ret_error->code;
    }
    int r = check_mode(path, file, ret_error);
    if (r == 0)
        r = read_lines(config, role, path, file, ret_error);
    fclose(file);
    return r;
}

/* ---- clients ---- */

/* Where a broker is away, librdkafka says so again and again; once a second is enough. */
static void log_line(const rd_kafka_t *kafka, int level, const char *facility, const char *text) {
    (void)facility;
    static _Thread_local time_t said;
    static _Thread_local unsigned in_second;
    time_t now = time(NULL);
    in_second = now == said ? in_second + 1 : 0;
    said = now;
    if (!shows_debug && (level > LOG_LEVEL_SHOWN || in_second >= 3))
        return;
    const struct kafka_log *log = rd_kafka_opaque(kafka);
    if (log)
        log->line(log->user, text);
    else
        fprintf(stderr, "harrier: kafka: %s\n", text);
}

int kafka_config_new(const struct kafka_options *options, enum kafka_role role,
                     rd_kafka_conf_t **ret_config, struct error *ret_error) {
    rd_kafka_conf_t *config = rd_kafka_conf_new();
    check(config);
    kafka_config_set(config, "bootstrap.servers", options->brokers);
    kafka_config_set(config, "client.id", "harrier");
    if (role == KAFKA_PRODUCER) {
        /* What was read is written as it was, however large: the brokers say what they take. */
        kafka_config_set(config, "message.max.bytes", "1000000000");
        /* The partition of a key is the one that Kafka's own Java clients choose. */
        kafka_config_set(config, "partitioner", "murmur2_random");
    }
    for (size_t i = 0; i < options->default_count; i++)
        kafka_config_set(config, options->defaults[i].name, options->defaults[i].value);
    rd_kafka_conf_set_log_cb(config, log_line);
    rd_kafka_conf_set_opaque(config, (void *)(uintptr_t)options->log);
    int r = options->file ? read_file(config, role, options->file, ret_error) : 0;
    for (size_t i = 0; i < options->property_count && r == 0; i++) {
        r = set_line(config, role, options->properties[i], ret_error);
        if (r < 0)
            r = error_prefix(ret_error, "--kafka %.64s", options->properties[i]);
    }
    if (r < 0)
        rd_kafka_conf_destroy(config);
    else
        *ret_config = config;
    return r;
}

void kafka_config_set(rd_kafka_conf_t *config, const char *name, const char *value) {
    char reason[REASON_BYTES];
    check(rd_kafka_conf_set(config, name, value, reason, sizeof reason) == RD_KAFKA_CONF_OK);
}

int kafka_new(rd_kafka_conf_t *config, enum kafka_role role, rd_kafka_t **ret_kafka,
              struct error *ret_error) {
    char reason[REASON_BYTES];
    rd_kafka_t *kafka = rd_kafka_new(role == KAFKA_CONSUMER ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER,
                                     config, reason, sizeof reason);
    if (!kafka) {
        rd_kafka_conf_destroy(config);
        return error_set(ret_error, ERROR_INVALID, "Kafka's configuration: %s", reason);
    }
    *ret_kafka = kafka;
    return 0;
}

/* Topics are asked for one by one: asking for all would tell of every topic of the cluster, and a
 * broker may make a topic that it is asked for only as a producer. */
int kafka_check_topic(rd_kafka_t *kafka, const char *brokers, const char *name, int *ret_partitions,
                      struct error *ret_error) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, name, NULL);
    if (!topic)
        return error_set(ret_error, ERROR_INVALID, "topic %s: %s", name,
                         rd_kafka_err2str(rd_kafka_last_error()));
    rd_kafka_resp_err_t failure = rd_kafka_metadata(kafka, 0, topic, &metadata, METADATA_MS);
    rd_kafka_topic_destroy(topic);
    if (failure)
        return error_set(ret_error, ERROR_UNAVAILABLE, "no answer of the brokers %s: %s", brokers,
                         rd_kafka_err2str(failure));
    bool is_there = metadata->topic_cnt == 1;
    rd_kafka_resp_err_t of_topic = is_there ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN;
    int partitions = is_there ? metadata->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(metadata);
    if (of_topic == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || (!of_topic && partitions == 0))
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "%s: there is no topic %s (make it first, with the partitions it needs)",
                         brokers, name);
    if (of_topic)
        return error_set(ret_error, ERROR_UNAVAILABLE, "%s: topic %s: %s", brokers, name,
                         rd_kafka_err2str(of_topic));
    *ret_partitions = partitions;
    return 0;
}

int kafka_check_topics(rd_kafka_t *kafka, const char *brokers, const char *const *topics,
                       size_t count, struct error *ret_error) {
    int partitions, r = 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = kafka_check_topic(kafka, brokers, topics[i], &partitions, ret_error);
    return r;
}
