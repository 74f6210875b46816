// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/dump_capture.hpp"

#include "cedana/action/compress_ahead.hpp"
#include "cedana/action/dump_target.hpp"
#include "cedana/action/foreseen_manifest.hpp"
#include "cedana/action/memory_room.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/units.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/criu/entry.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/criu/freeze_watch.hpp"
#include "cedana/criu/log.hpp"
#include "cedana/facts/attributes.hpp"
#include "cedana/facts/entered_namespaces.hpp"
#include "cedana/facts/external_ends.hpp"
#include "cedana/facts/in_flight.hpp"
#include "cedana/facts/losses.hpp"
#include "cedana/facts/socket_options.hpp"
#include "cedana/files/link_remap.hpp"
#include "cedana/keys/envelope.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/lost_names.hpp"
#include "cedana/undo/network_lock.hpp"
#include "cedana/undo/tree_fate.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <string>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace {

// CRIU takes its own name away when the tree runs on: what the file holds is captured under another that it has, or
// else under that one.
void add_lost(WrittenFiles& written, LinkRemap& remap) {
    struct ::stat info {};
    if (::lstat(remap.link.c_str(), &info) != 0)
        return;
    const auto known = std::ranges::find_if(
        written.files, [&](const WrittenFile& file) { return file_id(file.info) == file_id(info); });
    if (known != written.files.end()) {
        remap.name = known->path;
        return;
    }
    const std::string folder = std::filesystem::path(remap.link).parent_path().string();
    std::vector<WrittenFile> found = find_by_inode(folder, {file_id(info)});
    if (!found.empty())
        remap.name = found.front().path;
    written.files.push_back(found.empty() ? WrittenFile{.path = remap.link, .info = info, .uses = {}}
                                          : std::move(found.front()));
}

// Whether there were such.
bool add_unknown(std::vector<RenamedFile>& known, std::vector<RenamedFile> more) {
    const std::size_t before = known.size();
    for (RenamedFile& file : more)
        if (std::ranges::none_of(known, [&](const RenamedFile& one) {
                return one.path == file.path && one.device == file.device && one.inode == file.inode;
            }))
            known.push_back(std::move(file));
    return known.size() > before;
}

// All of it takes a twelfth of the time for which a tree of many processes stands still, and a third of one with many
// mappings. Where CRIU holds back packets, it names by what.
criu::LogOf log_of(const SeenTree& seen) {
    const bool locks_network = seen.facts.own_network || seen.options.tcp_established;
    return locks_network ? criu::LogOf::all : criu::LogOf::failures;
}

// For as long as it lives.
class SetFor {
  public:
    explicit SetFor(std::atomic<bool>& flag) : flag_(flag) { flag_ = true; }
    SetFor(const SetFor&) = delete;
    SetFor& operator=(const SetFor&) = delete;
    ~SetFor() { flag_ = false; }

  private:
    std::atomic<bool>& flag_;
};

} // namespace

TreeCapture::TreeCapture(DumpDraft& draft, Progress& progress, Stopwatch& watch)
    : draft_(draft), progress_(progress), watch_(watch), work_(WorkKind::dump, state_folder()) {
    const SeenTree& seen = *draft_.seen;
    if (draft_.keys.encryption)
        seal_ = draft_.keys.encryption->seal;
    const std::string stem = checkpoint_stem(seen.name, std::chrono::system_clock::now());
    writer_.emplace(draft_.request.config, draft_.folder, stem, divide_memory(), draft_.keys.encryption);
    if (draft_.keys.signing)
        writer_->sign_with(*draft_.keys.signing);
    begin_escort();
}

