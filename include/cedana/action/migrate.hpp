// SPDX-License-Identifier: Apache-2.0
// `cedana client migrate`: a process tree to another host, over one ssh connection. The other host is asked first,
// before anything is frozen. The checkpoint goes to the local store and over there while it is written; there the tree
// is brought back to the point at which it only has to run. Up to then the tree here runs on whatever fails. Then it is
// committed: the tree here ends, and only when it has ended the other host is told to go. So there are never two that
// run; where there is none, the checkpoint here is whole.
#pragma once

#include "cedana/action/dump.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/migration/messages.hpp"
#include "cedana/migration/ssh.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct MigrateRequest {
    // Of a dump that stops.
    DumpRequest dump;
    migration::SshCommand ssh;
    // It runs there before its memory has come: pages come on demand, and it ends there if the connection does first.
    bool lazy = false;
    // Its memory goes over while it runs here; what changed since goes once more while it stands still. Not with
    // `lazy`.
    bool pre_copy = false;
    // There it has a pid namespace of its own, whoever has the pids.
    bool new_pid_namespace = false;
};

struct MigrationPlan {
    // How the other host calls itself.
    std::string host = {};
    std::string cedana_version = {};
    std::string name = {};
    pid_t pid = 0;
    // What CRIU will write.
    std::uint64_t bytes_images = 0;
    // Connections of the tree, which end there unless their addresses move with it: "10.0.0.1:80 to 10.0.0.2:4242".
    std::vector<std::string> connections = {};
    // What a dump here would end with, and what a restore there would.
    std::vector<Error> refusals_here = {};
    std::vector<Error> refusals_there = {};
};

// Throws Error(Fault::connection) where the other host cannot be asked, and as plan_dump() does.
[[nodiscard]] MigrationPlan plan_migration(const MigrateRequest& request, const Interrupt& interrupt);

struct MigrateResult {
    std::string host;
    pid_t pid = 0;
    std::string name;
    // Here; it is kept.
    std::filesystem::path checkpoint;
    double seconds = 0;
    // From the moment at which the tree was frozen to the word that it runs there.
    double downtime_seconds = 0;
    std::uint64_t bytes_images = 0;
    std::uint64_t bytes_sent = 0;
    // Of them, before it stood still.
    std::uint64_t bytes_ahead = 0;
    // Of them, while it ran there already.
    std::uint64_t bytes_on_demand = 0;
    std::map<std::string, double> phases;
};

// Returns once the tree runs on the other host. Throws Error. Fault::target_refused and Fault::connection: it runs
// here, as it did or, where the message says so, out of the checkpoint. Fault::outcome_unknown: it does not run here,
// and the other host cannot be asked whether it runs there. Fault::restore_failed: it runs nowhere; of a lazy one, it
// may have run there for a while. All others as dump() does.
[[nodiscard]] MigrateResult migrate(const MigrateRequest& request, const Interrupt& interrupt, Progress& progress);

} // namespace cedana
