// SPDX-License-Identifier: Apache-2.0
#include "tcp_connection_json.hpp"

#include <limits>
#include <string>

#include "manifest_json.hpp"

namespace cedana {

namespace {

std::uint16_t port_of(const nlohmann::json& json) {
    return static_cast<std::uint16_t>(number_of(json, std::numeric_limits<std::uint16_t>::max()));
}

} // namespace

nlohmann::json connections_to_json(const std::vector<TcpConnection>& connections) {
    nlohmann::json list = nlohmann::json::array();
    for (const TcpConnection& one : connections)
        list.push_back({{"local_address", one.local_address},
                        {"local_port", one.local_port},
                        {"remote_address", one.remote_address},
                        {"remote_port", one.remote_port}});
    return list;
}

std::vector<TcpConnection> connections_from_json(const nlohmann::json& json) {
    std::vector<TcpConnection> connections;
    for (const auto& one : list_of(json))
        connections.push_back({.local_address = one.at("local_address").get<std::string>(),
                               .local_port = port_of(one.at("local_port")),
                               .remote_address = one.at("remote_address").get<std::string>(),
                               .remote_port = port_of(one.at("remote_port"))});
    return connections;
}

} // namespace cedana
