/* Sends payments by schedule, whatever becomes of those before: an open loop.
 *
 * usage: overload_load ADDRESS SECONDS WARMUP DEADLINE_US TOGETHER GROUP…
 *        GROUP is NAME:RATE:CONNECTIONS[:TOKEN], RATE in payments a second
 *
 * Payment i of a group is due at start + i / rate, and so many in a row have the same connection:
 * what is due when this program looks is written together, as by a client that has much to ask. Its
 * latency counts from then, also while it waits in this program because the server takes nothing:
 * so no omission is coordinated with the server. One that finds its connection's buffer full is
 * counted as stuck and never sent.
 *
 * Prints a JSON object a line: one for each group, then one about this program. Only what was due
 * after WARMUP seconds is counted. One thread; it speaks SP itself, so that it costs as little as
 * possible beside the server. */
#include "core/wire/message/message.h"
#include "core/wire/message/sp.h"
#include "tests/bench/payments.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TEMPLATES  16384u
#define GROUPS_MAX 64
#define OUTPUT_MAX                                                                                 \
    ((size_t)2 << 20) /* of a connection: what it cannot send, as a kernel would keep */
#define INPUT_MAX  ((size_t)256 << 10)
#define PENDING    (UINT32_C(1) << 22) /* a power of two */
#define ISSUED_MAX 512                 /* of a group in a round, so that answers are seen soon */
#define ID_DIGITS  20
#define GRACE_US   INT64_C(2000000)

/* ---- a histogram: 64 parts for each power of two, so within 1.6 % ---- */

#define PARTS 64
struct histogram {
    uint64_t counts[26 * PARTS], total;
    int64_t most_us;
};

static void histogram_add(struct histogram *histogram, int64_t us) {
    uint64_t value = us < 0 ? 0 : (uint64_t)us;
    size_t power = 0;
    while ((value >> power) >= 2 * PARTS)
        power++;
    size_t at = power * PARTS + (size_t)(value >> power);
    if (at >= sizeof histogram->counts / sizeof *histogram->counts)
        at = sizeof histogram->counts / sizeof *histogram->counts - 1;
    histogram->counts[at]++;
    histogram->total++;
    if (us > histogram->most_us)
        histogram->most_us = us;
}

static int64_t histogram_at(const struct histogram *histogram, double part) {
    uint64_t wanted = (uint64_t)(part * (double)histogram->total), seen = 0;
    for (size_t at = 0; at < sizeof histogram->counts / sizeof *histogram->counts; at++) {
        seen += histogram->counts[at];
        if (seen > wanted) {
            size_t power = at < 2 * PARTS ? 0 : at / PARTS - 1;
            return (int64_t)((uint64_t)(at - power * PARTS) << power);
        }
    }
    return histogram->most_us;
}

/* ---- what is sent ---- */

struct template {
    uint8_t *bytes; /* a Request whose id is to be filled in */
    size_t length, id_at;
};

struct group {
    const char *name, *token;
    double rate;
    size_t first, connections; /* of the connections */
    uint64_t issued;
    /* Of what was due after the warm-up: */
    uint64_t due, stuck, accepted, in_time, overloaded, late, other;
    struct histogram latency, refusal;
};

struct connection {
    int descriptor;
    bool wants_room;
    uint8_t *output, *input;
    size_t output_begin, output_end, input_end;
};

struct pending {
    int64_t due_us; /* 0: none */
    uint32_t group;
    bool counts;
};

static struct group groups[GROUPS_MAX];
static size_t group_count;
static struct connection *connections;
static size_t connection_count;
static struct template templates[GROUPS_MAX][TEMPLATES];
static struct pending *pending;
static uint32_t last_id;
static uint64_t outstanding, unanswered, broken;
static enum sp_stream stream;
static uint64_t deadline_us, together;
static unsigned run_number;
static int epoll;

