#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} connects SEC(".maps");

static __always_inline void count(void) {
  __u32 key = 0;
  __u64 *value = bpf_map_lookup_elem(&connects, &key);
  if (value) __sync_fetch_and_add(value, 1);
}

SEC("cgroup/connect4")
int allow(struct bpf_sock_addr *context) {
  count();
  return 1;
}

SEC("cgroup/connect4")
int refuse(struct bpf_sock_addr *context) {
  count();
  return 0;
}

char _license[] SEC("license") = "GPL";
