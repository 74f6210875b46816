// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/receive.hpp"

#include "cedana/action/arrival.hpp"
#include "cedana/action/arriving_file.hpp"
#include "cedana/action/restore.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/event_fd.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/system_names.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/units.hpp"
#include "cedana/base/users.hpp"
#include "cedana/checkpoint/staged_files.hpp"
#include "cedana/keys/envelope.hpp"
#include "cedana/lazy/transfers.hpp"
#include "cedana/migration/record.hpp"
#include "cedana/model/manifest.hpp"
#include "cedana/undo/clean.hpp"
#include "cedana/undo/end_trees.hpp"
#include "cedana/undo/work_folder.hpp"
#include "cedana/version.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

namespace cedana {

namespace {

namespace fs = std::filesystem;
using migration::Fate;
using migration::Frame;
using migration::FrameType;

constexpr auto k_hello_limit = std::chrono::seconds(30);
// The source still looks at its tree.
constexpr auto k_offer_limit = std::chrono::minutes(10);
// The source may be asked for consent, or wait for a program to prepare itself.
constexpr auto k_begin_limit = std::chrono::hours(24);
// Between two pieces: the source compresses, or its tree still gets ready.
constexpr auto k_piece_limit = std::chrono::minutes(10);

// Of one that stands still for ever, or lacks memory.
void end_root(const ProcessMark& root) {
    if (!is_at_work(root))
        return;
    if (auto pidfd = open_pidfd(root.pid); pidfd && is_at_work(root))
        end_tree(root.pid, std::move(*pidfd));
}

// Where its page server asks for what is still to come.
fs::path socket_of(const std::string& id) { return migration::record_folder() / (id + ".pages"); }

// A source that asks later, after a connection that was lost, learns nothing any more.
constexpr auto k_record_age = std::chrono::hours(7 * 24);

// Of a restore, which may hang in the kernel: the tree of the source stands still all the while.
std::chrono::seconds restore_limit(std::uint64_t bytes_images) {
    constexpr auto k_least = std::chrono::minutes(10);
    constexpr std::uint64_t k_slowest = 4 * k_mib;
    return k_least + std::chrono::seconds(bytes_images / k_slowest);
}

// Says so while a restore takes its time, and ends it when the source does: by the signal of a line that is lost.
class SignOfLife {
  public:
    SignOfLife(migration::Connection& source, std::chrono::seconds limit)
        : until_(std::chrono::steady_clock::now() + limit), thread_([this, &source] { beat(source); }) {}
    SignOfLife(const SignOfLife&) = delete;
    SignOfLife& operator=(const SignOfLife&) = delete;
    ~SignOfLife() {
        must_end_ = true;
        end_.set();
        thread_.join();
    }

    // Why the restore was interrupted; absent: it was not.
    [[nodiscard]] std::optional<Error> why_ended() const {
        const std::lock_guard guard(mutex_);
        return why_;
    }

  private:
    void beat(migration::Connection& source) noexcept {
        try {
            while (!source.hangs_up_within(k_every, end_.fd())) {
                if (must_end_)
                    return;
                if (std::chrono::steady_clock::now() > until_)
                    return end_restore(Error(Fault::restore_failed, "it took too long"));
                source.send(FrameType::alive);
            }
            end_restore(Error(Fault::connection, "the connection with the source is lost: it has ended"));
        } catch (const std::exception& error) {
            end_restore(Error(Fault::connection, error.what()));
        }
    }
    void end_restore(const Error& why) noexcept {
        {
            const std::lock_guard guard(mutex_);
            why_ = why;
        }
        ::kill(::getpid(), SIGTERM);
    }

    static constexpr std::chrono::seconds k_every{5};

    std::chrono::steady_clock::time_point until_;
    std::atomic<bool> must_end_ = false;
    EventFd end_;
    mutable std::mutex mutex_;
    std::optional<Error> why_;
    std::thread thread_;
};

class Receiving {
  public:
    Receiving(const ReceiveRequest& request, migration::Connection& source, const Interrupt& interrupt)
        : request_(request), source_(source), interrupt_(interrupt) {}

