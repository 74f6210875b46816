// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/journal.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"

#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace cedana::roles {

namespace {

UniqueFd connected_stream() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string_view path = k_journal_socket;
    static_assert(std::char_traits<char>::length(k_journal_socket) < sizeof address.sun_path);
    std::memcpy(static_cast<char*>(address.sun_path), path.data(), path.size());
    // A journal that does not answer is no reason to wait.
    UniqueFd stream(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!stream || ::connect(stream.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw OsFailure(Fault::environment)
            .error("cannot connect to the journal ({})", k_journal_socket)
            .hint("write its output to a file: --stdio FILE");
    return stream;
}

} // namespace

bool has_journal() {
    struct ::stat info {};
    return ::stat(k_journal_socket, &info) == 0 && S_ISSOCK(info.st_mode);
}

UniqueFd open_journal(const JournalStream& journal) {
    constexpr int k_priority = 6;
    constexpr int k_queue = 8 * 1024 * 1024;
    UniqueFd stream = connected_stream();
    ::shutdown(stream.get(), SHUT_RD);
    // As much as systemd asks for; what it gets will do.
    ::setsockopt(stream.get(), SOL_SOCKET, SO_SNDBUF, &k_queue, sizeof k_queue);
    // Prefixes like "<3>" tell the priority; nothing is forwarded to syslog, the kernel's log and the console.
    const std::string head = fmt::format("{}\n{}\n{}\n1\n0\n0\n0\n", journal.identifier, journal.unit, k_priority);
    write_all(stream.get(), head, k_journal_socket);
    ::fcntl(stream.get(), F_SETFL, ::fcntl(stream.get(), F_GETFL) & ~O_NONBLOCK);
    return stream;
}

} // namespace cedana::roles
