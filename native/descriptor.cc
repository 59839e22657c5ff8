#include "descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace weft {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.release();
  }
  return *this;
}

int Descriptor::release() noexcept { return std::exchange(fd_, -1); }

void Descriptor::close() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Descriptor Descriptor::duplicate(int fd) { return Descriptor(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

}  // namespace weft
