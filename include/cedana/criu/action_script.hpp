// SPDX-License-Identifier: Apache-2.0
// CRIU runs an action script at each stage of a dump or a restore, by its path alone. Ours is a tiny program
// (action_main.cpp): it asks the cedana that runs either over a unix socket whether to go on: of a dump at post-dump
// and, where that is asked for, at pre-dump, of a restore at post-restore and at pre-resume. If that cedana is dead or
// says no, the script fails: CRIU resumes the tree and fails the dump, or ends the tree and fails the restore; but at
// pre-resume it goes on all the same.
#pragma once

#include "cedana/base/event_loop.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/criu/action_words.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <sys/types.h>

namespace cedana::criu {

// The program: in memory, open for reading; `name` is what /proc shows. Throws Error where the host allows none there.
[[nodiscard]] UniqueFd action_program(const char* name);

class ActionServer {
  public:
    // `reached` is called each time that CRIU has reached one of the stages, with the pid of the root as CRIU sees it
    // (0: it was not told); answer with allow() or refuse().
    using Reached = std::function<void(const std::string& stage, pid_t root)>;
    ActionServer(EventLoop& loop, const std::filesystem::path& folder, Reached reached);
    ActionServer(const ActionServer&) = delete;
    ActionServer& operator=(const ActionServer&) = delete;
    ~ActionServer();

    // The path for --action-script.
    [[nodiscard]] const std::filesystem::path& script() const { return script_; }
    [[nodiscard]] const std::filesystem::path& socket() const { return path_; }
    // Its program, for a CRIU that does not see this process.
    [[nodiscard]] int program() const { return program_.get(); }
    // Tells a script that has asked to wait on: else it takes cedana for dead after a while, and fails.
    void beat() const;
    // Whether a script that has asked is still there: else CRIU has let the tree run on.
    [[nodiscard]] bool is_awaited() const;
    // false if the script is gone (its CRIU was killed): the answer reached nobody.
    bool allow();
    // Also before it has asked: then no script can ask.
    void refuse();

  private:
    void accept_connection();
    void close_listener();

    EventLoop& loop_;
    std::filesystem::path path_;
    std::filesystem::path script_;
    Reached reached_;
    UniqueFd program_;
    UniqueFd listener_;
    UniqueFd connection_;
};

} // namespace cedana::criu
