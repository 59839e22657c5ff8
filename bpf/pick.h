/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Which backend: the one decision of the datapath. agent/compile/pick.ts mirrors it for `explain`. */
#ifndef WEFT_PICK_H
#define WEFT_PICK_H

#include "count.h"
#include "maps.h"

#define SCAN_SLOTS 64 /* LEAST_REQUEST looks at all of up to so many slots … */
#define DRAWN_SLOTS 8 /* … and at so many drawn ones of a larger region */
#define SEARCH_STEPS 20 /* a binary search over up to 2^20 slots */

struct client {
	__u64 netns;
	__u32 hash; /* of its address, for Maglev */
};

struct pick {
	__u8 verdict; /* enum weft_verdict */
	__u8 reason; /* enum weft_reason */
	__u16 pad;
	__u32 backend;
	__u32 generation;
	__be16 port;
	__u16 pad2;
	struct weft_address address;
};

/*
 * What loops over slots is a global function of its own: the verifier checks it once, for any arguments, not
 * once more for each state of each caller. Before 5.12 such a function takes only numbers and the context.
 * __weak, as several objects that are linked into one have it.
 */
#define CHECKED_ONCE __noinline __weak

#define READ_TRIES 4

static __always_inline int same_row(const struct frontend *a, const struct frontend *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;
	__u64 differs = 0;
	for (__u32 i = 0; i < sizeof(*a) / sizeof(*x); i++)
		differs |= x[i] ^ y[i];
	return !differs;
}

/*
 * Copies a frontend's row. False: no Service has this address and port.
 *
 * An update of a hash map links a new element and gives the old one to the next update at once, without a grace
 * period (preallocated maps; since 6.1 all). So a pointer found here can become another Service's row while it is
 * read, and a look-up can miss a row that is there. What two look-ups agree on is right.
 */
static __always_inline int read_frontend(const struct frontend_key *key, struct frontend *f)
{
	int found = 0;
	for (int i = 0; i < READ_TRIES; i++) {
		struct frontend *first = bpf_map_lookup_elem(&frontends, key);
		found = first != 0;
		if (first)
			*f = *first;
		struct frontend *second = bpf_map_lookup_elem(&frontends, key);
		if (!second && !found)
			return 0;
		if (second && found && same_row(f, second))
			return 1;
	}
	return found;
}

static __always_inline struct slot *slot_at(__u32 base, __u32 offset)
{
	__u32 index = base + offset;
	return bpf_map_lookup_elem(&slots, &index);
}

/*
 * A number in [0, n), n > 0, without modulo bias: Lemire, "Fast Random Integer
 * Generation in an Interval" (2019). Four rejections in a row leave a bias below 2^-40.
 */
CHECKED_ONCE __u32 random_below(__u32 n)
{
	__u64 product = (__u64)bpf_get_prandom_u32() * n;
	if ((__u32)product < n) {
		__u32 floor = -n % n;
		for (int i = 0; i < 4; i++) {
			if ((__u32)product >= floor)
				break;
			product = (__u64)bpf_get_prandom_u32() * n;
		}
	}
	return product >> 32;
}

/* Offset of a slot drawn in proportion to its weight: Vose's alias method. */
CHECKED_ONCE __u32 draw_offset(__u32 base, __u32 count, __u32 weight_total)
{
	__u32 offset = random_below(count);
	struct slot *column = slot_at(base, offset);
	if (!column || random_below(weight_total) < column->threshold)
		return offset;
	return column->alias;
}

static __always_inline struct slot *draw_slot(const struct frontend *f)
{
	return slot_at(f->slot_base, draw_offset(f->slot_base, f->slot_count, f->weight_total));
}

