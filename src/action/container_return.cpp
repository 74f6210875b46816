// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/container_return.hpp"

#include "cedana/action/container_engines.hpp"
#include "cedana/action/container_steps.hpp"
#include "cedana/action/mends_by_manifest.hpp"
#include "cedana/action/unsent_hold.hpp"
#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/restore_needs.hpp"
#include "cedana/checkpoint/small_images.hpp"
#include "cedana/containers/changed_files.hpp"
#include "cedana/containers/entry_names.hpp"
#include "cedana/containers/podman.hpp"
#include "cedana/containers/root_folder.hpp"
#include "cedana/containers/unpack.hpp"
#include "cedana/criu/console.hpp"
#include "cedana/criu/diagnose.hpp"
#include "cedana/criu/log.hpp"
#include "cedana/facts/attributes.hpp"
#include "cedana/facts/socket_options.hpp"
#include "cedana/process/tree.hpp"
#include "cedana/undo/end_trees.hpp"
#include "cedana/undo/kept_logs.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana {

namespace {

containers::ArchiveTrust trust_in(const Checkpoint& checkpoint) {
    return checkpoint.signature().by == SignedBy::trusted ? containers::ArchiveTrust::signed_by_trusted
                                                          : containers::ArchiveTrust::nobody_vouches;
}

std::string console_of(const Checkpoint& checkpoint) {
    const auto terminals = SmallImages(checkpoint).read("tty-info.img");
    return terminals ? criu::find_console(*terminals).value_or("") : std::string();
}

// What an engine has said, where its user can do something about it.
std::string hint_for(const std::string& said) {
    // CNI's host-local, backend/allocator/allocator.go.
    if (said.find("requested IP address") != std::string::npos && said.find("not available") != std::string::npos)
        return "another container has the address; or a podman that was killed keeps it: the file of its name in "
               "/var/lib/cni/networks/NETWORK can be removed then";
    return {};
}

} // namespace

ContainerReturn::ContainerReturn(RestoreDraft& draft, Progress& progress, Stopwatch& watch)
    : draft_(draft), progress_(progress), watch_(watch), work_(WorkKind::restore, state_folder()) {}

ReturnedContainer ContainerReturn::run() {
    ReturnedContainer returned;
    const std::string activity = fmt::format("restoring {}", draft_.path.string());
    carry_out({phase(touch("restoring",
                           [&] {
                               step(activity, [&] {
                                   // What the engine creates for somebody else it decides about by itself, and
                                   // it cannot be asked meanwhile.
                                   if (!draft_.request.create) {
                                       look_at_volumes();
                                       hold_network();
                                   }
                                   const auto engine = engine_restore_of(draft_);
                                   engine->when_left([this] { leave_behind(); });
                                   returned.report = run_engine(*engine);
                                   returned.id = engine->commit();
                                   if (volumes_)
                                       volumes_->commit();
                                   if (start_)
                                       start_->commit();
                               });
                           }))},
              progress_);
    watch_.lap("restore");
    for (const std::string& loss : lost_)
        spdlog::warn("{}", loss);
    returned.start = std::move(start_);
    return returned;
}

containers::RuntimeRestoreReport ContainerReturn::run_engine(containers::EngineRestore& engine) {
    const Checkpoint& checkpoint = *draft_.checkpoint;
    const Manifest& manifest = draft_.manifest();
    CheckpointImages images(checkpoint, draft_.request.config, draft_.lazy ? eager_parts(*draft_.lazy) : ImageParts{});
    const ContainerOutput output(draft_);
    containers::RuntimeRestoreJob job{
        .criu = {.program = draft_.criu.path,
                 .options = options_of(draft_),
                 .folder = work_.path(),
                 .held = work_.lock(),
                 .lazy_pages = draft_.lazy ? criu::LazyPages::left_out : criu::LazyPages::sent,
                 .progress = &progress_,
                 .total_bytes = manifest.bytes_images,
                 .standing = [this](pid_t root) { put_settings_back(root); },
                 .locked_on_fault = locks_on_fault(manifest),
                 .posix_locks = posix_locks(manifest),
                 .limits_put_back = limits_put_back(manifest)},
        .engine = engine.prepare(engine_description(draft_),
                                 checkpoint.text(containers::k_descriptors_entry).value_or("[]"), work_.path()),
        .container_output = output.descriptors(),
        .outside_files = manifest.outside_files,
        .console = manifest.container->has_terminal ? console_of(checkpoint) : std::string(),
        .before_tree = [&](const criu::RpcCall& call) { put_files(call, images); },
        .root_made = [this](pid_t root) { root_is_made(root); }};
    if (draft_.lazy)
        start_ = std::make_unique<LazyStart>(checkpoint, draft_.request.config, work_.path(), std::filesystem::path(),
                                             name_at_return(draft_));
    containers::RuntimeRestoreReport report;
    try {
        report = containers::restore_by_runtime(job, images, draft_.interrupt);
    } catch (...) {
        end_untaken();
        throw;
    }
    if (!report.status.success() || !report.criu_succeeded.value_or(false)) {
        // That of a daemon is known to it, whatever became of the command.
        if (start_ || !containers::has_daemon(containers::parse_engine(manifest.container->engine)))
            end_untaken();
        explain_failure(report);
    }
    if (start_)
        start_->await_hold(report.pid, draft_.interrupt);
    return report;
}

