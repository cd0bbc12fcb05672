#include "certificate.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What tells a file from what was put in its place. */
struct mark {
    dev_t device;
    ino_t number;
    off_t size;
    struct timespec changed;
};

struct certificate {
    const struct console_options *options;
    struct log *log;
    struct tls *tls;
    struct mark marks[2]; /* of the certificate and the key, as they were last read */
};

static struct tls_settings settings_of(const struct console_options *options) {
    return (struct tls_settings){.certificate = options->tls_cert,
                                 .key = options->tls_key,
                                 .client_ca = "",
                                 .allow_1_2 = true};
}

/* A missing file has a mark of its own. */
static struct mark mark_of(const char *path) {
    struct stat found;
    struct mark mark;
    memset(&mark, 0, sizeof mark); /* the padding, too: marks are compared as bytes */
    if (stat(path, &found) == 0) {
        mark.device = found.st_dev;
        mark.number = found.st_ino;
        mark.size = found.st_size;
        mark.changed = found.st_mtim;
    }
    return mark;
}

static void read_marks(const struct console_options *options, struct mark marks[2]) {
    marks[0] = mark_of(options->tls_cert);
    marks[1] = mark_of(options->tls_key);
}

int certificate_open(const struct console_options *options, size_t connections_max, struct log *log,
                     struct certificate **ret_certificate, struct error *ret_error) {
    *ret_certificate = NULL;
    if (!options->tls_cert)
        return 0;
    struct certificate *certificate = check_calloc(1, sizeof *certificate);
    certificate->options = options;
    certificate->log = log;
    read_marks(options, certificate->marks); /* before the files: a change in between is seen */
    const struct tls_settings settings = settings_of(options);
    int r = tls_open(&settings, connections_max, &certificate->tls, ret_error);
    if (r < 0) {
        free(certificate);
        return r;
    }
    *ret_certificate = certificate;
    return 0;
}

struct tls *certificate_tls(struct certificate *certificate) {
    return certificate ? certificate->tls : NULL;
}

void certificate_watch(struct certificate *certificate) {
    struct mark marks[2];
    struct error error;
    if (!certificate)
        return;
    read_marks(certificate->options, marks);
    if (memcmp(marks, certificate->marks, sizeof marks) == 0)
        return;
    memcpy(certificate->marks, marks, sizeof marks);
    const struct tls_settings settings = settings_of(certificate->options);
    /* The two files change one after the other: the first time they may not fit each other. */
    if (tls_reload(certificate->tls, &settings, &error) < 0)
        log_line(certificate->log, LOG_WARNING, "the old certificate stays in use: %s", error.text);
    else
        log_line(certificate->log, LOG_INFO, "the certificate was read again");
}

void certificate_close(struct certificate *certificate) {
    if (!certificate)
        return;
    tls_close(certificate->tls);
    free(certificate);
}
