#include <harrier.h>
#include <stdio.h>

int main(int argc, char **argv) {
    struct harrier_options options = {.address = argc > 1 ? argv[1] : "tcp://127.0.0.1:7731",
                                      .deadline_us = 5000000}; /* a checkout takes less */
    struct harrier_client *client;
    struct harrier_reply *reply;
    struct harrier_error error;
    if (harrier_client_new(&options, &client, &error) < 0)
        return fprintf(stderr, "%s\n", error.message), 1;

    struct harrier_transaction payment = {.id = "order-1042",
                                          .event_time_us = 1767225600000000,
                                          .amount_minor = 4999,
                                          .currency = "EUR",
                                          .card = "tok_9f3a",
                                          .merchant = "m-17"};
    int r = harrier_score(client, &payment, 1, NULL, &reply, &error);
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", harrier_error_name(error.code), error.message);
    } else {
        const struct harrier_result *result = &reply->results[0];
        printf("%s%s\n", result->error_message, harrier_verdict_name(result->decision.verdict));
        harrier_reply_free(reply);
    }
    harrier_client_free(client);
    return r < 0;
}
