// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * The life of a redirected TCP connection. +1 in flight when the SYN is about to
 * be sent, -1 when the state becomes CLOSE: exact through refusals, resets and
 * closes before established, where counting in connect4 or by sock_release is not.
 */
#include "address.h"
#include "count.h"

/* include/net/tcp_states.h */
#define TCP_ESTABLISHED 1
#define TCP_FIN_WAIT1 4
#define TCP_FIN_WAIT2 5
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8
#define TCP_LAST_ACK 9
#define TCP_CLOSING 11

static __always_inline void add_inflight(const struct socket_name *name, __s32 by)
{
	struct backend_state *b = bpf_map_lookup_elem(&backend_states, &name->backend);
	if (b)
		__sync_fetch_and_add(&b->inflight, by);
	struct service_state *s = bpf_map_lookup_elem(&service_states, &name->service);
	if (s)
		__sync_fetch_and_add(&s->inflight, by);
}

/* A connection to the gateway, which tells of requests itself: it is in flight to no backend and no edge of the graph. */
static __always_inline int is_to_gateway(const struct socket_name *name)
{
	return name->reason == WEFT_REASON_GATEWAY;
}

/* An IPv6 socket that is connected to a mapped address has the packets of IPv4. */
static __always_inline struct admission_key admission_of(struct bpf_sock_ops *ops, const struct socket_name *name)
{
	struct admission_key key = {
		.gateway = name->backend_address,
		.gateway_port = name->backend_port,
		.client_port = bpf_htons(ops->local_port),
	};
	__be32 four = ops->local_ip4;
	/* Else clang makes one load of one of two places in the context, which the verifier refuses. */
	asm volatile("" : "+r"(four));
	key.client.word[0] = ops->local_ip6[0];
	key.client.word[1] = ops->local_ip6[1];
	key.client.word[2] = ops->local_ip6[2];
	key.client.word[3] = ops->local_ip6[3];
	if (is_mapped(&key.gateway))
		key.client = mapped(four);
	return key;
}

static __always_inline void admit(struct bpf_sock_ops *ops, const struct socket_name *name)
{
	struct admission_key key = admission_of(ops, name);
	struct admission admission = {.service = name->service};
	bpf_map_update_elem(&admissions, &key, &admission, BPF_ANY);
}

static __always_inline void on_connecting(struct bpf_sock_ops *ops, struct socket_name *name)
{
	if (name->state != WEFT_SOCKET_PICKED)
		return;
	name->state = WEFT_SOCKET_CONNECTING;
	if (is_to_gateway(name))
		admit(ops, name);
	else
		add_inflight(name, 1);
	bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
}

static __always_inline void count_opened(const struct socket_name *name, __u64 connect_ns)
{
	struct backend_state *b = bpf_map_lookup_elem(&backend_states, &name->backend);
	if (b) {
		__sync_fetch_and_add(&b->opened, 1);
		__sync_fetch_and_add(&b->connect_ns, connect_ns);
	}
	struct edge opened = {.opened = 1};
	add_to_edge(name, &opened);
}

static __always_inline void on_established(struct socket_name *name)
{
	if (name->state != WEFT_SOCKET_CONNECTING)
		return;
	__u64 now = bpf_ktime_get_ns();
	name->state = WEFT_SOCKET_ESTABLISHED;
	name->established_ns = now;
	if (!is_to_gateway(name))
		count_opened(name, now - name->picked_ns);
	struct flow_event *event = reserve_named_event(WEFT_EVENT_OPEN, name, now);
	if (event) {
		event->connect_ns = now - name->picked_ns;
		submit_event(event);
	}
}

/* Whether the peer acknowledged our FIN, and so the kernel counts it among the bytes sent. */
static __always_inline int sent_fin(struct bpf_sock_ops *ops, __u32 state)
{
	if (state == TCP_FIN_WAIT2)
		return 1;
	return (state == TCP_FIN_WAIT1 || state == TCP_LAST_ACK || state == TCP_CLOSING) && ops->snd_una == ops->snd_nxt;
}

/*
 * Whether the peer's FIN is among the bytes received. From FIN_WAIT2 a socket closes when it comes, or, released, at
 * once: then only if it came together with the acknowledgement of ours.
 */
