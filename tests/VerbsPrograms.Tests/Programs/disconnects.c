/*
 * A program whose peer disconnects hears of it when it has polled what its QP completed before, so that it may destroy the QP at once; one that does not
 * poll hears of it all the same. Both ends are in this process.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <rdma/rdma_cma.h>
#include <rdma/rdma_verbs.h>
#include <time.h>
#include "checks.h"

enum { BYTES = 64, PATIENCE_MS = 100, MOMENT_MS = 20 };

struct end {
    struct rdma_event_channel *channel;
    struct rdma_cm_id *id;
    struct ibv_mr *mr;
    char memory[BYTES];
};

static double now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static struct rdma_cm_id *await(struct rdma_event_channel *channel, enum rdma_cm_event_type type)
{
    struct rdma_cm_event *event;
    REQUIRE(rdma_get_cm_event(channel, &event) == 0);
    struct rdma_cm_id *id = event->id;
    if (event->event != type)
        printf("%s instead of %s\n", rdma_event_str(event->event), rdma_event_str(type));
    REQUIRE(event->event == type && rdma_ack_cm_event(event) == 0);
    return id;
}

static int has_event(struct rdma_event_channel *channel, int patience_ms)
{
    struct pollfd events = { .fd = channel->fd, .events = POLLIN };
    return poll(&events, 1, patience_ms);
}

static void equip(struct end *end)
{
    struct ibv_qp_init_attr attr = { .qp_type = IBV_QPT_RC, .sq_sig_all = 1,
        .cap = { .max_send_wr = 4, .max_recv_wr = 4, .max_send_sge = 1, .max_recv_sge = 1 } };
    REQUIRE(rdma_create_qp(end->id, NULL, &attr) == 0);
    REQUIRE((end->mr = rdma_reg_msgs(end->id, end->memory, BYTES)) != NULL);
    REQUIRE(rdma_post_recv(end->id, NULL, end->memory, BYTES, end->mr) == 0);
}

static void release(struct end *end)
{
    rdma_destroy_qp(end->id);
    REQUIRE(rdma_dereg_mr(end->mr) == 0 && rdma_destroy_id(end->id) == 0);
}

static void poll_success(struct ibv_cq *cq, int patience_ms)
{
    struct ibv_wc wc;
    double limit = now_ms() + patience_ms;
    int count;
    while ((count = ibv_poll_cq(cq, 1, &wc)) == 0 && now_ms() < limit)
        ;
    REQUIRE(count == 1 && wc.status == IBV_WC_SUCCESS);
}

static void connect_ends(struct end *active, struct end *passive, struct rdma_cm_id *listener)
{
    struct rdma_conn_param param = { .responder_resources = 1, .initiator_depth = 1, .retry_count = 7, .rnr_retry_count = 7 };
    REQUIRE(rdma_create_id(active->channel, &active->id, NULL, RDMA_PS_TCP) == 0);
    struct sockaddr_in to = *(struct sockaddr_in *)rdma_get_local_addr(listener);
    REQUIRE(rdma_resolve_addr(active->id, NULL, (struct sockaddr *)&to, 2000) == 0);
    await(active->channel, RDMA_CM_EVENT_ADDR_RESOLVED);
    REQUIRE(rdma_resolve_route(active->id, 2000) == 0);
    await(active->channel, RDMA_CM_EVENT_ROUTE_RESOLVED);
    equip(active);
    REQUIRE(rdma_connect(active->id, &param) == 0);
    passive->id = await(passive->channel, RDMA_CM_EVENT_CONNECT_REQUEST);
    equip(passive);
    REQUIRE(rdma_accept(passive->id, &param) == 0);
    await(active->channel, RDMA_CM_EVENT_ESTABLISHED);
    await(passive->channel, RDMA_CM_EVENT_ESTABLISHED);
}

/* What the active end does not poll: its send's completion, or a message. */
static void run(struct rdma_cm_id *listener, struct rdma_event_channel *passive_channel, int is_send, int polls)
{
    struct end active = { .channel = rdma_create_event_channel() }, passive = { .channel = passive_channel };
    connect_ends(&active, &passive, listener);
    struct end *sender = is_send ? &active : &passive;
    REQUIRE(rdma_post_send(sender->id, NULL, sender->memory, BYTES, sender->mr, 0) == 0);
    poll_success(is_send ? passive.id->recv_cq : passive.id->send_cq, 5000);
    double begin = now_ms();
    REQUIRE(rdma_disconnect(passive.id) == 0);
    if (polls) {
        /* An event that comes so early would be too late for the completion; a machine that was busy elsewhere may have taken that long. */
        CHECK(has_event(active.channel, MOMENT_MS) == 0 || now_ms() - begin >= PATIENCE_MS);
        poll_success(is_send ? active.id->send_cq : active.id->recv_cq, 0);
    }
    await(active.channel, RDMA_CM_EVENT_DISCONNECTED);
    await(passive.channel, RDMA_CM_EVENT_DISCONNECTED);
    release(&active);
    release(&passive);
    rdma_destroy_event_channel(active.channel);
}

int main(void)
{
    struct rdma_event_channel *channel = rdma_create_event_channel();
    struct rdma_cm_id *listener;
    struct sockaddr_in device = { .sin_family = AF_INET };
    REQUIRE(getenv("VRDMA_ADDRESS") != NULL && inet_pton(AF_INET, getenv("VRDMA_ADDRESS"), &device.sin_addr) == 1);
    REQUIRE(channel != NULL && rdma_create_id(channel, &listener, NULL, RDMA_PS_TCP) == 0);
    REQUIRE(rdma_bind_addr(listener, (struct sockaddr *)&device) == 0 && rdma_listen(listener, 4) == 0);
    for (int i = 0; i < 4; i++)
        run(listener, channel, i & 1, i < 2);
    CHECK(rdma_destroy_id(listener) == 0);
    rdma_destroy_event_channel(channel);
    return summary();
}
