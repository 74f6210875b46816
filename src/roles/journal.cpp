// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/journal.hpp"

#include "cedana/base/files.hpp"
#include "cedana/base/unix_socket.hpp"

#include <string>

#include <spdlog/fmt/fmt.h>

#include <sys/socket.h>
#include <sys/stat.h>

namespace cedana::roles {

namespace {

bool is_socket(const std::string& path) {
    struct ::stat info {};
    return ::stat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
}

} // namespace

bool has_journal() { return is_socket(k_journal_socket); }

UniqueFd open_journal(const JournalStream& journal) {
    constexpr int k_priority = 6;
    constexpr int k_queue = 8 * 1024 * 1024;
    const std::string own = journal_socket(journal.log_namespace);
    UniqueFd stream = connect_unix(is_socket(own) ? own : k_journal_socket);
    ::shutdown(stream.get(), SHUT_RD);
    // As much as systemd asks for; what it gets will do.
    ::setsockopt(stream.get(), SOL_SOCKET, SO_SNDBUF, &k_queue, sizeof k_queue);
    // Prefixes like "<3>" tell the priority; nothing is forwarded to syslog, the kernel's log and the console.
    const std::string head = fmt::format("{}\n{}\n{}\n1\n0\n0\n0\n", journal.identifier, journal.unit, k_priority);
    write_all(stream.get(), head, k_journal_socket);
    return stream;
}

} // namespace cedana::roles
