/* The memory limits of cgroups, from files as the kernel writes them, in a folder. */
#include "server/ops/memory_limit.h"
#include "tests/unit/store/scratch.h"

#include <stdlib.h>
#include <sys/stat.h>

#define MACHINE (UINT64_C(16) << 30)

static int setup(void **state) {
    *state = scratch_make();
    return 0;
}

static int teardown(void **state) {
    scratch_remove(*state);
    return 0;
}

/* With the folders that it is in. */
static void put(const char *root, const char *name, const char *content) {
    char path[512];
    int length = snprintf(path, sizeof path, "%s%s", root, name);
    for (int i = (int)strlen(root) + 1; i < length; i++)
        if (path[i] == '/') {
            path[i] = '\0';
            mkdir(path, 0700);
            path[i] = '/';
        }
    scratch_write(path, content, strlen(content));
}

static void expect(const char *root, uint64_t bytes, const char *file) {
    struct memory_limit limit;
    memory_limit_read(root, MACHINE, &limit);
    assert_int_equal(limit.bytes, bytes);
    assert_string_equal(limit.file, file);
}

#define GROUP   "/proc/self/cgroup"
#define V2      "/sys/fs/cgroup"
#define V1      "/sys/fs/cgroup/memory"
#define UNIFIED "/sys/fs/cgroup/unified"

static void without_groups(void **state) {
    const char *root = *state;
    struct memory_limit limit;
    expect(root, MACHINE, "");
    memory_limit_read(root, 0, &limit);
    assert_int_equal(limit.bytes, 0);
    put(root, GROUP, "");
    expect(root, MACHINE, "");
    put(root, GROUP, "0::/nowhere\n");
    expect(root, MACHINE, "");
    put(root, V2 "/memory.max",
        "1000\n"); /* a limit is known even if the machine's memory is not */
    memory_limit_read(root, 0, &limit);
    assert_int_equal(limit.bytes, 1000);
}

static void version_2(void **state) {
    const char *root = *state;
    put(root, GROUP, "0::/system.slice/harrierd.service\n");
    put(root, V2 "/system.slice/harrierd.service/memory.max", "2147483648\n");
    expect(root, UINT64_C(2) << 30, V2 "/system.slice/harrierd.service/memory.max");
    put(root, V2 "/system.slice/harrierd.service/memory.max", "max\n");
    expect(root, MACHINE, "");
    put(root, V2 "/system.slice/harrierd.service/memory.max",
        "17179869185\n"); /* more than it has */
    expect(root, MACHINE, "");
}

static void the_smallest_on_the_way_up(void **state) {
    const char *root = *state;
    put(root, GROUP, "0::/a/b/c\n");
    put(root, V2 "/a/b/c/memory.max", "3000\n");
    put(root, V2 "/a/b/memory.max", "max\n");
    put(root, V2 "/a/memory.max", "2000\n");
    put(root, V2 "/a/b/c/d/memory.max", "10\n"); /* below: another group */
    put(root, V2 "/x/memory.max", "10\n");
    expect(root, 2000, V2 "/a/memory.max");
    put(root, V2 "/memory.max", "1000\n");
    expect(root, 1000, V2 "/memory.max");
    put(root, V2 "/a/b/memory.max", "500"); /* also without a newline */
    expect(root, 500, V2 "/a/b/memory.max");
}

/* Inside of a container: its own group is the root of what it sees. */
static void in_a_container(void **state) {
    const char *root = *state;
    put(root, V2 "/memory.max", "1000\n");
    static const char *const groups[] = {"0::/\n", "0::/docker/0123\n", "0::/../../x\n",
                                         "0::/..", "0::/a/../memory\n", "0::"};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        put(root, GROUP, groups[i]);
        expect(root, 1000, V2 "/memory.max");
    }
}

static void version_1(void **state) {
    const char *root = *state;
    put(root, GROUP,
        "5:devices:/other\n4:cpu,memory:/docker/0123\n3:memoryless:/small\n"
        "1:name=systemd:/docker/0123\n");
    put(root, V1 "/small/memory.limit_in_bytes", "10\n");
    put(root, V1 "/other/memory.limit_in_bytes", "10\n");
    put(root, V1 "/docker/0123/memory.limit_in_bytes", "9223372036854771712\n"); /* none */
    expect(root, MACHINE, "");
    put(root, V1 "/docker/memory.limit_in_bytes", "5000\n");
    expect(root, 5000, V1 "/docker/memory.limit_in_bytes");
    put(root, V1 "/docker/0123/memory.limit_in_bytes", "4000\n");
    expect(root, 4000, V1 "/docker/0123/memory.limit_in_bytes");
}

/* Version 2 beside version 1, as systemd mounts them together. */
static void both_versions(void **state) {
    const char *root = *state;
    put(root, GROUP, "4:memory:/a\n0::/a\n");
    put(root, V1 "/a/memory.limit_in_bytes", "4000\n");
    put(root, UNIFIED "/a/memory.max", "5000\n");
    expect(root, 4000, V1 "/a/memory.limit_in_bytes");
    put(root, UNIFIED "/a/memory.max", "3000\n");
    expect(root, 3000, UNIFIED "/a/memory.max");
}

static void nonsense(void **state) {
    const char *root = *state;
    static const char *const contents[] = {
        "",
        "\n",
        "0\n",
        "-1\n",
        "1k\n",
        "12 34\n",
        "1\n2\n",
        " 12\n",
        "maximum\n",
        "0x10",
        "1e9\n",
        "18446744073709551616\n",
        "00000000000000000000000000000000000000000000000000000000000000000000000000000001\n"};
    put(root, GROUP, "0::/a\n");
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        put(root, V2 "/a/memory.max", contents[i]);
        expect(root, MACHINE, "");
    }
    put(root, V2 "/a/memory.max", "1000\n");
    static const char *const groups[] = {"a",           "0:/a\n",   ":\n",     "::/b:/a",
                                         "\n\n0::/a\n", "x\n0::/a", "0::/a\n:"};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        put(root, GROUP, groups[i]);
        if (i < 4)
            expect(root, MACHINE, "");
        else
            expect(root, 1000, V2 "/a/memory.max");
    }
    char long_path[4096];
    memset(long_path, 'a', sizeof long_path);
    memcpy(long_path, "0::/", 4);
    memcpy(long_path + sizeof long_path - 2, "\n", 2);
    put(root, GROUP, long_path);
    expect(root, MACHINE, "");
    put(root, V2 "/memory.max", "1000\n");
    expect(root, 1000, V2 "/memory.max");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(without_groups), TEST(version_2), TEST(the_smallest_on_the_way_up),
        TEST(in_a_container), TEST(version_1), TEST(both_versions),
        TEST(nonsense),
    };
    return cmocka_run_group_tests_name("memory_limit", tests, NULL, NULL);
}
