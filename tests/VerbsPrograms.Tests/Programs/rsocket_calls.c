/* Calls of rsocket(7) as programs make them, in one process whose device connects to itself, with the answers that the man pages promise. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <rdma/rsocket.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "checks.h"

static struct sockaddr_in device;

static struct sockaddr *at(int port)
{
    static struct sockaddr_in address;
    address = device;
    address.sin_port = htons(port);
    return (struct sockaddr *)&address;
}

static int number(int socket, int level, int name)
{
    int value = -1;
    socklen_t bytes = sizeof value;
    CHECK(rgetsockopt(socket, level, name, &value, &bytes) == 0 && bytes == sizeof value);
    return value;
}

static int set(int socket, int level, int name, int value)
{
    return rsetsockopt(socket, level, name, &value, sizeof value);
}

static short ready(int socket, short events, int timeout)
{
    struct pollfd one = { .fd = socket, .events = events };
    int count = rpoll(&one, 1, timeout);
    CHECK(count == (one.revents != 0));
    return one.revents;
}

static int listener(int port, int maps)
{
    int socket = rsocket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(socket >= 0 && set(socket, SOL_SOCKET, SO_REUSEADDR, 1) == 0);
    CHECK(set(socket, SOL_RDMA, RDMA_IOMAPSIZE, maps) == 0 && set(socket, SOL_SOCKET, SO_RCVBUF, 1 << 15) == 0);
    REQUIRE(rbind(socket, at(port), sizeof device) == 0 && rlisten(socket, 4) == 0);
    return socket;
}

static void make_pair(int ends[2], int port, int maps)
{
    int listening = listener(port, maps);
    ends[0] = rsocket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    CHECK(set(ends[0], SOL_RDMA, RDMA_IOMAPSIZE, maps) == 0 && set(ends[0], SOL_SOCKET, SO_SNDBUF, 1 << 15) == 0);
    /* Connected before the program accepts, as with TCP. */
    REQUIRE(ends[0] >= 0 && rconnect(ends[0], at(port), sizeof device) == 0);
    ends[1] = raccept(listening, NULL, NULL);
    REQUIRE(ends[1] >= 0 && rclose(listening) == 0);
}

