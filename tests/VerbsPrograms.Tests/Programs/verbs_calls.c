/* Calls of libibverbs as programs make them, through the real headers, with the answers that the man pages promise. One line for each check. */
#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>

#include "checks.h"

enum { BUFFER = 1 << 16, DEPTH = 16 };

static struct ibv_context *context;
static struct ibv_pd *pd;
static union ibv_gid gid;

struct end {
    struct ibv_qp *qp;
    struct ibv_qp_ex *ex;
    struct ibv_cq *cq;
    struct ibv_mr *mr;
    char *memory;
};

static void to_init(struct ibv_qp *qp)
{
    struct ibv_qp_attr attr = { .qp_state = IBV_QPS_INIT, .port_num = 1,
        .qp_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC };
    REQUIRE(ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS) == 0);
}

static void connect_to(struct ibv_qp *qp, struct ibv_qp *peer)
{
    struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RTR, .path_mtu = IBV_MTU_1024, .dest_qp_num = peer->qp_num, .rq_psn = 7,
        .max_dest_rd_atomic = 4, .min_rnr_timer = 12, .ah_attr = { .is_global = 1, .port_num = 1, .grh = { .dgid = gid, .hop_limit = 1 } } };
    REQUIRE(ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN
        | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER) == 0);
    attr = (struct ibv_qp_attr){ .qp_state = IBV_QPS_RTS, .sq_psn = 7, .timeout = 14, .retry_cnt = 7, .rnr_retry = 7, .max_rd_atomic = 4 };
    REQUIRE(ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN
        | IBV_QP_MAX_QP_RD_ATOMIC) == 0);
}

static struct end make_end(struct ibv_comp_channel *channel, struct ibv_srq *srq)
{
    struct end end = { 0 };
    end.memory = aligned_alloc(4096, BUFFER);
    memset(end.memory, 0, BUFFER);
    end.mr = ibv_reg_mr(pd, end.memory, BUFFER, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ
        | IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_MW_BIND);
    REQUIRE(end.mr != NULL);
    end.cq = ibv_create_cq(context, 4 * DEPTH, &end, channel, 0);
    REQUIRE(end.cq != NULL && end.cq->cqe >= 4 * DEPTH);
    struct ibv_qp_init_attr_ex init = { .send_cq = end.cq, .recv_cq = end.cq, .srq = srq, .qp_type = IBV_QPT_RC, .pd = pd,
        .cap = { .max_send_wr = DEPTH, .max_recv_wr = DEPTH, .max_send_sge = 2, .max_recv_sge = 1, .max_inline_data = 64 },
        .comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
        .send_ops_flags = IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD };
    end.qp = ibv_create_qp_ex(context, &init);
    REQUIRE(end.qp != NULL && init.cap.max_send_wr >= DEPTH && init.cap.max_inline_data >= 64);
    end.ex = ibv_qp_to_qp_ex(end.qp);
    return end;
}

static void free_end(struct end *end)
{
    CHECK(ibv_destroy_qp(end->qp) == 0);
    CHECK(ibv_destroy_cq(end->cq) == 0);
    CHECK(ibv_dereg_mr(end->mr) == 0);
    free(end->memory);
}

static struct ibv_wc await_completion(struct ibv_cq *cq)
{
    struct ibv_wc wc = { .status = -1 };
    time_t limit = time(NULL) + 20;
    int count;
    while ((count = ibv_poll_cq(cq, 1, &wc)) == 0 && time(NULL) < limit)
        ;
    if (count != 1)
        wc.status = -1;
    return wc;
}

static int completes(struct ibv_cq *cq, uint64_t wr_id, enum ibv_wc_opcode opcode)
{
    struct ibv_wc wc = await_completion(cq);
    int holds = wc.status == IBV_WC_SUCCESS && wc.wr_id == wr_id && wc.opcode == opcode;
    if (!holds)
        printf("   got wr_id %lu status %d (%s) opcode %d\n", (unsigned long)wc.wr_id, wc.status, ibv_wc_status_str(wc.status), wc.opcode);
    return holds;
}

static void post_receive(struct end *end, uint64_t wr_id, char *at, uint32_t bytes)
{
    struct ibv_sge sge = { (uintptr_t)at, bytes, end->mr->lkey };
    struct ibv_recv_wr wr = { .wr_id = wr_id, .sg_list = &sge, .num_sge = 1 }, *bad;
    REQUIRE(ibv_post_recv(end->qp, &wr, &bad) == 0);
}

