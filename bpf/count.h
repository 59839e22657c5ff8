/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What happened: counters, edges and the ring of events. Nothing here decides. Counters of each CPU are added to atomically
 * all the same: a program of a soft interrupt, or of a task that preempts, may come between a load and its store.
 */
#ifndef WEFT_COUNT_H
#define WEFT_COUNT_H

#include "maps.h"

static __always_inline void count_reason(__u32 reason)
{
	struct counter *c = bpf_map_lookup_elem(&decisions, &reason);
	if (c)
		__sync_fetch_and_add(&c->value, 1);
}

static __always_inline void count_bound(__u32 which)
{
	struct counter *c = bpf_map_lookup_elem(&counters, &which);
	if (c)
		__sync_fetch_and_add(&c->value, 1);
}

/* Adds `more` to the sums of this connection's edge; to those of "the rest" when the map is full. */
static __always_inline void add_to_edge(const struct socket_name *name, const struct edge *more)
{
	struct edge_key key = {
		.pod = name->pod,
		.service = name->service,
		.backend = name->backend,
		.generation = name->generation,
	};
	struct edge *edge = bpf_map_lookup_elem(&edges, &key);
	if (!edge) {
		if (!bpf_map_update_elem(&edges, &key, more, BPF_NOEXIST))
			return;
		edge = bpf_map_lookup_elem(&edges, &key); /* another CPU was first */
	}
	if (!edge) {
		count_bound(WEFT_COUNT_EDGES_FULL);
		__u32 zero = 0;
		edge = bpf_map_lookup_elem(&edge_rest, &zero);
		if (!edge)
			return;
	}
	if (more->opened)
		__sync_fetch_and_add(&edge->opened, more->opened);
	if (more->closed)
		__sync_fetch_and_add(&edge->closed, more->closed);
	if (more->failed)
		__sync_fetch_and_add(&edge->failed, more->failed);
	if (more->sent_bytes)
		__sync_fetch_and_add(&edge->sent_bytes, more->sent_bytes);
	if (more->received_bytes)
		__sync_fetch_and_add(&edge->received_bytes, more->received_bytes);
}

static __always_inline int events_wanted(void)
{
	__u32 zero = 0;
	struct control *row = bpf_map_lookup_elem(&control, &zero);
	return row && row->events;
}

/*
 * A reserved record of the time `now`, or NULL; a record that finds no room is counted. The
 * caller fills every field and submits without waking anybody: the agent polls.
 */
static __always_inline struct flow_event *reserve_event(__u8 kind, __u64 now)
{
	if (!events_wanted())
		return 0;
	struct flow_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count_bound(WEFT_COUNT_EVENTS_LOST);
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->event = kind;
	event->time_ns = now;
	return event;
}

/* A record about a socket that has a name. */
static __always_inline struct flow_event *reserve_named_event(__u8 kind, const struct socket_name *name, __u64 now)
{
	struct flow_event *event = reserve_event(kind, now);
	if (!event)
		return 0;
	event->service_address = name->service_address;
	event->backend_address = name->backend_address;
	event->service_port = name->service_port;
	event->backend_port = name->backend_port;
	event->verdict = WEFT_REDIRECT;
	event->reason = name->reason;
	event->protocol = name->protocol;
	event->pod = name->pod;
	event->service = name->service;
	event->backend = name->backend;
	return event;
}

static __always_inline void submit_event(struct flow_event *event)
{
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

/* A TCP connection that was not established. */
static __always_inline void report_failure(const struct socket_name *name)
{
	if (name->reason != WEFT_REASON_GATEWAY) {
		struct backend_state *b = bpf_map_lookup_elem(&backend_states, &name->backend);
		if (b)
			__sync_fetch_and_add(&b->failed, 1);
		struct edge failed = {.failed = 1};
		add_to_edge(name, &failed);
	}
	struct flow_event *event = reserve_named_event(WEFT_EVENT_FAIL, name, bpf_ktime_get_ns());
	if (event) {
		event->duration_ns = event->time_ns - name->picked_ns;
		submit_event(event);
	}
}

/* The socket is released, or connects anew: a pick that came to no SYN (no route) has failed, connected UDP ends. */
static __always_inline void report_end(const struct socket_name *name)
{
	if (name->state == WEFT_SOCKET_PICKED)
		return report_failure(name);
	if (name->state != WEFT_SOCKET_DATAGRAM)
		return;
	struct flow_event *event = reserve_named_event(WEFT_EVENT_CLOSE, name, bpf_ktime_get_ns());
	if (event) {
		event->duration_ns = event->time_ns - name->picked_ns;
		submit_event(event);
	}
}

#endif
