/* A list of what is allowed, as a program for the kernel's filter, which has no loops. Calls that
 * are allowed whatever their arguments cost nothing from Linux 5.11 on: it remembers them.
 *
 * Not in the list, so that a fault in the server cannot be made more of:
 *
 *   execve, fork             another program: the events' command is started by a process of its
 *                            own, made before the filter (server/events/event_launcher.h). The
 *                            console's jobs are programs: for it they are allowed, with what the
 *                            loader of a program needs
 *   ptrace, process_vm_…,    other processes; who starts some may also end them
 *   pidfd_…, kill
 *   mount, unshare, setns,   the machine, and the parts of the kernel that faults are found in
 *   bpf, io_uring_…,
 *   userfaultfd, keyctl,
 *   perf_event_open, module
 *   set…uid, capset          other users
 *   memory that is made executable, or can be written and executed at once
 *
 * A call that is not allowed fails with EPERM; one newer than this list with ENOSYS, upon which the
 * C library takes an older one. Neither kills: the effect is denied either way, and a library that
 * tries something harmless would else end the service for everyone. The kernel reports each denial
 * to its audit log, if that is on. */
#include "syscall_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __x86_64__
#define MACHINE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define MACHINE AUDIT_ARCH_AARCH64
#endif

#ifdef __has_feature
#define has_feature(name) __has_feature(name)
#else
#define has_feature(name) 0
#endif
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ ||                                 \
    has_feature(address_sanitizer) || has_feature(thread_sanitizer)
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41 /* malloc names its memory with it */
#endif

/* Numbers are the same on all machines from 424 on; what came after this one is not known here:
 * fchmodat2, of Linux 6.6. */
#define NEWEST_KNOWN 452

/* Allowed with all arguments. */
static const uint16_t allowed[] = {
    /* files: which ones is Landlock's part */
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_preadv,
    SYS_pwritev,
    SYS_preadv2,
    SYS_pwritev2,
    SYS_sendfile,
    SYS_copy_file_range,
    SYS_openat,
    SYS_openat2,
    SYS_close,
    SYS_close_range,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_fstatfs,
    SYS_statfs,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_readlinkat,
    SYS_getdents64,
    SYS_getcwd,
    SYS_lseek,
    SYS_ftruncate,
    SYS_truncate,
    SYS_fallocate,
    SYS_fsync,
    SYS_fdatasync,
    SYS_sync_file_range,
    SYS_syncfs,
    SYS_fadvise64,
    SYS_readahead,
    SYS_flock,
    SYS_fcntl,
    SYS_dup,
    SYS_dup3,
    SYS_pipe2,
    SYS_mkdirat,
    SYS_unlinkat,
    SYS_renameat2,
    SYS_linkat,
    SYS_symlinkat,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_fchownat,
    SYS_utimensat,
    SYS_umask,
    SYS_inotify_init1,
    SYS_inotify_add_watch,
    SYS_inotify_rm_watch,
    SYS_memfd_create,
#ifdef SYS_open
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_getdents,
    SYS_creat,
    SYS_dup2,
    SYS_pipe,
    SYS_mkdir,
    SYS_rmdir,
    SYS_unlink,
    SYS_link,
    SYS_symlink,
    SYS_chmod,
    SYS_chown,
    SYS_lchown,
    SYS_rename,
#endif
#ifdef SYS_renameat
    SYS_renameat,
#endif
    452, /* fchmodat2 */
    /* waiting */
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_epoll_pwait2,
    SYS_ppoll,
    SYS_pselect6,
    SYS_eventfd2,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_timerfd_gettime,
    SYS_signalfd4,
#ifdef SYS_epoll_wait
    SYS_epoll_create,
    SYS_epoll_wait,
    SYS_poll,
    SYS_select,
    SYS_eventfd,
    SYS_signalfd,
#endif
    SYS_nanosleep,
    SYS_clock_nanosleep,
    /* sockets: socket() itself is below */
    SYS_socketpair,
    SYS_bind,
    SYS_connect,
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_getsockname,
    SYS_getpeername,
    SYS_setsockopt,
    SYS_getsockopt,
    SYS_sendto,
    SYS_recvfrom,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_sendmmsg,
    SYS_recvmmsg,
    SYS_shutdown,
    /* memory: mmap() and mprotect() are below */
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_mincore,
    SYS_mlock,
    SYS_mlock2,
    SYS_munlock,
    SYS_msync,
    SYS_brk,
    SYS_membarrier,
    /* threads, signals, and what is known of the process itself */
    SYS_futex,
    SYS_set_robust_list,
    SYS_get_robust_list,
    SYS_rseq,
    SYS_set_tid_address,
    SYS_gettid,
    SYS_getpid,
    SYS_getppid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getgroups,
    SYS_getresuid,
    SYS_getresgid,
    SYS_exit,
    SYS_exit_group,
    SYS_wait4,
    SYS_waitid,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_sched_setaffinity,
    SYS_sched_getparam,
    SYS_sched_getscheduler,
    SYS_sched_getattr,
    SYS_sched_setscheduler,
    SYS_sched_get_priority_min,
    SYS_sched_get_priority_max,
    SYS_getpriority,
    SYS_setpriority,
    SYS_ioprio_get,
    SYS_ioprio_set,
    SYS_getcpu,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigpending,
    SYS_rt_sigtimedwait,
    SYS_rt_sigsuspend,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_getrusage,
    SYS_times,
    SYS_sysinfo,
    SYS_uname,
    SYS_getrlimit,
    SYS_getrandom,
    /* time */
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_gettimeofday,
    SYS_getitimer,
    SYS_setitimer,
#ifdef SYS_time
    SYS_time,
    SYS_alarm,
    SYS_pause,
#endif
};
#define ALLOWED (sizeof allowed / sizeof *allowed)

