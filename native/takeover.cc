#include "takeover.h"

#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "argument.h"
#include "descriptor.h"

namespace weft {

namespace {

// The same numbers on every architecture (asm-generic/unistd.h).
constexpr long PIDFD_OPEN = 434;   // 5.3
constexpr long PIDFD_GETFD = 438;  // 5.6

/** The cookie of a socket's network namespace; 0 where the kernel does not tell (before 5.14). */
uint64_t namespaceOf(int socket) {
  uint64_t cookie = 0;
  socklen_t length = sizeof cookie;
  return getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) < 0 ? 0 : cookie;
}

bool listensOn(int socket, uint16_t port) {
  int listening = 0;
  socklen_t length = sizeof listening;
  if (getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) < 0 || !listening) return false;
  sockaddr_storage name = {};
  length = sizeof name;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&name), &length) < 0) return false;
  if (name.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&name)->sin_port) == port;
  if (name.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&name)->sin6_port) == port;
  return false;
}

std::vector<int> descriptorsOf(const Call& call, pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/fd";
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
  if (!directory) call.fail(errno);
  std::vector<int> numbers;
  while (const dirent* entry = readdir(directory.get())) {
    char target[16] = {};
    const ssize_t length = readlinkat(dirfd(directory.get()), entry->d_name, target, sizeof target - 1);
    if (length > 0 && strncmp(target, "socket:", 7) == 0) numbers.push_back(std::stoi(entry->d_name));
  }
  return numbers;
}

}  // namespace

Napi::Value takeListeners(const Napi::CallbackInfo& info) {
  Call call{info.Env(), "pidfd_getfd", ""};
  const auto pid = static_cast<pid_t>(integerOf(call, info[0], "the pid", INT32_MAX));
  const auto port = static_cast<uint16_t>(integerOf(call, info[1], "the port", UINT16_MAX));
  call.object = "process " + std::to_string(pid);
  const Descriptor process(static_cast<int>(syscall(PIDFD_OPEN, pid, 0)));
  if (!process.open()) call.fail(errno, "pidfd_open");
  const Descriptor own(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!own.open()) call.fail(errno, "socket");
  const uint64_t home = namespaceOf(own.get());
  std::vector<Descriptor> taken;
  for (const int number : descriptorsOf(call, pid)) {
    Descriptor copy(static_cast<int>(syscall(PIDFD_GETFD, process.get(), number, 0)));
    if (!copy.open()) {
      if (errno == EBADF) continue;  // closed meanwhile
      call.fail(errno);
    }
    if (listensOn(copy.get(), port) && namespaceOf(copy.get()) == home) taken.push_back(std::move(copy));
  }
  const Napi::Array result = Napi::Array::New(info.Env(), taken.size());
  for (uint32_t i = 0; i < taken.size(); i++) result.Set(i, taken[i].release());
  return result;
}

}  // namespace weft
