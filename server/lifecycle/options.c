/* The table of options, and reading them: flags override the environment, which overrides the file.
 * Checks that involve more than one option are in check_together(). */
#include "options.h"

#include "core/engine/engine.h"
#include "core/policy/lang/read.h"
#include "core/wire/message/message.h"
#include "server/events/events.h"
#include "server/net/address.h"
#include "server/ops/log.h"
#include "server/ops/reject_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_FILE       "/etc/harrier/harrierd.conf"
#define PREFIX             "HARRIERD_"
#define CREDENTIALS        "CREDENTIALS_DIRECTORY" /* systemd's, of LoadCredential= */
#define CREDENTIAL_PREFIX  "harrierd."
#define FILE_VARIABLE      PREFIX "CONFIG"
#define FILE_BYTES_MAX     (1u << 20)
#define US_PER_MS          INT64_C(1000)
#define US_PER_S           INT64_C(1000000)
#define US_PER_DAY         (86400 * US_PER_S)
#define HTTP_ADDRESSES_MAX 8
/* Where option_set writes the value. */
#define AT(field) .offset = offsetof(struct options, field)

static const char *const tls_version_names[] = {"1.3", "1.2", NULL};
static const char *const sandbox_names[] = {"on", "off", NULL};
static const char *const archive_failure_names[] = {"stop", "degrade", NULL};
static const char *const durability_names[] = {"written", "synced", "replicated", NULL};

/* Headings of --help and of the example file. */
#define ADDRESSES "Addresses"
#define DECISIONS "Decisions"
#define STORAGE   "Storage"
#define CLUSTER   "Cluster"
#define OPERATION "Operation"
#define EVENTS_TO "Events"

/* A row: heading, name, type, field, default; then bounds, and .reloadable if SIGHUP applies a
 * change. The help text is what users read everywhere: --help, deploy/harrierd.conf and the manual.
 */