static __always_inline int received_fin(struct bpf_sock_ops *ops, const struct socket_name *name, __u32 state)
{
	if (name->fins & WEFT_FIN_RECEIVED)
		return 1;
	if (state != TCP_FIN_WAIT2 || name->fins & WEFT_FIN_ABANDONED)
		return 0;
	return !(name->fins & WEFT_FIN_RELEASED) || ops->bytes_received != name->received_bytes;
}

static __always_inline void on_closed(struct bpf_sock_ops *ops, struct socket_name *name)
{
	__u32 state = ops->args[0];
	__u64 sent = ops->bytes_acked - 1 - sent_fin(ops, state); /* 1: the SYN */
	__u64 received = ops->bytes_received - received_fin(ops, name, state);
	struct edge closed = {.closed = 1, .sent_bytes = sent, .received_bytes = received};
	if (!is_to_gateway(name))
		add_to_edge(name, &closed);
	struct flow_event *event = reserve_named_event(WEFT_EVENT_CLOSE, name, bpf_ktime_get_ns());
	if (event) {
		event->connect_ns = name->established_ns - name->picked_ns;
		event->duration_ns = event->time_ns - name->picked_ns;
		event->sent_bytes = sent;
		event->received_bytes = received;
		event->srtt_us = ops->srtt_us >> 3; /* the kernel keeps eight times the smoothed RTT */
		submit_event(event);
	}
}

static __always_inline void on_close(struct bpf_sock_ops *ops, struct socket_name *name)
{
	__u8 state = name->state;
	if (state != WEFT_SOCKET_CONNECTING && state != WEFT_SOCKET_ESTABLISHED)
		return;
	name->state = WEFT_SOCKET_CLOSED;
	if (is_to_gateway(name)) {
		struct admission_key key = admission_of(ops, name);
		bpf_map_delete_elem(&admissions, &key);
	} else {
		add_inflight(name, -1);
	}
	if (state == WEFT_SOCKET_CONNECTING)
		report_failure(name);
	else
		on_closed(ops, name);
}

static __always_inline void on_state(struct bpf_sock_ops *ops, struct socket_name *name)
{
	switch (ops->args[1]) {
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
		name->fins |= WEFT_FIN_RECEIVED;
		break;
	case TCP_FIN_WAIT2:
		name->fins |= WEFT_FIN_ACKED;
		name->received_bytes = ops->bytes_received;
		break;
	case TCP_CLOSE:
		on_close(ops, name);
	}
}

SEC("sockops")
int weft_connection(struct bpf_sock_ops *ops)
{
	__u32 op = ops->op;
	if (op != BPF_SOCK_OPS_TCP_CONNECT_CB && op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	    op != BPF_SOCK_OPS_STATE_CB)
		return 1;
	/* Comes right before ACTIVE_ESTABLISHED, inside connect(2). */
	if (op == BPF_SOCK_OPS_STATE_CB && ops->args[1] == TCP_ESTABLISHED)
		return 1;
	struct bpf_sock *sk = ops->sk;
	if (!sk)
		return 1;
	struct socket_name *name = bpf_sk_storage_get(&socket_names, sk, 0, 0);
	if (!name)
		return 1;
	if (op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		on_connecting(ops, name);
	else if (op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		on_established(name);
	else
		on_state(ops, name);
	return 1;
}

/* What never became a connection (no route, connected UDP) ends with its socket. */
SEC("cgroup/sock_release")
int weft_sock_release(struct bpf_sock *sk)
{
	struct socket_name *name = bpf_sk_storage_get(&socket_names, sk, 0, 0);
	if (!name)
		return 1;
	report_end(name);
	name->fins |= name->fins & WEFT_FIN_ACKED ? WEFT_FIN_ABANDONED : WEFT_FIN_RELEASED;
	if (name->state == WEFT_SOCKET_DATAGRAM) {
		struct datagram_key key = {.cookie = bpf_get_socket_cookie(sk)};
		bpf_map_delete_elem(&connected_datagrams, &key);
	}
	return 1;
}

char LICENSE[] __weak SEC("license") = "Dual BSD/GPL";
