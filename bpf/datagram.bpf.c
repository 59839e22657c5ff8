// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * sendto(2) and recvfrom(2) of UDP. One socket may talk to several Services at
 * once; a pick sticks per (socket, Service) while its backend lives, and replies
 * are named after the Service that was addressed.
 */
#include "hook.h"

/*
 * Under the lock: leaves the index of the Service's place in d->found, or
 * WEFT_PEERS. The index goes through memory so that the verifier sees one
 * unknown number after the loop, not one path for each place.
 */
static __always_inline void find_place(struct datagram_peers *d, const struct endpoint *service)
{
	d->found = WEFT_PEERS;
	for (__u32 i = 0; i < WEFT_PEERS; i++) {
		struct peer *p = &d->peers[i];
		if (p->service && p->service_port == service->port &&
		    same_address(&p->service_address, &service->address))
			d->found = i;
	}
}

/* Copies out the socket's place for a Service; service 0 when there is none. */
static __always_inline void find_peer(struct datagram_peers *d, const struct endpoint *service, struct peer *found)
{
	bpf_spin_lock(&d->lock);
	find_place(d, service);
	__u32 index = d->found;
	if (index < WEFT_PEERS)
		*found = d->peers[index];
	bpf_spin_unlock(&d->lock);
}

/* Writes the pick into the Service's place, a free one, or the one unused for longest. True when one was evicted. */
static __always_inline int keep_peer(struct datagram_peers *d, const struct endpoint *service, const struct peer *fresh)
{
	int evicted = 0;
	bpf_spin_lock(&d->lock);
	__u32 now = ++d->clock;
	find_place(d, service);
	__u32 index = d->found;
	if (index >= WEFT_PEERS) {
		__u32 oldest = 0;
		d->victim = 0;
		for (__u32 i = 0; i < WEFT_PEERS; i++) {
			struct peer *p = &d->peers[i];
			/* A free place is older than any. */
			__u32 age = p->service ? now - p->used : 0xffffffff;
			if (age > oldest) {
				oldest = age;
				d->victim = i;
			}
		}
		index = d->victim;
		evicted = 1;
	}
	if (index < WEFT_PEERS) {
		struct peer *place = &d->peers[index];
		evicted = evicted && place->service;
		*place = *fresh;
		place->used = now;
	}
	bpf_spin_unlock(&d->lock);
	return evicted;
}

/* The backends that other Services of this socket use; 0 where there is none. */
struct used_backends {
	__u32 id[WEFT_PEERS];
};

static __always_inline struct used_backends used_by_others(struct datagram_peers *d, const struct endpoint *service)
{
	struct used_backends used;
	bpf_spin_lock(&d->lock);
	find_place(d, service);
	__u32 mine = d->found;
	for (__u32 i = 0; i < WEFT_PEERS; i++)
		used.id[i] = i == mine ? 0 : d->peers[i].backend;
	bpf_spin_unlock(&d->lock);
	return used;
}

/* Without branches, so that the verifier has one path: the top bit of x | -x is set unless x is 0. */
static __always_inline int is_used(const struct used_backends *used, __u32 backend)
{
	__u32 equal = 0;
	for (__u32 i = 0; i < WEFT_PEERS; i++) {
		__u32 x = used->id[i] ^ backend;
		equal |= ~(x | -x) >> 31;
	}
	return equal;
}

/*
 * Two Services with one backend on one socket: its replies could be either's.
 * Takes the first slot, from a drawn one on, that no other Service uses here;
 * the others use fewer than WEFT_PEERS, so as many distinct slots are enough.
 */
