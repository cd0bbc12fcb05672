/* The simulator: README.md says what it does.
 *
 *   sim --seed N [--seeds COUNT] [--steps N] [--faults NAME,…] [--seconds S] [--shrink] [--verbose]
 *
 * Exit: 0 nothing broken, 1 a promise was broken, 2 wrong usage. */
#include "disk.h"
#include "life.h"
#include "model.h"
#include "rot.h"
#include "world.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void memory_begin(void); /* memory_calls.c */

#define STEPS_DEFAULT 20000
#define EXIT_STORED   74   /* of generation_give_up(): it says which tables cannot be read */
#define LIVES_MAX     2000 /* of a seed: each is at least some steps long */

struct options {
    uint64_t seed, seeds, steps, seconds;
    unsigned faults;
    bool shrinks;
};

static char base[48];

static const char *const end_names[LIFE_END_COUNT] = {"closed", "refused", "killed",
                                                      "power",  "memory",  "broken"};

/* Sums over all seeds. */
static int64_t lost_us_max;
static uint64_t sum_steps, sum_lives, sum_injected[FAULT_KINDS], sum_ends[LIFE_END_COUNT],
    sum_counts[COUNT_COUNT];

/* Of this process and those that it has waited for. */
static double processor_s(void) {
    double sum_s = 0;
    for (int who = RUSAGE_SELF; who >= RUSAGE_CHILDREN; who--) {
        struct rusage usage;
        getrusage(who, &usage);
        sum_s += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    }
    return sum_s;
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- one seed ---- */

static void set_places(void) {
    snprintf(world->root, sizeof world->root, "%s/data", base);
    snprintf(world->archive, sizeof world->archive, "%s/archive", world->root);
    snprintf(world->generations, sizeof world->generations, "%s/generations", world->root);
    snprintf(world->policy, sizeof world->policy, "%s/policy", base);
}

static void begin_seed(uint64_t seed, uint64_t steps, unsigned faults) {
    world_begin(seed);
    world->steps_max = steps;
    world->faults = faults;
    world->synced = chance(CHANCE_WORK) & 1;
    world->monotonic_us = 1000 * INT64_C(1000000);
    world->wall_offset_us = MODEL_START_US + 366 * 86400 * INT64_C(1000000);
    set_places();
    disk_begin();
    model_begin();
    model_write_policy(world->policy, 0);
}

/* What a life prints is shown if it breaks something. */
static void redirect_errors(void) {
    char path[64];
    snprintf(path, sizeof path, "%s/errors", base);
    dup2(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), 2);
}

static void print_errors(void) {
    char path[64], line[512];
    snprintf(path, sizeof path, "%s/errors", base);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        printf("  | %s", line);
    if (file)
        fclose(file);
}

