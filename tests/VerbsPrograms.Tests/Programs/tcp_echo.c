/*
 * A program for TCP that knows nothing of RDMA.
 *   tcp_echo server ADDRESS PORT   gives one client back what it sends
 *   tcp_echo client ADDRESS PORT   sends, and checks what comes back
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "checks.h"

enum { BYTES = 100000, ROUNDS = 20 };

static char memory[BYTES];

static void send_all(int to, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t sent = send(to, bytes, count, 0);
        if (sent <= 0)
            REQUIRE(sent > 0);
        bytes += sent;
        count -= sent;
    }
}

static void serve(int listener, struct sockaddr_in *address)
{
    long total = 0;
    ssize_t count;
    REQUIRE(bind(listener, (struct sockaddr *)address, sizeof *address) == 0 && listen(listener, 1) == 0);
    int client = accept(listener, NULL, NULL);
    REQUIRE(client >= 0);
    for (; (count = recv(client, memory, sizeof memory, 0)) > 0; total += count)
        send_all(client, memory, count);
    CHECK(count == 0 && total == (long)BYTES * ROUNDS);
    CHECK(close(client) == 0);
}

static void ask(int server, struct sockaddr_in *address)
{
    int on = 1;
    REQUIRE(connect(server, (struct sockaddr *)address, sizeof *address) == 0);
    CHECK(setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        size_t got = 0, wrong = 0;
        memset(memory, i, sizeof memory);
        send_all(server, memory, sizeof memory);
        while (got < sizeof memory) {
            struct pollfd readable = { .fd = server, .events = POLLIN };
            REQUIRE(poll(&readable, 1, 20000) == 1);
            ssize_t count = recv(server, memory, sizeof memory - got, 0);
            REQUIRE(count > 0);
            for (ssize_t j = 0; j < count; j++)
                wrong += memory[j] != (char)i;
            got += count;
        }
        CHECK(wrong == 0);
    }
    CHECK(shutdown(server, SHUT_WR) == 0 && recv(server, memory, sizeof memory, 0) == 0);
}

int main(int count, char **arguments)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    REQUIRE(count == 4 && inet_pton(AF_INET, arguments[2], &address.sin_addr) == 1);
    address.sin_port = htons(atoi(arguments[3]));
    int socket_of_it = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(socket_of_it >= 0);
    (arguments[1][0] == 's' ? serve : ask)(socket_of_it, &address);
    CHECK(close(socket_of_it) == 0);
    return summary();
}