    void run() {
        greet();
        if (!take_offer())
            return;
        note_.emplace(migration::record_folder(), record_.id);
        bring_back(take_file());
    }

    // Whatever else happened. The source must not be told anything else then.
    [[nodiscard]] bool tree_runs() const {
        return record_.fate == Fate::runs || (record_.fate == Fate::going && is_at_work(*record_.root));
    }

    void note_failure(const Error& error) noexcept {
        record_.why = error.message();
        if (note_)
            note_anyway(Fate::ended);
    }

  private:
    Frame next(std::chrono::milliseconds limit) {
        return pages_ ? pages_->next(limit, interrupt_) : source_.receive(limit, interrupt_);
    }

    void note(Fate fate) {
        record_.fate = fate;
        note_->write(record_);
    }

    // That it cannot be written down changes nothing of what is so.
    void note_anyway(Fate fate) noexcept {
        record_.fate = fate;
        try {
            note_->write(record_);
        } catch (const std::exception& error) {
            spdlog::warn("what became of the migration could not be noted: {}", error.what());
        }
    }

    void greet() {
        const migration::Hello theirs = migration::parse_hello(next(k_hello_limit).payload);
        source_.send(FrameType::greeting, migration::write_hello({.protocol = migration::k_protocol_version,
                                                                  .cedana_version = k_version,
                                                                  .host = system_names().host}));
        if (theirs.protocol != migration::k_protocol_version)
            throw Error(Fault::environment, fmt::format("the cedana of the source speaks version {} of the protocol of "
                                                        "migrations, and this one ({}) version {}",
                                                        theirs.protocol, k_version, migration::k_protocol_version))
                .hint("install the same version of cedana on both hosts");
    }

    // False where no more was wanted than the answer.
    bool take_offer() {
        const migration::Offer offer = migration::parse_offer(next(k_offer_limit).payload);
        migration::Answer answer;
        for (const Error& error : refusals_of_arrival(request_, offer, interrupt_))
            answer.reasons.push_back(migration::reason_of(error));
        answer.takes_ahead = answer.reasons.empty() && has_room_ahead(request_, offer);
        source_.send(FrameType::answer, migration::write_answer(answer));
        const Frame then = next(k_begin_limit);
        if (then.type == FrameType::bye)
            return false;
        if (!answer.reasons.empty())
            throw Error(Fault::connection, "the source goes on though it was refused");
        record_.id = offer.id;
        lazy_ = offer.lazy;
        new_pid_namespace_ = offer.new_pid_namespace;
        const Manifest manifest = parse_manifest(offer.manifest);
        record_.name = manifest.name;
        stem_ = migration::parse_begin(then.payload);
        // Images that do not compress, and what the tree may have grown by since.
        bytes_images_ = std::min<std::uint64_t>(manifest.bytes_images, k_most_images);
        most_ = 2 * (bytes_images_ + offer.bytes_files) + 256 * k_mib;
        return true;
    }

    ArrivingFile& take_file() {
        note(Fate::receiving);
        const fs::path folder = arrival_folder(request_);
        clean({.folders = {folder}});
        migration::drop_old_records(migration::record_folder(), k_record_age);
        file_.emplace(folder, stem_, most_);
        while (true) {
            const Frame frame = next(k_piece_limit);
            if (frame.type == FrameType::bye)
                throw Error(Fault::connection, "the source has taken it back");
            if (frame.type == FrameType::complete) {
                const std::uint64_t size = migration::parse_complete(frame.payload);
                file_->complete(size);
                // Once it runs it cannot do without the rest of its memory.
                if (lazy_)
                    file_->reserve(size);
                return *file_;
            }
            if (frame.type == FrameType::files) {
                stage(migration::parse_files(frame.payload));
                source_.send(FrameType::kept);
                continue;
            }
            take_piece(frame);
        }
    }

    void take_piece(const Frame& frame) {
        if (frame.type == FrameType::ahead)
            file_->keep(migration::parse_ahead(frame.payload));
        else if (frame.type == FrameType::repeat)
            file_->repeat(migration::parse_repeat(frame.payload));
        else
            file_->write(migration::parse_data(frame.payload));
    }

