// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/dump.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/own_cgroup.hpp"
#include "cedana/criu/action_script.hpp"
#include "cedana/criu/dump_stall.hpp"
#include "cedana/criu/entry.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/criu/freeze_watch.hpp"
#include "cedana/criu/rpc.hpp"
#include "cedana/criu/stage_answers.hpp"

#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <poll.h>

#include "low_descriptor.hpp"

namespace cedana::criu {

namespace {

// What can be given up fails by itself at the limit.
constexpr auto k_later = std::chrono::seconds(5);
// Milliseconds for a CRIU that was told to let the tree run on.
constexpr int k_longest_end = 10'000;

// By the one way or the other.
class ImagesOfDump {
  public:
    ImagesOfDump(const DumpJob& job, EventLoop& loop, ImageSink& sink)
        : folder_(job.image_folder != nullptr ? &job.image_folder->folder() : nullptr) {
        if (folder_ != nullptr)
            return;
        capture_.emplace(loop, job.folder, sink);
        if (job.progress != nullptr)
            capture_->report_to(*job.progress, job.expected_bytes);
        if (job.foreseen != nullptr)
            capture_->expect(*job.foreseen);
    }

    // What has come so far.
    [[nodiscard]] std::uint64_t bytes() const { return capture_ ? capture_->bytes() : folder_->bytes(); }
    [[nodiscard]] std::uint64_t bytes_streamed() const { return capture_ ? capture_->bytes() : 0; }
    // Once CRIU has asked at post-dump.
    [[nodiscard]] bool are_there() const { return !capture_ || capture_->drained(); }
    // CRIU fails at what it writes next, cures the tree and ends.
    void cancel() {
        if (capture_)
            capture_->cancel();
        else
            folder_->take_no_more();
    }
    // CRIU fails by itself where it finds none; where there is none left, nobody relies on that.
    void require_room() const {
        if (folder_ != nullptr && folder_->is_full())
            throw NoRoomForImages();
    }

  private:
    const MemoryFolder* folder_;
    std::optional<ImageCapture> capture_;
};

class DumpRun {
  public:
    DumpRun(const DumpJob& job, ImageSink& sink, const std::function<void()>& images_complete,
            const Interrupt& interrupt)
        : job_(job), images_complete_(images_complete), interrupt_(interrupt), images_(job, loop_, sink),
          action_(loop_, job.folder, [this](const std::string& stage, pid_t) { reached(stage); }),
          stall_(job.folder / k_dump_log, job.tree), entry_(job.namespaces, job.program, job.folder) {}

    DumpReport run() {
        if (interrupt_.fd() >= 0)
            loop_.watch(interrupt_.fd(), POLLIN, [this](short) { guarded([&] { interrupt_.throw_if_pending(); }); });
        std::optional<OwnCgroup> cgroup;
        ChildProcess criu = start();
        // From here until it has ended all that may throw is guarded: left early, it would be signalled.
        bool ended = true;
        guarded([&] {
            loop_.watch(criu.pidfd().get(), POLLIN, [&](short) { ended = true; });
            ended = false;
            if (answers_)
                answers_->start(action_, script_environment());
        });
        if (ended)
            action_.refuse();
        criu_ = &criu;
        stall_.watch(criu.pid());
        if (job_.own_cgroup)
            cgroup.emplace(criu.pid());
        while (!ended) {
            guarded([&] { loop_.run_once(k_stall_look_every); });
            // That it is shown again.
            if (failure_ && job_.progress != nullptr)
                job_.progress->bytes(0, 0);
            // It is cedana that it waits for.
            if (phase_ == Phase::at_pre_dump)
                action_.beat();
            // Of what is cedana's own work then the other one knows.
            else if (phase_ != Phase::at_post_dump)
                guarded([&] {
                    stall_.look(images_.bytes(),
                                phase_ == Phase::answered ? std::chrono::milliseconds::zero() : job_.freeze.limit);
                });
            if (phase_ == Phase::at_post_dump && (failure_ || images_.are_there()))
                answer();
        }
        // One that was killed asks for no answer any more.
        watch_.reset();
        // Before the object goes: the watch of a reaped child's pidfd would fire for ever.
        loop_.unwatch(criu.pidfd().get());
        report_.status = criu.wait();
        cgroup.reset();
        report_.bytes = images_.bytes_streamed();
        report_.statistics = read_dump_statistics(job_.folder);
        guarded([&] { images_.require_room(); });
        if (failure_)
            std::rethrow_exception(failure_);
        return report_;
    }

