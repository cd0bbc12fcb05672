/* Certificates for tests, made anew for each run, so that none expires in the tree. */
#pragma once

struct ssl_ctx_st;

/* Writes into the folder: ca.pem; server.pem and server.key, for localhost; client.pem and
 * client.key; stranger.pem and stranger.key, signed by nobody but itself. The keys have mode 0600.
 */
void certificates_make(const char *folder);
void certificates_remove(const char *folder);

/* A client that believes the folder's ca. who: "client", "stranger", or NULL for none. */
struct ssl_ctx_st *certificates_client(const char *folder, const char *who);
