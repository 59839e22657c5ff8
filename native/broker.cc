/*
 * weft-sockets: makes blank TCP sockets inside Pods' network namespaces for gateway workers, which may not enter them. Its
 * control channel is descriptor 3. It lives on without the agent, and ends with its last worker.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ancillary.h"
#include "blank.h"
#include "capabilities.h"
#include "descriptor.h"
#include "seccomp.h"

namespace weft {

namespace {

constexpr int controlDescriptor = 3;

/** Gives a socket the value 1 in a SK_STORAGE map. 0, or the errno. */
int mark(int map, int socket) {
  const uint32_t value = 1;
  bpf_attr attributes = {};
  attributes.map_fd = static_cast<uint32_t>(map);
  attributes.key = reinterpret_cast<uintptr_t>(&socket);
  attributes.value = reinterpret_cast<uintptr_t>(&value);
  return syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &attributes, sizeof attributes) < 0 ? errno : 0;
}

class Broker {
 public:
  explicit Broker(Descriptor home) : control_(controlDescriptor), home_(std::move(home)) {}

  /** Until the control channel and all workers are gone. */
  void serve() {
    while (control_.open() || !workers_.empty()) {
      std::vector<pollfd> waited;
      waited.push_back({control_.get(), POLLIN, 0});
      for (const Descriptor& worker : workers_) waited.push_back({worker.get(), POLLIN, 0});
      if (poll(waited.data(), waited.size(), -1) < 0) {
        if (errno == EINTR) continue;
        return;
      }
      // Whatever poll saw: a worker may ask for a namespace that the agent has told of right before.
      obeyAll();
      for (size_t i = 1; i < waited.size(); i++)
        if (waited[i].revents != 0 && !answer(workers_[i - 1].get())) workers_[i - 1].close();
      workers_.erase(std::remove_if(workers_.begin(), workers_.end(), [](const Descriptor& w) { return !w.open(); }),
                     workers_.end());
    }
  }

 private:
  void obeyAll() {
    bool isWaiting = false;
    while (control_.open() && !isWaiting)
      if (!obey(isWaiting)) control_.close();
  }

  /** False: the agent has gone, or speaks another language. `isWaiting`: it has said nothing more yet. */
  bool obey(bool& isWaiting) {
    BrokerMessage order = {};
    Message message;
    const int number = receiveMessage(control_.get(), &order, sizeof order, message, MSG_DONTWAIT);
    isWaiting = number == EAGAIN;
    if (isWaiting) return true;
    if (number != 0 || message.length != sizeof order || order.version != blankVersion) return false;
    std::vector<Descriptor>& given = message.descriptors;
    const bool takesOne = order.order != BrokerOrder::removeNamespace;
    if (given.size() != (takesOne ? 1 : 0)) return false;
    switch (order.order) {
      case BrokerOrder::addNamespace:
        namespaces_[order.id] = std::move(given[0]);
        return true;
      case BrokerOrder::removeNamespace:
        namespaces_.erase(order.id);
        return true;
      case BrokerOrder::addWorker:
        workers_.push_back(std::move(given[0]));
        return true;
      case BrokerOrder::markIn:
        map_ = std::move(given[0]);
        return true;
    }
    return false;
  }

  /** False: the worker has gone, or does not keep to the protocol. */
  bool answer(int worker) {
    BlankRequest request = {};
    Message message;
    const int number = receiveMessage(worker, &request, sizeof request, message, MSG_DONTWAIT);
    if (number == EAGAIN) return true;
    if (number != 0 || message.length != sizeof request || !message.descriptors.empty()) return false;
    if (request.version != blankVersion || (request.family != 4 && request.family != 6)) return false;
    if (request.count == 0 || request.count > mostBlank) return false;
    std::vector<Descriptor> made;
    const int error = make(request, made);
    std::vector<int> descriptors;
    for (const Descriptor& each : made) descriptors.push_back(each.get());
    const BlankReply reply = {request.netns, request.sequence, static_cast<uint32_t>(made.size()), error};
    // A worker that asks on without taking its answers has no room for another.
    return sendMessage(worker, &reply, sizeof reply, descriptors.data(), descriptors.size(), MSG_DONTWAIT) == 0;
  }

  /** Fills `made`, as far as it goes. 0, or the errno. */
  int make(const BlankRequest& request, std::vector<Descriptor>& made) {
    const auto found = namespaces_.find(request.netns);
    if (found == namespaces_.end()) return ENOENT;
    if (setns(found->second.get(), CLONE_NEWNET) < 0) return errno;
    int number = 0;
    while (number == 0 && made.size() < request.count) number = makeOne(request.family, made);
    // Else this process would keep the namespace alive.
    if (setns(home_.get(), CLONE_NEWNET) < 0) _exit(1);
    return number;
  }

  int makeOne(uint8_t family, std::vector<Descriptor>& made) {
    const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    Descriptor socket(::socket(family == 4 ? AF_INET : AF_INET6, type, IPPROTO_TCP));
    if (!socket.open()) return errno;
    const int on = 1;
    if (setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) return errno;
    if (map_.open())
      if (const int number = mark(map_.get(), socket.get()); number != 0) return number;
    made.push_back(std::move(socket));
    return 0;
  }

  Descriptor control_;
  Descriptor home_;
  Descriptor map_;
  std::vector<Descriptor> workers_;
  std::unordered_map<uint32_t, Descriptor> namespaces_;
};

int filterSyscalls() {
  SyscallFilter filter;
  filter.denyOthers(SYS_setns, 1, {CLONE_NEWNET}, EPERM);
  filter.denyOthers(SYS_socket, 0, {AF_INET, AF_INET6}, EPERM);
  filter.denyOthers(SYS_bpf, 0, {BPF_MAP_UPDATE_ELEM}, EPERM);
  filter.decide({SYS_ppoll, SYS_recvmsg, SYS_sendmsg, SYS_setsockopt, SYS_close, SYS_brk, SYS_mmap, SYS_munmap,
                 SYS_mremap, SYS_madvise, SYS_futex, SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_restart_syscall},
                0);
#ifdef SYS_poll
  filter.decide(SYS_poll, 0);
#endif
  return filter.install(EPERM);
}

int run() {
  signal(SIGPIPE, SIG_IGN);
  Descriptor home(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!home.open() || fcntl(controlDescriptor, F_SETFD, FD_CLOEXEC) < 0) {
    perror("weft-sockets");
    return 1;
  }
  int number = keepCapabilities(uint64_t{1} << CAP_SYS_ADMIN);
  if (number == 0) number = filterSyscalls();
  if (number != 0) {
    fprintf(stderr, "weft-sockets: privileges could not be given up: %s\n", strerror(number));
    return 1;
  }
  Broker(std::move(home)).serve();
  return 0;
}

}  // namespace

}  // namespace weft

int main() { return weft::run(); }
