// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/dump_plan.hpp"

#include "cedana/action/collect.hpp"
#include "cedana/action/dump_target.hpp"
#include "cedana/action/encryption.hpp"
#include "cedana/action/hooks.hpp"
#include "cedana/action/host.hpp"
#include "cedana/action/key_files.hpp"
#include "cedana/action/permissions.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/process/facts.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/lock.hpp"
#include "cedana/process/written_files.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

std::vector<PlannedFile> plan_files(const Procfs& procfs, const TreeHoldings& tree, const Config& config) {
    constexpr std::uint64_t k_mib = 1024UL * 1024;
    if (config.files_capture == Capture::none)
        return {};
    const std::uint64_t limit = static_cast<std::uint64_t>(config.files_capture_limit_mib) * k_mib;
    std::vector<PlannedFile> files;
    std::vector<FileId> ids;
    for (const WrittenFile& file : written_files(tree).files) {
        const auto size = static_cast<std::uint64_t>(file.info.st_size);
        files.push_back({.path = file.path, .size = size, .copied = size <= limit});
        ids.push_back(file_id(file.info));
    }
    std::vector<pid_t> pids;
    for (const Holdings& one : tree)
        pids.push_back(one.process.pid());
    for (const OutsideWriter& writer : outside_writers(procfs, ids, pids, ::getpid())) {
        const auto place = static_cast<std::size_t>(std::ranges::find(ids, writer.file) - ids.begin());
        files[place].other_writers.push_back(fmt::format("process {} ({})", writer.pid, printable(writer.comm)));
    }
    return files;
}

std::uint64_t bytes_to_copy(const std::vector<PlannedFile>& files) {
    std::uint64_t bytes = 0;
    for (const PlannedFile& file : files)
        bytes += file.copied ? file.size : 0;
    return bytes;
}

} // namespace

DumpPlan plan_dump(const DumpRequest& request) {
    require_root("look into processes");
    const Config& config = request.config;
    const Procfs procfs;
    DumpPlan plan;
    plan.leave_running = config.client_leave_running;
    const ProcessTree tree = read_tree(procfs, find_target(procfs, request), ::getpid());
    const TreeHoldings holdings = holdings_of(procfs, tree);
    const TreeFacts facts = read_facts(procfs, tree, holdings, ::getpid());
    plan.name = process_name(tree);
    plan.tree = describe(tree);
    plan.resident_bytes = tree.resident_bytes();
    plan.bytes_images = facts.image_bytes;
    plan.files = plan_files(procfs, holdings, config);
    CriuOptions options = choose_criu_options(facts, config.criu_extra_args);
    collect(plan.refusals, [&] { static_cast<void>(read_signing_key(config)); });
    collect(plan.refusals, [&] { static_cast<void>(prepare_encryption(config, nullptr)); });
    collect(plan.refusals, [&] { plan.folder = find_folder(request); });
    collect(plan.refusals, [&] { require_shared_storage(request); });
    collect(plan.refusals, [&] {
        const std::string program = find_trusted_criu(config);
        plan.criu_version = criu::require_version(program);
        if (options.tcp_established)
            options.network_lock = criu::usable_network_lock(program);
    });
    collect(plan.refusals, [&] { require_hooks(config, {HookStage::pre_dump, HookStage::post_dump}); });
    collect(plan.refusals, [&] { require_own_state_folder(); });
    collect(plan.refusals, [&] { require_unlocked(LockedFor::dump, pids_of(tree)); });
    for (const Refusal& refusal : standing_refusals(facts, refusal_context(config, false)))
        plan.refusals.push_back(Error(refusal.fault, refusal.sentence).hint(refusal.hint));
    if (!plan.folder.empty())
        collect(plan.refusals, [&] { require_space(plan.folder, plan.bytes_images, bytes_to_copy(plan.files)); });
    collect(plan.refusals, [&] { require_survivable_signal(config, procfs, tree); });
    plan.options = explain(options, facts);
    plan.facts = facts.record;
    return plan;
}

} // namespace cedana
