#pragma once

namespace weft {

/** Owns one file descriptor. Empty is -1. */
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }

  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  /** Gives the descriptor to the caller. */
  int release() noexcept;
  /** Closes it; does nothing the second time. */
  void close() noexcept;
  /** A second descriptor of the same file, close-on-exec; empty with errno set when there are none left. */
  static Descriptor duplicate(int fd);

 private:
  int fd_ = -1;
};

}  // namespace weft
