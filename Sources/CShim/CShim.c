#define _GNU_SOURCE
#include "CShim.h"

#include <pthread.h>
#include <string.h>

int shim_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags) { return accept4(fd, a, n, flags); }

int shim_peer_credentials(int fd, struct shim_peer *out) {
    struct ucred c;
    socklen_t n = sizeof c;
    int r = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n);
    if (r == 0) {
        out->pid = c.pid;
        out->uid = c.uid;
        out->gid = c.gid;
    }
    return r;
}

const char *shim_errno_name(int code) { return strerrorname_np(code); }
const char *shim_errno_text(int code) { return strerrordesc_np(code); }
int shim_name_this_thread(const char *name) { return pthread_setname_np(pthread_self(), name); }
