/* The process: opens everything in order, runs until it is asked to stop, and closes in an order
 * that loses nothing.
 *
 * One thread runs libevent's loop: signals, timers, the admin HTTP, and the decision when to exit.
 * Requests are answered on the fronts' threads; what takes long runs on the service's. The service
 * reports changes of its state through an eventfd, since that may happen in any thread.
 *
 * Stopping: SIGTERM makes the service and the fronts drain; once every request is answered, the
 * service syncs and closes the archive. If requests are still unanswered after drain_timeout, the
 * process exits without closing: the archive is built to survive that. */
#include "harrierd.h"

#include "admin.h"
#include "confinement.h"
#include "dry_start.h"
#include "folder_watch.h"
#include "options.h"
#include "overlay_limit.h"
#include "server/base/service.h"
#include "server/cluster/cluster.h"
#include "server/events/events.h"
#include "server/front/front_http.h"
#include "server/front/front_nng.h"
#include "server/net/address.h"
#include "server/ops/mapped_tables.h"
#include "server/ops/metrics.h"
#include "settings_of.h"
#include "supervisor.h"

#include "core/base/check.h"
#include "core/engine/engine.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_SECONDS 1    /* also how often tables, tokens and staleness are looked at */
#define DRAIN_STEP_US 5000 /* between two looks whether the fronts are idle */

struct harrierd {
    struct options_source source; /* read again on SIGHUP */
    struct options options;       /* as of the start, but for those that SIGHUP applies */
    struct option_set *set;       /* owns the strings in options */
    struct log log;
    struct metric_set *metrics;
    struct supervisor supervisor;
    struct event_base *base;
    struct event *signals[4];
    struct event *changed, *watch, *feed, *retry, *drain; /* watch, feed NULL: no watchdog */
    int changed_descriptor;  /* eventfd: the service has changed its state */
    struct events *events;   /* NULL: none are sent */
    struct service *service; /* NULL before open_service() */
    struct front *front;
    struct front *http; /* NULL: no http_listen */
    struct admin *admin;
    struct folder_watch folders; /* of the policies */
    struct buffer probe;         /* the request that watchdogs send */
    bool was_ready, draining;
    int64_t drain_until_us; /* monotonic */
    int exit_code;
};

/* ---- exit codes ---- */

/* ERROR_INTERRUPTED: being asked to stop during the start is not a failure. */
static int exit_code_of(const struct error *error) {
    switch (error->code) {
    case ERROR_INVALID:
    case ERROR_TOO_LARGE:
        return EXIT_CONFIGURATION;
    case ERROR_EXISTS:
        return EXIT_IN_USE;
    case ERROR_INTERRUPTED:
        return EXIT_AS_ASKED;
    case ERROR_INTERNAL:
        return EXIT_DEFECT;
    default:
        return EXIT_STORED;
    }
}

/* ---- what the loop does ---- */

/* Ends the loop; serve() continues with closing. */
static void finish(struct harrierd *harrierd, int exit_code) {
    harrierd->exit_code = exit_code;
    event_base_loopbreak(harrierd->base);
}

/* Any thread. */
static void service_changed(void *user) {
    struct harrierd *harrierd = user;
    eventfd_write(harrierd->changed_descriptor, 1);
}

/* The service has changed its state. Failed is final: the process exits, and its supervisor starts
 * another one, which reads what is really on disk. */
static void on_changed(evutil_socket_t descriptor, short what, void *user) {
    (void)what;
    struct harrierd *harrierd = user;
    struct error error;
    eventfd_t count;
    eventfd_read(descriptor, &count);
    if (service_failure(harrierd->service, &error) < 0) {
        log_line_with(&harrierd->log, LOG_ERROR, LOG_FAILURE(&error), "%s", error.text);
        finish(harrierd, exit_code_of(&error));
        return;
    }
    enum service_state state = service_state(harrierd->service, NULL, 0);
    bool is_ready = state == SERVICE_READY || state == SERVICE_STANDBY;
    if (is_ready != harrierd->was_ready && !(harrierd->draining && !is_ready))
        supervisor_report_ready(&harrierd->supervisor, is_ready);
    supervisor_report_reloaded(&harrierd->supervisor, harrierd->service);
    harrierd->was_ready = is_ready;
}

