// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/dump.hpp"

#include "cedana/action/checkpoint_writer.hpp"
#include "cedana/action/clean.hpp"
#include "cedana/action/criu_options.hpp"
#include "cedana/action/dump_failure.hpp"
#include "cedana/action/dump_record.hpp"
#include "cedana/action/dump_target.hpp"
#include "cedana/action/file_capture.hpp"
#include "cedana/action/hooks.hpp"
#include "cedana/action/host.hpp"
#include "cedana/action/key_files.hpp"
#include "cedana/action/lazy_transfers.hpp"
#include "cedana/action/permissions.hpp"
#include "cedana/action/preparation.hpp"
#include "cedana/action/refusals.hpp"
#include "cedana/action/stopwatch.hpp"
#include "cedana/action/tree_fate.hpp"
#include "cedana/action/work_folder.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/dump.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/criu/network_lock.hpp"
#include "cedana/process/external_ends.hpp"
#include "cedana/process/facts.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/lock.hpp"
#include "cedana/process/required_files.hpp"
#include "cedana/process/tree.hpp"
#include "cedana/process/written_files.hpp"
#include "cedana/storage/move.hpp"
#include "cedana/version.hpp"

#include <chrono>
#include <exception>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

// One dump, from the look at the tree to the published checkpoint.
class Dump {
  public:
    Dump(const DumpRequest& request, const Interrupt& interrupt, Progress& progress)
        : request_(request), config_(request.config), interrupt_(interrupt), progress_(progress) {}

    DumpResult run() {
        prepare();
        const std::string activity = fmt::format("checkpointing {} to {}", target(), folder_.string());
        step(activity, [&] { checkpoint(); });
        watch_.lap("publish");
        move();
        run_post_dump_hook();
        return result();
    }

  private:
    [[nodiscard]] std::string target() const {
        return fmt::format("process {} ({})", tree_->root().pid(), printable(name_));
    }
    [[nodiscard]] bool leave_running() const { return config_.client_leave_running; }

    void prepare() {
        require_root("dump processes");
        signing_key_ = read_signing_key(config_);
        encryption_ = prepare_encryption(config_, request_.passphrase.get());
        ProcessHandle root = find_target(procfs_, request_);
        folder_ = find_folder(request_);
        require_shared_storage(request_);
        program_ = find_trusted_criu(config_);
        criu_version_ = criu::require_version(program_);
        require_hooks(config_, {HookStage::pre_dump, HookStage::post_dump});
        // Before the look: what a restore is still making would be seen half made.
        lock_.emplace(LockedFor::dump, state_folder() / "locks");
        lock_->add({root.pid()});
        look(std::move(root));
        await_lazy_memory();
        lock_->add(pids_of(*tree_));
        clean({.folders = {folder_}});
        files_.emplace(config_, folder_);
        require_space(folder_, image_bytes_, files_->look(procfs_, *tree_, written_));
        require_survivable_signal(config_, procfs_, *tree_);
        run_hook(hook_for(HookStage::pre_dump, config_), {.pid = tree_->root().pid(), .checkpoint = folder_},
                 interrupt_);
        ask_to_prepare();
        watch_.lap("prepare");
    }

    void look(ProcessHandle root) {
        tree_.emplace(read_tree(procfs_, std::move(root), ::getpid()));
        name_ = process_name(*tree_);
        const TreeHoldings holdings = holdings_of(procfs_, *tree_);
        TreeFacts facts = read_facts(procfs_, *tree_, holdings, ::getpid());
        refuse_what_cannot_be_dumped(facts, refusal_context(config_, prepared_));
        required_files_ = required_files(procfs_, holdings);
        written_ = written_files(holdings);
        facts_ = std::move(facts.record);
        if (leave_running())
            for (const RenamedFile& file : facts.renamed_files)
                spdlog::warn("{} has lost this name, and criu keeps it by another only until the tree runs on: this "
                             "checkpoint cannot be restored (one made with --stop can)",
                             printable(file.path));
        connections_ = facts.tcp_connections;
        external_pipes_ = facts.external_pipes;
        image_bytes_ = facts.image_bytes;
        record_ = record_dump(*tree_, facts);
        options_ = choose_criu_options(facts, config_.criu_extra_args);
        own_cgroup_ = options_.ignore_cgroups || facts.cgroups == CgroupPlace::elsewhere;
        if (options_.tcp_established)
            options_.network_lock = criu::usable_network_lock(program_);
    }