/* And where programs are started. */
static const uint16_t allowed_with_programs[] = {
    SYS_execve,     SYS_kill,  SYS_tgkill, SYS_setpgid, SYS_getpgid, SYS_chdir, SYS_fchdir,
#ifdef SYS_arch_prctl
    SYS_arch_prctl, /* the register of thread-local variables */
    SYS_fork,       SYS_vfork,
#endif
};
#define ALLOWED_WITH_PROGRAMS (sizeof allowed_with_programs / sizeof *allowed_with_programs)
#define NAMESPACES                                                                                 \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)

static const uint32_t allowed_ioctls[] = {
    FIONREAD,     FIONBIO,     FIOCLEX, FIONCLEX, TCGETS, /* isatty() */ TIOCGWINSZ,
    SIOCGIFINDEX, SIOCGIFNAME, /* name servers such as fe80::1%eth0 */
};
static const uint32_t allowed_prctls[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_SET_VMA,
                                          PR_CAPBSET_READ};
static const uint32_t allowed_prctls_with_programs[] = {
    PR_SET_NAME,     PR_GET_NAME,      PR_GET_DUMPABLE,    PR_SET_VMA,
    PR_CAPBSET_READ, PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS};
static const uint32_t allowed_families[] = {AF_UNIX, AF_INET, AF_INET6};

/* ---- the program ---- */

#define PROGRAM_MAX 1024
struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short length;
};

static void add(struct program *program, uint16_t code, uint8_t if_true, uint8_t if_false,
                uint32_t value) {
    if (program->length < PROGRAM_MAX)
        program->code[program->length++] =
            (struct sock_filter)BPF_JUMP(code, value, if_true, if_false);
}

static void load(struct program *program, size_t offset) {
    add(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void end_with(struct program *program, uint32_t action) {
    add(program, BPF_RET | BPF_K, 0, 0, action);
}

static void end_with_errno(struct program *program, int number) {
    end_with(program, SECCOMP_RET_ERRNO | (uint32_t)number);
}

/* The accumulator equals the value: the program ends there. */
static void allow_if(struct program *program, uint32_t value) {
    add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
    end_with(program, SECCOMP_RET_ALLOW);
}

/* The lower half of an argument, in which all that is looked at here has its bits. */
static void load_argument(struct program *program, int index) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    size_t half = sizeof(uint32_t);
#else
    size_t half = 0;
#endif
    load(program, offsetof(struct seccomp_data, args) + 8 * (size_t)index + half);
}

/* The call is allowed if its argument is one of the values; the part skips itself for other calls.
 */
static void allow_values(struct program *program, long call, int argument, const uint32_t *values,
                         size_t count, int number) {
    add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)(2 * count + 2), (uint32_t)call);
    load_argument(program, argument);
    for (size_t i = 0; i < count; i++)
        allow_if(program, values[i]);
    end_with_errno(program, number);
}