static void on_watch(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    front_watch(((struct harrierd *)user)->front);
}

/* systemd's watchdog begins with READY=1. */
static void on_feed(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct harrierd *harrierd = user;
    if (harrierd->front && harrierd->supervisor.is_told_ready)
        supervisor_watch(&harrierd->supervisor, harrierd->service, harrierd->front,
                         clock_monotonic_us(&clock_system));
}

/* Once a second, for everything that is noticed by looking. */
static void on_retry(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct harrierd *harrierd = user;
    if (!harrierd->service)
        return;
    service_poll_recovery(harrierd->service);
    service_poll(harrierd->service);
    service_poll_tokens(harrierd->service);
}

/* Without atexit handlers or destructors, which might wait for the same thing. */
_Noreturn static void leave_unfinished(struct harrierd *harrierd) {
    log_line(&harrierd->log, LOG_ERROR,
             "requests still unanswered after drain_timeout: exiting without them");
    _exit(EXIT_DEFECT);
}

/* Asks both fronts each time, so that neither waits for the other to begin. */
static bool drain_fronts(struct harrierd *harrierd) {
    bool drained = !harrierd->front || front_drain(harrierd->front);
    return (!harrierd->http || front_drain(harrierd->http)) && drained;
}

/* Every DRAIN_STEP_US while draining, until the fronts are idle or drain_timeout has passed. */
static void on_drain(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct harrierd *harrierd = user;
    if (drain_fronts(harrierd))
        finish(harrierd, EXIT_AS_ASKED);
    else if (clock_monotonic_us(&clock_system) > harrierd->drain_until_us)
        leave_unfinished(harrierd);
}

/* SIGTERM, SIGINT; a second one changes nothing. */
static void on_terminate(evutil_socket_t signal, short what, void *user) {
    (void)what;
    struct harrierd *harrierd = user;
    if (harrierd->draining)
        return;
    harrierd->draining = true;
    log_line_with(&harrierd->log, LOG_INFO,
                  LOG_FIELDS(log_field_string("signal", signal == SIGTERM ? "SIGTERM" : "SIGINT")),
                  "%s: answering the requests in progress, then exiting",
                  signal == SIGTERM ? "SIGTERM" : "SIGINT");
    supervisor_report(&harrierd->supervisor, "STOPPING=1");
    service_drain(harrierd->service);
    harrierd->drain_until_us =
        clock_monotonic_us(&clock_system) + harrierd->options.drain_timeout_us;
    event_add(harrierd->drain, &(struct timeval){.tv_usec = DRAIN_STEP_US});
    on_drain(-1, 0, harrierd);
}

/* ---- reloading ---- */

/* While draining, a reload would only be in the way. */
static void folders_edited(void *user) {
    struct harrierd *harrierd = user;
    if (!harrierd->service || harrierd->draining)
        return;
    log_line(&harrierd->log, LOG_INFO, "a policy folder has changed: reloading the policies");
    service_reload_again(harrierd->service);
}

/* A failure is only logged: SIGHUP and `harrier reload` still work. */
static void watch_folders(struct harrierd *harrierd, const struct options *options) {
    const char *folders[2 + ENGINE_SHADOWS_MAX] = {options->policy};
    size_t count = 1;
    struct error error;
    if (!options->watch_policy) {
        folder_watch_stop(&harrierd->folders);
        return;
    }
    for (size_t i = 0; i < options->shadow.count; i++)
        folders[count++] = options->shadow.items[i];
    if (*options->challenger)
        folders[count++] = options->challenger;
    if (folder_watch_set(&harrierd->folders, folders, count, &error) < 0)
        log_line(&harrierd->log, LOG_WARNING,
                 "%s: changes may go unnoticed; use `harrier reload` or SIGHUP", error.text);
}

static void reload_certificates(struct harrierd *harrierd, const struct options *options) {
    const struct tls_settings settings = tls_settings_of(options);
    struct error error;
    if (harrierd->front && front_reload(harrierd->front, &settings, &error) < 0)
        log_line_with(&harrierd->log, LOG_ERROR, LOG_FAILURE(&error),
                      "certificates not reloaded, the current ones stay in use: %s", error.text);
}