    // While the tree still runs at the source, which waits for it. Who signs is known; that it is signed is seen by the
    // restore, before any of it has a name.
    void stage(const migration::Files& files) {
        if (staged_)
            throw Error(Fault::connection, "the source has sent its files twice");
        staged_.emplace(rules_of_arrival(request_));
        const Manifest manifest = parse_manifest(files.manifest);
        std::uint64_t bytes = 0;
        for (const CapturedFile& file : manifest.files)
            if (__builtin_add_overflow(bytes, file.size, &bytes) || bytes > most_)
                throw Error(Fault::connection,
                            fmt::format("its files have more than the {} that were announced", human_bytes(most_)));
        std::shared_ptr<const Seal> seal;
        if (!files.envelope.empty())
            seal = request_.keyring.without_asking().open("the checkpoint", parse_envelope(files.envelope));
        life_.emplace(source_, restore_limit(bytes));
        try {
            staged_->add(ZipReader(file_->path()), read_index(files.index, seal), manifest.files, request_.config,
                         interrupt_);
        } catch (const Error&) {
            if (const auto why = life_->why_ended())
                throw Error(*why);
            throw;
        }
        life_.reset();
    }

    // Returns once it runs, and has all of its memory. What fails after that (a hook) is no reason to say that it does
    // not.
    void bring_back(const ArrivingFile& file) {
        RestoreRequest restored{.checkpoint = file.path(),
                                .config = request_.config,
                                .keyring = request_.keyring,
                                .new_pid_namespace = new_pid_namespace_,
                                .files = rules_of_arrival(request_),
                                .staged = staged_ ? &*staged_ : nullptr,
                                .caller = request_.caller,
                                .before_run = [this](pid_t root) { await_go(root); },
                                .once_it_runs = [this](pid_t) { say_runs(); },
                                .lazy = lazy_,
                                .wait = lazy_};
        if (lazy_) {
            restored.supply = socket_of(record_.id);
            pages_.emplace(source_, file, *restored.supply);
        }
        Progress silent;
        life_.emplace(source_, restore_limit(bytes_images_));
        try {
            static_cast<void>(restore(restored, interrupt_, silent));
        } catch (const Error& error) {
            if (lazy_ && said_runs_)
                end_without_memory(error);
            if (const auto why = life_ ? life_->why_ended() : std::nullopt)
                throw Error(*why);
            if (!tree_runs())
                throw;
            spdlog::warn("{}", error.message());
        }
        if (!said_runs_)
            say_runs();
        if (lazy_) {
            note_anyway(Fate::runs);
            source_.send(FrameType::whole);
        }
    }

    void say_runs() {
        said_runs_ = true;
        record_.had_run = lazy_;
        note_anyway(lazy_ ? Fate::filling : Fate::runs);
        try {
            source_.send(FrameType::runs, migration::write_runs(record_.root->pid));
        } catch (const Error& error) {
            // It runs, as whoever asks is told.
            spdlog::warn("{}", error.message());
        }
    }

    // Whoever looks after its memory ends it, or has.
    [[noreturn]] void end_without_memory(const Error& error) {
        end_root(*record_.root);
        record_.fate = Fate::ended;
        const auto why = pages_->failure();
        throw Error(error.fault(), error.message())
            .cause(why ? why->message() : error.cause())
            .hint("the host that it came from has its checkpoint: restore it there")
            .log(error.log());
    }

    // All of the tree is there, and none of it runs.
    void await_go(pid_t root) {
        record_.root = mark_of(root);
        if (!record_.root)
            throw Error(Fault::restore_failed, fmt::format("criu has restored no process {}", root));
        life_.reset();
        note(Fate::ready);
        source_.send(FrameType::ready);
        if (await_word().type != FrameType::go)
            throw Error(Fault::connection, "the source has taken it back");
        note(Fate::going);
    }

    Frame await_word() {
        constexpr auto k_longest = std::chrono::hours(1);
        const auto until = std::chrono::steady_clock::now() + k_longest;
        while (true) {
            Frame frame = next(request_.go_limit);
            if (frame.type != FrameType::hold || std::chrono::steady_clock::now() > until)
                return frame;
        }
    }

    static constexpr std::uint64_t k_most_images = 1UL << 50;

