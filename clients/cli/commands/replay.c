/* harrier replay: the command line of batch/replay/replay.h and batch/report/report.h.
 *
 *   parse     replay_options.h
 *   open      the replay, then the files that are asked for, as drafts
 *   resume    what an interrupted run left, if there is any: replay_checkpoint.h
 *   take      rows in the replay's workers: figures, differences, rows of a training set
 *   row       the same in order: what was prepared is printed and written
 *   leave     interrupted: what there is so far, for --resume
 *   finish    files appear; the summary is printed */
#include "batch/replay/replay.h"
#include "batch/erase/erase_since.h"
#include "batch/export/export_attributes_scan.h"
#include "batch/report/report.h"
#include "clients/cli/io/beginning.h"
#include "clients/cli/io/decimal.h"
#include "clients/cli/io/draft_file.h"
#include "clients/cli/replay/replay_checkpoint.h"
#include "clients/cli/replay/replay_document.h"
#include "clients/cli/replay/replay_ending.h"
#include "clients/cli/replay/replay_json.h"
#include "clients/cli/replay/replay_options.h"
#include "clients/cli/replay/report_page.h"
#include "clients/cli/replay/training_set.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/folders.h"
#include "clients/cli/terminal/interrupt.h"
#include "clients/cli/terminal/progress_bar.h"
#include "clients/cli/terminal/quantity.h"
#include "command.h"
#include "core/base/buffer.h"
#include "core/engine/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One run of the command. The workers read it through take_row(); everything that changes while
 * they run belongs to the thread that calls write_row(). */
struct session {
    struct replay_command command;
    struct progress_bar progress; /* cleared before anything is printed */
    struct replay *replay;
    struct erase_since since;            /* of an audit */
    struct report *report;               /* NULL: no figures are wanted */
    struct export_attributes attributes; /* with --with-fields */
    struct training_set *training_set;   /* NULL: none is */
    struct draft_file json, html;        /* .file NULL: not wanted */
    struct replay_document document;
    FILE *to; /* where differences and the summary go */
    struct replay_rows rows;
    struct buffer remarks; /* lines that were printed about rows */

    /* With --resume. */
    struct replay_checkpoint checkpoint; /* of the run before */
    FILE *held;                          /* its file; NULL: this is the first run */
    struct draft_file resume;            /* of this run, should it be interrupted */
    bool is_left;                        /* that has been written */
};

/* ---- rows, in the workers ----
 *
 * What a worker prepares for row(): the report's mark, if there is a report; then what is to be
 * printed, preceded by its length; then the row of the training set. */

/* An audit compares what engines of one definition decided. */
static bool is_outside(const struct session *session, const struct replay_row *row) {
    return session->command.recorded &&
           replay_other_definition(session->replay, row->record->position) != 0;
}

/* An audit cannot derive a decision again from what an erasure has left. */
static bool is_erased(const struct session *session, const struct replay_row *row) {
    return session->command.recorded && row->record->transaction.transaction.erased != NULL;
}

/* In place of a remark: it differs, but it was based on what an erasure has removed. */
static const char ERASED_SINCE[1] = "";

/* Was it based on a text of first or last that an erasure has removed? */
static bool reads_erased(const struct replay_row *row) {
    const struct snapshot *rules = engine_rules(row->engine);
    const struct value *frame = engine_frame(row->engine);
    for (size_t slot = rules->first_feature; slot < rules->first_computed; slot++)
        if (frame[slot].type == VALUE_TEXT && text_is(frame[slot].text, ERASED_SHOWN))
            return true;
    return false;
}

/* Why it was refused, or what differs from the archive; nothing when all is well. */
static void append_remark(const struct session *session, const struct replay_row *row,
                          struct buffer *prepared) {
    const struct decision *archived = &row->record->transaction.decision;
    if (is_outside(session, row) || is_erased(session, row))
        return;
    if (!row->decision) {
        buffer_printf(prepared, "refused: %" TEXT_FORMAT "%s%s", TEXT_ARGS(row->refused_field),
                      row->refused_field.length ? ": " : "", row->refusal->text);
    } else if (session->command.recorded) {
        unsigned differences = audit_compare(archived, row->decision);
        if (differences != 0 &&
            (reads_erased(row) || erase_since_concerns(&session->since, row->record->position,
                                                       &row->record->transaction.transaction)))
            buffer_append(prepared, ERASED_SINCE, sizeof ERASED_SINCE);
        else if (differences != 0)
            audit_describe(archived, row->decision, differences, prepared);
    }
}

