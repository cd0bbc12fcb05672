/* harrierd's options. One row each in options.c, from which the configuration file, the HARRIERD_
 * variables, the flags, --help and deploy/harrierd.conf are derived. Strings belong to the option
 * set. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/option.h"
#include "log_address.h"
#include "server/net/ipc_access.h"
#include "server/ops/cpu_affinity.h"

#include <stdbool.h>
#include <stdint.h>

enum tls_version { TLS_VERSION_1_3, TLS_VERSION_1_2 };
enum sandbox_choice { SANDBOX_ON, SANDBOX_OFF };
enum archive_failure { ARCHIVE_FAILURE_STOP, ARCHIVE_FAILURE_DEGRADE };
enum durability { DURABILITY_WRITTEN, DURABILITY_SYNCED, DURABILITY_REPLICATED };

struct options {
    const char *config_file; /* that was read, or would be if it existed */
    struct option_list listen;
    bool insecure_listen;
    const char *tokens; /* "": none */
    const char *ipc_mode, *ipc_group;
    struct ipc_access ipc_access; /* parsed from these two */
    int64_t max_requests;
    int64_t max_message_bytes;
    int64_t max_connections;
    int64_t max_buffer_bytes;
    int64_t queue_deadline_us; /* 0: none */
    int64_t queue_patience;    /* percent */
    int64_t idle_timeout_us, stall_timeout_us; /* 0: never */
    const char *tls_cert, *tls_key;            /* "": none */
    const char *tls_client_ca;                 /* "": clients need no certificate */
    bool tls_client_optional;
    int tls_version;              /* enum tls_version: the minimum */
    int64_t watchdog_interval_us; /* 0: off */
    const char *admin_listen;     /* "": none */
    struct option_list http_listen;
    int64_t http_connections;
    int64_t http_patience_us;
    const char *policy;
    struct option_list shadow;
    const char *challenger, *challenger_share, *challenger_key, *challenger_name;
    uint32_t challenger_parts; /* the share, as struct challenge_settings has it */
    bool watch_policy;
    int64_t max_ahead_us;
    const char *pseudonym_keys; /* "": none */
    const char *data_dir;
    int durability; /* enum durability */
    int64_t sync_interval_us, lazy_sync_interval_us;
    const char *log;                /* "": this server is alone */
    struct log_address log_address; /* parsed from it */
    const char *cluster;            /* "": the topic's name */
    const char *node;               /* "": the machine's name */
    const char *advertise;          /* "": the first of listen */
    const char *log_config;         /* "": none */
    int64_t lease_us;
    int64_t stale_after_us; /* 0: never */
    int archive_failure;    /* enum archive_failure */
    int64_t archive_failure_memory_bytes, archive_failure_after_us;
    int64_t overlay_limit_bytes; /* 0: none; OPTION_AUTOMATIC */
    int64_t slow_after_us;       /* 0: never */
    const char *rejects;         /* "": none */
    int64_t rejects_size;
    int log_level;  /* enum log_level */
    int log_format; /* enum log_format */
    int64_t drain_timeout_us;
    int sandbox;                     /* enum sandbox_choice */
    struct option_list sandbox_read; /* paths */
    bool core_dumps;
    const char *event_url, *event_command; /* "": none */
    struct option_list events, event_fields;
    uint32_t event_kinds, event_field_set; /* parsed from these two */
    const char *event_secret, *event_ca;   /* "": none */
    int64_t event_timeout_us;
    int64_t event_queue_bytes;
    const char *cores;                /* "": any */
    struct cpu_affinity cpu_affinity; /* parsed from it */
};

/* What to do: flags that are not options. */
enum action {
    ACTION_SERVE,
    ACTION_CHECK, /* check options, tokens and policies, then exit */
    ACTION_HELP,
    ACTION_VERSION,
    ACTION_PRINT_CONFIG,
    ACTION_PRINT_OPTIONS, /* values as they are set, unchecked beyond their types */
};

struct options_source {
    int argc;
    const char *const *argv;
    const char *const *environment;
};

enum options_error {
    OPTIONS_ERROR_NONE,
    OPTIONS_ERROR_USAGE,         /* the command line */
    OPTIONS_ERROR_CONFIGURATION, /* file, environment, or their combination */
};

/* Reads file, environment and flags into a new set that fills *ret_options, which must live as long
 * as the set. On failure only *ret_kind and *ret_error are filled. */
int options_load(const struct options_source *source, struct options *ret_options,
                 enum action *ret_action, struct option_set **ret_set, enum options_error *ret_kind,
                 struct error *ret_error);

/* Appends the names of options that differ but need a restart to take effect: "listen, data_dir".
 */
void options_list_fixed_changes(const struct option_set *now, const struct option_set *next,
                                struct buffer *out);

/* All values in force, one line `name = value` each. */
void options_write_values(const struct option_set *set, struct buffer *out);
void options_write_help(struct buffer *out);
void options_write_example(struct buffer *out); /* deploy/harrierd.conf */
