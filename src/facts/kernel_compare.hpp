// SPDX-License-Identifier: Apache-2.0
// Whether two threads have something of the kernel's in common (kcmp(2)).
#pragma once

#include <cstdint>
#include <optional>

#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace cedana {

enum class Common : std::uint8_t {
    memory = KCMP_VM,
    descriptors = KCMP_FILES,
    folders = KCMP_FS,
    signal_handlers = KCMP_SIGHAND
};

// As kcmp(2) orders them: 0 the same, 1 less, 2 greater. Absent where it does not tell, or one of them has ended.
[[nodiscard]] inline std::optional<int> compare_common(pid_t one, pid_t other, Common what) {
    const long order = ::syscall(SYS_kcmp, one, other, static_cast<int>(what), 0UL, 0UL);
    return order < 0 || order > 2 ? std::nullopt : std::optional(static_cast<int>(order));
}

} // namespace cedana
