// SPDX-License-Identifier: Apache-2.0
// A cedana on another host, started by the ssh of this one, and the connection with it. ssh is the caller's, with their
// keys: behind sudo it is run with their rights.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/migration/connection.hpp"
#include "cedana/migration/ssh.hpp"
#include "cedana/model/caller.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace cedana::migration {

// `words` of cedana's command line.
class Session {
  public:
    Session(const SshCommand& command, const Caller& caller, const std::vector<std::string>& words);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    // Closes the connection, by which the other end ends; ssh is ended if it does not within a few seconds, and at once
    // where the other end has not answered yet.
    ~Session();

    [[nodiscard]] Connection& connection() noexcept { return *connection_; }
    // An error of the connection with what ssh, and cedana over there, have said.
    [[nodiscard]] Error explained(Error error);

  private:
    SshCommand command_;
    UniqueFd said_;
    std::optional<ChildProcess> ssh_;
    // Once it is known.
    std::optional<ExitStatus> status_;
    std::optional<Connection> connection_;
};

// What a cedana over there prints, once it has ended well. Throws Error(Fault::connection) else, and when it takes
// longer than `limit`.
[[nodiscard]] std::string run_there(const SshCommand& command, const Caller& caller,
                                    const std::vector<std::string>& words, std::chrono::milliseconds limit);

} // namespace cedana::migration
