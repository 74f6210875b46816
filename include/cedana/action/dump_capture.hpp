// SPDX-License-Identifier: Apache-2.0
// The part of a dump in which CRIU is in the tree: from the partial file to the checkpoint with its final name.
#pragma once

#include "cedana/action/dump_failure.hpp"
#include "cedana/action/dump_steps.hpp"
#include "cedana/action/prove.hpp"
#include "cedana/action/standstill.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/base/stopwatch.hpp"
#include "cedana/checkpoint/writer.hpp"
#include "cedana/criu/dump.hpp"
#include "cedana/model/external_ends.hpp"
#include "cedana/model/link_remap.hpp"
#include "cedana/model/manifest.hpp"
#include "cedana/undo/work_folder.hpp"

#include <atomic>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

// What is seen of the tree while it stands still: what the images hold.
struct FrozenTree {
    ProcessTree tree;
    std::vector<ExternalPipe> pipes = {};
    std::vector<ExternalTerminal> terminals = {};
    std::vector<unsigned> own_terminals = {};
    // Files whose name is lost, by the names that CRIU has given them.
    std::vector<LinkRemap> link_remaps = {};
    std::vector<ProcessAttributes> attributes = {};
    std::vector<SocketOptions> socket_options = {};
    // What a restore will lack: sentences.
    std::vector<std::string> unread = {};
};

class TreeCapture {
  public:
    // All must outlive this. Makes the work folder and begins the partial file.
    TreeCapture(DumpDraft& draft, Progress& progress, Stopwatch& watch);
    TreeCapture(const TreeCapture&) = delete;
    TreeCapture& operator=(const TreeCapture&) = delete;
    ~TreeCapture();

    // Afterwards the checkpoint is whole, and the tree runs on or has ended, as the settings say. Throws Error as
    // dump() does (action/dump.hpp).
    void run();

    [[nodiscard]] const std::filesystem::path& checkpoint() const { return *checkpoint_; }
    // As it stood still.
    [[nodiscard]] const ProcessTree& tree() const;
    [[nodiscard]] const criu::DumpReport& report() const noexcept { return report_; }
    // What a restore will lack: sentences.
    [[nodiscard]] const std::vector<std::string>& unread() const { return frozen_->unread; }
    // Absent unless it was asked for.
    [[nodiscard]] const std::optional<Proof>& proof() const noexcept { return proof_; }

  private:
    void capture_ahead();
    void run_criu();
    void runs_again();
    void images_complete();
    void look_at_ends(const TreeHoldings& holdings);
    void capture_files(const TreeHoldings& holdings);
    void publish();
    void prove_it(const std::filesystem::path& complete);
    void look_at_flight(const TreeHoldings& holdings, WrittenFiles& written);
    void note();
    void begin_escort();
    void leave_with_escort();
    [[nodiscard]] Manifest manifest() const;
    [[nodiscard]] std::string network_lock() const;
    [[nodiscard]] FailedDump failed() const;
    void end_writer(const std::exception& why);
    void give_up(const Error& error);
    [[nodiscard]] bool leaves_running() const { return draft_.request.config.client_leave_running; }

    DumpDraft& draft_;
    Progress& progress_;
    Stopwatch& watch_;
    WorkFolder work_;
    // Before any thread is started.
    Standstill standstill_;
    // Absent once CRIU has failed.
    std::optional<CheckpointWriter> writer_;
    std::optional<FrozenTree> frozen_;
    criu::DumpReport report_;
    std::optional<std::filesystem::path> checkpoint_;
    // What opens it again; null if it is not encrypted.
    std::shared_ptr<const Seal> seal_;
    std::optional<Proof> proof_;
    // A trial or an escort has it, which have limits of their own.
    std::atomic<bool> is_in_other_hands_ = false;
};

} // namespace cedana