    const ReceiveRequest& request_;
    migration::Connection& source_;
    const Interrupt& interrupt_;
    std::optional<migration::OpenRecord> note_;
    migration::Record record_;
    std::string stem_;
    std::uint64_t bytes_images_ = 0;
    std::uint64_t most_ = 0;
    bool lazy_ = false;
    bool new_pid_namespace_ = false;
    bool said_runs_ = false;
    std::optional<ArrivingFile> file_;
    std::optional<StagedFiles> staged_;
    std::optional<ArrivingPages> pages_;
    std::optional<SignOfLife> life_;
};

void tell(migration::Connection& source, const Error& error) noexcept {
    try {
        source.send(FrameType::ended, migration::write_ended(migration::reason_of(error)));
    } catch (const std::exception& failed) {
        spdlog::debug("the source could not be told: {}", failed.what());
    }
}

// Whoever did it was killed.
migration::Record settled(migration::Record record) {
    const bool lacks_memory =
        record.root && std::ranges::count(lazy_transfers(), record.root->pid, &LazyTransfer::pid) != 0;
    const bool may_run = (record.fate == Fate::going || record.fate == Fate::filling) && !lacks_memory && record.root &&
                         is_at_work(*record.root);
    if (!may_run && record.root)
        end_root(*record.root);
    record.fate = may_run ? Fate::runs : Fate::ended;
    if (!may_run)
        record.why = record.had_run ? "the cedana that received it was killed before all of its memory was there"
                                    : "the cedana that received it was killed before the tree ran";
    ::unlink(socket_of(record.id).c_str());
    try {
        migration::replace_record(migration::record_folder(), record);
        clean({});
    } catch (const Error& error) {
        // What is so is so without it: whoever asks again finds it out again.
        spdlog::warn("what became of the migration could not be noted: {}", error.message());
    }
    return record;
}

// CRIU and its guard may outlive the cedana that started them, and decide what becomes of the tree.
bool is_restored_by_others(const migration::Record& record) {
    // Whoever brings its memory ends it when that does not come.
    if (record.root && std::ranges::any_of(lazy_transfers(), [&](const LazyTransfer& transfer) {
            return transfer.pid == record.root->pid && transfer.failure.empty();
        }))
        return true;
    return std::ranges::any_of(find_work_folders(state_folder()).busy,
                               [](const BusyWork& work) { return work.kind == WorkKind::restore; });
}

} // namespace

void receive(const ReceiveRequest& request, migration::Connection& source, const Interrupt& interrupt) {
    require_root("restore processes");
    Receiving receiving(request, source, interrupt);
    const auto give_up = [&](const Error& error) {
        if (receiving.tree_runs())
            return;
        receiving.note_failure(error);
        tell(source, error);
    };
    try {
        receiving.run();
    } catch (const Error& error) {
        give_up(error);
        throw;
    } catch (const std::exception& error) {
        give_up(Error(Fault::internal, error.what()));
        throw;
    }
}

migration::Status state_of_received(const std::string& id) {
    using migration::Outcome;
    if (!migration::is_id(id))
        throw Error(Fault::usage, fmt::format("{} is no id of a migration", printable(id)));
    require_root("look into processes");
    auto found = migration::find_record(migration::record_folder(), id);
    if (!found)
        return {.id = id, .outcome = Outcome::unknown, .why = "this host knows of no such migration"};
    migration::Record record = std::move(found->record);
    const bool is_over = record.fate == Fate::runs || record.fate == Fate::ended;
    if (!is_over && (found->busy || is_restored_by_others(record)))
        return {.id = id,
                .outcome = Outcome::busy,
                .name = record.name,
                .why = record.fate == Fate::filling ? "it runs, and its memory is on its way" : "it is being restored"};
    if (!is_over)
        record = settled(std::move(record));
    migration::Status status{
        .id = id, .outcome = Outcome::ended, .name = record.name, .why = record.why, .had_run = record.had_run};
    if (record.fate == Fate::runs) {
        status.outcome = Outcome::runs;
        status.pid = record.root ? std::optional(record.root->pid) : std::nullopt;
    }
    return status;
}

} // namespace cedana
