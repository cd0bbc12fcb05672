#include "server/lifecycle/harrierd.h"

#include <malloc.h>
#include <unistd.h>

/* States are allocated by one thread, grown by another and freed by a third, generation after
 * generation. With malloc's default of one arena per thread, memory freed by one is of no use to
 * the others, and after some swaps the process holds twice what it needs. With one arena, and large
 * blocks mapped separately, it is a tenth more. */
static void share_memory(void) {
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 128 << 10); /* fixed: otherwise it adapts, up to 32 MiB */
    mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

int main(int argc, char **argv) {
    share_memory();
    return harrierd_main(argc, argv, environ);
}
