// SPDX-License-Identifier: Apache-2.0
// A program is asked to write down what it wants to keep before it is dumped (client.signal_process_pre_dump), and
// watched while it does: what it wrote belongs into the checkpoint.
#pragma once

#include "cedana/base/progress.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/model/config.hpp"
#include "cedana/model/manifest.hpp"
#include "cedana/process/file_watch.hpp"
#include "cedana/process/tree.hpp"
#include "cedana/process/written_files.hpp"

#include <optional>
#include <string>

namespace cedana {

class Preparation {
  public:
    // Both must outlive it.
    Preparation(const Config& config, const Procfs& procfs) : config_(config), procfs_(procfs) {}

    // Asks, and waits for as long as the settings say; false if they say that it is not to be asked. From then on the
    // tree is watched, and `progress` is told what is waited for. Throws as signal_before_dump().
    bool ask(const ProcessTree& tree, const Interrupt& interrupt, Progress& progress);

    // What the tree has written so far.
    [[nodiscard]] WrittenFiles written() const;
    // All that it has written, now that it is frozen. The watch ends.
    [[nodiscard]] WrittenFiles finish();
    // Absent if it was not asked or not watched; complete after finish().
    [[nodiscard]] const std::optional<WatchRecord>& record() const noexcept { return record_; }

  private:
    void start_watch(const ProcessTree& tree);

    const Config& config_;
    const Procfs& procfs_;
    std::optional<FileWatch> watch_;
    std::optional<WatchRecord> record_;
};

// Warns if there is a record of files that may be missing.
void warn_of_gaps(const std::optional<WatchRecord>& record, const std::string& program);

} // namespace cedana
