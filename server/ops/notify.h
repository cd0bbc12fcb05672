/* Status for systemd: sd_notify's protocol, one datagram of NAME=value lines to the socket that
 * NOTIFY_SOCKET names. Without that variable it does nothing. */
#pragma once

/* socket: the value of NOTIFY_SOCKET, or NULL. Errors are ignored: there is no one to report
 * them to. */
void notify_supervisor(const char *socket, const char *message);