static void registration(void)
{
    size_t page = 4096;
    errno = 0;
    CHECK(ibv_reg_mr(pd, (void *)(page * 16), 64, IBV_ACCESS_LOCAL_WRITE) == NULL && errno == EFAULT);
    char *hole = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(hole + 2 * page, page);
    CHECK(ibv_reg_mr(pd, hole, 4 * page, IBV_ACCESS_LOCAL_WRITE) == NULL && errno == EFAULT);
    mprotect(hole, page, PROT_READ);
    CHECK(ibv_reg_mr(pd, hole, page, IBV_ACCESS_LOCAL_WRITE) == NULL && errno == EFAULT);
    struct ibv_mr *mr = ibv_reg_mr(pd, hole, page, IBV_ACCESS_REMOTE_READ);
    REQUIRE(mr != NULL);
    CHECK(mr->addr == hole && mr->length == page && mr->pd == pd && mr->context == context);
    CHECK(ibv_dealloc_pd(pd) == EBUSY);
    CHECK(ibv_dereg_mr(mr) == 0);
    static char some[100];
    CHECK(ibv_reg_mr(pd, some, 0, IBV_ACCESS_LOCAL_WRITE) == NULL && errno == EINVAL);
    CHECK(ibv_reg_mr(pd, some, sizeof some, IBV_ACCESS_REMOTE_WRITE) == NULL && errno == EINVAL);
    CHECK(ibv_reg_mr(pd, some, sizeof some, IBV_ACCESS_ON_DEMAND) == NULL && errno == EOPNOTSUPP);
    unsigned int access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_RELAXED_ORDERING;
    mr = ibv_reg_mr(pd, some, sizeof some, access);
    REQUIRE(mr != NULL);
    char *other = calloc(1, 200);
    CHECK(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_TRANSLATION, NULL, other, 200, 0) == 0 && mr->addr == other && mr->length == 200);
    CHECK(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_TRANSLATION, NULL, (void *)(page * 16), 64, 0) == IBV_REREG_MR_ERR_INPUT && mr->addr == other);
    CHECK(ibv_dereg_mr(mr) == 0);
    free(other);
}

enum { PAGES = 2000 };

struct neighbour {
    volatile long counter;
    char buffer[64];
    char rest[4096 - sizeof(long) - 64];
};

static volatile int stop_writing;

static void *write_beside(void *argument)
{
    struct neighbour *pages = argument;
    long rounds = 0;
    do {
        for (int i = 0; i < PAGES; i++)
            pages[i].counter++;
        rounds++;
    } while (!stop_writing);
    return (void *)rounds;
}

/* Registering a buffer must not cost another thread a write to what lies beside it. */
static void neighbours(void)
{
    struct neighbour *pages = aligned_alloc(4096, PAGES * sizeof *pages);
    memset(pages, 0, PAGES * sizeof *pages);
    pthread_t thread;
    struct ibv_mr *regions[PAGES];
    REQUIRE(pthread_create(&thread, NULL, write_beside, pages) == 0);
    int registered = 0;
    for (int i = 0; i < PAGES; i += 10) {
        regions[i] = ibv_reg_mr(pd, pages[i].buffer, sizeof pages[i].buffer, IBV_ACCESS_LOCAL_WRITE);
        registered += regions[i] != NULL;
    }
    stop_writing = 1;
    void *rounds;
    REQUIRE(pthread_join(thread, &rounds) == 0);
    CHECK(registered == PAGES / 10);
    int lost = 0;
    for (int i = 0; i < PAGES; i++)
        lost += pages[i].counter != (long)rounds;
    CHECK(lost == 0 || geteuid() != 0); /* holding writers is a privilege on most systems */
    int freed = 0;
    for (int i = 0; i < PAGES; i += 10)
        freed += ibv_dereg_mr(regions[i]) == 0;
    CHECK(freed == PAGES / 10);
    free(pages);
}

/* A variable of the caller's own stack; not the main thread's, which forks later. */
static void *on_the_stack(void *unused)
{
    long variable = 4711;
    struct ibv_mr *mr = ibv_reg_mr(pd, &variable, sizeof variable, IBV_ACCESS_LOCAL_WRITE);
    CHECK(mr != NULL && variable == 4711 && mr->length == sizeof variable);
    CHECK(ibv_dereg_mr(mr) == 0);
    return unused;
}

