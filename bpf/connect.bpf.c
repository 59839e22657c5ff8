// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* connect(2): TCP, and UDP sockets that choose one peer. */
#include "gateway.h"
#include "hook.h"
#include <linux/in.h>
#include <linux/in6.h>

/* The Service's name for the new peer, kept with the socket. */
static __always_inline void remember(struct bpf_sock_addr *ctx, const struct pod *pod, const struct frontend *f,
				     const struct endpoint *to, const struct pick *p)
{
	struct socket_name *name = bpf_sk_storage_get(&socket_names, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!name) {
		count_bound(WEFT_COUNT_STORAGE_FULL);
		return;
	}
	if (name->service)
		report_end(name);
	name->service_address = to->address;
	name->backend_address = p->address;
	name->service_port = to->port;
	name->backend_port = p->port;
	name->protocol = ctx->protocol;
	name->state = ctx->protocol == WEFT_UDP ? WEFT_SOCKET_DATAGRAM : WEFT_SOCKET_PICKED;
	name->fins = 0;
	name->reason = p->reason;
	name->service = f->service;
	name->backend = p->backend;
	name->generation = p->generation;
	name->pod = pod->id;
	name->picked_ns = bpf_ktime_get_ns();
	name->established_ns = 0;
	name->received_bytes = 0;
	if (name->protocol != WEFT_UDP)
		return;
	struct datagram_key key = {.cookie = bpf_get_socket_cookie(ctx)};
	struct datagram datagram = {.backend = p->backend, .generation = p->generation};
	if (bpf_map_update_elem(&connected_datagrams, &key, &datagram, BPF_ANY))
		count_bound(WEFT_COUNT_DATAGRAMS_FULL);
	struct flow_event *event = reserve_named_event(WEFT_EVENT_OPEN, name, name->picked_ns);
	if (event)
		submit_event(event);
}

/* A socket that was connected to a Service before is nobody's now. */
static __always_inline void forget(struct bpf_sock_addr *ctx)
{
	struct socket_name *name = bpf_sk_storage_get(&socket_names, ctx->sk, 0, 0);
	if (!name)
		return;
	report_end(name);
	bpf_sk_storage_delete(&socket_names, ctx->sk);
	if (ctx->protocol != WEFT_UDP)
		return;
	struct datagram_key key = {.cookie = bpf_get_socket_cookie(ctx)};
	bpf_map_delete_elem(&connected_datagrams, &key);
}

/* True: `p` says what happens. A socket bound to a device would send its SYN out of that device, so it is balanced here. */
static __always_inline int lead_to_gateway(struct bpf_sock_addr *ctx, const struct pod_key *pod_key,
					   const struct frontend *f, const struct endpoint *to, struct pick *p,
					   struct weft_address *own)
{
	if (f->gateway == WEFT_GATEWAY_NONE || ctx->protocol != WEFT_TCP || ctx->sk->bound_dev_if)
		return 0;
	__u32 zero = 0;
	int four = is_mapped(&to->address);
	struct listener listener = {};
	read_listener(pod_key, four, &listener);
	if (!is_held(listener.port, four))
		listener.port = 0;
	int serving = is_serving(bpf_map_lookup_elem(&control, &zero), bpf_ktime_get_ns());
	*own = listener.own;
	return pick_gateway(f, &listener, four, serving, p);
}

/* Where nobody but a program of ours may lead: the gateway's addresses. */
static __always_inline int decide_direct(struct bpf_sock_addr *ctx, const struct pod *pod, const struct endpoint *to,
					 struct pick *p)
{
	struct frontend nobody = {};
	p->reason = WEFT_REASON_NO_SERVICE;
	if (ctx->protocol != WEFT_TCP || !is_gateway_address(&to->address))
		return 0;
	refuse(p, WEFT_REASON_GATEWAY_DIRECT);
	report_refusal(ctx, pod, &nobody, to, p);
	return 1;
}

/*
 * Fills `p` and returns whether the context is to be rewritten or refused by it. `own`: of a connection to the gateway, the
 * address that the client's socket is to have.
 */
