#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 65536);
} ring SEC(".maps");

/* What the test asks for; `written` is the answer. */
struct request {
  __u32 first;
  __u32 records;
  __u32 bytes;
  __u32 discards;
  __u32 written;
};

/* Shared by every run: only one test runs it at a time. Its size makes any nine-bit length provably fit. */
struct record {
  __u32 sequence;
  __u8 filler[508];
} record;

/* Writes `records` records (up to 320) of `bytes` bytes (up to 511), numbered from `first`, each after `discards` discarded ones. */
SEC("syscall")
int emit(struct request *request) {
  for (__u32 i = 0; i < 320; i++) {
    if (i >= request->records) break;
    for (__u32 j = 0; j < 2; j++) {
      if (j >= request->discards) break;
      void *discarded = bpf_ringbuf_reserve(&ring, 24, 0);
      if (discarded) bpf_ringbuf_discard(discarded, 0);
    }
    record.sequence = request->first + i;
    if (bpf_ringbuf_output(&ring, &record, request->bytes & 511, 0)) break;
    request->written = i + 1;
  }
  return 0;
}

char _license[] SEC("license") = "GPL";
