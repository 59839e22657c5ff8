#include "lockdown.h"

#include <dirent.h>
#include <grp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>

#include "argument.h"
#include "capabilities.h"
#include "seccomp.h"

namespace weft {

namespace {

constexpr uint32_t newNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                   CLONE_NEWPID | CLONE_NEWNET;

/** What a proxy never calls and an intruder would. io_uring is there because it makes calls that no filter sees. */
void denyDangerous(SyscallFilter& filter) {
  filter.decide({SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
                 SYS_pidfd_getfd, SYS_process_madvise},
                EPERM);
  filter.decide({SYS_setns, SYS_unshare, SYS_chroot, SYS_pivot_root, SYS_mount, SYS_umount2, SYS_move_mount,
                 SYS_open_tree, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_mount_setattr,
                 SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_mknodat},
                EPERM);
  filter.decide({SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_fanotify_init, SYS_io_uring_setup,
                 SYS_io_uring_enter, SYS_io_uring_register, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_personality},
                EPERM);
  filter.decide({SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_swapon,
                 SYS_swapoff, SYS_acct, SYS_quotactl, SYS_syslog, SYS_sethostname, SYS_setdomainname, SYS_settimeofday,
                 SYS_adjtimex, SYS_clock_settime, SYS_clock_adjtime, SYS_lookup_dcookie, SYS_vhangup},
                EPERM);
#ifdef SYS_kexec_file_load
  filter.decide(SYS_kexec_file_load, EPERM);
#endif
#ifdef __x86_64__
  filter.decide({SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_mknod, SYS_uselib, SYS_vfork}, EPERM);
#endif
}

int filterSyscalls() {
  SyscallFilter filter;
  // Its flags are in memory, where a filter cannot look: the C library then falls back to clone.
  filter.decide(SYS_clone3, ENOSYS);
  filter.denyBits(SYS_clone, 0, newNamespaces, EPERM);
  filter.denyOthers(SYS_socket, 0, {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}, EPERM);
  denyDangerous(filter);
  return filter.install(0);
}

/** Whether a thread still has a capability. setresuid(2) clears them, and the C library makes every thread call it. */
int checkThreads(bool& anyLeft) {
  const std::unique_ptr<DIR, int (*)(DIR*)> threads(opendir("/proc/self/task"), closedir);
  if (!threads) return errno;
  while (const dirent* entry = readdir(threads.get())) {
    const auto thread = static_cast<pid_t>(strtol(entry->d_name, nullptr, 10));
    if (thread <= 0) continue;
    uint64_t capabilities = 0;
    const int number = capabilitiesOf(thread, capabilities);
    if (number == ESRCH) continue;  // it has ended meanwhile
    if (number != 0) return number;
    if (capabilities != 0) anyLeft = true;
  }
  return 0;
}

}  // namespace

void lockDown(const Napi::CallbackInfo& info) {
  const Call call{info.Env(), "lock_down", "the process"};
  if (!info[0].IsObject()) call.invalid("options must be an object");
  const auto options = info[0].As<Napi::Object>();
  const auto uid = static_cast<uid_t>(integerOf(call, options.Get("uid"), "uid", UINT32_MAX - 1));
  const auto gid = static_cast<gid_t>(integerOf(call, options.Get("gid"), "gid", UINT32_MAX - 1));
  if (uid == 0 || gid == 0) call.invalid("neither uid nor gid may be 0");

  if (setgroups(0, nullptr) < 0) call.fail(errno, "setgroups");
  if (setresgid(gid, gid, gid) < 0) call.fail(errno, "setresgid");
  // What setresuid leaves: the bounding set, which takes a capability to drop.
  constexpr uint64_t setuidCapability = uint64_t{1} << 7;
  if (const int number = keepCapabilities(setuidCapability); number != 0) call.fail(number, "capset");
  if (setresuid(uid, uid, uid) < 0) call.fail(errno, "setresuid");
  bool anyLeft = false;
  if (const int number = checkThreads(anyLeft); number != 0) call.fail(number, "capget");
  if (anyLeft) call.fail(EPERM, "a thread has kept capabilities");
  if (const int number = filterSyscalls(); number != 0) call.fail(number, "seccomp");
}

}  // namespace weft
