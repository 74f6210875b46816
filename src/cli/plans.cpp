// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/plans.hpp"

#include "cedana/base/text.hpp"
#include "cedana/cli/facts_text.hpp"
#include "cedana/cli/output.hpp"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

std::string line_of(const ManifestProcess& process) {
    const std::string command = process.command_line.empty() ? fmt::format("[{}]", process.comm)
                                                             : fmt::format("{}", fmt::join(process.command_line, " "));
    return fmt::format("{:>8}  {:>3} thread{}  {:>9}  {}", process.pid, process.threads.size(),
                       process.threads.size() == 1 ? " " : "s", human_bytes(process.resident_bytes),
                       printable(command));
}

void print_tree(const std::vector<ManifestProcess>& tree) {
    const std::size_t width = terminal_width(STDOUT_FILENO);
    for (const ManifestProcess& process : tree)
        print_line(width == 0 ? line_of(process) : fitted(line_of(process), width));
}

void print_list(const std::string& title, const std::vector<std::string>& lines) {
    if (lines.empty())
        return;
    print_line(title);
    for (const std::string& line : lines)
        print_text("  " + line, 4);
}

// The first is what the command ends with.
void print_other_refusals(const std::vector<Error>& refusals) {
    std::vector<std::string> lines;
    for (std::size_t i = 1; i < refusals.size(); ++i)
        for (std::string& line : reason_lines(refusals[i]))
            lines.push_back(std::move(line));
    print_list("it would be refused for more than one reason:", lines);
}

std::string sentence(const RestoredFile& file) {
    switch (file.action) {
    case FileAction::created:
        return "would be made again: " + printable(file.path);
    case FileAction::replaced:
        return "would be put back, with a backup of what is there: " + printable(file.path);
    case FileAction::cut:
        return "would be cut to its old size, with a backup of the rest: " + printable(file.path);
    case FileAction::left:
        return "is not as it was; the checkpoint holds no copy, and nothing of the tree has it open: " +
               printable(file.path);
    case FileAction::unchanged:
        break;
    }
    return "is as it was: " + printable(file.path);
}

Json to_json(const std::vector<Error>& refusals) {
    Json json = Json::array();
    for (const Error& error : refusals)
        json.push_back(to_json(error));
    return json;
}

Json to_json(const std::vector<ManifestProcess>& tree) {
    Json json = Json::array();
    for (const ManifestProcess& process : tree)
        json.push_back({{"pid", process.pid},
                        {"parent", process.parent},
                        {"comm", process.comm},
                        {"threads", process.threads},
                        {"resident_bytes", process.resident_bytes}});
    return json;
}

std::vector<std::string> seen_lines(const DumpPlan& plan) {
    std::vector<std::string> lines = facts_lines(plan.facts);
    for (const std::string& sentence : plan.ends_outside)
        lines.push_back(sentence);
    return lines;
}

} // namespace

void print_plan(const DumpPlan& plan) {
    const std::string after = plan.leave_running ? "and runs on" : "and ends once its checkpoint is on the disk";
    const std::string folder = plan.folder.empty() ? "?" : printable(plan.folder.string());
    print_text(fmt::format("{} would be dumped to {} ({} of memory in {} process{}) {}:", printable(plan.name), folder,
                           human_bytes(plan.bytes_images), plan.tree.size(), plan.tree.size() == 1 ? "" : "es", after),
               2);
    print_tree(plan.tree);
    print_list("what was seen:", seen_lines(plan));
    std::vector<std::string> options;
    for (const ChosenOption& one : plan.options)
        options.push_back(fmt::format("{}: {}", printable(one.option), printable(one.reason)));
    print_list("options for CRIU, and why:", options);
    std::vector<std::string> files;
    for (const PlannedFile& file : plan.files) {
        files.push_back(fmt::format("{} ({}){}", printable(file.path), human_bytes(file.size),
                                    file.copied ? "" : ": over files.capture_limit_mib, its size and digest alone"));
        if (!file.other_writers.empty())
            files.back() += fmt::format("; also written to by {}", fmt::join(file.other_writers, ", "));
    }
    print_list("files that it writes to, kept in the checkpoint:", files);
    std::vector<std::string> reasons;
    for (const std::string& reason : plan.cannot_be_restored)
        reasons.push_back(printable(reason));
    print_list("the checkpoint could never be restored because:", reasons);
    print_other_refusals(plan.refusals);
}

void print_plan(const RestorePlan& plan) {
    const Manifest& manifest = plan.manifest;
    print_text(
        fmt::format("{}: {}, made on {} at {} ({} of images in {} process{}):", printable(plan.checkpoint.string()),
                    printable(manifest.name), printable(manifest.host.name), printable(manifest.created),
                    human_bytes(manifest.bytes_images), manifest.tree.size(), manifest.tree.size() == 1 ? "" : "es"),
        2);
    print_tree(manifest.tree);
    std::vector<std::string> files;
    for (const RestoredFile& file : plan.files)
        files.push_back(sentence(file));
    print_list("files that it writes to:", files);
    print_list("what led to others:", plan.joins);
    if (plan.lazy)
        print_line(fmt::format("it would run with {} of memory, and {} would come on demand",
                               human_bytes(plan.lazy->bytes_eager), human_bytes(plan.lazy->bytes_lazy)));
    print_other_refusals(plan.refusals);
}

Json to_json(const DumpPlan& plan) {
    Json options = Json::array();
    for (const ChosenOption& one : plan.options)
        options.push_back({{"option", one.option}, {"reason", one.reason}});
    Json files = Json::array();
    for (const PlannedFile& file : plan.files)
        files.push_back({{"path", file.path},
                         {"size", file.size},
                         {"recorded", file.copied ? "content" : "digest"},
                         {"other_writers", file.other_writers}});
    return {{"name", plan.name},
            {"pid", plan.tree.front().pid},
            {"store", plan.folder.string()},
            {"leave_running", plan.leave_running},
            {"criu_version", plan.criu_version},
            {"resident_bytes", plan.resident_bytes},
            {"bytes_images", plan.bytes_images},
            {"tree", to_json(plan.tree)},
            {"seen", seen_lines(plan)},
            {"criu_options", options},
            {"files", files},
            {"cannot_be_restored", plan.cannot_be_restored},
            {"refusals", to_json(plan.refusals)}};
}

Json to_json(const RestorePlan& plan) {
    Json files = Json::array();
    for (const RestoredFile& file : plan.files)
        files.push_back({{"path", file.path}, {"action", name_of(file.action)}});
    return {{"checkpoint", plan.checkpoint.string()},
            {"name", plan.manifest.name},
            {"pid", plan.manifest.tree.front().pid},
            {"bytes_images", plan.manifest.bytes_images},
            {"criu_version", plan.criu_version},
            {"tree", to_json(plan.manifest.tree)},
            {"files", files},
            {"joins", plan.joins},
            {"lazy", plan.lazy ? Json({{"bytes_lazy", plan.lazy->bytes_lazy}, {"bytes_eager", plan.lazy->bytes_eager}})
                               : Json(nullptr)},
            {"refusals", to_json(plan.refusals)}};
}

} // namespace cedana
