/* Telling systemd how far we are (sd_notify's protocol: one datagram of NAME=value lines to the
 * socket that NOTIFY_SOCKET names). Without that variable it does nothing. */
#pragma once

/* socket: the value of NOTIFY_SOCKET, or NULL. Lost messages are lost: there is nobody to tell. */
void notify_supervisor(const char *socket, const char *message);
