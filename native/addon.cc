#include <bpf/bpf.h>
#include <napi.h>

#include <memory>

#include "channel.h"
#include "diag.h"
#include "environment.h"
#include "link.h"
#include "lock.h"
#include "lockdown.h"
#include "log.h"
#include "map.h"
#include "netns.h"
#include "object.h"
#include "pin.h"
#include "program.h"
#include "ring.h"
#include "route.h"
#include "socket.h"
#include "statistics.h"
#include "system.h"
#include "takeover.h"
#include "wires.h"

namespace weft {

namespace {

Napi::Value openObject(const Napi::CallbackInfo& info) {
  const Call call{info.Env(), "object_open", ""};
  const std::string name = textOf(call, info[1], "the name");
  return Object::open(info.Env(), bytesOf({info.Env(), "object_open", name}, info[0], "the ELF object"), name);
}

Napi::Value openMap(const Napi::CallbackInfo& info) {
  const std::string path = textOf({info.Env(), "obj_get", ""}, info[0], "the pin");
  return Map::wrap(info.Env(), openPin(info.Env(), path, Kind::map));
}

Napi::Value openMapById(const Napi::CallbackInfo& info) {
  Call call{info.Env(), "map_get_fd_by_id", ""};
  const auto id = static_cast<uint32_t>(integerOf(call, info[0], "id", UINT32_MAX));
  call.object = "map " + std::to_string(id);
  const int fd = bpf_map_get_fd_by_id(id);
  if (fd < 0) call.fail(-fd);
  return Map::wrap(info.Env(), Descriptor(fd));
}

Napi::Value openProgramById(const Napi::CallbackInfo& info) {
  Call call{info.Env(), "prog_get_fd_by_id", ""};
  const auto id = static_cast<uint32_t>(integerOf(call, info[0], "id", UINT32_MAX));
  call.object = "program " + std::to_string(id);
  const int fd = bpf_prog_get_fd_by_id(id);
  if (fd < 0) call.fail(-fd);
  return Program::wrap(info.Env(), Descriptor(fd));
}

Napi::Value openLink(const Napi::CallbackInfo& info) {
  const std::string path = textOf({info.Env(), "obj_get", ""}, info[0], "the pin");
  return Link::wrap(info.Env(), openPin(info.Env(), path, Kind::link), path);
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  LibraryLog::silence();
  auto environment = std::make_unique<Environment>();
  environment->link = Napi::Persistent(Link::define(env));
  environment->lock = Napi::Persistent(Lock::define(env));
  environment->map = Napi::Persistent(Map::define(env));
  environment->object = Napi::Persistent(Object::define(env));
  environment->program = Napi::Persistent(Program::define(env));
  environment->ring = Napi::Persistent(Ring::define(env));
  environment->statistics = Napi::Persistent(Statistics::define(env));
  environment->wires = Napi::Persistent(Wires::define(env));
  env.SetInstanceData(environment.release());

  exports.Set("openObject", Napi::Function::New<openObject>(env, "openObject"));
  exports.Set("openMap", Napi::Function::New<openMap>(env, "openMap"));
  exports.Set("openMapById", Napi::Function::New<openMapById>(env, "openMapById"));
  exports.Set("openProgramById", Napi::Function::New<openProgramById>(env, "openProgramById"));
  exports.Set("openLink", Napi::Function::New<openLink>(env, "openLink"));
  exports.Set("cgroupLinks", Napi::Function::New<cgroupLinks>(env, "cgroupLinks"));
  exports.Set("openRing", Napi::Function::New<openRing>(env, "openRing"));
  exports.Set("lock", Napi::Function::New<lock>(env, "lock"));
  exports.Set("mountBpffs", Napi::Function::New<mountBpffs>(env, "mountBpffs"));
  exports.Set("peer", Napi::Function::New<peer>(env, "peer"));
  exports.Set("monotonicNs", Napi::Function::New<monotonicNs>(env, "monotonicNs"));
  exports.Set("boottimeNs", Napi::Function::New<boottimeNs>(env, "boottimeNs"));
  exports.Set("possibleCpus", Napi::Function::New<possibleCpus>(env, "possibleCpus"));
  exports.Set("trimMemory", Napi::Function::New<trimMemory>(env, "trimMemory"));
  exports.Set("enableStats", Napi::Function::New<enableStats>(env, "enableStats"));
  exports.Set("netnsCookie", Napi::Function::New<netnsCookie>(env, "netnsCookie"));
  exports.Set("socketCookie", Napi::Function::New<socketCookie>(env, "socketCookie"));
  exports.Set("socketIn", Napi::Function::New<socketIn>(env, "socketIn"));
  exports.Set("unshareNetwork", Napi::Function::New<unshareNetwork>(env, "unshareNetwork"));
  exports.Set("enterNetwork", Napi::Function::New<enterNetwork>(env, "enterNetwork"));
  exports.Set("localRoute", Napi::Function::New<localRoute>(env, "localRoute"));
  exports.Set("socketPair", Napi::Function::New<socketPair>(env, "socketPair"));
  exports.Set("sendDescriptors", Napi::Function::New<sendDescriptors>(env, "sendDescriptors"));
  exports.Set("receiveDescriptors", Napi::Function::New<receiveDescriptors>(env, "receiveDescriptors"));
  exports.Set("blankSockets", Napi::Function::New<blankSockets>(env, "blankSockets"));
  exports.Set("lockDown", Napi::Function::New<lockDown>(env, "lockDown"));
  exports.Set("openWires", Napi::Function::New<openWires>(env, "openWires"));
  exports.Set("takeListeners", Napi::Function::New<takeListeners>(env, "takeListeners"));
  exports.Set("closeFd", Napi::Function::New<closeFd>(env, "closeFd"));
  exports.Set("sockets", Napi::Function::New<sockets>(env, "sockets"));
  exports.Set("destroySocket", Napi::Function::New<destroySocket>(env, "destroySocket"));
  return exports;
}

}  // namespace

}  // namespace weft

static Napi::Object initialize(Napi::Env env, Napi::Object exports) { return weft::initialize(env, exports); }
NODE_API_MODULE(weft, initialize)
