// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/migrate.hpp"

#include "cedana/action/dump_steps.hpp"
#include "cedana/action/dump_target.hpp"
#include "cedana/action/foreseen_manifest.hpp"
#include "cedana/action/given_away.hpp"
#include "cedana/action/page_source.hpp"
#include "cedana/archive/byte_ranges.hpp"
#include "cedana/base/event_fd.hpp"
#include "cedana/base/held_stops.hpp"
#include "cedana/base/stopwatch.hpp"
#include "cedana/base/system_names.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/users.hpp"
#include "cedana/files/checkpoint_file.hpp"
#include "cedana/host/fit.hpp"
#include "cedana/host/same_files.hpp"
#include "cedana/keys/envelope.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/migration/record.hpp"
#include "cedana/migration/session.hpp"
#include "cedana/undo/network_lock.hpp"
#include "cedana/version.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <sys/stat.h>

namespace cedana {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using migration::Frame;
using migration::FrameType;
using migration::Outcome;

constexpr auto k_answer_limit_there = std::chrono::minutes(2);
// A host that is gone is noticed by ssh; one whose cedana is stopped says nothing, and else some every few seconds.
constexpr auto k_silence_limit = std::chrono::seconds(30);
constexpr auto k_run_limit = std::chrono::seconds(60);
// In which the target wants none of what it still lacks: it asks for some at any time.
constexpr auto k_want_limit = std::chrono::minutes(2);

const std::vector<std::string> k_receive = {"cedana", "client", "receive"};

// Notes when the tree was frozen. `copying`: what goes over the line while it is compressed; empty: nothing does.
class TimedProgress : public Progress {
  public:
    TimedProgress(Progress& shown, std::string copying) : shown_(shown), copying_(std::move(copying)) {}
    void phase(std::string_view name) override {
        shown_.phase(name == k_compressing && !copying_.empty() ? copying_ : name);
    }
    void bytes(std::uint64_t done, std::uint64_t total) override { shown_.bytes(done, total); }
    void frozen(bool now) override {
        if (now && !since_)
            since_ = Clock::now();
        is_frozen_ = is_frozen_ || now;
        shown_.frozen(now);
    }
    void done() override { shown_.done(); }
    // From any thread: it was, or is.
    [[nodiscard]] bool is_frozen() const noexcept { return is_frozen_; }
    [[nodiscard]] double seconds() const {
        return since_ ? std::chrono::duration<double>(Clock::now() - *since_).count() : 0;
    }

  private:
    // As the dump calls it.
    static constexpr std::string_view k_compressing = "compressing";

    Progress& shown_;
    std::string copying_;
    std::optional<Clock::time_point> since_;
    std::atomic<bool> is_frozen_ = false;
};

Error error_of(const migration::Reason& reason) {
    return Error(Fault::target_refused, printable(reason.message))
        .cause(printable(reason.cause))
        .hint(printable(reason.hint));
}

// Both of its ends are the tree's, at an address that each host has.
bool stays_within(const TcpConnection& one, const std::vector<TcpConnection>& all) {
    return one.local_address == one.remote_address && is_loopback(one.local_address) &&
           std::ranges::any_of(all, [&](const TcpConnection& other) {
               return other.local_address == one.local_address && other.local_port == one.remote_port &&
                      other.remote_port == one.local_port;
           });
}

std::vector<std::string> texts_of_ending(const std::vector<TcpConnection>& connections) {
    std::vector<std::string> texts;
    for (const TcpConnection& one : connections)
        if (!stays_within(one, connections))
            texts.push_back(
                fmt::format("{}:{} to {}:{}", one.local_address, one.local_port, one.remote_address, one.remote_port));
    return texts;
}

// What travels with it is not compared.
std::vector<migration::OfferedFile> offered_files(const Manifest& manifest) {
    const LeasesAhead leases;
    std::vector<migration::OfferedFile> files;
    for (const RequiredFile& file : manifest.required_files) {
        struct ::stat info {};
        const bool travels = std::ranges::any_of(manifest.files, [&](const CapturedFile& captured) {
            return captured.path == file.path && !captured.entry.empty();
        });
        if (travels || file.kind != RequiredKind::file || ::stat(file.path.c_str(), &info) != 0)
            continue;
        files.push_back(
            {.path = file.path, .mode = info.st_mode, .build_id = build_id_of(file.path, leases).value_or("")});
    }
    return files;
}

// Of what runs over there, and lacks memory, nothing brings it back here then.
void warn_where_unreadable(const Config& config, const Envelope& envelope) {
    try {
        static_cast<void>(Keyring(config).without_asking().open("the checkpoint", envelope));
    } catch (const Error& error) {
        if (error.fault() != Fault::permission)
            throw;
        spdlog::warn("no key here decrypts its checkpoint: should the connection break while its memory follows, only "
                     "who has such a key can bring it back");
    }
}

// Empty: nothing speaks against it. The other host puts what comes ahead on its disk as it is.
std::string why_nothing_goes_ahead(const DumpDraft& draft) {
    if (draft.keys.encryption)
        return "the checkpoint is encrypted, and what is sent ahead would not be";
    if (draft.request.config.archive_compression != Compression::zstd)
        return "only what zstd compresses is sent ahead (archive.compression)";
    return "";
}

// The first, with the others as its cause.
Error all_of(const std::vector<Error>& refusals, const std::string& beginning) {
    Error first(refusals.front().fault(), beginning + refusals.front().message());
    std::string others = refusals.front().cause();
    for (const Error& one : std::span(refusals).subspan(1))
        others += fmt::format("{}{}", others.empty() ? "also: " : "; ", one.message());
    return first.cause(others).hint(refusals.front().hint());
}

// The other host waits for go no longer than for a host that is gone: while a disk or an end takes its time, it is
// told.
class Beat {
  public:
    explicit Beat(migration::Connection& there) : thread_([this, &there] { beat(there); }) {}
    Beat(const Beat&) = delete;
    Beat& operator=(const Beat&) = delete;
    ~Beat() {
        end_.set();
        thread_.join();
    }