static void builder(void)
{
    struct end a = make_end(NULL, NULL), b = make_end(NULL, NULL);
    to_init(a.qp);
    to_init(b.qp);
    connect_to(a.qp, b.qp);
    connect_to(b.qp, a.qp);
    strcpy(a.memory, "written");
    ibv_wr_start(a.ex);
    a.ex->wr_id = 1;
    a.ex->wr_flags = IBV_SEND_SIGNALED;
    ibv_wr_rdma_write(a.ex, b.mr->rkey, (uintptr_t)b.memory);
    ibv_wr_set_sge(a.ex, a.mr->lkey, (uintptr_t)a.memory, 8);
    CHECK(ibv_wr_complete(a.ex) == 0);
    CHECK(completes(a.cq, 1, IBV_WC_RDMA_WRITE) && strcmp(b.memory, "written") == 0);

    post_receive(&b, 20, b.memory + 100, 100);
    post_receive(&b, 21, b.memory + 200, 100);
    char text[] = "inline data";
    struct ibv_sge parts[2] = { { (uintptr_t)a.memory, 4, a.mr->lkey }, { (uintptr_t)a.memory + 4, 4, a.mr->lkey } };
    ibv_wr_start(a.ex);
    a.ex->wr_id = 2;
    a.ex->wr_flags = IBV_SEND_SIGNALED;
    ibv_wr_send_imm(a.ex, htonl(0x12345678));
    ibv_wr_set_inline_data(a.ex, text, sizeof text);
    memset(text, 0, sizeof text);
    a.ex->wr_id = 3;
    ibv_wr_send(a.ex);
    ibv_wr_set_sge_list(a.ex, 2, parts);
    CHECK(ibv_wr_complete(a.ex) == 0);
    CHECK(completes(a.cq, 2, IBV_WC_SEND));
    CHECK(completes(a.cq, 3, IBV_WC_SEND));
    struct ibv_wc wc = await_completion(b.cq);
    CHECK(wc.wr_id == 20 && wc.opcode == IBV_WC_RECV && wc.byte_len == sizeof text && (wc.wc_flags & IBV_WC_WITH_IMM)
        && ntohl(wc.imm_data) == 0x12345678 && wc.qp_num == b.qp->qp_num);
    CHECK(strcmp(b.memory + 100, "inline data") == 0);
    CHECK(completes(b.cq, 21, IBV_WC_RECV) && strcmp(b.memory + 200, "written") == 0);

    *(uint64_t *)(b.memory + 1024) = 40;
    ibv_wr_start(a.ex);
    a.ex->wr_id = 4;
    ibv_wr_atomic_fetch_add(a.ex, b.mr->rkey, (uintptr_t)b.memory + 1024, 2);
    ibv_wr_set_sge(a.ex, a.mr->lkey, (uintptr_t)a.memory + 1024, 8);
    a.ex->wr_id = 5;
    ibv_wr_atomic_cmp_swp(a.ex, b.mr->rkey, (uintptr_t)b.memory + 1024, 42, 99);
    ibv_wr_set_sge(a.ex, a.mr->lkey, (uintptr_t)a.memory + 1032, 8);
    a.ex->wr_id = 6;
    ibv_wr_rdma_read(a.ex, b.mr->rkey, (uintptr_t)b.memory + 1024);
    ibv_wr_set_sge(a.ex, a.mr->lkey, (uintptr_t)a.memory + 1040, 8);
    CHECK(ibv_wr_complete(a.ex) == 0);
    CHECK(completes(a.cq, 4, IBV_WC_FETCH_ADD) && *(uint64_t *)(a.memory + 1024) == 40);
    CHECK(completes(a.cq, 5, IBV_WC_COMP_SWAP) && *(uint64_t *)(a.memory + 1032) == 42);
    CHECK(completes(a.cq, 6, IBV_WC_RDMA_READ) && *(uint64_t *)(a.memory + 1040) == 99);

    /* An abort posts nothing; too much posts nothing and says so. */
    ibv_wr_start(a.ex);
    ibv_wr_rdma_write(a.ex, b.mr->rkey, (uintptr_t)b.memory);
    ibv_wr_abort(a.ex);
    ibv_wr_start(a.ex);
    for (int i = 0; i < 4096; i++)
        ibv_wr_rdma_write(a.ex, b.mr->rkey, (uintptr_t)b.memory);
    CHECK(ibv_wr_complete(a.ex) == ENOMEM);
    struct ibv_wc none;
    CHECK(ibv_poll_cq(a.cq, 1, &none) == 0);

    struct ibv_qp_attr attr;
    struct ibv_qp_init_attr init;
    CHECK(ibv_query_qp(a.qp, &attr, IBV_QP_STATE, &init) == 0 && attr.qp_state == IBV_QPS_RTS && attr.dest_qp_num == b.qp->qp_num
        && attr.path_mtu == IBV_MTU_1024 && attr.timeout == 14 && memcmp(&attr.ah_attr.grh.dgid, &gid, 16) == 0
        && init.send_cq == a.cq && init.qp_type == IBV_QPT_RC);

    post_receive(&b, 30, b.memory, 10);
    attr = (struct ibv_qp_attr){ .qp_state = IBV_QPS_ERR };
    CHECK(ibv_modify_qp(b.qp, &attr, IBV_QP_STATE) == 0 && b.qp->state == IBV_QPS_ERR);
    wc = await_completion(b.cq);
    CHECK(wc.wr_id == 30 && wc.status == IBV_WC_WR_FLUSH_ERR);
    free_end(&a);
    free_end(&b);
}

