/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the sock_addr hooks share: who asks, what for, and how a refusal is told. */
#ifndef WEFT_HOOK_H
#define WEFT_HOOK_H

#include "address.h"
#include "pick.h"

#define ECONNREFUSED 111
#define ALLOW 1
#define DENY 0

/* Probed at start: bpf_set_retval in sock_addr programs (5.18). Without it a refusal is a rewrite. */
const volatile __u32 has_set_retval __weak = 0;

/* The meshed Pod whose namespace the socket is in, or NULL. A miss is asked again: see read_frontend. */
static __always_inline struct pod *pod_of(struct bpf_sock_addr *ctx, struct pod_key *key)
{
	key->netns = bpf_get_netns_cookie(ctx);
	struct pod *pod = bpf_map_lookup_elem(&pods, key);
	return pod ? pod : bpf_map_lookup_elem(&pods, key);
}

static __always_inline struct frontend_key key_of(struct bpf_sock_addr *ctx, const struct endpoint *to)
{
	struct frontend_key key = {.address = to->address, .port = to->port, .protocol = ctx->protocol};
	return key;
}

static __always_inline void pick_for(const struct frontend_key *key, struct frontend *f, const struct pod *pod,
				     const struct pod_key *pod_key, int connection, struct pick *p)
{
	struct client client = {
		.netns = pod_key->netns,
		.hash = is_mapped(&key->address) ? pod->hash4 : pod->hash6,
	};
	pick_alive(key, f, &client, connection, p);
}

static __always_inline void report_refusal(struct bpf_sock_addr *ctx, const struct pod *pod, const struct frontend *f,
					   const struct endpoint *to, const struct pick *p)
{
	struct flow_event *event = reserve_event(WEFT_EVENT_REFUSE, bpf_ktime_get_ns());
	if (!event)
		return;
	event->service_address = to->address;
	event->service_port = to->port;
	event->verdict = p->verdict;
	event->reason = p->reason;
	event->protocol = ctx->protocol;
	event->pod = pod->id;
	event->service = f->service;
	submit_event(event);
}

#endif
