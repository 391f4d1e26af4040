// The yardstick: what fan-out costs when nothing but the kernel's work is left. One epoll loop reads text frames of the
// Apinator protocol from one WebSocket, makes one SSE event in one HTTP chunk of each, and does one send() per reader
// and wake-up. It checks nothing and limits nothing: it is no server.
//
// Listens on descriptor 3 and connects to 127.0.0.1:$UPSTREAM_PORT; both come from fanout.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { listener = 3, readers_max = 100000, upstream_bytes_max = 4 << 20, kept_bytes_max = 1 << 20 };

static int upstream, poller, reader_count;
static int readers[readers_max];        // their descriptors
static uint64_t position[readers_max];  // by descriptor: up to where a reader was sent the log, 0 without a reader

// What not every reader was sent yet. Positions count from the start of the program; the first byte is at log_base.
static char *log_bytes;
static size_t log_length, log_capacity;
static uint64_t log_base = 1;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void watch(int descriptor, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = descriptor};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) < 0) die("epoll_ctl");
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void leave(int descriptor) {
    for (int i = 0; i < reader_count; i++)
        if (readers[i] == descriptor) readers[i] = readers[--reader_count];
    position[descriptor] = 0;
    close(descriptor);
}

// Sends what is new to a reader; the rest follows when its socket is writable again.
static void send_new(int descriptor) {
    while (position[descriptor] < log_base + log_length) {
        size_t from = position[descriptor] - log_base;
        ssize_t count = send(descriptor, log_bytes + from, log_length - from, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0) {
            if (errno != EAGAIN) leave(descriptor);
            return;
        }
        position[descriptor] += count;
    }
}

static void send_to_all(void) {
    uint64_t lowest = log_base + log_length;
    for (int i = reader_count - 1; i >= 0; i--) {
        int descriptor = readers[i];
        send_new(descriptor);
        if (position[descriptor] && position[descriptor] < lowest) lowest = position[descriptor];
    }
    size_t cut = lowest - log_base;
    if (cut == log_length || cut > kept_bytes_max) {
        memmove(log_bytes, log_bytes + cut, log_length - cut);
        log_length -= cut;
        log_base = lowest;
    }
}

// {"event":"NAME","channel":"bench","data":"DATA, escaped"} becomes one chunk: event: NAME, data: DATA.
static void append_event(const char *text, size_t length) {
    static const char name_key[] = "\"event\":\"", data_key[] = "\"data\":\"";
    const char *end = text + length - 2, *name = memmem(text, length, name_key, sizeof name_key - 1);
    const char *data = memmem(text, length, data_key, sizeof data_key - 1);
    if (!name || !data) return;
    name += sizeof name_key - 1;
    data += sizeof data_key - 1;
    const char *name_end = memchr(name, '"', end - name);
    if (!name_end || !memcmp(name, "realtime:", 9)) return;
    if (log_length + length + 64 > log_capacity) {
        log_capacity = 2 * (log_length + length) + kept_bytes_max;
        if (!(log_bytes = realloc(log_bytes, log_capacity))) die("realloc");
    }
    char *chunk = log_bytes + log_length, *body = chunk + 6;
    char *out = mempcpy(mempcpy(mempcpy(body, "event: ", 7), name, name_end - name), "\ndata: ", 7);
    for (const char *slash; data < end && (slash = memchr(data, '\\', end - data)); data = slash + 2) {
        out = mempcpy(out, data, slash - data);
        *out++ = slash[1];
    }
    if (data < end) out = mempcpy(out, data, end - data);
    out = mempcpy(out, "\n\n\r\n", 4);
    char size[8];
    snprintf(size, sizeof size, "%04zx\r\n", (size_t)(out - body - 2) & 0xffff);
    memcpy(chunk, size, 6);
    log_length = out - log_bytes;
}

static void subscribe(void) {  // masked, with a mask of zeros
    static const char text[] = "{\"event\":\"realtime:subscribe\",\"data\":\"{\\\"channel\\\":\\\"bench\\\"}\"}";
    char frame[6 + sizeof text] = {(char)0x81, (char)(0x80 | (sizeof text - 1))};
    memcpy(frame + 6, text, sizeof text - 1);
    if (send(upstream, frame, 6 + sizeof text - 1, MSG_NOSIGNAL) < 0) die("upstream");
}

// Reads all there is, and takes the whole frames out of it.
static void read_upstream(void) {
    static unsigned char bytes[upstream_bytes_max];
    static size_t length;
    ssize_t count = recv(upstream, bytes + length, sizeof bytes - length, MSG_DONTWAIT);
    if (count == 0) exit(0);
    if (count < 0) return;
    length += count;
    size_t start = 0;
    while (length - start >= 4) {
        const unsigned char *frame = bytes + start;
        size_t head = frame[1] < 126 ? 2 : 4, size = frame[1] < 126 ? frame[1] : (size_t)frame[2] << 8 | frame[3];
        if (length - start < head + size) break;
        append_event((const char *)frame + head, size);
        start += head + size;
    }
    memmove(bytes, bytes + start, length - start);
    length -= start;
}

static void connect_upstream(void) {
    static const char request[] = "GET /app/key HTTP/1.1\r\nHost: localhost\r\n"
                                  "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    const char *port = getenv("UPSTREAM_PORT");
    if (!port) port = "0";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    upstream = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(upstream, (struct sockaddr *)&address, sizeof address) < 0) die("upstream");
    if (send(upstream, request, sizeof request - 1, MSG_NOSIGNAL) < 0) die("upstream");
    for (int ends = 0; ends < 4;) {  // up to the empty line, byte by byte
        char byte;
        if (recv(upstream, &byte, 1, 0) != 1) die("upstream");
        ends = byte == "\r\n\r\n"[ends] ? ends + 1 : byte == '\r';
    }
    subscribe();
}

static void read_request(int descriptor) {
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    char request[4096];
    ssize_t count = recv(descriptor, request, sizeof request, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 30 || memcmp(request, "GET /channels/bench/events HTTP", 30)) return leave(descriptor);
    readers[reader_count++] = descriptor;
    position[descriptor] = log_base + log_length;
    if (send(descriptor, head, sizeof head - 1, MSG_NOSIGNAL) < 0) leave(descriptor);
}

int main(void) {
    struct epoll_event ready[1024];
    poller = epoll_create1(0);
    connect_upstream();
    watch(upstream, EPOLLIN);
    watch(listener, EPOLLIN);
    for (;;) {
        int count = epoll_wait(poller, ready, 1024, -1);
        for (int i = 0; i < count; i++) {
            int descriptor = ready[i].data.fd;
            if (descriptor == upstream) {
                read_upstream();
                if (log_length) send_to_all();
            } else if (descriptor == listener) {
                int reader = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (reader >= readers_max) die("too many readers");
                if (reader >= 0) watch(reader, EPOLLIN | EPOLLOUT | EPOLLET);  // OUT comes only after a full socket
            } else {
                if (ready[i].events & EPOLLIN) read_request(descriptor);
                if (ready[i].events & EPOLLOUT && position[descriptor]) send_new(descriptor);
            }
        }
    }
}
