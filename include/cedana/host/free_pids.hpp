// SPDX-License-Identifier: Apache-2.0
// A tree comes back under its old pids, so every one of them must be free.
#pragma once

#include "cedana/base/signals.hpp"
#include "cedana/model/manifest.hpp"
#include "cedana/process/procfs.hpp"

#include <chrono>
#include <set>
#include <vector>

#include <sys/types.h>

namespace cedana {

// Of the processes of the checkpoint.
[[nodiscard]] std::vector<pid_t> pids_of(const Manifest& manifest);
// With those of threads.
[[nodiscard]] std::set<pid_t> numbers_of(const Manifest& manifest);

// Waits up to `limit` for zombies that have pids of the tree to be reaped by their parents. Throws
// Error(Fault::restore_failed) that names who has a pid, Error(Fault::interrupted). `leaders`: numbers of groups and
// sessions of the tree whose own processes had ended.
void require_free_pids(const Procfs& procfs, const Manifest& manifest, const std::vector<pid_t>& leaders,
                       std::chrono::seconds limit, const Interrupt& interrupt);

} // namespace cedana
