/* The headers are all that a program needs, and strict C99 and C++11 take them: compiled, linked and run
 * as both by test_header.sh, with WITH_ANALYST and without. */
#ifdef WITH_ANALYST
#include <harrier_analyst.h>
#else
#include <harrier.h>
#endif

#include <stdio.h>
#include <string.h>

static void on_answer(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    (void)error;
    (void)user;
    harrier_reply_free(reply);
}

int main(void) {
    struct harrier_options options;
    struct harrier_transaction transaction;
    struct harrier_error error;
    struct harrier_client *client = NULL;
    struct harrier_attribute attribute = harrier_integer("items", 3);
    memset(&options, 0, sizeof options);
    memset(&transaction, 0, sizeof transaction);
    transaction.id = "t-1";
    transaction.attributes = &attribute;
    transaction.attribute_count = 1;
    if (harrier_client_new(&options, &client, &error) != -HARRIER_ERROR_INVALID ||
        strcmp(error.field, "addresses") != 0)
        return 1;
    options.address = "ipc:///nowhere";
    options.deadline_us = 1000;
    if (harrier_client_new(&options, &client, &error) != 0)
        return 2;
    if (harrier_score_submit(client, &transaction, 1, NULL, on_answer, NULL, &error) != 0)
        return 3;
#ifdef WITH_ANALYST
    struct harrier_reply *reply;
    struct harrier_call_options at_once;
    memset(&at_once, 0, sizeof at_once);
    at_once.deadline_us = 1;
    if (harrier_status(client, false, &at_once, &reply, &error) >= 0)
        return 4;
#endif
    harrier_drain(client);
    harrier_client_free(client);
    puts(harrier_version());
    return strcmp(harrier_version(), HARRIER_VERSION_STRING) != 0;
}