static int64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void die(const char *what) {
    fprintf(stderr, "overload_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void make_templates(struct group *group, size_t number) {
    static const struct payers payers = {200000, 150000, 20000, 150000, 100};
    static struct payment payment;
    char id[ID_DIGITS + 1];
    for (uint32_t i = 0; i < TEMPLATES; i++) {
        struct template *template = &templates[number][i];
        struct buffer bytes;
        struct error error;
        make_payment(&payment, &payers, number * TEMPLATES + i);
        snprintf(id, sizeof id, "ID%018u", i);
        payment.transaction.id = text_of(id);
        struct request request = {.call = CALL_SCORE,
                                  .token = text_of(group->token),
                                  .deadline_us = deadline_us,
                                  .score = {&payment.transaction, 1}};
        buffer_init(&bytes);
        if (message_encode_request(&request, &bytes, &error) < 0) {
            fprintf(stderr, "overload_load: %s\n", error.text);
            exit(1);
        }
        uint8_t *at = memmem(bytes.bytes, bytes.length, id, ID_DIGITS);
        *template = (struct template){bytes.bytes, bytes.length, (size_t)(at - bytes.bytes)};
    }
}

static void write_digits(uint8_t *at, uint64_t number, int digits) {
    for (int i = digits; i-- > 0; number /= 10)
        at[i] = (uint8_t)('0' + number % 10);
}

/* ---- connections ---- */

static int dial(const char *address) {
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in inet = {.sin_family = AF_INET};
    bool is_ipc = strncmp(address, "ipc://", 6) == 0;
    int descriptor = socket(is_ipc ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;
    if (is_ipc) {
        snprintf(local.sun_path, sizeof local.sun_path, "%s", address + 6);
        r = connect(descriptor, (struct sockaddr *)&local, sizeof local);
    } else {
        char host[64];
        unsigned port;
        if (sscanf(address, "tcp://%63[^:]:%u", host, &port) != 2)
            die("expected ipc://PATH or tcp://IP:PORT");
        inet.sin_port = htons((uint16_t)port);
        inet_pton(AF_INET, host, &inet.sin_addr);
        r = connect(descriptor, (struct sockaddr *)&inet, sizeof inet);
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    }
    if (r < 0)
        die(address);
    stream = is_ipc ? SP_IPC : SP_TCP;
    uint8_t greeting[SP_GREETING_SIZE];
    sp_greeting_write(greeting, SP_REQ);
    if (send(descriptor, greeting, sizeof greeting, 0) != sizeof greeting ||
        recv(descriptor, greeting, sizeof greeting, MSG_WAITALL) != sizeof greeting ||
        !sp_greeting_is(greeting, SP_REP))
        die("no greeting");
    return descriptor;
}

static void open_connections(const char *address) {
    connections = calloc(connection_count, sizeof *connections);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < connection_count; i++) {
        struct connection *connection = &connections[i];
        connection->descriptor = dial(address);
        connection->output = malloc(OUTPUT_MAX);
        connection->input = malloc(INPUT_MAX);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->descriptor, &event) < 0)
            die("epoll");
    }
}

static void want_room(struct connection *connection, bool wants) {
    if (connection->wants_room == wants || connection->descriptor < 0)
        return;
    connection->wants_room = wants;
    struct epoll_event event = {.events = EPOLLIN | (wants ? EPOLLOUT : 0), .data.ptr = connection};
    epoll_ctl(epoll, EPOLL_CTL_MOD, connection->descriptor, &event);
}

static void lose(struct connection *connection) {
    close(connection->descriptor);
    connection->descriptor = -1;
    broken++;
}