/* A change of the level is logged whatever the levels are: who reads the log later must see why
 * lines begin or end there. It is no error, so alerts on errors must not take it for one. */
static void reload_log(struct harrierd *harrierd, const struct options *next) {
    int was = harrierd->options.log_level;
    log_set_format(&harrierd->log, (enum log_format)next->log_format);
    if (next->log_level != was) {
        if (!log_shows(&harrierd->log, LOG_INFO))
            log_set_level(&harrierd->log, LOG_INFO); /* for this line */
        log_line_with(&harrierd->log, LOG_INFO,
                      LOG_FIELDS(log_field_string("log_level", log_level_names[next->log_level]),
                                 log_field_string("was", log_level_names[was])),
                      "log_level is %s from now on; it was %s", log_level_names[next->log_level],
                      log_level_names[was]);
    }
    log_set_level(&harrierd->log, (enum log_level)next->log_level);
    harrierd->options.log_level = next->log_level;
}

/* SIGHUP. Options that cannot change while it runs are reported; if any option is invalid, nothing
 * at all is reloaded. */
static void on_reload(evutil_socket_t signal, short what, void *user) {
    (void)signal, (void)what;
    struct harrierd *harrierd = user;
    struct options next;
    struct option_set *next_set;
    enum action action;
    enum options_error kind;
    struct error error;
    log_line(&harrierd->log, LOG_INFO, "SIGHUP: reloading options and policy");
    supervisor_report_reload(&harrierd->supervisor);
    if (options_load(&harrierd->source, &next, &action, &next_set, &kind, &error) < 0) {
        service_refuse_reload(harrierd->service, error.text);
        supervisor_report_reloaded(&harrierd->supervisor, harrierd->service);
        return;
    }
    struct buffer fixed;
    buffer_init(&fixed);
    options_list_fixed_changes(harrierd->set, next_set, &fixed);
    if (fixed.length > 0)
        log_line(&harrierd->log, LOG_WARNING, "changed, but only effective after a restart: %.*s",
                 (int)fixed.length, (const char *)fixed.bytes);
    buffer_deinit(&fixed);
    harrierd->options.drain_timeout_us = next.drain_timeout_us;
    reload_log(harrierd, &next);
    confinement_report_hidden(&next, &harrierd->log);
    reload_certificates(harrierd, &next);
    watch_folders(harrierd,
                  &next); /* before the folders are read, so that later changes are noticed */
    service_set_shadows(harrierd->service, next.shadow.items, next.shadow.count);
    const struct challenge_settings challenge = challenge_settings_of(&next);
    service_set_challenge(harrierd->service, &challenge);
    service_reload(harrierd->service, next.policy, next.max_ahead_us);
    option_set_free(next_set);
}

/* SIGUSR2 */
static void on_hand_over(evutil_socket_t signal, short what, void *user) {
    (void)signal, (void)what;
    struct harrierd *harrierd = user;
    log_line(&harrierd->log, LOG_INFO, "SIGUSR2: another node is to take over");
    if (harrierd->service && !harrierd->draining)
        service_hand_over(harrierd->service);
}

/* ---- opening ---- */

static int make_data_dir(struct harrierd *harrierd, struct error *ret_error) {
    const char *path = harrierd->options.data_dir;
    if (mkdir(path, 0750) < 0 && errno != EEXIST)
        return error_set_errno(ret_error, errno, "cannot create data_dir %s", path);
    return 0;
}

/* They name their sender: the node, or the machine. */
static int open_events(struct harrierd *harrierd, struct error *ret_error) {
    const struct options *options = &harrierd->options;
    char machine[256] = "";
    if (!*options->node && gethostname(machine, sizeof machine - 1) < 0)
        snprintf(machine, sizeof machine, "unnamed");
    const struct events_settings settings = {
        .url = options->event_url,
        .command = options->event_command,
        .kinds = options->event_kinds,
        .fields = options->event_field_set,
        .secret = options->event_secret,
        .ca = options->event_ca,
        .timeout_us = options->event_timeout_us,
        .queue_size = (size_t)options->event_queue_bytes,
        .server = *options->node ? options->node : machine,
        .clock = &clock_system,
        .log = &harrierd->log,
        .metrics = harrierd->metrics,
    };
    return events_open(&settings, &harrierd->events, ret_error);
}

