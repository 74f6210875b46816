// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/dump_record.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/criu/log.hpp"
#include "cedana/files/link_remap.hpp"
#include "cedana/process/tcp_repair.hpp"
#include "cedana/undo/network_lock.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

constexpr const char* k_record = "dump.record";
constexpr const char* k_published = "published";

// CBOR, and not text: paths are bytes.
std::string encode(const DumpRecord& record) {
    Json processes = Json::array();
    for (const ProcessId& id : record.processes)
        processes.push_back({id.pid, id.start_time});
    Json files = Json::array();
    for (const RenamedFile& file : record.files)
        files.push_back({file.path, file.device, file.inode});
    std::string bytes;
    Json::to_cbor({{"processes", processes}, {"files", files}, {"names_before", record.names_before}}, bytes);
    return bytes;
}

DumpRecord decode(const std::string& bytes) {
    const Json json = Json::from_cbor(bytes);
    DumpRecord record{.processes = {}, .files = {}, .names_before = json.at("names_before")};
    for (const Json& id : json.at("processes"))
        record.processes.push_back({.pid = id.at(0).get<pid_t>(), .start_time = id.at(1).get<std::uint64_t>()});
    for (const Json& file : json.at("files"))
        record.files.push_back({.path = file.at(0).get<std::string>(),
                                .device = file.at(1).get<dev_t>(),
                                .inode = file.at(2).get<ino_t>()});
    return record;
}

std::optional<ProcessHandle> open_if_alive(const Procfs& procfs, ProcessId id) {
    try {
        ProcessHandle handle = ProcessHandle::open(procfs, id);
        return handle.alive() ? std::optional(std::move(handle)) : std::nullopt;
    } catch (const Error& error) {
        if (error.fault() != Fault::no_process)
            throw;
        return std::nullopt;
    }
}

std::vector<fs::path> names_of(const std::vector<RenamedFile>& files) {
    std::vector<fs::path> names;
    for (const RenamedFile& file : files)
        std::ranges::move(link_remaps(file.path, file.device, file.inode), std::back_inserter(names));
    return names;
}

void remove_names(const DumpRecord& record, UndoneDump& taken) {
    for (const LinkRemap& name : made_names(record))
        if (::unlink(name.link.c_str()) == 0)
            taken.names.emplace_back(name.link);
}

} // namespace

DumpRecord record_dump(const ProcessTree& tree, const TreeFacts& facts) {
    DumpRecord record{.processes = tree.ids(), .files = facts.renamed_files};
    for (const fs::path& name : names_of(record.files))
        record.names_before.push_back(name.string());
    return record;
}

std::vector<LinkRemap> made_names(const DumpRecord& record) {
    std::vector<LinkRemap> made;
    for (const RenamedFile& file : record.files)
        for (const fs::path& name : link_remaps(file.path, file.device, file.inode))
            if (std::ranges::count(record.names_before, name.string()) == 0)
                made.push_back({.lost = file.path, .link = name.string()});
    return made;
}

void write_record(const DumpRecord& record, const fs::path& work) {
    // At no moment is there half a record once CRIU was started.
    replace_file(work / k_record, encode(record));
}

void record_frozen_tree(DumpRecord& record, const ProcessTree& tree, const fs::path& work) {
    std::vector<ProcessId> frozen = tree.ids();
    if (frozen == record.processes)
        return;
    record.processes = std::move(frozen);
    write_record(record, work);
}

std::optional<DumpRecord> read_record(const fs::path& work) {
    std::error_code ignored;
    if (!fs::exists(work / k_record, ignored))
        return std::nullopt;
    try {
        return decode(read_file(work / k_record));
    } catch (const Json::exception&) {
        // cedana was killed while it wrote it, so that CRIU was never started.
        return std::nullopt;
    }
}

void record_published(const fs::path& checkpoint, const fs::path& work) {
    const UniqueFd file = open_file(work / k_published, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    write_all(file.get(), checkpoint.string(), work / k_published);
}

std::optional<fs::path> published_checkpoint(const fs::path& work) {
    const std::string path = read_log(work / k_published);
    return path.empty() ? std::nullopt : std::optional(fs::path(path));
}

UndoneDump undo_dump(const DumpRecord& record, const fs::path& work) {
    const Procfs procfs;
    UndoneDump taken;
    bool root_lives = false;
    for (const ProcessId& id : record.processes) {
        if (const auto process = open_if_alive(procfs, id)) {
            root_lives = root_lives || id == record.processes.front();
            taken.sockets += end_tcp_repair(procfs, *process);
        }
    }
    if (!root_lives && (taken.waits_for = published_checkpoint(work)))
        return taken;
    if (const auto table = criu::network_lock_of(read_log_head(work / criu::k_dump_log));
        table && criu::remove_network_lock(*table))
        taken.network_locks.push_back(*table);
    remove_names(record, taken);
    return taken;
}

} // namespace cedana
