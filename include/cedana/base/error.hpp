// SPDX-License-Identifier: Apache-2.0
// The one exception of the program. It carries what could not be done, the steps that were under way, the
// cause, what the user can do and where a log lies; `Fault` is what callers compare and what decides the exit
// code. Printing is cli's.
#pragma once

#include <cerrno>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace cedana {

// The values are the exit codes of the command line.
enum class Fault : int {
    internal = 1,
    usage = 2,
    no_process = 3,
    permission = 4,
    environment = 5,
    dump_failed = 6,
    restore_failed = 7,
    checkpoint = 8,
    storage = 9,
    process_lost = 10,
    // Of a migration: the other host would not take the tree, or could not bring it back; the connection failed; where
    // the tree runs, if anywhere, is not known. In the first two the tree runs here.
    target_refused = 11,
    connection = 12,
    outcome_unknown = 13,
    interrupted = 130,
};

class Error : public std::exception {
  public:
    Error(Fault fault, std::string message) : fault_(fault), message_(std::move(message)) {}

    // What was found to be the reason, where the message alone does not hold it.
    Error& cause(std::string text) { return cause_ = std::move(text), *this; }
    // Something the user can type or change.
    Error& hint(std::string text) { return hint_ = std::move(text), *this; }
    // The path of a log with more.
    Error& log(std::string path) { return log_ = std::move(path), *this; }
    // An activity that was under way; the innermost is added first.
    Error& during(std::string activity) { return steps_.push_back(std::move(activity)), *this; }

    [[nodiscard]] Fault fault() const noexcept { return fault_; }
    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] const std::string& cause() const noexcept { return cause_; }
    [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
    [[nodiscard]] const std::string& log() const noexcept { return log_; }
    [[nodiscard]] const std::vector<std::string>& steps() const noexcept { return steps_; }
    [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

  private:
    Fault fault_;
    std::string message_;
    std::string cause_;
    std::string hint_;
    std::string log_;
    std::vector<std::string> steps_;
};

// The Fault of a failed system call: storage for a full, failing or read-only disk, permission for a refusal,
// else `otherwise`.
[[nodiscard]] Fault fault_of_errno(int error_number, Fault otherwise = Fault::internal) noexcept;

// "<what>: <strerror>", with the Fault of the errno: for a number that was looked at before, or comes from elsewhere.
[[nodiscard]] Error os_error(int error_number, const std::string& what, Fault otherwise = Fault::internal);

// The failure of the system call just before: `throw OsFailure(Fault::storage).error("cannot open {}", name(fd))`.
// It takes errno when it is made, which is before the arguments of `error` are evaluated (C++17), so that these may
// change errno. It is no exception itself: what is thrown is the Error that it makes.
class OsFailure {
  public:
    explicit OsFailure(Fault otherwise = Fault::internal) noexcept : otherwise_(otherwise) {}

    // What os_error says of it.
    template <typename... Args>
    [[nodiscard]] Error error(fmt::format_string<Args...> what, Args&&... args) const {
        return os_error(number_, fmt::format(what, std::forward<Args>(args)...), otherwise_);
    }

  private:
    int number_ = errno;
    Fault otherwise_;
};

// "<strerror>" of an errno, thread-safe.
[[nodiscard]] std::string errno_text(int error_number);

// Runs `work`; an Error that leaves it gets `activity` as one more step.
template <typename Work>
auto step(const std::string& activity, Work&& work) -> decltype(std::forward<Work>(work)()) {
    try {
        return std::forward<Work>(work)();
    } catch (Error& error) {
        error.during(activity);
        throw;
    }
}

} // namespace cedana
