// SPDX-License-Identifier: Apache-2.0
// The terminal of the supervisor, if it has one, while the program of a job has that of its space: its keys and its
// size go there. What is shown comes back by another process (supervisor_output.hpp).
#pragma once

#include "cedana/base/event_loop.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/roles/own_terminal.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace cedana::job {

class KeyTerminal {
  public:
    explicit KeyTerminal(EventLoop& loop) : loop_(loop) {}
    KeyTerminal(const KeyTerminal&) = delete;
    KeyTerminal& operator=(const KeyTerminal&) = delete;
    ~KeyTerminal() { leave(); }

    // With that of a space; nothing without one of its own. Throws Error.
    void join(const UniqueFd& far_end);
    // It is again as it was.
    void leave();
    [[nodiscard]] bool is_joined() const noexcept { return own_.has_value(); }

    // The program's has the size of this one, and whoever has it in the foreground draws its screen anew.
    void take_size() const;
    // Keys are taken while a shell lends this process its terminal.
    void look_whose_keys();
    // By which signal the keys that came last were to end or interrupt the program (termios(3), ISIG); 0: by none. It
    // stays known when the terminal is left.
    [[nodiscard]] int typed_signal() const noexcept { return typed_signal_; }
    // A shell has made the terminal its own when it stopped this process.
    void take_up_again();

    // Has something printed on it.
    void print(const std::function<void()>& line) const;

  private:
    void read_keys();
    void note_signals(std::string_view keys);
    void pass_keys();
    void drop_keys();

    EventLoop& loop_;
    std::optional<OwnTerminal> own_;
    UniqueFd far_end_;
    bool has_keys_ = false;
    // It was hung up.
    bool is_gone_ = false;
    int typed_signal_ = 0;
    std::string pending_;
};

} // namespace cedana::job