static void posting_errors(void)
{
    struct end a = make_end(NULL, NULL);
    struct ibv_sge sges[3] = { { (uintptr_t)a.memory, 1, a.mr->lkey }, { (uintptr_t)a.memory, 1, a.mr->lkey }, { (uintptr_t)a.memory, 1, a.mr->lkey } };
    struct ibv_send_wr second = { .wr_id = 2, .sg_list = sges, .num_sge = 3, .opcode = IBV_WR_SEND },
        first = { .wr_id = 1, .next = &second, .sg_list = sges, .num_sge = 1, .opcode = IBV_WR_SEND }, *bad = NULL;
    CHECK(ibv_post_send(a.qp, &first, &bad) == EINVAL && bad == &first); /* in reset */
    to_init(a.qp);
    connect_to(a.qp, a.qp);
    CHECK(ibv_post_send(a.qp, &first, &bad) == EINVAL && bad == &second);
    struct ibv_recv_wr receive = { .wr_id = 9, .sg_list = sges, .num_sge = 1 }, *bad_receive = NULL;
    int posted = 0;
    while (posted < 100000 && ibv_post_recv(a.qp, &receive, &bad_receive) == 0)
        posted++;
    CHECK(posted >= DEPTH && posted < 100000 && ibv_post_recv(a.qp, &receive, &bad_receive) == ENOMEM && bad_receive == &receive);
    first.next = NULL;
    first.opcode = IBV_WR_TSO;
    CHECK(ibv_post_send(a.qp, &first, &bad) == EINVAL && bad == &first);
    free_end(&a);
}

static void windows(void)
{
    struct end a = make_end(NULL, NULL), b = make_end(NULL, NULL);
    to_init(a.qp);
    to_init(b.qp);
    connect_to(a.qp, b.qp);
    connect_to(b.qp, a.qp);
    struct ibv_mw *mw = ibv_alloc_mw(pd, IBV_MW_TYPE_1);
    REQUIRE(mw != NULL);
    struct ibv_mw_bind bind = { .wr_id = 1, .send_flags = IBV_SEND_SIGNALED,
        .bind_info = { b.mr, (uintptr_t)b.memory + 64, 16, IBV_ACCESS_REMOTE_WRITE } };
    uint32_t before = mw->rkey;
    CHECK(ibv_bind_mw(b.qp, mw, &bind) == 0 && mw->rkey != before);
    CHECK(completes(b.cq, 1, IBV_WC_BIND_MW));
    struct ibv_mw *mw2 = ibv_alloc_mw(pd, IBV_MW_TYPE_2);
    REQUIRE(mw2 != NULL);
    struct ibv_send_wr wr = { .wr_id = 2, .opcode = IBV_WR_BIND_MW, .send_flags = IBV_SEND_SIGNALED,
        .bind_mw = { mw2, ibv_inc_rkey(mw2->rkey), { b.mr, (uintptr_t)b.memory + 128, 16, IBV_ACCESS_REMOTE_WRITE } } }, *bad;
    CHECK(ibv_post_send(b.qp, &wr, &bad) == 0 && completes(b.cq, 2, IBV_WC_BIND_MW));
    CHECK(ibv_dereg_mr(b.mr) == EBUSY);
    memcpy(a.memory, "window", 7);
    struct ibv_sge sge = { (uintptr_t)a.memory, 7, a.mr->lkey };
    struct ibv_send_wr write = { .wr_id = 3, .sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_RDMA_WRITE, .send_flags = IBV_SEND_SIGNALED,
        .wr.rdma = { (uintptr_t)b.memory + 64, mw->rkey } };
    CHECK(ibv_post_send(a.qp, &write, &bad) == 0 && completes(a.cq, 3, IBV_WC_RDMA_WRITE) && strcmp(b.memory + 64, "window") == 0);
    write.wr.rdma.remote_addr = (uintptr_t)b.memory + 128;
    write.wr.rdma.rkey = ibv_inc_rkey(mw2->rkey);
    CHECK(ibv_post_send(a.qp, &write, &bad) == 0 && completes(a.cq, 3, IBV_WC_RDMA_WRITE) && strcmp(b.memory + 128, "window") == 0);
    struct ibv_send_wr invalidate = { .wr_id = 4, .opcode = IBV_WR_LOCAL_INV, .send_flags = IBV_SEND_SIGNALED,
        .invalidate_rkey = ibv_inc_rkey(mw2->rkey) };
    CHECK(ibv_post_send(b.qp, &invalidate, &bad) == 0 && completes(b.cq, 4, IBV_WC_LOCAL_INV));
    CHECK(ibv_post_send(a.qp, &write, &bad) == 0 && await_completion(a.cq).status == IBV_WC_REM_ACCESS_ERR);
    CHECK(ibv_dealloc_mw(mw) == 0 && ibv_dealloc_mw(mw2) == 0);
    free_end(&a);
    free_end(&b);
}