/* Folder names are passed as texts with a NUL; the service copies them. */
static int open_service(struct harrierd *harrierd, struct error *ret_error) {
    const struct options *options = &harrierd->options;
    struct buffer archive, generations;
    buffer_init(&archive);
    buffer_init(&generations);
    buffer_printf(&archive, "%s/archive%c", options->data_dir, '\0');
    buffer_printf(&generations, "%s/generations%c", options->data_dir, '\0');
    const struct service_settings settings = {
        .policy = options->policy,
        .shadows = options->shadow.items,
        .shadow_count = options->shadow.count,
        .challenge = challenge_settings_of(options),
        .archive = (char *)archive.bytes,
        .generations = (char *)generations.bytes,
        .data = options->data_dir,
        .synced = options->durability == DURABILITY_SYNCED,
        .sync_interval_us = options->sync_interval_us,
        .lazy_sync_interval_us = options->lazy_sync_interval_us,
        .replicated = options->durability == DURABILITY_REPLICATED,
        .archive_degrades = options->archive_failure == ARCHIVE_FAILURE_DEGRADE,
        .archive_memory = (uint64_t)options->archive_failure_memory_bytes,
        .archive_patience_us = options->archive_failure_after_us,
        .cluster = cluster_settings_of(options),
        .max_ahead_us = options->max_ahead_us,
        .stale_after_us = options->stale_after_us,
        .overlay_limit = overlay_limit_choose(options->overlay_limit_bytes, &harrierd->log),
        .message_bytes_max = (size_t)options->max_message_bytes,
        .tokens = options->tokens,
        .pseudonym_keys = options->pseudonym_keys,
        .slow_after_us = options->slow_after_us,
        .rejects = options->rejects,
        .rejects_size = (uint64_t)options->rejects_size,
        .events = harrierd->events,
        .clock = &clock_system,
        .log = &harrierd->log,
        .metrics = harrierd->metrics,
        .changed = service_changed,
        .user = harrierd,
    };
    int r = service_open(&settings, &harrierd->service, ret_error);
    buffer_deinit(&generations);
    buffer_deinit(&archive);
    return r;
}

/* A warning for each address that is open to other machines without access control or encryption.
 * is_open: other machines can reach it. */
static void log_listening(struct harrierd *harrierd, const char *address, bool is_open) {
    const struct options *options = &harrierd->options;
    bool is_tls = address_is_tls(address);
    log_line_with(&harrierd->log, LOG_INFO, LOG_FIELDS(log_field_string("address", address)),
                  "listening on %s", address);
    bool asks = is_tls && *options->tls_client_ca && !options->tls_client_optional;
    if (is_open && !*options->tokens && !asks)
        log_line(&harrierd->log, LOG_WARNING,
                 "%s: anyone who can reach it may score transactions and read entities "
                 "(insecure_listen, and no tokens)",
                 address);
    else if (is_open && !is_tls)
        log_line(&harrierd->log, LOG_WARNING,
                 "%s is not encrypted: anyone who sees the traffic can read it and use the tokens; "
                 "use tls+tcp:// or put TLS in front of it",
                 address);
}

/* The thread that delivers events, like all others, is in the sandbox. */
static int enter_sandbox(struct harrierd *harrierd, struct error *ret_error) {
    (void)ret_error;
    confinement_enter(&harrierd->options, &harrierd->log);
    events_start(harrierd->events);
    return 0;
}

/* First of all: threads inherit the affinity. */
static int take_cores(struct harrierd *harrierd, struct error *ret_error) {
    return cpu_affinity_take(&harrierd->options.cpu_affinity, ret_error);
}

