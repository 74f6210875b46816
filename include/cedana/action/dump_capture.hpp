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
#include "cedana/criu/image_folder.hpp"
#include "cedana/engine/memory_ahead.hpp"
#include "cedana/engine/pre_copy.hpp"
#include "cedana/model/external_ends.hpp"
#include "cedana/model/link_remap.hpp"
#include "cedana/model/manifest.hpp"
#include "cedana/undo/held_stop_commands.hpp"
#include "cedana/undo/work_folder.hpp"

#include <atomic>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
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
    // What systemd takes away with the unit; and where all of that lies, files too.
    std::vector<UnitEntry> unit_entries = {};
    std::set<std::string> unit_paths = {};
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
    // Bytes that the tree did not stand still for, since they were copied before.
    [[nodiscard]] std::uint64_t pre_copied() const { return pre_copy_ ? pre_copy_->spared() : 0; }
    // run() has failed only since the memory that was copied before, or the folder for images, did not fit: without
    // them it may do.
    [[nodiscard]] bool may_do_without_foresight() const noexcept { return foresaw_wrongly_; }

  private:
    [[nodiscard]] BufferSize divide_memory();
    void make_image_folder(std::uint64_t bound);
    void read_image_folder();
    void copy_ahead();
    void compress_ahead();
    void require_alive() const;
    void capture_ahead();
    void capture_named_ahead();
    void hand_files_to_escort();
    void run_criu();
    void release_stop() noexcept;
    void runs_again();
    void images_complete();
    void look_at_ends(const TreeHoldings& holdings);
    void capture_files(const TreeHoldings& holdings);
    void look_at_unit_folders(WrittenFiles& written);
    void publish();
    // What images are streamed into is CRIU's run's until that is over.
    [[nodiscard]] bool frees_early() const { return !leaves_running() && image_folder_.has_value(); }
    void free_memory();
    [[nodiscard]] Keyring own_keyring() const;
    void hand_to_escort(const std::filesystem::path& complete);
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
    // Before what refers to its memory. Absent if the tree stands still for all.
    std::optional<PreCopy> pre_copy_;
    // Likewise. Absent if CRIU is to stream its images.
    std::optional<criu::ImageFolder> image_folder_;
    std::uint64_t bytes_in_folder_ = 0;
    bool foresaw_wrongly_ = false;
    std::optional<HeldStopCommands> held_stop_;
    // What the writer need not compress again. Absent if nothing is compressed while the tree runs.
    std::optional<FramesAhead> frames_ahead_;
    // Absent once CRIU has failed, or the tree is to end and its checkpoint is on the disk.
    std::optional<CheckpointWriter> writer_;
    // Once CRIU is about to start.
    std::optional<LeasesAhead> leases_;
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
