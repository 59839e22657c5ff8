#include "pin.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "error.h"

namespace weft {

namespace {

const char* fileName(Kind kind) {
  switch (kind) {
    case Kind::map:
      return "bpf-map";
    case Kind::program:
      return "bpf-prog";
    case Kind::link:
      return "bpf-link";
  }
  return "";
}

/** The kernel tells kinds apart only in the name of the descriptor's anonymous inode ("anon_inode:bpf-map"). */
std::string inodeName(int fd) {
  char target[PATH_MAX];
  const std::string entry = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = readlink(entry.c_str(), target, sizeof target);
  std::string name = length < 0 ? "" : std::string(target, static_cast<size_t>(length));
  std::replace(name.begin(), name.end(), '_', '-');  // links are "bpf-link" or "bpf_link" by the way they were opened
  return name;
}

}  // namespace

Descriptor openPin(Napi::Env env, const std::string& path, Kind kind) {
  const int fd = bpf_obj_get(path.c_str());
  if (fd < 0) raise(env, {"obj_get", path, -fd});
  Descriptor descriptor(fd);
  const std::string name = inodeName(fd);
  if (name.find(fileName(kind)) == std::string::npos)
    raise(env, {"obj_get", path, EINVAL, "the pin is " + name + ", not " + fileName(kind)});
  return descriptor;
}

void pin(const Call& call, int fd, const std::string& path) {
  const int result = bpf_obj_pin(fd, path.c_str());
  if (result < 0) call.fail(-result, "at " + path);
}

}  // namespace weft
