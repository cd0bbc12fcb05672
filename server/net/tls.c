/* A TLS context from files, replaced as a whole when they are reloaded. OpenSSL counts references:
 * sessions keep the context that they were made with. */
#include "tls.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

struct tls {
    pthread_mutex_t lock;
    SSL_CTX *context; /* under the lock */
};

/* With OpenSSL's reason, which says what is wrong with the file. Empties its error queue, so that
 * later calls do not report old errors. */
static int refuse(struct error *ret_error, const char *option, const char *file, const char *what) {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return error_set(ret_error, ERROR_INVALID, "%s: %s %s%s%s", option, file, what,
                     reason ? ": " : "", reason ? reason : "");
}

/* ---- the files ---- */

static int check_file(const char *option, const char *file, bool is_secret,
                      struct error *ret_error) {
    struct stat found;
    if (*file == '\0')
        return error_set(ret_error, ERROR_INVALID, "a tls+tcp:// address needs %s", option);
    if (stat(file, &found) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot read %s", option, file);
    if (is_secret && (found.st_mode & (S_IROTH | S_IWOTH)) != 0)
        return error_set(ret_error, ERROR_INVALID,
                         "%s: every user of this machine may read or write %s; only the server's "
                         "user and group should: chmod 640",
                         option, file);
    return 0;
}

static int load_own(SSL_CTX *context, const struct tls_settings *settings,
                    struct error *ret_error) {
    int r = check_file("tls_cert", settings->certificate, false, ret_error);
    if (r == 0)
        r = check_file("tls_key", settings->key, true, ret_error);
    if (r < 0)
        return r;
    if (SSL_CTX_use_certificate_chain_file(context, settings->certificate) != 1)
        return refuse(ret_error, "tls_cert", settings->certificate,
                      "is not a file of certificates (PEM)");
    if (SSL_CTX_use_PrivateKey_file(context, settings->key, SSL_FILETYPE_PEM) != 1)
        return refuse(ret_error, "tls_key", settings->key,
                      "is not a private key (PEM, without a passphrase) that fits tls_cert");
    if (SSL_CTX_check_private_key(context) != 1)
        return refuse(ret_error, "tls_key", settings->key, "does not fit tls_cert");
    return 0;
}

static int load_clients(SSL_CTX *context, const struct tls_settings *settings,
                        struct error *ret_error) {
    if (*settings->client_ca == '\0')
        return 0;
    int r = check_file("tls_client_ca", settings->client_ca, false, ret_error);
    if (r < 0)
        return r;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(settings->client_ca);
    if (!names || SSL_CTX_load_verify_locations(context, settings->client_ca, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return refuse(ret_error, "tls_client_ca", settings->client_ca,
                      "is not a file of certificates (PEM)");
    }
    SSL_CTX_set_client_CA_list(context, names);
    int mode = SSL_VERIFY_PEER | (settings->client_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
    SSL_CTX_set_verify(context, mode, NULL);
    return 0;
}

/* A daemon cannot ask for one: an encrypted key is refused instead of blocking on the terminal. */
static int no_passphrase(char *room, int size, int writing, void *user) {
    (void)room, (void)size, (void)writing, (void)user;
    return -1;
}

static int load(const struct tls_settings *settings, SSL_CTX **ret_context,
                struct error *ret_error) {
    static const unsigned char name[] = "harrier";
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    check(context);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    /* Idle connections keep no record buffers. Renegotiation, which TLS 1.2 has, is a cheap way to
     * cause work; compression leaks lengths. */
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    check(SSL_CTX_set_min_proto_version(context, settings->allow_1_2 ? TLS1_2_VERSION
                                                                     : TLS1_3_VERSION) == 1);
    /* Sessions are resumed only on the server that verified their client. */
    check(SSL_CTX_set_session_id_context(context, name, sizeof name - 1) == 1);
    int r = load_own(context, settings, ret_error);
    if (r == 0)
        r = load_clients(context, settings, ret_error);
    if (r < 0)
        SSL_CTX_free(context);
    else
        *ret_context = context;
    return r;
}

/* OpenSSL's memory for secrets: locked as far as the limit of the process allows it, left out of
 * core dumps, and wiped when it is freed. When it is used up, OpenSSL takes no other: handshakes
 * fail. So it has room for more than can be in use, and what is not in use takes no memory. In
 * TLS 1.3 each connection keeps the key of its handshake there, 64 or 128 bytes; besides, there are
 * the private keys of reloads whose connections last, random generators of threads, and keys of
 * connections that other libraries make. */
#define SECRETS_BYTES            (2 << 20)
#define SECRETS_CONNECTION_BYTES 512
#define SECRETS_BYTES_MIN        64 /* of one allocation */

static void reserve_memory_of_secrets(size_t connections_max) {
    size_t size = SECRETS_BYTES; /* a power of two, as OpenSSL wants it */
    while (size < SECRETS_BYTES + connections_max * SECRETS_CONNECTION_BYTES)
        size *= 2;
    if (!CRYPTO_secure_malloc_initialized())
        CRYPTO_secure_malloc_init(size, SECRETS_BYTES_MIN);
}

int tls_open(const struct tls_settings *settings, size_t connections_max, struct tls **ret_tls,
             struct error *ret_error) {
    SSL_CTX *context;
    reserve_memory_of_secrets(connections_max);
    int r = load(settings, &context, ret_error);
    if (r < 0)
        return r;
    struct tls *tls = check_malloc(sizeof *tls);
    lock_init(&tls->lock, LOCK_TLS_CONTEXT);
    tls->context = context;
    *ret_tls = tls;
    return 0;
}

int tls_reload(struct tls *tls, const struct tls_settings *settings, struct error *ret_error) {
    SSL_CTX *context;
    int r = load(settings, &context, ret_error);
    if (r < 0)
        return r;
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *old = tls->context;
    tls->context = context;
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(old); /* its sessions hold references */
    return 0;
}

void tls_close(struct tls *tls) {
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

/* ---- connections ---- */

struct ssl_st *tls_accept(struct tls *tls, struct error *ret_error) {
    pthread_mutex_lock(&tls->lock);
    SSL *session = SSL_new(tls->context);
    pthread_mutex_unlock(&tls->lock);
    if (!session)
        refuse(ret_error, "tls+tcp", "a connection", "cannot be made");
    return session;
}

void tls_send_close_notify(struct ssl_st *session) {
    if (SSL_is_init_finished(session))
        SSL_shutdown(session);
    ERR_clear_error();
}

void tls_end(struct ssl_st *session) {
    SSL_free(session);
}