static __always_inline void avoid_shared(struct datagram_peers *d, const struct frontend *f,
					 const struct endpoint *service, struct pick *p)
{
	struct used_backends used = used_by_others(d, service);
	if (!is_used(&used, p->backend))
		return;
	if (p->reason == WEFT_REASON_PICKED && f->policy != WEFT_POLICY_MAGLEV && f->slot_count) {
		__u32 first = random_below(f->slot_count);
		for (__u32 i = 0; i < WEFT_PEERS && i < f->slot_count; i++) {
			__u32 offset = first + i;
			if (offset >= f->slot_count)
				offset -= f->slot_count;
			struct slot *s = slot_at(f->slot_base, offset);
			if (!s)
				break;
			if (!is_used(&used, s->backend) && resolve_backend(p, s->backend))
				return;
		}
	}
	count_bound(WEFT_COUNT_PEER_SHARED);
}

static __always_inline int is_alive(const struct peer *known)
{
	struct backend *b = bpf_map_lookup_elem(&backends, &known->backend);
	return b && b->alive && b->generation == known->generation;
}

/*
 * What the socket already uses for a Service; service 0: nothing. A connected socket hears its peer alone, so what it sends to
 * its own Service by name goes there too.
 */
static __always_inline void known_peer(struct bpf_sock_addr *ctx, struct datagram_peers *d,
				       const struct endpoint *service, struct peer *known)
{
	struct socket_name *name = bpf_sk_storage_get(&socket_names, ctx->sk, 0, 0);
	if (name && name->service_port == service->port && same_address(&name->service_address, &service->address)) {
		known->service = name->service;
		known->backend = name->backend;
		known->generation = name->generation;
		known->backend_address = name->backend_address;
		known->backend_port = name->backend_port;
	} else if (d) {
		find_peer(d, service, known);
	}
}

static __always_inline void report_first(const struct pod *pod, const struct peer *peer, __u8 reason)
{
	struct flow_event *event = reserve_event(WEFT_EVENT_OPEN, bpf_ktime_get_ns());
	if (!event)
		return;
	event->service_address = peer->service_address;
	event->backend_address = peer->backend_address;
	event->service_port = peer->service_port;
	event->backend_port = peer->backend_port;
	event->verdict = WEFT_REDIRECT;
	event->reason = reason;
	event->protocol = WEFT_UDP;
	event->pod = pod->id;
	event->service = peer->service;
	event->backend = peer->backend;
	submit_event(event);
}

/*
 * A send to an address that is no Service: from now on that address answers under its own name. The name of a connected
 * socket stays: send(2) on an IPv6 socket that is connected to a mapped address comes here with the backend's address.
 */
static __always_inline void forget_names(struct bpf_sock_addr *ctx, const struct endpoint *to)
{
	struct datagram_peers *d = bpf_sk_storage_get(&datagrams, ctx->sk, 0, 0);
	if (!d)
		return;
	bpf_spin_lock(&d->lock);
	for (int i = 0; i < WEFT_PEERS; i++) {
		struct peer *p = &d->peers[i];
		if (p->backend_port == to->port && same_address(&p->backend_address, &to->address))
			p->named = 0;
	}
	bpf_spin_unlock(&d->lock);
}

static __always_inline int decide_send(struct bpf_sock_addr *ctx, const struct endpoint *to, struct pick *p)
{
	struct pod_key pod_key;
	struct pod *pod = pod_of(ctx, &pod_key);
	if (!pod) {
		p->reason = WEFT_REASON_NOT_MESHED;
		return 0;
	}
	struct frontend row, *f = &row;
	struct frontend_key key = key_of(ctx, to);
	if (!read_frontend(&key, f)) {
		forget_names(ctx, to);
		p->reason = WEFT_REASON_NO_SERVICE;
		return 0;
	}
	struct datagram_peers *d = bpf_sk_storage_get(&datagrams, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!d)
		count_bound(WEFT_COUNT_STORAGE_FULL);

	struct peer peer = {};
	known_peer(ctx, d, to, &peer);
	if (peer.service == f->service && f->policy != WEFT_POLICY_PASSTHROUGH && is_alive(&peer)) {
		p->verdict = WEFT_REDIRECT;
		p->reason = WEFT_REASON_STICKY;
		p->backend = peer.backend;
		p->generation = peer.generation;
		p->address = peer.backend_address;
		p->port = peer.backend_port;
	} else {
		pick_for(&key, f, pod, &pod_key, 0, p);
		if (d && p->verdict == WEFT_REDIRECT)
			avoid_shared(d, f, to, p);
	}
	if (p->verdict == WEFT_REFUSE)
		report_refusal(ctx, pod, f, to, p);
	if (p->verdict != WEFT_REDIRECT)
		return p->verdict != WEFT_PASS;

	peer.service_address = to->address;
	peer.service_port = to->port;
	peer.named = 1;
	peer.service = f->service;
	peer.backend = p->backend;
	peer.generation = p->generation;
	peer.backend_address = p->address;
	peer.backend_port = p->port;
	if (d && keep_peer(d, to, &peer))
		count_bound(WEFT_COUNT_PEERS_EVICTED);
	if (p->reason != WEFT_REASON_STICKY)
		report_first(pod, &peer, p->reason);
	return 1;
}

