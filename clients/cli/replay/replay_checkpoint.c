/* Bytes first (encode, decode), then the file, then the identity: the list of everything that the
 * result of a replay depends on. A checkpoint is taken only by the same version of the program,
 * for the same archive, policies and options; each difference has a message that names it.
 *
 * The hash at the end finds damage, not malice; lengths are checked all the same, since they
 * decide about memory. */
#include "replay_checkpoint.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/value.h"
#include "core/store/archive/archive_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT     3
#define HASH_BYTES 8
#define FILE_MAX   (INT64_C(1) << 32)

static const char magic[8] = "HARPLAY\x1a";

void replay_checkpoint_init(struct replay_checkpoint *checkpoint) {
    *checkpoint = (struct replay_checkpoint){0};
    buffer_init(&checkpoint->identity);
    buffer_init(&checkpoint->remarks);
    buffer_init(&checkpoint->figures);
}

void replay_checkpoint_deinit(struct replay_checkpoint *checkpoint) {
    buffer_deinit(&checkpoint->identity);
    buffer_deinit(&checkpoint->remarks);
    buffer_deinit(&checkpoint->figures);
    free(checkpoint->training_set.draft);
}

/* ---- bytes ---- */

/* Length and bytes; take_bytes() reads them back. */
static void add_bytes(struct buffer *out, const void *bytes, size_t length) {
    buffer_append_varint(out, length);
    buffer_append(out, bytes, length);
}

/* .data NULL: the cursor has failed. */
static struct text take_bytes(struct cursor *cursor) {
    uint64_t length = cursor_varint(cursor);
    if (length > cursor_left(cursor))
        cursor->failed = true;
    return cursor_text(cursor, cursor->failed ? 0 : (size_t)length);
}

static void take_buffer(struct cursor *cursor, struct buffer *to) {
    struct text bytes = take_bytes(cursor);
    buffer_append(to, bytes.data, bytes.length);
}

/* Durations are stored as integers; a clock that went backwards gives 0. */
static uint64_t microseconds(double seconds) {
    return seconds > 0 ? (uint64_t)(seconds * 1e6) : 0;
}

/* What replay_resume() resumes from. */
static void encode_report(const struct replay_report *report, struct buffer *out) {
    buffer_append_varint(out, report->records);
    buffer_append_varint(out, report->transactions);
    buffer_append_varint(out, report->refused);
    buffer_append_varint(out, report->against_refused);
    for (size_t i = 0; i < VERDICT_COUNT; i++) {
        buffer_append_varint(out, report->verdicts[i]);
        buffer_append_varint(out, report->archived_verdicts[i]);
        buffer_append_varint(out, report->against_verdicts[i]);
    }
    buffer_append_zigzag(out, report->first_us);
    buffer_append_zigzag(out, report->last_us);
    buffer_append_varint(out, microseconds(report->scan_seconds));
    buffer_append_varint(out, microseconds(report->replay_seconds));
}

/* The order of encode_report(). */
static void decode_report(struct cursor *cursor, struct replay_report *report) {
    report->records = cursor_varint(cursor);
    report->transactions = cursor_varint(cursor);
    report->refused = cursor_varint(cursor);
    report->against_refused = cursor_varint(cursor);
    for (size_t i = 0; i < VERDICT_COUNT; i++) {
        report->verdicts[i] = cursor_varint(cursor);
        report->archived_verdicts[i] = cursor_varint(cursor);
        report->against_verdicts[i] = cursor_varint(cursor);
    }
    report->first_us = cursor_zigzag(cursor);
    report->last_us = cursor_zigzag(cursor);
    report->scan_seconds = (double)cursor_varint(cursor) / 1e6;
    report->replay_seconds = (double)cursor_varint(cursor) / 1e6;
}