// What is copied ahead gets what it needs, since little else comes then.
BufferSize TreeCapture::divide_memory() {
    const std::uint64_t images = draft_.seen->facts.image_bytes;
    BufferSize buffer{.bound = buffer_bound(draft_.request.config), .expected = images};
    make_image_folder(buffer.bound);
    if (image_folder_)
        buffer.expected = 0;
    if (!draft_.copies_ahead)
        return buffer;
    pre_copy_.emplace(PreCopy::memory_for(images), draft_.request.write_tracking.value_or(kernel_write_tracking()));
    buffer.bound -= std::min(buffer.bound, PreCopy::memory_for(images));
    buffer.expected = 0;
    return buffer;
}

// By files CRIU is sooner done with many small images, by a stream into memory that was touched before with large ones.
// What a migration has handed on it cannot take back, should the tree be dumped once more.
void TreeCapture::make_image_folder(std::uint64_t bound) {
    // About 25 a process, of one page at least each.
    constexpr std::uint64_t k_small_images = 256UL * 1024;
    const std::uint64_t processes = draft_.seen->tree.processes.size();
    const std::uint64_t memory = draft_.seen->facts.image_bytes;
    const auto most_mib = static_cast<std::uint64_t>(draft_.request.config.dump_folder_mib);
    const bool is_small = most_mib != 0 && memory <= std::max(most_mib, processes) * k_mib;
    const bool has_room = 2 * (memory + processes * k_small_images) <= bound;
    const bool may_be_done_again = !draft_.only_streams && !draft_.request.escort;
    if (!may_be_done_again || draft_.copies_ahead || !is_small || !has_room)
        return;
    // Memory that is to be encrypted never comes to lie on a disk.
    if (auto folder = MemoryFolder::make(bound, draft_.keys.encryption ? Swap::never : Swap::possible))
        image_folder_.emplace(std::move(*folder));
}

// The tree may run on meanwhile.
void TreeCapture::read_image_folder() {
    if (image_folder_)
        bytes_in_folder_ = image_folder_->read_into(writer_->images(), draft_.interrupt).bytes;
}

void TreeCapture::copy_ahead() {
    if (!pre_copy_)
        return;
    progress_.phase("copying memory ahead");
    pre_copy_->copy(draft_.procfs, draft_.seen->pids(), draft_.interrupt);
    watch_.lap("copy ahead");
}

// The more is compressed before, the sooner it is whole and goes over while the tree stands still.
void TreeCapture::compress_ahead() {
    constexpr std::uint64_t k_least = 4 * k_mib;
    const Config& config = draft_.request.config;
    const std::optional<DumpEscort>& escort = draft_.request.escort;
    if (!escort || !escort->compresses_ahead || config.archive_compression != Compression::zstd ||
        draft_.seen->facts.image_bytes < k_least)
        return;
    frames_ahead_.emplace(static_cast<int>(config.archive_level), buffer_bound(config) / 2);
    MemoryAhead memory(draft_.procfs, *frames_ahead_);
    // Nobody is to have in clear what the checkpoint hides.
    const auto send = seal_ ? nullptr : escort->ahead;
    progress_.phase(send ? "sending memory ahead" : "compressing ahead");
    compress_memory_ahead(memory, draft_.seen->pids(), send, draft_.interrupt, progress_);
    writer_->use(*frames_ahead_);
    watch_.lap("compress ahead");
}

void TreeCapture::begin_escort() {
    if (!draft_.request.escort)
        return;
    if (draft_.request.escort->is_paced)
        writer_->pace();
    writer_->copy_to([this](const WrittenPiece& piece) {
        const SetFor escorted(is_in_other_hands_);
        draft_.request.escort->written(piece);
    });
}

// The note of a limit that is still to be put back stays.
TreeCapture::~TreeCapture() {
    if (standstill_.has_left_limits())
        work_.keep();
    release_stop();
}

void TreeCapture::release_stop() noexcept {
    if (held_stop_ && !held_stop_->release())
        work_.keep();
    held_stop_.reset();
}

const ProcessTree& TreeCapture::tree() const { return frozen_ ? frozen_->tree : draft_.seen->tree; }

