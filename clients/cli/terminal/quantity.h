/* Numbers as people type them on a command line. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* "1s", "250ms", "1.5m", "2h", "7d", "500us" → microseconds. A number without a unit is refused: it
 * would be anybody's guess. False: not a duration, negative, or beyond a hundred years. */
bool quantity_parse_duration(const char *text, int64_t *ret_us);

/* Digits only, `least` to `most`. */
bool quantity_parse_count(const char *text, uint64_t least, uint64_t most, uint64_t *ret_count);

/* "512M", "2G", "2GiB", "1.5G" → bytes, by powers of 1024. A number without a unit is refused. */
bool quantity_parse_bytes(const char *text, uint64_t *ret_bytes);

/* A time, UTC: "2026-01-31T18:00:00Z". Unlike the others this is a date, not an amount. */
#define QUANTITY_TIME_SIZE 64
const char *quantity_format_time(int64_t us, char ret_text[QUANTITY_TIME_SIZE]);

/* 1234567 → "1,234,567" */
#define QUANTITY_COUNT_SIZE 32
const char *quantity_format_count(uint64_t count, char ret_text[QUANTITY_COUNT_SIZE]);

/* "1.2 KiB", "35.6 MiB" */
#define QUANTITY_BYTES_SIZE 32
const char *quantity_format_bytes(uint64_t bytes, char ret_text[QUANTITY_BYTES_SIZE]);

/* "85 µs", "1.24 ms", "2.50 s", "3 min 20 s", "2 h 05 min", "9 d 2 h" */
#define QUANTITY_DURATION_SIZE 40
const char *quantity_format_duration(uint64_t us, char ret_text[QUANTITY_DURATION_SIZE]);