static void events(void)
{
    struct ibv_comp_channel *channel = ibv_create_comp_channel(context);
    REQUIRE(channel != NULL);
    fcntl(channel->fd, F_SETFL, fcntl(channel->fd, F_GETFL) | O_NONBLOCK);
    fcntl(context->async_fd, F_SETFL, fcntl(context->async_fd, F_GETFL) | O_NONBLOCK);
    struct ibv_srq_init_attr srq_attr = { .attr = { .max_wr = 8, .max_sge = 1 } };
    struct ibv_srq *srq = ibv_create_srq(pd, &srq_attr);
    REQUIRE(srq != NULL && srq_attr.attr.max_wr >= 8);
    struct end a = make_end(NULL, NULL), b = make_end(channel, srq);
    to_init(a.qp);
    to_init(b.qp);
    connect_to(a.qp, b.qp);
    connect_to(b.qp, a.qp);
    struct ibv_cq *cq;
    void *cq_context;
    struct ibv_async_event event;
    errno = 0;
    CHECK(ibv_get_cq_event(channel, &cq, &cq_context) == -1 && errno == EAGAIN);
    while (ibv_get_async_event(context, &event) == 0)
        ibv_ack_async_event(&event); /* communication established, from the ends before */
    CHECK(errno == EAGAIN);
    struct ibv_sge sge = { (uintptr_t)b.memory, 64, b.mr->lkey };
    struct ibv_recv_wr receive = { .wr_id = 5, .sg_list = &sge, .num_sge = 1 }, *bad_receive;
    for (int i = 0; i < 4; i++)
        REQUIRE(ibv_post_srq_recv(srq, &receive, &bad_receive) == 0);
    srq_attr.attr.srq_limit = 4;
    CHECK(ibv_modify_srq(srq, &srq_attr.attr, IBV_SRQ_LIMIT) == 0);
    struct ibv_srq_attr queried;
    CHECK(ibv_query_srq(srq, &queried) == 0 && queried.srq_limit == 4);
    CHECK(ibv_destroy_srq(srq) == EBUSY && ibv_destroy_comp_channel(channel) == EBUSY);
    CHECK(ibv_req_notify_cq(b.cq, 0) == 0);
    struct ibv_sge from = { (uintptr_t)a.memory, 32, a.mr->lkey };
    struct ibv_send_wr send = { .wr_id = 6, .sg_list = &from, .num_sge = 1, .opcode = IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED }, *bad;
    CHECK(ibv_post_send(a.qp, &send, &bad) == 0);
    struct pollfd fd = { channel->fd, POLLIN, 0 };
    CHECK(poll(&fd, 1, 20000) == 1 && ibv_get_cq_event(channel, &cq, &cq_context) == 0 && cq == b.cq);
    CHECK(completes(b.cq, 5, IBV_WC_RECV));
    CHECK(completes(a.cq, 6, IBV_WC_SEND));
    fd.fd = context->async_fd;
    int limit = 0;
    while (!limit && poll(&fd, 1, 20000) == 1 && ibv_get_async_event(context, &event) == 0) {
        limit = event.event_type == IBV_EVENT_SRQ_LIMIT_REACHED && event.element.srq == srq;
        ibv_ack_async_event(&event);
    }
    CHECK(limit);
    ibv_ack_cq_events(b.cq, 1);
    free_end(&a);
    free_end(&b);
    CHECK(ibv_destroy_srq(srq) == 0 && ibv_destroy_comp_channel(channel) == 0);
}

