// SPDX-License-Identifier: Apache-2.0
// The channel between the keeper of a lazy restore and its server. The keeper sends CRIU's connection, of which it
// keeps a copy, and the root of a container. The server sends every userfaultfd, so that the keeper holds it too, says
// when those of all tasks are there, and says at last why it failed.
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

// What the numbers are by which CRIU calls tasks: those of this host, or of a pid namespace of the tree's own, which
// say nothing here.
enum class TaskNumbers { of_this_host, of_the_tree };

// The root of a container's tree, as soon as CRIU has made it, and before CRIU hands anything over. In a pid namespace
// of its own its end is the end of all that lives there (pid_namespaces(7)).
struct LazyRoot {
    pid_t pid = 0;
    TaskNumbers numbers = TaskNumbers::of_the_tree;
    UniqueFd handle;
};

// From the command to the keeper, and on to the server. Absent: there will be none.
void pass_root(int channel, const std::optional<LazyRoot>& root);
// Waits; absent if there will be none, or nobody is left who could say so. Throws Error.
[[nodiscard]] std::optional<LazyRoot> receive_root(int channel);

// The server's end. A keeper that is gone is no reason to end.
class LazyWitness : public criu::FillWitness {
  public:
    explicit LazyWitness(UniqueFd channel) : channel_(std::move(channel)) {}
    // Of a container: waits until its root is there, which is its pid. Before opened() is called. Throws
    // Error(Fault::interrupted) if none comes.
    [[nodiscard]] pid_t await_root();
    void opened(int fault, pid_t pid) override;
    void closing(int fault) override;
    void tree_goes_on() override;
    void failed(const Error& error);
    // What the keeper does for a tree whose memory cannot be completed, if the keeper is gone.
    void end_tree_if_alone() const;

  private:
    UniqueFd channel_;
    TaskNumbers numbers_ = TaskNumbers::of_this_host;
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
