/* peer_check.c - one operation of one service between two verbs devices, every byte verified at both ends.
 *
 *   responder:  peer_check OPTIONS            requester:  peer_check OPTIONS ADDRESS
 *   -d DEVICE (first)  -g GID-INDEX (0)  -m PATH-MTU (1024)  -p TCP-PORT (18800)  -c rc|uc|ud (rc)
 *   -o send|send_inv|write|read|fetch_add|cmp_swap (send)  -n ROUNDS (3)  -t ACK-TIMEOUT (17)
 *   -l   the network loses packets: unreliable services may miss messages, and the last line says how many, but nothing may be wrong
 *
 * Both ends get the same -m -c -o -n -l. A round is BATCH messages under way at once; their lengths lie around multiples of the path MTU, every
 * second SEND and WRITE has immediate data; the last SEND of a round of send_inv invalidates a window's key, which opened memory before and does not after. Byte i of a message with seed s is (i * 31 + s) & 255, around each message lies a margin that nobody may touch.
 * Exit status 0: every completion, every byte and every margin was right. The last line of standard output counts what was verified.
 *
 *   gcc -O2 -Wall -o peer_check peer_check.c -libverbs
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <infiniband/verbs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 8
#define MARGIN 64
#define LONGEST 65536
#define SLOT (MARGIN + LONGEST + MARGIN)
#define MINE 0                          /* what this end sends from or reads into */
#define OTHERS (BATCH * SLOT)           /* what arrives, is written or is read */
#define WORDS (2 * BATCH * SLOT)        /* what atomics work on */
#define SPAN (WORDS + 4096)
#define UNTOUCHED 0xee
#define QKEY 0x11111111u
#define GRH 40

enum operation { SEND, SEND_INV, WRITE, READ, FETCH_ADD, CMP_SWAP };
static const char *const operations[] = { "send", "send_inv", "write", "read", "fetch_add", "cmp_swap" };

struct end {                            /* what the ends tell each other */
	uint32_t qpn, psn, rkey, window_key;
	uint64_t address;
	union ibv_gid gid;
};

static int pmtu = 1024, rounds = 3, ack_timeout = 17, lossy, requester, control;
static enum operation operation;
static enum ibv_qp_type service = IBV_QPT_RC;
static struct ibv_pd *pd;
static struct ibv_mr *mr;
static struct ibv_cq *send_cq, *receive_cq;
static struct ibv_qp *qp;
static struct ibv_ah *ah;
static struct ibv_mw *window;
static unsigned char *memory;
static struct end me, peer;
static long messages, missing, bytes;

static void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "peer_check %s: ", requester ? "requester" : "responder");
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

/* ---- the other end, by TCP ---- */

static void exchange(const void *out, void *in, size_t length)
{
	size_t got = 0;
	ssize_t n;

	if (write(control, out, length) != (ssize_t)length)
		fail("the other end is gone");
	for (; got < length; got += n) {
		n = read(control, (char *)in + got, length - got);
		if (n <= 0)
			fail("the other end is gone");
	}
}

static void meet(void)
{
	char out = 'm', in;

	exchange(&out, &in, 1);
}

