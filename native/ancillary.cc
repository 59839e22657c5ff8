#include "ancillary.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace weft {

namespace {

constexpr size_t controlBytes = CMSG_SPACE(mostDescriptors * sizeof(int));

}  // namespace

int sendMessage(int socket, const void* data, size_t length, const int* descriptors, size_t count, int flags) {
  if (count > mostDescriptors) return EINVAL;
  iovec part = {const_cast<void*>(data), length};
  alignas(cmsghdr) uint8_t control[controlBytes] = {};
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (count > 0) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(rights), descriptors, count * sizeof(int));
  }
  for (;;) {
    if (sendmsg(socket, &header, flags | MSG_NOSIGNAL) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

int receiveMessage(int socket, void* data, size_t limit, Message& message, int flags) {
  iovec part = {data, limit};
  alignas(cmsghdr) uint8_t control[controlBytes] = {};
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t received;
  do {
    received = recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return errno;
  message.length = static_cast<size_t>(received);
  message.descriptors.clear();
  for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(each) + i * sizeof(int), sizeof fd);
      message.descriptors.emplace_back(fd);
    }
  }
  if ((header.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0) return 0;
  message.descriptors.clear();
  return (header.msg_flags & MSG_TRUNC) != 0 ? EMSGSIZE : EMFILE;
}

}  // namespace weft
