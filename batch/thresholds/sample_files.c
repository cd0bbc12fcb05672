/* Blocks are made by each caller and written one behind the other, so the lock is held for a write
 * only. The footer comes last and the name after that: what has a name is whole. */
#include "sample_files.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER        "samples"
#define DRAFT         ".draft" /* of one writer: the lock of the generations is held */
#define MAGIC         UINT64_C(0x31534e5441535248)
#define FORMAT        1u
#define HEAD_SIZE     16u
#define FOOTER_SIZE   64u
#define BODY_MAX      (8u << 20) /* of a block; a writer's blocks are far smaller */
#define TAKEN_AT_ONCE 256u

static bool is_below(struct text path, const char *folder) {
    size_t length = strlen(folder);
    return path.length > length && memcmp(path.data, folder, length) == 0;
}

uint64_t sample_inputs(const struct snapshot *snapshot) {
    uint64_t hash = hash64(&(uint8_t){FORMAT}, 1, snapshot->plan.id);
    for (size_t i = 0; i < snapshot->file_count; i++) {
        const struct policy_file *file = &snapshot->files[i];
        if (is_below(file->path, "rules/") || is_below(file->path, "cases/"))
            continue;
        hash = hash64(file->path.data, file->path.length, hash);
        hash = hash64(file->content.data, file->content.length, hash);
    }
    return hash;
}

struct footer {
    uint64_t inputs;
    struct archive_place from, to;
    uint64_t length; /* of the blocks */
};

static void footer_put(const struct footer *footer, uint8_t bytes[FOOTER_SIZE]) {
    const uint64_t words[] = {MAGIC,
                              footer->inputs,
                              footer->from.position,
                              footer->from.chain,
                              footer->to.position,
                              footer->to.chain,
                              footer->length};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        store_u64(bytes + 8 * i, words[i]);
    store_u64(bytes + FOOTER_SIZE - 8, hash64(bytes, FOOTER_SIZE - 8, 0));
}

static bool footer_get(const uint8_t bytes[FOOTER_SIZE], struct footer *ret_footer) {
    if (load_u64(bytes) != MAGIC ||
        load_u64(bytes + FOOTER_SIZE - 8) != hash64(bytes, FOOTER_SIZE - 8, 0))
        return false;
    *ret_footer = (struct footer){
        .inputs = load_u64(bytes + 8),
        .from = {.position = load_u64(bytes + 16), .chain = load_u64(bytes + 24)},
        .to = {.position = load_u64(bytes + 32), .chain = load_u64(bytes + 40)},
        .length = load_u64(bytes + 48),
    };
    return true;
}

static bool is_same_place(struct archive_place a, struct archive_place b) {
    return a.position == b.position && a.chain == b.chain;
}

/* The folder's descriptor; -1: errno says why. */
static int open_folder(const char *generations) {
    char *path = name_printf("%s/%s", generations, FOLDER);
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(path);
    return folder;
}

/* ---- writing ---- */

struct sample_writer {
    pthread_mutex_t lock;
    int folder, file;
    uint64_t length;
};

