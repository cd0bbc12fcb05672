/* harrier stream, and import --from, in a build without librdkafka. */
#include "clients/cli/stream/topic_rows.h"
#include "clients/cli/terminal/exit_status.h"

#include <stdio.h>

#define WITHOUT                                                                                    \
    "this build cannot speak to Kafka: build it with librdkafka (Debian: librdkafka-dev)"

int command_stream(int argc, char **argv); /* commands/command.h, which is a higher folder's */

int command_stream(int argc, char **argv) {
    (void)argc, (void)argv;
    fprintf(stderr, "harrier: " WITHOUT "\n");
    return EXIT_STATUS_UNAVAILABLE;
}

int topic_rows_open(const char *url, const char *config, bool is_protobuf, const char *map,
                    struct topic_rows **ret_rows, struct error *ret_error) {
    (void)url, (void)config, (void)is_protobuf, (void)map, (void)ret_rows;
    return error_set(ret_error, ERROR_UNSUPPORTED, WITHOUT);
}

void topic_rows_close(struct topic_rows *rows) {
    (void)rows;
}

int topic_rows_next(struct topic_rows *rows, const volatile int *stop, struct topic_row *ret_row,
                    struct error *ret_error) {
    (void)rows, (void)stop, (void)ret_row, (void)ret_error;
    return 0;
}
