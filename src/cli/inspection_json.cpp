// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/cli/container_text.hpp"
#include "cedana/cli/facts_text.hpp"
#include "cedana/cli/inspection.hpp"
#include "cedana/cli/output.hpp"

#include <nlohmann/json.hpp>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

Json memory_of(const ManifestProcess& process) {
    Json json = {{"pid", process.pid}, {"comm", process.comm}, {"resident_bytes", process.resident_bytes}};
    if (process.memory) {
        json["anonymous"] = process.memory->anonymous;
        json["shared"] = process.memory->shared;
        json["file_backed"] = process.memory->file_backed;
        json["swapped"] = process.memory->swapped;
    }
    return json;
}

Json tree_of(const Manifest& manifest) {
    Json list = Json::array();
    for (const ManifestProcess& process : manifest.tree)
        list.push_back({{"pid", process.pid},
                        {"parent", process.parent},
                        {"comm", process.comm},
                        {"executable", process.executable},
                        {"command_line", process.command_line},
                        {"threads", process.threads}});
    return list;
}

// What the processes had open, with their place in the system.
Json open_of(const RecordedFacts& facts) {
    Json list = Json::array();
    for (const RecordedProcess& process : facts.processes) {
        Json descriptors = Json::array();
        for (const RecordedDescriptor& open : process.descriptors)
            descriptors.push_back({{"fd", open.fd},
                                   {"kind", name_of(open.kind)},
                                   {"target", open.target},
                                   {"access", access_of(open.flags)},
                                   {"position", open.position},
                                   {"names", open.names ? Json(*open.names) : Json(nullptr)},
                                   {"locks", open.locks},
                                   {"watches", open.watches}});
        list.push_back({{"pid", process.pid},
                        {"session", process.session},
                        {"group", process.group},
                        {"terminal", text_or_null(process.terminal)},
                        {"namespaces", process.namespaces},
                        {"cgroups", process.cgroups},
                        {"descriptors", descriptors},
                        {"not_recorded", process.descriptors_left_out}});
    }
    return list;
}

Json sockets_of(const RecordedFacts& facts) {
    Json list = Json::array();
    for (const RecordedSocket& socket : facts.sockets)
        list.push_back({{"kind", socket.kind},
                        {"state", socket.state},
                        {"local", socket.local},
                        {"remote", socket.remote},
                        {"peer", socket.peer_outside.empty() ? holders_of(facts, socket.peer) : socket.peer_outside},
                        {"held_by", holders_of(facts, socket.inode)}});
    return list;
}

Json connections_of(const Manifest& manifest) {
    Json list = Json::array();
    for (const TcpConnection& connection : manifest.connections)
        list.push_back({{"local_address", connection.local_address},
                        {"local_port", connection.local_port},
                        {"remote_address", connection.remote_address},
                        {"remote_port", connection.remote_port}});
    return list;
}

Json map_of(const MemoryMap& map) {
    Json mappings = Json::array();
    for (const MappedRange& range : map.ranges)
        mappings.push_back({{"start", range.mapping.start},
                            {"end", range.mapping.end},
                            {"mode", mode_of(range.mapping)},
                            {"kind", name_of(range.mapping.kind)},
                            {"name", range.name},
                            {"offset", range.mapping.offset},
                            {"bytes_in_images", range.bytes_in_images ? Json(*range.bytes_in_images) : Json(nullptr)}});
    Json threads = Json::array();
    for (const ThreadPlace& thread : map.threads) {
        Json registers = Json::object();
        for (const auto& [name, value] : thread.state.registers)
            registers[name] = value;
        threads.push_back({{"tid", thread.tid}, {"comm", thread.state.comm}, {"registers", registers}});
    }
    return {{"pid", map.pid}, {"comm", map.comm}, {"mappings", mappings}, {"threads", threads}};
}

void put_files(Json& json, const Manifest& manifest) {
    Json written = Json::array();
    for (const CapturedFile& file : manifest.files) {
        Json uses = Json::array();
        for (const FileUse& use : file.uses)
            uses.push_back({{"pid", use.pid}, {"fd", use.fd < 0 ? Json(nullptr) : Json(use.fd)}});
        written.push_back({{"path", file.path},
                           {"size", file.size},
                           {"recorded", file.entry.empty() ? file.digest.empty() ? "size" : "digest" : "content"},
                           {"uses", uses}});
    }
    Json needed = Json::array();
    for (const RequiredFile& file : manifest.required_files)
        needed.push_back({{"path", file.path}, {"size", file.size}});
    json["files"] = written;
    json["open"] = manifest.facts ? open_of(*manifest.facts) : Json(nullptr);
    json["required_files"] = needed;
}

