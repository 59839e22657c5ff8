// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What this kernel can do, found out by loading; and, before 5.14, the cookie of a namespace. */
#include "tables.h"
#include <bpf/bpf_helpers.h>

/* bpf_set_retval in sock_addr programs: 5.18. */
SEC("cgroup/connect4")
int weft_probe_set_retval(struct bpf_sock_addr *ctx)
{
	bpf_set_retval(-111);
	return 0;
}

/* Socket cookie to namespace cookie: SO_NETNS_COOKIE came with 5.14, the helper with 5.7. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
} cookies SEC(".maps");

SEC("cgroup/connect4")
int weft_probe_cookie(struct bpf_sock_addr *ctx)
{
	__u64 socket = bpf_get_socket_cookie(ctx), netns = bpf_get_netns_cookie(ctx);
	bpf_map_update_elem(&cookies, &socket, &netns, BPF_ANY);
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