/* The call is allowed if `mask` of its argument is (is_wanted) or is not `value`. */
static void allow_bits(struct program *program, long call, int argument, uint32_t mask,
                       uint32_t value, bool is_wanted) {
    add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, (uint32_t)call);
    load_argument(program, argument);
    add(program, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, is_wanted ? 1 : 0, is_wanted ? 0 : 1, value);
    end_with_errno(program, EPERM);
    end_with(program, SECCOMP_RET_ALLOW);
}

/* Threads, and no processes; or both, and none in namespaces of its own. What clone3() is asked for
 * is in memory, which a filter cannot read: the C library falls back to clone(). */
static void write_clone(struct program *program, bool starts_programs) {
    if (starts_programs)
        allow_bits(program, SYS_clone, 0, NAMESPACES, 0, true);
    else
        allow_bits(program, SYS_clone, 0, CLONE_THREAD, CLONE_THREAD, true);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_clone3);
    end_with_errno(program, ENOSYS);
}

static void write_prctl(struct program *program, bool starts_programs) {
    if (starts_programs)
        allow_values(program, SYS_prctl, 0, allowed_prctls_with_programs,
                     sizeof allowed_prctls_with_programs / sizeof *allowed_prctls_with_programs,
                     EPERM);
    else
        allow_values(program, SYS_prctl, 0, allowed_prctls,
                     sizeof allowed_prctls / sizeof *allowed_prctls, EPERM);
}

static void write_special(struct program *program, bool starts_programs) {
    const uint32_t self = (uint32_t)getpid(), this_process = 0; /* or this thread */
    /* mmap(): code from files, as libraries that are loaded later have, but nothing that can be
     * written and executed; mprotect(): what was written stays data. */
    allow_bits(program, SYS_mmap, 2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC, false);
    allow_bits(program, SYS_mprotect, 2, PROT_EXEC, PROT_EXEC, false);
    write_clone(program, starts_programs);
    allow_values(program, SYS_socket, 0, allowed_families,
                 sizeof allowed_families / sizeof *allowed_families, EAFNOSUPPORT);
    allow_values(program, SYS_ioctl, 1, allowed_ioctls,
                 sizeof allowed_ioctls / sizeof *allowed_ioctls, EPERM);
    write_prctl(program, starts_programs);
    allow_values(program, SYS_prlimit64, 0, &this_process, 1, EPERM);
    allow_values(program, SYS_sched_setattr, 0, &this_process, 1, EPERM);
    if (!starts_programs) /* else abort() of another process, too */
        allow_values(program, SYS_tgkill, 0, &self, 1, EPERM); /* abort(), pthread_kill() */
}

#ifdef MACHINE
static void write_program(struct program *program, bool starts_programs) {
    load(program, offsetof(struct seccomp_data, arch));
    add(program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, MACHINE);
    end_with(program, SECCOMP_RET_KILL_PROCESS); /* a 32-bit call: the numbers mean others */
    load(program, offsetof(struct seccomp_data, nr));
    write_special(program, starts_programs);
    for (size_t i = 0; i < ALLOWED; i++)
        allow_if(program, allowed[i]);
    for (size_t i = 0; i < ALLOWED_WITH_PROGRAMS && starts_programs; i++)
        allow_if(program, allowed_with_programs[i]);
    add(program, BPF_JMP | BPF_JGT | BPF_K, 0, 1, NEWEST_KNOWN);
    end_with_errno(program, ENOSYS);
    end_with_errno(program, EPERM);
}
#endif

bool syscall_filter_is_possible(void) {
#ifdef MACHINE
    return !IS_SANITIZED;
#else
    return false;
#endif
}

int syscall_filter_enter(bool starts_programs, struct error *ret_error) {
    if (!syscall_filter_is_possible())
        return error_set(ret_error, ERROR_SYSTEM,
                         "there is no filter for this machine or for a build with a sanitizer");
#ifndef MACHINE
    (void)starts_programs;
#else
    struct program program = {.length = 0};
    write_program(&program, starts_programs);
    if (program.length == PROGRAM_MAX)
        return error_set(ret_error, ERROR_SYSTEM, "the filter has no room");
    const struct sock_fprog filter = {.len = program.length, .filter = program.code};
    /* Before Linux 5.16 a filter also slows down the processor's speculation, unless it says no. */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter) < 0)
        return error_set_errno(ret_error, errno, "seccomp");
#endif
    return 0;
}
