// SPDX-License-Identifier: Apache-2.0
// One run of `criu dump`. CRIU gets a session and a control group of its own and is never signalled: a signal that
// reaches it while it is inside the tree kills the tree. It is cancelled by closing the image pipes, or by leaving no
// room for its files, and by refusing post-dump, and always awaited.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/criu/image_capture.hpp"
#include "cedana/criu/image_folder.hpp"
#include "cedana/criu/statistics.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

namespace cedana::criu {

// Of how long the tree may stand still.
struct FreezeLimit {
    // For how long nothing may move; zero: for ever. Then CRIU is cancelled.
    std::chrono::milliseconds limit{};
    // Whether images_complete() is at something that has a limit of its own; empty: never.
    std::function<bool()> has_own_limit = {};
    // Called where cedana's own work hangs so that it cannot even be given up (a store that answers nothing): CRIU has
    // let the tree run on by then, as far as it can. In a thread of its own; what works may wake up again at any time.
    std::function<void(const Error&)> give_up = {};
};

struct DumpJob {
    std::string program;
    pid_t pid = 0;
    After after = After::leave_running;
    CriuOptions options;
    LogOf log = LogOf::all;
    // A private folder: sockets, CRIU's log and statistics.
    std::filesystem::path folder;
    // In which it works (entry.hpp); none: in those of this process.
    std::vector<UniqueFd> namespaces = {};
    // CRIU is to open none of the tree's files once more.
    bool opens_no_files = false;
    // Where CRIU would take that for one of the tree's, it stays in cedana's.
    bool own_cgroup = true;
    // CRIU inherits it, and has it open for as long as it runs; -1: none.
    int held = -1;
    // CRIU writes its images there, where they are once dump() has returned. Null: they are streamed into the sink.
    ImageFolder* image_folder = nullptr;
    // What of the tree's pages is known already; null: nothing. Of images that are streamed.
    ForeseenPages* foreseen = nullptr;
    // Hears of every piece of an image, unless null; bytes in all, as far as that is known.
    Progress* progress = nullptr;
    std::uint64_t expected_bytes = 0;
    // CRIU freezes the tree only once it is readable; -1: at once. `before_freeze` is called then.
    int ready = -1;
    std::function<void()> before_freeze = {};
    // Called once CRIU was told to go on, while it lets the tree go or ends it: for what is not needed any more and
    // takes time. It must not throw. Empty: not called.
    std::function<void()> while_it_ends = {};
    // The tree, for what hangs in it.
    std::vector<pid_t> tree = {};
    FreezeLimit freeze = {};
};

struct DumpReport {
    // How CRIU ended.
    ExitStatus status = ExitStatus::exited(0);
    // Every image was read to its end while the tree was frozen, and CRIU was told to go on.
    bool allowed = false;
    std::optional<DumpStatistics> statistics;
    // Of images that were streamed.
    std::uint64_t bytes = 0;
};

// The folder for CRIU's images has no room left: what is in it is of no use, and the same dump may do by a stream.
class NoRoomForImages : public Error {
  public:
    NoRoomForImages();
};

// Runs CRIU to its end. `images_complete` is called while the tree is still frozen, once every pipe is drained, or
// every image is in the folder; what it throws makes CRIU resume the tree, and is thrown on after CRIU ended, as are
// errors of the sink, NoRoomForImages and an interrupt. A CRIU that fails is no exception here: the report says so. On
// every path CRIU has ended and the tree is as CRIU left it.
[[nodiscard]] DumpReport dump(const DumpJob& job, ImageSink& sink, const std::function<void()>& images_complete,
                              const Interrupt& interrupt);

} // namespace cedana::criu
