#include "ring.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "environment.h"
#include "error.h"
#include "map.h"

namespace weft {

namespace {

struct Record {
  const uint8_t* data;
  uint32_t length;
};

uint64_t loadAcquire(const uint8_t* place) {
  return __atomic_load_n(reinterpret_cast<const uint64_t*>(place), __ATOMIC_ACQUIRE);
}

}  // namespace

Napi::Function Ring::define(Napi::Env env) {
  return DefineClass(env, "NativeRing", {InstanceMethod<&Ring::drain>("drain"), InstanceMethod<&Ring::close>("close")});
}

Ring::Ring(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Ring>(info) {}

Ring::~Ring() { release(); }

Napi::Object Ring::wrap(Napi::Env env, Descriptor descriptor, uint32_t size, const std::string& name) {
  Napi::Object holder;
  Ring* ring = create<Ring>(Environment::of(env).ring, holder);
  ring->name_ = name;
  ring->page_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  ring->size_ = size;
  void* consumer = mmap(nullptr, ring->page_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.get(), 0);
  if (consumer == MAP_FAILED) raise(env, {"ring_mmap", name, errno});
  ring->consumer_ = static_cast<uint8_t*>(consumer);
  void* producer = mmap(nullptr, ring->page_ + 2 * ring->size_, PROT_READ, MAP_SHARED, descriptor.get(),
                        static_cast<off_t>(ring->page_));
  if (producer == MAP_FAILED) raise(env, {"ring_mmap", name, errno});
  ring->producer_ = static_cast<const uint8_t*>(producer);
  ring->descriptor_ = std::move(descriptor);
  return holder;
}

Napi::Value Ring::drain(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Call call{env, "ring_drain", name_};
  if (!descriptor_.open()) call.fail(EBADF, "the ring is closed");
  const uint64_t most = integerOf(call, info[0], "maxBytes", UINT32_MAX);

  const uint8_t* data = producer_ + page_;
  uint64_t position = loadAcquire(consumer_);
  // Read once: what comes while we drain is the next call's, so a fast producer cannot hold us.
  const uint64_t end = loadAcquire(producer_);
  std::vector<Record> records;
  uint64_t total = 0;
  while (position < end) {
    const uint8_t* header = data + (position & (size_ - 1));
    const uint32_t word = __atomic_load_n(reinterpret_cast<const uint32_t*>(header), __ATOMIC_ACQUIRE);
    if (word & BPF_RINGBUF_BUSY_BIT) break;
    const uint32_t length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    const uint64_t span = (uint64_t{length} + BPF_RINGBUF_HDR_SZ + 7) & ~uint64_t{7};
    if (span > end - position) call.fail(EBADMSG, "a record reaches past the producer");
    if (!(word & BPF_RINGBUF_DISCARD_BIT)) {
      if (total + length > most) {
        if (records.empty()) call.fail(EMSGSIZE, "the next record has " + std::to_string(length) + " bytes");
        break;
      }
      records.push_back({header + BPF_RINGBUF_HDR_SZ, length});
      total += length;
    }
    position += span;
  }

  Napi::Uint8Array bytes = Napi::Uint8Array::New(env, total);
  Napi::Uint32Array lengths = Napi::Uint32Array::New(env, records.size());
  uint64_t offset = 0;
  for (size_t i = 0; i < records.size(); i++) {
    if (records[i].length > 0) memcpy(bytes.Data() + offset, records[i].data, records[i].length);
    offset += records[i].length;
    lengths[i] = records[i].length;
  }
  Napi::Object batch = Napi::Object::New(env);
  batch.Set("data", bytes);
  batch.Set("lengths", lengths);
  __atomic_store_n(reinterpret_cast<uint64_t*>(consumer_), position, __ATOMIC_RELEASE);
  return batch;
}

void Ring::release() {
  if (consumer_ != nullptr) munmap(std::exchange(consumer_, nullptr), page_);
  if (producer_ != nullptr) munmap(const_cast<uint8_t*>(std::exchange(producer_, nullptr)), page_ + 2 * size_);
  descriptor_.close();
}

void Ring::close(const Napi::CallbackInfo&) { release(); }

Napi::Value openRing(const Napi::CallbackInfo& info) {
  Call call{info.Env(), "ring_open", ""};
  const Map* map = unwrap<Map>(call, info[0], "NativeMap");
  call.object = map->name();
  const int fd = map->use(call);
  if (map->description().type != BPF_MAP_TYPE_RINGBUF) call.invalid("the map is no ring buffer");
  Descriptor own = Descriptor::duplicate(fd);
  if (!own.open()) call.fail(errno);
  return Ring::wrap(info.Env(), std::move(own), map->description().max_entries, map->name());
}

}  // namespace weft