/* Before the range: only the report wants to know, which cards had fraud. */
static bool is_history(const struct session *session, const struct replay_row *row) {
    return row->record->transaction.transaction.event_time_us < session->command.from_us;
}

/* In any worker, in any order; writes only to `prepared`. */
static int take_row(void *user, size_t worker, const struct replay_row *row,
                    struct buffer *prepared, struct error *ret_error) {
    const struct session *session = user;
    if (session->report) {
        int r = report_take(session->report, worker, row, prepared, ret_error);
        if (r < 0)
            return r;
    }
    if (is_history(session, row))
        return 0;
    size_t length_at = prepared->length;
    buffer_append_u32(prepared, 0);
    append_remark(session, row, prepared);
    store_u32(prepared->bytes + length_at, (uint32_t)(prepared->length - length_at - 4));
    if (session->training_set && row->decision)
        training_set_format(session->training_set, row->decision,
                            &row->record->transaction.transaction, row->outcome, prepared);
    return 0;
}

/* ---- rows, in order ---- */

/* Prints what there is from `begin` on. */
static void print_remarks(struct session *session, size_t begin) {
    if (session->remarks.length == begin)
        return;
    progress_bar_clear(&session->progress);
    fwrite(session->remarks.bytes + begin, 1, session->remarks.length - begin, session->to);
    if (!session->command.resume) /* no later run will ask for it */
        buffer_clear(&session->remarks);
}

/* Counts every difference and refusal but prints only the first ones (--list). */
static void report(struct session *session, const struct replay_row *row, struct text remark) {
    uint64_t *count = row->decision ? &session->rows.different : &session->rows.refused;
    size_t begin = session->remarks.length;
    if ((*count)++ >= replay_command_reported(&session->command))
        return;
    buffer_printf(&session->remarks, "position %" PRIu64 "  %" TEXT_FORMAT ": %" TEXT_FORMAT "\n",
                  row->record->position, TEXT_ARGS(row->record->transaction.transaction.id),
                  TEXT_ARGS(remark));
    print_remarks(session, begin);
}

/* One thread, in the order of the archive. Reads back what take_row() prepared, in the order in
 * which it was appended. */
static int write_row(void *user, const struct replay_row *row, struct error *ret_error) {
    struct session *session = user;
    struct cursor cursor = cursor_of(row->prepared.data, row->prepared.length);
    if (session->report)
        report_row(session->report, row, cursor_text(&cursor, REPORT_MARK_BYTES));
    if (is_history(session, row))
        return 0;
    session->rows.reported++;
    session->rows.outside += is_outside(session, row);
    session->rows.erased += is_erased(session, row);
    struct text length = cursor_text(&cursor, 4);
    struct text remark =
        cursor_text(&cursor, length.data ? load_u32((const uint8_t *)length.data) : 0);
    bool is_since = remark.length == sizeof ERASED_SINCE && remark.data[0] == *ERASED_SINCE;
    session->rows.erased += is_since;
    if (remark.length > 0 && !is_since)
        report(session, row, remark);
    if (!session->training_set || !row->decision)
        return 0;
    return training_set_write(session->training_set, cursor_text(&cursor, cursor_left(&cursor)),
                              ret_error);
}

/* What the archive says against itself; only an audit (--recorded) is asked about that. */
static void take_contradiction(void *user, uint64_t position, const char *what) {
    struct session *session = user;
    size_t begin = session->remarks.length;
    if (!session->command.recorded)
        return;
    buffer_printf(&session->remarks, "position %" PRIu64 ": %s\n", position, what);
    print_remarks(session, begin);
}

/* ---- opening ---- */

/* Where the tables are: beside the archive, in the data folder. */
static int find_generations(const struct replay_command *command, const char *archive,
                            char **ret_folder, struct error *ret_error) {
    struct stat status;
    bool is_data = strcmp(archive, command->archive) != 0;
    char *folder =
        folder_in(command->archive, is_data ? FOLDER_GENERATIONS : "../" FOLDER_GENERATIONS);
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode)) {
        error_set(ret_error, ERROR_NOT_FOUND,
                  "--warm-up generations: there is no folder %s (name the server's data folder)",
                  folder);
        free(folder);
        return -ERROR_NOT_FOUND;
    }
    *ret_folder = folder;
    return 0;
}

/* Reasons have their texts from the start where all of them are wanted, and where nobody could
 * write them later: those of a second policy. */
static bool needs_texts(const struct replay_command *command) {
    return command->recorded || command->features || command->against;
}

