#pragma once

#include <napi.h>

namespace weft {

/** lockDown({uid, gid}): the process gives up everything it does not need to proxy. */
void lockDown(const Napi::CallbackInfo& info);

}  // namespace weft