    // CRIU takes pages that are not there yet for pages that were never touched.
    void await_lazy_memory() {
        if (await_memory(procfs_, pids_of(*tree_), interrupt_))
            look(ProcessHandle::open(procfs_, tree_->root().handle.id()));
    }

    void ask_to_prepare() {
        prepared_ = preparation_.ask(*tree_, interrupt_);
        if (!prepared_)
            return;
        // The program may have forked, ended children or opened files while it prepared itself.
        look(ProcessHandle::open(procfs_, tree_->root().handle.id()));
        lock_->add(pids_of(*tree_));
        add_missing(written_, preparation_.written());
        require_space(folder_, image_bytes_, files_->look(procfs_, *tree_, written_));
    }

    void checkpoint() {
        work_.emplace(WorkKind::dump, state_folder());
        const std::string stem = checkpoint_stem(name_, std::chrono::system_clock::now());
        writer_.emplace(config_, folder_, stem, image_bytes_, std::move(encryption_));
        if (signing_key_)
            writer_->sign_with(*signing_key_);
        watch_.lap("buffer");
        progress_.phase("dumping");
        const criu::DumpJob job{.program = program_,
                                .pid = tree_->root().pid(),
                                .after = leave_running() ? criu::After::leave_running : criu::After::stop,
                                .options = options_,
                                .folder = work_->path(),
                                .own_cgroup = own_cgroup_,
                                .held = work_->lock(),
                                .progress = &progress_,
                                .expected_bytes = image_bytes_};
        // CRIU knows the process by its pid alone. Whoever gets that after this is found out at post-dump.
        if (!tree_->root().handle.alive())
            throw Error(Fault::no_process, fmt::format("{} ended before the dump began", target()));
        write_record(record_, work_->path());
        try {
            report_ = criu::dump(
                job, writer_->images(), [this] { images_complete(); }, interrupt_);
        } catch (const std::exception& error) {
            writer_.reset();
            explain_cancelled(failed(), error);
        }
        // A CRIU that ends well without having asked at post-dump may not have written every image.
        if (!report_.status.success() || !report_.allowed) {
            writer_.reset();
            explain_failure(failed(), report_);
        }
        progress_.frozen(false);
        watch_.lap(leave_running() ? "resume" : "stop");
        if (leave_running()) {
            publish();
        } else {
            wait_for_end(*tree_);
        }
    }

    // The tree is frozen, and every image has been read.
    void images_complete() {
        watch_.lap("capture");
        // What was seen before may have forked or ended children since; what is frozen now is what the images hold.
        tree_.emplace(read_frozen_tree(procfs_, ProcessHandle::open(procfs_, tree_->root().handle.id())));
        take_frozen(record_, *tree_, work_->path());
        progress_.phase("copying files");
        const TreeHoldings holdings = holdings_of(procfs_, *tree_);
        external_pipes_ = external_pipes_of_frozen(holdings, external_pipes_);
        external_terminals_ = external_terminals(holdings);
        own_terminals_ = own_terminals(holdings);
        WrittenFiles written = written_files(holdings);
        add_missing(written, preparation_.finish());
        files_->take(written, interrupt_);
        watch_.lap("files");
        // A tree that is to stop ends only once its checkpoint is on the disk.
        if (!leave_running()) {
            publish();
            note();
        }
    }

    // What is taken back of a dump that failed depends on it. Without it the tree runs on, and names that CRIU gave to
    // files for this checkpoint go.
    void note() {
        try {
            note_published(*checkpoint_, work_->path());
        } catch (...) {
            ::unlink(checkpoint_->c_str());
            checkpoint_.reset();
            throw;
        }
    }

    // Holds the connections' packets back until the restore, if the tree is to stop.
    [[nodiscard]] std::string network_lock() const {
        if (leave_running() || options_.network_lock != criu::k_nftables)
            return {};
        return criu::network_lock_of(read_log_head(log())).value_or("");
    }

