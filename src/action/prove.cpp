// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/prove.hpp"

#include "cedana/action/mends_by_manifest.hpp"
#include "cedana/archive/frame_reader.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/leases.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/stopwatch.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/base/units.hpp"
#include "cedana/criu/diagnose.hpp"
#include "cedana/criu/log.hpp"
#include "cedana/criu/restore.hpp"
#include "cedana/criu/trial_images.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/roles/restore.hpp"
#include "cedana/roles/trial.hpp"
#include "cedana/undo/kept_logs.hpp"
#include "cedana/undo/trial_cgroup.hpp"
#include "cedana/undo/work_folder.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// Beside what the images hold: what is read of files, and of a task what the kernel keeps for it.
constexpr std::uint64_t k_beside_images = 256 * k_mib;
constexpr std::uint64_t k_beside_task = k_mib / 2;
// A trial, beside which the original may stand still, that does not get on for so long is given up.
constexpr auto k_stall_limit = std::chrono::seconds(60);

std::uint64_t tasks_of(const Manifest& manifest) {
    std::uint64_t count = 0;
    for (const ManifestProcess& process : manifest.tree)
        count += std::max<std::size_t>(process.threads.size(), 1);
    return count;
}

std::uint64_t memory_needed(const Manifest& manifest) {
    return manifest.bytes_images + manifest.bytes_images / 8 + tasks_of(manifest) * k_beside_task + k_beside_images / 4;
}

std::uint64_t memory_limit(const Manifest& manifest) {
    return manifest.bytes_images + manifest.bytes_images / 4 + tasks_of(manifest) * k_beside_task + k_beside_images;
}

std::optional<struct ::stat> look_at_file(const std::string& path) {
    struct ::stat info {};
    return ::stat(path.c_str(), &info) == 0 ? std::optional(info) : std::nullopt;
}

// CRIU brings every tree back in one of its own (criu/timens.c), in a trial too: it holds nothing but the clocks.
bool is_of_time(const std::string& space) { return space.starts_with("time"); }

void add_manifest_obstacles(std::vector<std::string>& reasons, const Manifest& manifest) {
    if (manifest.own_mounts)
        return reasons.push_back("it has a mount namespace of its own");
    if (!manifest.facts)
        return;
    for (const RecordedProcess& process : manifest.facts->processes) {
        const auto found = std::ranges::find_if_not(process.namespaces, is_of_time);
        if (found != process.namespaces.end())
            return reasons.push_back(fmt::format("process {} is in a namespace of its own ({})", process.pid, *found));
    }
}

void add_file_obstacles(std::vector<std::string>& reasons, const criu::TrialLook& look, const TrialHost& host) {
    std::set<std::string> stood_in_for;
    for (const criu::WrittenInTrial& file : look.written) {
        stood_in_for.insert(file.path);
        const auto info = look_at_file(file.path);
        if (!info || !S_ISREG(info->st_mode))
            reasons.push_back(fmt::format("a file that it writes to is not there now ({})", printable(file.path)));
    }
    if (host.leases.empty())
        return;
    for (const std::string& path : look.read)
        if (const auto info = look_at_file(path);
            info && !stood_in_for.contains(path) && lease_broken_by_reading(host.leases, *info))
            return reasons.push_back(fmt::format("somebody holds a lease on a file of it ({})", printable(path)));
}

Proof no_trial_here(const std::string& why) {
    return Proof::not_provable(fmt::format("no trial can be made here: {}", why));
}

class Trial {
  public:
    Trial(const ProofRequest& request, const Interrupt& interrupt, Progress& progress)
        : request_(request), interrupt_(interrupt), progress_(progress) {}

    Proof run() {
        const Manifest& manifest = this->manifest();
        const criu::TrialLook look = look_at_images();
        std::vector<std::string> reasons = obstacles(manifest, request_.config.criu_extra_args, look,
                                                     {.available_memory = available_memory(), .leases = read_leases()});
        if (!reasons.empty())
            return {.reasons = std::move(reasons)};
        const auto cgroup = TrialCgroup::make(memory_limit(manifest));
        if (!cgroup)
            return Proof::not_provable("no control group can be made here that limits its memory");
        const WorkFolder work(WorkKind::trial, state_folder());
        try {
            return try_it(look, *cgroup, work);
        } catch (const Error& error) {
            if (error.fault() == Fault::restore_failed)
                return judge(error, *cgroup, work.path());
            if (error.fault() == Fault::environment)
                return no_trial_here(error.message());
            throw;
        }
    }