static void connect_control(const char *host, int port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int one = 1, listener = socket(AF_INET6, SOCK_STREAM, 0);
	char text[64];

	if (host) {
		snprintf(text, sizeof text, strchr(host, ':') ? "%s" : "::ffff:%s", host);
		if (inet_pton(AF_INET6, text, &address.sin6_addr) != 1)
			fail("%s is no address", host);
		control = listener;
		for (int tries = 0; connect(control, (void *)&address, sizeof address); tries++) {
			if (tries == 500)
				fail("nobody listens at %s", host);
			usleep(20000);
			close(control);
			control = socket(AF_INET6, SOCK_STREAM, 0);
		}
	} else {
		setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (bind(listener, (void *)&address, sizeof address) || listen(listener, 1))
			fail("port %d: %s", port, strerror(errno));
		control = accept(listener, NULL, NULL);
	}
	setsockopt(control, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* ---- patterns ---- */

static unsigned char *slot(int area, int index) { return memory + area + index * SLOT + MARGIN; }

static void fill(unsigned char *at, int length, int seed)
{
	for (int i = 0; i < length; i++)
		at[i] = i * 31 + seed;
}

static void clear(int area) { memset(memory + area, UNTOUCHED, BATCH * SLOT); }

/* Where the first wrong byte is; with gaps, bytes that never came are not wrong. -1: all is right. */
static int first_wrong(const unsigned char *at, int length, int seed, int gaps, int *came)
{
	*came = 1;
	for (int i = 0; i < length; i++) {
		if (at[i] == (unsigned char)(i * 31 + seed))
			continue;
		if (!gaps || at[i] != UNTOUCHED)
			return i;
		*came = 0;
	}
	return -1;
}

static void verify(int area, int index, int offset, int length, int seed, int gaps)
{
	const unsigned char *at = slot(area, index) + offset;
	int came, wrong = first_wrong(at, length, seed, gaps, &came);

	if (wrong >= 0)
		fail("%s of %d bytes with seed %d: byte %d is %02x", operations[operation], length, seed & 255, wrong, at[wrong]);
	for (int i = 1; i <= MARGIN - offset; i++)
		if (at[-offset - i] != UNTOUCHED)
			fail("%s of %d bytes: byte %d before it was touched", operations[operation], length, i);
	/* The first packets of a SEND that was lost were where this one is now. */
	for (int i = 0; i < MARGIN - offset && !(lossy && service == IBV_QPT_UC && operation == SEND); i++)
		if (at[length + i] != UNTOUCHED)
			fail("%s of %d bytes: byte %d behind it was touched", operations[operation], length, i);
	if (came) {
		messages++;
		bytes += length;
	} else
		missing++;
}

/* ---- verbs ---- */

static int poll_one(struct ibv_cq *cq, struct ibv_wc *wc, int patience_ms)
{
	struct timespec now, end;
	int n;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += patience_ms / 1000;
	end.tv_nsec += patience_ms % 1000 * 1000000L;
	while (!(n = ibv_poll_cq(cq, 1, wc))) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > end.tv_sec + (end.tv_nsec >= 1000000000L) ||
		    (now.tv_sec >= end.tv_sec + end.tv_nsec / 1000000000L && now.tv_nsec > end.tv_nsec % 1000000000L))
			return 0;
		usleep(100);
	}
	if (n < 0)
		fail("ibv_poll_cq");
	return 1;
}

static void completed(struct ibv_cq *cq, struct ibv_wc *wc, const char *what)
{
	if (!poll_one(cq, wc, 30000))
		fail("%s: no completion in 30 s", what);
	if (wc->status)
		fail("%s: %s (%d)", what, ibv_wc_status_str(wc->status), wc->status);
}

static void modify(struct ibv_qp_attr *attributes, int mask, const char *to)
{
	int error = ibv_modify_qp(qp, attributes, mask | IBV_QP_STATE);

	if (error)
		fail("to %s: %s", to, strerror(error));
}

