// What Swift cannot import by itself: OpenSSL's macros, epoll's packed union, variadic functions.
// No logic lives here.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// epoll(7)
static inline uint64_t shim_epoll_data(struct epoll_event e) { return e.data.u64; }
static inline int shim_epoll_ctl(int ep, int op, int fd, uint32_t events, uint64_t data) {
    struct epoll_event e = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(ep, op, fd, &e);
}
static const uint32_t SHIM_EPOLLIN = EPOLLIN;
static const uint32_t SHIM_EPOLLOUT = EPOLLOUT;
static const uint32_t SHIM_EPOLLERR = EPOLLERR;
static const uint32_t SHIM_EPOLLHUP = EPOLLHUP;
static const uint32_t SHIM_EPOLLRDHUP = EPOLLRDHUP;

// Hidden behind _GNU_SOURCE, which must not be defined here: with it the C library's types would differ from those of
// Swift's Glibc module. The definitions are in CShim.c.
int shim_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags);
static const int SHIM_SOCK_NONBLOCK = SOCK_NONBLOCK;
static const int SHIM_SOCK_CLOEXEC = SOCK_CLOEXEC;
struct shim_peer {
    int32_t pid;
    uint32_t uid, gid;
};
int shim_peer_credentials(int fd, struct shim_peer *out);
// Both texts are static and never translated.
const char *shim_errno_name(int code);
const char *shim_errno_text(int code);
int shim_name_this_thread(const char *name);

// malloc.h is in no Swift module.
static inline int shim_set_mmap_threshold(int bytes) { return mallopt(M_MMAP_THRESHOLD, bytes); }

// OpenSSL 3: macros.
static inline long shim_ssl_ctx_set_min_proto_version(SSL_CTX *c, int v) { return SSL_CTX_set_min_proto_version(c, v); }
static inline uint64_t shim_ssl_ctx_set_options(SSL_CTX *c, uint64_t o) { return SSL_CTX_set_options(c, o); }
static inline long shim_ssl_ctx_set_mode(SSL_CTX *c, long m) { return SSL_CTX_set_mode(c, m); }
static inline long shim_ssl_set_tlsext_host_name(SSL *s, const char *n) { return SSL_set_tlsext_host_name(s, n); }
static inline long shim_ssl_ctx_set_session_cache_mode(SSL_CTX *c, long m) { return SSL_CTX_set_session_cache_mode(c, m); }
static inline long shim_bio_set_mem_eof_return(BIO *b, long v) { return BIO_set_mem_eof_return(b, (int)v); }
static inline int shim_err_get_reason(unsigned long e) { return ERR_GET_REASON(e); }
static const uint64_t SHIM_SSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t SHIM_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t SHIM_SSL_OP_CIPHER_SERVER_PREFERENCE = SSL_OP_CIPHER_SERVER_PREFERENCE;