static void extended_cq(void)
{
    struct ibv_cq_init_attr_ex init = { .cqe = 16, .wc_flags = IBV_WC_STANDARD_FLAGS };
    struct ibv_cq_ex *cq = ibv_create_cq_ex(context, &init);
    REQUIRE(cq != NULL);
    struct end a = make_end(NULL, NULL);
    struct ibv_qp_init_attr qp_init = { .send_cq = ibv_cq_ex_to_cq(cq), .recv_cq = ibv_cq_ex_to_cq(cq), .qp_type = IBV_QPT_RC,
        .cap = { DEPTH, DEPTH, 1, 1, 0 } };
    struct ibv_qp *qp = ibv_create_qp(pd, &qp_init);
    REQUIRE(qp != NULL);
    to_init(qp);
    connect_to(qp, qp);
    struct ibv_sge sge = { (uintptr_t)a.memory, 24, a.mr->lkey }, into = { (uintptr_t)a.memory + 4096, 100, a.mr->lkey };
    struct ibv_recv_wr receive = { .wr_id = 8, .sg_list = &into, .num_sge = 1 }, *bad_receive;
    struct ibv_send_wr send = { .wr_id = 7, .sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND_WITH_IMM, .send_flags = IBV_SEND_SIGNALED,
        .imm_data = htonl(5) }, *bad;
    CHECK(ibv_post_recv(qp, &receive, &bad_receive) == 0 && ibv_post_send(qp, &send, &bad) == 0);
    struct ibv_poll_cq_attr attr = { 0 };
    int seen = 0;
    time_t limit = time(NULL) + 20;
    while (seen < 2 && time(NULL) < limit) {
        int result = ibv_start_poll(cq, &attr);
        if (result == ENOENT)
            continue;
        CHECK(result == 0);
        do {
            seen++;
            if (cq->wr_id == 8)
                CHECK(cq->status == IBV_WC_SUCCESS && ibv_wc_read_opcode(cq) == IBV_WC_RECV && ibv_wc_read_byte_len(cq) == 24
                    && ntohl(ibv_wc_read_imm_data(cq)) == 5 && ibv_wc_read_qp_num(cq) == qp->qp_num && (ibv_wc_read_wc_flags(cq) & IBV_WC_WITH_IMM));
            else
                CHECK(cq->status == IBV_WC_SUCCESS && cq->wr_id == 7 && ibv_wc_read_opcode(cq) == IBV_WC_SEND);
        } while (ibv_next_poll(cq) == 0);
        ibv_end_poll(cq);
    }
    CHECK(seen == 2);
    CHECK(ibv_resize_cq(ibv_cq_ex_to_cq(cq), 100) == 0 && cq->cqe >= 100);
    CHECK(ibv_destroy_cq(ibv_cq_ex_to_cq(cq)) == EBUSY);
    CHECK(ibv_destroy_qp(qp) == 0 && ibv_destroy_cq(ibv_cq_ex_to_cq(cq)) == 0);
    free_end(&a);
}

/* UCX looks in the place of the service level whether the header before a datagram is one of IPv4 or of IPv6. */
static void datagrams_tell_their_packet_type(void)
{
    struct ibv_cq_init_attr_ex cq_init = { .cqe = 16, .wc_flags = IBV_WC_STANDARD_FLAGS };
    struct ibv_cq_ex *extended = ibv_create_cq_ex(context, &cq_init);
    struct ibv_cq *plain = ibv_create_cq(context, 16, NULL, NULL, 0);
    REQUIRE(extended != NULL && plain != NULL);
    char *memory = aligned_alloc(4096, 4096);
    struct ibv_mr *mr = ibv_reg_mr(pd, memory, 4096, IBV_ACCESS_LOCAL_WRITE);
    struct ibv_qp_init_attr init = { .send_cq = plain, .recv_cq = plain, .qp_type = IBV_QPT_UD, .cap = { DEPTH, DEPTH, 1, 1, 0 } };
    struct ibv_qp *qps[2];
    struct ibv_ah_attr way = { .is_global = 1, .port_num = 1, .grh = { .dgid = gid, .hop_limit = 1 } };
    struct ibv_ah *ah = ibv_create_ah(pd, &way);
    REQUIRE(mr != NULL && ah != NULL);
    for (int i = 0; i < 2; i++) {
        qps[i] = ibv_create_qp(pd, &init);
        REQUIRE(qps[i] != NULL);
        init.recv_cq = ibv_cq_ex_to_cq(extended);
        struct ibv_qp_attr attr = { .qp_state = IBV_QPS_INIT, .port_num = 1, .qkey = 3 };
        REQUIRE(ibv_modify_qp(qps[i], &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_QKEY) == 0);
        attr.qp_state = IBV_QPS_RTR;
        REQUIRE(ibv_modify_qp(qps[i], &attr, IBV_QP_STATE) == 0);
        attr.qp_state = IBV_QPS_RTS;
        REQUIRE(ibv_modify_qp(qps[i], &attr, IBV_QP_STATE | IBV_QP_SQ_PSN) == 0);
        struct ibv_sge into = { (uintptr_t)memory + 1024 * (i + 1), 1024, mr->lkey };
        struct ibv_recv_wr receive = { .wr_id = i, .sg_list = &into, .num_sge = 1 }, *bad;
        REQUIRE(ibv_post_recv(qps[i], &receive, &bad) == 0);
    }
    int below_udp = 8, form = gid.global.subnet_prefix == 0 && ((uint16_t *)gid.raw)[5] == 0xFFFF ? 2 : 1;
    for (int i = 0; i < 2; i++) {
        struct ibv_sge sge = { (uintptr_t)memory, 32, mr->lkey };
        struct ibv_send_wr send = { .wr_id = 9, .sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED,
            .wr = { .ud = { .ah = ah, .remote_qpn = qps[i]->qp_num, .remote_qkey = 3 } } }, *bad;
        REQUIRE(ibv_post_send(qps[0], &send, &bad) == 0);
    }
    for (int seen = 0; seen < 3; seen++) {
        struct ibv_wc wc = await_completion(plain);
        CHECK(wc.status == IBV_WC_SUCCESS && wc.sl == ((wc.wc_flags & IBV_WC_GRH) ? (below_udp | form) : 0));
    }
    struct ibv_poll_cq_attr attr = { 0 };
    time_t limit = time(NULL) + 20;
    int result;
    while ((result = ibv_start_poll(extended, &attr)) == ENOENT && time(NULL) < limit)
        ;
    CHECK(result == 0 && extended->status == IBV_WC_SUCCESS && ibv_wc_read_sl(extended) == (below_udp | form));
    ibv_end_poll(extended);
    CHECK(ibv_destroy_qp(qps[0]) == 0 && ibv_destroy_qp(qps[1]) == 0 && ibv_destroy_ah(ah) == 0 && ibv_dereg_mr(mr) == 0);
    CHECK(ibv_destroy_cq(plain) == 0 && ibv_destroy_cq(ibv_cq_ex_to_cq(extended)) == 0);
    free(memory);
}

