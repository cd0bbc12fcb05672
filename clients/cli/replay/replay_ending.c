/* What every replay prints comes first, then the figures or, for an audit, what it found, and the
 * speed. With --quiet nothing of this is called. */
#include "replay_ending.h"

#include "batch/chunk/replay_history.h"
#include "batch/replay/replay.h"
#include "clients/cli/terminal/quantity.h"
#include "replay_summary.h"

#include <inttypes.h>
#include <math.h>

/* Two columns. */
static void print_count(FILE *to, const char *what, uint64_t count) {
    char number[QUANTITY_COUNT_SIZE];
    fprintf(to, "%-14s%14s\n", what, quantity_format_count(count, number));
}

/* Of one kind: "refund 12 (34.50 EUR)". */
static void print_amendment(FILE *to, const struct replay_document *document,
                            enum amendment_kind kind, const char *before) {
    const struct amendment_tally *tally = &document->replay->amendments;
    char number[QUANTITY_COUNT_SIZE];
    fprintf(to, "%s%s %s", before, amendment_kind_name(kind),
            quantity_format_count(tally->counts[kind], number));
    if (document->policy) {
        const struct schema *schema = &document->policy->schema;
        fprintf(to, " (%.*f %s)", (int)schema->base_digits,
                (double)tally->amounts[kind] / pow(10, schema->base_digits), schema->base_currency);
    }
}

/* The kinds that there are; no line without any. */
static void print_amendments(FILE *to, const struct replay_document *document) {
    const struct amendment_tally *tally = &document->replay->amendments;
    uint64_t all = 0;
    const char *before = "  ";
    for (int kind = AMENDMENT_VOID; kind < AMENDMENT_KIND_COUNT; kind++)
        all += tally->counts[kind];
    if (all == 0)
        return;
    char number[QUANTITY_COUNT_SIZE];
    fprintf(to, "%-14s%14s", "amendments", quantity_format_count(all, number));
    for (int kind = AMENDMENT_VOID; kind < AMENDMENT_KIND_COUNT; kind++)
        if (tally->counts[kind] > 0) {
            print_amendment(to, document, (enum amendment_kind)kind, before);
            before = ", ";
        }
    fputc('\n', to);
}

/* Counts of what was read and decided, whether or not there is a report. */
static void print_counts(FILE *to, const struct replay_document *document,
                         const struct replay_rows *rows) {
    const struct replay_report *report = document->replay;
    print_count(to, "transactions", rows->reported);
    print_count(to, "outcomes", report->outcomes);
    print_amendments(to, document);
    print_count(to, "policies", report->snapshots);
    print_count(to, "generations", report->generations);
    if (rows->refused > 0)
        print_count(to, "refused", rows->refused);
}

/* The time of the scan and of the decisions; opening the archive is in neither. */
static void print_seconds(FILE *to, const struct replay_report *report) {
    char number[QUANTITY_COUNT_SIZE];
    double seconds = report->replay_seconds > 0 ? report->replay_seconds : 1e-9;
    fprintf(to, "\nseconds       scan %.2f, replay %.2f (%s transactions/s)\n",
            report->scan_seconds, report->replay_seconds,
            quantity_format_count((uint64_t)((double)report->transactions / seconds), number));
}

#define OUTSIDE_LISTED 5 /* changes of the definition */

/* What an audit cannot derive again, by whom it was decided. */
static void print_outside(FILE *to, const struct replay *replay, const struct replay_rows *rows) {
    const struct replay_definition *other;
    char number[QUANTITY_COUNT_SIZE];
    size_t index = 0;
    if (rows->outside == 0)
        return;
    fprintf(to,
            "%s decision%s outside this audit, made by another definition of the engine than this "
            "one (%u):",
            quantity_format_count(rows->outside, number), rows->outside == 1 ? " is" : "s are",
            ENGINE_DEFINITION);
    if (replay_other_definition(replay, 0))
        fputs(" definition 1 from the first record on;", to);
    while (index < OUTSIDE_LISTED && (other = replay_next_definition(replay, &index)))
        fprintf(to, " definition %" PRIu32 " by version %s from position %" PRIu64 " on;",
                other->definition, other->version, other->position);
    fputs(" `harrier inspect --type engine` lists all. To audit them, run `harrier replay "
          "--recorded` of that version.\n",
          to);
}

/* Differences found by another version than the one that decided may be intended: that is said
 * with them. */
static void print_audit(FILE *to, const struct replay *replay, const struct replay_rows *rows,
                        const struct replay_report *report) {
    uint64_t found = rows->different + rows->refused + report->contradictions;
    char number[QUANTITY_COUNT_SIZE];
    fputc('\n', to);
    if (rows->erased > 0)
        fprintf(to,
                "%s decisions cannot be derived again: an erasure has removed values from their "
                "records, or from what they were based on.\n",
                quantity_format_count(rows->erased, number));
    if (found > 0)
        fprintf(to, "%s difference%s.\n", quantity_format_count(found, number),
                found == 1 ? "" : "s");
    else if (rows->outside == 0)
        fprintf(to, "Every %sdecision equals the archived one.\n",
                rows->erased > 0 ? "other " : "");
    else if (rows->outside == rows->reported)
        fprintf(to, "No decision was compared.\n");
    else
        fprintf(to, "Every decision that was compared (%s) equals the archived one.\n",
                quantity_format_count(rows->reported - rows->outside - rows->erased, number));
    print_outside(to, replay, rows);
    if (found > 0 && report->foreign_versions > 0)
        fprintf(
            to,
            "Some decisions were made by another version than this one (" HARRIER_VERSION
            "); `harrier inspect --type engine` shows which versions, and from which position.\n");
}

/* The text of replay_summary.c. */
static void print_figures(FILE *to, const struct replay_document *document) {
    struct buffer text;
    buffer_init(&text);
    replay_summary_format(document, &text);
    fwrite(text.bytes, 1, text.length, to);
    buffer_deinit(&text);
}

void replay_ending_print(const struct replay_document *document, const struct replay *replay,
                         const struct replay_rows *rows, FILE *to) {
    const struct replay_report *report = document->replay;
    print_counts(to, document, rows);
    if (document->figures && !document->command->recorded)
        print_figures(to, document);
    print_seconds(to, report);
    if (document->command->recorded)
        print_audit(to, replay, rows, report);
}