  private:
    // at_pre_dump: CRIU waits for an answer, and the tree runs. at_post_dump: the same, and the tree stands still for
    // as long.
    enum class Phase { dumping, at_pre_dump, at_post_dump, answered };

    ChildProcess start() {
        const std::filesystem::path output = job_.folder / "criu.out";
        const UniqueFd out = open_file(output, O_WRONLY | O_CREAT | O_APPEND, 0600);
        std::vector<std::string> environment = script_environment();
        if (job_.options.tcp_established && job_.options.network_lock == k_nftables)
            low_descriptor_ = low_descriptor_library();
        if (low_descriptor_)
            environment.push_back("LD_PRELOAD=" + Entry::path_of(low_descriptor_.get()));
        DumpCommand command{.paths = {.program = job_.program, .images = job_.folder, .work = job_.folder},
                            .pid = job_.pid,
                            .after = job_.after,
                            .options = job_.options,
                            .action_script = tells_by_socket() ? std::filesystem::path() : action_.script(),
                            .images = job_.image_folder != nullptr ? Images::files : Images::streamed,
                            .log = job_.log,
                            .sizes_only = job_.opens_no_files};
        SpawnRequest request{.argv = {},
                             .fds = {{out.get(), 1}, {out.get(), 2}},
                             .cwd = job_.folder.string(),
                             .env = std::move(environment),
                             .session = Session::own};
        if (entry_.is_needed()) {
            entry_.pass(request, command.paths);
            command.action_script = Entry::path_of(action_.program());
        }
        if (job_.image_folder != nullptr) {
            command.paths.images = fmt::format("/proc/self/fd/{}", k_image_folder);
            request.fds.emplace_back(job_.image_folder->folder().fd(), k_image_folder);
        }
        request.argv = dump_argv(command);
        if (tells_by_socket()) {
            answers_.emplace(dump_request(job_.pid, job_.image_folder->folder().fd(), log_level_of(request.argv)));
            request.fds.emplace_back(answers_->end_of_criu(), k_stage_socket);
        }
        if (job_.held >= 0)
            request.fds.emplace_back(job_.held, k_held);
        return ChildProcess::spawn(std::move(request));
    }

    // Which takes less time than a start of the script at each, but does not go with --stream (criu/cr-service.c,
    // setup_images_and_workdir()).
    [[nodiscard]] bool tells_by_socket() const { return job_.image_folder != nullptr && !entry_.is_needed(); }

    // Of the action script, by whomever it is started.
    [[nodiscard]] std::vector<std::string> script_environment() const {
        std::vector<std::string> more = {
            fmt::format("{}={}", k_action_socket, entry_.path_in_folder(action_.socket()))};
        if (asks_before_freeze())
            more.push_back(fmt::format("{}=1", k_before_freeze));
        return clean_environment(std::move(more));
    }

    // Where it is not seen by the first image that the tree stands still, CRIU says that it is about to.
    [[nodiscard]] bool asks_before_freeze() const { return job_.ready >= 0 || job_.image_folder != nullptr; }

    // The first failure cancels; CRIU is then awaited all the same.
    template <typename Work>
    void guarded(Work&& work) {
        try {
            work();
        } catch (...) {
            if (failure_) {
                spdlog::debug("a second failure while the dump is being cancelled");
                return;
            }
            failure_ = std::current_exception();
            images_.cancel();
            if (phase_ == Phase::at_pre_dump)
                leave_pre_dump();
            tell_of_end();
        }
    }