/* Offset of the slot that holds `point` of [0, weight_total): the first whose cumulative weight exceeds it. */
CHECKED_ONCE __u32 offset_of_point(__u32 base, __u32 count, __u32 point)
{
	__u32 low = 0, high = count - 1;
	for (int i = 0; i < SEARCH_STEPS; i++) {
		if (low >= high)
			break;
		__u32 middle = low + (high - low) / 2;
		struct slot *s = slot_at(base, middle);
		if (!s)
			break;
		if (s->cumulative > point)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Whether the backend is among `count` > 0 slots, which are sorted by id. */
CHECKED_ONCE int has_slot(__u32 base, __u32 count, __u32 backend)
{
	__u32 low = 0, high = count - 1;
	for (int i = 0; i < SEARCH_STEPS; i++) {
		if (low >= high)
			break;
		__u32 middle = low + (high - low) / 2;
		struct slot *s = slot_at(base, middle);
		if (!s)
			break;
		if (s->backend >= backend)
			high = middle;
		else
			low = middle + 1;
	}
	struct slot *s = slot_at(base, low);
	return s && s->backend == backend;
}

static __always_inline int is_member(const struct frontend *f, __u32 backend)
{
	return f->slot_count && has_slot(f->slot_base, f->slot_count, backend);
}

static __always_inline __u32 inflight_of(__u32 backend)
{
	struct backend_state *state = bpf_map_lookup_elem(&backend_states, &backend);
	return state ? state->inflight : 0;
}

/* Every window of weight_total picks visits each backend exactly weight times, evenly spread. */
static __always_inline __u32 pick_round_robin(const struct frontend *f, struct service_state *state)
{
	bpf_spin_lock(&state->lock);
	__u64 cursor = state->cursor++;
	bpf_spin_unlock(&state->lock);
	__u64 point = (cursor % f->weight_total) * f->stride % f->weight_total;
	struct slot *s = slot_at(f->slot_base, offset_of_point(f->slot_base, f->slot_count, point));
	return s ? s->backend : 0;
}

/* 1 when a < b, else 0; both below 2^63. The barrier keeps clang from making it a branch again. */
static __always_inline __u64 is_less(__u64 a, __u64 b)
{
	__u64 less = (a - b) >> 63;
	asm volatile("" : "+r"(less));
	return less;
}

/*
 * Least in flight by weight among all slots; equals are drawn by weight in one pass (reservoir).
 * Without branches: with them the verifier follows 2^64 paths.
 */
CHECKED_ONCE __u32 scan_least_request(__u32 base, __u32 count)
{
	/* Worse than any slot, so that the first is taken. */
	__u64 best = 0, best_inflight = 0x7fffffff, best_weight = 1, tied = 0;
	__u32 random = bpf_get_prandom_u32();
	for (__u32 i = 0; i < SCAN_SLOTS; i++) {
		if (i >= count)
			break;
		struct slot *s = slot_at(base, i);
		if (!s)
			break;
		__u64 inflight = inflight_of(s->backend), weight = s->weight;
		__u64 mine = inflight * best_weight, theirs = best_inflight * weight;
		__u64 less = is_less(mine, theirs), more = is_less(theirs, mine), equal = 1 - less - more;
		random = random * 1664525 + 1013904223; /* Numerical Recipes' generator: independent enough for ties */
		tied = tied * (equal + more) + weight * (less + equal);
		__u64 take = less + equal * is_less((__u64)random * tied >> 32, weight);
		best ^= (best ^ s->backend) & -take;
		best_inflight ^= (best_inflight ^ inflight) & -take;
		best_weight ^= (best_weight ^ weight) & -take;
	}
	return best;
}

CHECKED_ONCE __u32 sample_least_request(__u32 base, __u32 count, __u32 weight_total)
{
	__u32 best = 0, best_inflight = 0, best_weight = 1;
	for (int i = 0; i < DRAWN_SLOTS; i++) {
		struct slot *s = slot_at(base, draw_offset(base, count, weight_total));
		if (!s)
			break;
		__u32 inflight = inflight_of(s->backend);
		if (best && (__u64)inflight * best_weight >= (__u64)best_inflight * s->weight)
			continue;
		best = s->backend;
		best_inflight = inflight;
		best_weight = s->weight;
	}
	return best;
}

static __always_inline __u32 pick_maglev(const struct frontend *f, __u32 hash)
{
	if (!f->ring_size)
		return 0;
	__u32 index = f->ring_base + hash % f->ring_size;
	__u32 *backend = bpf_map_lookup_elem(&rings, &index);
	return backend ? *backend : 0;
}

/* A backend's id by the frontend's policy; 0 when a row is missing. */
static __always_inline __u32 pick_by_policy(const struct frontend *f, struct service_state *state, __u32 hash)
{
	switch (f->policy) {
	case WEFT_POLICY_ROUND_ROBIN:
		return pick_round_robin(f, state);
	case WEFT_POLICY_RANDOM: {
		struct slot *s = draw_slot(f);
		return s ? s->backend : 0;
	}
	case WEFT_POLICY_MAGLEV:
		return pick_maglev(f, hash);
	default:
		if (f->slot_count <= SCAN_SLOTS)
			return scan_least_request(f->slot_base, f->slot_count);
		return sample_least_request(f->slot_base, f->slot_count, f->weight_total);
	}
}

/* Turns an id into an address. False when the backend is gone. */
static __always_inline int resolve_backend(struct pick *p, __u32 id)
{
	struct backend *b = bpf_map_lookup_elem(&backends, &id);
	if (!id || !b || !b->alive)
		return 0;
	p->backend = id;
	p->generation = b->generation;
	p->address = b->address;
	p->port = b->port;
	return 1;
}

static __always_inline void refuse(struct pick *p, __u8 reason)
{
	p->verdict = WEFT_REFUSE;
	p->reason = reason;
}

/* Where a new flow of this client to this frontend goes. `connection`: it will count as in flight. */
static __always_inline void pick_backend(const struct frontend *f, const struct client *client, int connection,
					 struct pick *p)
{
	if (f->policy == WEFT_POLICY_PASSTHROUGH) {
		p->verdict = WEFT_PASS;
		p->reason = WEFT_REASON_PASSTHROUGH;
		return;
	}
	struct service_state *state = bpf_map_lookup_elem(&service_states, &f->service);
	if (!state)
		return refuse(p, WEFT_REASON_TABLE_BROKEN);
	if (!f->slot_count || !f->weight_total)
		return refuse(p, WEFT_REASON_NO_BACKEND);
	if (connection && f->max_connections && state->inflight >= f->max_connections)
		return refuse(p, WEFT_REASON_MAX_CONNECTIONS);

	p->verdict = WEFT_REDIRECT;
	struct affinity_key key = {.netns = client->netns, .service = f->service};
	__u64 now = 0;
	if (f->affinity_seconds) {
		now = bpf_ktime_get_ns();
		struct affinity *a = bpf_map_lookup_elem(&affinities, &key);
		struct affinity held = {};
		if (a)
			held = *a; /* the element may become another client's */
		if (a && now - held.used_ns <= f->affinity_seconds * 1000000000ULL && is_member(f, held.backend) &&
		    resolve_backend(p, held.backend)) {
			a->used_ns = now;
			p->reason = WEFT_REASON_AFFINITY;
			return;
		}
	}
	if (!resolve_backend(p, pick_by_policy(f, state, client->hash)))
		return refuse(p, WEFT_REASON_TABLE_BROKEN);
	p->reason = WEFT_REASON_PICKED;
	if (f->affinity_seconds) {
		struct affinity fresh = {.backend = p->backend, .generation = p->generation, .used_ns = now};
		if (bpf_map_update_elem(&affinities, &key, &fresh, BPF_ANY))
			count_bound(WEFT_COUNT_AFFINITY_FULL);
	}
}

#define PICK_TRIES 3

/*
 * pick_backend, and again by a fresh row when it was led to a backend that is gone: the row `f` was read before the
 * table was switched, and the backend was buried after.
 */
static __always_inline void pick_alive(const struct frontend_key *key, struct frontend *f, const struct client *client,
				       int connection, struct pick *p)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < PICK_TRIES; i++) {
		pick_backend(f, client, connection, p);
		if (p->reason != WEFT_REASON_TABLE_BROKEN || !read_frontend(key, f))
			return;
	}
}

#endif