static const struct option table[] = {
    {ADDRESSES, "listen", OPTION_LIST, AT(listen), "tcp://127.0.0.1:7731",
     .help = "Addresses for clients: " ADDRESS_SCHEMES
             ". Separate several with commas, or repeat the option."},
    {ADDRESSES, "tokens", OPTION_TEXT, AT(tokens), "",
     .help = "File of the tokens that clients need, made with `harrier token`. With it every "
             "request, on every address, must carry a token that allows the call. Loaded again "
             "when the file changes, on SIGHUP and by `harrier reload`. Empty: no tokens are "
             "checked, and the server listens on loopback and ipc addresses only."},
    {ADDRESSES, "insecure_listen", OPTION_FLAG, AT(insecure_listen), "no",
     .help = "Allow addresses that other machines can reach although no tokens are configured: "
             "anyone who reaches the server may then score transactions and read entities. Only "
             "for networks that keep others out."},
    {ADDRESSES, "ipc_mode", OPTION_TEXT, AT(ipc_mode), "0660",
     .help = "Mode of the sockets of ipc addresses: write permission is what a client needs to "
             "connect. The folder around the socket must be accessible, too."},
    {ADDRESSES, "ipc_group", OPTION_TEXT, AT(ipc_group), "",
     .help = "Group of these sockets; the server's user must be a member. Empty: the server's "
             "group."},
    {ADDRESSES, "admin_listen", OPTION_TEXT, AT(admin_listen), "127.0.0.1:7732",
     .help = "HOST:PORT of /livez, /readyz, /primary and /metrics over HTTP; loopback only. Empty: "
             "off."},
    {ADDRESSES, "http_listen", OPTION_LIST, AT(http_listen), "",
     .help = "HOST:PORT of the JSON API over HTTP, for clients without nng: docs/HTTP.md. "
             "Separate several with commas, at most 8. Empty: off."},
    {ADDRESSES, "http_connections", OPTION_INTEGER, AT(http_connections), "128", .least = 1,
     .most = 4096,
     .help = "Maximum number of concurrent HTTP connections; further ones wait to be accepted. "
             "Each may hold a body of twice max_message_bytes."},
    {ADDRESSES, "http_patience", OPTION_DURATION, AT(http_patience_us), "30s",
     .least = 100 * US_PER_MS, .most = 3600 * US_PER_S,
     .help = "Maximum time from the start of an HTTP connection, or from its last response, until "
             "the next request is complete. The connection is closed after that."},
    {ADDRESSES, "max_requests", OPTION_INTEGER, AT(max_requests), "512", .least = 1, .most = 4096,
     .help = "Maximum number of requests being processed; further ones wait in the transport."},
    {ADDRESSES, "max_message_bytes", OPTION_BYTES, AT(max_message_bytes), "2MiB", .least = 4096,
     .most = MESSAGE_SIZE_MAX,
     .help = "Maximum size of a request. A larger one is refused; one of more than twice this "
             "size closes its connection."},
    {ADDRESSES, "max_connections", OPTION_INTEGER, AT(max_connections), "4096", .least = 1,
     .most = 1000000,
     .help = "Maximum number of clients connected over tcp, tls+tcp and ipc. Further connections "
             "are closed at once."},
    {ADDRESSES, "max_buffer_bytes", OPTION_BYTES, AT(max_buffer_bytes), "256MiB", .least = 1 << 20,
     .most = INT64_C(1) << 40,
     .help = "Memory for incomplete requests and unsent answers, over all connections. Beyond it "
             "the server stops reading, and closes connections with an incomplete request."},
    {ADDRESSES, "queue_deadline", OPTION_DURATION, AT(queue_deadline_us), "10s", .least = 0,
     .most = 3600 * US_PER_S,
     .help = "The deadline of requests that have none, as far as the queue is concerned: a request "
             "that would wait for longer than its deadline is refused at once (overloaded). 0: "
             "requests without a deadline may wait for ever."},
    {ADDRESSES, "queue_patience", OPTION_INTEGER, AT(queue_patience), "50", .least = 1, .most = 100,
     .help =
         "How long a request may wait when requests have been waiting without a pause for 100 "
         "ms, in percent of its deadline; others are refused at once. A burst may use the whole "
         "deadline. Such a queue makes every request late without serving more of them."},
    {ADDRESSES, "idle_timeout", OPTION_DURATION, AT(idle_timeout_us), "1h", .least = 0,
     .most = 366 * US_PER_DAY,
     .help = "A connection without traffic for this long is closed; clients reconnect for their "
             "next request. 0: never."},
    {ADDRESSES, "stall_timeout", OPTION_DURATION, AT(stall_timeout_us), "30s", .least = 0,
     .most = US_PER_DAY,
     .help = "A connection is closed if it leaves a greeting or a request incomplete, or hardly "
             "reads its answers, for this long. 0: never."},
    {ADDRESSES, "tls_cert", OPTION_TEXT, AT(tls_cert), "", .reloadable = true,
     .help = "File with the server's certificate and the intermediate certificates (PEM). "
             "Required by tls+tcp:// addresses."},
    {ADDRESSES, "tls_key", OPTION_TEXT, AT(tls_key), "", .reloadable = true,
     .help = "File with the private key (PEM). Only the server's user and group may have access "
             "to it."},
    {ADDRESSES, "tls_client_ca", OPTION_TEXT, AT(tls_client_ca), "", .reloadable = true,
     .help = "File with the CA certificates that client certificates are verified against (PEM). "
             "If set, clients must present a certificate. Empty: none is requested."},
    {ADDRESSES, "tls_client_optional", OPTION_FLAG, AT(tls_client_optional), "no",
     .reloadable = true,
     .help = "Also accept clients without a certificate. A certificate that is presented must "
             "still be valid."},
    {ADDRESSES, "tls_version", OPTION_CHOICE, AT(tls_version), "1.3", .choices = tls_version_names,
     .reloadable = true,
     .help = "Minimum TLS version. Use 1.2 only for clients that do not support 1.3."},
    {ADDRESSES, "watchdog_interval", OPTION_DURATION, AT(watchdog_interval_us), "2s", .least = 0,
     .most = 3600 * US_PER_S,
     .help = "How often each address is probed with a real request. A listener that leaves two "
             "probes unanswered is reopened. 0: never."},

    {DECISIONS, "policy", OPTION_TEXT, AT(policy), "/etc/harrier/policy", .reloadable = true,
     .help = "Folder of the policy that decides. Loaded again when it changes (watch_policy), on "
             "SIGHUP and by `harrier reload`. A policy with errors or failing cases is refused, "
             "and the current one stays in force."},
    {DECISIONS, "watch_policy", OPTION_FLAG, AT(watch_policy), "yes", .reloadable = true,
     .help = "Reload the policy and the shadow policies once their folders have changed and then "
             "been quiet for 200 ms. To keep a half-copied policy from being adopted, switch a "
             "symbolic link, or set this to no and use `harrier reload`."},
    {DECISIONS, "shadow", OPTION_LIST, AT(shadow), "", .reloadable = true,
     .help = "Folders of shadow policies: each judges every transaction, and its verdict is "
             "archived and counted but never answered. Separate several with commas, at most 8. "
             "Reloaded together with the policy; one with errors is skipped."},
    {DECISIONS, "challenger", OPTION_TEXT, AT(challenger), "", .reloadable = true,
     .help = "Folder of a policy that decides in place of `policy` for a share of a key. Reloaded "
             "together with the policy; one with errors, or that does not fit the policy, is "
             "refused. Empty: there is none."},
    {DECISIONS, "challenger_share", OPTION_TEXT, AT(challenger_share), "1%", .reloadable = true,
     .help = "The challenger's share of all keys, from 0.01% to 100%. Raising it only moves keys "
             "from the policy to the challenger."},
    {DECISIONS, "challenger_key", OPTION_TEXT, AT(challenger_key), "", .reloadable = true,
     .help = "The field whose value chooses who decides, such as customer; the same value always "
             "chooses the same. A transaction without it is decided by `policy`."},
    {DECISIONS, "challenger_name", OPTION_TEXT, AT(challenger_name), "challenger",
     .reloadable = true,
     .help = "Name of the experiment. Another name draws another sample of keys."},
    {DECISIONS, "max_ahead", OPTION_DURATION, AT(max_ahead_us), "1h", .least = 0,
     .most = 366 * US_PER_DAY, .reloadable = true,
     .help = "A transaction whose event time is further ahead of the server's clock than this is "
             "refused: one client with a wrong clock would age everyone's history."},

    {DECISIONS, "pseudonym_keys", OPTION_TEXT, AT(pseudonym_keys), "",
     .help = "File of the keys with which protected fields (protect: hmac in schema.yaml) are "
             "replaced by pseudonyms: docs/operations/pseudonyms.md. Only the server's user and "
             "group may have access to it. Loaded again on SIGHUP and by `harrier reload`. Empty: "
             "a policy that protects fields is refused."},

    {DECISIONS, "stale_after", OPTION_DURATION, AT(stale_after_us), "3d", .least = 0,
     .most = 366 * US_PER_DAY,
     .help = "Decisions based on tables older than this are marked as degraded, with the reason "
             "\"stale\"; they do not change otherwise. 0: never."},

    {STORAGE, "data_dir", OPTION_TEXT, AT(data_dir), "/var/lib/harrier",
     .help = "Folder with archive/ and generations/; created if missing."},
    {STORAGE, "durability", OPTION_CHOICE, AT(durability), "written", .choices = durability_names,
     .help = "When an answer is sent. written: once the kernel has the records; they survive a "
             "crash of the process. synced: once they are on disk; they survive a crash of the "
             "machine. replicated: once they are committed on the log (option log); they survive "
             "the loss of the machine."},
    {STORAGE, "sync_interval", OPTION_DURATION, AT(sync_interval_us), "0", .least = 0,
     .most = 10 * US_PER_S,
     .help = "With durability = synced, the minimum time between two syncs; answers that become "
             "ready in between share the next one. 0: sync again as soon as the disk is done."},
    {STORAGE, "lazy_sync_interval", OPTION_DURATION, AT(lazy_sync_interval_us), "100ms",
     .least = US_PER_MS, .most = 60 * US_PER_S,
     .help = "With durability = written, the time between two syncs. No answer waits for them; a "
             "power failure may lose this much."},

    {STORAGE, "archive_failure", OPTION_CHOICE, AT(archive_failure), "stop",
     .choices = archive_failure_names,
     .help = "What happens when the archive's disk fails. stop: requests are refused until it can "
             "be written, and after a failed sync the server exits; nothing that was answered is "
             "lost. degrade: transactions are still decided, marked as degraded with the reason "
             "\"archive\", and written once the disk is back; a crash before that loses them. Not "
             "in a cluster, where another node takes over."},
    {STORAGE, "archive_failure_memory", OPTION_BYTES, AT(archive_failure_memory_bytes), "256MiB",
     .least = INT64_C(1) << 20, .most = INT64_C(1) << 40,
     .help = "With archive_failure = degrade, the memory for records that are not on disk. When it "
             "is used up, requests are refused. It may be exceeded by one request's records."},
    {STORAGE, "archive_failure_after", OPTION_DURATION, AT(archive_failure_after_us), "5s",
     .least = 100 * US_PER_MS, .most = 600 * US_PER_S,
     .help = "With archive_failure = degrade, a sync that takes longer than this counts as a "
             "failure: a disk that hangs."},

    {STORAGE, "overlay_limit", OPTION_BYTES, AT(overlay_limit_bytes), "auto", .automatic = "auto",
     .least = 0, .most = INT64_C(1) << 50,
     .help =
         "Memory limit for the overlay, which holds what is newer than the tables. From three "
         "quarters of it on, the server asks for a rebuild (in the log and as "
         "harrierd_rebuild_wanted); beyond it, the server is not ready until newer tables are "
         "adopted. A swap needs the same amount again while it runs. auto: 40 % of the machine's "
         "memory or of the process's memory limit (cgroup), whichever is less; the log says "
         "what that is. 0: no limit other than about 300 million entities, which is treated "
         "the same way."},

    {CLUSTER, "log", OPTION_TEXT, AT(log), "",
     .help = "Replicate the archive: kafka://HOST:PORT,…/TOPIC, a topic with one partition. Of the "
             "servers with the same log one decides, and the others follow it and take over: "
             "docs/CLUSTER.md. Empty: this server is alone."},
    {CLUSTER, "cluster", OPTION_TEXT, AT(cluster), "",
     .help = "Name of the cluster, the same on all nodes: Kafka's transactional.id and group.id. "
             "Empty: the topic's name."},
    {CLUSTER, "node", OPTION_TEXT, AT(node), "",
     .help = "Name of this node, which its records have. Empty: the machine's name."},
    {CLUSTER, "advertise", OPTION_TEXT, AT(advertise), "",
     .help = "The address at which clients reach this node, as they write it: standbys send them "
             "there. Empty: the first address of listen."},
    {CLUSTER, "log_config", OPTION_TEXT, AT(log_config), "",
     .help = "File of librdkafka's properties, one NAME=VALUE a line, such as security.protocol "
             "and sasl.password. Empty: none."},
    {CLUSTER, "lease", OPTION_DURATION, AT(lease_us), "6s", .least = 500 * US_PER_MS,
     .most = 300 * US_PER_S,
     .help = "A primary without a sign of life for this long is replaced. The brokers' "
             "group.min.session.timeout.ms, 6 s by default, is the least that they accept."},

    {OPERATION, "slow_after", OPTION_DURATION, AT(slow_after_us), "100ms", .least = 0,
     .most = 3600 * US_PER_S,
     .help = "Requests that take at least this long are logged with the caller's trace id, at "
             "most 10 lines a second. 0: never."},
    {OPERATION, "rejects", OPTION_TEXT, AT(rejects), "",
     .help = "File that keeps transactions that are refused for a reason of their own (invalid, "
             "id_conflict, too_large), as JSON lines that `harrier score` reads again. Card "
             "numbers are masked, and only the server's user may read it. Empty: none are kept."},
    {OPERATION, "rejects_size", OPTION_BYTES, AT(rejects_size), "64MiB",
     .least = REJECT_LOG_SIZE_MIN, .most = INT64_C(1) << 40,
     .help = "Maximum size of the file of rejects. A full one is renamed to PATH.1, in place of "
             "the one before it."},
    {OPERATION, "log_level", OPTION_CHOICE, AT(log_level), "info", .choices = log_level_names,
     .reloadable = true,
     .help = "Least severe level that is logged to standard error. SIGHUP changes it while the "
             "server runs."},
    {OPERATION, "log_format", OPTION_CHOICE, AT(log_format), "text", .choices = log_format_names,
     .reloadable = true,
     .help = "text: a line for people. json: an object a line, with the time in microseconds, "
             "level, message and, where the message has values, these as members."},
    {OPERATION, "cores", OPTION_TEXT, AT(cores), "",
     .help = "CPU cores to run on, such as \"2\" or \"2,3\". The first runs the thread that "
             "reads, decides and answers over tcp, tls+tcp and ipc; all other threads share the "
             "rest, or the first if it is the only one. Empty: the kernel chooses."},
    {OPERATION, "drain_timeout", OPTION_DURATION, AT(drain_timeout_us), "10s",
     .least = 100 * US_PER_MS, .most = 600 * US_PER_S, .reloadable = true,
     .help = "How long to wait on SIGTERM for requests being processed."},
    {OPERATION, "sandbox", OPTION_CHOICE, AT(sandbox), "on", .choices = sandbox_names,
     .help = "on: once the options are read, the server gives up all that it does not need, for "
             "good, as far as the kernel can do that: files outside of the folders that the "
             "options name, TCP ports other than theirs, starting programs, and other system "
             "calls. The log says what is in force; docs/SECURITY.md has all of it."},
    {OPERATION, "sandbox_read", OPTION_LIST, AT(sandbox_read), "",
     .help = "Further folders or files that the server may read in its sandbox, separated with "
             "commas: those that a changed option may name on SIGHUP, or that new symbolic links "
             "in a policy's folder lead to."},
    {OPERATION, "core_dumps", OPTION_FLAG, AT(core_dumps), "no",
     .help = "Allow core dumps, and debuggers of the server's own user. Its memory contains "
             "tokens and customers' transactions."},

    {EVENTS_TO, "event_url", OPTION_TEXT, AT(event_url), "",
     .help = "Where events are sent with POST as JSON: https://HOST[:PORT]/PATH, or http:// "
             "within the machine. Empty: nowhere. docs/operations/logs-and-events.md has what is "
             "sent."},
    {EVENTS_TO, "event_command", OPTION_TEXT, AT(event_command), "",
     .help = "Path of a program that gets the same JSON on its standard input, one run at a time, "
             "without arguments, shell or the server's environment. Empty: none."},
    {EVENTS_TO, "events", OPTION_LIST, AT(events),
     "brake, night_failed, night_held_back, policy_refused, generation_refused, archive_failed, "
     "archive_recovered, state",
     .help = "Events to send, with commas between: verdict:approve, verdict:review, "
             "verdict:challenge, verdict:decline, brake, night_done, night_failed, "
             "night_held_back, policy_adopted, policy_refused, generation_adopted, "
             "generation_refused, archive_failed, archive_recovered, token_refused, state."},
    {EVENTS_TO, "event_fields", OPTION_LIST, AT(event_fields), "",
     .help = "What of a transaction its verdict's event has besides the id: amount, event_time, "
             "location, reasons, or a text field such as card or customer. Card numbers are "
             "masked. Empty: nothing."},
    {EVENTS_TO, "event_secret", OPTION_TEXT, AT(event_secret), "",
     .help = "File with the secret that signs what is sent to event_url (HMAC-SHA-256, header "
             "Harrier-Signature). Only the server's user and group may have access to it. Empty: "
             "nothing is signed."},
    {EVENTS_TO, "event_ca", OPTION_TEXT, AT(event_ca), "",
     .help = "File with the CA certificates that the certificate of event_url is verified against "
             "(PEM). Empty: the system's."},
    {EVENTS_TO, "event_timeout", OPTION_DURATION, AT(event_timeout_us), "10s",
     .least = 100 * US_PER_MS, .most = 300 * US_PER_S,
     .help = "How long an attempt may take; a command that runs longer is killed. A failed "
             "attempt is repeated after 1, 2, 4 and 8 seconds."},
    {EVENTS_TO, "event_queue", OPTION_BYTES, AT(event_queue_bytes), "4MiB",
     .least = EVENT_QUEUE_MIN, .most = INT64_C(1) << 32,
     .help = "Maximum size of the events that wait, for event_url and event_command each; further "
             "ones are dropped and counted. Memory: up to twice that."},
};
#define OPTIONS (sizeof table / sizeof *table)