  private:
    void beat(migration::Connection& there) const noexcept {
        constexpr int k_every_ms = 5000;
        pollfd entry{.fd = end_.fd(), .events = POLLIN, .revents = 0};
        try {
            while (::poll(&entry, 1, k_every_ms) == 0)
                there.send(FrameType::hold);
        } catch (const std::exception& error) {
            // Whoever waits for the other end finds it out.
            spdlog::debug("{}", error.what());
        }
    }

    EventFd end_;
    std::thread thread_;
};

class Migrating {
  public:
    Migrating(const MigrateRequest& request, const Interrupt& interrupt, Progress& progress)
        : request_(request), interrupt_(interrupt),
          progress_(progress, request.lazy ? std::string() : "copying to " + printable(request.ssh.host)),
          id_(migration::new_id()), given_(request, id_, interrupt, progress_) {}

    // Both hosts are asked, whatever the first one says.
    MigrationPlan ask() {
        progress_.phase("asking " + printable(host()));
        Progress silent;
        DumpDraft draft(request_.dump, interrupt_, silent);
        MigrationPlan plan{.refusals_here = rehearse(steps_that_find(draft), interrupt_)};
        begin_login();
        std::ranges::move(rehearse(steps_on_found(draft), interrupt_), std::back_inserter(plan.refusals_here));
        root_ = draft.root;
        plan.name = draft.seen->name;
        plan.pid = draft.root.pid;
        plan.bytes_images = draft.seen->facts.image_bytes;
        Manifest manifest = foreseen_manifest(draft);
        manifest.files = foreseen_files(draft.seen->written, request_.dump.config);
        plan.connections = texts_of_ending(manifest.connections);
        migration::Offer offer{.id = id_, .manifest = write_manifest(manifest)};
        offer.bytes_files = bytes_to_capture(draft.seen->written, request_.dump.config);
        if (draft.keys.signing)
            offer.key_id = draft.keys.signing->public_key().id();
        offer.lazy = request_.lazy;
        offer.new_pid_namespace = request_.new_pid_namespace;
        offer.files = offered_files(manifest);
        if (draft.keys.encryption)
            offer.envelope = write_envelope(draft.keys.encryption->envelope);
        if (draft.keys.encryption && request_.lazy)
            warn_where_unreadable(request_.dump.config, draft.keys.encryption->envelope);
        if (request_.pre_copy)
            nothing_ahead_ = why_nothing_goes_ahead(draft);
        over_there([&] { offer_there(offer, plan); });
        return plan;
    }

    void say_bye() {
        over_there([&] { there().send(FrameType::bye); });
    }

