/* Calls of librdmacm beside those of Debian's programs: shared receive queues of identifiers, and what the device lacks. */
#include <arpa/inet.h>
#include <errno.h>
#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>
#include <rdma/rdma_verbs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checks.h"

static struct sockaddr_in device;

static struct rdma_cm_id *bound(void)
{
    struct rdma_cm_id *id;
    REQUIRE(rdma_create_id(NULL, &id, NULL, RDMA_PS_TCP) == 0 && rdma_bind_addr(id, (struct sockaddr *)&device) == 0);
    return id;
}

static struct ibv_qp_init_attr_ex basic_qp(void)
{
    struct ibv_qp_init_attr_ex attr = { .qp_type = IBV_QPT_RC, .sq_sig_all = 1,
        .cap = { .max_send_wr = 4, .max_recv_wr = 4, .max_send_sge = 1, .max_recv_sge = 1 } };
    return attr;
}

static void shared_receive_queues(void)
{
    struct rdma_cm_id *id = bound();
    struct ibv_srq_init_attr_ex attr = { .attr = { .max_wr = 16, .max_sge = 1 } };
    FAILS(rdma_create_srq_ex(id, &attr), EINVAL);
    attr.comp_mask = IBV_SRQ_INIT_ATTR_TYPE;
    attr.srq_type = IBV_SRQT_XRC;
    FAILS(rdma_create_srq_ex(id, &attr), EOPNOTSUPP);
    attr.srq_type = IBV_SRQT_TM;
    FAILS(rdma_create_srq_ex(id, &attr), EOPNOTSUPP);
    attr.srq_type = IBV_SRQT_BASIC;
    REQUIRE(rdma_create_srq_ex(id, &attr) == 0 && id->srq != NULL && id->pd != NULL && attr.attr.max_wr >= 16);
    struct ibv_srq_init_attr simple = { .attr = { .max_wr = 16, .max_sge = 1 } };
    FAILS(rdma_create_srq(id, NULL, &simple), EINVAL);

    /* A QP without a queue of its own takes the identifier's. */
    struct ibv_qp_init_attr_ex qp = basic_qp();
    REQUIRE(rdma_create_qp_ex(id, &qp) == 0 && id->qp->srq == id->srq && id->qp->pd == id->pd);
    FAILS(rdma_create_qp_ex(id, &qp), EINVAL);
    rdma_destroy_qp(id);
    rdma_destroy_srq(id);
    CHECK(id->srq == NULL && rdma_create_srq(id, NULL, &simple) == 0);
    rdma_destroy_srq(id);
    CHECK(rdma_destroy_id(id) == 0);
}

static void queue_pairs(void)
{
    struct rdma_cm_id *id = bound();
    struct ibv_qp_init_attr_ex qp = basic_qp();
    qp.qp_type = IBV_QPT_XRC_SEND;
    FAILS(rdma_create_qp_ex(id, &qp), EINVAL);
    qp = basic_qp();
    qp.comp_mask = IBV_QP_INIT_ATTR_XRCD;
    FAILS(rdma_create_qp_ex(id, &qp), EOPNOTSUPP);
    qp = basic_qp();
    qp.comp_mask = IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
    qp.send_ops_flags = IBV_QP_EX_WITH_SEND;
    REQUIRE(rdma_create_qp_ex(id, &qp) == 0 && ibv_qp_to_qp_ex(id->qp) != NULL && id->send_cq != NULL && id->recv_cq != NULL);
    rdma_destroy_qp(id);
    CHECK(rdma_destroy_id(id) == 0);

    /* An endpoint for XRC. */
    char name[INET_ADDRSTRLEN];
    struct rdma_addrinfo hints = { .ai_flags = RAI_PASSIVE, .ai_port_space = RDMA_PS_TCP, .ai_qp_type = IBV_QPT_XRC_RECV }, *found;
    REQUIRE(rdma_getaddrinfo(inet_ntop(AF_INET, &device.sin_addr, name, sizeof name), "7100", &hints, &found) == 0);
    struct ibv_qp_init_attr simple = { .qp_type = IBV_QPT_XRC_RECV, .cap = { .max_recv_wr = 4, .max_recv_sge = 1 } };
    struct rdma_cm_id *endpoint = NULL;
    if (CHECK(rdma_create_ep(&endpoint, found, NULL, NULL) == 0)) {
        FAILS(rdma_create_qp(endpoint, NULL, &simple), EOPNOTSUPP);
        rdma_destroy_ep(endpoint);
    }

    rdma_freeaddrinfo(found);
}