static int open_front(struct harrierd *harrierd, struct error *ret_error) {
    const struct options *options = &harrierd->options;
    service_write_probe(harrierd->service, &harrierd->probe);
    const struct front_settings settings = {
        .addresses = options->listen.items,
        .address_count = options->listen.count,
        .requests_max = (size_t)options->max_requests,
        /* Twice, so that a request that is only a little too large gets an answer that says so. */
        .bytes_max = 2 * (size_t)options->max_message_bytes,
        .ipc_access = options->ipc_access,
        .connections_max = (size_t)options->max_connections,
        .connections_elsewhere =
            options->http_listen.count > 0 ? (size_t)options->http_connections : 0,
        .default_deadline_us = options->queue_deadline_us,
        .patience_percent = (unsigned)options->queue_patience,
        .buffer_bytes_max = (size_t)options->max_buffer_bytes,
        .idle_us = options->idle_timeout_us,
        .stall_us = options->stall_timeout_us,
        .tls = tls_settings_of(options),
        .core = cpu_affinity_loop(&options->cpu_affinity),
        .handler = {.handle = service_handle,
                    .handle_all = service_handle_all,
                    .look = service_look,
                    .classify = service_classify,
                    .classes_version = service_classes_version,
                    .refusal = service_refusal,
                    .user = harrierd->service},
        .probe = harrierd->probe.bytes,
        .probe_length = harrierd->probe.length,
        .clock = &clock_system,
        .log = &harrierd->log,
        .metrics = harrierd->metrics,
    };
    int r = front_open(&settings, &harrierd->front, ret_error);
    for (size_t i = 0; r == 0 && i < options->listen.count; i++)
        log_listening(harrierd, options->listen.items[i],
                      !address_is_local(options->listen.items[i]));
    return r;
}

/* Adapts the handler's user pointer. */
static int check_token(void *user, struct text token, struct error *ret_error) {
    return service_check_token(user, token, ret_error);
}

/* The HTTP front shares the handler and its limits; it has no watchdog and no TLS. */
static int open_http(struct harrierd *harrierd, struct error *ret_error) {
    const struct options *options = &harrierd->options;
    if (options->http_listen.count == 0)
        return 0;
    const struct front_http_settings settings = {
        .front =
            {
                .addresses = options->http_listen.items,
                .address_count = options->http_listen.count,
                .requests_max = (size_t)options->max_requests,
                .bytes_max = 2 * (size_t)options->max_message_bytes,
                .handler = {.handle = service_handle, .user = harrierd->service},
                .clock = &clock_system,
                .log = &harrierd->log,
                .metrics = harrierd->metrics,
            },
        .check_token = check_token,
        .body_max = (size_t)options->max_message_bytes,
        .connections_max = (size_t)options->http_connections,
        .patience_us = options->http_patience_us,
    };
    int r = front_http_open(&settings, &harrierd->http, ret_error);
    for (size_t i = 0; r == 0 && i < options->http_listen.count; i++) {
        char address[300];
        snprintf(address, sizeof address, "http://%s", options->http_listen.items[i]);
        log_listening(harrierd, address, !address_is_loopback(options->http_listen.items[i]));
    }
    return r;
}

static int open_admin(struct harrierd *harrierd, struct error *ret_error) {
    if (*harrierd->options.admin_listen == '\0')
        return 0;
    return admin_open(harrierd->base, harrierd->options.admin_listen, harrierd->service,
                      harrierd->metrics, &harrierd->admin, ret_error);
}

/* Signals are events like any other: handlers run on the loop, not in signal context. */
static struct event *add_event(struct harrierd *harrierd, int descriptor, short what,
                               event_callback_fn callback, const struct timeval *timeout) {
    struct event *event = event_new(harrierd->base, descriptor, what, callback, harrierd);
    check(event && event_add(event, timeout) == 0);
    return event;
}

