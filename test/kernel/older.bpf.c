// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Tables as another version of Weft may have laid them out. */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct socket_name {
	__u32 service;
	__u32 backend;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct socket_name);
} socket_names SEC(".maps");

/* One field less, and another order. */
struct pod_key {
	__u64 netns;
};

struct pod {
	__u32 hash4;
	__u32 id;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct pod_key);
	__type(value, struct pod);
} pods SEC(".maps");

/* Lets everything pass: stands in for a program of ours. */
SEC("cgroup/connect4")
int other_connect4(struct bpf_sock_addr *ctx)
{
	struct pod_key key = {};
	return !bpf_map_lookup_elem(&pods, &key) && !bpf_sk_storage_get(&socket_names, ctx->sk, 0, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
