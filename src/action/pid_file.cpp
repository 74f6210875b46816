// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/pid_file.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/model/callers_place.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

void require_pid_file(const Caller& caller, const fs::path& path) {
    const std::string what = fmt::format("cannot write its pid into {}", path.string());
    const fs::path folder = fs::absolute(path).parent_path();
    std::error_code ignored;
    if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored))
        throw Error(Fault::storage, what + ": it is no file");
    if (::access(folder.c_str(), W_OK | X_OK) != 0)
        throw OsFailure(Fault::storage).error("{}", what);
    if (!can_write_in(caller, folder) && !may_become_root(caller))
        throw os_error(EACCES, what, Fault::permission);
}

void write_pid_file(const Caller& caller, const fs::path& path, pid_t pid) {
    constexpr mode_t k_for_all_to_read = 0644;
    UniqueFd file = open_for(caller, path, O_WRONLY | O_CREAT | O_TRUNC, k_for_all_to_read);
    write_all(file.get(), fmt::format("{}\n", pid), path);
    close_checked(std::move(file), path);
}

} // namespace cedana
