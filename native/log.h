#pragma once

#include <cstddef>
#include <string>

namespace weft {

/** Gathers what libbpf says on this thread while it lives; libbpf never writes to stderr once {@link silence} ran. */
class LibraryLog {
 public:
  LibraryLog();
  ~LibraryLog();
  LibraryLog(const LibraryLog&) = delete;
  LibraryLog& operator=(const LibraryLog&) = delete;

  /** The warnings so far, one a line, without a line end. */
  std::string text() const;
  /** The name in the last "prog 'NAME': BPF program load failed", or empty. */
  std::string failedProgram() const;
  /** The name in the last "map 'NAME': failed to create", or empty. */
  std::string failedMap() const;

  static void silence();

 private:
  friend struct LibraryPrinter;
  std::string text_;
  LibraryLog* outer_;
};

/** Room for the verifier's log: address space that costs memory only once the kernel writes to it. */
class VerifierLog {
 public:
  VerifierLog();
  ~VerifierLog();
  VerifierLog(const VerifierLog&) = delete;
  VerifierLog& operator=(const VerifierLog&) = delete;

  /** Null when the kernel gave no room. */
  char* data() const { return data_; }
  size_t size() const { return data_ == nullptr ? 0 : capacity; }
  /** The log; of a long one the last 1 MiB, where the refusal is. */
  std::string text() const;

  /** Just under 16 MiB: the most that Linux before 5.12 accepts (UINT_MAX >> 8). */
  static constexpr size_t capacity = (16u << 20) - 4096;
  static constexpr size_t kept = 1u << 20;

 private:
  char* data_ = nullptr;
};

}  // namespace weft