FailedDump TreeCapture::failed() const {
    return {.tree = tree(),
            .target = draft_.seen->target(),
            .record = draft_.seen->record,
            .work = work_.path(),
            .checkpoint = checkpoint_,
            .passed_over = draft_.passed_over};
}

// CRIU knows the process by its pid alone. Whoever gets that after this is found out at post-dump.
void TreeCapture::require_alive() const {
    if (!draft_.seen->tree.root().handle.alive())
        throw Error(Fault::no_process, fmt::format("{} ended before the dump began", draft_.seen->target()));
}

void TreeCapture::run() {
    require_alive();
    capture_ahead();
    compress_ahead();
    // That may have taken a while.
    require_alive();
    write_record(draft_.seen->record, work_.path());
    if (!leaves_running() && draft_.unit && draft_.unit->holds_back_stop())
        held_stop_.emplace(draft_.unit->unit, work_.path());
    standstill_.raise_limits(limits_of(draft_.procfs, draft_.seen->tree), work_.path());
    copy_ahead();
    run_criu();
    watch_.lap(leaves_running() ? "resume" : "stop");
    if (leaves_running())
        publish();
    else {
        wait_for_end(tree());
        await_stop(draft_.unit);
        release_stop();
        if (draft_.container) {
            progress_.phase("waiting for its engine");
            draft_.container->finish_end();
        }
    }
    report_.bytes += bytes_in_folder_;
    if (draft_.request.escort)
        draft_.request.escort->ended();
}

// Of files that a container has changed, most stay as they are while it is dumped.
void TreeCapture::capture_ahead() {
    if (!draft_.container)
        return capture_named_ahead();
    progress_.phase("copying files");
    writer_->write_ahead(
        [this](ImageSink& sink) { draft_.container->capture_ahead(draft_.seen->tree, sink, draft_.interrupt); },
        draft_.interrupt, progress_);
    watch_.lap("ahead");
}

void TreeCapture::capture_named_ahead() {
    if (draft_.named.files.files.empty())
        return;
    progress_.phase("copying files");
    writer_->write_files_ahead(*draft_.files, draft_.seen->written, draft_.interrupt);
    if (draft_.request.escort && !draft_.files->index_ahead().images.empty())
        hand_files_to_escort();
    watch_.lap("ahead");
}

void TreeCapture::hand_files_to_escort() {
    Manifest manifest = foreseen_manifest(draft_);
    manifest.files = draft_.files->files_ahead();
    // Of the rest nobody asks.
    manifest.places.clear();
    manifest.facts.reset();
    draft_.request.escort->files_written(manifest, write_index(draft_.files->index_ahead()),
                                         draft_.keys.encryption ? write_envelope(draft_.keys.encryption->envelope)
                                                                : std::string());
}