/* ---- help ---- */

/* Flags that are not options; on the command line only. */
struct word {
    const char *name;
    enum action action;
    const char *help;
};
static const struct word words[] = {
    {"check", ACTION_CHECK, "Check the options and the policy, report errors, and exit."},
    {"print-config", ACTION_PRINT_CONFIG,
     "Print a commented example of the configuration file and exit."},
    {"print-options", ACTION_PRINT_OPTIONS,
     "Print all options as file, environment and flags set them, as lines `option = value`, and "
     "exit."},
    {"help", ACTION_HELP, "Print this help and exit."},
    {"version", ACTION_VERSION, "Print the version and exit."},
};
#define WORDS (sizeof words / sizeof *words)

void options_write_help(struct buffer *out) {
    buffer_printf(
        out, "usage: harrierd [--config=FILE] [--OPTION=VALUE]...\n"
             "\n"
             "Scores transactions for fraud. Options can also be set in the file, as lines\n"
             "`option = value`, and in the environment, as " PREFIX "OPTION. Flags override the\n"
             "environment, which overrides the file. [SIGHUP]: reloaded on that signal.\n"
             "Durations: 500us, 5ms, 30s, 10m, 1h, 1d. Sizes: 4096, 64KiB, 2MiB.\n"
             "\n"
             "A secret that systemd passes as a credential (LoadCredential=) needs no option: the\n"
             "file " CREDENTIAL_PREFIX "NAME in $" CREDENTIALS " is the default of NAME, one of\n"
             "tokens, tls_cert, tls_key, tls_client_ca, log_config, event_secret, pseudonym_keys.\n"
             "\n"
             "  --config=FILE\n"
             "        The configuration file; also " FILE_VARIABLE ". Default:\n"
             "        " DEFAULT_FILE ", if it exists.\n");
    for (size_t i = 0; i < WORDS; i++)
        buffer_printf(out, "  --%s\n        %s\n", words[i].name, words[i].help);
    option_write_help(table, OPTIONS, out);
    buffer_printf(
        out, "\nExit status: 0 normal exit, 64 command line, 70 internal error, 71 out of memory,\n"
             "73 cannot create a file, 74 data or disk error, 75 in use by another process,\n"
             "78 configuration or policy.\n");
}