    MigrateResult carry(const MigrationPlan& plan) {
        // Until all is over: who runs there may wait for memory of here, and is ended where none comes.
        const HeldStops stops;
        const DumpResult dumped = dump_there(plan);
        const pid_t pid = await_run(dumped);
        MigrateResult result{.host = host_name_,
                             .pid = pid,
                             .name = dumped.name,
                             .checkpoint = dumped.checkpoint,
                             .seconds = watch_.seconds(),
                             .downtime_seconds = downtime_,
                             .bytes_images = dumped.bytes_images,
                             .bytes_sent = there().bytes_sent(),
                             .bytes_ahead = bytes_ahead_,
                             .bytes_on_demand = pages_ ? pages_->bytes_gone() : 0,
                             .phases = dumped.phases};
        remove_network_lock();
        return result;
    }

  private:
    [[nodiscard]] const std::string& host() const { return request_.ssh.host; }
    [[nodiscard]] migration::Connection& there() { return session_->connection(); }
    [[nodiscard]] std::string target() const { return printable(host()); }

    // What is lost with the connection is explained by what ssh said.
    template <typename Work>
    void over_there(Work&& work) {
        try {
            work();
        } catch (const Error& error) {
            if (error.fault() != Fault::connection)
                throw;
            throw session_->explained(error);
        }
    }

    // A login takes longer than the look at the tree, and goes on beside it. What it fails with is told in its turn.
    void begin_login() {
        try {
            session_.emplace(request_.ssh, request_.dump.caller, k_receive);
            there().send(FrameType::hello, migration::write_hello({.protocol = migration::k_protocol_version,
                                                                   .cedana_version = k_version,
                                                                   .host = system_names().host}));
        } catch (const Error& error) {
            no_login_ = error;
        }
    }

    void offer_there(const migration::Offer& offer, MigrationPlan& plan) {
        if (no_login_)
            throw Error(*no_login_);
        const migration::Hello theirs = migration::parse_hello(next(k_answer_limit_there, interrupt_).payload);
        host_name_ = printable(theirs.host);
        plan.host = host_name_;
        plan.cedana_version = printable(theirs.cedana_version);
        if (theirs.protocol != migration::k_protocol_version)
            throw Error(
                Fault::target_refused,
                fmt::format("the cedana of {} ({}) speaks version {} of the protocol of migrations, and this one "
                            "version {}",
                            target(), plan.cedana_version, theirs.protocol, migration::k_protocol_version))
                .hint("install the same version of cedana on both hosts");
        there().send(FrameType::offer, migration::write_offer(offer));
        const migration::Answer answer = migration::parse_answer(next(k_answer_limit_there, interrupt_).payload);
        for (const migration::Reason& reason : answer.reasons)
            plan.refusals_there.push_back(error_of(reason));
        if (!request_.pre_copy || !answer.reasons.empty())
            return;
        if (nothing_ahead_.empty() && !answer.takes_ahead)
            nothing_ahead_ = fmt::format("{} has no room for memory that is sent ahead", target());
        takes_ahead_ = nothing_ahead_.empty();
        if (!takes_ahead_)
            spdlog::warn("{}: all of the memory goes over while the program stands still", nothing_ahead_);
    }

    // What the other end gives up with is an Error(Fault::target_refused).
    Frame next(std::chrono::milliseconds limit, const Interrupt& interrupt) {
        Frame frame;
        do
            frame = pages_ ? pages_->next(limit, interrupt) : there().receive(limit, interrupt);
        while (frame.type == FrameType::alive);
        if (frame.type != FrameType::ended)
            return frame;
        const Error why = error_of(migration::parse_ended(frame.payload));
        throw Error(Fault::target_refused, fmt::format("{} could not bring it back: {}", target(), why.message()))
            .cause(why.cause())
            .hint(why.hint());
    }

