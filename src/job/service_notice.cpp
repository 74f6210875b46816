// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/service_notice.hpp"

#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace cedana::job {

void tell_service_manager(const std::string& what) {
    const char* const named = std::getenv("NOTIFY_SOCKET");
    const std::string_view path = named == nullptr ? "" : named;
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return;
    std::ranges::copy(path, static_cast<char*>(address.sun_path));
    // An abstract one (unix(7)).
    if (path.front() == '@')
        address.sun_path[0] = '\0';
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    // A manager that is behind must not miss that the job is ready; one that hangs must not hold up the job.
    constexpr timeval k_limit{.tv_sec = 1, .tv_usec = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &k_limit, sizeof k_limit);
    ::sendto(socket.get(), what.data(), what.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size);
}

std::optional<std::chrono::microseconds> watchdog_interval() {
    const char* const limit = std::getenv("WATCHDOG_USEC");
    const char* const of = std::getenv("WATCHDOG_PID");
    std::int64_t number = 0;
    if (of != nullptr && (!parse_number(of, number) || number != ::getpid()))
        return std::nullopt;
    if (limit == nullptr || !parse_number(limit, number) || number <= 0)
        return std::nullopt;
    // As sd_watchdog_enabled(3) says.
    return std::chrono::microseconds(number) / 2;
}

} // namespace cedana::job