static void open_qp(int gid_index, const union ibv_gid *gid)
{
	struct ibv_qp_init_attr create = {
		.send_cq = send_cq, .recv_cq = receive_cq, .qp_type = service,
		.cap = { .max_send_wr = 2 * BATCH, .max_recv_wr = 2 * BATCH, .max_send_sge = 2, .max_recv_sge = 2 } };
	struct ibv_ah_attr path = { .is_global = 1, .port_num = 1, .grh = { .sgid_index = gid_index, .hop_limit = 64 } };
	struct ibv_qp_attr init = { .qp_state = IBV_QPS_INIT, .port_num = 1, .qkey = QKEY, .qp_access_flags =
		IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | (service == IBV_QPT_RC ? IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC : 0) };
	struct ibv_qp_attr ready = { .qp_state = IBV_QPS_RTR, .max_dest_rd_atomic = 4, .min_rnr_timer = 12 };
	/* 7 retries are endless to rxe, and a QP in error never answers: its refusal may have been lost. */
	struct ibv_qp_attr sending = { .qp_state = IBV_QPS_RTS, .timeout = ack_timeout, .retry_cnt = 6, .rnr_retry = 7, .max_rd_atomic = 4 };
	int ud = service == IBV_QPT_UD, rc = service == IBV_QPT_RC;

	qp = ibv_create_qp(pd, &create);
	if (!qp)
		fail("ibv_create_qp: %s", strerror(errno));
	modify(&init, IBV_QP_PKEY_INDEX | IBV_QP_PORT | (ud ? IBV_QP_QKEY : IBV_QP_ACCESS_FLAGS), "INIT");
	/* Both ends' PSNs wrap around early on. */
	me = (struct end){ qp->qp_num, requester ? 0xfffff0 : 0xfffff7, mr->rkey, 0, (uintptr_t)memory, *gid };
	exchange(&me, &peer, sizeof me);
	path.grh.dgid = peer.gid;
	ready.ah_attr = path;
	ready.path_mtu = pmtu == 256 ? IBV_MTU_256 : pmtu == 512 ? IBV_MTU_512 : pmtu == 1024 ? IBV_MTU_1024 : pmtu == 2048 ? IBV_MTU_2048 : IBV_MTU_4096;
	ready.dest_qp_num = peer.qpn;
	ready.rq_psn = peer.psn;
	modify(&ready, (ud ? 0 : IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN)
		| (rc ? IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER : 0), "RTR");
	sending.sq_psn = me.psn;
	modify(&sending, IBV_QP_SQ_PSN | (rc ? IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC : 0), "RTS");
	if (ud && !(ah = ibv_create_ah(pd, &path)))
		fail("ibv_create_ah: %s", strerror(errno));
	meet();
}

static void post_receive(int index, int length)
{
	struct ibv_sge sge = { (uintptr_t)slot(OTHERS, index), length, mr->lkey };
	struct ibv_recv_wr wr = { .wr_id = index, .sg_list = &sge, .num_sge = 1 }, *bad;
	int error = ibv_post_recv(qp, &wr, &bad);

	if (error)
		fail("ibv_post_recv: %s", strerror(error));
}

static void post(struct ibv_send_wr *wr, void *from, int length)
{
	/* Two pieces, the first of which ends anywhere. */
	int first = length > 100 ? 37 : length;
	struct ibv_sge sge[2] = { { (uintptr_t)from, first, mr->lkey }, { (uintptr_t)from + first, length - first, mr->lkey } };
	struct ibv_send_wr *bad;
	int error;

	wr->sg_list = sge;
	wr->num_sge = length == 0 ? 0 : length > first ? 2 : 1;
	wr->send_flags = IBV_SEND_SIGNALED;
	if (service == IBV_QPT_UD) {
		wr->wr.ud.ah = ah;
		wr->wr.ud.remote_qpn = peer.qpn;
		wr->wr.ud.remote_qkey = QKEY;
	}
	error = ibv_post_send(qp, wr, &bad);
	if (error)
		fail("ibv_post_send: %s", strerror(error));
}

/* ---- rounds ---- */

static int length_of(int message)
{
	int lengths[] = { 0, 1, 2, 3, 4, 5, 8, 63, 64, pmtu - 1, pmtu, pmtu + 1, 2 * pmtu, 3 * pmtu + 3, 8 * pmtu - 1, LONGEST };
	int n = sizeof lengths / sizeof *lengths, length = lengths[message * 5 % n];

	return service == IBV_QPT_UD && length > pmtu ? pmtu - length % 7 : length;
}

static uint32_t immediate_of(int message) { return 0x01020304u * (message + 1); }
static int has_immediate(int message) { return operation != SEND_INV && message % 2; }
static int is_send(void) { return operation == SEND || operation == SEND_INV; }