static void flush(struct connection *connection) {
    size_t size = connection->output_end - connection->output_begin;
    if (size == 0 || connection->descriptor < 0)
        return;
    ssize_t sent = send(connection->descriptor, connection->output + connection->output_begin, size,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        lose(connection);
    if (sent > 0)
        connection->output_begin += (size_t)sent;
    if (connection->output_begin == connection->output_end)
        connection->output_begin = connection->output_end = 0;
    want_room(connection, connection->output_end > 0);
}

/* ---- requests ---- */

static void issue(struct group *group, int64_t due_us, bool counts) {
    size_t number = (size_t)(group - groups);
    uint64_t i = group->issued++;
    struct connection *connection = &connections[group->first + i / together % group->connections];
    const struct template *template = &templates[number][i % TEMPLATES];
    size_t whole = SP_HEADER_MAX + SP_ID_SIZE + template->length;
    group->due += counts;
    if (connection->output_end + whole > OUTPUT_MAX && connection->output_begin > 0) {
        memmove(connection->output, connection->output + connection->output_begin,
                connection->output_end - connection->output_begin);
        connection->output_end -= connection->output_begin;
        connection->output_begin = 0;
    }
    if (connection->descriptor < 0 || connection->output_end + whole > OUTPUT_MAX) {
        group->stuck += counts;
        return;
    }
    uint32_t id = ++last_id & ~SP_ID_TOP_BIT;
    struct pending *slot = &pending[id % PENDING];
    if (slot->due_us != 0) {
        unanswered += slot->counts;
        outstanding--;
    }
    *slot = (struct pending){due_us, (uint32_t)number, counts};
    outstanding++;
    uint8_t *at = connection->output + connection->output_end;
    at += sp_header_write(at, stream, SP_ID_SIZE + template->length);
    sp_id_write(at, id | SP_ID_TOP_BIT);
    at += SP_ID_SIZE;
    memcpy(at, template->bytes, template->length);
    write_digits(at + template->id_at, run_number, 6);
    write_digits(at + template->id_at + 6, number, 2);
    write_digits(at + template->id_at + 8, i, 12);
    connection->output_end = (size_t)(at + template->length - connection->output);
}

static void issue_due(int64_t start_us, int64_t counted_us, int64_t at_us) {
    for (size_t g = 0; g < group_count; g++) {
        struct group *group = &groups[g];
        for (int n = 0; n < ISSUED_MAX; n++) {
            int64_t due_us = start_us + (int64_t)((double)group->issued * 1e6 / group->rate);
            if (due_us > at_us)
                break;
            issue(group, due_us, due_us >= counted_us);
        }
    }
}

/* ---- answers ---- */

/* Response { score = 10 { results = 1 { decision = 1 | error = 2 { code = 1 … */
static const uint8_t *skip_length(const uint8_t *at) {
    while (*at & 0x80)
        at++;
    return at + 1;
}

enum answer { ANSWER_DECISION, ANSWER_OVERLOADED, ANSWER_LATE, ANSWER_OTHER };

static enum answer answer_of(const uint8_t *at, size_t length) {
    const uint8_t *end = at + length;
    if (length > 8 && *at == 0x52) {
        at = skip_length(at + 1);
        at = at < end && *at == 0x0a ? skip_length(at + 1) : end;
        if (at < end && *at == 0x0a)
            return ANSWER_DECISION;
        if (at >= end || *at != 0x12)
            return ANSWER_OTHER;
    } else if (length < 4 || *at != 0x0a) {
        return ANSWER_OTHER;
    }
    at = skip_length(at + 1);
    if (at + 1 >= end || *at != 0x08)
        return ANSWER_OTHER;
    return at[1] == 11 ? ANSWER_OVERLOADED : at[1] == 6 ? ANSWER_LATE : ANSWER_OTHER;
}

static void take(uint32_t id, const uint8_t *payload, size_t length, int64_t at_us) {
    struct pending *slot = &pending[(id & ~SP_ID_TOP_BIT) % PENDING];
    if (slot->due_us == 0)
        return;
    struct group *group = &groups[slot->group];
    int64_t took_us = at_us - slot->due_us;
    enum answer answer = answer_of(payload, length);
    outstanding--;
    slot->due_us = 0;
    if (!slot->counts)
        return;
    if (answer == ANSWER_DECISION) {
        group->accepted++;
        group->in_time += took_us <= (int64_t)deadline_us || deadline_us == 0;
        histogram_add(&group->latency, took_us);
        return;
    }
    group->overloaded += answer == ANSWER_OVERLOADED;
    group->late += answer == ANSWER_LATE;
    group->other += answer == ANSWER_OTHER;
    histogram_add(&group->refusal, took_us);
}

static void receive(struct connection *connection, int64_t at_us) {
    ssize_t got = recv(connection->descriptor, connection->input + connection->input_end,
                       INPUT_MAX - connection->input_end, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        lose(connection);
        return;
    }
    if (got > 0)
        connection->input_end += (size_t)got;
    size_t begin = 0, head = sp_header_size(stream);
    while (connection->input_end - begin >= head) {
        const uint8_t *at = connection->input + begin;
        uint64_t length;
        if (!sp_header_read(at, stream, &length) || length < SP_ID_SIZE ||
            length > INPUT_MAX - head)
            die("an answer that is none");
        if (connection->input_end - begin - head < length)
            break;
        take(sp_id_read(at + head), at + head + SP_ID_SIZE, (size_t)length - SP_ID_SIZE, at_us);
        begin += head + (size_t)length;
    }
    memmove(connection->input, connection->input + begin, connection->input_end - begin);
    connection->input_end -= begin;
}

/* ---- the run ---- */

static size_t look_at_connections(void) {
    struct epoll_event events[256];
    int count = epoll_wait(epoll, events, 256, 0);
    int64_t at_us = now_us();
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;
        if (connection->descriptor >= 0 && events[i].events & ~(unsigned)EPOLLOUT)
            receive(connection, at_us);
    }
    return count > 0 ? (size_t)count : 0;
}