static void add_events(struct harrierd *harrierd) {
    int64_t watch_us = harrierd->options.watchdog_interval_us;
    harrierd->signals[0] = add_event(harrierd, SIGTERM, EV_SIGNAL | EV_PERSIST, on_terminate, NULL);
    harrierd->signals[1] = add_event(harrierd, SIGINT, EV_SIGNAL | EV_PERSIST, on_terminate, NULL);
    harrierd->signals[2] = add_event(harrierd, SIGHUP, EV_SIGNAL | EV_PERSIST, on_reload, NULL);
    harrierd->signals[3] = add_event(harrierd, SIGUSR2, EV_SIGNAL | EV_PERSIST, on_hand_over, NULL);
    harrierd->changed =
        add_event(harrierd, harrierd->changed_descriptor, EV_READ | EV_PERSIST, on_changed, NULL);
    harrierd->retry =
        add_event(harrierd, -1, EV_PERSIST, on_retry, &(struct timeval){.tv_sec = RETRY_SECONDS});
    if (watch_us > 0)
        harrierd->watch = add_event(
            harrierd, -1, EV_PERSIST, on_watch,
            &(struct timeval){.tv_sec = watch_us / 1000000, .tv_usec = watch_us % 1000000});
    int64_t feed_us = supervisor_watch_interval_us(&harrierd->supervisor);
    if (feed_us > 0)
        harrierd->feed =
            add_event(harrierd, -1, EV_PERSIST, on_feed,
                      &(struct timeval){.tv_sec = feed_us / 1000000, .tv_usec = feed_us % 1000000});
    harrierd->drain = event_new(harrierd->base, -1, EV_PERSIST, on_drain, harrierd);
    check(harrierd->drain);
}

static void free_event(struct event *event) {
    if (event)
        event_free(event);
}

static void remove_events(struct harrierd *harrierd) {
    for (size_t i = 0; i < sizeof harrierd->signals / sizeof *harrierd->signals; i++)
        free_event(harrierd->signals[i]);
    free_event(harrierd->changed);
    free_event(harrierd->watch);
    free_event(harrierd->feed);
    free_event(harrierd->retry);
    free_event(harrierd->drain);
}

/* In this order; the first that fails determines the exit status. */
static const struct {
    int (*open)(struct harrierd *harrierd, struct error *ret_error);
    int exit_code; /* for ERROR_SYSTEM; other errors have their own */
} openings[] = {
    {take_cores, EXIT_CANNOT_CREATE},  {make_data_dir, EXIT_CANNOT_CREATE},
    {open_events, EXIT_CONFIGURATION}, {enter_sandbox, EXIT_DEFECT},
    {open_service, EXIT_STORED},       {open_front, EXIT_CANNOT_CREATE},
    {open_http, EXIT_CANNOT_CREATE},   {open_admin, EXIT_CANNOT_CREATE},
};

/* The library's bugs are of interest only where it is used. */
static bool serves_with_nng(const struct options *options) {
    const char *rest;
    for (size_t i = 0; i < options->listen.count; i++)
        if (address_front(options->listen.items[i], &rest) == ADDRESS_FRONT_NNG)
            return true;
    return false;
}

/* The folders are watched before the policy is loaded, so that no change is missed. */
static int open_all(struct harrierd *harrierd) {
    struct error error;
    watch_folders(harrierd, &harrierd->options);
    const char *warning = serves_with_nng(&harrierd->options) ? front_nng_warning() : NULL;
    if (warning)
        log_line(&harrierd->log, LOG_WARNING, "%s", warning);
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++)
        if (openings[i].open(harrierd, &error) < 0) {
            log_line_with(&harrierd->log, LOG_ERROR, LOG_FAILURE(&error), "%s", error.text);
            return error.code == ERROR_SYSTEM ? openings[i].exit_code : exit_code_of(&error);
        }
    return EXIT_AS_ASKED;
}

/* Waits until every request is answered, and exits if that takes too long: service_close() would
 * wait for them. */
static void finish_fronts(struct harrierd *harrierd) {
    int64_t until_us = clock_monotonic_us(&clock_system) + harrierd->options.drain_timeout_us;
    while (!drain_fronts(harrierd)) {
        if (clock_monotonic_us(&clock_system) > until_us)
            leave_unfinished(harrierd);
        usleep(DRAIN_STEP_US);
    }
}

/* Requests are drained, then the archive is synced and closed. The fronts are freed last: if a
 * library hangs in closing, the supervisor can kill the process and nothing is lost. */
static int close_all(struct harrierd *harrierd, int exit_code) {
    struct error error;
    admin_close(harrierd->admin);
    finish_fronts(harrierd);
    if (harrierd->service && service_close(harrierd->service, &error) < 0) {
        log_line_with(&harrierd->log, LOG_ERROR, LOG_FAILURE(&error), "%s", error.text);
        if (exit_code == EXIT_AS_ASKED)
            exit_code = exit_code_of(&error);
    }
    events_close(harrierd->events); /* the service makes no more of them */
    front_close(harrierd->http);
    front_close(harrierd->front);
    return exit_code;
}