    DumpResult dump_there(const MigrationPlan& plan) {
        DumpRequest dumped = request_.dump;
        // It was found, and consented to.
        dumped.name.reset();
        dumped.found = {};
        dumped.pid = plan.pid;
        if (ProcessHandle::open(Procfs(), plan.pid).id().start_time != root_.start_time)
            throw Error(Fault::no_process, fmt::format("process {} ({}) has ended", plan.pid, printable(plan.name)));
        dumped.escort =
            DumpEscort{.written = [this](const WrittenPiece& piece) { take_written(piece); },
                       .files_written = [this](const Manifest& manifest, const std::string& index,
                                               const std::string& envelope) { have_staged(manifest, index, envelope); },
                       .complete =
                           [this](const fs::path& file, const Keyring& keyring, const std::string& network_lock) {
                               network_lock_ = network_lock;
                               hand_over(file, keyring);
                           },
                       .before_end = [this](const fs::path& checkpoint) { commit(checkpoint); },
                       .ended = [this] { say_go(); }};
        // What of a lazy one is written while it stands still goes to the disk alone.
        dumped.escort->is_paced = !request_.lazy;
        dumped.escort->compresses_ahead = request_.lazy || request_.pre_copy;
        if (takes_ahead_)
            dumped.escort->ahead = [this](const FrameAhead& frame) { send_ahead(frame); };
        over_there([&] { there().send(FrameType::begin, migration::write_begin(stem_of(plan))); });
        try {
            return dump(dumped, interrupt_, progress_);
        } catch (const Error& error) {
            // What comes after that (a hook, the way to the mount point) keeps nothing from running there.
            if (has_ended_) {
                spdlog::warn("{}", error.message());
                DumpResult known;
                known.checkpoint = *given_.checkpoint();
                known.pid = plan.pid;
                known.name = plan.name;
                return known;
            }
            take_back();
            if (error.fault() == Fault::connection)
                throw session_->explained(error);
            throw;
        }
    }

    static std::string stem_of(const MigrationPlan& plan) {
        return checkpoint_stem(plan.name, std::chrono::system_clock::now());
    }

    // Of a lazy one goes at once what is written before the tree stands still: files that were named.
    void take_written(const WrittenPiece& piece) {
        const ByteRange range{.from = piece.offset, .to = piece.offset + piece.bytes.size()};
        if (request_.lazy && progress_.is_frozen())
            return sent_.remove(range);
        if (takes_ahead_ && piece.number != 0)
            return there().send(
                FrameType::repeat,
                migration::write_repeat(
                    {.offset = piece.offset, .number = piece.number, .from = piece.from, .size = piece.bytes.size()}));
        send_piece(piece.offset, piece.bytes);
        if (request_.lazy)
            sent_.add(range);
    }

    // From any thread.
    void send_ahead(const FrameAhead& frame) {
        explained_by_end([&] {
            there().send(FrameType::ahead, migration::write_ahead_head(frame.number, frame.compressed),
                         frame.compressed, interrupt_);
        });
        bytes_ahead_ += frame.compressed.size();
    }

    void send_piece(std::uint64_t offset, std::span<const std::byte> bytes) {
        explained_by_end([&] {
            while (!bytes.empty()) {
                const auto piece = bytes.first(std::min(bytes.size(), migration::k_longest_piece));
                there().send(FrameType::data, migration::write_data_head(offset, piece), piece);
                offset += piece.size();
                bytes = bytes.subspan(piece.size());
            }
        });
    }

    // Where the connection ends meanwhile, the other end may have said why before it went. From any thread: all of them
    // fail with the same.
    template <typename Work>
    void explained_by_end(Work&& work) {
        try {
            work();
        } catch (const Error& error) {
            const std::scoped_lock lock(end_mutex_);
            if (!end_)
                end_ = error.fault() == Fault::connection ? why_it_ended(error) : error;
            throw Error(*end_);
        }
    }

    Error why_it_ended(const Error& seen) {
        constexpr auto k_limit = std::chrono::seconds(2);
        try {
            static_cast<void>(next(k_limit, Interrupt::none()));
        } catch (const Error& told) {
            if (told.fault() != Fault::connection)
                return told;
        }
        return seen;
    }

    // The tree runs on until the other host has these files on its disks. Of very many it writes them while it stands
    // still.
    void have_staged(const Manifest& manifest, const std::string& index, const std::string& envelope) {
        const std::string list =
            migration::write_files({.manifest = write_manifest(manifest), .index = index, .envelope = envelope});
        if (list.size() > migration::longest(FrameType::files))
            return;
        explained_by_end([&] { there().send(FrameType::files, list); });
        // What is before it on the line has to go over first.
        if (next(k_answer_limit_there, interrupt_).type != FrameType::kept)
            throw Error(Fault::connection, fmt::format("{} did not say that it has the files", target()));
    }

    // The tree stands still. It comes back over there while the disk here does its part.
    void hand_over(const fs::path& file, const Keyring& keyring) {
        given_.opened_by(keyring);
        if (request_.lazy) {
            progress_.phase("sending what it needs at once");
            pages_.emplace(there(), file, keyring);
            pages_->send_ahead(sent_.all(), [this](std::uint64_t offset, std::span<const std::byte> bytes) {
                send_piece(offset, bytes);
            });
        }
        progress_.phase("restoring on " + target());
        there().send(FrameType::complete, migration::write_complete(fs::file_size(file)));
        if (pages_)
            pages_->start();
        hold_.emplace(there());
    }