Json images_of(const Inspection& inspection) {
    Json list = Json::array();
    for (const ImageSize& image : inspection.images)
        list.push_back({{"name", image.name}, {"size", image.bytes}, {"size_compressed", image.compressed}});
    return list;
}

void put_timings(Json& json, const Manifest& manifest) {
    const Timeline timeline = timeline_of(manifest);
    json["timings"] = Json::array();
    for (const Phase& phase : timeline.phases)
        json["timings"].push_back({{"phase", phase.name}, {"begin", phase.begin}, {"seconds", phase.seconds}});
    json["frozen_seconds"] = timeline.frozen_seconds;
    json["frozen_is_measured"] = timeline.frozen_is_measured;
}

void put_head(Json& json, const Inspection& inspection) {
    const Manifest& manifest = inspection.manifest;
    json["name"] = manifest.name;
    json["label"] = text_or_null(manifest.label);
    json["note"] = text_or_null(manifest.note);
    json["pid"] = manifest.tree.front().pid;
    json["container"] = manifest.container ? to_json(*manifest.container) : Json(nullptr);
    json["created"] = manifest.created;
    json["host"] = {{"name", manifest.host.name},
                    {"kernel", manifest.host.kernel},
                    {"machine", manifest.host.machine},
                    {"cpu_model", manifest.host.cpu_model}};
    json["cedana_version"] = manifest.cedana_version;
    json["criu_version"] = manifest.criu_version;
    json["leave_running"] = manifest.leave_running;
    json["cannot_be_restored"] = manifest.cannot_be_restored;
    json["criu_options"] = Json::array();
    for (const std::string& option : options_of(manifest.criu_options))
        json["criu_options"].push_back({{"option", option}});
    json["signature"] = name_of(inspection.signature.by);
    json["signed_by"] = text_or_null(inspection.signature.key_id);
    json["encrypted"] = inspection.encrypted;
    json["bytes_archive"] = inspection.bytes_archive;
    json["bytes_images"] = manifest.bytes_images;
}

template <typename Changes, typename Describe>
Json list_of(const Changes& changes, Describe describe) {
    Json list = Json::array();
    for (const auto& change : changes) {
        Json json = describe(change);
        json["change"] = name_of(change.change);
        list.push_back(std::move(json));
    }
    return list;
}

} // namespace

Json to_json(const Inspection& inspection, const Sections& sections) {
    const auto wanted = [&](Section section) { return sections.empty() || sections.contains(section); };
    const Manifest& manifest = inspection.manifest;
    Json json = {{"checkpoint", inspection.path.string()}};
    if (sections.empty())
        put_head(json, inspection);
    if (wanted(Section::tree))
        json["tree"] = tree_of(manifest);
    if (wanted(Section::memory)) {
        json["memory"] = Json::array();
        for (const ManifestProcess& process : manifest.tree)
            json["memory"].push_back(memory_of(process));
    }
    if (wanted(Section::files))
        put_files(json, manifest);
    if (wanted(Section::sockets)) {
        json["connections"] = connections_of(manifest);
        json["sockets"] = manifest.facts ? sockets_of(*manifest.facts) : Json(nullptr);
    }
    if (wanted(Section::images))
        json["images"] = images_of(inspection);
    if (wanted(Section::timing))
        put_timings(json, manifest);
    if (sections.contains(Section::maps)) {
        json["maps"] = Json::array();
        for (const MemoryMap& map : inspection.maps)
            json["maps"].push_back(map_of(map));
    }
    return json;
}

Json to_json(const Comparison& comparison) {
    return {
        {"same_process", comparison.same_process},
        {"processes", list_of(comparison.processes,
                              [](const ProcessChange& one) -> Json {
                                  return {{"pid", one.pid},
                                          {"comm", one.comm},
                                          {"resident_bytes_before", one.bytes_before},
                                          {"resident_bytes_after", one.bytes_after},
                                          {"thread_count_before", one.threads_before},
                                          {"thread_count_after", one.threads_after}};
                              })},
        {"files",
         list_of(comparison.files,
                 [](const FileChange& one) -> Json {
                     return {{"path", one.path}, {"size_before", one.bytes_before}, {"size_after", one.bytes_after}};
                 })},
        {"descriptors",
         list_of(comparison.descriptors,
                 [](const DescriptorChange& one) -> Json {
                     return {{"pid", one.pid}, {"fd", one.fd}, {"before", one.before}, {"after", one.after}};
                 })},
        {"sockets", list_of(comparison.sockets, [](const SocketChange& one) -> Json {
             return {{"socket", one.text}, {"socket_count_before", one.before}, {"socket_count_after", one.after}};
         })}};
}

} // namespace cedana