  private:
    [[nodiscard]] const Manifest& manifest() const { return request_.checkpoint.manifest(); }

    [[nodiscard]] std::string read_image(FrameReader& reader, const std::string& name) const {
        const ImageRecord* const record = request_.checkpoint.index().find(name);
        return record == nullptr ? std::string() : reader.read_all(*record, k_text_limit);
    }

    [[nodiscard]] criu::TrialLook look_at_images() const {
        FrameReader reader(request_.checkpoint.zip(), k_images_folder);
        criu::TrialLook look = criu::look_for_trial({.files = read_image(reader, "files.img"),
                                                     .remaps = read_image(reader, "remap-fpath.img"),
                                                     .file_locks = read_image(reader, "filelocks.img"),
                                                     .terminals = read_image(reader, "tty-info.img")});
        for (const ManifestProcess& process : manifest().tree)
            if (criu::has_huge_pages(read_image(reader, fmt::format("mm-{}.img", process.pid)))) {
                look.reasons.push_back(fmt::format("process {} has huge pages", process.pid));
                break;
            }
        return look;
    }

    // CRIU compares the size and the mode alone (criu/files-reg.c), and nobody reads it.
    [[nodiscard]] static std::string make_stand_in(const fs::path& folder, std::size_t number,
                                                   const criu::WrittenInTrial& file) {
        const fs::path path = folder / fmt::format("stand-in.{}", number);
        const UniqueFd made = open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (::ftruncate(made.get(), static_cast<off_t>(file.size)) != 0 || ::fchmod(made.get(), file.mode & 07777) != 0)
            throw OsFailure(Fault::storage).error("cannot make {}", path.string());
        return path.string();
    }

    [[nodiscard]] roles::TrialPlace place_for(const criu::TrialLook& look, const TrialCgroup& cgroup,
                                              const fs::path& folder) const {
        const auto& terminals = manifest().external_terminals;
        roles::TrialPlace place{.cgroups = {cgroup.processes()},
                                .terminal = manifest().criu_options.shell_job && (!terminals || !terminals->empty()),
                                .own_terminals = manifest().own_terminals};
        for (const ManifestProcess& process : manifest().tree)
            place.numbers.insert(process.threads.begin(), process.threads.end());
        for (const criu::WrittenInTrial& file : look.written)
            place.stand_ins.emplace_back(make_stand_in(folder, place.stand_ins.size(), file), file.path);
        return place;
    }

    // A file will do in the place of a pipe (criu/pipes.c, open_pipe()) and of a socket (criu/sk-unix.c,
    // open_unix_sk()).
    [[nodiscard]] std::vector<criu::TreeEnd> ends() const {
        std::vector<criu::TreeEnd> ends = roles::open_outside_files(manifest().outside_files);
        for (const ExternalPipe& pipe : manifest().external_pipes)
            ends.push_back({.fd = open_file("/dev/null", O_RDWR), .id = fmt::format("pipe:[{}]", pipe.inode)});
        for (const JournalStream& stream : manifest().journal_streams)
            ends.push_back({.fd = open_file("/dev/null", O_RDWR), .id = fmt::format("socket:[{}]", stream.inode)});
        return ends;
    }

    [[nodiscard]] criu::RestoreJob job(const WorkFolder& work) {
        CriuOptions options = manifest().criu_options;
        options.ignore_cgroups = true;
        options.extra.insert(options.extra.end(), request_.config.criu_extra_args.begin(),
                             request_.config.criu_extra_args.end());
        return {.program = request_.criu,
                .options = std::move(options),
                .folder = work.path(),
                .held = work.lock(),
                .progress = &progress_,
                .total_bytes = manifest().bytes_images,
                .locked_on_fault = locks_on_fault(manifest()),
                .limits_put_back = limits_put_back(manifest()),
                .own_pids = true,
                .before_resume = [this] { require_all(); },
                .stall_limit = k_stall_limit};
    }