void options_write_example(struct buffer *out) {
    buffer_printf(out, "# harrierd's options with their defaults: " DEFAULT_FILE "\n"
                       "#\n"
                       "# Written by `harrierd --print-config`. An environment variable " PREFIX
                       "NAME or a flag --name=\n"
                       "# overrides this file. [SIGHUP]: reloaded on that signal.\n"
                       "# Durations: 500us, 5ms, 30s, 10m, 1h, 1d. Sizes: 4096, 64KiB, 2MiB.\n"
                       "\n");
    option_write_example(table, OPTIONS, out);
}

/* ---- reading ---- */

/* must_exist: false for the default path, which is optional. */
static int load_file(const char *path, bool must_exist, struct option_set *set,
                     struct error *ret_error) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT && !must_exist)
        return 0;
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "cannot read %s", path);
    struct buffer content;
    buffer_init(&content);
    ssize_t got;
    int r = 0;
    while ((got = read(descriptor, buffer_reserve(&content, 65536), 65536)) > 0 &&
           content.length <= FILE_BYTES_MAX)
        content.length += (size_t)got;
    if (got < 0)
        r = error_set_errno(ret_error, errno, "cannot read %s", path);
    else if (content.length > FILE_BYTES_MAX)
        r = error_set(ret_error, ERROR_TOO_LARGE, "%s has more than %u bytes", path,
                      FILE_BYTES_MAX);
    else
        r = option_set_read_file(
            set, path, (struct text){.data = (char *)content.bytes, .length = content.length},
            ret_error);
    buffer_deinit(&content);
    close(descriptor);
    return r;
}