/* Where an interrupted run of this replay left off, if there was one. */
static int open_checkpoint(struct session *session, const char *archive, struct error *ret_error) {
    const char *path = session->command.resume;
    int r = replay_checkpoint_read(path, &session->checkpoint, &session->held, ret_error);
    if (r != 1)
        return r;
    r = replay_checkpoint_check_archive(&session->checkpoint, archive, ret_error);
    return r == -ERROR_INVALID ? error_prefix(ret_error, "--resume %s", path) : r;
}

/* Interrupted, but FILE already has everything. */
static int leave_as_it_was(const struct session *session, struct error *ret_error) {
    if (!session->held)
        return error_set(ret_error, ERROR_INTERRUPTED,
                         "interrupted before the first decision: there is nothing to resume from");
    return error_set(
        ret_error, ERROR_INTERRUPTED,
        "interrupted again before anything new was decided: the same command still resumes from %s",
        session->command.resume);
}

/* The options of the batch replay follow from the command; the switches at the end only avoid
 * work whose result nobody would read. */
static int open_replay(struct session *session, struct error *ret_error) {
    const struct replay_command *command = &session->command;
    char *archive = folder_of_archive(command->archive), *generations = NULL;
    beginning_note(command->archive, command->quiet);
    int r = command->resume ? open_checkpoint(session, archive, ret_error) : 0;
    if (r == 0 && command->from_generations)
        r = find_generations(command, archive, &generations, ret_error);
    const struct replay_options options = {
        .archive = archive,
        .policy = command->policy,
        .against = command->against,
        .threads = (size_t)command->threads,
        .until = session->checkpoint.until,
        .from_us = replay_command_first_us(command),
        .to_us = command->to_us,
        .generations = generations,
        .clock = command->known_now ? REPLAY_KNOWN_NOW : REPLAY_KNOWN_THEN,
        .counterfactual = command->counterfactual,
        .walk_forward = command->walk_forward,
        .features = command->features != NULL,
        .shadows = command->recorded,
        .texts = needs_texts(command),
        .hashes = command->recorded,
        .outcomes = command->features || replay_command_reports(command),
        .brief = !command->recorded && !command->features && !replay_command_reports(command),
    };
    if (r == 0)
        r = replay_open(&options, &session->progress.progress, &session->replay, ret_error);
    if (r == 0 && command->recorded)
        r = erase_since_load(archive, &session->since, ret_error);
    free(archive);
    free(generations);
    if (r == -ERROR_INTERRUPTED && command->resume)
        return leave_as_it_was(session, ret_error);
    return r;
}

/* Entities are few: no index. */
static bool has_entity(const struct snapshot *policy, const char *name) {
    for (size_t i = 0; i < policy->plan.entity_count; i++)
        if (text_is(policy->plan.entities[i].name, name))
            return true;
    return false;
}

/* Names the entities there are: a wrong --card would otherwise show as a report without card
 * precision. */
static int check_card(const struct replay_command *command, const struct snapshot *policy,
                      struct error *ret_error) {
    char names[512] = "";
    size_t length = 0;
    if (!command->card || has_entity(policy, command->card))
        return 0;
    for (size_t i = 0; i < policy->plan.entity_count && length < sizeof names; i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%" TEXT_FORMAT,
                                   i ? ", " : "", TEXT_ARGS(policy->plan.entities[i].name));
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "--card: policy %" TEXT_FORMAT " has no entity \"%s\" (it has %s)",
                     TEXT_ARGS(policy->name), command->card, *names ? names : "none");
}

/* Only now can the price be read: how many decimals it may have is the policy's currency's
 * business. */
static int parse_price(const struct replay_command *command, const struct snapshot *policy,
                       int64_t *ret_minor, struct error *ret_error) {
    int r = decimal_parse(text_of(command->review_price), policy->schema.base_digits, ret_minor,
                          ret_error);
    if (r < 0)
        return error_prefix(ret_error, "--review-price in %s", policy->schema.base_currency);
    if (*ret_minor < 0 || *ret_minor > TRANSACTION_AMOUNT_MINOR_MAX)
        return error_set(ret_error, ERROR_INVALID, "--review-price: \"%s\" is not a price",
                         command->review_price);
    return 0;
}

