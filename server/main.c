#include "server/lifecycle/harrierd.h"

#include <malloc.h>
#include <unistd.h>

/* The states of one generation after the other are made by one thread, grown by another and given
 * back by a third. With an arena for each thread what one has given back is of no use to the
 * others, and after some swaps the process holds twice what it needs. In one arena, with large
 * blocks beside it, it is a tenth more. */
static void share_memory(void) {
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 128 << 10); /* for good: by itself it rises to 32 MiB */
    mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

int main(int argc, char **argv) {
    share_memory();
    return harrierd_main(argc, argv, environ);
}
