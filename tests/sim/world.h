/* The simulated world of one seed: everything that outlives a process of it.
 *
 * A seed is a series of lives. A life is a process: a child that the simulator forks, in which the
 * real code runs until it closes, is killed, or the power fails. What a life leaves behind, the
 * disk and the model, is in memory that parent and children share, at the same address in all of
 * them; the rest of a life dies with its process.
 *
 * A step is a call of the simulated system (schedule.h, disk.h) at which the seed decides whether
 * another thread goes on, or a fault happens. All chance comes from streams that the seed begins,
 * one for each purpose, so that leaving out a kind of fault does not change the rest more than it
 * must. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum chance {
    CHANCE_SCHEDULE, /* which thread goes on */
    CHANCE_FAULT,
    CHANCE_IMAGE, /* what is left after a loss of power */
    CHANCE_WORK,  /* what clients and operators do */
    CHANCE_NETWORK,
    CHANCE_COUNT
};

/* Kinds of faults, as bits of world.faults. */
enum fault {
    FAULT_POWER = 1 << 0,   /* the power fails */
    FAULT_KILL = 1 << 1,    /* kill -9 of everything */
    FAULT_NIGHT = 1 << 2,   /* kill -9 of what runs beside the server only */
    FAULT_ERROR = 1 << 3,   /* EIO of a write or a sync */
    FAULT_FULL = 1 << 4,    /* ENOSPC */
    FAULT_SLOW = 1 << 5,    /* a call of the disk takes up to seconds */
    FAULT_ROT = 1 << 6,     /* bits change on disk between two lives */
    FAULT_CLOCK = 1 << 7,   /* the wall clock is set */
    FAULT_NETWORK = 1 << 8, /* requests are doubled, delayed, reordered, and answers lost */
    FAULT_MEMORY = 1 << 9,  /* an allocation fails */
    FAULT_READ = 1 << 10,   /* EIO of a read */
    FAULT_ALL = (1 << 11) - 1
};
#define FAULT_KINDS 11
extern const char *const fault_names[FAULT_KINDS]; /* "power", … in the order of the bits */

enum life_end {
    LIFE_CLOSED,  /* as asked */
    LIFE_REFUSED, /* did not open, or failed, because of a fault */
    LIFE_KILLED,
    LIFE_POWER,
    LIFE_MEMORY,
    LIFE_BROKEN, /* a promise was broken: world.report */
    LIFE_END_COUNT
};

struct sim_disk;
struct model;

struct world {
    uint64_t seed;
    uint64_t steps, steps_max; /* of the seed: no life begins at or after steps_max */
    uint64_t crash_at;         /* step at which this life ends by itself; UINT64_MAX: never */
    uint64_t crash_call;       /* the same by calls that change the disk; 0: never */
    uint64_t crash_turn;       /* the same by syncs that come once in a segment, disk_calls.c */
    uint64_t crash_promise;    /* the same by promises, life_note_promise() */
    enum life_end crash_as;
    unsigned faults; /* kinds that may happen */
    uint64_t random[CHANCE_COUNT];
    int64_t monotonic_us; /* goes on from life to life */
    int64_t wall_offset_us;
    bool synced; /* the promise: answers wait for the disk */
    unsigned life;
    enum life_end end; /* of this life */
    /* Calls of the disk, and reads, in which one is slow, or fails. */
    uint64_t slow_in, full_in, error_in, read_in;
    uint64_t memory_at, memory_fails; /* allocations until one fails; how many do then */
    bool is_short_of_memory;          /* one has failed in this life */
    bool has_rotten_tables;           /* in this life: README.md, "Known" */
    bool was_full;                    /* a write of the archive was withdrawn in some life */
    bool is_disturbed; /* in this life the disk has failed: refusals are as they should be */
    bool is_slowed, had_quick_disk; /* a call took long in this life; none did, nor failed, in the
                                     * one before */
    int64_t lost_us_max;            /* the longest that what was lost had been answered before */
    uint64_t injected[FAULT_KINDS], ends[LIFE_END_COUNT];
    uint64_t counts[16]; /* enum count */
    char root[64];       /* folder of the disk, on a file system in memory */
    char archive[80], generations[80], policy[80];
    struct sim_disk *disk;
    struct model *model;
    char report[4096]; /* what was broken; "": nothing */
    size_t memory_used;
};

enum count {
    COUNT_REQUESTS,
    COUNT_ANSWERS,
    COUNT_RECORDS,
    COUNT_CHECKS, /* values that were compared with the model's */
    COUNT_SYNCS,
    COUNT_SWITCHES,
    COUNT_GENERATIONS,
    COUNT_SWAPS,
    COUNT_SEALED,
    COUNT_RELOADS,
    COUNT_LOST, /* records that a loss of power took as documented */
    COUNT_BRAKES,
    COUNT_ERASURES,
    COUNT_REMEDIES,  /* an operator had to remove tables: README.md, "Known" */
    COUNT_UNNOTICED, /* rot of tables that a start does not notice: README.md, "Known" */
    COUNT_COUNT
};
extern const char *const count_names[COUNT_COUNT];

#define LAZY_SYNC_US  20000 /* lazy_sync_interval of the server */
#define SEGMENT_BYTES 8192

extern struct world *world;
extern bool world_is_verbose;

/* Maps the memory; once. */
void world_open(void);
/* Back to nothing, for another seed. */
void world_begin(uint64_t seed);
/* Zeroed, until world_begin(); ends the process when there is no more. */
void *world_alloc(size_t size);
void *world_copy(const void *bytes, size_t size);

uint64_t chance(enum chance stream);
/* 0 … below - 1 */
uint64_t chance_below(enum chance stream, uint64_t below);
/* Once in `in` times. */
bool chance_once(enum chance stream, uint64_t in);

/* May such a fault happen, and does it, once in `in` times? Counts it. */
bool fault_happens(enum fault fault, uint64_t in);

/* A promise is broken: notes it and ends the life. */
_Noreturn void broken(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends the life. */
_Noreturn void life_end(enum life_end end);
/* With --verbose, a line on standard error; else the arguments are not even evaluated. */
#define trace(...) (world_is_verbose ? trace_line(__VA_ARGS__) : (void)0)
void trace_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
