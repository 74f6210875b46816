// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/containerd_restore.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/created_restore.hpp"
#include "cedana/containers/one_shot.hpp"
#include "cedana/containers/run_as_runtime.hpp"

#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_containerd_note = "containerd.note";

ContainerdName required_name(const std::string& name) {
    if (auto parsed = parse_containerd_name(name))
        return std::move(*parsed);
    throw Error(Fault::usage, fmt::format("{} is no name of a container", printable(name)));
}

// `ctr containers create` cannot name a runtime's program, and the task is not needed.
std::string creating(const ContainerdName& name, const std::string& image) {
    return fmt::format("ctr -n {0} run -d --runc-binary /usr/bin/{1} {2} {3} && ctr -n {0} tasks delete --force {3}",
                       name.space, k_runtime_name, image.empty() ? "IMAGE" : printable(image), name.id);
}

bool is_own_runtime(const std::string& program) { return fs::path(program).filename() == k_runtime_name; }

// Of its snapshot, which is an overlay unless its user has chosen otherwise; empty where it is none.
fs::path find_upper(const Engine& engine, const ContainerdName& name, std::string_view info) {
    const ContainerdSnapshot snapshot = snapshot_of_containerd(info);
    if (snapshot.key.empty())
        return {};
    // It is printed alone, for a place that need not be there.
    const auto mount = try_to_ask(
        engine, in_space(name, {"snapshots", "--snapshotter", snapshot.snapshotter, "mounts", "/", snapshot.key}));
    return mount ? upper_in_mount(*mount) : std::string();
}

} // namespace

ContainerdRestore::ContainerdRestore(Engine engine, const ContainerRecord& record, const std::string& as,
                                     std::string_view specification, fs::path log)
    : engine_(std::move(engine)), name_(required_name(as.empty() ? record.name : as)), log_(std::move(log)) {
    const std::string text = printable(name_.text());
    const auto info = ask_for(engine_, in_space(name_, {"containers", "info", name_.id}));
    if (!info)
        throw Error(Fault::restore_failed, fmt::format("containerd has no container {}", text))
            .hint(fmt::format("make it, as it was: {}", creating(name_, record.image)));
    if (!is_own_runtime(runtime_of_containerd(*info)))
        throw Error(Fault::restore_failed,
                    fmt::format("the runtime of container {} is not {}, by which cedana brings containers back", text,
                                k_runtime_name))
            .hint(fmt::format("containerd cannot change it: ctr -n {} containers delete {}; {}", name_.space, name_.id,
                              creating(name_, record.image)));
    if (const std::vector<std::string> missing = missing_in(specification_of_containerd(*info), specification);
        !missing.empty())
        throw Error(Fault::restore_failed, fmt::format("the container lacks what that of the checkpoint had: {}",
                                                       printable(fmt::format("{}", fmt::join(missing, ", ")))))
            .hint("make it with the same mounts");
    upper_ = find_upper(engine_, name_, *info);
    const auto task = find_task(engine_, name_);
    has_ended_task_ = task && task->status == "stopped";
    if (task && !has_ended_task_)
        throw Error(Fault::restore_failed,
                    fmt::format("container {} is there: it is {}", text, printable(task->status)))
            .hint(fmt::format("end it first: ctr -n {} tasks delete --force {}", name_.space, name_.id));
}

EngineCommand ContainerdRestore::prepare(const SmallFiles& /*description*/, const std::string& external_descriptors,
                                         const fs::path& work) {
    static_cast<void>(make_runtime_images(work, external_descriptors));
    make_log_folder(log_.parent_path());
    if (has_ended_task_)
        static_cast<void>(ask(engine_, in_space(name_, {"tasks", "delete", name_.id})));
    if (upper_.empty())
        spdlog::warn("containerd does not say where the files of the container lie: what it has made since the "
                     "checkpoint stays");
    replace_file(work / k_containerd_note,
                 nlohmann::json({{"program", engine_.program}, {"name", name_.text()}}).dump());
    prepared_ = true;
    if (!upper_.empty())
        files_.emplace(work, upper_);
    write_one_shot(name_.id, {.work = work});
    return {.program = engine_.program,
            .words = in_space(name_, {"tasks", "start", "--detach", "--log-uri", "file://" + log_.string(), name_.id}),
            .work = EngineWork::asks_a_daemon};
}

std::string ContainerdRestore::commit() {
    const auto task = find_task(engine_, name_);
    if (!task || task->status != "running")
        throw Error(Fault::restore_failed, fmt::format("containerd does not say that container {} runs", name_.text()));
    prepared_ = false;
    if (files_)
        files_->commit();
    spdlog::warn("its output goes to {}", printable(log_.string()));
    return name_.id;
}

ContainerdRestore::~ContainerdRestore() {
    if (!prepared_)
        return;
    try {
        remove_one_shot(name_.id);
        static_cast<void>(ask_for(engine_, in_space(name_, {"tasks", "delete", "--force", name_.id})));
        files_.reset();
    } catch (const std::exception& error) {
        leave(fmt::format("what containerd has begun of container {}", name_.text()), error);
    }
}

FinishedContainer finish_killed_containerd(const fs::path& work, bool tree_ran) {
    FinishedContainer finished;
    std::error_code ignored;
    if (!fs::exists(work / k_containerd_note, ignored))
        return finished;
    const auto noted = nlohmann::json::parse(read_file(work / k_containerd_note));
    const ContainerdName name = required_name(noted.at("name").get<std::string>());
    remove_one_shot(name.id);
    const Engine engine{.kind = EngineKind::containerd, .program = noted.at("program").get<std::string>()};
    const auto task = find_task(engine, name);
    const bool runs = task && task->status == "running";
    if (task && !runs)
        static_cast<void>(ask(engine, in_space(name, {"tasks", "delete", "--force", name.id})));
    const ContainerFate ended = tree_ran ? ContainerFate::has_run : ContainerFate::never_ran;
    finish_replaced(work, runs ? ContainerFate::runs : ended, finished);
    return finished;
}

} // namespace cedana::containers
