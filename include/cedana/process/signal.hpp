// SPDX-License-Identifier: Apache-2.0
// The signal before a dump, with which a program is asked to write down what it wants to keep.
#pragma once

#include "cedana/process/identity.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>

namespace cedana {

class FileWatch;
class Interrupt;

struct PreDumpSignal {
    int signal = SIGUSR1;
    // How long to wait after it.
    std::chrono::milliseconds timeout = std::chrono::seconds(30);
    // Ends the wait early once this file appears, or changes if it is there already.
    std::optional<std::filesystem::path> done_file = std::nullopt;
    // Takes what it sees during the wait.
    FileWatch* watch = nullptr;
    // Called once it has been sent, and about every second of the wait, with what is left of the time.
    std::function<void(std::chrono::seconds left)> waits = {};
};

enum class WaitEnd { timeout, done_file };

// Throws Error(Fault::usage) if the signal would end the process, which neither catches nor ignores it,
// Error(Fault::no_process).
void require_survives(const Procfs& procfs, const ProcessHandle& process, int signal);

// Sends the signal and blocks until the timeout or the done file. Throws Error: Fault::usage if the process
// neither catches nor ignores the signal (it is not sent: it would end the process), Fault::no_process if the
// process ends before or while it is waited for, Fault::interrupted.
WaitEnd signal_before_dump(const Procfs& procfs, const ProcessHandle& process, const PreDumpSignal& request,
                           const Interrupt& interrupt);

} // namespace cedana