static void request_batch(int base)
{
	struct ibv_wc wc;

	clear(MINE);
	if (operation != READ)
		for (int i = 0; i < BATCH; i++)
			fill(slot(MINE, i), length_of(base + i), base + i);
	meet();
	for (int i = 0; i < BATCH; i++) {
		struct ibv_send_wr wr = { .wr_id = i };

		wr.imm_data = htonl(immediate_of(base + i));
		wr.wr.rdma.remote_addr = peer.address + (slot(OTHERS, i) - memory);
		wr.wr.rdma.rkey = peer.rkey;
		switch (operation) {
		case WRITE: wr.opcode = has_immediate(base + i) ? IBV_WR_RDMA_WRITE_WITH_IMM : IBV_WR_RDMA_WRITE; break;
		case READ: wr.opcode = IBV_WR_RDMA_READ; break;
		default: wr.opcode = has_immediate(base + i) ? IBV_WR_SEND_WITH_IMM : IBV_WR_SEND; break;
		}
		if (operation == SEND_INV && i == BATCH - 1) {
			wr.opcode = IBV_WR_SEND_WITH_INV;
			wr.invalidate_rkey = peer.window_key;
		}
		post(&wr, slot(MINE, i), length_of(base + i));
	}
	for (int i = 0; i < BATCH; i++) {
		completed(send_cq, &wc, "request");
		if ((int)wc.wr_id != i)
			fail("request %d completed in the place of %d", (int)wc.wr_id, i);
	}
	for (int i = 0; i < BATCH && operation == READ; i++)
		verify(MINE, i, 0, length_of(base + i), base + i, 0);
	if (operation != READ)
		messages += BATCH;
	meet();
}

static void bind_window(void)
{
	struct ibv_send_wr wr = { .opcode = IBV_WR_BIND_MW, .send_flags = IBV_SEND_SIGNALED }, *bad;
	struct ibv_wc wc;

	if (operation != SEND_INV)
		return;
	if (!requester) {
		wr.bind_mw.mw = window;
		wr.bind_mw.rkey = ibv_inc_rkey(window->rkey);
		wr.bind_mw.bind_info = (struct ibv_mw_bind_info){ mr, (uintptr_t)memory, SPAN, IBV_ACCESS_REMOTE_WRITE };
		if (ibv_post_send(qp, &wr, &bad))
			fail("binding a window");
		completed(send_cq, &wc, "binding a window");
		me.window_key = window->rkey = wr.bind_mw.rkey;
	}
	exchange(&me, &peer, sizeof me);
}

/* Whether the window opens a word to the requester: it does until its key is invalidated. */
static void try_window(int opens)
{
	struct ibv_send_wr wr = { .opcode = IBV_WR_RDMA_WRITE };
	struct ibv_wc wc;

	if (operation != SEND_INV)
		return;
	if (requester) {
		wr.wr.rdma.remote_addr = peer.address + WORDS;
		wr.wr.rdma.rkey = peer.window_key;
		fill(slot(MINE, 0), 8, opens);
		post(&wr, slot(MINE, 0), 8);
		if (!poll_one(send_cq, &wc, 30000))
			fail("a window: no completion in 30 s");
		/* A refusal that is lost is not repeated by a QP that is in error since. */
		if (wc.status != (opens ? IBV_WC_SUCCESS : IBV_WC_REM_ACCESS_ERR) && !(lossy && !opens && wc.status == IBV_WC_RETRY_EXC_ERR))
			fail("a window that is %s: %s", opens ? "open" : "invalidated", ibv_wc_status_str(wc.status));
	}
	meet();
	if (!requester) {
		for (int i = 0; i < 8; i++)
			if (memory[WORDS + i] != (opens ? (unsigned char)(i * 31 + 1) : 0))
				fail("through a window that is %s byte %d became %02x", opens ? "open" : "invalidated", i, memory[WORDS + i]);
		memset(memory + WORDS, 0, 8);
	}
	meet();
}

static void check_arrived(const struct ibv_wc *wc, int message)
{
	int expected = length_of(message) + (service == IBV_QPT_UD ? GRH : 0);

	if (is_send() && (int)wc->byte_len != expected)
		fail("message of %d bytes came with %u", expected, wc->byte_len);
	if (!!(wc->wc_flags & IBV_WC_WITH_IMM) != has_immediate(message))
		fail("message %d and its immediate data", message);
	if (has_immediate(message) && ntohl(wc->imm_data) != immediate_of(message))
		fail("immediate data are %x", ntohl(wc->imm_data));
	/* rxe hands on the kernel's number of the flag, which is another flag's here. */
	if (operation == SEND_INV && message % BATCH == BATCH - 1
	    && (!(wc->wc_flags & (IBV_WC_WITH_INV | IBV_WC_IP_CSUM_OK)) || wc->invalidated_rkey != me.window_key))
		fail("key %x was not invalidated", me.window_key);
}

