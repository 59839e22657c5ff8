#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} one SEC(".maps");

SEC("cgroup/connect4")
int sound(struct bpf_sock_addr *context) {
  return 1;
}

/* The missing null check is the point: the verifier must refuse it and say so. */
SEC("cgroup/connect4")
int careless(struct bpf_sock_addr *context) {
  __u32 key = 0;
  __u32 *value = bpf_map_lookup_elem(&one, &key);
  return *value & 1;
}

/* Enough accepted code before the mistake that the log grows past a megabyte. */
SEC("cgroup/connect4")
int verbose(struct bpf_sock_addr *context) {
  __u32 key = 0;
  __u32 sum = 0;
  for (int i = 0; i < 4000; i++) {
    __u32 *value = bpf_map_lookup_elem(&one, &key);
    if (value) sum += *value + i;
  }
  __u32 *value = bpf_map_lookup_elem(&one, &key);
  return (*value + sum) & 1;
}

char _license[] SEC("license") = "GPL";
