// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Many picks in the kernel at once, tallied by backend: what test/bpf/ asks of bpf/pick.h. */
#include "../../bpf/pick.h"

#define PICKS_A_RUN (1 << 17)

struct request {
	struct frontend_key key;
	__u32 count; /* picks; at most PICKS_A_RUN */
	__u32 hash; /* the first client's */
	__u32 hash_step; /* from one client to the next */
	__u64 netns;
};

/* Picks of each backend since the test cleared it; index 0: refusals and broken picks. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} tallies SEC(".maps");

/* The backends in the order of their picks: of the first 4096 picks of a run. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
} order SEC(".maps");

struct progress {
	struct request request;
	__u32 hash;
};

static long pick_once(__u32 i, struct progress *progress)
{
	struct frontend f;
	struct pick p = {};
	if (read_frontend(&progress->request.key, &f)) {
		struct client client = {.netns = progress->request.netns, .hash = progress->hash};
		pick_alive(&progress->request.key, &f, &client, 1, &p);
	}
	progress->hash += progress->request.hash_step;
	__u64 *tally = bpf_map_lookup_elem(&tallies, &p.backend);
	if (tally)
		*tally += 1;
	__u32 *picked = bpf_map_lookup_elem(&order, &i);
	if (picked)
		*picked = p.backend;
	return 0;
}

SEC("syscall")
int weft_test_pick(struct request *request)
{
	struct progress progress = {.request = *request, .hash = request->hash};
	__u32 count = request->count;
	if (count > PICKS_A_RUN)
		count = PICKS_A_RUN;
	return bpf_loop(count, pick_once, &progress, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
