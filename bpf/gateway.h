/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Connections that lead to the gateway: whether, and where. */
#ifndef WEFT_GATEWAY_H
#define WEFT_GATEWAY_H

#include "address.h"
#include "pick.h"

#define AF_INET 2
#define AF_INET6 10

/* What a Pod's row says of its gateway listener. */
struct listener {
	__be16 port;
	__u8 six;
	__u8 pad;
	struct weft_address own; /* the Pod's address, of the family that is asked for */
};

static __always_inline int is_gateway_address(const struct weft_address *a)
{
	if (is_mapped(a))
		return (a->word[3] & bpf_htonl(WEFT_GATEWAY_FOUR_MASK)) == bpf_htonl(WEFT_GATEWAY_FOUR);
	return a->word[0] == bpf_htonl(WEFT_GATEWAY_SIX_0) && a->word[1] == bpf_htonl(WEFT_GATEWAY_SIX_1);
}

/* The address that names a Service to the gateway, of the family in which it was asked for. */
static __always_inline struct weft_address gateway_address(int four, __u32 service)
{
	if (four)
		return mapped(bpf_htonl(WEFT_GATEWAY_FOUR | (service & ~WEFT_GATEWAY_FOUR_MASK)));
	struct weft_address a = {{bpf_htonl(WEFT_GATEWAY_SIX_0), bpf_htonl(WEFT_GATEWAY_SIX_1), 0, bpf_htonl(service)}};
	return a;
}

static __always_inline int is_same_listener(const struct listener *l, const struct pod *pod, int four)
{
	return l->port == pod->gateway_port && l->six == pod->gateway_six &&
	       same_address(&l->own, four ? &pod->four : &pod->six);
}

/*
 * Copies what the Pod's row says. Twice, as read_frontend: the element may become another Pod's while it is read,
 * and its port is of no use here.
 */
static __always_inline void read_listener(const struct pod_key *key, int four, struct listener *l)
{
	for (int i = 0; i < READ_TRIES; i++) {
		struct pod *pod = bpf_map_lookup_elem(&pods, key);
		if (!pod)
			continue;
		l->port = pod->gateway_port;
		l->six = pod->gateway_six;
		l->own = four ? pod->four : pod->six;
		pod = bpf_map_lookup_elem(&pods, key);
		if (pod && is_same_listener(l, pod, four))
			return;
	}
	l->port = 0;
}

/* Nobody has the listener any more when agent and workers have ended together, as with their container. */
static __always_inline int is_held(__be16 port, int four)
{
	struct gateway_listener_key key = {.port = port, .six = !four};
	struct bpf_sock *listener = bpf_map_lookup_elem(&gateway_listeners, &key);
	if (!listener)
		return 0;
	bpf_sk_release(listener);
	return 1;
}

static __always_inline int is_serving(const struct control *control, __u64 now)
{
	return control && control->gateway_ns && (__s64)(now - control->gateway_ns) < (__s64)WEFT_GATEWAY_STALE_NS;
}

/*
 * Where a TCP connection to a Service goes that has a gateway. True: `p` says it. False: the gateway does not serve, and the
 * Service is then balanced here. agent/compile/pick.ts mirrors it.
 */
static __always_inline int pick_gateway(const struct frontend *f, const struct listener *l, int four, int serving,
					struct pick *p)
{
	if (!serving || !l->port || (!four && !l->six)) {
		if (f->gateway == WEFT_GATEWAY_BYPASS)
			return 0;
		refuse(p, WEFT_REASON_GATEWAY_DOWN);
		return 1;
	}
	p->verdict = WEFT_REDIRECT;
	p->reason = WEFT_REASON_GATEWAY;
	p->address = gateway_address(four, f->service);
	p->port = l->port;
	return 1;
}

#endif
