/* What the archive's tests share: an archive in a scratch folder and records to put in. */
#pragma once

#include "core/store/archive/archive.h"
#include "scratch.h"

#define START_US      INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */
#define DAY_US        INT64_C(86400000000)
#define FIRST_SEGMENT "2026-01-01/00000000000000000001.seg"

/* A record of the type whose contents follow from the number; its texts live in the arena. */
struct record bench_record(struct arena *arena, enum record_type type, unsigned number);
/* Same position, type, time and payload. */
void assert_same_record(const struct record *a, const struct record *b);

/* Opens and expects success; the recovery may be NULL. */
struct archive *bench_open(const char *path, uint64_t segment_bytes,
                           struct archive_recovery *ret_recovery);
/* Expects the failure and a text that contains both words (NULL: do not look). */
void bench_refused(const char *path, enum error_code code, const char *word, const char *other);

/* Appends an engine record: small, always of the same size. Returns its position. */
uint64_t bench_append(struct archive *archive, unsigned number, int64_t time_us);
void bench_write(struct archive *archive);
void bench_sync(struct archive *archive);

/* Reads all of it in order, checks that each is bench_append()'s, and returns the last place. */
struct archive_place bench_read_all(const char *path);
