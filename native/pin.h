#pragma once

#include <string>

#include "argument.h"
#include "descriptor.h"

namespace weft {

enum class Kind { map, program, link };

/** Opens the map, program or link pinned at `path`; EINVAL when the pin is of another kind. */
Descriptor openPin(Napi::Env env, const std::string& path, Kind kind);

/** Pins the object behind `fd` at `path` of a bpffs. */
void pin(const Call& call, int fd, const std::string& path);

}  // namespace weft