SEC("cgroup/sendmsg4")
int weft_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct endpoint to = read_endpoint4(ctx);
	struct pick p = {};
	int changed = decide_send(ctx, &to, &p);
	count_reason(p.reason);
	if (!changed)
		return ALLOW;
	if (p.verdict == WEFT_REDIRECT) {
		write_endpoint4(ctx, &p.address, p.port);
		return ALLOW;
	}
	/* Without bpf_set_retval the kernel answers EPERM; a rewrite would send to nobody and succeed. */
	if (has_set_retval)
		bpf_set_retval(-ECONNREFUSED);
	return DENY;
}

SEC("cgroup/sendmsg6")
int weft_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct endpoint to = read_endpoint6(ctx);
	struct pick p = {};
	int changed = decide_send(ctx, &to, &p);
	count_reason(p.reason);
	if (!changed)
		return ALLOW;
	if (p.verdict == WEFT_REDIRECT) {
		write_endpoint6(ctx, &p.address, p.port);
		return ALLOW;
	}
	if (has_set_retval)
		bpf_set_retval(-ECONNREFUSED);
	return DENY;
}

/* The name under which the sender of a datagram was addressed. False: its own. */
static __always_inline int name_sender(struct bpf_sock_addr *ctx, struct endpoint *from)
{
	struct datagram_peers *d = bpf_sk_storage_get(&datagrams, ctx->sk, 0, 0);
	int found = 0;
	if (d) {
		__u32 age = 0;
		bpf_spin_lock(&d->lock);
		struct endpoint sender = *from;
		for (int i = 0; i < WEFT_PEERS; i++) {
			struct peer *p = &d->peers[i];
			if (!p->service || !p->named || p->backend_port != sender.port ||
			    !same_address(&p->backend_address, &sender.address))
				continue;
			/* Two Services share the backend: the last addressed names it. */
			if (found && d->clock - p->used > age)
				continue;
			age = d->clock - p->used;
			from->address = p->service_address;
			from->port = p->service_port;
			found = 1;
		}
		bpf_spin_unlock(&d->lock);
	}
	if (found)
		return 1;
	struct socket_name *name = bpf_sk_storage_get(&socket_names, ctx->sk, 0, 0);
	if (!name || name->backend_port != from->port ||
	    !same_address(&name->backend_address, &from->address))
		return 0;
	from->address = name->service_address;
	from->port = name->service_port;
	return 1;
}

SEC("cgroup/recvmsg4")
int weft_recvmsg4(struct bpf_sock_addr *ctx)
{
	struct endpoint from = read_endpoint4(ctx);
	if (name_sender(ctx, &from))
		write_endpoint4(ctx, &from.address, from.port);
	return ALLOW;
}

SEC("cgroup/recvmsg6")
int weft_recvmsg6(struct bpf_sock_addr *ctx)
{
	struct endpoint from = read_endpoint6(ctx);
	if (name_sender(ctx, &from))
		write_endpoint6(ctx, &from.address, from.port);
	return ALLOW;
}

char LICENSE[] __weak SEC("license") = "Dual BSD/GPL";
