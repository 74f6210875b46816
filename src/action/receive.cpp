// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/receive.hpp"

#include "cedana/action/arrival.hpp"
#include "cedana/action/restore.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/system_names.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/units.hpp"
#include "cedana/base/users.hpp"
#include "cedana/files/partial_file.hpp"
#include "cedana/migration/record.hpp"
#include "cedana/model/manifest.hpp"
#include "cedana/undo/clean.hpp"
#include "cedana/undo/end_trees.hpp"
#include "cedana/undo/work_folder.hpp"
#include "cedana/version.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
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
// The source may be asked for consent, or wait for a program to prepare itself.
constexpr auto k_begin_limit = std::chrono::hours(24);
// Between two pieces: the source compresses, or its tree still gets ready.
constexpr auto k_piece_limit = std::chrono::minutes(10);

fs::path record_folder() { return state_folder() / "migrations"; }

// What is written of a checkpoint of another host. It has never a name by which somebody could take it for a
// checkpoint: the source has that.
class ArrivingFile {
  public:
    ArrivingFile(const fs::path& folder, const std::string& stem, std::uint64_t most)
        : path_(folder / partial_name(stem)), fd_(create_partial(path_)), most_(most) {
        if (!fd_)
            throw Error(Fault::storage, fmt::format("the name {} is taken", path_.string()));
    }
    ArrivingFile(const ArrivingFile&) = delete;
    ArrivingFile& operator=(const ArrivingFile&) = delete;
    ~ArrivingFile() { ::unlink(path_.c_str()); }

    [[nodiscard]] const fs::path& path() const noexcept { return path_; }

    void write(const migration::Data& data) const {
        if (data.offset + data.bytes.size() > most_)
            throw Error(Fault::connection,
                        fmt::format("the checkpoint has more than the {} that were announced", human_bytes(most_)));
        std::string_view rest = data.bytes;
        auto at = static_cast<off_t>(data.offset);
        while (!rest.empty()) {
            const ssize_t count = ::pwrite(fd_.get(), rest.data(), rest.size(), at);
            if (count < 0 && errno == EINTR)
                continue;
            if (count < 0)
                throw OsFailure(Fault::storage).error("cannot write {}", path_.string());
            rest.remove_prefix(static_cast<std::size_t>(count));
            at += count;
        }
    }
    void complete(std::uint64_t size) const {
        if (size > most_ || ::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0)
            throw Error(Fault::storage, fmt::format("cannot make {} as large as it is to be", path_.string()));
    }

  private:
    fs::path path_;
    UniqueFd fd_;
    std::uint64_t most_;
};

class Receiving {
  public:
    Receiving(const ReceiveRequest& request, migration::Connection& source, const Interrupt& interrupt)
        : request_(request), source_(source), interrupt_(interrupt) {}

    void run() {
        greet();
        if (!take_offer())
            return;
        note_.emplace(record_folder(), record_.id);
        const ArrivingFile& file = take_file();
        source_.send(FrameType::runs, migration::write_runs(bring_back(file)));
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
    Frame next(std::chrono::milliseconds limit) { return source_.receive(limit, interrupt_); }

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
        const migration::Offer offer = migration::parse_offer(next(k_hello_limit).payload);
        migration::Answer answer;
        for (const Error& error : refusals_of_arrival(request_, offer, interrupt_))
            answer.reasons.push_back(migration::reason_of(error));
        source_.send(FrameType::answer, migration::write_answer(answer));
        const Frame then = next(k_begin_limit);
        if (then.type == FrameType::bye)
            return false;
        if (!answer.reasons.empty())
            throw Error(Fault::connection, "the source goes on though it was refused");
        record_.id = offer.id;
        const Manifest manifest = parse_manifest(offer.manifest);
        record_.name = manifest.name;
        stem_ = migration::parse_begin(then.payload);
        // Images that do not compress, and what the tree may have grown by since.
        most_ = 2 * (std::min<std::uint64_t>(manifest.bytes_images, k_most_images) + offer.bytes_files) + 256 * k_mib;
        return true;
    }