static void arguments(void)
{
    char byte = 0;
    struct iovec one = { &byte, 1 };
    struct msghdr message = { .msg_iov = &one, .msg_iovlen = 1 };
    struct sockaddr_in name;
    socklen_t bytes = sizeof name;
    FAILS(rsocket(AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
    FAILS(rsocket(AF_INET, SOCK_DGRAM, 0), EPROTONOSUPPORT);
    FAILS(rsocket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    int none[] = { -1, 0, 1 << 20 };
    for (int i = 0; i < 3; i++) {
        int s = none[i];
        FAILS(rbind(s, at(1), sizeof device), EBADF);
        FAILS(rlisten(s, 1), EBADF);
        FAILS(raccept(s, NULL, NULL), EBADF);
        FAILS(rconnect(s, at(1), sizeof device), EBADF);
        FAILS(rshutdown(s, SHUT_RDWR), EBADF);
        FAILS(rclose(s), EBADF);
        FAILS(rrecv(s, &byte, 1, 0), EBADF);
        FAILS(rrecvfrom(s, &byte, 1, 0, NULL, NULL), EBADF);
        FAILS(rrecvmsg(s, &message, 0), EBADF);
        FAILS(rread(s, &byte, 1), EBADF);
        FAILS(rreadv(s, &one, 1), EBADF);
        FAILS(rsend(s, &byte, 1, 0), EBADF);
        FAILS(rsendto(s, &byte, 1, 0, NULL, 0), EBADF);
        FAILS(rsendmsg(s, &message, 0), EBADF);
        FAILS(rwrite(s, &byte, 1), EBADF);
        FAILS(rwritev(s, &one, 1), EBADF);
        FAILS(rgetpeername(s, (struct sockaddr *)&name, &bytes), EBADF);
        FAILS(rgetsockname(s, (struct sockaddr *)&name, &bytes), EBADF);
        FAILS(set(s, SOL_SOCKET, SO_REUSEADDR, 1), EBADF);
        FAILS(rgetsockopt(s, SOL_SOCKET, SO_ERROR, &name, &bytes), EBADF);
        FAILS(rfcntl(s, F_GETFL), EBADF);
        FAILS(riomap(s, &byte, 1, PROT_WRITE, 0, 0), EBADF);
        FAILS(riounmap(s, &byte, 1), EBADF);
        FAILS((ssize_t)riowrite(s, &byte, 1, 0, 0), EBADF);
    }
    FAILS(rpoll(NULL, 1, 0), EFAULT);
    FAILS(rselect(-1, NULL, NULL, NULL, NULL), EINVAL);
}

static void before_a_connection(void)
{
    char byte = 0;
    struct sockaddr_in name = { 0 };
    socklen_t bytes = sizeof name;
    int s = rsocket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    REQUIRE(s >= 0 && (rfcntl(s, F_GETFL) & O_NONBLOCK) != 0 && rfcntl(s, F_SETFL, 0) == 0 && (rfcntl(s, F_GETFL) & O_NONBLOCK) == 0);
    FAILS(rfcntl(s, F_SETLK, 0), EINVAL);
    FAILS(rsend(s, &byte, 1, 0), ENOTCONN);
    FAILS(rrecv(s, &byte, 1, 0), ENOTCONN);
    FAILS(rgetpeername(s, (struct sockaddr *)&name, &bytes), ENOTCONN);
    FAILS(rshutdown(s, SHUT_RDWR), ENOTCONN);
    FAILS(riomap(s, &byte, 1, PROT_WRITE, 0, 0), ENOTCONN);
    FAILS(raccept(s, NULL, NULL), EINVAL);
    CHECK(rgetsockname(s, (struct sockaddr *)&name, &bytes) == 0 && name.sin_family == AF_INET && name.sin_port == 0 && bytes == sizeof name);
    CHECK(ready(s, POLLIN | POLLOUT, 0) == (POLLOUT | POLLHUP));

    FAILS(rbind(s, NULL, sizeof device), EFAULT);
    FAILS(rbind(s, at(7), 3), EINVAL);
    struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
    FAILS(rbind(s, (struct sockaddr *)&six, sizeof six), EAFNOSUPPORT);
    struct sockaddr_in other = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xC0000201) };
    FAILS(rbind(s, (struct sockaddr *)&other, sizeof other), EADDRNOTAVAIL);
    CHECK(rbind(s, at(7001), sizeof device) == 0);
    FAILS(rbind(s, at(7002), sizeof device), EINVAL);
    int second = rsocket(AF_INET, SOCK_STREAM, 0);
    FAILS(rbind(second, at(7001), sizeof device), EADDRINUSE);
    CHECK(rclose(second) == 0);
    FAILS(rclose(second), EBADF);
    CHECK(rgetsockname(s, (struct sockaddr *)&name, &bytes) == 0 && name.sin_port == htons(7001) && name.sin_addr.s_addr == device.sin_addr.s_addr);

    FAILS(rsetsockopt(s, SOL_SOCKET, SO_SNDBUF, &byte, 1), EINVAL);
    FAILS(rsetsockopt(s, SOL_SOCKET, SO_SNDBUF, NULL, 4), EFAULT);
    FAILS(set(s, SOL_SOCKET, SO_BINDTODEVICE, 1), ENOPROTOOPT);
    FAILS(set(s, IPPROTO_TCP, TCP_KEEPIDLE, 0), EINVAL);
    CHECK(set(s, SOL_SOCKET, SO_SNDBUF, 1 << 16) == 0 && number(s, SOL_SOCKET, SO_SNDBUF) == 1 << 17);
    CHECK(set(s, SOL_SOCKET, SO_RCVBUF, 1 << 16) == 0 && number(s, SOL_SOCKET, SO_RCVBUF) == 1 << 17);
    CHECK(set(s, SOL_SOCKET, SO_KEEPALIVE, 1) == 0 && number(s, SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(set(s, IPPROTO_TCP, TCP_KEEPIDLE, 9) == 0 && number(s, IPPROTO_TCP, TCP_KEEPIDLE) == 9);
    CHECK(set(s, IPPROTO_TCP, TCP_NODELAY, 1) == 0 && number(s, IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(set(s, SOL_RDMA, RDMA_SQSIZE, 64) == 0 && number(s, SOL_RDMA, RDMA_SQSIZE) == 64);
    CHECK(set(s, SOL_RDMA, RDMA_RQSIZE, 64) == 0 && number(s, SOL_RDMA, RDMA_RQSIZE) == 64);
    CHECK(set(s, SOL_RDMA, RDMA_INLINE, 16) == 0 && number(s, SOL_RDMA, RDMA_INLINE) == 16);
    CHECK(set(s, SOL_RDMA, RDMA_IOMAPSIZE, 3) == 0 && number(s, SOL_RDMA, RDMA_IOMAPSIZE) == 3);
    CHECK(number(s, SOL_SOCKET, SO_TYPE) == SOCK_STREAM && number(s, SOL_SOCKET, SO_ERROR) == 0 && number(s, SOL_SOCKET, SO_ACCEPTCONN) == 0);
    struct linger linger = { 1, 2 };
    bytes = sizeof linger;
    CHECK(rsetsockopt(s, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    memset(&linger, 0, sizeof linger);
    CHECK(rgetsockopt(s, SOL_SOCKET, SO_LINGER, &linger, &bytes) == 0 && linger.l_onoff == 1 && linger.l_linger == 2);

    CHECK(rlisten(s, 1) == 0 && rlisten(s, 1) == 0 && number(s, SOL_SOCKET, SO_ACCEPTCONN) == 1 && rfcntl(s, F_SETFL, O_NONBLOCK) == 0);
    FAILS(raccept(s, NULL, NULL), EAGAIN);
    FAILS(rconnect(s, at(7001), sizeof device), EOPNOTSUPP);
    CHECK(ready(s, POLLIN, 0) == 0 && ready(s, POLLIN, 20) == 0 && rclose(s) == 0);
}

static void connecting(void)
{
    char byte = 0;
    int s = rsocket(AF_INET, SOCK_STREAM, 0);
    FAILS(rconnect(s, at(7010), sizeof device), ECONNREFUSED);
    FAILS(rsend(s, &byte, 1, 0), ENOTCONN);
    CHECK(rclose(s) == 0);

    s = rsocket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    FAILS(rconnect(s, at(7010), sizeof device), EINPROGRESS);
    CHECK((ready(s, POLLOUT, 20000) & (POLLOUT | POLLERR)) == (POLLOUT | POLLERR));
    CHECK(number(s, SOL_SOCKET, SO_ERROR) == ECONNREFUSED && number(s, SOL_SOCKET, SO_ERROR) == 0 && rclose(s) == 0);

    int listening = listener(7011, 0);
    s = rsocket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    FAILS(rconnect(s, at(7011), sizeof device), EINPROGRESS);
    CHECK(ready(s, POLLOUT, 20000) == POLLOUT && number(s, SOL_SOCKET, SO_ERROR) == 0);
    CHECK(rconnect(s, at(7011), sizeof device) == 0);
    FAILS(rconnect(s, at(7011), sizeof device), EISCONN);
    FAILS(set(s, SOL_RDMA, RDMA_SQSIZE, 64), EINVAL);
    CHECK(ready(listening, POLLIN, 20000) == POLLIN);
    struct sockaddr_in peer = { 0 }, own = { 0 };
    socklen_t bytes = sizeof peer;
    int accepted = raccept(listening, (struct sockaddr *)&peer, &bytes);
    REQUIRE(accepted >= 0 && bytes == sizeof peer);
    CHECK(rgetsockname(s, (struct sockaddr *)&own, &bytes) == 0 && own.sin_port == peer.sin_port && own.sin_addr.s_addr == peer.sin_addr.s_addr);
    CHECK(rgetpeername(s, (struct sockaddr *)&peer, &bytes) == 0 && peer.sin_port == htons(7011));
    CHECK((rfcntl(accepted, F_GETFL) & O_NONBLOCK) == 0);
    CHECK(rclose(s) == 0 && rclose(accepted) == 0 && rclose(listening) == 0);
}

static void any_address(void)
{
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(7020) }, peer;
    socklen_t bytes = sizeof peer;
    int listening = rsocket(AF_INET6, SOCK_STREAM, 0);
    CHECK(set(listening, IPPROTO_IPV6, IPV6_V6ONLY, 0) == 0);
    REQUIRE(rbind(listening, (struct sockaddr *)&six, sizeof six) == 0 && rlisten(listening, 1) == 0);
    int s = rsocket(AF_INET, SOCK_STREAM, 0);
    CHECK(rconnect(s, at(7020), sizeof device) == 0);
    int accepted = raccept(listening, (struct sockaddr *)&peer, &bytes);
    CHECK(accepted >= 0 && bytes == sizeof peer && IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr));
    CHECK(memcmp(&peer.sin6_addr.s6_addr[12], &device.sin_addr, 4) == 0);
    CHECK(rclose(s) == 0 && rclose(accepted) == 0 && rclose(listening) == 0);

    listening = rsocket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(7021) };
    REQUIRE(rbind(listening, (struct sockaddr *)&any, sizeof any) == 0 && rlisten(listening, 1) == 0);
    s = rsocket(AF_INET, SOCK_STREAM, 0);
    CHECK(rconnect(s, at(7021), sizeof device) == 0 && rclose(s) == 0 && rclose(listening) == 0);
}

static void transfers(void)
{
    int ends[2];
    char in[64], first[2], rest[62];
    make_pair(ends, 7030, 0);
    FAILS(rrecv(ends[1], in, sizeof in, MSG_DONTWAIT), EAGAIN);
    FAILS(rsend(ends[0], "x", 1, MSG_OOB), EOPNOTSUPP);
    FAILS(rrecv(ends[1], in, 1, MSG_OOB), EOPNOTSUPP);
    FAILS(rsendto(ends[0], "x", 1, 0, at(1), sizeof device), EISCONN);
    FAILS(rsend(ends[0], NULL, 1, 0), EFAULT);
    FAILS(rreadv(ends[1], NULL, 1), EFAULT);
    FAILS(rreadv(ends[1], NULL, -1), EINVAL);
    CHECK(rsend(ends[0], NULL, 0, 0) == 0);
    /* An accepted end can send once the peer has said that it is ready. */
    CHECK(ready(ends[1], POLLIN | POLLOUT, 20000) == POLLOUT);

    CHECK(rsend(ends[0], "hello, ", 7, 0) == 7 && rwrite(ends[0], "world", 5) == 5);
    CHECK(ready(ends[1], POLLIN, 20000) == POLLIN);
    CHECK(rrecv(ends[1], in, 12, MSG_WAITALL) == 12 && memcmp(in, "hello, world", 12) == 0);
    struct iovec out[] = { { "ab", 2 }, { "", 0 }, { "cdefg", 5 } };
    CHECK(rwritev(ends[1], out, 3) == 7);
    CHECK(rrecv(ends[0], in, 2, MSG_PEEK) > 0 && in[0] == 'a');
    struct iovec into[] = { { first, 2 }, { rest, 5 } };
    struct msghdr message = { .msg_iov = into, .msg_iovlen = 2, .msg_name = in, .msg_namelen = sizeof in };
    CHECK(rrecvmsg(ends[0], &message, MSG_WAITALL) == 7 && memcmp(first, "ab", 2) == 0 && memcmp(rest, "cdefg", 5) == 0 && message.msg_namelen == 0);
    message.msg_name = NULL;
    CHECK(rsendmsg(ends[0], &message, 0) == 7 && rreadv(ends[1], into, 1) > 0);
    CHECK(rread(ends[1], in, sizeof in) > 0);

    /* Without a reader a sender is stopped; what it sent arrives. */
    static char block[1 << 14];
    long sent = 0, received = 0;
    for (ssize_t done; (done = rsend(ends[0], block, sizeof block, MSG_DONTWAIT)) > 0; sent += done)
        memset(block, (char)(sent >> 10), sizeof block);
    CHECK(errno == EAGAIN && sent > 0);
    /* Room that comes with completions, not with the reader, may come a little later. */
    while (ready(ends[0], POLLOUT, 1000) == POLLOUT && rsend(ends[0], block, 1, MSG_DONTWAIT) == 1)
        sent++;
    CHECK(ready(ends[0], POLLOUT, 20) == 0 && sent > 1 << 15);
    while (received < sent) {
        ssize_t done = rrecv(ends[1], block, sizeof block, 0);
        REQUIRE(done > 0);
        received += done;
    }
    CHECK(received == sent && ready(ends[0], POLLOUT, 20000) == POLLOUT);

    CHECK(rshutdown(ends[0], 7) == -1 && errno == EINVAL);
    CHECK(rshutdown(ends[0], SHUT_WR) == 0);
    FAILS(rsend(ends[0], "x", 1, 0), EPIPE);
    CHECK(rrecv(ends[1], in, 1, 0) == 0);
    CHECK(ready(ends[1], POLLIN | POLLRDHUP, 0) == (POLLIN | POLLRDHUP));
    CHECK(rsend(ends[1], "still", 5, 0) == 5 && rrecv(ends[0], in, 5, MSG_WAITALL) == 5);
    CHECK(rsend(ends[1], "last", 4, 0) == 4 && rclose(ends[1]) == 0);
    CHECK(rrecv(ends[0], in, 5, MSG_WAITALL) == 4 && rrecv(ends[0], in, 1, 0) == 0);
    CHECK((ready(ends[0], POLLIN, 0) & POLLHUP) != 0 && rclose(ends[0]) == 0);

    make_pair(ends, 7031, 0);
    CHECK(rclose(ends[1]) == 0 && rrecv(ends[0], in, 1, 0) == 0);
    FAILS(rsend(ends[0], "x", 1, 0), ECONNRESET);
    CHECK(rclose(ends[0]) == 0);
}

static void *write_late(void *descriptor)
{
    usleep(30000);
    return (void *)write(*(int *)descriptor, "x", 1);
}

static void on_alarm(int signal)
{
}

static void polling(void)
{
    int ends[2], pipes[2];
    char byte;
    make_pair(ends, 7040, 0);
    REQUIRE(pipe(pipes) == 0);
    struct pollfd both[] = { { .fd = ends[0], .events = POLLIN }, { .fd = -1, .events = POLLIN }, { .fd = pipes[0], .events = POLLIN } };
    CHECK(rpoll(both, 3, 10) == 0);
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, write_late, &pipes[1]) == 0);
    CHECK(rpoll(both, 3, -1) == 1 && both[0].revents == 0 && both[1].revents == 0 && both[2].revents == POLLIN);
    CHECK(pthread_join(thread, NULL) == 0 && read(pipes[0], &byte, 1) == 1);
    CHECK(rsend(ends[1], "x", 1, 0) == 1 && rpoll(both, 3, -1) == 1 && both[0].revents == POLLIN);

    fd_set readable, writable;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_SET(ends[0], &readable);
    FD_SET(ends[1], &readable);
    FD_SET(ends[1], &writable);
    struct timeval none = { 0, 0 };
    CHECK(rselect(100, &readable, &writable, NULL, &none) == 2);
    CHECK(FD_ISSET(ends[0], &readable) && !FD_ISSET(ends[1], &readable) && FD_ISSET(ends[1], &writable));
    CHECK(rread(ends[0], &byte, 1) == 1);
    FD_SET(ends[0], &readable);
    struct timeval little = { 0, 1000 };
    CHECK(rselect(100, &readable, NULL, NULL, &little) == 0 && !FD_ISSET(ends[0], &readable));
    FD_SET(999, &readable);
    FAILS(rselect(1000, &readable, NULL, NULL, &none), EBADF);

    struct sigaction action = { .sa_handler = on_alarm };
    sigaction(SIGALRM, &action, NULL);
    struct itimerval soon = { .it_value = { 0, 50000 } };
    setitimer(ITIMER_REAL, &soon, NULL);
    /* The signal may come to another thread of the process, which does not end this one's wait. */
    errno = 0;
    int count = rpoll(both, 1, 2000);
    CHECK(count == 0 || (count == -1 && errno == EINTR));
    close(pipes[0]);
    close(pipes[1]);
    CHECK(rclose(ends[0]) == 0 && rclose(ends[1]) == 0);
}

enum { MIB = 1 << 20, TOTAL = 16 * MIB };

/* The other threads would wait for ever. */
static void give_up(const char *what)
{
    printf("NOT OK: %s (errno %d, %s)\n", what, errno, strerror(errno));
    exit(101);
}

static void *send_much(void *socket)
{
    static __thread char block[3000];
    for (long sent = 0; sent < TOTAL;) {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = (char)((sent + i) * 31 >> 3);
        long left = TOTAL - sent;
        ssize_t done = rsend(*(int *)socket, block, left < (long)sizeof block ? left : (long)sizeof block, 0);
        if (done <= 0)
            give_up("rsend");
        sent += done;
    }
    return NULL;
}

static void *receive_much(void *socket)
{
    static __thread char block[5000];
    for (long received = 0; received < TOTAL;) {
        ssize_t done = rrecv(*(int *)socket, block, sizeof block, 0);
        if (done <= 0)
            give_up("rrecv");
        for (ssize_t i = 0; i < done; i++) {
            if (block[i] != (char)((received + i) * 31 >> 3))
                give_up("other bytes");
        }
        received += done;
    }
    return NULL;
}

/* Each socket has a thread that sends and one that receives: each takes what the other one waits for. */
static void two_threads_of_one_socket(void)
{
    int ends[2];
    pthread_t threads[4];
    make_pair(ends, 7050, 0);
    for (int i = 0; i < 2; i++) {
        REQUIRE(pthread_create(&threads[2 * i], NULL, send_much, &ends[i]) == 0);
        REQUIRE(pthread_create(&threads[2 * i + 1], NULL, receive_much, &ends[i]) == 0);
    }
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(rclose(ends[0]) == 0 && rclose(ends[1]) == 0);
}

static void mapped_buffers(void)
{
    int ends[2];
    char in[4];
    static char buffer[1 << 16] __attribute__((aligned(4096)));
    static char data[1 << 15];
    make_pair(ends, 7060, 1);
    FAILS(riomap(ends[1], buffer, sizeof buffer, PROT_EXEC, 0, 0), EINVAL);
    CHECK(riomap(ends[1], buffer, sizeof buffer, PROT_WRITE, 0, 5000) == 5000);
    FAILS(riomap(ends[1], buffer, 10, PROT_WRITE, 0, 0), ENOMEM);
    FAILS(riounmap(ends[1], buffer, 1), EINVAL);
    CHECK(rsend(ends[1], "go", 2, 0) == 2 && rrecv(ends[0], in, 2, MSG_WAITALL) == 2);
    memset(data, 'd', sizeof data);
    CHECK(riowrite(ends[0], data, sizeof data, 5000 + 100, 0) == sizeof data);
    CHECK(rsend(ends[0], "done", 4, 0) == 4 && rrecv(ends[1], in, 4, MSG_WAITALL) == 4);
    CHECK(buffer[99] == 0 && buffer[100] == 'd' && memcmp(buffer + 100, data, sizeof data) == 0 && buffer[100 + sizeof data] == 0);
    /* Nothing is mapped there. */
    CHECK(riowrite(ends[0], data, 10, 4999, 0) == 0);
    /* Half of it is. */
    CHECK(riowrite(ends[0], data, 10, 5000 + sizeof buffer - 5, 0) == 5);
    CHECK(rsend(ends[0], "done", 4, 0) == 4 && rrecv(ends[1], in, 4, MSG_WAITALL) == 4 && buffer[sizeof buffer - 1] == 'd');
    CHECK(riounmap(ends[1], buffer, sizeof buffer) == 0);
    CHECK(riomap(ends[1], buffer, sizeof buffer, PROT_WRITE, 0, -1) == (off_t)buffer);
    CHECK(rclose(ends[0]) == 0 && rclose(ends[1]) == 0);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    device.sin_family = AF_INET;
    REQUIRE(getenv("VRDMA_ADDRESS") != NULL && inet_pton(AF_INET, getenv("VRDMA_ADDRESS"), &device.sin_addr) == 1);
    arguments();
    before_a_connection();
    connecting();
    any_address();
    transfers();
    polling();
    mapped_buffers();
    two_threads_of_one_socket();
    return summary();
}
