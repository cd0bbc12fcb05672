#include "log_address.h"

#include <stdio.h>
#include <string.h>

#define SCHEME   "kafka://"
#define EXPECTED "expected " SCHEME "HOST:PORT,…/TOPIC"

/* As Kafka wants them. */
static int check_topic(const char *topic, struct error *ret_error) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(topic);
    if (length == 0 || length >= sizeof((struct log_address){0}).topic ||
        topic[strspn(topic, allowed)] != '\0' || strcmp(topic, ".") == 0 ||
        strcmp(topic, "..") == 0)
        return error_set(ret_error, ERROR_INVALID,
                         "\"%s\" is no name of a topic; expected 1 to 249 letters, digits, dots, "
                         "dashes and underscores",
                         topic);
    return 0;
}

int log_address_parse(const char *text, struct log_address *ret_address, struct error *ret_error) {
    *ret_address = (struct log_address){0};
    if (*text == '\0')
        return 0;
    if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
        return error_set(ret_error, ERROR_UNSUPPORTED, "log: \"%s\"; " EXPECTED, text);
    const char *brokers = text + strlen(SCHEME);
    const char *slash = strchr(brokers, '/');
    if (!slash || slash == brokers || (size_t)(slash - brokers) >= sizeof ret_address->brokers)
        return error_set(ret_error, ERROR_INVALID, "log: \"%s\"; " EXPECTED, text);
    if (check_topic(slash + 1, ret_error) < 0)
        return error_prefix(ret_error, "log");
    snprintf(ret_address->brokers, sizeof ret_address->brokers, "%.*s", (int)(slash - brokers),
             brokers);
    snprintf(ret_address->topic, sizeof ret_address->topic, "%s", slash + 1);
    return 0;
}