/* The policy may be missing (an archive without one); the report then has counts and no money. */
static int open_report(struct session *session, struct error *ret_error) {
    const struct replay_command *command = &session->command;
    struct replay_document *document = &session->document;
    *document = (struct replay_document){
        .command = command,
        .policy = replay_last_policy(session->replay),
        .against = replay_against(session->replay),
    };
    document->has_span =
        replay_span(session->replay, &document->archive_first_us, &document->archive_newest_us);
    if (document->policy) {
        int r = check_card(command, document->policy, ret_error);
        if (r == 0)
            r = parse_price(command, document->policy, &document->review_price_minor, ret_error);
        if (r < 0)
            return r;
    }
    if (!replay_command_reports(command))
        return 0;
    struct report_options options = {
        .card = command->card,
        .k = command->k,
        .blocked_after_days = command->blocked_after_days,
        .history_until_us = command->from_us,
        .immature_from_us = INT64_MAX,
        .listed = (size_t)replay_command_kept(command),
        .texts = needs_texts(command),
    };
    if (command->outcomes_after_us >= 0)
        options.immature_from_us = document->archive_newest_us - command->outcomes_after_us;
    session->report = report_new(&options, session->replay);
    return 0;
}

/* Up to where the replay ends, so that a run that is resumed finds the same ones. */
static int find_attributes(struct session *session, struct error *ret_error) {
    const struct replay_command *command = &session->command;
    char *archive = folder_of_archive(command->archive);
    const struct export_attributes_range range = {.archive = archive,
                                                  .from_us = command->from_us,
                                                  .to_us = command->to_us,
                                                  .until = replay_until(session->replay)};
    int r = export_attributes_scan(&range, &session->progress.progress, &session->attributes,
                                   ret_error);
    free(archive);
    return r == -ERROR_INTERRUPTED && command->resume ? leave_as_it_was(session, ret_error) : r;
}

/* From a checkpoint the file is continued behind its mark; otherwise it is begun, and followed if
 * it may have to be continued later. */
static int open_training_set(struct session *session, struct error *ret_error) {
    const struct replay_command *command = &session->command;
    const struct export_attributes *attributes = command->with_fields ? &session->attributes : NULL;
    int r = attributes ? find_attributes(session, ret_error) : 0;
    if (r < 0)
        return r;
    if (session->held) {
        r = training_set_reopen(command->features, session->replay, attributes,
                                &session->checkpoint.training_set, &session->training_set,
                                ret_error);
        return r < 0 ? error_prefix(ret_error, "%s cannot be resumed from", command->resume) : 0;
    }
    r = training_set_open(command->features, session->replay, attributes, &session->training_set,
                          ret_error);
    if (r == 0 && command->resume)
        r = training_set_follow(session->training_set, ret_error);
    return r == -ERROR_UNSUPPORTED ? error_prefix(ret_error, "--resume") : r;
}

/* The checkpoint of this run is begun as a draft, so that FILE keeps the earlier one until it is
 * complete. */
static int open_resume(struct session *session, struct error *ret_error) {
    int r = draft_file_open(&session->resume, session->command.resume, ret_error);
    if (r == 0 && !session->resume.draft)
        r = error_set(ret_error, ERROR_INVALID, "--resume %s: not a regular file",
                      session->command.resume);
    return r;
}

/* All files are opened before the replay begins: an hour of work must not end at a folder that
 * does not exist. */
static int open_files(struct session *session, struct error *ret_error) {
    const struct replay_command *command = &session->command;
    int r = 0;
    if (command->resume)
        r = open_resume(session, ret_error);
    if (r == 0 && command->json)
        r = draft_file_open(&session->json, command->json, ret_error);
    if (r == 0 && command->html)
        r = draft_file_open(&session->html, command->html, ret_error);
    if (r == 0 && command->features)
        r = open_training_set(session, ret_error);
    return r;
}

/* ---- going on, and leaving off ---- */

