// SPDX-License-Identifier: Apache-2.0
#include "cedana/engine/refusals.hpp"

#include "cedana/base/text.hpp"
#include "cedana/criu/plugins.hpp"
#include "cedana/engine/criu_options.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <set>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

bool names_external_files(const std::vector<std::string>& arguments) {
    return std::ranges::any_of(arguments, [](const std::string& one) { return one.starts_with("--external"); });
}

std::vector<Refusal> refused_gpus(const TreeFacts& facts, const RefusalContext& context) {
    std::vector<Refusal> refusals;
    std::set<std::pair<pid_t, std::string>> reported;
    for (const DeviceFile& device : facts.gpu_devices) {
        const std::string plugin = criu::plugin_for(device.path);
        if (criu::has_plugin(context.plugin_folders, plugin) || !reported.emplace(device.pid, plugin).second)
            continue;
        refusals.push_back(
            {.pid = device.pid,
             .fault = Fault::environment,
             .sentence = fmt::format("process {} uses the GPU {}, and CRIU's plug-in for it, {}, is not installed",
                                     device.pid, device.path, plugin),
             .hint = fmt::format("install {} in {}, or pass --criu-arg=--libdir=FOLDER", plugin,
                                 context.plugin_folders.empty() ? "CRIU's library folder"
                                                                : context.plugin_folders.front().string()),
             .program_can_help = true});
    }
    return refusals;
}

// criu/files.c, dump_one_file(), without CONFIG_HAS_LIBBPF: "Can't dump file of that type [anon bpf-map]".
std::vector<Refusal> refused_maps(const TreeFacts& facts, const RefusalContext& context) {
    std::vector<Refusal> refusals;
    if (facts.bpf_maps.empty() || context.criu.empty() || criu::knows_bpf_maps(context.criu))
        return refusals;
    for (const OpenMap& map : facts.bpf_maps)
        refusals.push_back({.pid = map.pid,
                            .sentence = fmt::format("process {} has a BPF map open (descriptor {}), and this CRIU was "
                                                    "built without libbpf, which it needs for that",
                                                    map.pid, map.fd),
                            .hint = "let the program close it, or build CRIU with libbpf (package libbpf-dev) and name "
                                    "it in criu.path",
                            .program_can_help = true,
                            .plugin_can_help = true});
    return refusals;
}

std::vector<Refusal> refused_ghosts(const TreeFacts& facts, const RefusalContext& context) {
    std::vector<Refusal> refusals;
    if (std::ranges::any_of(context.arguments, [](const std::string& one) { return one.starts_with("--ghost-limit"); }))
        return refusals;
    for (const DeletedFile& file : facts.deleted_files)
        if (file.allocated > k_largest_ghost)
            refusals.push_back(
                {.pid = file.pid,
                 .sentence = fmt::format("process {} has the deleted file {} open, which has {}; up to {} of it can be "
                                         "taken into a checkpoint",
                                         file.pid, printable(file.path), human_bytes(file.allocated),
                                         human_bytes(k_largest_ghost)),
                 .hint = fmt::format("let the program close it, or pass --criu-arg=--ghost-limit={}",
                                     file.allocated + k_largest_ghost / 64),
                 .program_can_help = true});
    return refusals;
}

// CRIU keeps such a file by a name of its own, and takes that away when the tree runs on: what it holds must be copied.
std::vector<Refusal> refused_lost_names(const TreeFacts& facts, const RefusalContext& context) {
    std::vector<Refusal> refusals;
    for (const RenamedFile& file : facts.renamed_files)
        if (context.largest_copy && file.size > *context.largest_copy)
            refusals.push_back(
                {.pid = file.pid,
                 .sentence = fmt::format("process {} has a file of {} open that has lost the name {} and has another, "
                                         "which only a checkpoint with a copy of it could bring back",
                                         file.pid, human_bytes(file.size), printable(file.path)),
                 .hint = *context.largest_copy == 0 ? "let files be copied (files.capture), or dump it with --stop"
                                                    : "raise files.capture_limit_mib, or dump it with --stop",
                 .program_can_help = true});
    return refusals;
}

bool is_passed(const Refusal& refusal, const RefusalContext& context) {
    return !refusal.passed_with.empty() && std::ranges::any_of(context.arguments, [&](const std::string& one) {
        return one == refusal.passed_with || one.starts_with(refusal.passed_with + "=");
    });
}

std::vector<Refusal> refused_sandboxes(const TreeFacts& facts, const RefusalContext& context) {
    std::vector<Refusal> refusals;
    if (context.without_sandbox)
        return refusals;
    for (const SandboxLoss& loss : facts.sandbox)
        refusals.push_back({.pid = loss.pid,
                            .sentence = loss.sentence,
                            .hint = "pass --without-sandbox if the restored program may run without it"});
    return refusals;
}

std::string without_digits(std::string text) {
    std::erase_if(text, [](char one) { return one >= '0' && one <= '9'; });
    return text;
}

} // namespace

std::vector<Refusal> standing_refusals(const TreeFacts& facts, const RefusalContext& context) {
    const bool criu_may_know = criu::has_any_plugin(context.plugin_folders) || names_external_files(context.arguments);
    std::vector<Refusal> standing;
    const auto add = [&](const std::vector<Refusal>& refusals) {
        std::ranges::copy_if(refusals, std::back_inserter(standing), [&](const Refusal& one) {
            return !(one.plugin_can_help && criu_may_know) &&
                   !(one.program_can_help && context.program_prepares_later) && !is_passed(one, context);
        });
    };
    add(facts.refusals);
    add(refused_gpus(facts, context));
    add(refused_maps(facts, context));
    add(refused_ghosts(facts, context));
    add(refused_lost_names(facts, context));
    add(refused_sandboxes(facts, context));
    return standing;
}

void keep_seen_before(std::vector<Refusal>& refusals, const std::vector<Refusal>& before) {
    std::set<std::string> kinds;
    for (const Refusal& one : before)
        kinds.insert(without_digits(one.hint));
    std::erase_if(refusals, [&](const Refusal& one) { return !kinds.contains(without_digits(one.hint)); });
}

std::vector<Error> errors_of(const std::vector<Refusal>& refusals) {
    std::vector<Error> errors;
    for (const Refusal& refusal : refusals)
        errors.push_back(Error(refusal.fault, refusal.sentence).hint(refusal.hint));
    return errors;
}

} // namespace cedana
