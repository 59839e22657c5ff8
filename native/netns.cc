#include "netns.h"

#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <system_error>
#include <thread>

#include "descriptor.h"
#include "error.h"

namespace weft {

namespace {

Descriptor openNamespace(Napi::Env env, const std::string& path) {
  Descriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!descriptor.open()) raise(env, {"netns_open", path, errno});
  return descriptor;
}

/** Blocks all signals of this thread, and so of threads it starts, while it lives. */
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

void insideNamespace(Napi::Env env, const std::string& path, const std::function<Outcome()>& work) {
  const Descriptor target = openNamespace(env, path);
  Outcome outcome;
  try {
    const SignalsBlocked blocked;
    std::thread thread([&] {
      if (setns(target.get(), CLONE_NEWNET) < 0) {
        outcome = {errno, "setns"};
        return;
      }
      try {
        outcome = work();
      } catch (const std::exception&) {  // memory: nothing else throws without JavaScript
        outcome = {ENOMEM, "netns_work"};
      }
    });
    thread.join();
  } catch (const std::system_error& error) {
    raise(env, {"thread_create", path, error.code().value()});
  }
  if (outcome.number != 0) raise(env, {outcome.operation, path, outcome.number, outcome.detail});
}

Napi::Value netnsCookie(const Napi::CallbackInfo& info) {
  const std::string path = textOf({info.Env(), "netns_cookie", ""}, info[0], "the path");
  uint64_t cookie = 0;
  insideNamespace(info.Env(), path, [&]() -> Outcome {
    const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket.open()) return {errno, "socket"};
    socklen_t length = sizeof cookie;
    if (getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) < 0) return {errno, "netns_cookie"};
    return {};
  });
  return Napi::BigInt::New(info.Env(), cookie);
}

void unshareNetwork(const Napi::CallbackInfo& info) {
  const Call call{info.Env(), "unshare", "the network namespace"};
  if (unshare(CLONE_NEWNET) < 0) call.fail(errno);
  const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.open()) call.fail(errno, "socket");
  ifreq request = {};
  strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(socket.get(), SIOCSIFFLAGS, &request) < 0) call.fail(errno, "lo up");
}

void enterNetwork(const Napi::CallbackInfo& info) {
  const std::string path = textOf({info.Env(), "setns", ""}, info[0], "the path");
  const Descriptor target = openNamespace(info.Env(), path);
  if (setns(target.get(), CLONE_NEWNET) < 0) raise(info.Env(), {"setns", path, errno});
}

}  // namespace weft
