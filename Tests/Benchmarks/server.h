// The process of the server under test, and what the kernel knows about it.
#pragma once
#include <stdint.h>
#include <time.h>

// Ends the program with a message, and the server with it.
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

uint64_t nanoseconds(clockid_t clock);
uint64_t now(void);  // ns of the monotonic clock

// Runs the command with the listening socket as descriptor 3 and the port as $UPSTREAM_PORT. It dies with this process.
void start_server(char **command, int listener, uint16_t upstream_port);
int server_has_ended(void);
void stop_server(void);  // asks for it with SIGTERM; any other end than by that or with 0 is a failure

uint64_t processor_time(void);   // ns of all its threads, in the kernel and outside
double user_seconds(void);       // the part outside the kernel, as sampled by it, in steps of a tick
long long resident_bytes(void);  // exact, unlike VmRSS
