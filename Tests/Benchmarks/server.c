#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { stop_seconds_max = 60 };

static pid_t server;

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("fanout: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
    exit(1);
}

uint64_t nanoseconds(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time) < 0) fail("no clock: %s", strerror(errno));
    return time.tv_sec * 1000000000ull + time.tv_nsec;
}
uint64_t now(void) { return nanoseconds(CLOCK_MONOTONIC); }

void start_server(char **command, int listener, uint16_t upstream_port) {
    pid_t parent = getpid();
    server = fork();
    if (server < 0) fail("fork: %s", strerror(errno));
    if (server > 0) return;
    char text[16];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    snprintf(text, sizeof text, "%d", upstream_port);
    setenv("UPSTREAM_PORT", text, 1);
    snprintf(text, sizeof text, "%d", getpid());
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDS", "1", 1);
    unsetenv("NOTIFY_SOCKET");
    dup2(STDERR_FILENO, STDOUT_FILENO);
    if (listener == 3) listener = dup(3);  // dup2 to itself would leave it to be closed by exec
    dup2(listener, 3);
    execvp(command[0], command);
    perror(command[0]);
    _exit(127);
}

int server_has_ended(void) { return waitpid(server, NULL, WNOHANG) != 0; }

void stop_server(void) {
    int status = 0;
    kill(server, SIGTERM);
    for (uint64_t end = now() + stop_seconds_max * 1000000000ull; waitpid(server, &status, WNOHANG) == 0; usleep(2000))
        if (now() > end) fail("the server does not end");
    int ended = WIFSIGNALED(status) ? WTERMSIG(status) == SIGTERM : WEXITSTATUS(status) == 0;
    if (!ended) fail("the server ended with status %#x", status);
}

uint64_t processor_time(void) {
    clockid_t clock;
    if (clock_getcpuclockid(server, &clock) != 0) fail("no processor time of the server");
    return nanoseconds(clock);
}

// The first number after `key` in a file of /proc, skipping some numbers before it.
static long long process_figure(const char *file, const char *key, int skip) {
    char path[64], text[8192];
    snprintf(path, sizeof path, "/proc/%d/%s", server, file);
    FILE *stream = fopen(path, "r");
    if (!stream) fail("cannot read %s", path);
    text[fread(text, 1, sizeof text - 1, stream)] = 0;
    fclose(stream);
    char *at = strstr(text, key);
    if (!at) fail("no %s in %s", key, path);
    for (at += strlen(key); skip > 0; skip--) at += strspn(at, " "), at += strcspn(at, " ");
    return strtoll(at, NULL, 10);
}
long long resident_bytes(void) { return 1024 * process_figure("smaps_rollup", "\nRss:", 0); }
double user_seconds(void) { return (double)process_figure("stat", ") ", 11) / sysconf(_SC_CLK_TCK); }
