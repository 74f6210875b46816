// SPDX-License-Identifier: Apache-2.0
// What a dump sees of a tree before anything is frozen: one value, made by one look, and made anew where the tree may
// have changed since.
#pragma once

#include "cedana/facts/facts.hpp"
#include "cedana/model/config.hpp"
#include "cedana/model/criu_options.hpp"
#include "cedana/model/required_file.hpp"
#include "cedana/process/identity.hpp"
#include "cedana/process/tree.hpp"
#include "cedana/process/written_files.hpp"
#include "cedana/undo/dump_record.hpp"

#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana {

struct SeenTree {
    ProcessTree tree;
    // What the checkpoint is named after.
    std::string name;
    TreeFacts facts;
    std::vector<RequiredFile> required_files;
    WrittenFiles written;
    // A file that it has open: somebody holds a lease on it, which that would break, or it is of a server, which may
    // not answer while the tree stands still.
    bool must_not_be_opened = false;
    // What CRIU will leave in the tree should it be killed.
    DumpRecord record;
    CriuOptions options;

    [[nodiscard]] pid_t pid() const { return tree.root().pid(); }
    [[nodiscard]] std::vector<pid_t> pids() const;
    // "process 42 (redis-server)"
    [[nodiscard]] std::string target() const;
    // As the manifest keeps them.
    [[nodiscard]] std::vector<std::string> sandbox_lost() const;
    // CRIU may have a control group of its own: it would not take that for one of the tree's.
    [[nodiscard]] bool leaves_criu_its_cgroup() const;
};

// `criu`: the program, which is asked how it holds back the packets of connections; empty: it is not asked. Touches no
// process. Throws Error as read_tree() does.
[[nodiscard]] SeenTree look_at_tree(const Procfs& procfs, ProcessId root, const Config& config,
                                    const std::string& criu);

} // namespace cedana