void TreeCapture::run_criu() {
    const SeenTree& seen = *draft_.seen;
    CriuOptions options = seen.options;
    if (!seen.facts.outer_dev_tty.empty())
        options.extra.insert(options.extra.end(), {"--external", seen.facts.outer_dev_tty});
    for (const OutsideFile& file : seen.facts.outside_files)
        options.extra.insert(options.extra.end(), {"--external", file.id});
    for (const JournalStream& stream : seen.facts.journal_streams)
        options.extra.insert(options.extra.end(), {"--external", external_id(stream)});
    // CRIU makes those of a container anew.
    std::vector<UniqueFd> namespaces;
    if (!draft_.container)
        namespaces = open_namespaces(draft_.procfs, seen.tree.root().handle, seen.facts.entered);
    if (!namespaces.empty())
        criu::note_kernel_features(draft_.criu.path);
    if (draft_.container)
        options.extra.insert(options.extra.end(), draft_.container->criu_arguments().begin(),
                             draft_.container->criu_arguments().end());
    const criu::DumpJob job{.program = draft_.criu.path,
                            .pid = seen.pid(),
                            .after = leaves_running() ? criu::After::leave_running : criu::After::stop,
                            .options = std::move(options),
                            .log = log_of(seen),
                            .folder = work_.path(),
                            .namespaces = std::move(namespaces),
                            .opens_no_files = seen.must_not_be_opened,
                            .own_cgroup = seen.leaves_criu_its_cgroup(),
                            .held = work_.lock(),
                            .image_folder = image_folder_ ? &*image_folder_ : nullptr,
                            .foreseen = pre_copy_ ? &*pre_copy_ : nullptr,
                            .progress = &progress_,
                            .expected_bytes = seen.facts.image_bytes,
                            .ready = writer_->memory_ready(),
                            .before_freeze = [this] { writer_->bound_anew(); },
                            .while_it_ends = frees_early() ? [this] { free_memory(); } : std::function<void()>(),
                            .tree = seen.pids(),
                            .freeze = {.limit = draft_.request.config.dump_freeze_limit,
                                       .has_own_limit = [this] { return is_in_other_hands_.load(); },
                                       .give_up = [this](const Error& error) { give_up(error); }}};
    // CRIU reads the same table while the tree stands still, and does not wait for the kernel again.
    leases_.emplace();
    try {
        report_ = criu::dump(
            job, writer_->images(), [this] { images_complete(); }, draft_.interrupt);
    } catch (const std::exception& error) {
        foresaw_wrongly_ = dynamic_cast<const criu::OtherPages*>(&error) != nullptr ||
                           dynamic_cast<const criu::NoRoomForImages*>(&error) != nullptr;
        runs_again();
        end_writer(error);
        explain_cancelled(failed(), error);
    }
    // A CRIU that ends well without having asked at post-dump may not have written every image.
    runs_again();
    // Nobody had waited for it: what is in it may not be of one moment.
    if (checkpoint_ && !report_.allowed && !report_.status.signal()) {
        ::unlink(checkpoint_->c_str());
        checkpoint_.reset();
    }
    if (!report_.status.success() || !report_.allowed) {
        end_writer(Error(Fault::dump_failed, "criu failed"));
        explain_failure(failed(), report_);
    }
}

void TreeCapture::runs_again() {
    progress_.frozen(false);
    standstill_.end();
}

// What still writes to a store that does not answer never ends.
void TreeCapture::end_writer(const std::exception& why) {
    constexpr auto k_limit = std::chrono::seconds(10);
    const criu::FreezeWatch watch({.limit = k_limit,
                                   .beat = [] {},
                                   .give_up =
                                       [&](const Error& hangs) {
                                           const auto* const error = dynamic_cast<const Error*>(&why);
                                           give_up(error != nullptr ? *error : hangs);
                                       }},
                                  draft_.interrupt);
    writer_.reset();
}

// The thread that works hangs, and so may whatever would be ended after it.
void TreeCapture::give_up(const Error& error) {
    try {
        explain_cancelled(failed(), error);
    } catch (const Error& told) {
        standstill_.put_back_limits();
        if (draft_.request.end_at_once)
            draft_.request.end_at_once(told);
    }
}

// The tree is frozen, and every image has been read.
void TreeCapture::images_complete() {
    watch_.lap("capture");
    progress_.phase("copying files");
    // What was seen before may have forked or ended children since; what is frozen now is what the images hold.
    frozen_ = FrozenTree{.tree = read_frozen_tree(draft_.procfs, ProcessHandle::open(draft_.procfs, draft_.root))};
    record_frozen_tree(draft_.seen->record, frozen_->tree, work_.path());
    const TreeHoldings holdings = holdings_of(draft_.procfs, frozen_->tree);
    if (!draft_.container)
        look_at_ends(holdings);
    frozen_->attributes = read_attributes(draft_.procfs, frozen_->tree);
    add_exclusive_terminals(frozen_->attributes, holdings);
    add_hung_up_masters(frozen_->attributes, holdings);
    add_posix_locks(frozen_->attributes, holdings);
    frozen_->socket_options = read_socket_options(draft_.procfs, holdings);
    frozen_->unread = find_unread(holdings);
    if (draft_.container)
        draft_.container->capture(frozen_->tree, writer_->images(), draft_.interrupt);
    else
        capture_files(holdings);
    watch_.lap("files");
    // A tree that is to stop ends only once its checkpoint is on the disk.
    if (!leaves_running()) {
        publish();
        leave_with_escort();
        note();
        if (draft_.container)
            draft_.container->begin_end();
        else
            begin_to_stop(draft_.unit);
    }
}

