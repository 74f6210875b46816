// SPDX-License-Identifier: Apache-2.0
// One run of `criu restore --stream`, of images that are mended as they pass (image_mends.hpp). The caller's process
// becomes a subreaper for the time of it, so that whatever a failing restore leaves behind becomes its child and is
// killed by pidfd: never a process found by a pid from a manifest, which may be the original's.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/criu/image_mends.hpp"
#include "cedana/criu/image_serve.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana::criu {

// left_out: private anonymous memory is somebody else's to bring (lazy/fill.hpp); the source must not send it.
enum class LazyPages { sent, left_out };

struct RestoreJob {
    std::string program;
    CriuOptions options;
    // A private folder: sockets, CRIU's log, the pid file.
    std::filesystem::path folder;
    // In which it works (entry.hpp); none: in those of this process. They must outlive the restore.
    std::span<const UniqueFd> namespaces = {};
    // CRIU inherits it, and has it open for as long as it runs; -1: none.
    int held = -1;
    LazyPages lazy_pages = LazyPages::sent;
    // Called once the tree is there with all of its mappings, and nothing of it runs yet; CRIU waits meanwhile. Unless
    // it is null, private huge pages are its to bring (huge_pages.hpp), and the source must not send them. What it
    // throws ends the restore.
    std::function<void()> tree_is_mapped = nullptr;
    // Hears of every piece of an image that CRIU took, unless null; bytes in all.
    Progress* progress = nullptr;
    std::uint64_t total_bytes = 0;
    // Called once all of the tree is there and none of it runs yet, with its root; empty: not called. What it throws is
    // told in the log, and the tree runs on. A CRIU in another pid namespace does not reach it.
    std::function<void(pid_t root)> standing = {};
    // Called with the root once the tree is there and nothing of it runs yet, after `tree_is_mapped`; CRIU waits, and
    // the packets of its connections are held back yet. What it throws ends the restore. Should this process be killed
    // meanwhile, CRIU ends the tree: its script gets no answer (criu/cr-restore.c, ACT_POST_RESTORE). Empty: not
    // called.
    std::function<void(pid_t root)> hold = {};
    // Called once all sockets of the tree are there, after `hold` and before their packets come through: CRIU waits,
    // and nothing of the tree runs yet. Where no program in memory may run, and when CRIU fails before that, it is not
    // called. Empty: not called.
    std::function<void()> sockets_are_back = {};
    LocksOnFault locked_on_fault = {};
    std::vector<DumpedLock> posix_locks = {};
    // The processes whose limits are put back in `standing`, or later.
    std::set<pid_t> limits_put_back = {};
    // The root of a tree that comes back in the time namespace of CRIU (mended_images.hpp); absent: in one of its own.
    std::optional<pid_t> clocks_left = std::nullopt;
    // CRIU runs in a pid namespace whose pid 1 keeps its script's program (command.hpp, k_kept_action_program).
    bool own_pids = false;
    // Of a trial, else null. Called once, when all of the tree is there and nothing of it has run; CRIU waits. Then all
    // that this restore has started is ended, and the report says so. What it throws ends it too. For a trial the
    // source must be a TrialImages (trial_images.hpp): what ends CRIU must not let the tree run.
    std::function<void()> before_resume = nullptr;
    // CRIU took no byte and asked for nothing for so long, though bytes were ready for it; in a trial, beside which
    // somebody may stand still, whatever the reason.
    std::chrono::seconds stall_limit = std::chrono::seconds(60);
};

// What takes the place of what led outside of the tree.
struct TreeEnd {
    UniqueFd fd;
    // As in Inherited.
    std::string id;
};

// CRIU, or what runs it.
class RunningCriu {
  public:
    virtual ~RunningCriu() = default;
    // Can be read once CRIU has ended.
    [[nodiscard]] virtual int end() const = 0;
    // How it ended, once it has.
    [[nodiscard]] virtual ExitStatus status() = 0;
    // Of a CRIU that ended well: the root of the tree as it is seen from here; absent: by the pid that CRIU has
    // written.
    [[nodiscard]] virtual std::optional<pid_t> root() = 0;
};

// `criu`: as it is spawned by itself.
using Launch = std::function<std::unique_ptr<RunningCriu>(SpawnRequest criu)>;
// In a session of its own.
[[nodiscard]] std::unique_ptr<RunningCriu> launch_directly(SpawnRequest criu);
// By a process that ends as CRIU ended, told as a shell tells it.
[[nodiscard]] std::unique_ptr<RunningCriu> run_by(ChildProcess process);

struct RestoreReport {
    ExitStatus status = ExitStatus::exited(0);
    // The root of the tree as it is seen from here; 0 unless status is a success.
    pid_t pid = 0;
    std::uint64_t bytes = 0;
    // What was mended in the images that CRIU has read.
    std::set<Mend> mends = {};
    // `standing` was called.
    bool stood = false;
    // Of a trial: the tree was there, and is gone again.
    bool taken_away = false;
};

// Runs CRIU to its end; what is left then of `ends` is the tree's alone. When it fails, or on an error of the source, a
// stall or an interrupt (which are thrown), nothing that this restore started is left. A CRIU that fails by itself is
// no exception: the report says so.
[[nodiscard]] RestoreReport restore(const RestoreJob& job, std::vector<TreeEnd> ends, ImageSource& source,
                                    const Interrupt& interrupt, const Launch& launch = launch_directly);

// Of memory, in bytes, what the kernel grants at once whatever was granted before (MendedImages).
[[nodiscard]] std::uint64_t granted_at_once();

// In the folder of a job: where CRIU writes the pid of the root.
inline constexpr const char* k_pid_file = "root.pid";
// Throws Error(Fault::restore_failed).
[[nodiscard]] pid_t restored_pid(const std::filesystem::path& pid_file);

// Calls RestoreJob::standing, and warns where that throws: the tree runs without what could not be put back.
void call_standing(const std::function<void(pid_t)>& standing, pid_t root);

// Whether CRIU's log says that the tree was restored and runs. Only its end is read, whatever its size: CRIU says so
// last. False where there is no log that can be read.
[[nodiscard]] bool was_restored(const std::filesystem::path& log) noexcept;

} // namespace cedana::criu
