// SPDX-License-Identifier: Apache-2.0
// The program's log: spdlog to stderr, so that stdout carries results alone. Use spdlog's functions directly.
#pragma once

#include <string>

namespace cedana {

enum class Verbosity { quiet, normal, verbose };

// What becomes of the text of a message before it is written.
using LogShape = std::string (*)(const std::string& text);

// Call once, in main. Lines read "warning: …"; informational lines only appear when verbose.
void set_up_log(Verbosity verbosity, LogShape shape = nullptr);

// While a tree stands still nobody who does not read may hold it up: messages that stderr has no room for wait in
// memory while there is one of these.
class PatientLog {
  public:
    PatientLog() noexcept;
    PatientLog(const PatientLog&) = delete;
    PatientLog& operator=(const PatientLog&) = delete;
    ~PatientLog() { let(); }

    // Writes what has waited, however long that takes.
    void let() noexcept;
    // For what need not be said: whether it can be written now without waiting. Up to PIPE_BUF bytes.
    [[nodiscard]] static bool may_write(int fd) noexcept;

  private:
    [[nodiscard]] static bool is_held() noexcept;

    bool holds_ = true;
};

} // namespace cedana