void replay_checkpoint_encode(const struct replay_checkpoint *checkpoint, struct buffer *out) {
    const struct training_mark *mark = &checkpoint->training_set;
    size_t begin = out->length;
    buffer_append(out, magic, sizeof magic);
    buffer_append_u32(out, FORMAT);
    add_bytes(out, HARRIER_VERSION, strlen(HARRIER_VERSION));
    add_bytes(out, checkpoint->identity.bytes, checkpoint->identity.length);
    buffer_append_u64(out, checkpoint->until.position);
    buffer_append_u64(out, checkpoint->until.chain);
    encode_report(&checkpoint->report, out);
    buffer_append_varint(out, checkpoint->reported);
    buffer_append_varint(out, checkpoint->different);
    buffer_append_varint(out, checkpoint->refused);
    buffer_append_varint(out, checkpoint->outside);
    buffer_append_varint(out, checkpoint->erased);
    add_bytes(out, checkpoint->remarks.bytes, checkpoint->remarks.length);
    buffer_append_u8(out, mark->draft != NULL);
    if (mark->draft) {
        add_bytes(out, mark->draft, strlen(mark->draft));
        buffer_append_varint(out, mark->length);
        buffer_append_u64(out, mark->hash);
    }
    add_bytes(out, checkpoint->figures.bytes, checkpoint->figures.length);
    buffer_append_u64(out, hash64(out->bytes + begin, out->length - begin, 0));
}

/* A name that is empty, or that has a NUL, cannot have been written. */
static void decode_mark(struct cursor *cursor, struct training_mark *mark) {
    struct text name = take_bytes(cursor);
    mark->draft = text_copy(name);
    mark->length = cursor_varint(cursor);
    mark->hash = cursor_u64(cursor);
    if (name.length == 0 || memchr(name.data, '\0', name.length) || mark->length > INT64_MAX)
        cursor->failed = true;
}

/* Everything behind the version. A cursor that has failed gives zeros, so one look at the end is
 * enough. */
static void decode_body(struct cursor *cursor, struct replay_checkpoint *checkpoint) {
    take_buffer(cursor, &checkpoint->identity);
    checkpoint->until.position = cursor_u64(cursor);
    checkpoint->until.chain = cursor_u64(cursor);
    decode_report(cursor, &checkpoint->report);
    checkpoint->reported = cursor_varint(cursor);
    checkpoint->different = cursor_varint(cursor);
    checkpoint->refused = cursor_varint(cursor);
    checkpoint->outside = cursor_varint(cursor);
    checkpoint->erased = cursor_varint(cursor);
    take_buffer(cursor, &checkpoint->remarks);
    if (cursor_u8(cursor) != 0)
        decode_mark(cursor, &checkpoint->training_set);
    take_buffer(cursor, &checkpoint->figures);
    if (cursor_left(cursor) > 0)
        cursor->failed = true;
}

/* Checked before the body: another version may have written anything there. */
static int other_version(struct text version, struct error *ret_error) {
    return error_set(ret_error, ERROR_UNSUPPORTED,
                     "it was written by harrier %" TEXT_FORMAT
                     ", and only that version can resume from it (this is " HARRIER_VERSION ")",
                     TEXT_ARGS(version));
}

int replay_checkpoint_decode(struct text bytes, struct replay_checkpoint *checkpoint,
                             struct error *ret_error) {
    size_t head = sizeof magic + 4;
    if (bytes.length < head + HASH_BYTES || memcmp(bytes.data, magic, sizeof magic) != 0)
        return error_set(ret_error, ERROR_DAMAGED, "not a file written by --resume");
    const uint8_t *at = (const uint8_t *)bytes.data;
    size_t body = bytes.length - HASH_BYTES;
    if (load_u64(at + body) != hash64(at, body, 0))
        return error_set(ret_error, ERROR_DAMAGED, "it is damaged");
    struct cursor cursor = cursor_of(at + head, body - head);
    struct text version = take_bytes(&cursor);
    if (load_u32(at + sizeof magic) != FORMAT || !text_is(version, HARRIER_VERSION))
        return other_version(version, ret_error);
    decode_body(&cursor, checkpoint);
    return cursor.failed ? error_set(ret_error, ERROR_DAMAGED, "it is damaged") : 0;
}

/* ---- the file ---- */