/* From here on errors are logged, not printed. */
static int serve(struct harrierd *harrierd) {
    signal(SIGPIPE, SIG_IGN);
    mapped_tables_watch();
    signal(SIGXFSZ,
           SIG_IGN); /* at a file-size limit write() then fails with EFBIG, which is handled */
    confinement_hide_memory(&harrierd->options);
    harrierd->metrics = server_metrics_new();
    harrierd->base = event_base_new();
    harrierd->changed_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(harrierd->base && harrierd->changed_descriptor >= 0);
    buffer_init(&harrierd->probe);
    supervisor_init(&harrierd->supervisor, &harrierd->log);
    folder_watch_init(&harrierd->folders, harrierd->base, folders_edited, harrierd);
    add_events(harrierd);
    log_line_with(&harrierd->log, LOG_INFO,
                  LOG_FIELDS(log_field_string("version", HARRIER_VERSION),
                             log_field_string("policy", harrierd->options.policy),
                             log_field_string("data_dir", harrierd->options.data_dir)),
                  "harrierd " HARRIER_VERSION ", policy %s, data in %s", harrierd->options.policy,
                  harrierd->options.data_dir);
    int exit_code = open_all(harrierd);
    if (exit_code == EXIT_AS_ASKED) {
        event_base_dispatch(harrierd->base);
        exit_code = harrierd->exit_code;
    }
    exit_code = close_all(harrierd, exit_code);
    folder_watch_stop(&harrierd->folders);
    log_line_with(&harrierd->log, LOG_INFO, LOG_FIELDS(log_field_signed("status", exit_code)),
                  "exiting with status %d", exit_code);
    remove_events(harrierd);
    event_base_free(harrierd->base);
    close(harrierd->changed_descriptor);
    buffer_deinit(&harrierd->probe);
    supervisor_deinit(&harrierd->supervisor);
    metric_set_free(harrierd->metrics);
    return exit_code;
}

/* ---- the command line ---- */

static void write_out(void (*write_text)(struct buffer *out)) {
    struct buffer out;
    buffer_init(&out);
    write_text(&out);
    fwrite(out.bytes, 1, out.length, stdout);
    buffer_deinit(&out);
}

static void print_options(const struct option_set *set) {
    struct buffer out;
    buffer_init(&out);
    options_write_values(set, &out);
    fwrite(out.bytes, 1, out.length, stdout);
    buffer_deinit(&out);
}

static int act(struct harrierd *harrierd, enum action action) {
    switch (action) {
    case ACTION_HELP:
        write_out(options_write_help);
        return EXIT_AS_ASKED;
    case ACTION_VERSION:
        puts("harrierd " HARRIER_VERSION);
        return EXIT_AS_ASKED;
    case ACTION_PRINT_CONFIG:
        write_out(options_write_example);
        return EXIT_AS_ASKED;
    case ACTION_PRINT_OPTIONS:
        print_options(harrierd->set);
        return EXIT_AS_ASKED;
    case ACTION_CHECK:
        return dry_start(&harrierd->options) ? EXIT_AS_ASKED : EXIT_CONFIGURATION;
    case ACTION_SERVE:
        break;
    }
    log_init(&harrierd->log, STDERR_FILENO, (enum log_level)harrierd->options.log_level);
    log_set_format(&harrierd->log, (enum log_format)harrierd->options.log_format);
    log_use_journal(&harrierd->log, getenv("JOURNAL_STREAM"));
    return serve(harrierd);
}

int harrierd_main(int argc, char **argv, char **environment) {
    struct harrierd harrierd = {
        .source = {.argc = argc,
                   .argv = (const char *const *)argv,
                   .environment = (const char *const *)environment},
    };
    enum action action;
    enum options_error kind;
    struct error error;
    if (options_load(&harrierd.source, &harrierd.options, &action, &harrierd.set, &kind, &error) <
        0) {
        fprintf(stderr, "harrierd: %s\n", error.text);
        return kind == OPTIONS_ERROR_USAGE ? EXIT_USAGE : EXIT_CONFIGURATION;
    }
    int exit_code = act(&harrierd, action);
    option_set_free(harrierd.set);
    return exit_code;
}
