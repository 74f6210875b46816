// SPDX-License-Identifier: Apache-2.0
// CRIU's side of the protocol of `criu restore --lazy-pages` (criu/uffd.c): over a unix socket in its work folder it
// sends the pid and the userfaultfd of each task, a negative pid for a zombie, and at last that the tree goes on now.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <optional>
#include <variant>

#include <sys/types.h>

namespace cedana::criu {

// Where CRIU looks for it.
inline constexpr const char* k_lazy_socket = "lazy-pages.socket";

// Whoever connects from now on is refused; a connection that waits can still be accepted.
void shut_listener(int listener);

class LazyHandover {
  public:
    struct Task {
        pid_t pid = 0;
        UniqueFd fault;
    };
    struct TreeGoesOn {};
    struct Closed {};
    using Message = std::variant<Task, TreeGoesOn, Closed>;

    // Takes the connection that waits at `listener`; absent if that is shut (shut_listener()). Throws Error.
    [[nodiscard]] static std::optional<LazyHandover> accept(int listener);
    // Takes the connection that is passed over `channel`. Throws Error(Fault::interrupted) if none comes any more.
    [[nodiscard]] static LazyHandover receive_passed(int channel);
    // CRIU can say no more, and fails; what it has said can still be read.
    void shut() const;

    [[nodiscard]] int fd() const noexcept { return connection_.get(); }
    // Never blocks: absent while there is none. Throws Error for what CRIU does not say.
    [[nodiscard]] std::optional<Message> next();

  private:
    explicit LazyHandover(UniqueFd connection) : connection_(std::move(connection)) {}
    [[nodiscard]] std::optional<Message> next_number();
    [[nodiscard]] std::optional<Message> next_descriptor();

    UniqueFd connection_;
    // The task whose descriptor comes next.
    std::optional<pid_t> expects_;
};

} // namespace cedana::criu
