// The load: in one process, with one clock, the upstream that publishes events and the readers that receive them.
// Starts the server under test, gives it a listening socket as descriptor 3 (as a service manager does) and the
// upstream's port as $UPSTREAM_PORT, and prints one JSON object about what happened.
//
//   fanout [OPTION...] -- COMMAND [ARGUMENT...]
//
//   --readers N   that stream /channels/bench/events     --bytes N    of data in an event
//   --window N    events under way at most               --rate N     events a second, instead of a window
//   --seconds S   of publishing                          --events N   at most
//   --warm-up N   events before the measured ones
//
// An event is under way until every reader has it. Its data has "~" and its number in 8 digits, which is all that
// readers look for. Exit status 0 means that every reader got every event once and in order, however long it took.
#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { token_bytes = 9, under_way_max = 1024, opening_max = 64, read_bytes_max = 1 << 18, samples_max = 1 << 20 };
enum { stall_seconds_max = 30, run_seconds_max = 300 };
enum { upstream_key = UINT32_MAX };  // what epoll says instead of a reader's index

struct reader {
    int descriptor;
    uint32_t next;   // the number of the event after the last one received
    uint64_t seen;   // of the 64 events before `next`: bit 0 is the last one
    uint8_t opened, kept_bytes;
    char kept[token_bytes];  // the beginning of a token whose rest has yet to come
};

static struct reader *readers;
static uint32_t reader_count, opened_count, closed_count;
static uint32_t published, complete;         // events sent; of these, without a gap, those that every reader has
static uint32_t receivers[under_way_max];    // by number modulo: how many readers have it
static uint64_t sent_at[under_way_max];      // ns
static uint64_t delivered, doubled, reordered, received_bytes;
static uint32_t *samples, sample_count;      // latencies in µs, while sampling
static int poller, upstream, sampling;
static uint16_t server_port;

static char *frame, *outgoing;               // one event; those that the upstream's socket did not take yet
static size_t frame_length, number_offset, outgoing_length;

static void watch(int descriptor, uint32_t events, uint32_t key) {
    struct epoll_event event = {.events = events, .data.u32 = key};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

static int listen_on_loopback(uint16_t *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(descriptor, (struct sockaddr *)&address, length) < 0 || listen(descriptor, 4096) < 0 ||
        getsockname(descriptor, (struct sockaddr *)&address, &length) < 0)
        fail("cannot listen: %s", strerror(errno));
    *port = ntohs(address.sin_port);
    return descriptor;
}

// ---- the upstream

static void send_text(const char *text) {
    char bytes[126 + 2] = {(char)0x81, (char)strlen(text)};
    memcpy(bytes + 2, text, strlen(text));
    if (send(upstream, bytes, 2 + strlen(text), MSG_NOSIGNAL) < 0) fail("upstream: %s", strerror(errno));
}