struct command_line {
    enum action action;
    const char *file; /* NULL: --config was not given */
};

/* Suggests the nearest name: first among options, then among the other flags. */
static int unknown_flag(const char *argument, struct text name, struct error *ret_error) {
    char plain[64];
    snprintf(plain, sizeof plain, "%" TEXT_FORMAT, TEXT_ARGS(name));
    const char *nearest = option_nearest(table, OPTIONS, text_of(plain));
    for (size_t i = 0; i < WORDS && !nearest; i++)
        if (text_distance(name, text_of(words[i].name)) <= 2)
            nearest = words[i].name;
    if (nearest)
        return error_set(ret_error, ERROR_INVALID, "unknown flag %s; did you mean --%s?", argument,
                         nearest);
    return error_set(ret_error, ERROR_INVALID, "unknown flag %s; --help lists them all", argument);
}

/* One argument, and the next one if that is its value. Dashes in names may be written for
 * underscores. */
static int read_argument(const struct options_source *source, int *at, struct option_set *set,
                         struct command_line *line, struct error *ret_error) {
    const char *argument = source->argv[*at];
    if (strncmp(argument, "--", 2) != 0)
        return error_set(ret_error, ERROR_INVALID,
                         "\"%s\" is not a flag; expected --OPTION=VALUE, see --help", argument);
    const char *equals = strchr(argument, '=');
    struct text given = {argument + 2,
                         equals ? (size_t)(equals - argument) - 2 : strlen(argument) - 2};
    for (size_t i = 0; i < WORDS; i++)
        if (text_is(given, words[i].name) && !equals) {
            line->action = words[i].action;
            return 0;
        }
    char name[64], where[80];
    snprintf(name, sizeof name, "%" TEXT_FORMAT, TEXT_ARGS(given));
    for (char *c = name; *c; c++)
        if (*c == '-')
            *c = '_';
    bool is_file = strcmp(name, "config") == 0;
    if (!is_file && !option_find(set, text_of(name)))
        return unknown_flag(argument, given, ret_error);
    if (!equals && *at + 1 >= source->argc)
        return error_set(ret_error, ERROR_INVALID, "--%s needs a value: --%s=VALUE", name, name);
    const char *value = equals ? equals + 1 : source->argv[++*at];
    if (is_file) {
        line->file = value;
        return 0;
    }
    snprintf(where, sizeof where, "--%s", name);
    return option_set_put(set, text_of(name), text_of(value), OPTION_ORIGIN_FLAG, where, ret_error);
}

