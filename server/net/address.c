/* Parsing of addresses by prefix; no names are resolved here. `nng+` asks for nng's library where
 * the server has a front of its own. */
#include "address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* What follows the scheme; NULL if the address has another one. */
static const char *after(const char *address, const char *scheme) {
    size_t length = strlen(scheme);
    return strncmp(address, scheme, length) == 0 ? address + length : NULL;
}

static const char *without_prefix(const char *address) {
    const char *rest = after(address, "nng+");
    return rest ? rest : address;
}

const char *address_network_part(const char *address) {
    static const char *const schemes[] = {"tcp://", "ws://", "tls+tcp://"};
    const char *part = NULL;
    address = without_prefix(address);
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes && !part; i++)
        part = after(address, schemes[i]);
    return part;
}

const char *address_ipc_path(const char *address) {
    return after(without_prefix(address), "ipc://");
}

bool address_is_tls(const char *address) {
    return after(address, "tls+tcp://") != NULL;
}

enum address_front address_front(const char *address, const char **ret_rest) {
    *ret_rest = without_prefix(address);
    return *ret_rest != address || after(address, "ws://") ? ADDRESS_FRONT_NNG : ADDRESS_FRONT_SP;
}

/* The last colon separates the port, so that [::1]:80 works; names are not resolved. */
int address_split(const char *address, char *ret_host, size_t host_size, uint16_t *ret_port,
                  struct error *ret_error) {
    size_t length = strcspn(address, "/");
    const char *colon = memrchr(address, ':', length);
    const char *host = address;
    if (colon) {
        size_t host_length = (size_t)(colon - address);
        if (host_length >= 2 && host[0] == '[' && host[host_length - 1] == ']') {
            host++;
            host_length -= 2;
        }
        char *end;
        unsigned long port = strtoul(colon + 1, &end, 10);
        if (isdigit((unsigned char)colon[1]) && end == address + length && port <= UINT16_MAX &&
            host_length < host_size) {
            memcpy(ret_host, host, host_length);
            ret_host[host_length] = '\0';
            *ret_port = (uint16_t)port;
            return 0;
        }
    }
    return error_set(ret_error, ERROR_INVALID,
                     "\"%s\" is not HOST:PORT with a port from 0 to 65535", address);
}

static int check_network(const char *address, const char *part, struct error *ret_error) {
    char host[256];
    uint16_t port;
    return address_split(part, host, sizeof host, &port, ret_error) == 0
               ? 0
               : error_prefix(ret_error, "%s", address);
}

static int check_ipc(const char *address, const char *path, struct error *ret_error) {
    size_t room = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if (path[0] != '/')
        return error_set(ret_error, ERROR_INVALID,
                         "%s: an ipc address needs an absolute path: ipc:///run/harrier/socket",
                         address);
    if (strlen(path) > room)
        return error_set(ret_error, ERROR_INVALID,
                         "%s: the path has %zu bytes; the system takes at most %zu for a socket",
                         address, strlen(path), room);
    return 0;
}

int address_check(const char *address, struct error *ret_error) {
    if (after(address, "nng+tls+tcp://"))
        return error_set(ret_error, ERROR_INVALID,
                         "%s: TLS is not served through the nng library; expected tls+tcp://",
                         address);
    const char *network = address_network_part(address);
    if (network)
        return check_network(address, network, ret_error);
    const char *path = address_ipc_path(address);
    if (path)
        return check_ipc(address, path, ret_error);
    return error_set(ret_error, ERROR_INVALID, "\"%s\" is not an address to listen on; expected %s",
                     address, ADDRESS_SCHEMES);
}

/* No other name counts, even if it resolves to loopback: resolution may change. */
bool address_host_is_loopback(const char *host) {
    struct in_addr v4;
    struct in6_addr v6;
    if (strcmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool address_is_local(const char *address) {
    const char *network = address_network_part(address);
    char host[256];
    uint16_t port;
    struct error ignored;
    if (!network)
        return true;
    return address_split(network, host, sizeof host, &port, &ignored) == 0 &&
           address_host_is_loopback(host);
}

bool address_is_wildcard(const char *address) {
    const char *network = address_network_part(address);
    char host[256];
    uint16_t port;
    struct in_addr v4;
    struct in6_addr v6;
    struct error ignored;
    if (!network || address_split(network, host, sizeof host, &port, &ignored) < 0)
        return false;
    if (!*host || strcmp(host, "*") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return v4.s_addr == htonl(INADDR_ANY);
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&v6);
}

bool address_is_loopback(const char *address) {
    char host[256];
    uint16_t port;
    struct error ignored;
    return address_split(address, host, sizeof host, &port, &ignored) == 0 &&
           address_host_is_loopback(host);
}
