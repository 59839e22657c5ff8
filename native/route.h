#pragma once

#include <napi.h>

namespace weft {

/** localRoute(path, prefix, length): the namespace takes these addresses for its own. */
Napi::Value localRoute(const Napi::CallbackInfo& info);

}  // namespace weft
