// SPDX-License-Identifier: Apache-2.0
// What a container runtime finds when it looks for `criu`: a link to cedana, in a folder that is the first of the PATH
// of the engine that we start, and of nobody else. Started by that name, cedana hands the runtime's socket to the
// cedana whose link it was found by, and becomes the CRIU that this one tells it to be, in the same process: the
// runtime has put that into the container's control groups, and has given it descriptors. What is asked of it beside a
// dump or a restore is for CRIU itself.
//
// Nothing but the path of the link, which the kernel tells (getauxval(3), AT_EXECFN), says whose it is; no variable of
// the environment does.
#pragma once

#include "cedana/base/event_loop.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/criu/rpc.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cedana::containers {

struct StandInCall {
    criu::RpcCall call;
    // The runtime's: where stages are told, and how it went.
    UniqueFd runtime;
    // The process that the runtime has started.
    UniqueFd process;
};

// unchanged: it becomes CRIU as it was called. done: it ends, since all is said. run: it becomes this command.
struct StandInAnswer {
    enum class Kind { unchanged, done, run };
    Kind kind = Kind::unchanged;
    std::vector<std::string> argv = {};
    std::vector<std::string> environment = {};
    // What it opens first (O_PATH), by paths of the host, and the numbers that CRIU is to have them by.
    std::vector<std::pair<std::string, int>> files = {};
};

class StandIn {
  public:
    // `called` hears of dumps and restores alone. What it throws, run_once() of the loop throws; the runtime sees that
    // it failed.
    using Called = std::function<StandInAnswer(StandInCall call)>;
    // `work`: a private folder below the state folder, in which the link and the socket are made. Throws Error.
    StandIn(EventLoop& loop, const std::filesystem::path& work, const std::string& criu, Called called);
    StandIn(const StandIn&) = delete;
    StandIn& operator=(const StandIn&) = delete;
    ~StandIn();

    // For PATH.
    [[nodiscard]] std::string folder() const { return (work_ / "bin").string(); }

  private:
    void accept();
    [[nodiscard]] StandInAnswer answer(UniqueFd runtime, UniqueFd process);

    EventLoop& loop_;
    std::filesystem::path work_;
    Called called_;
    UniqueFd listener_;
};

// If this process was started by such a link: it becomes CRIU, or ends with this exit code. Before anything else is
// done in it, since what it has open and how its signals are is the runtime's.
[[nodiscard]] std::optional<int> run_as_criu(int argc, char** argv);

} // namespace cedana::containers
