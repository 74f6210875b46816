// SPDX-License-Identifier: Apache-2.0
// TCP connections as the manifest has them.
#pragma once

#include "cedana/model/tcp_connection.hpp"

#include <vector>

#include <nlohmann/json.hpp>

namespace cedana {

[[nodiscard]] nlohmann::json connections_to_json(const std::vector<TcpConnection>& connections);
// Throws Error(Fault::checkpoint) or nlohmann::json::exception on anything that is not such a list.
[[nodiscard]] std::vector<TcpConnection> connections_from_json(const nlohmann::json& json);

} // namespace cedana
