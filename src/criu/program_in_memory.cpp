// SPDX-License-Identifier: Apache-2.0
#include "program_in_memory.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"

#include <cerrno>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/mman.h>

namespace cedana::criu {

UniqueFd program_in_memory(const char* cannot, const char* name, std::span<const std::byte> program) {
    // linux/memfd.h; the C library's headers are older.
    constexpr unsigned k_executable = 0x10;
    UniqueFd file(::memfd_create(name, MFD_CLOEXEC | k_executable));
    int err = errno;
    // Linux before 6.3 does not know the flag, and allows it without.
    if (!file && err == EINVAL) {
        file = UniqueFd(::memfd_create(name, MFD_CLOEXEC));
        err = errno;
    }
    if (!file)
        throw os_error(err, cannot, Fault::environment).hint("allow programs in memory: sysctl vm.memfd_noexec=0");
    write_all(file.get(), program, name);
    return open_file(fmt::format("/proc/self/fd/{}", file.get()), O_RDONLY);
}

} // namespace cedana::criu
