#include "certificates.h"

#include "tests/unit/unit.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

struct identity {
    X509 *certificate;
    EVP_PKEY *key;
};

static void extend(X509 *certificate, const char *name, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf(NULL, &context, name, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* signer NULL: by itself. */
static struct identity make(const char *name, bool is_ca, const struct identity *signer) {
    static long serial;
    struct identity made = {X509_new(), EVP_EC_gen("P-256")};
    assert_true(made.certificate && made.key);
    X509_set_version(made.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), 86400);
    X509_set_pubkey(made.certificate, made.key);
    X509_NAME *subject = X509_get_subject_name(made.certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(made.certificate,
                         signer ? X509_get_subject_name(signer->certificate) : subject);
    extend(made.certificate, "basicConstraints", is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    if (!is_ca)
        extend(made.certificate, "subjectAltName", "DNS:localhost,IP:127.0.0.1");
    assert_true(X509_sign(made.certificate, signer ? signer->key : made.key, EVP_sha256()) > 0);
    return made;
}

static FILE *create(const char *folder, const char *name, const char *ending) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s.%s", folder, name, ending);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    return file;
}

static void write_out(const char *folder, const char *name, const struct identity *identity) {
    FILE *file = create(folder, name, "pem");
    assert_int_equal(PEM_write_X509(file, identity->certificate), 1);
    fclose(file);
    file = create(folder, name, "key");
    assert_int_equal(PEM_write_PrivateKey(file, identity->key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

static void forget(struct identity *identity) {
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

static const char *const names[] = {"ca", "server", "client", "stranger"};
#define NAMES (sizeof names / sizeof *names)

void certificates_make(const char *folder) {
    struct identity ca = make("ca", true, NULL);
    for (size_t i = 0; i < NAMES; i++) {
        bool is_ours = strcmp(names[i], "stranger") != 0;
        struct identity identity = i == 0 ? ca : make(names[i], false, is_ours ? &ca : NULL);
        write_out(folder, names[i], &identity);
        if (i > 0)
            forget(&identity);
    }
    forget(&ca);
}

void certificates_remove(const char *folder) {
    char path[256];
    for (size_t i = 0; i < NAMES; i++) {
        snprintf(path, sizeof path, "%s/%s.pem", folder, names[i]);
        unlink(path);
        snprintf(path, sizeof path, "%s/%s.key", folder, names[i]);
        unlink(path);
    }
}

struct ssl_ctx_st *certificates_client(const char *folder, const char *who) {
    char path[256];
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert_non_null(context);
    snprintf(path, sizeof path, "%s/ca.pem", folder);
    assert_int_equal(SSL_CTX_load_verify_locations(context, path, NULL), 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (who) {
        snprintf(path, sizeof path, "%s/%s.pem", folder, who);
        assert_int_equal(SSL_CTX_use_certificate_file(context, path, SSL_FILETYPE_PEM), 1);
        snprintf(path, sizeof path, "%s/%s.key", folder, who);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM), 1);
    }
    return context;
}