/* One life; a process that ends in another way than the simulator knows has crashed. */
static void live_once(void (*live)(void)) {
    world->life++;
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        perror("sim: fork");
        exit(2);
    }
    if (child == 0) {
        if (!world_is_verbose)
            redirect_errors();
        live();
    }
    int status;
    check(waitpid(child, &status, 0) == child);
    if (world->end == LIFE_BROKEN)
        return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHECK_EXHAUSTED && world->is_short_of_memory) {
        world->end = LIFE_MEMORY;
        return;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_STORED && world->has_rotten_tables) {
        world->end = LIFE_REFUSED;
        return;
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        world->end = LIFE_BROKEN;
        snprintf(world->report, sizeof world->report, "the process ended with %s %d",
                 WIFEXITED(status) ? "code" : "signal",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
}

static void rot_once(void) {
    char command[80];
    live_once(rot_live);
    if (world->end != LIFE_BROKEN)
        world->end = LIFE_CLOSED; /* what was there before is as it was */
    set_places();
    snprintf(command, sizeof command, "rm -rf %s/rotten", base);
    check(system(command) == 0);
}

/* True: nothing was broken. */
static bool run_seed(uint64_t seed, uint64_t steps, unsigned faults) {
    begin_seed(seed, steps, faults);
    while (world->steps < world->steps_max && world->end != LIFE_BROKEN &&
           world->life < LIVES_MAX) {
        live_once(life_live);
        world->ends[world->end]++;
        if (world->end == LIFE_CLOSED && (world->faults & FAULT_ROT) &&
            chance_once(CHANCE_FAULT, 2))
            rot_once();
    }
    sum_steps += world->steps;
    sum_lives += world->life;
    if (world->lost_us_max > lost_us_max)
        lost_us_max = world->lost_us_max;
    for (int i = 0; i < FAULT_KINDS; i++)
        sum_injected[i] += world->injected[i];
    for (int i = 0; i < LIFE_END_COUNT; i++)
        sum_ends[i] += world->ends[i];
    for (int i = 0; i < COUNT_COUNT; i++)
        sum_counts[i] += world->counts[i];
    return world->end != LIFE_BROKEN;
}

/* ---- reporting ---- */

static void print_faults(unsigned faults) {
    if (faults == FAULT_ALL)
        return;
    printf(" --faults ");
    const char *comma = "";
    for (int i = 0; i < FAULT_KINDS; i++)
        if (faults & (1u << i)) {
            printf("%s%s", comma, fault_names[i]);
            comma = ",";
        }
    if (faults == 0)
        printf("none");
}

static void print_command(uint64_t seed, uint64_t steps, unsigned faults) {
    printf("tests/sim/sim --seed %llu --steps %llu", (unsigned long long)seed,
           (unsigned long long)steps);
    print_faults(faults);
}

static void print_failure(const struct options *options, uint64_t seed) {
    printf("BROKEN in life %u, step %llu: %s\n  again: ", world->life,
           (unsigned long long)world->steps, world->report);
    print_command(seed, options->steps, options->faults);
    printf("\n");
    print_errors();
}

static void print_sums(uint64_t seeds, double seconds) {
    printf(
        "%llu seeds, %llu lives, %llu steps in %.1f s, %.1f s of processor: %.0f steps/s of it\n",
        (unsigned long long)seeds, (unsigned long long)sum_lives, (unsigned long long)sum_steps,
        seconds, processor_s(), (double)sum_steps / processor_s());
    printf("lives ended:");
    for (int i = 0; i < LIFE_END_COUNT; i++)
        printf(" %s %llu", end_names[i], (unsigned long long)sum_ends[i]);
    printf("\nfaults:");
    for (int i = 0; i < FAULT_KINDS; i++)
        printf(" %s %llu", fault_names[i], (unsigned long long)sum_injected[i]);
    printf("\ncounts:");
    for (int i = 0; i < COUNT_COUNT; i++)
        printf(" %s %llu", count_names[i], (unsigned long long)sum_counts[i]);
    printf("\nlost by a disk that works: answered at most %.1f ms before\n",
           (double)lost_us_max / 1000);
}

/* ---- shrinking ---- */

/* Leaves out kinds of faults one by one, and steps by halves, as long as something breaks. */
static void shrink(const struct options *options, uint64_t seed) {
    unsigned faults = options->faults;
    uint64_t steps = world->steps + 1;
    if (run_seed(seed, steps, faults))
        steps = options->steps;
    for (int i = 0; i < FAULT_KINDS; i++)
        if ((faults & (1u << i)) && !run_seed(seed, options->steps, faults & ~(1u << i))) {
            faults &= ~(1u << i);
            steps = world->steps + 1;
        }
    for (uint64_t part = steps / 2; part > steps / 64; part /= 2)
        while (steps > part && !run_seed(seed, steps - part, faults))
            steps = world->steps + 1 < steps - part ? world->steps + 1 : steps - part;
    run_seed(seed, steps, faults);
    printf("shrunk to step %llu, life %u: %s\n  again: ", (unsigned long long)world->steps,
           world->life, world->report);
    print_command(seed, steps, faults);
    printf("\n");
}

/* ---- the program ---- */

static void remove_base(void) {
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s", base);
    if (system(command) != 0)
        fprintf(stderr, "sim: %s is left\n", base);
}

/* Once, and not in each life. */
static void set_up_openssl(void) {
    uint8_t hash[32];
    struct sha256 *sha256 = sha256_new();
    sha256_add(sha256, "", 0);
    sha256_finish(sha256, hash);
}

/* A file system in memory: what is simulated is the disk, and a real one only takes time. */
static void make_base(void) {
    char rules[64];
    snprintf(base, sizeof base, "%s/harrier-sim-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(base)) {
        perror("sim: cannot make a folder");
        exit(2);
    }
    snprintf(rules, sizeof rules, "%s/policy", base);
    check(mkdir(rules, 0700) == 0);
    snprintf(rules, sizeof rules, "%s/policy/rules", base);
    check(mkdir(rules, 0700) == 0);
}

static unsigned parse_faults(char *text) {
    unsigned faults = 0;
    if (strcmp(text, "none") == 0)
        return 0;
    for (char *name = strtok(text, ","); name; name = strtok(NULL, ",")) {
        int i = 0;
        while (i < FAULT_KINDS && strcmp(name, fault_names[i]) != 0)
            i++;
        if (i == FAULT_KINDS) {
            fprintf(stderr, "sim: there is no fault \"%s\"\n", name);
            exit(2);
        }
        faults |= 1u << i;
    }
    return faults;
}

static struct options parse(int argc, char **argv) {
    static const struct option names[] = {
        {"seed", required_argument, NULL, 's'},    {"seeds", required_argument, NULL, 'n'},
        {"steps", required_argument, NULL, 't'},   {"faults", required_argument, NULL, 'f'},
        {"seconds", required_argument, NULL, 'd'}, {"shrink", no_argument, NULL, 'k'},
        {"verbose", no_argument, NULL, 'v'},       {NULL, 0, NULL, 0},
    };
    struct options options = {.seed = 1, .seeds = 1, .steps = STEPS_DEFAULT, .faults = FAULT_ALL};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;)
        switch (c) {
        case 's':
            options.seed = strtoull(optarg, NULL, 0);
            break;
        case 'n':
            options.seeds = strtoull(optarg, NULL, 0);
            break;
        case 't':
            options.steps = strtoull(optarg, NULL, 0);
            break;
        case 'f':
            options.faults = parse_faults(optarg);
            break;
        case 'd':
            options.seconds = strtoull(optarg, NULL, 0);
            options.seeds = UINT64_MAX;
            break;
        case 'k':
            options.shrinks = true;
            break;
        case 'v':
            world_is_verbose = true;
            break;
        default:
            exit(2);
        }
    return options;
}

/* The same addresses every time, so that nothing that depends on them differs. */
static void fix_addresses(char **argv) {
    int now = personality(0xffffffff);
    if (now >= 0 && !(now & ADDR_NO_RANDOMIZE) && personality(now | ADDR_NO_RANDOMIZE) >= 0)
        execv("/proc/self/exe", argv);
}

int main(int argc, char **argv) {
    fix_addresses(argv);
    struct options options = parse(argc, argv);
    memory_begin();
    set_up_openssl();
    world_open();
    make_base();
    double began_s = now_s();
    uint64_t seeds = 0;
    bool is_good = true;
    while (is_good && seeds < options.seeds &&
           (options.seconds == 0 || now_s() - began_s < (double)options.seconds)) {
        uint64_t seed = options.seed + seeds++;
        is_good = run_seed(seed, options.steps, options.faults);
        if (!is_good) {
            print_failure(&options, seed);
            if (options.shrinks)
                shrink(&options, seed);
        }
    }
    print_sums(seeds, now_s() - began_s);
    remove_base();
    return is_good ? 0 : 1;
}
