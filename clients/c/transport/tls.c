/* OpenSSL between a buffer and a socket.
 *
 * Written bytes go through a buffer of ours, because a write that OpenSSL could not finish must be
 * repeated with the same bytes, and the exchange that they belong to may have ended by then. The
 * socket has a BIO of ours, because OpenSSL's own raises SIGPIPE, which would end a process that
 * only wanted to know a score. */
#include "clients/c/transport/tls.h"
#include "clients/c/base/fail.h"
#include "clients/c/transport/lookup.h"

#include "core/base/buffer.h"
#include "core/base/check.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NAME_MAX_LENGTH 253
#define OUTPUT_MAX      ((size_t)64 << 10) /* bytes that wait for the socket */

struct tls_context {
    SSL_CTX *context;
    BIO_METHOD *method;
    char *server_name; /* NULL: the host of the address */
};

struct tls_session {
    SSL *ssl;
    struct buffer output; /* plain */
    size_t output_sent;   /* of it, while it is being sent */
    bool is_open;         /* the handshake is done */
    bool is_full;         /* the socket took no more */
    char why[160];
};

/* ---- the socket ---- */

static int descriptor_of(BIO *bio) {
    return (int)(intptr_t)BIO_get_data(bio);
}

static int bio_write(BIO *bio, const char *bytes, int size) {
    BIO_clear_retry_flags(bio);
    ssize_t sent = send(descriptor_of(bio), bytes, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        BIO_set_retry_write(bio);
    return (int)sent;
}

static int bio_read(BIO *bio, char *bytes, int size) {
    BIO_clear_retry_flags(bio);
    ssize_t got = recv(descriptor_of(bio), bytes, (size_t)size, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        BIO_set_retry_read(bio);
    return (int)got;
}

/* Every write goes to the system at once, so there is nothing to flush. */
static long bio_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *new_method(void) {
    /* No index of its own: a process has 127 of them for all its libraries. */
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "harrier socket");
    check(method);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
}

/* ---- what it trusts ---- */

/* Empties OpenSSL's error queue, so that the user's own calls do not report ours. */
static int refuse(struct harrier_error *ret_error, const char *field, const char *file,
                  const char *what) {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return fail(ret_error, HARRIER_ERROR_INVALID, field, "%.200s %s%s%s", file, what,
                reason ? ": " : "", reason ? reason : "");
}

/* A library cannot ask for one. */
static int no_passphrase(char *room, int size, int writing, void *user) {
    (void)room, (void)size, (void)writing, (void)user;
    return -1;
}

/* harrier.h: NULL and "" both mean absent. */
static const char *given(const char *setting) {
    return setting && *setting ? setting : NULL;
}

static int load_own(SSL_CTX *context, const struct harrier_tls *settings,
                    struct harrier_error *ret_error) {
    const char *certificate = given(settings->certificate_file), *key = given(settings->key_file);
    if (!certificate && !key)
        return 0;
    if (!certificate || !key)
        return fail(ret_error, HARRIER_ERROR_INVALID,
                    certificate ? "tls.key_file" : "tls.certificate_file",
                    "a certificate and its key go together: %s is missing",
                    certificate ? "key_file" : "certificate_file");
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        return refuse(ret_error, "tls.certificate_file", certificate,
                      "is not a file of certificates (PEM)");
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return refuse(ret_error, "tls.key_file", key,
                      "is not the key of the certificate (PEM, without a passphrase)");
    return 0;
}

static int load(SSL_CTX *context, const struct harrier_tls *settings,
                struct harrier_error *ret_error) {
    const char *authorities = settings ? given(settings->ca_file) : NULL;
    if (authorities && SSL_CTX_load_verify_locations(context, authorities, NULL) != 1)
        return refuse(ret_error, "tls.ca_file", authorities, "is not a file of certificates (PEM)");
    /* A system without any: connecting fails, and says why. */
    if (!authorities)
        SSL_CTX_set_default_verify_paths(context);
    return settings ? load_own(context, settings, ret_error) : 0;
}

static int take_server_name(struct tls_context *context, const char *name,
                            struct harrier_error *ret_error) {
    if (name && strlen(name) > NAME_MAX_LENGTH)
        return fail(ret_error, HARRIER_ERROR_INVALID, "tls.server_name",
                    "the server's name has %zu bytes; expected at most %d", strlen(name),
                    NAME_MAX_LENGTH);
    if (name)
        context->server_name = text_copy(text_of(name));
    return 0;
}

int tls_context_new(const struct harrier_tls *settings, struct tls_context **ret_context,
                    struct harrier_error *ret_error) {
    struct tls_context *context = check_calloc(1, sizeof *context);
    context->method = new_method();
    context->context = SSL_CTX_new(TLS_client_method());
    check(context->context);
    SSL_CTX_set_default_passwd_cb(context->context, no_passphrase);
    SSL_CTX_set_verify(context->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(context->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    check(SSL_CTX_set_min_proto_version(context->context, TLS1_2_VERSION) == 1);
    SSL_CTX_set_mode(context->context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    int r = take_server_name(context, settings ? given(settings->server_name) : NULL, ret_error);
    if (r == 0)
        r = load(context->context, settings, ret_error);
    ERR_clear_error();
    if (r < 0)
        tls_context_free(context);
    else
        *ret_context = context;
    return r;
}

void tls_context_free(struct tls_context *context) {
    if (!context)
        return;
    SSL_CTX_free(context->context);
    BIO_meth_free(context->method);
    free(context->server_name);
    free(context);
}

/* ---- a session ---- */

/* RFC 9525: only names in subjectAltName count. An address by number is looked for among the
 * certificate's addresses, and is no name that the server could be asked for. */
static void expect_name(SSL *ssl, const char *name) {
    check(SSL_set_tlsext_host_name(ssl, name) == 1);
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    check(SSL_set1_host(ssl, name) == 1);
}

/* Its bytes: not every spelling that the resolver reads ("127.1", "fe80::1%eth0") is one that
 * OpenSSL reads. */
static void expect_number(SSL *ssl, const struct sockaddr *address) {
    X509_VERIFY_PARAM *expected = SSL_get0_param(ssl);
    const struct in_addr *four = &((const struct sockaddr_in *)address)->sin_addr;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
    bool is_six = address->sa_family == AF_INET6;
    check(X509_VERIFY_PARAM_set1_ip(expected, is_six ? (const uint8_t *)six : (const uint8_t *)four,
                                    is_six ? sizeof *six : sizeof *four) == 1);
}

struct tls_session *tls_session_new(struct tls_context *context, int descriptor, const char *host,
                                    const struct sockaddr *address) {
    struct tls_session *session = check_calloc(1, sizeof *session);
    struct lookup_result number;
    BIO *bio = BIO_new(context->method);
    session->ssl = SSL_new(context->context);
    check(bio && session->ssl);
    BIO_set_data(bio, (void *)(intptr_t)descriptor);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio);
    SSL_set_connect_state(session->ssl);
    if (context->server_name && lookup_number(context->server_name, "1", &number))
        expect_number(session->ssl, (const struct sockaddr *)&number.addresses[0].address);
    else if (context->server_name || host)
        expect_name(session->ssl, context->server_name ? context->server_name : host);
    else
        expect_number(session->ssl, address);
    buffer_init(&session->output);
    return session;
}

void tls_session_free(struct tls_session *session) {
    if (!session)
        return;
    if (session->is_open)
        SSL_shutdown(session->ssl);
    SSL_free(session->ssl);
    ERR_clear_error();
    buffer_deinit(&session->output);
    free(session);
}

static void explain(struct tls_session *session) {
    long verified = SSL_get_verify_result(session->ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (verified != X509_V_OK)
        snprintf(session->why, sizeof session->why, "its certificate is not accepted: %s",
                 X509_verify_cert_error_string(verified));
    else
        snprintf(session->why, sizeof session->why, "no TLS with it: %s",
                 reason ? reason : "the connection was closed");
}

/* 0: later; -1: never, and `why` says why, also after the handshake: with TLS 1.3 a server refuses
 * a client's certificate only then. Keeps whether the socket was full, and leaves no error behind.
 */
static int outcome_of(struct tls_session *session, int result) {
    int error = SSL_get_error(session->ssl, result);
    bool goes_on = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    session->is_full = error == SSL_ERROR_WANT_WRITE;
    if (!goes_on)
        explain(session);
    ERR_clear_error();
    return goes_on ? 0 : -1;
}

int tls_session_handshake(struct tls_session *session) {
    ERR_clear_error(); /* of the user's own calls */
    int result = SSL_do_handshake(session->ssl);
    if (result == 1) {
        session->is_open = true;
        session->is_full = false;
        return 1;
    }
    return outcome_of(session, result);
}

void tls_session_drain(struct tls_session *session) {
    struct buffer *output = &session->output;
    ERR_clear_error();
    session->is_full = false;
    while (session->output_sent < output->length) {
        int sent = SSL_write(session->ssl, output->bytes + session->output_sent,
                             (int)(output->length - session->output_sent));
        if (sent <= 0) {
            outcome_of(session, sent); /* if it is gone, reading says so, too */
            break;
        }
        session->output_sent += (size_t)sent;
    }
    output->length -= session->output_sent;
    memmove(output->bytes, output->bytes + session->output_sent, output->length);
    session->output_sent = 0;
}

/* What is taken counts as sent: it will be, in this order, or the connection is gone. */
ssize_t tls_session_send(struct tls_session *session, const struct iovec *parts, size_t count) {
    size_t before = session->output.length;
    for (size_t i = 0; i < count; i++) {
        size_t room = OUTPUT_MAX > session->output.length ? OUTPUT_MAX - session->output.length : 0;
        size_t size = parts[i].iov_len < room ? parts[i].iov_len : room;
        buffer_append(&session->output, parts[i].iov_base, size);
        if (size < parts[i].iov_len)
            break;
    }
    ssize_t taken = (ssize_t)(session->output.length - before);
    tls_session_drain(session);
    return taken > 0 ? taken : -1;
}

ssize_t tls_session_receive(struct tls_session *session, void *bytes, size_t size) {
    bool was_full = session->is_full;
    ERR_clear_error();
    int got = SSL_read(session->ssl, bytes, size < INT32_MAX ? (int)size : INT32_MAX);
    if (got > 0)
        return got;
    int r = outcome_of(session, got);
    session->is_full |= was_full;
    return r;
}

const char *tls_session_why(const struct tls_session *session) {
    return session->why;
}

bool tls_session_wants_to_write(const struct tls_session *session) {
    return session->is_full || session->output.length > 0;
}