/* NULL and 0: there is none. */
static int hold(const char *path, FILE **ret_held, uint64_t *ret_size, struct error *ret_error) {
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return errno == ENOENT ? 0 : error_set_errno(ret_error, errno, "cannot read %s", path);
    int r = 0;
    if (fstat(descriptor, &status) != 0)
        r = error_set_errno(ret_error, errno, "cannot read %s", path);
    else if (!S_ISREG(status.st_mode))
        r = error_set(ret_error, ERROR_INVALID, "--resume %s: not a regular file", path);
    else if (status.st_size > FILE_MAX)
        r = error_set(ret_error, ERROR_DAMAGED, "%s: not a file written by --resume", path);
    else if (flock(descriptor, LOCK_EX | LOCK_NB) != 0)
        r = error_set(ret_error, ERROR_EXISTS, "%s: another process is resuming from it", path);
    if (r < 0) {
        close(descriptor);
        return r;
    }
    *ret_size = (uint64_t)status.st_size;
    *ret_held = fdopen(descriptor, "r");
    check(*ret_held);
    return 1;
}

int replay_checkpoint_read(const char *path, struct replay_checkpoint *checkpoint, FILE **ret_held,
                           struct error *ret_error) {
    FILE *file = NULL;
    uint64_t size = 0;
    int r = hold(path, &file, &size, ret_error);
    if (r <= 0)
        return r;
    char *bytes = check_malloc((size_t)size + 1);
    size_t length = fread(bytes, 1, (size_t)size, file);
    if (ferror(file))
        r = error_set_errno(ret_error, errno, "cannot read %s", path);
    else
        r = replay_checkpoint_decode((struct text){bytes, length}, checkpoint, ret_error);
    if (r == -ERROR_DAMAGED || r == -ERROR_UNSUPPORTED)
        error_prefix(ret_error, "%s", path);
    free(bytes);
    if (r < 0) {
        fclose(file);
        return r;
    }
    *ret_held = file;
    return 1;
}

int replay_checkpoint_write(const struct replay_checkpoint *checkpoint, struct draft_file *draft,
                            struct error *ret_error) {
    struct buffer bytes;
    int r = 0;
    buffer_init(&bytes);
    replay_checkpoint_encode(checkpoint, &bytes);
    if (fchmod(fileno(draft->file), S_IRUSR | S_IWUSR) != 0 ||
        fwrite(bytes.bytes, 1, bytes.length, draft->file) != bytes.length)
        r = error_set_errno(ret_error, errno, "cannot write %s", draft->path);
    buffer_deinit(&bytes);
    if (r == 0)
        return draft_file_publish(draft, ret_error);
    draft_file_discard(draft);
    return r;
}

/* ---- identity ---- */

int replay_checkpoint_check_archive(const struct replay_checkpoint *checkpoint, const char *archive,
                                    struct error *ret_error) {
    struct archive_parts *parts;
    int r = archive_parts_open(archive, &parts, ret_error);
    if (r < 0)
        return r;
    r = archive_parts_holds(parts, checkpoint->until, ret_error);
    archive_parts_close(parts);
    if (r == 0)
        return error_set(
            ret_error, ERROR_INVALID,
            "it belongs to another archive: %s does not have its records up to position "
            "%" PRIu64,
            archive, checkpoint->until.position);
    return r < 0 ? r : 0;
}

/* Up to the next NUL. */
static struct text take_name(struct cursor *cursor) {
    const uint8_t *end = memchr(cursor->at, '\0', cursor_left(cursor));
    if (!end) {
        cursor->failed = true;
        return (struct text){.data = ""};
    }
    struct text name = cursor_text(cursor, (size_t)(end - cursor->at));
    cursor_u8(cursor);
    return name;
}

int replay_checkpoint_check(const struct replay_checkpoint *checkpoint,
                            const struct buffer *identity, struct error *ret_error) {
    struct cursor was = cursor_of(checkpoint->identity.bytes, checkpoint->identity.length);
    struct cursor is = cursor_of(identity->bytes, identity->length);
    while (cursor_left(&is) > 0) {
        struct text name = take_name(&is), value = take_name(&is);
        struct text old_name = take_name(&was), old_value = take_name(&was);
        check(!is.failed);
        if (was.failed || !text_equal(name, old_name))
            return error_set(ret_error, ERROR_DAMAGED, "it is damaged");
        if (!text_equal(value, old_value))
            return error_set(ret_error, ERROR_INVALID,
                             "it belongs to another replay: %" TEXT_FORMAT " was %" TEXT_FORMAT
                             " and is %" TEXT_FORMAT,
                             TEXT_ARGS(name), TEXT_ARGS(old_value), TEXT_ARGS(value));
    }
    return cursor_left(&was) > 0 ? error_set(ret_error, ERROR_DAMAGED, "it is damaged") : 0;
}