static void options_of_vendors(void)
{
    struct rdma_cm_id *id = bound();
    struct ibv_ece ece = { .vendor_id = 0x15b3, .options = 1 };
    FAILS(rdma_set_local_ece(id, &ece), EOPNOTSUPP);
    FAILS(rdma_get_remote_ece(id, &ece), EOPNOTSUPP);
    FAILS(rdma_set_local_ece(id, NULL), EINVAL);
    FAILS(rdma_get_remote_ece(NULL, &ece), EINVAL);
    FAILS(rdma_reject_ece(id, NULL, 0), EOPNOTSUPP);
    struct ibv_qp_init_attr_ex qp = basic_qp();
    REQUIRE(rdma_create_qp_ex(id, &qp) == 0);
    FAILS(rdma_set_local_ece(id, &ece), EINVAL);
    FAILS(rdma_get_remote_ece(id, &ece), EINVAL);
    rdma_destroy_qp(id);
    CHECK(rdma_destroy_id(id) == 0);
}

static void listeners_of_any_address(void)
{
    struct rdma_cm_id *id;
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(7110) };
    REQUIRE(rdma_create_id(NULL, &id, NULL, RDMA_PS_TCP) == 0 && rdma_bind_addr(id, (struct sockaddr *)&six) == 0);
    CHECK(rdma_listen(id, 1) == 0 && rdma_get_src_port(id) == htons(7110) && rdma_destroy_id(id) == 0);
    struct sockaddr_in four = { .sin_family = AF_INET };
    REQUIRE(rdma_create_id(NULL, &id, NULL, RDMA_PS_TCP) == 0 && rdma_bind_addr(id, (struct sockaddr *)&four) == 0);
    CHECK(rdma_listen(id, 1) == 0 && rdma_get_src_port(id) != 0 && rdma_destroy_id(id) == 0);
}

/* libfabric asks for "the local address" so, and takes what it is told then. */
static void the_address_of_the_machine_itself_stands_for_the_device(void)
{
    struct rdma_cm_id *id;
    struct sockaddr_in self = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    REQUIRE(rdma_create_id(NULL, &id, NULL, RDMA_PS_TCP) == 0 && rdma_bind_addr(id, (struct sockaddr *)&self) == 0);
    CHECK(id->verbs != NULL && ((struct sockaddr_in *)rdma_get_local_addr(id))->sin_addr.s_addr == device.sin_addr.s_addr);
    CHECK(rdma_listen(id, 1) == 0 && rdma_destroy_id(id) == 0);
    struct sockaddr_in other = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xC0000201) };
    REQUIRE(rdma_create_id(NULL, &id, NULL, RDMA_PS_TCP) == 0);
    FAILS(rdma_bind_addr(id, (struct sockaddr *)&other), ENODEV);
    CHECK(rdma_destroy_id(id) == 0);
}

/* Programs look at the number alone. */
static void no_device_is_a_list_of_none(void)
{
    pid_t child = fork();
    if (child == 0) {
        setenv("VRDMA_ADDRESS", "192.0.2.1", 1);
        unsetenv("VRDMA_SOCKET");
        int count = 7;
        _exit(rdma_get_devices(&count) == NULL && count == 0 ? 0 : 1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    no_device_is_a_list_of_none();
    device.sin_family = AF_INET;
    REQUIRE(getenv("VRDMA_ADDRESS") != NULL && inet_pton(AF_INET, getenv("VRDMA_ADDRESS"), &device.sin_addr) == 1);
    shared_receive_queues();
    queue_pairs();
    options_of_vendors();
    listeners_of_any_address();
    the_address_of_the_machine_itself_stands_for_the_device();
    return summary();
}