void ContainerReturn::root_is_made(pid_t root) {
    if (auto handle = open_pidfd(root))
        root_.emplace(root, std::move(*handle));
    if (start_)
        start_->tell_root(root);
}

// CRIU may have brought it back just as its engine failed or was killed: that knows nothing of it, and would leave it
// running when the container is removed. Behind post-restore CRIU goes on whatever its script says (criu/cr-restore.c,
// restore_root_task).
void ContainerReturn::end_untaken() {
    if (root_.empty())
        return;
    end_trees(root_);
    root_.clear();
}

// Whoever cleans up later does what the engine could not, or would not, do now.
void ContainerReturn::leave_behind() {
    work_.keep();
    end_untaken();
}

// The image's files are there, as the engine has mounted them.
void ContainerReturn::look_at_volumes() {
    const ContainerRecord& record = *draft_.manifest().container;
    volumes_.emplace(containers::require_engine(containers::parse_engine(record.engine), draft_.request.config), record,
                     draft_.request.existing_volumes, work_.path());
}

void ContainerReturn::put_files(const criu::RpcCall& call, ImageSource& images) {
    const Checkpoint& checkpoint = *draft_.checkpoint;
    const containers::ArchiveTrust trust = trust_in(checkpoint);
    const auto removed = [&](const char* entry) {
        return containers::parse_removed(checkpoint.text(entry).value_or(""));
    };
    if (images.exists(containers::k_root_files)) {
        const containers::RootFolder root(call.root);
        containers::remove_files(root, removed(containers::k_removed_entry));
        containers::unpack(root, images, containers::k_root_files, trust, draft_.interrupt);
        containers::remove_files(root, removed(containers::k_outdated_entry));
        if (images.exists(containers::k_root_files_since))
            containers::unpack(root, images, containers::k_root_files_since, trust, draft_.interrupt);
    }
    if (volumes_)
        volumes_->put(
            call.mounts, images, [&](const std::string& entry) { return checkpoint.text(entry).value_or(""); }, trust,
            draft_.interrupt);
    const auto shm = std::ranges::find(call.mounts, std::string("/dev/shm"), &criu::RpcMount::key);
    if (shm != call.mounts.end() && images.exists(containers::k_shm_files))
        containers::unpack(containers::RootFolder(shm->value), images, containers::k_shm_files, trust,
                           draft_.interrupt);
}

// A copy gets a new address, and the old one may be that of the original, which runs.
void ContainerReturn::hold_network() {
    hold_unsent(draft_, held_connections_);
    std::vector<std::string> addresses;
    const std::optional<std::string>& as = draft_.request.container_name;
    if (as && *as != draft_.manifest().container->name)
        return;
    for (const ContainerNetwork& network : draft_.manifest().container->networks)
        addresses.push_back(network.address);
    hold_.emplace(addresses);
}

// While it stands still.
void ContainerReturn::put_settings_back(pid_t root) {
    hold_.reset();
    held_connections_.reset();
    const ProcessTree tree = read_frozen_tree(draft_.procfs, ProcessHandle::open(draft_.procfs, root));
    lost_ = put_attributes_back(draft_.procfs, tree, draft_.manifest().attributes);
    std::vector<std::string> more = put_socket_options_back(tree, draft_.manifest().socket_options);
    std::ranges::move(more, std::back_inserter(lost_));
}

void ContainerReturn::explain_failure(const containers::RuntimeRestoreReport& report) const {
    const ContainerRecord& record = *draft_.manifest().container;
    const std::string what = fmt::format("cannot restore container {}", printable(record.name));
    // Who brings the memory knows better than CRIU why its pages did not come.
    if (start_ && report.criu_succeeded) {
        start_->end();
        const auto failure = start_->failure();
        if (failure && failure->fault() != Fault::interrupted)
            throw Error(*failure);
    }
    if (!report.criu_succeeded)
        throw Error(Fault::restore_failed,
                    fmt::format("{}: {} {} before it had begun", what, record.engine, report.status.text()))
            .cause(printable(trim(report.said)))
            .hint(hint_for(report.said));
    if (*report.criu_succeeded)
        throw Error(Fault::restore_failed, fmt::format("{}: {} {}, though CRIU had brought it back", what,
                                                       record.engine, report.status.text()))
            .cause(printable(trim(report.said)));
    const auto log = work_.path() / criu::k_restore_log;
    const criu::Diagnosis diagnosis = criu::diagnose(read_log(log));
    throw Error(Fault::restore_failed, what + ": criu failed; nothing of it runs")
        .cause(diagnosis.cause.empty() ? printable(trim(report.said)) : diagnosis.cause)
        .hint(diagnosis.hint)
        .log(keep_log(log, "restore", draft_.pid()));
}

} // namespace cedana