/* Whether what came, on a network that loses messages, is this one. */
static int may_be(const struct ibv_wc *wc, int message)
{
	int grh = service == IBV_QPT_UD ? GRH : 0, length = length_of(message), came;

	if (has_immediate(message) != !!(wc->wc_flags & IBV_WC_WITH_IMM))
		return 0;
	if (has_immediate(message) && ntohl(wc->imm_data) != immediate_of(message))
		return 0;
	return !is_send() || ((int)wc->byte_len == length + grh
		&& first_wrong(slot(OTHERS, (int)wc->wr_id) + grh, length, message, 0, &came) < 0);
}

/* The receives of messages that were lost wait for those of the next batch. */
static int posted[BATCH], last_message = -1;

static int receive_batch(int base)
{
	int unreliable = lossy && service != IBV_QPT_RC, grh = service == IBV_QPT_UD ? GRH : 0, received = 0, expected = 0;
	struct ibv_wc wc;

	for (int i = 0; i < BATCH; i++)
		expected += is_send() || (operation == WRITE && has_immediate(base + i));
	while (received < expected) {
		int message = last_message + 1;

		if (!unreliable)
			completed(receive_cq, &wc, "receive");
		else if (!poll_one(receive_cq, &wc, 500))
			break;
		else if (wc.status)
			fail("receive: %s", ibv_wc_status_str(wc.status));
		while (message < base + BATCH && (unreliable ? !may_be(&wc, message) : operation == WRITE && !has_immediate(message)))
			message++;
		if (message >= base + BATCH)
			fail("a message of %u bytes that nobody sent", wc.byte_len);
		last_message = message;
		check_arrived(&wc, message);
		if (is_send())
			verify(OTHERS, (int)wc.wr_id, grh, length_of(message), message, 0);
		posted[wc.wr_id] = 0;
		received++;
	}
	return expected - received;
}

static void respond_batch(int base)
{
	int unreliable = lossy && service != IBV_QPT_RC, lost;

	for (int i = 0; i < BATCH; i++) {
		if (!is_send() || !posted[i])
			memset(slot(OTHERS, i) - MARGIN, UNTOUCHED, SLOT);
		if (operation == READ)
			fill(slot(OTHERS, i), length_of(base + i), base + i);
		if (!posted[i] && (is_send() || operation == WRITE)) {
			post_receive(i, operation == WRITE ? 0 : LONGEST);
			posted[i] = 1;
		}
	}
	meet();
	if (unreliable)                         /* what this message does not overtake is lost */
		meet();
	lost = receive_batch(base);
	if (is_send())
		missing += lost;
	if (!unreliable)
		meet();
	for (int i = 0; i < BATCH && operation == WRITE; i++)
		verify(OTHERS, i, 0, length_of(base + i), base + i, unreliable);
	for (int i = 0; i < BATCH && operation == READ; i++)
		verify(OTHERS, i, 0, length_of(base + i), base + i, 0);
}

/* ---- atomics: both ends follow what the words should hold ---- */

static uint64_t *word(int index) { return (uint64_t *)(memory + WORDS) + 3 * index; }

static uint64_t model[3];

/* What message does to its word: the operands; returns what the word held before. */
static uint64_t follow(int message, struct ibv_send_wr *wr)
{
	uint64_t *held = &model[message % 3], before = *held, value = 0x9e3779b97f4a7c15u * (message + 1);

	if (operation == FETCH_ADD) {
		wr->wr.atomic.compare_add = value;
		*held += value;
	} else {
		int equal = message % 4 != 3;

		wr->wr.atomic.compare_add = equal ? before : before + 1;
		wr->wr.atomic.swap = value;
		if (equal)
			*held = value;
	}
	return before;
}