void TreeCapture::look_at_ends(const TreeHoldings& holdings) {
    frozen_->pipes = external_pipes_of_frozen(holdings, draft_.seen->facts.external_pipes);
    frozen_->terminals = external_terminals(holdings);
    frozen_->own_terminals = own_terminals(holdings);
}

void TreeCapture::capture_files(const TreeHoldings& holdings) {
    WrittenFiles written = written_files(holdings, looked_at_from(draft_.seen->facts));
    look_at_flight(holdings, written);
    add_missing(written, draft_.preparation.finish());
    look_at_unit_folders(written);
    add_missing_names(written, draft_.named.files);
    frozen_->link_remaps = made_names(draft_.seen->record);
    if (leaves_running())
        for (LinkRemap& remap : frozen_->link_remaps)
            add_lost(written, remap);
    else
        std::ranges::for_each(frozen_->link_remaps, let_wait);
    draft_.files->capture(written, *leases_, draft_.interrupt);
}

// What systemd takes away with the unit, or with its host.
void TreeCapture::look_at_unit_folders(WrittenFiles& written) {
    if (!draft_.unit)
        return;
    const auto most_bytes = static_cast<std::uint64_t>(draft_.request.config.files_capture_limit_mib) * k_mib;
    UnitFolderContent content = read_unit_folders(draft_.root.pid, draft_.unit->own_folders(), most_bytes);
    for (const WrittenFile& file : content.files)
        frozen_->unit_paths.insert(file.path);
    for (const UnitEntry& entry : content.entries)
        frozen_->unit_paths.insert(entry.path);
    add_missing_names(written, {.files = std::move(content.files), .unseen = {}});
    frozen_->unit_entries = std::move(content.entries);
    for (const std::string& path : content.too_much)
        frozen_->unread.push_back(
            fmt::format("{}, which systemd takes away as {} stops: its files are over files.capture_limit_mib together",
                        printable(path), printable(draft_.unit->unit.name)));
}

// Without it the tree runs on, and what the checkpoint holds is of no use.
void TreeCapture::leave_with_escort() {
    if (!draft_.request.escort)
        return;
    try {
        const SetFor escorted(is_in_other_hands_);
        draft_.request.escort->before_end(*checkpoint_);
    } catch (...) {
        ::unlink(checkpoint_->c_str());
        checkpoint_.reset();
        throw;
    }
}

// What nobody could see before.
void TreeCapture::look_at_flight(const TreeHoldings& holdings, WrittenFiles& written) {
    InFlight in_flight = find_in_flight(holdings, Messages::all);
    add_missing(written, std::move(in_flight.written));
    if (add_unknown(draft_.seen->record.files, std::move(in_flight.renamed)))
        write_record(draft_.seen->record, work_.path());
    std::ranges::copy_if(in_flight.losses, std::back_inserter(frozen_->unread), [this](const std::string& loss) {
        return std::ranges::count(draft_.seen->facts.losses, loss) == 0;
    });
    if (in_flight.refusals.empty())
        return;
    const Refusal& first = in_flight.refusals.front();
    if (!draft_.request.anyway)
        throw Error(first.fault, first.sentence).hint(first.hint);
    if (draft_.passed_over.empty())
        draft_.passed_over.push_back(first.sentence);
}

// What is taken back of a dump that failed depends on it. Without it the tree runs on, and names that CRIU gave to
// files for this checkpoint go.
void TreeCapture::note() {
    try {
        record_published(*checkpoint_, work_.path());
    } catch (...) {
        ::unlink(checkpoint_->c_str());
        checkpoint_.reset();
        throw;
    }
}

