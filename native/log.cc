#include "log.h"

#include <bpf/libbpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace weft {

namespace {

/** libbpf prints through one function a process; the thread decides who listens. */
thread_local LibraryLog* listener = nullptr;

/** The quoted name between `before` and `after` in the last line that has both. */
std::string nameIn(const std::string& text, const std::string& before, const std::string& after) {
  const size_t end = text.rfind(after);
  if (end == std::string::npos) return "";
  const size_t start = text.rfind(before, end);
  if (start == std::string::npos) return "";
  return text.substr(start + before.size(), end - start - before.size());
}

}  // namespace

struct LibraryPrinter {
  static int print(libbpf_print_level level, const char* format, va_list arguments) {
    if (listener == nullptr || level != LIBBPF_WARN) return 0;
    char line[4096];
    const int length = vsnprintf(line, sizeof line, format, arguments);
    if (length > 0) listener->text_.append(line, std::min<size_t>(static_cast<size_t>(length), sizeof line - 1));
    return length;
  }
};

LibraryLog::LibraryLog() : outer_(listener) { listener = this; }

LibraryLog::~LibraryLog() { listener = outer_; }

std::string LibraryLog::text() const { return text_.substr(0, text_.find_last_not_of('\n') + 1); }

std::string LibraryLog::failedProgram() const { return nameIn(text_, "prog '", "': BPF program load failed"); }

std::string LibraryLog::failedMap() const { return nameIn(text_, "map '", "': failed to create"); }

void LibraryLog::silence() { libbpf_set_print(LibraryPrinter::print); }

VerifierLog::VerifierLog() {
  void* room = mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room != MAP_FAILED) data_ = static_cast<char*>(room);
}

VerifierLog::~VerifierLog() {
  if (data_ != nullptr) munmap(data_, capacity);
}

std::string VerifierLog::text() const {
  if (data_ == nullptr) return "";
  const size_t length = strnlen(data_, capacity);
  return std::string(data_ + (length > kept ? length - kept : 0), std::min(length, kept));
}

}  // namespace weft
