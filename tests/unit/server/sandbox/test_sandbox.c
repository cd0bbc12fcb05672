/* Each attempt is made by a process of its own, in the sandbox and outside of it: what fails in it
 * with the errno that is expected must not fail like that outside. */
#include "server/sandbox/sandbox.h"
#include "server/sandbox/syscall_filter.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIED    255 /* by a signal */
#define PROGRAM "/bin/cat"

struct place {
    char *folder; /* has these: */
    char kept[300], other[300];
    char file[350], other_file[350]; /* one in each */
    uint16_t port, other_port;       /* somebody listens on both */
    int listening, other_listening;
};

typedef int attempt_function(const struct place *place); /* returns an errno */

static int listen_somewhere(uint16_t *ret_port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(descriptor, 8), 0);
    assert_int_equal(getsockname(descriptor, (struct sockaddr *)&address, &length), 0);
    *ret_port = ntohs(address.sin_port);
    return descriptor;
}

static int set_up(void **state) {
    struct place *place = calloc(1, sizeof *place);
    place->folder = scratch_make();
    snprintf(place->kept, sizeof place->kept, "%s/kept", place->folder);
    snprintf(place->other, sizeof place->other, "%s/other", place->folder);
    snprintf(place->file, sizeof place->file, "%s/file", place->kept);
    snprintf(place->other_file, sizeof place->other_file, "%s/file", place->other);
    assert_int_equal(mkdir(place->kept, 0700), 0);
    assert_int_equal(mkdir(place->other, 0700), 0);
    scratch_write(place->file, "a", 1);
    scratch_write(place->other_file, "b", 1);
    place->listening = listen_somewhere(&place->port);
    place->other_listening = listen_somewhere(&place->other_port);
    *state = place;
    return 0;
}

static int tear_down(void **state) {
    struct place *place = *state;
    close(place->listening);
    close(place->other_listening);
    scratch_remove(place->folder);
    free(place);
    return 0;
}

/* ---- an attempt ---- */

/* What a sandbox keeps for it. */
enum keeps { KEEPS_READ, KEEPS_WRITE, KEEPS_LISTEN, KEEPS_FILE, KEEPS_ALL_PORTS, KEEPS_PROGRAM };

static struct sandbox_state enter(const struct place *place, enum keeps keeps) {
    static const enum landlock_rights rights[] = {
        [KEEPS_READ] = LANDLOCK_READ,      [KEEPS_WRITE] = LANDLOCK_WRITE,
        [KEEPS_LISTEN] = LANDLOCK_LISTEN,  [KEEPS_FILE] = LANDLOCK_READ,
        [KEEPS_ALL_PORTS] = LANDLOCK_READ, [KEEPS_PROGRAM] = LANDLOCK_READ};
    struct sandbox *sandbox = sandbox_new();
    struct sandbox_state state;
    sandbox_keep_system(sandbox);
    if (keeps == KEEPS_FILE)
        sandbox_keep_replaced(sandbox, place->file, rights[keeps]);
    else
        sandbox_keep_folder(sandbox, place->kept, rights[keeps]);
    sandbox_keep_port(sandbox, place->port, false, true);
    if (keeps == KEEPS_ALL_PORTS)
        sandbox_keep_all_ports(sandbox);
    if (keeps == KEEPS_PROGRAM)
        sandbox_keep_program(sandbox, PROGRAM);
    sandbox_enter(sandbox, &state);
    sandbox_free(sandbox);
    return state;
}

/* Returns what the attempt did; DIED. */
static int result_of(const struct place *place, attempt_function *attempt, bool is_confined,
                     enum keeps keeps) {
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (is_confined)
            enter(place, keeps);
        _exit(attempt(place));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : DIED;
}

static void check_denied(const struct place *place, attempt_function *attempt, enum keeps keeps,
                         int expected) {
    assert_int_equal(result_of(place, attempt, true, keeps), expected);
    assert_int_not_equal(result_of(place, attempt, false, keeps), expected);
}