// Holds the connections' packets back until the restore, if the tree is to stop.
std::string TreeCapture::network_lock() const {
    if (leaves_running() || draft_.seen->options.network_lock != criu::k_nftables)
        return {};
    return criu::network_lock_of(read_log_head(work_.path() / criu::k_dump_log)).value_or("");
}

Manifest TreeCapture::manifest() const {
    Manifest manifest = foreseen_manifest(draft_);
    manifest.created = utc_iso(std::chrono::system_clock::now());
    manifest.tree = describe(frozen_->tree);
    manifest.bytes_images = 0;
    manifest.external_pipes = frozen_->pipes;
    manifest.external_terminals = frozen_->terminals;
    manifest.own_terminals = frozen_->own_terminals;
    manifest.network_lock_table = network_lock();
    manifest.link_remaps = frozen_->link_remaps;
    manifest.attributes = frozen_->attributes;
    manifest.socket_options = frozen_->socket_options;
    manifest.unit_entries = frozen_->unit_entries;
    std::erase_if(manifest.required_files,
                  [this](const RequiredFile& file) { return frozen_->unit_paths.contains(file.path); });
    if (!manifest.unit_entries.empty())
        manifest.required_features.emplace_back(k_unit_entries);
    manifest.timings = watch_.phases();
    manifest.watch = draft_.preparation.record();
    if (draft_.container) {
        manifest.container = draft_.container->record();
        manifest.required_features.emplace_back(k_in_container);
        manifest.required_features.emplace_back(k_files_ahead);
    }
    if (report_.statistics)
        manifest.frozen_seconds = std::chrono::duration<double>(report_.statistics->frozen).count();
    return manifest;
}

Keyring TreeCapture::own_keyring() const {
    return seal_ ? Keyring::of_data_key(SecretBytes::copy_of(seal_->data_key().bytes())) : Keyring();
}

// Who takes it has it while the disk does its part.
void TreeCapture::hand_to_escort(const std::filesystem::path& complete) {
    const SetFor escorted(is_in_other_hands_);
    draft_.request.escort->complete(complete, own_keyring(), network_lock());
}

// The tree stands still. It goes on if the checkpoint does not come back.
void TreeCapture::prove_it(const std::filesystem::path& complete) {
    watch_.lap("write");
    const Checkpoint checkpoint(complete, own_keyring());
    const SetFor proving(is_in_other_hands_);
    proof_ = prove({.checkpoint = checkpoint, .config = draft_.request.config, .criu = draft_.criu.path},
                   draft_.interrupt, progress_);
    watch_.lap("proof");
    if (!proof_->failure)
        return;
    const Error& why = *proof_->failure;
    throw Error(Fault::dump_failed,
                fmt::format("the checkpoint was not kept, since it does not come back: {}", why.message()))
        .cause(why.cause())
        .hint(why.hint())
        .log(why.log());
}

// Of a checkpoint that is on the disk: threads and buffers, and the images in memory.
void TreeCapture::free_memory() {
    writer_.reset();
    image_folder_->remove_images();
}

void TreeCapture::publish() {
    progress_.phase("compressing");
    read_image_folder();
    if (draft_.request.prove && !leaves_running())
        writer_->before_publish([this](const std::filesystem::path& complete) { prove_it(complete); });
    if (draft_.request.escort)
        writer_->before_publish([this](const std::filesystem::path& complete) { hand_to_escort(complete); });
    if (draft_.container)
        for (const auto& [name, content] : draft_.container->texts())
            writer_->add_text(name, content);
    checkpoint_ =
        writer_->finish(manifest(), *draft_.files, work_.path() / criu::k_dump_log, draft_.interrupt, progress_);
    warn_of_gaps(draft_.preparation.record(), draft_.seen->name);
}

} // namespace cedana
