/* A child of a fork opens a device of its own beside its parent's open one, and the two talk to each other. With the argument "fixed" the address that
   was asked for is the parent's, and the child is told so. */
#include <infiniband/verbs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "checks.h"

/* Says nothing when it holds. */
#define NEED(condition) do { if (!(condition)) require(0, #condition, __LINE__); } while (0)

enum { ROUNDS = 500, PAGE = 4096 };

struct where {
    union ibv_gid gid;
    uint32_t qpn;
};

struct end {
    struct ibv_context *context;
    struct ibv_pd *pd;
    struct ibv_cq *cq;
    struct ibv_mr *mr;
    struct ibv_qp *qp;
    uint64_t *memory; /* A page of its own: a child has no page that was registered. */
    struct where here;
};

static struct ibv_context *open_first(void)
{
    struct ibv_device **devices = ibv_get_device_list(NULL);
    REQUIRE(devices != NULL && devices[0] != NULL);
    struct ibv_context *context = ibv_open_device(devices[0]);
    ibv_free_device_list(devices);
    return context;
}

static void make(struct end *end)
{
    REQUIRE((end->context = open_first()) != NULL);
    REQUIRE(ibv_query_gid(end->context, 1, 0, &end->here.gid) == 0);
    REQUIRE((end->pd = ibv_alloc_pd(end->context)) != NULL);
    REQUIRE((end->cq = ibv_create_cq(end->context, 16, NULL, NULL, 0)) != NULL);
    REQUIRE((end->memory = aligned_alloc(PAGE, PAGE)) != NULL);
    REQUIRE((end->mr = ibv_reg_mr(end->pd, end->memory, PAGE, IBV_ACCESS_LOCAL_WRITE)) != NULL);
    struct ibv_qp_init_attr init = { .send_cq = end->cq, .recv_cq = end->cq, .qp_type = IBV_QPT_RC, .sq_sig_all = 1,
        .cap = { .max_send_wr = 4, .max_recv_wr = 4, .max_send_sge = 1, .max_recv_sge = 1 } };
    REQUIRE((end->qp = ibv_create_qp(end->pd, &init)) != NULL);
    end->here.qpn = end->qp->qp_num;
    struct ibv_qp_attr attr = { .qp_state = IBV_QPS_INIT, .port_num = 1 };
    REQUIRE(ibv_modify_qp(end->qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS) == 0);
}

static void connect_to(struct end *end, struct where *there)
{
    struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RTR, .path_mtu = IBV_MTU_1024, .dest_qp_num = there->qpn, .max_dest_rd_atomic = 1,
        .min_rnr_timer = 12, .ah_attr = { .is_global = 1, .port_num = 1, .grh = { .dgid = there->gid, .hop_limit = 1 } } };
    REQUIRE(ibv_modify_qp(end->qp, &attr, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC
        | IBV_QP_MIN_RNR_TIMER) == 0);
    attr = (struct ibv_qp_attr){ .qp_state = IBV_QPS_RTS, .timeout = 18, .retry_cnt = 7, .rnr_retry = 7, .max_rd_atomic = 1 };
    REQUIRE(ibv_modify_qp(end->qp, &attr, IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN
        | IBV_QP_MAX_QP_RD_ATOMIC) == 0);
}

static void post_receive(struct end *end)
{
    struct ibv_sge sge = { (uintptr_t)&end->memory[1], sizeof(uint64_t), end->mr->lkey };
    struct ibv_recv_wr wr = { .sg_list = &sge, .num_sge = 1 }, *bad;
    NEED(ibv_post_recv(end->qp, &wr, &bad) == 0);
}

/* Sends a number, and gets the same of the other end. */
static void exchange(struct end *end, uint64_t number)
{
    end->memory[0] = number;
    struct ibv_sge sge = { (uintptr_t)&end->memory[0], sizeof(uint64_t), end->mr->lkey };
    struct ibv_send_wr wr = { .sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND }, *bad;
    NEED(ibv_post_send(end->qp, &wr, &bad) == 0);
    time_t limit = time(NULL) + 20;
    for (int completed = 0; completed < 2;) {
        struct ibv_wc wc;
        int count = ibv_poll_cq(end->cq, 1, &wc);
        NEED(count >= 0 && time(NULL) < limit);
        NEED(count == 0 || wc.status == IBV_WC_SUCCESS);
        completed += count;
    }
    NEED(end->memory[1] == number);
    post_receive(end);
}

static void talk(struct end *end, int in, int out)
{
    struct where there;
    post_receive(end);
    REQUIRE(write(out, &end->here, sizeof end->here) == sizeof end->here);
    REQUIRE(read(in, &there, sizeof there) == sizeof there);
    CHECK(memcmp(&there.gid, &end->here.gid, sizeof there.gid) != 0);
    connect_to(end, &there);

    /* Until both can receive. */
    char ready = 0;
    REQUIRE(write(out, &ready, 1) == 1 && read(in, &ready, 1) == 1);
    for (uint64_t i = 1; i <= ROUNDS; i++)
        exchange(end, i);
}

int main(int count, char **arguments)
{
    static struct end parent, child;
    int down[2], up[2];
    int is_fixed = count > 1 && strcmp(arguments[1], "fixed") == 0;
    REQUIRE(pipe(down) == 0 && pipe(up) == 0);
    make(&parent);
    fflush(stdout);
    pid_t process = fork();
    if (process == 0) {
        if (is_fixed) {
            errno = 0;
            CHECK(open_first() == NULL && errno == EBUSY);
        } else {
            make(&child);
            talk(&child, down[0], up[1]);
        }

        /* At once with its last receive, which is answered all the same. */
        exit(summary());
    }
    if (!is_fixed)
        talk(&parent, up[0], down[1]);
    int status = -1;
    CHECK(waitpid(process, &status, 0) == process && status == 0);

    /* The parent's is as it was. */
    CHECK(ibv_destroy_qp(parent.qp) == 0 && ibv_dereg_mr(parent.mr) == 0 && ibv_destroy_cq(parent.cq) == 0 && ibv_dealloc_pd(parent.pd) == 0);
    CHECK(ibv_close_device(parent.context) == 0);
    CHECK(open_first() != NULL);
    return summary();
}