    // Its checkpoint is whole here, whatever happens.
    void commit(const fs::path& checkpoint) {
        static_cast<void>(next(k_silence_limit, interrupt_));
        interrupt_.throw_if_pending();
        given_.note(checkpoint);
    }

    // Nothing of it runs here any more. No signal ends the wait for the word that it runs there.
    void say_go() noexcept {
        has_ended_ = true;
        hold_.reset();
        try {
            there().send(FrameType::go);
            runs_ = migration::parse_runs(next(k_run_limit, Interrupt::none()).payload);
        } catch (const Error& error) {
            lost_ = error;
        } catch (const std::exception& error) {
            lost_ = Error(Fault::connection, error.what());
        }
        downtime_ = progress_.seconds();
    }

    // The tree here runs, or was lost with the dump: what is there ends as the connection does.
    void take_back() noexcept {
        hold_.reset();
        there().close();
        given_.take_back();
    }

    // The root over there.
    pid_t await_run(const DumpResult& dumped) {
        given_.follow(dumped.checkpoint);
        if (runs_ && pages_)
            bring_memory(dumped);
        if (runs_)
            return *runs_;
        if (lost_->fault() == Fault::target_refused)
            given_.bring_back(dumped, *lost_);
        const pid_t pid = given_.learn(dumped, session_->explained(*lost_), false);
        downtime_ = progress_.seconds();
        return pid;
    }

    // No signal ends this: without the rest of its memory it ends.
    void bring_memory(const DumpResult& dumped) {
        progress_.phase("sending its memory");
        try {
            const Frame frame = pages_->next(k_want_limit, Interrupt::none(),
                                             [&] { progress_.bytes(pages_->bytes_gone(), pages_->bytes_total()); });
            if (frame.type == FrameType::ended)
                given_.end_without_memory(dumped, error_of(migration::parse_ended(frame.payload)));
        } catch (const Error& error) {
            if (error.fault() != Fault::connection)
                throw;
            static_cast<void>(given_.learn(dumped, session_->explained(error), true));
        }
    }

    // Its connections are not this host's any more.
    void remove_network_lock() const {
        try {
            if (!network_lock_.empty())
                static_cast<void>(criu::remove_network_lock(network_lock_));
        } catch (const Error& error) {
            spdlog::warn("whether packets of its connections are still held back here is not known: {}",
                         error.message());
        }
    }

    const MigrateRequest& request_;
    const Interrupt& interrupt_;
    TimedProgress progress_;
    Stopwatch watch_;
    std::string id_;
    GivenAway given_;
    ProcessId root_;
    std::string host_name_;
    std::optional<migration::Session> session_;
    std::optional<Error> no_login_;
    // Memory goes over while it still runs; why not, where that was asked for.
    bool takes_ahead_ = false;
    std::string nothing_ahead_;
    std::atomic<std::uint64_t> bytes_ahead_ = 0;
    std::mutex end_mutex_;
    std::optional<Error> end_;
    std::string network_lock_;
    // What is over there as it is here now.
    ByteRanges sent_;
    std::optional<PageSource> pages_;
    std::optional<Beat> hold_;
    // What came of go.
    std::optional<pid_t> runs_;
    std::optional<Error> lost_;
    double downtime_ = 0;
    bool has_ended_ = false;
};

} // namespace

MigrationPlan plan_migration(const MigrateRequest& request, const Interrupt& interrupt) {
    require_root("look into processes");
    Progress silent;
    Migrating migrating(request, interrupt, silent);
    MigrationPlan plan = migrating.ask();
    migrating.say_bye();
    return plan;
}

MigrateResult migrate(const MigrateRequest& request, const Interrupt& interrupt, Progress& progress) {
    require_root("dump processes");
    Migrating migrating(request, interrupt, progress);
    const MigrationPlan plan = migrating.ask();
    if (!plan.refusals_here.empty())
        throw all_of(plan.refusals_here, "");
    if (!plan.refusals_there.empty())
        throw all_of(plan.refusals_there, fmt::format("{} would not take process {} ({}): ",
                                                      printable(request.ssh.host), plan.pid, printable(plan.name)));
    for (const std::string& connection : plan.connections)
        spdlog::warn("the connection {} ends unless its address moves to {} too", printable(connection),
                     printable(request.ssh.host));
    return migrating.carry(plan);
}

} // namespace cedana