static __always_inline int decide(struct bpf_sock_addr *ctx, const struct endpoint *to, struct pick *p,
				  struct weft_address *own)
{
	struct pod_key pod_key;
	struct pod *pod = pod_of(ctx, &pod_key);
	if (!pod) {
		p->reason = WEFT_REASON_NOT_MESHED;
		return 0;
	}
	if (ctx->protocol != WEFT_TCP && ctx->protocol != WEFT_UDP) {
		p->reason = WEFT_REASON_UNSUPPORTED_SOCKET;
		return 0;
	}
	struct frontend row, *f = &row;
	struct frontend_key key = key_of(ctx, to);
	if (!read_frontend(&key, f)) {
		forget(ctx);
		return decide_direct(ctx, pod, to, p);
	}
	if (bpf_sk_storage_get(&upstreams, ctx->sk, 0, 0)) {
		p->reason = WEFT_REASON_UPSTREAM;
		return 0;
	}
	if (!lead_to_gateway(ctx, &pod_key, f, to, p, own))
		pick_for(&key, f, pod, &pod_key, ctx->protocol == WEFT_TCP, p);
	if (p->verdict == WEFT_REDIRECT)
		remember(ctx, pod, f, to, p);
	else
		forget(ctx);
	if (p->verdict == WEFT_REFUSE)
		report_refusal(ctx, pod, f, to, p);
	return p->verdict != WEFT_PASS;
}

static __always_inline int is_known(const struct weft_address *a)
{
	return a->word[3] || a->word[0];
}

/*
 * getsockname(2) shall tell what it would without a mesh: towards loopback the kernel would choose a loopback address.
 * A socket that is bound already keeps its address: -EINVAL.
 */
static __always_inline void bind4(struct bpf_sock_addr *ctx, const struct weft_address *own)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = own->word[3]};
	if (is_known(own))
		bpf_bind(ctx, (struct sockaddr *)&sa, sizeof(sa));
}

static __always_inline void bind6(struct bpf_sock_addr *ctx, const struct weft_address *own)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6};
	__builtin_memcpy(&sa.sin6_addr, own, sizeof(*own));
	if (is_known(own))
		bpf_bind(ctx, (struct sockaddr *)&sa, sizeof(sa));
}

SEC("cgroup/connect4")
int weft_connect4(struct bpf_sock_addr *ctx)
{
	struct endpoint to = read_endpoint4(ctx);
	struct pick p = {};
	struct weft_address own = {};
	int changed = decide(ctx, &to, &p, &own);
	count_reason(p.reason);
	if (!changed)
		return ALLOW;
	if (p.verdict == WEFT_REDIRECT) {
		if (p.reason == WEFT_REASON_GATEWAY)
			bind4(ctx, &own);
		write_endpoint4(ctx, &p.address, p.port);
		return ALLOW;
	}
	if (has_set_retval) {
		bpf_set_retval(-ECONNREFUSED);
		return DENY;
	}
	/* Nothing ever listens on port 0. */
	struct weft_address nowhere = mapped(bpf_htonl(0x7f000001));
	write_endpoint4(ctx, &nowhere, 0);
	return ALLOW;
}

SEC("cgroup/connect6")
int weft_connect6(struct bpf_sock_addr *ctx)
{
	struct endpoint to = read_endpoint6(ctx);
	struct pick p = {};
	struct weft_address own = {};
	int changed = decide(ctx, &to, &p, &own);
	count_reason(p.reason);
	if (!changed)
		return ALLOW;
	if (p.verdict == WEFT_REDIRECT) {
		if (p.reason == WEFT_REASON_GATEWAY)
			bind6(ctx, &own);
		write_endpoint6(ctx, &p.address, p.port);
		return ALLOW;
	}
	if (has_set_retval) {
		bpf_set_retval(-ECONNREFUSED);
		return DENY;
	}
	struct weft_address nowhere = {{0, 0, 0, bpf_htonl(1)}};
	__be16 port = 0;
	if (is_mapped(&to.address)) {
		nowhere = mapped(bpf_htonl(0x7f000001));
		/* What is sent to a mapped peer is a sendto inside the kernel: EINVAL for port 0. tcpmux has no UDP. */
		if (ctx->protocol == WEFT_UDP)
			port = bpf_htons(1);
	}
	write_endpoint6(ctx, &nowhere, port);
	return ALLOW;
}

char LICENSE[] __weak SEC("license") = "Dual BSD/GPL";