static void atomic_batch(int base)
{
	uint64_t before[BATCH];
	struct ibv_wc wc;

	clear(MINE);
	meet();
	for (int i = 0; i < BATCH; i++) {
		struct ibv_send_wr wr = { .wr_id = i, .opcode = operation == FETCH_ADD ? IBV_WR_ATOMIC_FETCH_AND_ADD : IBV_WR_ATOMIC_CMP_AND_SWP };

		before[i] = follow(base + i, &wr);
		wr.wr.atomic.remote_addr = peer.address + ((unsigned char *)word((base + i) % 3) - memory);
		wr.wr.atomic.rkey = peer.rkey;
		if (requester)
			post(&wr, slot(MINE, i), 8);
	}
	for (int i = 0; i < BATCH && requester; i++) {
		completed(send_cq, &wc, "atomic");
		if (memcmp(slot(MINE, i), &before[i], 8))
			fail("%s %d returned %016llx instead of %016llx", operations[operation], base + i,
				(unsigned long long)*(uint64_t *)slot(MINE, i), (unsigned long long)before[i]);
	}
	meet();
	for (int i = 0; i < 3 && !requester; i++)
		if (*word(i) != model[i] || word(i)[1] || word(i)[2])
			fail("word %d holds %016llx instead of %016llx", i, (unsigned long long)*word(i), (unsigned long long)model[i]);
	messages += BATCH;
	bytes += 8 * BATCH;
}

/* ---- main ---- */

static int index_of(const char *name, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(name, names[i]))
			return i;
	fprintf(stderr, "peer_check: what is %s?\n", name);
	exit(2);
}

static void open_memory(struct ibv_context *context)
{
	pd = ibv_alloc_pd(context);
	send_cq = ibv_create_cq(context, 64, NULL, NULL, 0);
	receive_cq = ibv_create_cq(context, 64, NULL, NULL, 0);
	memory = aligned_alloc(4096, (SPAN + 4095) & ~4095);
	memset(memory, UNTOUCHED, SPAN);
	memset(memory + WORDS, 0, SPAN - WORDS);
	mr = pd ? ibv_reg_mr(pd, memory, SPAN, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ
		| IBV_ACCESS_REMOTE_ATOMIC | (operation == SEND_INV ? IBV_ACCESS_MW_BIND : 0)) : NULL;
	if (!pd || !send_cq || !receive_cq || !mr)
		fail("verbs objects: %s", strerror(errno));
	if (operation == SEND_INV && !(window = ibv_alloc_mw(pd, IBV_MW_TYPE_2)))
		fail("ibv_alloc_mw: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	static const char *const services[] = { "rc", "uc", "ud" };
	static const enum ibv_qp_type types[] = { IBV_QPT_RC, IBV_QPT_UC, IBV_QPT_UD };
	int option, port = 18800, gid_index = 0, count;
	const char *name = NULL;
	struct ibv_device **devices = ibv_get_device_list(&count);
	struct ibv_context *context = NULL;
	union ibv_gid gid;

	while ((option = getopt(argc, argv, "d:g:m:p:c:o:n:t:l")) != -1)
		switch (option) {
		case 'd': name = optarg; break;
		case 'g': gid_index = atoi(optarg); break;
		case 'm': pmtu = atoi(optarg); break;
		case 'p': port = atoi(optarg); break;
		case 'c': service = types[index_of(optarg, services, 3)]; break;
		case 'o': operation = index_of(optarg, operations, 6); break;
		case 'n': rounds = atoi(optarg); break;
		case 't': ack_timeout = atoi(optarg); break;
		case 'l': lossy = 1; break;
		default: return 2;
		}
	requester = optind < argc;
	for (int i = 0; devices && i < count && !context; i++)
		if (!name || !strcmp(ibv_get_device_name(devices[i]), name))
			context = ibv_open_device(devices[i]);
	if (!context || ibv_query_gid(context, 1, gid_index, &gid))
		fail("no device or no GID %d", gid_index);
	open_memory(context);
	connect_control(argv[optind], port);
	open_qp(gid_index, &gid);
	for (int i = 0; i < rounds; i++) {
		bind_window();
		try_window(1);
		if (operation >= FETCH_ADD)
			atomic_batch(i * BATCH);
		else if (requester)
			request_batch(i * BATCH);
		else
			respond_batch(i * BATCH);
	}
	try_window(0);
	if (ah)
		ibv_destroy_ah(ah);
	ibv_destroy_qp(qp);
	meet();
	if (missing && (service == IBV_QPT_RC || !lossy || !messages))
		fail("%ld messages came, %ld are missing", messages, missing);
	printf("verified %ld messages, %ld bytes, %ld missing\n", messages, bytes, missing);
	return 0;
}
