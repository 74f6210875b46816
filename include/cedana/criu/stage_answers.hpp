// SPDX-License-Identifier: Apache-2.0
// Answers a CRIU that tells of the stages of a dump through a socket (`criu swrk N`, rpc.hpp) in place of starting an
// action script at each, which costs it a fork and an exec while the tree stands still. CRIU waits for such an answer
// for ever, and a cedana that is stopped gives none: so a process between the two, the action script's program, asks as
// the script does, and says no where it hears nothing for too long. Where that process ends, CRIU reads the end of the
// socket and lets the tree go (criu/cr-service.c, send_criu_rpc_script()).
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/criu/action_script.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cedana::criu {

class StageAnswers {
  public:
    // The socket, with the request in it. Throws OsFailure.
    explicit StageAnswers(const std::string& request);

    // For CRIU, at k_stage_socket.
    [[nodiscard]] int end_of_criu() const { return end_of_criu_.get(); }
    // Once CRIU has been started, with its end. `environment`: what the script would get. If it throws, CRIU has nobody
    // to tell, and fails.
    void start(const ActionServer& server, std::vector<std::string> environment);

  private:
    UniqueFd end_of_criu_;
    UniqueFd own_end_;
    std::optional<ChildProcess> process_;
};

} // namespace cedana::criu