/* Both with their NUL, as replay_checkpoint_check() takes them apart. */
static void add(struct buffer *identity, const char *name, const char *value) {
    buffer_append(identity, name, strlen(name) + 1);
    buffer_append(identity, value, strlen(value) + 1);
}

/* In words, because a difference is printed as it is written here. */
static void add_flag(struct buffer *identity, const char *name, bool value) {
    add(identity, name, value ? "given" : "not given");
}

static void add_text(struct buffer *identity, const char *name, const char *value) {
    add(identity, name, value ? value : "not given");
}

/* absent: the value for "not given". */
static void add_number(struct buffer *identity, const char *name, int64_t value, int64_t absent) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    add(identity, name, value == absent ? "not given" : text);
}

static void add_time(struct buffer *identity, const char *name, int64_t us) {
    char text[64];
    value_format(value_timestamp(us), text, sizeof text);
    add(identity, name, us == 0 ? "not given" : text);
}

/* By the snapshot's hash: an edited policy is another one. */
static void add_policy(struct buffer *identity, const char *name, const struct snapshot *snapshot) {
    char id[HASH_HEX_SIZE];
    if (!snapshot) {
        add(identity, name, "the archive's");
        return;
    }
    hash_hex(snapshot->id, id);
    buffer_append(identity, name, strlen(name) + 1);
    buffer_printf(identity, "%" TEXT_FORMAT " %s", TEXT_ARGS(snapshot->name), id);
    buffer_append_u8(identity, 0);
}

/* Tables are named by where they end and the chain there, which no other archive has. */
static void add_tables(struct buffer *identity, struct archive_place start) {
    char text[128];
    snprintf(text, sizeof text, "at position %" PRIu64 " (chain %016" PRIx64 ")", start.position,
             start.chain);
    add(identity, "the initial tables", start.position == 0 ? "none" : text);
}

/* A prune in between would make the same number of records end elsewhere. */
static void add_beginning(struct buffer *identity, struct archive_place begin) {
    char text[64];
    snprintf(text, sizeof text, "after position %" PRIu64, begin.position);
    add(identity, "the beginning of the archive", begin.position == 0 ? "the first record" : text);
}

void replay_identity(const struct replay_command *command, const struct replay *replay,
                     struct buffer *ret_identity) {
    bool reports = replay_command_reports(command);
    add_policy(ret_identity, "the policy", replay_policy(replay));
    add_policy(ret_identity, "the second policy", replay_against(replay));
    add_tables(ret_identity, replay_start(replay));
    add_beginning(ret_identity, replay_beginning(replay));
    add_flag(ret_identity, "--recorded", command->recorded);
    add_flag(ret_identity, "--counterfactual", command->counterfactual);
    add_flag(ret_identity, "--walk-forward", command->walk_forward);
    add_flag(ret_identity, "--known now", command->known_now);
    add_time(ret_identity, "--from", command->from_us);
    add_time(ret_identity, "--to", command->to_us);
    add_text(ret_identity, "--features", command->features);
    add_flag(ret_identity, "--with-fields", command->with_fields);
    add(ret_identity, "the report", reports ? "wanted" : "not wanted");
    add_number(ret_identity, "the number of listed changes",
               reports ? (int64_t)replay_command_kept(command) : 0, -1);
    add_number(ret_identity, "--list", (int64_t)replay_command_reported(command), -1);
    add_number(ret_identity, "--k", (int64_t)command->k, -1);
    add_text(ret_identity, "--card", command->card);
    add_number(ret_identity, "--outcomes-after (in µs)", command->outcomes_after_us, -1);
    add_number(ret_identity, "--blocked-after (in days)", command->blocked_after_days, -1);
    add_time(ret_identity, "--blocked-from", command->blocked_from_us);
}
