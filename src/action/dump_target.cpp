// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/dump_target.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/units.hpp"
#include "cedana/criu/plugins.hpp"
#include "cedana/files/checkpoint_file.hpp"
#include "cedana/files/default_store.hpp"
#include "cedana/files/move.hpp"
#include "cedana/host/permissions.hpp"
#include "cedana/process/find.hpp"
#include "cedana/process/signal.hpp"

#include <string>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

std::uint64_t largest_copy(const Config& config) {
    return config.files_capture == Capture::none ? 0
                                                 : static_cast<std::uint64_t>(config.files_capture_limit_mib) * k_mib;
}

} // namespace

ProcessHandle find_target(const Procfs& procfs, const DumpRequest& request) {
    if (request.pid)
        return ProcessHandle::open(procfs, *request.pid);
    const std::string name = request.name.value_or(request.config.client_process_name);
    if (name.empty())
        throw Error(Fault::usage, "no process to dump").hint("give -p PID or -n NAME, or set client.process_name");
    const FindResult found = find_by_name(procfs, name, ::getpid());
    if (request.found)
        request.found(found);
    const Config& config = request.config;
    const bool harmless = config.client_leave_running && !config.client_signal_process_pre_dump;
    return ProcessHandle::open(procfs, choose(found, harmless ? Purpose::look : Purpose::end_or_signal).id);
}

bool uses_default_store(const DumpRequest& request) {
    return !request.folder && request.config.shared_storage_dump_storage_dir.empty();
}

fs::path find_folder(const DumpRequest& request) {
    constexpr const char* k_folder = "the folder for checkpoints";
    if (uses_default_store(request) && !fs::exists(k_default_store))
        return k_default_store;
    const std::string& setting = request.config.shared_storage_dump_storage_dir;
    const fs::path folder = request.folder.value_or(setting.empty() ? k_default_store : setting);
    require_folder(folder, k_folder);
    require_trusted_store(request.config, request.caller, folder, k_folder);
    return fs::absolute(folder).lexically_normal();
}

void require_shared_storage(const DumpRequest& request) {
    const Config& config = request.config;
    if (config.shared_storage_mount_point.empty())
        return;
    require_mount_point(config.shared_storage_mount_point,
                        config.shared_storage_require_mount ? MountRule::mounted : MountRule::any_folder);
    require_trusted_store(config, request.caller, config.shared_storage_mount_point, "shared_storage.mount_point");
}

FreeRoom free_room(const fs::path& folder, std::uint64_t images, std::uint64_t files) {
    fs::path there = folder;
    while (!fs::exists(there) && there.has_relative_path())
        there = there.parent_path();
    const std::uint64_t free = free_space(there);
    std::string found = fmt::format("{} free in {}, and the tree has {} of memory", human_bytes(free), folder.string(),
                                    human_bytes(images));
    if (files != 0)
        found += fmt::format(" and {} of files open for writing", human_bytes(files));
    return {.may_do = free >= images / 4 + files, .does_surely = free >= images + files, .found = std::move(found)};
}

void require_room(const FreeRoom& room, const std::string& hint) {
    if (!room.may_do)
        throw Error(Fault::storage, "there is not enough room for the checkpoint: " + room.found).hint(hint);
}

bool is_copied(const WrittenFile& file, const Config& config) {
    return file.is_named || file.any_size ||
           static_cast<std::uint64_t>(file.info.st_size) <=
               static_cast<std::uint64_t>(config.files_capture_limit_mib) * k_mib;
}

std::uint64_t bytes_to_capture(const WrittenFiles& written, const Config& config) {
    if (config.files_capture == Capture::none)
        return 0;
    std::uint64_t bytes = 0;
    for (const WrittenFile& file : written.files)
        bytes += is_copied(file, config) ? static_cast<std::uint64_t>(file.info.st_size) : 0;
    return bytes;
}

std::vector<ManifestProcess> describe(const ProcessTree& tree) {
    std::vector<ManifestProcess> described;
    for (const TreeProcess& process : tree.processes)
        described.push_back({.pid = process.pid(),
                             .parent = process.stat.parent,
                             .start_time = process.handle.id().start_time,
                             .comm = process.stat.comm,
                             .executable = process.executable.string(),
                             .command_line = process.command_line,
                             .threads = process.threads,
                             .resident_bytes = process.stat.resident_bytes,
                             .memory = process.status.memory});
    return described;
}

void require_survivable_signal(const Config& config, const Procfs& procfs, const ProcessTree& tree) {
    if (config.client_signal_process_pre_dump)
        require_survives(procfs, tree.root().handle, PreDumpSignal().signal);
}

RefusalContext refusal_context(const DumpRequest& request, const std::string& criu, bool prepared) {
    const Config& config = request.config;
    return {.arguments = config.criu_extra_args,
            .plugin_folders = criu::plugin_folders(config.criu_extra_args),
            .criu = criu,
            .without_sandbox = request.without_sandbox,
            .program_prepares_later = config.client_signal_process_pre_dump && !prepared,
            .largest_copy = config.client_leave_running ? std::optional(largest_copy(config)) : std::nullopt};
}

} // namespace cedana