/* Programs open a device to look at it, close it, and open it again with the same address in mind. */
static void a_device_in_the_process_keeps_its_address(struct ibv_device *device)
{
    union ibv_gid now;
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(4791) };
    memcpy(&name.sin_addr, gid.raw + 12, 4);
    int rival = socket(AF_INET, SOCK_DGRAM, 0);
    FAILS(bind(rival, (struct sockaddr *)&name, sizeof name), EADDRINUSE);
    close(rival);
    context = ibv_open_device(device);
    CHECK(context != NULL && ibv_query_gid(context, 1, 0, &now) == 0 && memcmp(&now, &gid, sizeof now) == 0 && ibv_close_device(context) == 0);
}

static void what_is_not_supported(void)
{
    struct ibv_cq *cq = ibv_create_cq(context, 16, NULL, NULL, 0);
    REQUIRE(cq != NULL);
    struct ibv_qp_init_attr init = { .send_cq = cq, .recv_cq = cq, .qp_type = IBV_QPT_RAW_PACKET, .cap = { 1, 1, 1, 1, 0 } };
    errno = 0;
    CHECK(ibv_create_qp(pd, &init) == NULL && errno == EOPNOTSUPP);
    init.qp_type = IBV_QPT_RC;
    init.cap.max_send_wr = 1 << 30;
    CHECK(ibv_create_qp(pd, &init) == NULL && errno == EINVAL);
    init.cap.max_send_wr = 1;
    init.cap.max_inline_data = 1 << 20;
    CHECK(ibv_create_qp(pd, &init) == NULL && errno == EINVAL);
    struct ibv_cq_init_attr_ex timestamps = { .cqe = 1, .wc_flags = IBV_WC_EX_WITH_COMPLETION_TIMESTAMP };
    CHECK(ibv_create_cq_ex(context, &timestamps) == NULL && errno == EOPNOTSUPP);
    struct ibv_xrcd_init_attr xrcd = { .comp_mask = IBV_XRCD_INIT_ATTR_FD | IBV_XRCD_INIT_ATTR_OFLAGS, .fd = -1, .oflags = O_CREAT };
    errno = 0;
    CHECK(ibv_open_xrcd(context, &xrcd) == NULL && errno == EOPNOTSUPP);
    struct ibv_alloc_dm_attr dm = { .length = 64 };
    CHECK(ibv_alloc_dm(context, &dm) == NULL && errno == EOPNOTSUPP);
    struct ibv_td_init_attr td = { 0 };
    CHECK(ibv_alloc_td(context, &td) == NULL && errno == EOPNOTSUPP);
    struct ibv_sge sge = { 0 };
    CHECK(ibv_advise_mr(pd, IBV_ADVISE_MR_ADVICE_PREFETCH, 0, &sge, 1) == EOPNOTSUPP);
    CHECK(ibv_reg_dmabuf_mr(pd, 0, 4096, 0, -1, 0) == NULL && errno == EOPNOTSUPP);
    CHECK(ibv_create_cq(context, 0, NULL, NULL, 0) == NULL && errno == EINVAL);
    CHECK(ibv_create_cq(context, 16, NULL, NULL, 7) == NULL && errno == EINVAL);
    struct ibv_port_attr port;
    CHECK(ibv_query_port(context, 2, &port) == EINVAL);
    CHECK(ibv_query_gid(context, 1, 99, &gid) == -1);
    CHECK(ibv_query_gid(context, 1, 0, &gid) == 0);
    struct ibv_gid_entry entry;
    CHECK(ibv_query_gid_ex(context, 1, 0, &entry, 0) == 0 && entry.gid_type == IBV_GID_TYPE_ROCE_V2 && memcmp(&entry.gid, &gid, 16) == 0);
    CHECK(ibv_query_gid_ex(context, 1, 1, &entry, 0) == ENODATA);
    CHECK(ibv_query_gid_table(context, &entry, 1, 0) == 1);
    uint16_t pkey;
    CHECK(ibv_query_pkey(context, 1, 0, &pkey) == 0 && pkey == 0xffff && ibv_get_pkey_index(context, 1, pkey) == 0);
    struct ibv_ah_attr ah = { .port_num = 1, .dlid = 3 };
    CHECK(ibv_create_ah(pd, &ah) == NULL && errno == EINVAL);
    struct ibv_device_attr_ex extended;
    CHECK(ibv_query_device_ex(context, NULL, &extended) == 0 && extended.orig_attr.phys_port_cnt == 1 && extended.completion_timestamp_mask == 0);
    CHECK(ibv_destroy_cq(cq) == 0);
}