    // CRIU heals the tree before it lets it go, which takes it seconds where that is large.
    void tell_of_end() {
        if (job_.progress != nullptr)
            job_.progress->phase(fmt::format("giving up: waiting until criu has let process {} go", job_.pid));
    }

    void reached_pre_dump() {
        phase_ = Phase::at_pre_dump;
        if (failure_ || job_.ready < 0)
            return leave_pre_dump();
        loop_.watch(job_.ready, POLLIN, [this](short) {
            guarded([&] {
                if (job_.before_freeze)
                    job_.before_freeze();
                leave_pre_dump();
            });
        });
    }

    void leave_pre_dump() {
        // While the tree runs.
        if (!failure_)
            make_watch();
        phase_ = Phase::dumping;
        loop_.unwatch(job_.ready);
        if (failure_)
            return action_.refuse();
        if (job_.image_folder != nullptr && job_.progress != nullptr)
            job_.progress->frozen(true);
        action_.allow();
        if (criu_ != nullptr)
            stall_.watch(criu_->pid());
    }

    // Until it is answered nothing but cedana itself holds the tree.
    void reached(const std::string& stage) {
        if (stage == k_stage_pre_dump && phase_ == Phase::dumping)
            return reached_pre_dump();
        if (stage != k_stage_post_dump || phase_ != Phase::dumping) {
            action_.allow();
            return;
        }
        phase_ = Phase::at_post_dump;
        if (!watch_)
            make_watch();
        watch_->begin();
    }

    void make_watch() {
        watch_.emplace(FreezeWatch::Watched{.limit = job_.freeze.limit.count() == 0 ? job_.freeze.limit
                                                                                    : job_.freeze.limit + k_later,
                                            .held = job_.freeze.has_own_limit,
                                            .beat = [this] { action_.beat(); },
                                            .give_up = [this](const Error& error) { give_up(error); }},
                       interrupt_, FreezeWatch::Begins::when_told);
    }

    // In the watch's thread, while this one hangs.
    void give_up(const Error& error) {
        action_.refuse();
        pollfd end{.fd = criu_->pidfd().get(), .events = POLLIN, .revents = 0};
        ::poll(&end, 1, k_longest_end);
        if (job_.freeze.give_up)
            job_.freeze.give_up(error);
    }

    void answer() {
        phase_ = Phase::answered;
        // From here on CRIU ends by itself; a signal is left for the caller, who knows what has been published.
        loop_.unwatch(interrupt_.fd());
        guarded([&] {
            if (failure_)
                return;
            // What was read since it went on may be of another moment than the rest.
            if (!action_.is_awaited())
                throw Error(Fault::dump_failed, "criu did not wait for cedana, which was stopped for too long");
            images_.require_room();
            images_complete_();
        });
        // Before the answer: it may just be giving up, and then it has answered.
        watch_->end();
        if (failure_)
            action_.refuse();
        else
            report_.allowed = action_.allow();
        watch_.reset();
        stall_.watch(criu_->pid());
        if (report_.allowed && job_.while_it_ends)
            job_.while_it_ends();
    }

    const DumpJob& job_;
    const std::function<void()>& images_complete_;
    const Interrupt& interrupt_;
    EventLoop loop_;
    ImagesOfDump images_;
    ActionServer action_;
    DumpStall stall_;
    Entry entry_;
    // Invalid if CRIU needs none.
    UniqueFd low_descriptor_;
    std::optional<StageAnswers> answers_;
    std::optional<FreezeWatch> watch_;
    // Once it has been started, for as long as run() takes.
    const ChildProcess* criu_ = nullptr;
    Phase phase_ = Phase::dumping;
    std::exception_ptr failure_;
    DumpReport report_;
};

} // namespace

NoRoomForImages::NoRoomForImages()
    : Error(Fault::dump_failed, "the images of the tree do not fit into the folder that was made for them") {}

DumpReport dump(const DumpJob& job, ImageSink& sink, const std::function<void()>& images_complete,
                const Interrupt& interrupt) {
    return DumpRun(job, sink, images_complete, interrupt).run();
}

} // namespace cedana::criu