    ArrivingFile& take_file() {
        note(Fate::receiving);
        const fs::path folder = arrival_folder(request_);
        clean({.folders = {folder}});
        file_.emplace(folder, stem_, most_);
        while (true) {
            const Frame frame = next(k_piece_limit);
            if (frame.type == FrameType::bye)
                throw Error(Fault::connection, "the source has taken it back");
            if (frame.type == FrameType::complete) {
                file_->complete(migration::parse_complete(frame.payload));
                return *file_;
            }
            file_->write(migration::parse_data(frame.payload));
        }
    }

    // The root, which runs. What fails after that (a hook) is no reason to say that it does not.
    pid_t bring_back(const ArrivingFile& file) {
        const RestoreRequest restored{.checkpoint = file.path(),
                                      .config = request_.config,
                                      .keyring = request_.keyring,
                                      .files = rules_of_arrival(request_),
                                      .caller = request_.caller,
                                      .before_run = [this](pid_t root) { await_go(root); }};
        Progress silent;
        try {
            static_cast<void>(restore(restored, interrupt_, silent));
        } catch (const Error& error) {
            if (!tree_runs())
                throw;
            spdlog::warn("{}", error.message());
        }
        note_anyway(Fate::runs);
        return record_.root->pid;
    }

    // All of the tree is there, and none of it runs.
    void await_go(pid_t root) {
        record_.root = mark_of(root);
        if (!record_.root)
            throw Error(Fault::restore_failed, fmt::format("criu has restored no process {}", root));
        note(Fate::ready);
        source_.send(FrameType::ready);
        if (next(request_.go_limit).type != FrameType::go)
            throw Error(Fault::connection, "the source has taken it back");
        note(Fate::going);
    }

    static constexpr std::uint64_t k_most_images = 1UL << 50;

    const ReceiveRequest& request_;
    migration::Connection& source_;
    const Interrupt& interrupt_;
    std::optional<migration::OpenRecord> note_;
    migration::Record record_;
    std::string stem_;
    std::uint64_t most_ = 0;
    std::optional<ArrivingFile> file_;
};

void tell(migration::Connection& source, const Error& error) noexcept {
    try {
        source.send(FrameType::ended, migration::write_ended(migration::reason_of(error)));
    } catch (const std::exception& failed) {
        spdlog::debug("the source could not be told: {}", failed.what());
    }
}

// Of one whose receiver was killed before the word came: it stands still for ever.
void end_root(const ProcessMark& root) {
    if (!is_at_work(root))
        return;
    std::map<pid_t, UniqueFd> roots;
    if (auto pidfd = open_pidfd(root.pid); pidfd && is_at_work(root))
        roots.emplace(root.pid, std::move(*pidfd));
    end_trees(roots);
}

// Whoever did it was killed.
migration::Record settled(migration::Record record) {
    const bool may_run = record.fate == Fate::going && record.root && is_at_work(*record.root);
    if (!may_run && record.root)
        end_root(*record.root);
    record.fate = may_run ? Fate::runs : Fate::ended;
    if (!may_run)
        record.why = "the cedana that received it was killed before the tree ran";
    migration::replace_record(record_folder(), record);
    clean({});
    return record;
}

// CRIU and its guard may outlive the cedana that started them, and decide what becomes of the tree.
bool is_restored_by_others() {
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
    auto found = migration::find_record(record_folder(), id);
    if (!found)
        return {.id = id, .outcome = Outcome::unknown, .why = "this host knows of no such migration"};
    migration::Record record = std::move(found->record);
    const bool is_over = record.fate == Fate::runs || record.fate == Fate::ended;
    if (!is_over && (found->busy || is_restored_by_others()))
        return {.id = id, .outcome = Outcome::busy, .name = record.name, .why = "it is being restored"};
    if (!is_over)
        record = settled(std::move(record));
    migration::Status status{.id = id, .outcome = Outcome::ended, .name = record.name, .why = record.why};
    if (record.fate == Fate::runs) {
        status.outcome = Outcome::runs;
        status.pid = record.root ? std::optional(record.root->pid) : std::nullopt;
    }
    return status;
}

} // namespace cedana
