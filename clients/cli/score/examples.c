/* One decision per verdict is kept, as finished text: replies are freed long before the end of
 * the run. The decision with the most reasons shows best what the policy does. */
#include "examples.h"

#include "clients/cli/io/money.h"
#include "core/base/value.h"

#include <inttypes.h>
#include <string.h>

/* Lines are cut at EXAMPLE_TEXT_MAX, which only very long names reach. */
static void write_head(struct example *example, const struct harrier_transaction *transaction,
                       const struct harrier_decision *decision, enum truth truth) {
    static const char *const truths[] = {[TRUTH_UNKNOWN] = "",
                                         [TRUTH_FRAUD] = ", actual: fraud",
                                         [TRUTH_HONEST] = ", actual: honest"};
    char when[40], money[MONEY_SIZE], amount[MONEY_SIZE + 8] = "no money";
    value_format(value_timestamp(transaction->event_time_us), when, sizeof when);
    if (transaction->currency && transaction->currency[0])
        snprintf(amount, sizeof amount, "%s %.3s",
                 money_format(transaction->amount_minor, text_of(transaction->currency), money),
                 transaction->currency);
    snprintf(example->head, sizeof example->head, "%s, score %" PRIu32 ": %s at %.19s%s",
             harrier_verdict_name(decision->verdict), decision->score, amount, when, truths[truth]);
}

/* The number is what the rule added to the score, after its group's cap. */
static void write_reason(char line[EXAMPLE_TEXT_MAX], const struct harrier_reason *reason) {
    char share[40] = "";
    if (reason->shadow)
        snprintf(share, sizeof share, "shadow");
    else if (reason->suppressed)
        snprintf(share, sizeof share, "again"); /* suppressed: it fired lately */
    else if (reason->verdict != HARRIER_VERDICT_NONE && reason->score == 0)
        snprintf(share, sizeof share, "%s", harrier_verdict_name(reason->verdict));
    else
        snprintf(share, sizeof share, "%+" PRId32, reason->score - reason->capped);
    snprintf(line, EXAMPLE_TEXT_MAX, "%8s  %s: %s", share, reason->rule, reason->text);
}

void examples_add(struct examples *examples, const struct harrier_transaction *transaction,
                  const struct harrier_decision *decision, enum truth truth) {
    if ((size_t)decision->verdict > HARRIER_VERDICT_DECLINE)
        return;
    struct example *example = &examples->of[decision->verdict];
    if (example->taken && decision->reason_count <= example->reason_count)
        return;
    memset(example, 0, sizeof *example);
    example->taken = true;
    example->reason_count = decision->reason_count;
    write_head(example, transaction, decision, truth);
    for (size_t i = 0; i < decision->reason_count && i < EXAMPLE_REASONS_MAX; i++)
        write_reason(example->reasons[i], &decision->reasons[i]);
}

void examples_print(const struct examples *examples, size_t most, FILE *to) {
    for (int verdict = HARRIER_VERDICT_DECLINE; verdict >= HARRIER_VERDICT_APPROVE && most > 0;
         verdict--) {
        const struct example *example = &examples->of[verdict];
        if (!example->taken)
            continue;
        most--;
        fprintf(to, "\n%s\n", example->head);
        for (size_t i = 0; i < EXAMPLE_REASONS_MAX && example->reasons[i][0]; i++)
            fprintf(to, "%s\n", example->reasons[i]);
        if (example->reason_count > EXAMPLE_REASONS_MAX)
            fprintf(to, "          and %zu more\n", example->reason_count - EXAMPLE_REASONS_MAX);
    }
}