static void run(double seconds, double warmup) {
    int64_t start_us = now_us(), counted_us = start_us + (int64_t)(warmup * 1e6);
    int64_t end_us = start_us + (int64_t)((warmup + seconds) * 1e6);
    for (int64_t at_us; (at_us = now_us()) < end_us + GRACE_US;) {
        uint64_t before = last_id;
        if (at_us < end_us)
            issue_due(start_us, counted_us, at_us);
        else if (outstanding == 0)
            break;
        for (size_t i = 0; i < connection_count; i++)
            flush(&connections[i]);
        if (look_at_connections() == 0 && last_id == before)
            nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
    }
    for (uint32_t i = 0; i < PENDING; i++)
        unanswered += pending[i].due_us != 0 && pending[i].counts;
}

static void print(double seconds) {
    for (size_t g = 0; g < group_count; g++) {
        const struct group *group = &groups[g];
        printf("{\"group\":\"%s\",\"rate\":%.0f,\"due\":%" PRIu64 ",\"accepted\":%" PRIu64
               ",\"in_time\":%" PRIu64 ",\"overloaded\":%" PRIu64 ",\"late\":%" PRIu64
               ",\"other\":%" PRIu64 ",\"stuck\":%" PRIu64 ",\"goodput\":%.0f",
               group->name, group->rate, group->due, group->accepted, group->in_time,
               group->overloaded, group->late, group->other, group->stuck,
               (double)group->in_time / seconds);
        printf(",\"p50_us\":%" PRId64 ",\"p99_us\":%" PRId64 ",\"most_us\":%" PRId64
               ",\"refused_p50_us\":%" PRId64 ",\"refused_p99_us\":%" PRId64
               ",\"refused_p999_us\":%" PRId64 ",\"refused_most_us\":%" PRId64 "}\n",
               histogram_at(&group->latency, 0.5), histogram_at(&group->latency, 0.99),
               group->latency.most_us, histogram_at(&group->refusal, 0.5),
               histogram_at(&group->refusal, 0.99), histogram_at(&group->refusal, 0.999),
               group->refusal.most_us);
    }
}

static void read_group(char *text) {
    struct group *group = &groups[group_count++];
    char *fields[4] = {0};
    for (size_t i = 0; i < 4; i++)
        fields[i] = strsep(&text, ":");
    if (!fields[2] || atof(fields[1]) <= 0 || atoi(fields[2]) < 1) {
        fprintf(stderr, "overload_load: expected NAME:RATE:CONNECTIONS[:TOKEN]\n");
        exit(64);
    }
    *group = (struct group){.name = fields[0],
                            .rate = atof(fields[1]),
                            .first = connection_count,
                            .connections = (size_t)atoi(fields[2]),
                            .token = fields[3] ? fields[3] : ""};
    connection_count += group->connections;
}

int main(int argc, char **argv) {
    if (argc < 7 || argc - 6 > GROUPS_MAX) {
        fprintf(stderr, "usage: overload_load ADDRESS SECONDS WARMUP DEADLINE_US TOGETHER "
                        "NAME:RATE:CONNECTIONS[:TOKEN]…\n");
        return 64;
    }
    double seconds = atof(argv[2]), warmup = atof(argv[3]);
    deadline_us = strtoull(argv[4], NULL, 10);
    together = strtoull(argv[5], NULL, 10);
    if (together == 0) {
        fprintf(stderr, "overload_load: TOGETHER: expected a number from 1\n");
        return 64;
    }
    for (int i = 6; i < argc; i++)
        read_group(argv[i]);
    run_number = (unsigned)(now_us() % 1000000); /* so that ids of two runs differ */
    pending = calloc(PENDING, sizeof *pending);
    for (size_t g = 0; g < group_count; g++)
        make_templates(&groups[g], g);
    open_connections(argv[1]);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    int64_t began_us = now_us();
    run(seconds, warmup);
    double took_us = (double)(now_us() - began_us);
    getrusage(RUSAGE_SELF, &after);
    double used_us = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec +
                              after.ru_stime.tv_sec - before.ru_stime.tv_sec) *
                         1e6 +
                     (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec +
                              after.ru_stime.tv_usec - before.ru_stime.tv_usec);
    print(seconds);
    printf("{\"generator\":{\"processor\":%.3f,\"unanswered\":%" PRIu64 ",\"broken\":%" PRIu64
           "}}\n",
           used_us / took_us, unanswered, broken);
    return 0;
}
