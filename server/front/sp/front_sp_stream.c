/* Plain: read and write events, and each call is a system call. TLS: a bufferevent, which encrypts
 * between its buffers and the socket; it holds at most TLS_BUFFER_MAX in either direction, so that
 * back-pressure works as for plain sockets. */
#include "front_sp_stream.h"

#include "core/base/check.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TLS_BUFFER_MAX ((size_t)64 << 10)

/* ---- what the loop calls ---- */

static void on_readable(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct stream *stream = user;
    stream->listener->readable(stream->user);
}

static void on_writable(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct stream *stream = user;
    stream->listener->writable(stream->user);
}

static void on_tls_readable(struct bufferevent *tls, void *user) {
    (void)tls;
    struct stream *stream = user;
    stream->listener->readable(stream->user);
}

static void on_tls_writable(struct bufferevent *tls, void *user) {
    (void)tls;
    struct stream *stream = user;
    stream->listener->writable(stream->user);
}

/* After any of these events libevent neither reads nor writes, so there is no half-close: a client
 * that sends close_notify gets no more answers. */
static void on_tls_event(struct bufferevent *tls, short what, void *user) {
    struct stream *stream = user;
    bool is_failure = (what & BEV_EVENT_ERROR) && bufferevent_get_openssl_error(tls) != 0;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        stream->listener->lost(stream->user, is_failure);
}

/* ---- opening and closing ---- */

static int open_tls(struct stream *stream, struct event_base *base, int descriptor, struct tls *tls,
                    struct error *ret_error) {
    struct ssl_st *session = tls_accept(tls, ret_error);
    if (!session)
        return -(int)ret_error->code;
    /* Deferred: callbacks come from the loop, never from within our own calls. */
    stream->tls =
        bufferevent_openssl_socket_new(base, descriptor, session, BUFFEREVENT_SSL_ACCEPTING,
                                       BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (!stream->tls) {
        tls_end(session);
        return error_set(ret_error, ERROR_SYSTEM, "cannot set up a TLS connection");
    }
    /* Most clients close the socket without close_notify. No attack: messages carry their length.
     */
    bufferevent_openssl_set_allow_dirty_shutdown(stream->tls, 1);
    bufferevent_setwatermark(stream->tls, EV_READ, 0, TLS_BUFFER_MAX);
    bufferevent_setcb(stream->tls, on_tls_readable, on_tls_writable, on_tls_event, stream);
    bufferevent_enable(stream->tls, EV_WRITE);
    return 0;
}

int stream_open(struct stream *stream, struct event_base *base, int descriptor, struct tls *tls,
                const struct stream_listener *listener, void *user, struct error *ret_error) {
    *stream = (struct stream){.descriptor = descriptor, .listener = listener, .user = user};
    if (tls) {
        int r = open_tls(stream, base, descriptor, tls, ret_error);
        if (r < 0)
            close(descriptor);
        return r;
    }
    stream->readable = event_new(base, descriptor, EV_READ | EV_PERSIST, on_readable, stream);
    stream->writable = event_new(base, descriptor, EV_WRITE | EV_PERSIST, on_writable, stream);
    check(stream->readable && stream->writable);
    return 0;
}

void stream_close(struct stream *stream) {
    if (stream->descriptor < 0)
        return;
    if (stream->tls) {
        tls_send_close_notify(bufferevent_openssl_get_ssl(stream->tls));
        bufferevent_free(stream->tls);
    } else {
        event_free(stream->readable);
        event_free(stream->writable);
        close(stream->descriptor);
    }
    *stream = (struct stream){.descriptor = -1};
}

/* ---- bytes ---- */

ssize_t stream_read(struct stream *stream, void *bytes, size_t size) {
    if (!stream->tls)
        return recv(stream->descriptor, bytes, size, 0);
    size_t got = bufferevent_read(stream->tls, bytes, size);
    if (got > 0)
        return (ssize_t)got;
    errno = EAGAIN;
    return -1;
}

size_t stream_unread(const struct stream *stream) {
    int count = 0;
    if (stream->tls)
        return evbuffer_get_length(bufferevent_get_input(stream->tls));
    return ioctl(stream->descriptor, FIONREAD, &count) == 0 ? (size_t)count : 0;
}

ssize_t stream_write(struct stream *stream, const void *bytes, size_t size) {
    if (!stream->tls)
        return send(stream->descriptor, bytes, size, MSG_NOSIGNAL);
    size_t unsent = stream_unsent(stream);
    if (size > TLS_BUFFER_MAX - unsent)
        size = TLS_BUFFER_MAX - unsent;
    if (size > 0 && bufferevent_write(stream->tls, bytes, size) == 0)
        return (ssize_t)size;
    errno = EAGAIN;
    return -1;
}

size_t stream_unsent(const struct stream *stream) {
    return stream->tls ? evbuffer_get_length(bufferevent_get_output(stream->tls)) : 0;
}

static void want_plain(struct stream *stream, bool reading, bool writing) {
    if (reading != stream->reading)
        check((reading ? event_add(stream->readable, NULL) : event_del(stream->readable)) == 0);
    if (writing != stream->writing)
        check((writing ? event_add(stream->writable, NULL) : event_del(stream->writable)) == 0);
}

static void want_tls(struct stream *stream, bool reading) {
    if (reading != stream->reading)
        (reading ? bufferevent_enable : bufferevent_disable)(stream->tls, EV_READ);
    /* libevent reports only input that arrives from now on. */
    if (reading && evbuffer_get_length(bufferevent_get_input(stream->tls)) > 0)
        bufferevent_trigger(stream->tls, EV_READ,
                            BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

void stream_want(struct stream *stream, bool reading, bool writing) {
    if (stream->tls)
        want_tls(stream, reading); /* room to write is always reported */
    else
        want_plain(stream, reading, writing);
    stream->reading = reading;
    stream->writing = writing;
}
