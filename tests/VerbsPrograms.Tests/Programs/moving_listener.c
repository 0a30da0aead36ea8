/*
 * Connections of rdma_cm whose listening end moves from daemon to daemon meanwhile.
 *   moving_listener server ADDRESS PORT COUNT   accepts COUNT connections, answers each message with itself, ends when all are disconnected
 *   moving_listener client ADDRESS PORT         connects and exchanges a message; for each line of its standard input one more; at its end disconnects
 * Each step is told by a line.
 */
#include <errno.h>
#include <poll.h>
#include <rdma/rdma_cma.h>
#include <rdma/rdma_verbs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"

enum { MOST = 4, BYTES = 64 };

struct connection {
    struct rdma_cm_id *id;
    struct ibv_mr *mr;
    char memory[2][BYTES];
};

static struct connection connections[MOST];

static struct rdma_addrinfo *resolve(char **arguments, int flags)
{
    struct rdma_addrinfo hints = { .ai_flags = flags, .ai_port_space = RDMA_PS_TCP }, *found;
    REQUIRE(rdma_getaddrinfo(arguments[2], arguments[3], &hints, &found) == 0);
    return found;
}

static struct ibv_qp_init_attr qp(void)
{
    struct ibv_qp_init_attr attr = { .qp_type = IBV_QPT_RC, .sq_sig_all = 1,
        .cap = { .max_send_wr = 4, .max_recv_wr = 4, .max_send_sge = 1, .max_recv_sge = 1 } };
    return attr;
}

static void prepare(struct connection *connection)
{
    connection->mr = rdma_reg_msgs(connection->id, connection->memory, sizeof connection->memory);
    REQUIRE(connection->mr != NULL);
    REQUIRE(rdma_post_recv(connection->id, NULL, connection->memory[0], BYTES, connection->mr) == 0);
}

static int serve(char **arguments)
{
    int count = atoi(arguments[4]), open = 0, disconnected = 0;
    struct rdma_event_channel *channel = rdma_create_event_channel();
    struct rdma_cm_id *listener;
    struct rdma_addrinfo *local = resolve(arguments, RAI_PASSIVE);
    REQUIRE(channel != NULL && rdma_create_id(channel, &listener, NULL, RDMA_PS_TCP) == 0);
    REQUIRE(rdma_bind_addr(listener, local->ai_src_addr) == 0 && rdma_listen(listener, 4) == 0);
    printf("listening\n");
    while (disconnected < count) {
        struct pollfd event = { .fd = channel->fd, .events = POLLIN };
        if (poll(&event, 1, 1) == 1) {
            struct rdma_cm_event *happened;
            REQUIRE(rdma_get_cm_event(channel, &happened) == 0);
            enum rdma_cm_event_type type = happened->event;
            struct rdma_cm_id *id = happened->id;
            REQUIRE(rdma_ack_cm_event(happened) == 0);
            if (type == RDMA_CM_EVENT_CONNECT_REQUEST) {
                struct ibv_qp_init_attr attr = qp();
                REQUIRE(open < MOST && rdma_create_qp(id, NULL, &attr) == 0);
                connections[open].id = id;
                prepare(&connections[open++]);
                struct rdma_conn_param param = { .responder_resources = 1, .initiator_depth = 1, .rnr_retry_count = 7 };
                REQUIRE(rdma_accept(id, &param) == 0);
            } else if (type == RDMA_CM_EVENT_ESTABLISHED) {
                printf("established\n");
            } else {
                REQUIRE(type == RDMA_CM_EVENT_DISCONNECTED);
                REQUIRE(rdma_disconnect(id) == 0 || errno == EINVAL);
                printf("disconnected %d\n", ++disconnected);
            }
        }
        for (int i = 0; i < open; i++) {
            struct ibv_wc wc;
            struct connection *connection = &connections[i];
            if (ibv_poll_cq(connection->id->recv_cq, 1, &wc) == 1 && wc.status == IBV_WC_SUCCESS) {
                memcpy(connection->memory[1], connection->memory[0], BYTES);
                REQUIRE(rdma_post_recv(connection->id, NULL, connection->memory[0], BYTES, connection->mr) == 0);
                REQUIRE(rdma_post_send(connection->id, NULL, connection->memory[1], BYTES, connection->mr, 0) == 0);
                REQUIRE(rdma_get_send_comp(connection->id, &wc) == 1 && wc.status == IBV_WC_SUCCESS);
            }
        }
    }
    for (int i = 0; i < open; i++) {
        rdma_destroy_qp(connections[i].id);
        CHECK(rdma_dereg_mr(connections[i].mr) == 0 && rdma_destroy_id(connections[i].id) == 0);
    }
    CHECK(rdma_destroy_id(listener) == 0);
    return summary();
}

static void exchange(struct connection *connection, int number)
{
    struct ibv_wc wc;
    snprintf(connection->memory[1], BYTES, "message %d of %p", number, (void *)connection->id);
    REQUIRE(rdma_post_send(connection->id, NULL, connection->memory[1], BYTES, connection->mr, 0) == 0);
    REQUIRE(rdma_get_send_comp(connection->id, &wc) == 1 && wc.status == IBV_WC_SUCCESS);
    REQUIRE(rdma_get_recv_comp(connection->id, &wc) == 1 && wc.status == IBV_WC_SUCCESS);
    REQUIRE(memcmp(connection->memory[0], connection->memory[1], BYTES) == 0);
    REQUIRE(rdma_post_recv(connection->id, NULL, connection->memory[0], BYTES, connection->mr) == 0);
    printf("exchanged %d\n", number);
}

static int connect_and_wait(char **arguments)
{
    struct connection *connection = &connections[0];
    struct ibv_qp_init_attr attr = qp();
    struct rdma_addrinfo *remote = resolve(arguments, 0);
    struct rdma_conn_param param = { .responder_resources = 1, .initiator_depth = 1, .retry_count = 7, .rnr_retry_count = 7 };
    REQUIRE(rdma_create_ep(&connection->id, remote, NULL, &attr) == 0);
    prepare(connection);
    REQUIRE(rdma_connect(connection->id, &param) == 0);
    exchange(connection, 1);
    for (int number = 2; getchar() == '\n'; number++)
        exchange(connection, number);
    CHECK(rdma_disconnect(connection->id) == 0);
    rdma_dereg_mr(connection->mr);
    rdma_destroy_ep(connection->id);
    return summary();
}

int main(int count, char **arguments)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    REQUIRE(count >= 4);
    return strcmp(arguments[1], "server") == 0 ? serve(arguments) : connect_and_wait(arguments);
}