static void *hammer(void *argument)
{
    struct end *end = argument;
    struct ibv_sge sge = { (uintptr_t)end->memory, 64, end->mr->lkey };
    struct ibv_send_wr wr = { .sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_RDMA_WRITE, .send_flags = IBV_SEND_SIGNALED,
        .wr.rdma = { (uintptr_t)end->memory + 4096, end->mr->rkey } }, *bad;
    for (long i = 0; i < 2000; i++) {
        wr.wr_id = i;
        if (ibv_post_send(end->qp, &wr, &bad) != 0)
            return "post";
        struct ibv_wc wc = await_completion(end->cq);
        if (wc.status != IBV_WC_SUCCESS || wc.wr_id != (uint64_t)i)
            return "completion";
    }
    return NULL;
}

static void threads_and_forks(void)
{
    enum { THREADS = 4 };
    struct end ends[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        ends[i] = make_end(NULL, NULL);
        to_init(ends[i].qp);
        connect_to(ends[i].qp, ends[i].qp);
    }
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, hammer, &ends[i]) == 0);
    /* With a daemon's device a child lacks the pages that were registered, and all that lies beside; it may do nothing but begin another program. */
    if (getenv("VRDMA_SOCKET") == NULL) {
        pid_t child = fork();
        if (child == 0)
            _exit(ends[0].memory == NULL);
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    CHECK(system("true") == 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        CHECK(pthread_join(threads[i], &result) == 0 && result == NULL);
    }
    for (int i = 0; i < THREADS; i++)
        free_end(&ends[i]);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    CHECK(ibv_fork_init() == 0);
    int count;
    struct ibv_device **list = ibv_get_device_list(&count);
    REQUIRE(list != NULL && count == 1 && list[1] == NULL);
    context = ibv_open_device(list[0]);
    struct ibv_context *again = ibv_open_device(list[0]);
    REQUIRE(context != NULL && again != NULL && context != again);
    struct ibv_device *device = list[0];
    ibv_free_device_list(list);
    CHECK(ibv_close_device(again) == 0);
    pd = ibv_alloc_pd(context);
    REQUIRE(pd != NULL && ibv_query_gid(context, 1, 0, &gid) == 0);
    registration();
    neighbours();
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, on_the_stack, NULL) == 0 && pthread_join(thread, NULL) == 0);
    builder();
    posting_errors();
    windows();
    events();
    extended_cq();
    datagrams_tell_their_packet_type();
    what_is_not_supported();
    threads_and_forks();
    CHECK(ibv_dealloc_pd(pd) == 0);
    CHECK(ibv_close_device(context) == 0);
    if (getenv("VRDMA_SOCKET") == NULL)
        a_device_in_the_process_keeps_its_address(device);
    return summary();
}
