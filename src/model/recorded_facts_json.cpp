// SPDX-License-Identifier: Apache-2.0
#include "recorded_facts_json.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "manifest_json.hpp"

namespace cedana {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t k_highest_pid = 4UL * 1024 * 1024;

constexpr std::array<std::pair<OpenKind, std::string_view>, 16> k_kinds = {{{OpenKind::file, "file"},
                                                                            {OpenKind::folder, "folder"},
                                                                            {OpenKind::pipe, "pipe"},
                                                                            {OpenKind::socket, "socket"},
                                                                            {OpenKind::terminal, "terminal"},
                                                                            {OpenKind::device, "device"},
                                                                            {OpenKind::memory, "memory"},
                                                                            {OpenKind::eventfd, "eventfd"},
                                                                            {OpenKind::epoll, "epoll"},
                                                                            {OpenKind::inotify, "inotify"},
                                                                            {OpenKind::fanotify, "fanotify"},
                                                                            {OpenKind::timerfd, "timerfd"},
                                                                            {OpenKind::signalfd, "signalfd"},
                                                                            {OpenKind::pidfd, "pidfd"},
                                                                            {OpenKind::io_uring, "io_uring"},
                                                                            {OpenKind::other, "other"}}};

OpenKind kind_of(const Json& json) {
    const auto name = json.get<std::string>();
    const auto* row = std::ranges::find(k_kinds, name, [](const auto& pair) { return pair.second; });
    if (row == k_kinds.end())
        refuse_manifest(fmt::format("'{}' is no kind of open file", printable(name)));
    return row->first;
}

// There are thousands of them: what is not so is not written.
template <typename Value>
void put(Json& object, const char* key, const Value& value) {
    if (value != Value{})
        object[key] = value;
}

std::uint64_t number_in(const Json& object, const char* key, std::uint64_t most = UINT64_MAX) {
    return object.contains(key) ? number_of(object.at(key), most) : 0;
}

std::string text_in(const Json& object, const char* key) {
    return object.contains(key) ? object.at(key).get<std::string>() : std::string();
}

std::vector<std::string> texts_in(const Json& object, const char* key) {
    return object.contains(key) ? object.at(key).get<std::vector<std::string>>() : std::vector<std::string>();
}

template <typename Value, typename Convert>
std::vector<Value> list_in(const Json& object, const char* key, Convert&& convert) {
    std::vector<Value> list;
    for (const Json& one : list_of(object.at(key)))
        list.push_back(convert(one));
    return list;
}

template <typename Value, typename Convert>
Json list_to_json(const std::vector<Value>& values, Convert&& convert) {
    Json list = Json::array();
    for (const Value& value : values)
        list.push_back(convert(value));
    return list;
}

Json descriptor_to_json(const RecordedDescriptor& descriptor) {
    Json json = {{"fd", descriptor.fd},
                 {"kind", name_of(descriptor.kind)},
                 {"target", descriptor.target},
                 {"flags", descriptor.flags}};
    put(json, "position", descriptor.position);
    if (descriptor.names)
        json["names"] = *descriptor.names;
    put(json, "locks", descriptor.locks);
    put(json, "watches", descriptor.watches);
    return json;
}

RecordedDescriptor descriptor_from_json(const Json& json) {
    RecordedDescriptor descriptor{
        .fd = static_cast<int>(number_of(json.at("fd"), std::numeric_limits<int>::max())),
        .kind = kind_of(json.at("kind")),
        .target = json.at("target").get<std::string>(),
        .flags = static_cast<unsigned>(number_of(json.at("flags"), std::numeric_limits<unsigned>::max())),
        .position = number_in(json, "position"),
        .locks = texts_in(json, "locks"),
        .watches = number_in(json, "watches")};
    if (json.contains("names"))
        descriptor.names = number_of(json.at("names"));
    return descriptor;
}

Json process_to_json(const RecordedProcess& process) {
    Json json = {{"pid", process.pid}, {"group", process.group}, {"session", process.session}};
    put(json, "terminal", process.terminal);
    put(json, "tracer", process.tracer);
    put(json, "seccomp", process.seccomp);
    put(json, "timers", process.timers);
    put(json, "namespaces", process.namespaces);
    put(json, "cgroups", process.cgroups);
    json["descriptors"] = list_to_json(process.descriptors, descriptor_to_json);
    put(json, "descriptors_left_out", process.descriptors_left_out);
    return json;
}

RecordedProcess process_from_json(const Json& json) {
    const auto pid = [&](const char* key) { return static_cast<pid_t>(number_in(json, key, k_highest_pid)); };
    return {.pid = static_cast<pid_t>(number_of(json.at("pid"), k_highest_pid)),
            .group = pid("group"),
            .session = pid("session"),
            .terminal = text_in(json, "terminal"),
            .tracer = pid("tracer"),
            .seccomp = static_cast<int>(number_in(json, "seccomp", std::numeric_limits<int>::max())),
            .timers = number_in(json, "timers"),
            .namespaces = texts_in(json, "namespaces"),
            .cgroups = texts_in(json, "cgroups"),
            .descriptors = list_in<RecordedDescriptor>(json, "descriptors", descriptor_from_json),
            .descriptors_left_out = number_in(json, "descriptors_left_out")};
}

Json socket_to_json(const RecordedSocket& socket) {
    Json json = {{"inode", socket.inode}, {"kind", socket.kind}, {"state", socket.state}};
    put(json, "local", socket.local);
    put(json, "remote", socket.remote);
    put(json, "peer", socket.peer);
    put(json, "peer_outside", socket.peer_outside);
    return json;
}

RecordedSocket socket_from_json(const Json& json) {
    return {.inode = number_of(json.at("inode")),
            .kind = json.at("kind").get<std::string>(),
            .state = json.at("state").get<std::string>(),
            .local = text_in(json, "local"),
            .remote = text_in(json, "remote"),
            .peer = number_in(json, "peer"),
            .peer_outside = text_in(json, "peer_outside")};
}

Json mapping_to_json(const RecordedMapping& mapping) {
    Json json = {{"target", mapping.target}};
    put(json, "written", mapping.written);
    return json;
}

RecordedMapping mapping_from_json(const Json& json) {
    return {.target = json.at("target").get<std::string>(),
            .written = json.contains("written") && json.at("written").get<bool>()};
}

} // namespace

std::string_view name_of(OpenKind kind) {
    return std::ranges::find(k_kinds, kind, [](const auto& row) { return row.first; })->second;
}

Json facts_to_json(const RecordedFacts& facts) {
    Json json = {{"processes", list_to_json(facts.processes, process_to_json)},
                 {"sockets", list_to_json(facts.sockets, socket_to_json)},
                 {"mapped", list_to_json(facts.mapped, mapping_to_json)}};
    put(json, "processes_left_out", facts.processes_left_out);
    put(json, "sockets_left_out", facts.sockets_left_out);
    put(json, "mapped_left_out", facts.mapped_left_out);
    return json;
}

RecordedFacts facts_from_json(const Json& json) {
    return {.processes = list_in<RecordedProcess>(json, "processes", process_from_json),
            .processes_left_out = number_in(json, "processes_left_out"),
            .sockets = list_in<RecordedSocket>(json, "sockets", socket_from_json),
            .sockets_left_out = number_in(json, "sockets_left_out"),
            .mapped = list_in<RecordedMapping>(json, "mapped", mapping_from_json),
            .mapped_left_out = number_in(json, "mapped_left_out")};
}

} // namespace cedana
