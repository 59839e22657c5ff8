#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct pair {
  __u32 first;
  __u32 second;
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 64);
  __type(key, __u32);
  __type(value, struct pair);
} hash SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 16);
  __type(key, __u32);
  __type(value, __u64);
} array SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u32);
} percpu SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 32);
  __type(key, __u32);
  __type(value, __u32);
} lru SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 64);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(key_size, 8);
  __uint(value_size, 4);
} trie SEC(".maps");

/* A map of a kind that the kernel has no batches for. */
struct {
  __uint(type, BPF_MAP_TYPE_SOCKMAP);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u64);
} sockmap SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct pair);
} storage SEC(".maps");

const volatile __u32 answer = 1;
__u64 counter = 5;

/* Returns the settings: what the loader wrote is what the program reads. */
SEC("socket")
int settings(struct __sk_buff *skb) {
  counter++;
  return (int)answer;
}

SEC("cgroup/connect4")
int allow(struct bpf_sock_addr *context) {
  return 1;
}

char _license[] SEC("license") = "GPL";
