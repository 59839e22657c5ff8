#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <unordered_set>

#include "error.h"
#include "map.h"

namespace weft {

namespace {

/** errnos by which a kernel says "no batches for this map": EINVAL before 5.6, ENOTSUPP (524) since. */
bool batchless(int number) { return number == EINVAL || number == EOPNOTSUPP || number == 524; }

/**
 * How many of `asked` items a failed batch dealt with. The kernel writes the count back only once it has
 * started, so a count that equals what was asked says nothing.
 */
uint32_t doneOf(uint32_t asked, uint32_t reported) { return reported < asked ? reported : 0; }

constexpr uint64_t batchBytes = 4u << 20;

}  // namespace

struct Map::Collected {
  std::vector<uint8_t> keys;
  std::vector<uint8_t> values;
  uint64_t count = 0;
};

Napi::Value Map::putBatch(const Napi::CallbackInfo& info) {
  const Call call = this->call(info.Env(), "map_update");
  const int fd = use(call);
  const auto count = static_cast<uint32_t>(integerOf(call, info[2], "count", UINT32_MAX));
  const Bytes keys = bytesOf(call, info[0], "keys", uint64_t{count} * info_.key_size);
  const Bytes values = bytesOf(call, info[1], "values", count * valueBytes());
  if (count == 0) return Napi::Number::New(info.Env(), 0);

  uint32_t done = count;
  int result = bpf_map_update_batch(fd, keys.data, values.data, &done, nullptr);
  if (result < 0) {
    done = doneOf(count, done);
    if (batchless(-result)) {
      result = 0;
      for (; done < count; done++) {
        const uint8_t* key = keys.data + uint64_t{done} * info_.key_size;
        result = bpf_map_update_elem(fd, key, values.data + done * valueBytes(), BPF_ANY);
        if (result < 0) break;
      }
    }
  }
  if (result < 0) {
    const std::string detail = std::to_string(done) + " of " + std::to_string(count) + " written";
    raise(info.Env(), {call.operation, name_, -result, detail, {}, done});
  }
  return Napi::Number::New(info.Env(), count);
}

Napi::Value Map::removeBatch(const Napi::CallbackInfo& info) {
  const Call call = this->call(info.Env(), "map_delete");
  const int fd = use(call);
  const auto count = static_cast<uint32_t>(integerOf(call, info[1], "count", UINT32_MAX));
  const Bytes keys = bytesOf(call, info[0], "keys", uint64_t{count} * info_.key_size);

  uint32_t done = 0;
  uint32_t removed = 0;
  bool batches = true;
  while (done < count) {
    const uint8_t* next = keys.data + uint64_t{done} * info_.key_size;
    int result;
    uint32_t step = batches ? count - done : 1;
    if (batches) {
      const uint32_t asked = step;
      result = bpf_map_delete_batch(fd, next, &step, nullptr);
      if (result < 0) step = doneOf(asked, step);
    } else {
      result = bpf_map_delete_elem(fd, next);
      if (result < 0) step = 0;
    }
    done += step;
    removed += step;
    if (result == -ENOENT) {
      done++;
    } else if (result < 0 && batches && batchless(-result)) {
      batches = false;
    } else if (result < 0) {
      const std::string detail = std::to_string(done) + " of " + std::to_string(count) + " passed";
      raise(info.Env(), {call.operation, name_, -result, detail, {}, done});
    }
  }
  return Napi::Number::New(info.Env(), removed);
}

int Map::collectBatches(int fd, uint64_t most, Collected& collected) const {
  const uint64_t pair = info_.key_size + valueBytes();
  uint64_t room = std::min({std::max<uint64_t>(batchBytes / pair, 64), uint64_t{info_.max_entries}, most});
  room = std::max<uint64_t>(room, 1);
  // The kernel's place in the map: a bucket's number for hashes, a key for the rest.
  std::vector<uint8_t> place(std::max<size_t>(info_.key_size, 8));
  std::vector<uint8_t> nextPlace(place.size());
  bool first = true;
  int interrupted = 0;
  while (collected.count < most) {
    collected.keys.resize((collected.count + room) * info_.key_size);
    collected.values.resize((collected.count + room) * valueBytes());
    auto count = static_cast<uint32_t>(room);
    const int result =
        bpf_map_lookup_batch(fd, first ? nullptr : place.data(), nextPlace.data(),
                             collected.keys.data() + collected.count * info_.key_size,
                             collected.values.data() + collected.count * valueBytes(), &count, nullptr);
    if (result == 0 || result == -ENOENT) {
      collected.count += count;
      if (result == -ENOENT) return 0;
      place.swap(nextPlace);
      first = false;
    } else if (result == -ENOSPC && room < UINT32_MAX / 2) {
      room *= 2;  // one bucket holds more than there was room for
    } else if (result != -EINTR || ++interrupted > 100) {
      return -result;  // EINTR, before Linux 6.15: the key that marks the place was deleted; try again
    }
  }
  return 0;
}

int Map::collectSingly(int fd, uint64_t most, Collected& collected) const {
  std::unordered_set<std::string> seen;
  std::string key(info_.key_size, '\0');
  std::string next(info_.key_size, '\0');
  std::vector<uint8_t> value(valueBytes());
  // A key deleted under the walk sends it back to the start, so keys may come twice and the walk needs an end.
  uint64_t steps = uint64_t{info_.max_entries} * 4 + 64;
  bool first = true;
  while (collected.count < most && steps-- > 0) {
    int result = bpf_map_get_next_key(fd, first ? nullptr : key.data(), next.data());
    if (result == -ENOENT) return 0;
    if (result < 0) return -result;
    first = false;
    key.swap(next);
    if (!seen.insert(key).second) continue;
    result = bpf_map_lookup_elem(fd, key.data(), value.data());
    if (result == -ENOENT) continue;
    if (result < 0) return -result;
    collected.keys.insert(collected.keys.end(), key.begin(), key.end());
    collected.values.insert(collected.values.end(), value.begin(), value.end());
    collected.count++;
  }
  return 0;
}

Napi::Value Map::entries(const Napi::CallbackInfo& info) {
  const Call call = this->call(info.Env(), "map_entries");
  const int fd = use(call);
  const uint64_t most = info[0].IsUndefined() ? UINT64_MAX : integerOf(call, info[0], "limit", UINT32_MAX);

  Collected collected;
  if (info_.key_size > 0) {
    int number = collectBatches(fd, most, collected);
    if (batchless(number)) {
      collected = {};
      number = collectSingly(fd, most, collected);
    }
    if (number != 0) call.fail(number);
  } else {
    call.fail(EOPNOTSUPP, "the map has no keys");
  }
  const uint64_t count = std::min(collected.count, most);
  Napi::Object entries = Napi::Object::New(info.Env());
  entries.Set("keys", toArray(info.Env(), collected.keys.data(), count * info_.key_size));
  entries.Set("values", toArray(info.Env(), collected.values.data(), count * valueBytes()));
  entries.Set("count", Napi::Number::New(info.Env(), static_cast<double>(count)));
  return entries;
}

}  // namespace weft