/* Before any file is touched: is it this replay, and what had it come to? */
static int resume(struct session *session, struct error *ret_error) {
    const struct replay_checkpoint *checkpoint = &session->checkpoint;
    const char *path = session->command.resume;
    struct buffer identity;
    buffer_init(&identity);
    replay_identity(&session->command, session->replay, &identity);
    int r = replay_checkpoint_check(checkpoint, &identity, ret_error);
    buffer_deinit(&identity);
    if (r < 0)
        return error_prefix(ret_error, r == -ERROR_INVALID ? "--resume %s" : "%s", path);
    const struct text figures = {(const char *)checkpoint->figures.bytes,
                                 checkpoint->figures.length};
    if (session->command.features && !checkpoint->training_set.draft)
        r = error_set(ret_error, ERROR_DAMAGED, "it is damaged");
    if (r == 0 && session->report)
        r = report_decode(session->report, session->replay, figures, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", path);
    replay_resume(session->replay, &checkpoint->report);
    session->rows.reported = checkpoint->reported;
    session->rows.different = checkpoint->different;
    session->rows.refused = checkpoint->refused;
    session->rows.outside = checkpoint->outside;
    session->rows.erased = checkpoint->erased;
    return 0;
}

/* A resumed run prints everything again, so that its output is that of a run without
 * interruption. */
static void print_earlier_remarks(struct session *session) {
    const struct buffer *remarks = &session->checkpoint.remarks;
    buffer_append(&session->remarks, remarks->bytes, remarks->length);
    print_remarks(session, 0);
}

/* Counts, remarks, the mark in the training set and the report's sums are all of the same record.
 */
static int write_checkpoint(struct session *session, const struct replay_report *report,
                            struct error *ret_error) {
    struct replay_checkpoint checkpoint;
    int r = 0;
    replay_checkpoint_init(&checkpoint);
    checkpoint.until = replay_until(session->replay);
    checkpoint.report = *report;
    checkpoint.reported = session->rows.reported;
    checkpoint.different = session->rows.different;
    checkpoint.refused = session->rows.refused;
    checkpoint.outside = session->rows.outside;
    checkpoint.erased = session->rows.erased;
    replay_identity(&session->command, session->replay, &checkpoint.identity);
    buffer_append(&checkpoint.remarks, session->remarks.bytes, session->remarks.length);
    if (session->training_set)
        r = training_set_mark(session->training_set, &checkpoint.training_set, ret_error);
    if (session->report)
        report_encode(session->report, &checkpoint.figures);
    if (r == 0) {
        r = replay_checkpoint_write(&checkpoint, &session->resume, ret_error);
        session->is_left = r == 0;
    }
    replay_checkpoint_deinit(&checkpoint);
    return r;
}

/* Of an interrupted run. Always an error: that one, or why it cannot be gone on with. */
static int leave(struct session *session, const struct replay_report *report,
                 struct error *ret_error) {
    const char *path = session->command.resume;
    char done[QUANTITY_COUNT_SIZE];
    if (report->records <= session->checkpoint.report.records)
        return leave_as_it_was(session, ret_error);
    int r = write_checkpoint(session, report, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "interrupted, and this run cannot be resumed");
    return error_set(ret_error, ERROR_INTERRUPTED,
                     "interrupted after %s records: the same command resumes from there, with %s",
                     quantity_format_count(report->records, done), path);
}

/* The files that were wanted are there. */
static int forget_checkpoint(struct session *session, struct error *ret_error) {
    const char *path = session->command.resume;
    if (session->held && unlink(path) != 0 && errno != ENOENT)
        return error_set_errno(ret_error, errno, "all is done, but cannot remove %s", path);
    return 0;
}

/* ---- closing ---- */

/* .file NULL marks the draft as gone, so that close_session() leaves it alone. */
static int publish(struct draft_file *draft, struct error *ret_error) {
    int r = draft_file_publish(draft, ret_error);
    draft->file = NULL;
    return r;
}

/* The page holds the JSON document itself; both files come from one buffer. */
static int write_html(struct draft_file *draft, const struct buffer *json,
                      struct error *ret_error) {
    int r = report_page_write((const char *)json->bytes, json->length, draft->file, ret_error);
    return r < 0 ? error_prefix(ret_error, "%s", draft->path) : 0;
}

/* Flushed but not yet renamed; see publish_files(). */
static int write_json(struct draft_file *draft, const struct buffer *json,
                      struct error *ret_error) {
    if (fwrite(json->bytes, 1, json->length, draft->file) != json->length ||
        fflush(draft->file) != 0)
        return error_set_errno(ret_error, errno, "cannot write %s", draft->path);
    return 0;
}

/* Both files to their last byte, but not yet under their names. */
static int write_report(struct session *session, struct error *ret_error) {
    struct buffer json;
    int r = 0;
    if (!session->json.file && !session->html.file)
        return 0;
    buffer_init(&json);
    replay_json_format(&session->document, &json);
    if (session->html.file)
        r = write_html(&session->html, &json, ret_error);
    if (r == 0 && session->json.file)
        r = write_json(&session->json, &json, ret_error);
    buffer_deinit(&json);
    return r;
}

/* All files appear, or none: what a full disk would stop is done before the first has its name. */
static int publish_files(struct session *session, struct error *ret_error) {
    int r = write_report(session, ret_error);
    if (r == 0 && session->training_set && session->held)
        r = training_set_flush(session->training_set, ret_error);
    if (r == 0 && session->training_set) {
        r = training_set_publish(session->training_set, ret_error);
        session->training_set = NULL;
    }
    if (r == 0 && session->html.file)
        r = publish(&session->html, ret_error);
    if (r == 0 && session->json.file)
        r = publish(&session->json, ret_error);
    return r;
}

/* The process ends: to free millions of states one by one would take longer than that. Volatile, so
 * that the pointer is really there, for those who look for leaks. */
static struct replay *volatile left_behind;

/* Whatever was not published is discarded, except the training set of a run that can be resumed. */
static void close_session(struct session *session) {
    if (session->training_set && (session->is_left || session->held))
        training_set_leave(session->training_set);
    else
        training_set_discard(session->training_set);
    if (session->resume.file)
        draft_file_discard(&session->resume);
    if (session->json.file)
        draft_file_discard(&session->json);
    if (session->html.file)
        draft_file_discard(&session->html);
    report_free(session->report);
    erase_since_deinit(&session->since);
    left_behind = session->replay;
    export_attributes_deinit(&session->attributes);
    replay_checkpoint_deinit(&session->checkpoint);
    buffer_deinit(&session->remarks);
    if (session->held)
        fclose(session->held);
}

/* ---- the run ---- */

/* From opening the report to removing the checkpoint. `held` is set when an earlier run left one.
 */
static int run(struct session *session, struct replay_report *ret_report, struct error *ret_error) {
    const struct replay_listener listener = {
        .take = take_row, .row = write_row, .contradiction = take_contradiction, .user = session};
    int r = open_report(session, ret_error);
    if (r == 0 && session->held)
        r = resume(session, ret_error);
    if (r == 0)
        r = open_files(session, ret_error);
    if (r < 0)
        return r;
    print_earlier_remarks(session);
    r = replay_run(session->replay, &listener, &session->progress.progress, ret_report, ret_error);
    if (r == -ERROR_INTERRUPTED && session->command.resume)
        return leave(session, ret_report, ret_error);
    if (r < 0)
        return r;
    session->document.replay = ret_report;
    if (session->report)
        session->document.figures = report_finish(session->report);
    r = publish_files(session, ret_error);
    return r < 0 ? r : forget_checkpoint(session, ret_error);
}

/* The options are right by themselves, but not with this policy or what is there already. */
static bool is_usage(const struct session *session, const struct error *error) {
    return (session->replay || error->code == ERROR_INVALID) && strncmp(error->text, "--", 2) == 0;
}

/* Decides the status: 64 for options that do not fit this policy, 78 for a policy that cannot be
 * loaded. */
static int fail(const struct session *session, const struct error *error) {
    enum exit_status status = exit_with(error);
    if (is_usage(session, error))
        return EXIT_STATUS_USAGE;
    if (!session->replay && session->command.policy && error->code == ERROR_INVALID)
        return EXIT_STATUS_BAD_POLICY;
    return status;
}

/* Differences, refusals and contradictions give 1, with the full report printed. */
static int finish(const struct session *session, const struct replay_report *report) {
    if (report->lacks_history && !session->command.quiet)
        fprintf(
            stderr,
            "harrier: note: features that the tables for that position were not built for count "
            "only what came after it: decisions may differ for as long as their windows reach "
            "back\n");
    if (!session->command.quiet)
        replay_ending_print(&session->document, session->replay, &session->rows, session->to);
    bool found = session->rows.different + session->rows.refused > 0 ||
                 (session->command.recorded && report->contradictions > 0);
    return found ? EXIT_STATUS_ROWS_FAILED : EXIT_STATUS_OK;
}

int command_replay(int argc, char **argv) {
    struct session session = {0};
    struct replay_report report;
    struct error error;
    replay_command_parse(argc, argv, &session.command);
    replay_checkpoint_init(&session.checkpoint);
    buffer_init(&session.remarks);
    bool to_stdout = replay_command_takes_stdout(&session.command);
    session.to = to_stdout ? stderr : stdout;
    progress_bar_init(&session.progress,
                      progress_style_of(session.command.progress, session.command.quiet, to_stdout),
                      "records");
    session.progress.stop = interrupt_watch();
    int r = open_replay(&session, &error);
    if (r == 0)
        r = run(&session, &report, &error);
    progress_bar_clear(&session.progress);
    int status = r < 0 ? fail(&session, &error) : finish(&session, &report);
    close_session(&session);
    return status;
}