static void answer_handshake(void) {
    char head[4096] = "", key[64], accept_key[64];
    unsigned char digest[SHA_DIGEST_LENGTH];
    for (size_t length = 0; !strstr(head, "\r\n\r\n"); length++)  // byte by byte: what follows is frames
        if (length == sizeof head - 1 || recv(upstream, head + length, 1, 0) != 1) fail("upstream: no request");
    char *field = strcasestr(head, "\r\nsec-websocket-key:");
    if (!field || sscanf(field + 20, " %24s", key) != 1) fail("upstream: no Sec-WebSocket-Key");
    strcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");  // RFC 6455 §4.2.2
    SHA1((unsigned char *)key, strlen(key), digest);
    EVP_EncodeBlock((unsigned char *)accept_key, digest, sizeof digest);
    dprintf(upstream, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: %s\r\n\r\n", accept_key);
}

// Takes the server's connection up to its subscription.
static void accept_upstream(int listener) {
    struct timeval patience = {.tv_sec = stall_seconds_max};
    struct pollfd waiting = {.fd = listener, .events = POLLIN};
    int on = 1;
    for (uint64_t end = now() + stall_seconds_max * 1000000000ull; poll(&waiting, 1, 100) == 0;) {
        if (server_has_ended()) fail("the server ended at once");
        if (now() > end) fail("the server does not connect upstream");
    }
    if ((upstream = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0) fail("accept: %s", strerror(errno));
    setsockopt(upstream, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(upstream, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    answer_handshake();
    send_text("{\"event\":\"realtime:connection_established\",\"data\":"
              "\"{\\\"socket_id\\\":\\\"1.1\\\",\\\"activity_timeout\\\":120}\"}");
    unsigned char bytes[6 + 126] = "";
    while (!strstr((char *)bytes + 6, "realtime:subscribe\"")) {
        memset(bytes, 0, sizeof bytes);
        if (recv(upstream, bytes, 6, MSG_WAITALL) != 6) fail("the server does not subscribe");
        int length = bytes[1] & 127;
        if (length > 125 || recv(upstream, bytes + 6, length, MSG_WAITALL) != length) fail("upstream: a long frame");
        for (int i = 0; i < length; i++) bytes[6 + i] ^= bytes[2 + i % 4];
    }
    send_text("{\"event\":\"realtime:subscription_succeeded\",\"channel\":\"bench\",\"data\":\"{}\"}");
    watch(upstream, EPOLLIN | EPOLLOUT | EPOLLET, upstream_key);
}

// One frame, whose data, unescaped, has the given size; only the number changes later.
static void make_frame(size_t data_bytes) {
    static const char before[] = "{\"event\":\"bench\",\"channel\":\"bench\","
                                 "\"data\":\"{\\\"n\\\":\\\"~00000000\\\",\\\"pad\\\":\\\"";
    static const char after[] = "\\\"}\"}";
    size_t least = strlen("{'n':'~00000000','pad':''}"), padding = data_bytes > least ? data_bytes - least : 0;
    size_t length = sizeof before - 1 + padding + sizeof after - 1;
    frame = malloc(length + 4);
    outgoing = malloc((length + 4) * under_way_max);
    if (length < 126 || length > 65535 || !frame || !outgoing) fail("--bytes is 50 to 65000");
    char *at = mempcpy(frame, (char[]){(char)0x81, 126, (char)(length >> 8), (char)length}, 4);
    at = mempcpy(at, before, sizeof before - 1);
    for (size_t i = 0; i < padding; i++) *at++ = "abcdefghijklmnopqrstuvwxyz 01234"[i % 32];
    frame_length = (char *)mempcpy(at, after, sizeof after - 1) - frame;
    number_offset = (char *)memchr(frame + 4, '~', frame_length - 4) + 1 - frame;
}

static void publish(void) {
    char number[16];
    snprintf(number, sizeof number, "%08u", published);
    memcpy(frame + number_offset, number, 8);
    memcpy(outgoing + outgoing_length, frame, frame_length);
    outgoing_length += frame_length;
    sent_at[published++ % under_way_max] = now();
}

static void flush_upstream(void) {
    if (outgoing_length == 0) return;
    ssize_t count = send(upstream, outgoing, outgoing_length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN) fail("the server closed its upstream connection");
    if (count <= 0) return;
    outgoing_length -= count;
    memmove(outgoing, outgoing + count, outgoing_length);
}

static void upstream_ready(void) {
    char ignored[4096];
    ssize_t count = recv(upstream, ignored, sizeof ignored, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN)) fail("the server closed its upstream connection");
    flush_upstream();
}

// ---- the readers

static void open_reader(void) {
    static const char request[] = "GET /channels/bench/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(server_port)};
    struct linger reset = {.l_onoff = 1};  // no TIME_WAIT for the next run to trip over
    struct reader *reader = &readers[reader_count];
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    reader->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (reader->descriptor < 0 || connect(reader->descriptor, (struct sockaddr *)&address, sizeof address) < 0)
        fail("reader %u: %s", reader_count, strerror(errno));
    setsockopt(reader->descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (send(reader->descriptor, request, sizeof request - 1, MSG_NOSIGNAL) < 0) fail("reader: %s", strerror(errno));
    watch(reader->descriptor, EPOLLIN, reader_count++);
}

static void received(struct reader *reader, uint32_t number, uint64_t time) {
    if (number >= published) fail("an event that was not published: %u", number);
    if (number >= reader->next) {
        uint32_t ahead = number - reader->next + 1;
        reader->seen = (ahead < 64 ? reader->seen << ahead : 0) | 1;
        reader->next = number + 1;
    } else {
        uint32_t back = reader->next - 1 - number;
        if (back >= 64 || reader->seen >> back & 1) {
            doubled++;
            return;
        }
        reader->seen |= 1ull << back;
        reordered++;
    }
    delivered++;
    uint64_t latency = time - sent_at[number % under_way_max];
    if (sampling && sample_count < samples_max) samples[sample_count++] = latency / 1000;
    receivers[number % under_way_max]++;
    while (complete < published && receivers[complete % under_way_max] == reader_count)
        receivers[complete++ % under_way_max] = 0;
}

// A token can be cut anywhere, so its beginning is put before what comes next.
static void reader_ready(struct reader *reader) {
    static char bytes[token_bytes + read_bytes_max];
    ssize_t count = recv(reader->descriptor, bytes + token_bytes, read_bytes_max, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
        close(reader->descriptor);
        closed_count++;
        return;
    }
    uint64_t time = now();
    char *at = bytes + token_bytes - reader->kept_bytes, *end = bytes + token_bytes + count;
    memcpy(at, reader->kept, reader->kept_bytes);
    reader->kept_bytes = 0;
    received_bytes += count;
    if (!reader->opened) {
        if (count < 12 || memcmp(at, "HTTP/1.1 200", 12)) fail("a reader was answered: %.*s", (int)count, at);
        reader->opened = 1;
        opened_count++;
    }
    while ((at = memchr(at, '~', end - at))) {
        if (end - at < token_bytes) {
            memcpy(reader->kept, at, reader->kept_bytes = end - at);
            return;
        }
        uint32_t number = 0;
        for (int i = 1; i < token_bytes; i++) number = number * 10 + (at[i] - '0');
        received(reader, number, time);
        at += token_bytes;
    }
}

static void turn(int timeout_milliseconds) {
    struct epoll_event ready[512];
    int count = epoll_wait(poller, ready, 512, timeout_milliseconds);
    for (int i = 0; i < count; i++) {
        if (ready[i].data.u32 == upstream_key) upstream_ready();
        else reader_ready(&readers[ready[i].data.u32]);
    }
}

static void open_readers(uint32_t wanted) {
    uint64_t end = now() + run_seconds_max * 1000000000ull / 2;
    while (opened_count < wanted) {
        while (reader_count < wanted && reader_count - opened_count < opening_max) open_reader();
        turn(100);
        if (closed_count > 0 || now() > end) fail("%u of %u readers were answered", opened_count, wanted);
    }
}

// ---- the run

struct plan { uint32_t readers, bytes, window, rate, events, warm_up; double seconds; };

// Publishes until `seconds` or `events` are over and everybody has everything, or nothing moves any more.
static void run(const struct plan *plan, uint32_t events, double seconds) {
    uint64_t start = now(), moved = start, stop = start + seconds * 1e9, known = 0;
    uint32_t first = published, limit = plan->rate ? under_way_max : plan->window;
    for (;;) {
        uint64_t time = now(), due = start;
        int wait = 100, over = published - first >= events || time >= stop;
        if (over && complete == published) return;
        while (!over && published - complete < limit && published - first < events) {
            if (plan->rate) due = start + (published - first) * 1000000000ull / plan->rate;
            if (due > time) {
                wait = (due - time) / 1000000 + 1;
                break;
            }
            publish();
        }
        flush_upstream();
        turn(wait < 100 ? wait : 100);
        if (delivered + published != known) known = delivered + published, moved = time;
        if (closed_count > 0 || time - moved > stall_seconds_max * 1000000000ull) return;
    }
}

static int compare(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}
static uint32_t percentile(uint32_t part) {
    return sample_count ? samples[(uint64_t)(sample_count - 1) * part / 100] : 0;
}

static struct plan parse(int count, char **words) {
    static const struct option options[] = {
        {"readers", 1, 0, 'r'}, {"bytes", 1, 0, 'b'}, {"window", 1, 0, 'w'}, {"rate", 1, 0, 'p'},
        {"seconds", 1, 0, 's'}, {"events", 1, 0, 'e'}, {"warm-up", 1, 0, 'u'}, {0}};
    struct plan plan = {.readers = 100, .bytes = 200, .window = 1, .events = 50000000, .warm_up = 100, .seconds = 3};
    for (int option; (option = getopt_long(count, words, "+", options, NULL)) != -1;) {
        uint32_t number = option == '?' ? 0 : strtoul(optarg, NULL, 10);
        switch (option) {
        case 'r': plan.readers = number; break;
        case 'b': plan.bytes = number; break;
        case 'w': plan.window = number; break;
        case 'p': plan.rate = number; break;
        case 's': plan.seconds = strtod(optarg, NULL); break;
        case 'e': plan.events = number; break;
        case 'u': plan.warm_up = number; break;
        default: exit(2);
        }
    }
    // `seen` remembers 64 events.
    if (plan.readers == 0 || plan.window == 0 || plan.window > 64) fail("--readers is 1 or more, --window 1 to 64");
    if (optind == count) fail("no command");
    return plan;
}

int main(int count, char **words) {
    struct plan plan = parse(count, words);
    struct rlimit descriptors;
    uint16_t upstream_port;
    getrlimit(RLIMIT_NOFILE, &descriptors);
    descriptors.rlim_cur = descriptors.rlim_max;
    setrlimit(RLIMIT_NOFILE, &descriptors);
    alarm(run_seconds_max);
    poller = epoll_create1(EPOLL_CLOEXEC);
    readers = calloc(plan.readers, sizeof *readers);
    samples = malloc(samples_max * sizeof *samples);
    if (!readers || !samples) fail("out of memory");
    int server_listener = listen_on_loopback(&server_port), listener = listen_on_loopback(&upstream_port);
    start_server(words + optind, server_listener, upstream_port);
    close(server_listener);
    accept_upstream(listener);
    make_frame(plan.bytes);

    long long resident_before = resident_bytes();
    open_readers(plan.readers);
    long long resident = resident_bytes();
    run(&plan, plan.warm_up, plan.seconds);

    uint64_t before = delivered, start = now(), processor_before = processor_time();
    double user_before = user_seconds();
    sampling = plan.rate > 0;
    run(&plan, plan.events, plan.seconds);
    double seconds = (now() - start) / 1e9, processor = (processor_time() - processor_before) / 1e9;
    double user = user_seconds() - user_before;
    sampling = 0;
    uint64_t measured = delivered - before;
    for (uint64_t end = now() + 50000000; now() < end;) turn(10);  // what comes now is too much
    stop_server();

    uint64_t lost = (uint64_t)published * plan.readers - delivered;
    qsort(samples, sample_count, sizeof *samples, compare);
    printf("{\"readers\":%u,\"bytes\":%u,\"window\":%u,\"rate\":%u,\"deliveries\":%llu,\"deliveries_per_second\":%.0f,"
           "\"lost\":%llu,\"doubled\":%llu,\"reordered\":%llu,\"closed\":%u,\"cpu_seconds_per_million\":%.4f,"
           "\"user_seconds_per_million\":%.4f,\"p50_us\":%u,\"p99_us\":%u,\"rss_base\":%lld,\"rss_per_reader\":%.1f}\n",
           plan.readers, plan.bytes, plan.rate ? 0 : plan.window, plan.rate, (unsigned long long)measured,
           measured / seconds, (unsigned long long)lost, (unsigned long long)doubled, (unsigned long long)reordered,
           closed_count, measured ? processor * 1e6 / measured : 0, measured ? user * 1e6 / measured : 0,
           percentile(50), percentile(99), resident_before, (double)(resident - resident_before) / plan.readers);
    if (received_bytes < delivered * plan.bytes) fail("readers got less than what was published");
    return lost || doubled || reordered || closed_count;
}