static void check_allowed(const struct place *place, attempt_function *attempt, enum keeps keeps) {
    assert_int_equal(result_of(place, attempt, true, keeps), 0);
}

static int error_of(long result) {
    return result < 0 ? errno : 0;
}

/* ---- files ---- */

static int read_kept(const struct place *place) {
    return error_of(open(place->file, O_RDONLY | O_CLOEXEC));
}
static int read_other(const struct place *place) {
    return error_of(open(place->other_file, O_RDONLY | O_CLOEXEC));
}
static int list_other(const struct place *place) {
    return error_of(open(place->other, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}
static int write_kept(const struct place *place) {
    return error_of(open(place->file, O_WRONLY | O_CLOEXEC));
}
static int create_kept(const struct place *place) {
    char path[400];
    snprintf(path, sizeof path, "%s/new-%d", place->kept, getpid());
    return error_of(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}
static int create_other(const struct place *place) {
    char path[400];
    snprintf(path, sizeof path, "%s/new-%d", place->other, getpid());
    return error_of(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}
static int truncate_kept(const struct place *place) {
    return error_of(truncate(place->file, 0));
}
static int remove_other(const struct place *place) {
    return error_of(unlink(place->other_file));
}
static int make_temporary(const struct place *place) {
    (void)place;
    char path[] = "/var/tmp/harrier-sandbox-XXXXXX";
    int descriptor = mkstemp(path);
    if (descriptor >= 0)
        unlink(path);
    return error_of(descriptor);
}

/* What a store does: folders, links, moves between folders, removal. */
static int work_in_kept(const struct place *place) {
    char folder[400], from[500], to[500], link[500];
    int number = 0;
    snprintf(folder, sizeof folder, "%s/folder-%d", place->kept, getpid());
    snprintf(from, sizeof from, "%s/draft-%d", place->kept, getpid());
    snprintf(to, sizeof to, "%s/file", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    if (mkdir(folder, 0700) < 0)
        number = errno;
    int descriptor = open(from, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0 || ftruncate(descriptor, 4096) < 0 || rename(from, to) < 0 ||
        symlink("file", link) < 0 || truncate(to, 1) < 0 || unlink(link) < 0 || unlink(to) < 0 ||
        rmdir(folder) < 0)
        number = errno;
    return number;
}

static void only_kept_folders_can_be_opened(void **state) {
    const struct place *place = *state;
    check_allowed(place, read_kept, KEEPS_READ);
    check_denied(place, write_kept, KEEPS_READ, EACCES);
    check_denied(place, create_kept, KEEPS_READ, EACCES);
    check_denied(place, read_other, KEEPS_READ, EACCES);
    check_denied(place, list_other, KEEPS_READ, EACCES);
    check_denied(place, make_temporary, KEEPS_READ, EACCES);
    check_allowed(place, read_kept, KEEPS_WRITE);
    check_allowed(place, write_kept, KEEPS_WRITE);
    check_allowed(place, create_kept, KEEPS_WRITE);
    check_allowed(place, work_in_kept, KEEPS_WRITE);
    check_denied(place, create_other, KEEPS_WRITE, EACCES);
    check_denied(place, remove_other, KEEPS_WRITE, EACCES);
    if (landlock_version() >= 3)
        check_denied(place, truncate_kept, KEEPS_READ, EACCES);
}

static void *run_thread(void *user) {
    return (void *)(intptr_t)read_other(user);
}
static int read_other_from_a_thread(const struct place *place) {
    pthread_t thread;
    void *result;
    int number = pthread_create(&thread, NULL, run_thread, (void *)(uintptr_t)place);
    if (number)
        return number;
    pthread_join(thread, &result);
    return (int)(intptr_t)result;
}

static void threads_are_in_it(void **state) {
    check_denied(*state, read_other_from_a_thread, KEEPS_READ, EACCES);
}

/* Another file is renamed over it, as `harrier token` does, by a process that is not confined. */
static void a_file_may_be_replaced(void **state) {
    const struct place *place = *state;
    int status, gate[2];
    char draft[400], byte = 0;
    snprintf(draft, sizeof draft, "%s/draft", place->kept);
    assert_int_equal(pipe(gate), 0);
    pid_t child = fork();
    if (child == 0) {
        enter(place, KEEPS_FILE);
        if (read(gate[0], &byte, 1) != 1)
            _exit(DIED);
        int descriptor = open(place->file, O_RDONLY | O_CLOEXEC);
        if (descriptor < 0 || read(descriptor, &byte, 1) != 1)
            _exit(errno);
        _exit(byte == 'c' && read_other(place) == EACCES ? 0 : DIED);
    }
    scratch_write(draft, "c", 1);
    assert_int_equal(rename(draft, place->file), 0);
    assert_int_equal(write(gate[1], "", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(gate[0]);
    close(gate[1]);
}

/* The link "current" on the way to a file is switched from one release to the next: SIGHUP then
 * reads the file by the same path. What is beside the releases' folder stays hidden. */
static void a_link_on_the_way_may_be_switched(void **state) {
    struct place place = *(const struct place *)*state;
    char path[400], link[400];
    snprintf(path, sizeof path, "%s/releases", place.other);
    assert_int_equal(mkdir(path, 0700), 0);
    for (int i = 1; i <= 2; i++) {
        snprintf(path, sizeof path, "%s/releases/%d", place.other, i);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof path, "%s/releases/%d/file", place.other, i);
        scratch_write(path, i == 1 ? "1" : "2", 1);
    }
    snprintf(link, sizeof link, "%s/current", place.kept);
    assert_int_equal(symlink("../other/releases/1", link), 0);
    snprintf(place.file, sizeof place.file, "%s/current/file", place.kept);
    int status, gate[2], entered[2];
    char byte = 0;
    assert_int_equal(pipe(gate), 0);
    assert_int_equal(pipe(entered), 0);
    pid_t child = fork();
    if (child == 0) {
        enter(&place, KEEPS_FILE);
        if (write(entered[1], "", 1) != 1 || read(gate[0], &byte, 1) != 1)
            _exit(DIED);
        int descriptor = open(place.file, O_RDONLY | O_CLOEXEC);
        if (descriptor < 0 || read(descriptor, &byte, 1) != 1)
            _exit(errno);
        _exit(byte == '2' && read_other(&place) == EACCES ? 0 : DIED);
    }
    assert_int_equal(read(entered[0], &byte, 1), 1);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink("../other/releases/2", link), 0);
    assert_int_equal(write(gate[1], "", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(gate[0]);
    close(gate[1]);
    close(entered[0]);
    close(entered[1]);
}

static int hide_and_seek(const struct place *place) {
    bool is_right = sandbox_hides(place->other_file) && !sandbox_hides(place->file) &&
                    !sandbox_hides("/nonexistent");
    return is_right ? 0 : DIED;
}

static void what_is_hidden_is_known(void **state) {
    const struct place *place = *state;
    check_allowed(place, hide_and_seek, KEEPS_READ);
    assert_false(sandbox_hides(place->other_file));
}

/* ---- sockets ---- */

static int bind_at(const char *folder) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.80s/s%d", folder, getpid());
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int number = error_of(bind(descriptor, (struct sockaddr *)&address, sizeof address));
    return number ? number : error_of(unlink(address.sun_path));
}
static int bind_kept(const struct place *place) {
    return bind_at(place->kept);
}
static int bind_other(const struct place *place) {
    return bind_at(place->other);
}

static int connect_to(uint16_t port) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return error_of(connect(descriptor, (const struct sockaddr *)&address, sizeof address));
}
static int connect_kept(const struct place *place) {
    return connect_to(place->port);
}
static int connect_other(const struct place *place) {
    return connect_to(place->other_port);
}
static int bind_port(const struct place *place) {
    (void)place;
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return error_of(bind(descriptor, (const struct sockaddr *)&address, sizeof address));
}

static void sockets_are_where_they_are_kept(void **state) {
    const struct place *place = *state;
    check_allowed(place, bind_kept, KEEPS_LISTEN);
    check_denied(place, bind_kept, KEEPS_READ, EACCES);
    check_denied(place, bind_other, KEEPS_LISTEN, EACCES);
    if (landlock_version() < 4)
        return;
    check_allowed(place, connect_kept, KEEPS_READ);
    check_denied(place, connect_other, KEEPS_READ, EACCES);
    check_denied(place, bind_port, KEEPS_READ, EACCES);
    check_allowed(place, connect_other, KEEPS_ALL_PORTS);
    check_allowed(place, bind_port, KEEPS_ALL_PORTS);
}

static int signal_parent(const struct place *place) {
    (void)place;
    return error_of(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

/* ---- system calls ---- */

static int run_program(const struct place *place) {
    (void)place;
    execl("/bin/true", "true", (char *)NULL);
    return errno;
}
static int spawn_program(const struct place *place) {
    (void)place;
    char *const arguments[] = {(char *)(uintptr_t)"true", NULL};
    return posix_spawn(NULL, "/bin/true", NULL, NULL, arguments, NULL);
}
static int make_process(const struct place *place) {
    (void)place;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return error_of(child);
}
static int be_traced(const struct place *place) {
    (void)place;
    return error_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}
static int make_code(const struct place *place) {
    (void)place;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return error_of(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}
static int map_writable_code(const struct place *place) {
    (void)place;
    void *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? errno : 0;
}
static int talk_to_kernel(const struct place *place) {
    (void)place;
    return error_of(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}
static int send_signal(const struct place *place) {
    (void)place;
    return error_of(kill(getppid(), 0));
}
static int become_dumpable(const struct place *place) {
    (void)place;
    return error_of(prctl(PR_SET_DUMPABLE, 1));
}
static int read_other_process(const struct place *place) {
    (void)place;
    char byte;
    struct iovec part = {&byte, 1};
    return error_of(syscall(SYS_process_vm_readv, getpid(), &part, 1, &part, 1, 0));
}
static int change_user(const struct place *place) {
    (void)place;
    return error_of(setuid(getuid()));
}
static int limit_other_process(const struct place *place) {
    (void)place;
    return error_of(prlimit(getppid(), RLIMIT_CORE, NULL, NULL));
}
/* A call that no kernel has yet. */
static int call_the_future(const struct place *place) {
    (void)place;
    return error_of(syscall(4000));
}

static int do_ordinary_things(const struct place *place) {
    (void)place;
    char *memory = malloc(8 << 20);
    memset(memory, 1, 8 << 20);
    free(memory);
    int pair[2], memfd = memfd_create("x", MFD_CLOEXEC);
    if (memfd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return errno;
    pthread_t thread;
    int number = pthread_create(&thread, NULL, run_thread, (void *)(uintptr_t)place);
    if (number == 0)
        number = pthread_join(thread, NULL);
    if (number == 0)
        number = prctl(PR_SET_NAME, "x") < 0 ? errno : 0;
    return number ? number : isatty(0) || errno != EPERM ? 0 : EPERM;
}
/* As the C library does for a name server such as fe80::1%eth0 in /etc/resolv.conf. */
static int look_up_interface(const struct place *place) {
    char name[IF_NAMESIZE];
    (void)place;
    unsigned index = if_nametoindex("lo");
    return index > 0 && if_indextoname(index, name) ? 0 : errno;
}
/* A short slice, which the threads that decide ask for: server/ops/cpu_affinity.c. */
static int shorten_slice(const struct place *place) {
    const struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime_ns, deadline_ns, period_ns;
    } slice = {.size = sizeof slice, .policy = SCHED_OTHER, .runtime_ns = 100000};
    (void)place;
    return error_of(syscall(SYS_sched_setattr, 0, &slice, 0));
}
static int abort_itself(const struct place *place) {
    (void)place;
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void other_system_calls_fail(void **state) {
    const struct place *place = *state;
    static const struct {
        attempt_function *attempt;
        int number;
    } denied[] = {{run_program, EPERM},
                  {spawn_program, EPERM},
                  {make_process, EPERM},
                  {be_traced, EPERM},
                  {make_code, EPERM},
                  {map_writable_code, EPERM},
                  {talk_to_kernel, EAFNOSUPPORT},
                  {send_signal, EPERM},
                  {become_dumpable, EPERM},
                  {read_other_process, EPERM},
                  {change_user, EPERM},
                  {signal_parent, EPERM},
                  {limit_other_process, EPERM}};
    if (!syscall_filter_is_possible())
        skip();
    for (size_t i = 0; i < sizeof denied / sizeof *denied; i++)
        check_denied(place, denied[i].attempt, KEEPS_READ, denied[i].number);
    assert_int_equal(result_of(place, call_the_future, true, KEEPS_READ), ENOSYS);
    check_allowed(place, do_ordinary_things, KEEPS_READ);
    check_allowed(place, look_up_interface, KEEPS_READ);
    check_allowed(place, shorten_slice, KEEPS_READ);
    assert_int_equal(result_of(place, abort_itself, true, KEEPS_READ), DIED);
}

/* ---- programs ---- */

/* The status of what is run; 300 and an errno: it was not. */
static int run(const char *program, const char *word) {
    const char *const arguments[] = {program, word, NULL};
    int status, ends[2];
    pid_t child;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return 300 + errno;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, STDERR_FILENO);
    int number =
        posix_spawn(&child, program, &actions, NULL, (char *const *)(uintptr_t)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (number == 0 && (waitpid(child, &status, 0) != child || !WIFEXITED(status)))
        status = DIED << 8;
    close(ends[0]);
    close(ends[1]);
    return number ? 300 + number : WEXITSTATUS(status);
}

/* cat of an empty standard input: its loader, its libraries, and what each program does first. */
static int run_kept_program(const struct place *place) {
    (void)place;
    return run(PROGRAM, "-") == 0 ? 0 : EPERM;
}
static int run_other_program(const struct place *place) {
    (void)place;
    return run("/bin/true", NULL) == 300 + EACCES ? EACCES : 0;
}
/* What is run is in the same sandbox: it cannot read what its user may read. */
static int let_it_read_other(const struct place *place) {
    return run(PROGRAM, place->other_file) == 1 ? EACCES : 0;
}
static int end_process(const struct place *place) {
    (void)place;
    int status;
    pid_t child = fork();
    if (child == 0) {
        for (;;)
            pause();
    }
    if (child < 0 || setpgid(child, child) < 0 || kill(-child, SIGKILL) < 0 ||
        waitpid(child, &status, 0) < 0)
        return errno;
    return 0;
}
static int make_namespace(const struct place *place) {
    (void)place;
    pid_t child =
        (pid_t)syscall(SYS_clone, CLONE_NEWUSER | (unsigned long)SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0)
        _exit(0);
    return error_of(child);
}
static int leave_namespace(const struct place *place) {
    (void)place;
    return error_of(unshare(CLONE_NEWUSER));
}
static int add_key(const struct place *place) {
    (void)place;
    return error_of(syscall(SYS_add_key, "user", "harrier", "x", 1, -2 /* of the process */));
}

/* As the console is, for its jobs. */
static void programs_can_be_kept(void **state) {
    const struct place *place = *state;
    static const struct {
        attempt_function *attempt;
        int number;
    } denied[] = {{be_traced, EPERM},         {make_code, EPERM},
                  {map_writable_code, EPERM}, {talk_to_kernel, EAFNOSUPPORT},
                  {become_dumpable, EPERM},   {read_other_process, EPERM},
                  {change_user, EPERM},       {limit_other_process, EPERM}};
    /* In a chroot or a container these fail in the same way without the sandbox. */
    static attempt_function *const elsewhere[] = {make_namespace, leave_namespace, add_key};
    check_allowed(place, run_kept_program, KEEPS_PROGRAM);
    check_allowed(place, end_process, KEEPS_PROGRAM);
    if (landlock_version() >= LANDLOCK_VERSION_FILES) {
        check_denied(place, run_other_program, KEEPS_PROGRAM, EACCES);
        check_denied(place, let_it_read_other, KEEPS_PROGRAM, EACCES);
    }
    if (!syscall_filter_is_possible())
        skip();
    for (size_t i = 0; i < sizeof denied / sizeof *denied; i++)
        check_denied(place, denied[i].attempt, KEEPS_PROGRAM, denied[i].number);
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        assert_int_equal(result_of(place, elsewhere[i], true, KEEPS_PROGRAM), EPERM);
    check_allowed(place, do_ordinary_things, KEEPS_PROGRAM);
    assert_int_equal(result_of(place, abort_itself, true, KEEPS_PROGRAM), DIED);
}

#ifdef __x86_64__
static int call_as_32_bits(const struct place *place) {
    (void)place;
    long number = 20; /* getpid there, writev here */
    __asm__ volatile("int $0x80" : "+a"(number) : : "memory");
    return number > 0 ? 0 : 1;
}
static void calls_of_another_machine_kill(void **state) {
    if (!syscall_filter_is_possible())
        skip();
    assert_int_equal(result_of(*state, call_as_32_bits, true, KEEPS_READ), DIED);
}
#endif

/* ---- what is said ---- */

static int enter_and_describe(const struct place *place) {
    char text[SANDBOX_TEXT_SIZE], expected[100];
    struct sandbox_state state = enter(place, KEEPS_READ);
    sandbox_describe(&state, text);
    snprintf(expected, sizeof expected, "files (Landlock %d), ", landlock_version());
    bool is_right = state.no_new_privileges && strstr(text, "no new privileges") &&
                    state.system_calls == syscall_filter_is_possible() &&
                    (landlock_version() < LANDLOCK_VERSION_FILES || strstr(text, expected) == text);
    return is_right && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0 ? 0 : DIED;
}

static void it_says_what_is_in_force(void **state) {
    char text[SANDBOX_TEXT_SIZE];
    const struct sandbox_state without = {.no_new_privileges = true,
                                          .files_problem = "the kernel has no Landlock",
                                          .system_calls_problem = "seccomp: no"};
    assert_int_equal(result_of(*state, enter_and_describe, false, KEEPS_READ), 0);
    assert_string_equal(sandbox_describe(&without, text),
                        "no new privileges; files and ports are not limited: the kernel has no "
                        "Landlock; system calls are not limited: seccomp: no");
}

static int hide(const struct place *place) {
    (void)place;
    sandbox_hide_memory();
    return prctl(PR_GET_DUMPABLE) == !syscall_filter_is_possible() ? 0 : DIED;
}

static void memory_is_hidden(void **state) {
    assert_int_equal(result_of(*state, hide, false, KEEPS_READ), 0);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest with_files[] = {
        in_place(only_kept_folders_can_be_opened), in_place(threads_are_in_it),
        in_place(a_file_may_be_replaced),          in_place(what_is_hidden_is_known),
        in_place(sockets_are_where_they_are_kept), in_place(a_link_on_the_way_may_be_switched),
    };
    const struct CMUnitTest others[] = {
        in_place(other_system_calls_fail),       in_place(programs_can_be_kept),
#ifdef __x86_64__
        in_place(calls_of_another_machine_kill),
#endif
        in_place(it_says_what_is_in_force),      in_place(memory_is_hidden),
    };
    int failed = 0;
    if (landlock_version() >= LANDLOCK_VERSION_FILES)
        failed = cmocka_run_group_tests(with_files, NULL, NULL);
    else
        fprintf(stderr, "the kernel has no Landlock: not tested\n");
    return failed + cmocka_run_group_tests(others, NULL, NULL);
}