/* The value of an environment variable, in the environment; NULL: not set. */
static const char *variable(const char *const *environment, const char *name) {
    size_t length = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

/* Can no client connect without a certificate? */
static bool asks_for_certificates(const struct options *options, const char *address) {
    return address_is_tls(address) && *options->tls_client_ca != '\0' &&
           !options->tls_client_optional;
}

/* The HTTP front has no TLS, so certificates do not help it: tokens, or loopback. */
static int check_http(const struct options *options, struct error *ret_error) {
    if (options->http_listen.count > HTTP_ADDRESSES_MAX)
        return error_set(ret_error, ERROR_INVALID,
                         "http_listen has %zu addresses; expected at most %d",
                         options->http_listen.count, HTTP_ADDRESSES_MAX);
    for (size_t i = 0; i < options->http_listen.count; i++) {
        const char *address = options->http_listen.items[i];
        char host[256];
        uint16_t port;
        if (address_split(address, host, sizeof host, &port, ret_error) < 0)
            return error_prefix(ret_error, "http_listen");
        if (!address_is_loopback(address) && !options->insecure_listen && !*options->tokens)
            return error_set(ret_error, ERROR_INVALID,
                             "http_listen: %s can be reached from other machines, and there are no "
                             "tokens: name a tokens file (tokens = FILE), listen on 127.0.0.1, or "
                             "set insecure_listen = yes if the network keeps others out",
                             address);
    }
    return 0;
}

static int check_cluster(struct options *options, struct error *ret_error) {
    int r = log_address_parse(options->log, &options->log_address, ret_error);
    if (r < 0)
        return r;
    if (options->durability == DURABILITY_REPLICATED && !*options->log)
        return error_set(ret_error, ERROR_INVALID,
                         "durability = replicated needs a log to replicate to (option log)");
    if (*options->log && options->archive_failure == ARCHIVE_FAILURE_DEGRADE)
        return error_set(ret_error, ERROR_INVALID,
                         "archive_failure = degrade is for a server that is alone; in a cluster "
                         "(option log) another node takes over");
    if (*options->log && options->listen.count > 0 && !*options->advertise &&
        address_is_wildcard(options->listen.items[0]))
        return error_set(ret_error, ERROR_INVALID,
                         "listen: %s is no address that a standby could send clients to: name one "
                         "(advertise = ADDRESS)",
                         options->listen.items[0]);
    return 0;
}

/* Whether the policy has the key is known once it is loaded. */
static int check_challenger(struct options *options, struct error *ret_error) {
    if (!read_parse_percent(text_of(options->challenger_share), &options->challenger_parts))
        return error_set(
            ret_error, ERROR_INVALID,
            "challenger_share \"%.80s\" is no share; expected a percentage from 0.01%% "
            "to 100%%, with at most 2 decimals, such as 10%%",
            options->challenger_share);
    if (*options->challenger && !*options->challenger_key)
        return error_set(ret_error, ERROR_INVALID,
                         "there is a challenger, and challenger_key is empty; expected the field "
                         "that says who is treated alike, such as customer");
    return 0;
}

static int check_events(struct options *options, struct error *ret_error) {
    int r = 0;
    options->event_kinds = options->event_field_set = 0;
    for (size_t i = 0; i < options->events.count && r == 0; i++)
        r = event_kind_add(text_of(options->events.items[i]), &options->event_kinds, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "events");
    for (size_t i = 0; i < options->event_fields.count && r == 0; i++)
        r = events_field_add(text_of(options->event_fields.items[i]), &options->event_field_set,
                             ret_error);
    if (r < 0)
        return error_prefix(ret_error, "event_fields");
    const struct events_settings settings = {.url = options->event_url,
                                             .command = options->event_command,
                                             .secret = options->event_secret,
                                             .ca = options->event_ca};
    return events_check(&settings, ret_error);
}

/* What a row of the table cannot check by itself. */
static int check_together(struct options *options, struct error *ret_error) {
    if (options->listen.count == 0)
        return error_set(ret_error, ERROR_INVALID, "listen is empty; expected %s", ADDRESS_SCHEMES);
    for (size_t i = 0; i < options->listen.count; i++) {
        const char *address = options->listen.items[i];
        int r = address_check(address, ret_error);
        if (r < 0)
            return error_prefix(ret_error, "listen");
        if (address_is_tls(address) && (!*options->tls_cert || !*options->tls_key))
            return error_set(ret_error, ERROR_INVALID,
                             "listen: %s needs a certificate and its key (options tls_cert and "
                             "tls_key)",
                             address);
        bool knows_clients = *options->tokens || asks_for_certificates(options, address);
        if (!address_is_local(address) && !knows_clients && !options->insecure_listen)
            return error_set(ret_error, ERROR_INVALID,
                             "listen: %s can be reached from other machines, and there are no "
                             "tokens: anyone who can reach it may score transactions and read "
                             "entities. "
                             "Name a tokens file (tokens = FILE; `harrier token new` makes one), "
                             "require client certificates (tls+tcp:// and tls_client_ca), "
                             "listen on 127.0.0.1 or ipc://, or set insecure_listen = yes if the "
                             "network keeps others out",
                             address);
    }
    if (options->shadow.count > ENGINE_SHADOWS_MAX)
        return error_set(ret_error, ERROR_INVALID, "shadow names %zu policies; expected at most %d",
                         options->shadow.count, ENGINE_SHADOWS_MAX);
    if (check_challenger(options, ret_error) < 0)
        return -ERROR_INVALID;
    if (cpu_affinity_parse(options->cores, &options->cpu_affinity, ret_error) < 0)
        return -ERROR_INVALID;
    if (ipc_access_parse(options->ipc_mode, options->ipc_group, &options->ipc_access, ret_error) <
        0)
        return -ERROR_INVALID;
    int r = check_http(options, ret_error);
    if (r == 0)
        r = check_cluster(options, ret_error);
    if (r == 0)
        r = check_events(options, ret_error);
    if (r < 0)
        return r;
    char host[256];
    uint16_t port;
    if (*options->admin_listen == '\0')
        return 0;
    if (address_split(options->admin_listen, host, sizeof host, &port, ret_error) < 0)
        return error_prefix(ret_error, "admin_listen");
    if (!address_host_is_loopback(host))
        return error_set(ret_error, ERROR_INVALID,
                         "admin_listen: %s is not on loopback, and the admin HTTP has no "
                         "authentication; expected 127.0.0.1, ::1 or localhost",
                         options->admin_listen);
    return 0;
}

static int read_flags(const struct options_source *source, struct option_set *set,
                      struct command_line *line, struct error *ret_error) {
    int r = 0;
    for (int at = 1; at < source->argc && r == 0; at++)
        r = read_argument(source, &at, set, line, ret_error);
    return r;
}

/* Options whose files systemd may pass as credentials. */
static const char *const secrets[] = {"tokens",        "tls_cert",   "tls_key",
                                      "tls_client_ca", "log_config", "event_secret",
                                      "pseudonym_keys"};

/* Fills in those that nothing else has set and that there is a credential for. */
static int read_credentials(const struct options_source *source, struct option_set *set,
                            struct error *ret_error) {
    const char *folder = variable(source->environment, CREDENTIALS);
    char path[PATH_MAX];
    for (size_t i = 0; folder && i < sizeof secrets / sizeof *secrets; i++) {
        const struct option *option = option_find(set, text_of(secrets[i]));
        int length = snprintf(path, sizeof path, "%s/" CREDENTIAL_PREFIX "%s", folder, secrets[i]);
        if (option_set_origin(set, option) != OPTION_ORIGIN_DEFAULT || length < 0 ||
            (size_t)length >= sizeof path || access(path, F_OK) < 0)
            continue;
        int r = option_set_put(set, text_of(secrets[i]), text_of(path), OPTION_ORIGIN_ENVIRONMENT,
                               "$" CREDENTIALS, ret_error);
        if (r < 0)
            return r;
    }
    return 0;
}

/* File and environment. HARRIERD_CONFIG names the file and is not an option. */
static int read_configuration(const struct options_source *source, struct option_set *set,
                              const struct command_line *line, struct options *options,
                              struct error *ret_error) {
    static const char *const not_options[] = {FILE_VARIABLE, NULL};
    const char *file = line->file ? line->file : variable(source->environment, FILE_VARIABLE);
    options->config_file = file ? file : DEFAULT_FILE;
    int r = load_file(options->config_file, file != NULL, set, ret_error);
    if (r == 0)
        r = option_set_read_environment(set, PREFIX, source->environment, not_options, ret_error);
    return r == 0 ? read_credentials(source, set, ret_error) : r;
}

/* Messages quote names and lines that may hold any bytes; a terminal and a log get clean text. */
static void clean_message(struct error *error) {
    size_t at;
    while (!text_is_clean(text_of(error->text), &at))
        error->text[at] = '?';
}

int options_load(const struct options_source *source, struct options *ret_options,
                 enum action *ret_action, struct option_set **ret_set, enum options_error *ret_kind,
                 struct error *ret_error) {
    struct option_set *set = option_set_new(table, OPTIONS, ret_options);
    struct command_line line = {.action = ACTION_SERVE};
    enum options_error kind = OPTIONS_ERROR_USAGE;
    /* Flags first: one of them names the file. Each value keeps its origin, so the order of reading
     * does not decide which one wins. */
    int r = read_flags(source, set, &line, ret_error);
    bool runs = line.action == ACTION_SERVE || line.action == ACTION_CHECK;
    if (r == 0 && (runs || line.action == ACTION_PRINT_OPTIONS)) {
        kind = OPTIONS_ERROR_CONFIGURATION;
        r = read_configuration(source, set, &line, ret_options, ret_error);
        if (r == 0 && runs)
            r = check_together(ret_options, ret_error);
    }
    if (r < 0) {
        clean_message(ret_error);
        option_set_free(set);
        *ret_kind = kind;
        return r;
    }
    *ret_action = line.action;
    *ret_set = set;
    *ret_kind = OPTIONS_ERROR_NONE;
    return 0;
}

void options_write_values(const struct option_set *set, struct buffer *out) {
    for (size_t i = 0; i < OPTIONS; i++)
        buffer_printf(out, "%s = %s\n", table[i].name, option_set_text(set, &table[i]));
}

void options_list_fixed_changes(const struct option_set *now, const struct option_set *next,
                                struct buffer *out) {
    for (size_t i = 0; i < OPTIONS; i++) {
        const char *was = option_set_text(now, &table[i]), *is = option_set_text(next, &table[i]);
        if (!table[i].reloadable && strcmp(was, is) != 0)
            buffer_printf(out, "%s%s", out->length > 0 ? ", " : "", table[i].name);
    }
}