    Proof try_it(const criu::TrialLook& look, const TrialCgroup& cgroup, const WorkFolder& work) {
        progress_.phase("proving");
        const Pipe alive = make_pipe();
        const roles::TrialPlace place = place_for(look, cgroup, work.path());
        const auto launch = [&](const SpawnRequest& criu) {
            ChildProcess trial = roles::start_trial(criu, place, work.lock(), alive.read_end);
            trial_ = trial.pid();
            return criu::run_by(std::move(trial));
        };
        CheckpointImages images(request_.checkpoint, request_.config);
        criu::TrialImages still(images);
        const criu::RestoreReport report = criu::restore(job(work), ends(), still, interrupt_, launch);
        if (report.taken_away)
            return {.state = ProofState::proved};
        if (report.status.success())
            throw Error(Fault::restore_failed, "the trial was cut off: nobody saw the tree before it was to run");
        throw Error(Fault::restore_failed, fmt::format("in a trial criu {}", report.status.text()));
    }

    // What CRIU says is there, is there.
    void require_all() const {
        std::set<pid_t> inside;
        add_descendants(trial_, inside);
        for (const ManifestProcess& process : manifest().tree)
            if (!inside.contains(process.pid))
                throw Error(Fault::restore_failed, fmt::format("in a trial process {} ({}) did not come back",
                                                               process.pid, printable(process.comm)));
    }

    void add_descendants(pid_t parent, std::set<pid_t>& inside) const {
        for (const pid_t child : children_of(parent)) {
            if (const auto status = procfs_.status(child); status && !status->namespace_pids.empty())
                inside.insert(status->namespace_pids.back());
            add_descendants(child, inside);
        }
    }

    // Whether it was the checkpoint, or the trial.
    [[nodiscard]] Proof judge(const Error& error, const TrialCgroup& cgroup, const fs::path& work) const {
        if (cgroup.ran_out())
            return Proof::not_provable(
                fmt::format("a trial needs more memory than {}", human_bytes(memory_limit(manifest()))));
        const fs::path log = work / criu::k_restore_log;
        const std::string said = read_log(work / "criu.out");
        std::error_code ignored;
        // CRIU was not even begun.
        if (!fs::exists(log, ignored))
            return no_trial_here(printable(trim(said)));
        const criu::Diagnosis diagnosis = criu::diagnose(read_log(log) + said);
        Error failure(Fault::restore_failed, fmt::format("{}; nothing of it ran", error.message()));
        failure.cause(diagnosis.cause).hint(diagnosis.hint).log(keep_log(log, "prove", manifest().tree.front().pid));
        return {.state = ProofState::failed, .failure = std::move(failure)};
    }

    const ProofRequest& request_;
    const Interrupt& interrupt_;
    Progress& progress_;
    Procfs procfs_;
    pid_t trial_ = 0;
};

} // namespace

std::string_view name_of(ProofState state) {
    switch (state) {
    case ProofState::proved:
        return "proved";
    case ProofState::not_provable:
        return "not_provable";
    case ProofState::failed:
        break;
    }
    return "failed";
}

std::vector<std::string> obstacles(const Manifest& manifest, const std::vector<std::string>& criu_arguments,
                                   const criu::TrialLook& look, const TrialHost& host) {
    std::vector<std::string> reasons = look.reasons;
    add_manifest_obstacles(reasons, manifest);
    for (const auto* const arguments : {&manifest.criu_options.extra, &criu_arguments})
        for (const std::string& argument : *arguments)
            if (!criu::is_harmless(argument))
                reasons.push_back(
                    fmt::format("criu gets the argument {}, of which nothing is known here", printable(argument)));
    add_file_obstacles(reasons, look, host);
    if (const std::uint64_t needed = memory_needed(manifest);
        host.available_memory != 0 && host.available_memory < needed)
        reasons.push_back(fmt::format("its memory is not free once more: {} of {}", human_bytes(host.available_memory),
                                      human_bytes(needed)));
    return reasons;
}

Proof prove(const ProofRequest& request, const Interrupt& interrupt, Progress& progress) {
    const Stopwatch watch;
    Proof proof = Trial(request, interrupt, progress).run();
    proof.seconds = watch.seconds();
    return proof;
}

std::string text_of(const Proof& proof) {
    switch (proof.state) {
    case ProofState::proved:
        return "proved in " + human_seconds(proof.seconds);
    case ProofState::failed:
        return "a trial failed after " + human_seconds(proof.seconds);
    case ProofState::not_provable:
        break;
    }
    return fmt::format("not provable, because {}", fmt::join(proof.reasons, "; "));
}

} // namespace cedana
