// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/external_ends.hpp"

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

constexpr std::string_view k_before_namespace = "/run/systemd/journal.";
constexpr std::string_view k_after_namespace = "/stdout";

} // namespace

std::string journal_socket(std::string_view log_namespace) {
    return log_namespace.empty() ? k_journal_socket
                                 : fmt::format("{}{}{}", k_before_namespace, log_namespace, k_after_namespace);
}

std::optional<std::string> log_namespace_of(std::string_view socket) {
    if (socket == k_journal_socket)
        return std::string();
    if (!socket.starts_with(k_before_namespace) || !socket.ends_with(k_after_namespace) ||
        socket.size() <= k_before_namespace.size() + k_after_namespace.size())
        return std::nullopt;
    const std::string_view name =
        socket.substr(k_before_namespace.size(), socket.size() - k_before_namespace.size() - k_after_namespace.size());
    return name.find('/') == std::string_view::npos ? std::optional(std::string(name)) : std::nullopt;
}

} // namespace cedana
