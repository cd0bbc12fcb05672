/* Labels are 15 characters wide. Lines whose count is zero are left out unless every run has
 * them. Percentiles are of one run and one client: they are no benchmark. */
#include "score_summary.h"

#include "clients/cli/terminal/quantity.h"

#include <inttypes.h>

/* A name, three percentiles and the maximum; nothing was measured: no line. */
static void print_latency(const char *name, const struct histogram *histogram, FILE *to) {
    static const struct {
        const char *name;
        double share;
    } percentiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}};
    char text[QUANTITY_DURATION_SIZE];
    if (histogram->count == 0)
        return;
    fprintf(to, "%-15s", name);
    for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++)
        fprintf(
            to, " %s %s,", percentiles[i].name,
            quantity_format_duration(histogram_percentile(histogram, percentiles[i].share), text));
    fprintf(to, " max %s\n", quantity_format_duration(histogram->max, text));
}

/* Label and number, as in all lines. */
static void print_count(const char *name, uint64_t count, FILE *to) {
    char number[QUANTITY_COUNT_SIZE];
    fprintf(to, "%-15s %s\n", name, quantity_format_count(count, number));
}

/* Duplicates after a retry are expected; others mean that the file was scored before. */
static void print_duplicates(const struct scoring_counts *counts, FILE *to) {
    char number[QUANTITY_COUNT_SIZE];
    fprintf(to, "%-15s %s", "duplicates", quantity_format_count(counts->duplicates, number));
    if (counts->duplicates_of_retries)
        fprintf(to, " (%s after a retry)",
                quantity_format_count(counts->duplicates_of_retries, number));
    fputc('\n', to);
}

/* All four, also those at zero. */
static void print_verdicts(const struct scoring_counts *counts, FILE *to) {
    char number[QUANTITY_COUNT_SIZE];
    int printed = 0;
    fprintf(to, "%-15s", "verdicts");
    for (int verdict = HARRIER_VERDICT_APPROVE; verdict <= HARRIER_VERDICT_DECLINE; verdict++)
        printed += fprintf(to, "%s %s %s", printed ? "," : "",
                           harrier_verdict_name((enum harrier_verdict)verdict),
                           quantity_format_count(counts->verdicts[verdict], number));
    fputc('\n', to);
}

/* `all` is not zero. */
static void print_share(const char *name, uint64_t part, uint64_t all, const char *of,
                        uint64_t declined, FILE *to) {
    char number[QUANTITY_COUNT_SIZE], total[QUANTITY_COUNT_SIZE], stopped[QUANTITY_COUNT_SIZE];
    fprintf(to, "%-15s %s of %s %s (%.2f %%), %s of them declined\n", name,
            quantity_format_count(part, number), quantity_format_count(all, total), of,
            100.0 * (double)part / (double)all, quantity_format_count(declined, stopped));
}

/* Flagged is review or more severe. */
static void print_detection(const struct detection *detection, FILE *to) {
    if (detection->frauds)
        print_share("caught", detection->frauds_flagged, detection->frauds, "frauds",
                    detection->frauds_declined, to);
    if (detection->honest)
        print_share("false alarms", detection->honest_flagged, detection->honest, "honest",
                    detection->honest_declined, to);
}

/* Duplicates count: they were answered, too. */
static void print_speed(const struct scoring_counts *counts, FILE *to) {
    char number[QUANTITY_COUNT_SIZE], period[QUANTITY_DURATION_SIZE];
    double seconds = counts->seconds > 0 ? counts->seconds : 1e-6;
    uint64_t answered = counts->scored + counts->duplicates;
    fprintf(to, "%-15s %s, %s transactions/s\n", "time",
            quantity_format_duration((uint64_t)(seconds * 1e6), period),
            quantity_format_count((uint64_t)((double)answered / seconds), number));
}

/* Accepted ones, and those that said something new. */
static void print_reports(const char *name, uint64_t accepted, uint64_t changed, FILE *to) {
    char number[QUANTITY_COUNT_SIZE], fresh[QUANTITY_COUNT_SIZE];
    if (accepted)
        fprintf(to, "%-15s %s reported, %s of them new\n", name,
                quantity_format_count(accepted, number), quantity_format_count(changed, fresh));
}

static void print_untimed(const char *name, uint64_t count, FILE *to) {
    char number[QUANTITY_COUNT_SIZE];
    if (count)
        fprintf(to, "%-15s %s reported right after their message\n", name,
                quantity_format_count(count, number));
}

static void print_waiting(const struct scoring_counts *counts, FILE *to) {
    char outcomes[QUANTITY_COUNT_SIZE], amendments[QUANTITY_COUNT_SIZE];
    if (!counts->outcomes_waiting && !counts->amendments_waiting)
        return;
    fprintf(to, "%-15s ", "not yet due");
    if (counts->outcomes_waiting)
        fprintf(to, "%s outcome%s", quantity_format_count(counts->outcomes_waiting, outcomes),
                counts->outcomes_waiting == 1 ? "" : "s");
    if (counts->amendments_waiting)
        fprintf(to, "%s%s amendment%s", counts->outcomes_waiting ? ", " : "",
                quantity_format_count(counts->amendments_waiting, amendments),
                counts->amendments_waiting == 1 ? "" : "s");
    fprintf(to, " left out; --outcomes-of FILE reports them with a later file\n");
}

void score_summary_print(const struct scoring_counts *counts, const struct scoring_options *options,
                         const char *file, FILE *to) {
    char number[QUANTITY_COUNT_SIZE];
    fprintf(to, "%-15s %s of %s\n", "rows", quantity_format_count(counts->rows, number), file);
    print_count(options->dry_run ? "scored (dry)" : "scored", counts->scored, to);
    print_duplicates(counts, to);
    print_count("failed", counts->failed, to);
    if (counts->unsent)
        print_count("not sent", counts->unsent, to);
    if (counts->degraded)
        print_count("degraded", counts->degraded, to);
    print_verdicts(counts, to);
    print_detection(&counts->detection, to);
    print_reports("outcomes", counts->outcomes, counts->outcomes_changed, to);
    print_reports("amendments", counts->amendments, counts->amendments_changed, to);
    print_untimed("no outcome_time", counts->outcomes_untimed, to);
    print_untimed("no amendment_time", counts->amendments_untimed, to);
    print_waiting(counts, to);
    print_speed(counts, to);
    print_latency("server latency", &counts->server_us, to);
    print_latency("round trip", &counts->round_trip_us, to);
}