    void publish() {
        progress_.phase("compressing");
        Manifest manifest{.created = utc_iso(std::chrono::system_clock::now()),
                          .cedana_version = k_version,
                          .criu_version = criu_version_,
                          .host = describe_host(),
                          .name = name_,
                          .leave_running = leave_running(),
                          .criu_options = options_,
                          .tree = describe(*tree_),
                          .required_files = required_files_,
                          .connections = connections_,
                          .external_pipes = external_pipes_,
                          .external_terminals = external_terminals_,
                          .own_terminals = own_terminals_,
                          .network_lock_table = network_lock(),
                          .link_remaps = leave_running() ? std::vector<LinkRemap>() : made_names(record_),
                          .digests = {},
                          .timings = watch_.phases(),
                          .watch = preparation_.record(),
                          .facts = facts_};
        if (report_.statistics)
            manifest.frozen_seconds = std::chrono::duration<double>(report_.statistics->frozen).count();
        checkpoint_ =
            writer_->finish(std::move(manifest), *files_, work_->path() / criu::k_dump_log, interrupt_, progress_);
        warn_of_gaps(preparation_.record(), name_);
    }

    [[nodiscard]] FailedDump failed() const {
        return {
            .tree = *tree_, .target = target(), .record = record_, .work = work_->path(), .checkpoint = checkpoint_};
    }

    void run_post_dump_hook() const {
        try {
            run_hook(hook_for(HookStage::post_dump, config_), {.pid = tree_->root().pid(), .checkpoint = *checkpoint_},
                     interrupt_);
        } catch (Error& error) {
            throw error.hint(fmt::format("the checkpoint is whole: {}", checkpoint_->string()));
        }
    }

    void move() {
        const std::string& mount = config_.shared_storage_mount_point;
        std::error_code ignored;
        bytes_archive_ = fs::file_size(*checkpoint_, ignored);
        if (mount.empty())
            return;
        progress_.phase("moving");
        try {
            checkpoint_ = step(fmt::format("moving the checkpoint to {}", mount), [&] {
                // Again: it may have been unmounted while the dump ran.
                require_shared_storage(request_);
                return move_checkpoint(*checkpoint_, mount, interrupt_, progress_);
            });
        } catch (Error& error) {
            // Else the hint names it already.
            if (fs::exists(*checkpoint_, ignored))
                error.hint(fmt::format("the checkpoint is whole: {}", checkpoint_->string()));
            throw;
        }
        watch_.lap("move");
    }

    DumpResult result() const {
        DumpResult result{.checkpoint = *checkpoint_,
                          .pid = tree_->root().pid(),
                          .name = name_,
                          .seconds = watch_.seconds(),
                          .frozen_seconds = {},
                          .bytes_images = report_.bytes,
                          .bytes_archive = bytes_archive_,
                          .peak_memory_bytes = peak_memory(),
                          .phases = watch_.phases()};
        if (report_.statistics)
            result.frozen_seconds = std::chrono::duration<double>(report_.statistics->frozen).count();
        return result;
    }

    [[nodiscard]] fs::path log() const { return work_->path() / criu::k_dump_log; }

    const DumpRequest& request_;
    const Config& config_;
    const Interrupt& interrupt_;
    Progress& progress_;
    Procfs procfs_;
    Stopwatch watch_;
    fs::path folder_;
    std::optional<SigningKey> signing_key_;
    std::optional<Encryption> encryption_;
    std::string program_;
    std::string criu_version_;
    std::optional<ProcessTree> tree_;
    std::string name_;
    // What CRIU will write, as of the last look.
    std::uint64_t image_bytes_ = 0;
    Preparation preparation_ = Preparation(config_, procfs_);
    // The program was asked to prepare for the dump.
    bool prepared_ = false;
    CriuOptions options_;
    // CRIU may have a control group of its own.
    bool own_cgroup_ = false;
    std::vector<RequiredFile> required_files_;
    std::vector<TcpConnection> connections_;
    std::vector<ExternalPipe> external_pipes_;
    std::vector<ExternalTerminal> external_terminals_;
    std::vector<unsigned> own_terminals_;
    WrittenFiles written_;
    RecordedFacts facts_;
    DumpRecord record_;
    std::optional<FileCapture> files_;
    std::optional<TreeLock> lock_;
    std::optional<WorkFolder> work_;
    std::optional<CheckpointWriter> writer_;
    criu::DumpReport report_;
    std::optional<fs::path> checkpoint_;
    std::uint64_t bytes_archive_ = 0;
};

} // namespace

DumpResult dump(const DumpRequest& request, const Interrupt& interrupt, Progress& progress) {
    return Dump(request, interrupt, progress).run();
}

} // namespace cedana