int sample_writer_open(const char *generations, struct sample_writer **ret_writer,
                       struct error *ret_error) {
    int parent = open(generations, O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder = -1, file = -1;
    if (parent < 0)
        return error_set_errno(ret_error, errno, "cannot open %s", generations);
    int r = directory_make(parent, FOLDER, &folder, ret_error);
    close(parent);
    if (r < 0)
        return r;
    file = openat(folder, DRAFT, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (file < 0) {
        r = error_set_errno(ret_error, errno, "cannot create %s/%s/%s", generations, FOLDER, DRAFT);
        close(folder);
        return r;
    }
    struct sample_writer *writer = check_calloc(1, sizeof *writer);
    *writer = (struct sample_writer){.folder = folder, .file = file};
    check(pthread_mutex_init(&writer->lock, NULL) == 0);
    *ret_writer = writer;
    return 0;
}

static void writer_free(struct sample_writer *writer) {
    close(writer->file);
    close(writer->folder);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

void sample_writer_abandon(struct sample_writer *writer) {
    if (!writer)
        return;
    unlinkat(writer->folder, DRAFT, 0);
    writer_free(writer);
}

static void encode_block(const struct threshold_value *values, size_t count,
                         struct buffer *buffer) {
    int64_t before_us = 0;
    memset(buffer_reserve(buffer, HEAD_SIZE), 0, HEAD_SIZE);
    buffer->length += HEAD_SIZE;
    for (size_t i = 0; i < count; i++) {
        const struct threshold_value *value = &values[i];
        uint64_t bits;
        memcpy(&bits, &value->value, sizeof bits);
        buffer_append_varint(buffer, value->threshold);
        buffer_append_zigzag(buffer, value->event_time_us - before_us);
        buffer_append_varint(buffer, value->key_length);
        buffer_append(buffer, value->key, value->key_length);
        buffer_append_u64(buffer, bits);
        before_us = value->event_time_us;
    }
    size_t body = buffer->length - HEAD_SIZE;
    store_u32(buffer->bytes, (uint32_t)body);
    store_u32(buffer->bytes + 4, (uint32_t)count);
    store_u64(buffer->bytes + 8, hash64(buffer->bytes + HEAD_SIZE, body, count));
}

int sample_writer_put(struct sample_writer *writer, const struct threshold_value *values,
                      size_t count, struct error *ret_error) {
    struct buffer buffer;
    int r = 0;
    if (count == 0)
        return 0;
    buffer_init(&buffer);
    encode_block(values, count, &buffer);
    check(buffer.length <= HEAD_SIZE + BODY_MAX);
    pthread_mutex_lock(&writer->lock);
    if (file_write_at(writer->file, buffer.bytes, buffer.length, writer->length) < 0)
        r = error_set_errno(ret_error, errno, "cannot write the folder %s", FOLDER);
    else
        writer->length += buffer.length;
    pthread_mutex_unlock(&writer->lock);
    buffer_deinit(&buffer);
    return r;
}

static void name_of(uint64_t position, char ret_name[32]) {
    snprintf(ret_name, 32, "s-%020" PRIu64, position);
}

int sample_writer_finish(struct sample_writer *writer, uint64_t inputs, struct archive_place from,
                         struct archive_place to, struct error *ret_error) {
    const struct footer footer = {
        .inputs = inputs, .from = from, .to = to, .length = writer->length};
    uint8_t bytes[FOOTER_SIZE];
    char name[32];
    int r = 0;
    footer_put(&footer, bytes);
    name_of(to.position, name);
    if (file_write_at(writer->file, bytes, sizeof bytes, writer->length) < 0 ||
        fsync(writer->file) < 0 || renameat(writer->folder, DRAFT, writer->folder, name) < 0 ||
        fsync(writer->folder) < 0)
        r = error_set_errno(ret_error, errno, "cannot write %s/%s", FOLDER, name);
    if (r < 0)
        unlinkat(writer->folder, DRAFT, 0);
    writer_free(writer);
    return r;
}

/* ---- reading ---- */

struct sample_file {
    int file;
    struct footer footer;
};

struct sample_files {
    struct sample_file *files; /* the newest first */
    size_t count;
};

static bool open_file(int folder, const char *name, struct sample_file *ret_file) {
    uint8_t bytes[FOOTER_SIZE];
    struct stat status;
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    if (fstat(file, &status) == 0 && status.st_size >= (off_t)FOOTER_SIZE &&
        file_read_at(file, bytes, sizeof bytes, (uint64_t)status.st_size - FOOTER_SIZE) ==
            (ssize_t)FOOTER_SIZE &&
        footer_get(bytes, &ret_file->footer) &&
        ret_file->footer.length == (uint64_t)status.st_size - FOOTER_SIZE &&
        ret_file->footer.from.position < ret_file->footer.to.position) {
        ret_file->file = file;
        return true;
    }
    close(file);
    return false;
}

/* Opens the series from its end to position 0. false: a file is missing or is another one. */
static bool open_series(int folder, uint64_t inputs, struct archive_place end,
                        struct sample_files *files) {
    do {
        char name[32];
        struct sample_file file;
        name_of(end.position, name);
        if (!open_file(folder, name, &file))
            return false;
        files->files = check_reallocarray(files->files, files->count + 1, sizeof *files->files);
        files->files[files->count++] = file;
        if (file.footer.inputs != inputs || !is_same_place(file.footer.to, end))
            return false;
        end = file.footer.from;
    } while (end.position > 0);
    return true;
}

struct sample_files *sample_files_find(const char *generations, uint64_t inputs,
                                       struct archive_place end) {
    int folder = open_folder(generations);
    if (folder < 0)
        return NULL;
    struct sample_files *files = check_calloc(1, sizeof *files);
    bool found = end.position > 0 && open_series(folder, inputs, end, files);
    close(folder);
    if (found)
        return files;
    sample_files_free(files);
    return NULL;
}

void sample_files_free(struct sample_files *files) {
    if (!files)
        return;
    for (size_t i = 0; i < files->count; i++)
        close(files->files[i].file);
    free(files->files);
    free(files);
}

size_t sample_files_count(const struct sample_files *files) {
    return files->count;
}

uint64_t sample_files_bytes(const struct sample_files *files) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < files->count; i++)
        bytes += files->files[i].footer.length + FOOTER_SIZE;
    return bytes;
}

static int damaged(const struct sample_file *file, uint64_t at, struct error *ret_error) {
    return error_set(ret_error, ERROR_DAMAGED,
                     "%s/s-%020" PRIu64 " is damaged in the block at byte %" PRIu64, FOLDER,
                     file->footer.to.position, at);
}

/* The bytes of one block into the buffer. */
static int read_block(const struct sample_file *file, uint64_t at, struct buffer *buffer,
                      size_t *ret_count, struct error *ret_error) {
    uint8_t head[HEAD_SIZE];
    if (file->footer.length - at < HEAD_SIZE ||
        file_read_at(file->file, head, sizeof head, at) != (ssize_t)HEAD_SIZE)
        return damaged(file, at, ret_error);
    uint32_t length = load_u32(head);
    *ret_count = load_u32(head + 4);
    if (length > BODY_MAX || file->footer.length - at - HEAD_SIZE < length)
        return damaged(file, at, ret_error);
    buffer_clear(buffer);
    uint8_t *body = buffer_reserve(buffer, length);
    if (file_read_at(file->file, body, length, at + HEAD_SIZE) != (ssize_t)length ||
        hash64(body, length, *ret_count) != load_u64(head + 8))
        return damaged(file, at, ret_error);
    buffer->length = length;
    return 0;
}

/* Decodes the next value; false: it is not one. */
static bool next_value(struct cursor *cursor, int64_t *before_us,
                       struct threshold_value *ret_value) {
    ret_value->threshold = cursor_varint(cursor);
    *before_us += cursor_zigzag(cursor);
    ret_value->event_time_us = *before_us;
    ret_value->key_length = cursor_varint(cursor);
    if (ret_value->key_length > sizeof ret_value->key)
        return false;
    struct text key = cursor_text(cursor, ret_value->key_length);
    uint64_t bits = cursor_u64(cursor);
    if (cursor->failed)
        return false;
    memcpy(ret_value->key, key.data, key.length);
    memcpy(&ret_value->value, &bits, sizeof bits);
    return true;
}

struct taking {
    int (*take)(void *user, struct threshold_value *values, size_t count, struct error *ret_error);
    void *user;
    struct buffer block;
    struct threshold_value *values; /* [TAKEN_AT_ONCE] */
};

static int take_block(const struct sample_file *file, uint64_t at, struct taking *taking,
                      size_t values, struct error *ret_error) {
    struct cursor cursor = cursor_of(taking->block.bytes, taking->block.length);
    int64_t before_us = 0;
    int r = 0;
    while (values > 0 && r == 0) {
        size_t count = values < TAKEN_AT_ONCE ? values : TAKEN_AT_ONCE;
        for (size_t i = 0; i < count; i++)
            if (!next_value(&cursor, &before_us, &taking->values[i]))
                return damaged(file, at, ret_error);
        values -= count;
        r = taking->take(taking->user, taking->values, count, ret_error);
    }
    if (r == 0 && cursor_left(&cursor) > 0)
        r = damaged(file, at, ret_error);
    return r;
}

static int read_file(const struct sample_file *file, struct taking *taking,
                     struct error *ret_error) {
    int r = 0;
    for (uint64_t at = 0; at < file->footer.length && r == 0;) {
        size_t count = 0;
        r = read_block(file, at, &taking->block, &count, ret_error);
        if (r == 0)
            r = take_block(file, at, taking, count, ret_error);
        at += HEAD_SIZE + taking->block.length;
    }
    return r;
}

int sample_files_read(const struct sample_files *files,
                      int (*take)(void *user, struct threshold_value *values, size_t count,
                                  struct error *ret_error),
                      void *user, struct error *ret_error) {
    struct taking taking = {.take = take, .user = user};
    int r = 0;
    taking.values = check_calloc(TAKEN_AT_ONCE, sizeof *taking.values);
    buffer_init(&taking.block);
    for (size_t i = files->count; i-- > 0 && r == 0;)
        r = read_file(&files->files[i], &taking, ret_error);
    buffer_deinit(&taking.block);
    free(taking.values);
    return r;
}

/* ---- removing ---- */

static bool is_kept(const struct sample_files *files, const char *name) {
    for (size_t i = 0; files && i < files->count; i++) {
        char kept[32];
        name_of(files->files[i].footer.to.position, kept);
        if (strcmp(kept, name) == 0)
            return true;
    }
    return false;
}

/* What cannot be removed stays: it is not used. */
void sample_files_retain(const char *generations, uint64_t inputs, struct archive_place end) {
    char *path = name_printf("%s/%s", generations, FOLDER);
    DIR *folder = opendir(path);
    free(path);
    if (!folder)
        return;
    struct sample_files *files = sample_files_find(generations, inputs, end);
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (strncmp(entry->d_name, "s-", 2) == 0 && !is_kept(files, entry->d_name))
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    sample_files_free(files);
}
