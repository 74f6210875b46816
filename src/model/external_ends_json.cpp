// SPDX-License-Identifier: Apache-2.0
#include "external_ends_json.hpp"

#include "cedana/base/text.hpp"

#include <limits>
#include <string>

#include <spdlog/fmt/fmt.h>

#include "manifest_json.hpp"

namespace cedana {

namespace {

using Json = nlohmann::json;

constexpr auto k_highest = static_cast<std::uint64_t>(std::numeric_limits<int>::max());

Json descriptors_to_json(const std::vector<Descriptor>& descriptors) {
    Json list = Json::array();
    for (const Descriptor& one : descriptors)
        list.push_back({{"pid", one.pid}, {"fd", one.fd}});
    return list;
}

std::vector<Descriptor> descriptors_from_json(const Json& json) {
    std::vector<Descriptor> descriptors;
    for (const Json& one : list_of(json))
        descriptors.push_back({.pid = static_cast<pid_t>(number_of(one.at("pid"), k_highest)),
                               .fd = static_cast<int>(number_of(one.at("fd"), k_highest))});
    return descriptors;
}

PipeEnd end_from_json(const Json& json) {
    const std::string end = json.get<std::string>();
    if (end != "read" && end != "write")
        refuse_manifest(fmt::format("'{}' is no end of a pipe", printable(end)));
    return end == "read" ? PipeEnd::read : PipeEnd::write;
}

} // namespace

Json external_pipes_to_json(const std::vector<ExternalPipe>& pipes) {
    Json list = Json::array();
    for (const ExternalPipe& pipe : pipes)
        list.push_back({{"inode", pipe.inode},
                        {"end", pipe.end == PipeEnd::read ? "read" : "write"},
                        {"descriptors", descriptors_to_json(pipe.descriptors)}});
    return list;
}

Json external_terminals_to_json(const std::vector<ExternalTerminal>& terminals) {
    Json list = Json::array();
    for (const ExternalTerminal& terminal : terminals)
        list.push_back({{"path", terminal.path}, {"descriptors", descriptors_to_json(terminal.descriptors)}});
    return list;
}

std::vector<ExternalPipe> external_pipes_from_json(const Json& json) {
    std::vector<ExternalPipe> pipes;
    // The kernel's inode numbers of pipes have 32 bits, and so has what CRIU calls them by.
    for (const Json& one : list_of(json))
        pipes.push_back({.inode = number_of(one.at("inode"), std::numeric_limits<std::uint32_t>::max()),
                         .end = end_from_json(one.at("end")),
                         .descriptors = descriptors_from_json(one.at("descriptors"))});
    return pipes;
}

std::vector<ExternalTerminal> external_terminals_from_json(const Json& json) {
    std::vector<ExternalTerminal> terminals;
    for (const Json& one : list_of(json))
        terminals.push_back(
            {.path = one.at("path").get<std::string>(), .descriptors = descriptors_from_json(one.at("descriptors"))});
    return terminals;
}

std::vector<unsigned> terminal_numbers_from_json(const Json& json) {
    std::vector<unsigned> numbers;
    for (const Json& one : list_of(json))
        numbers.push_back(static_cast<unsigned>(number_of(one, k_highest)));
    return numbers;
}

} // namespace cedana
