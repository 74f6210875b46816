// SPDX-License-Identifier: Apache-2.0
// The channel between the keeper of a lazy restore and its server. The keeper sends CRIU's connection, of which it
// keeps a copy. The server sends every userfaultfd, so that the keeper holds it too, says when those of all tasks are
// there, and says at last why it failed.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/lazy/fill.hpp"

#include <map>
#include <optional>
#include <utility>
#include <variant>

#include <sys/types.h>

namespace cedana {

// The two ends, both CLOEXEC; each message stays whole. Throws Error.
[[nodiscard]] std::pair<UniqueFd, UniqueFd> make_lazy_channel();

// The server's end. A keeper that is gone is no reason to end.
class LazyWitness : public criu::FillWitness {
  public:
    explicit LazyWitness(UniqueFd channel) : channel_(std::move(channel)) {}
    void opened(int fault, pid_t pid) override;
    void closing(int fault) override;
    void tree_goes_on() override;
    void failed(const Error& error);
    // What the keeper does for a tree whose memory cannot be completed, if the keeper is gone.
    void end_tree_if_alone() const;

  private:
    UniqueFd channel_;
    std::map<pid_t, UniqueFd> tree_;
};

struct WitnessedFault {
    // The server's number for it, and the task that it belongs to; 0: a child.
    int number = -1;
    pid_t pid = 0;
    UniqueFd fault;
};
struct WitnessedEnd {
    int number = -1;
};
// The server has all tasks of the tree.
struct WitnessedTree {};
using LazyNews = std::variant<WitnessedFault, WitnessedEnd, WitnessedTree, Error>;

// Sends CRIU's connection to the server, whose LazyFill waits for it.
void pass_criu(int channel, int connection);

// Waits for the server's next message; absent once the server is gone. Throws Error.
[[nodiscard]] std::optional<LazyNews> next_news(int channel);

} // namespace cedana
