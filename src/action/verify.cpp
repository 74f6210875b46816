// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/verify.hpp"

#include "cedana/action/restore_plan.hpp"
#include "cedana/base/event_fd.hpp"
#include "cedana/base/parallel.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/stopwatch.hpp"
#include "cedana/base/users.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/checkpoint/whole_check.hpp"
#include "cedana/engine/criu_program.hpp"
#include "cedana/host/permissions.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <exception>
#include <functional>
#include <system_error>
#include <thread>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <poll.h>

namespace cedana {

namespace {

unsigned usual_threads(const Config& config) {
    return config.archive_threads != 0 ? static_cast<unsigned>(config.archive_threads) : core_count();
}

// All checkpoints, some at a time, each read by some threads: as many in all as there are cores.
class Reading {
  public:
    Reading(std::vector<VerifiedCheckpoint>& checkpoints, unsigned threads, const Keyring& keyring)
        : checkpoints_(checkpoints),
          side_by_side_(static_cast<unsigned>(std::min<std::size_t>(checkpoints.size(), threads))),
          check_(threads / std::max(1U, side_by_side_), keyring) {}

    void run(const Interrupt& interrupt, Progress& progress) {
        std::vector<std::jthread> threads;
        running_ = side_by_side_;
        try {
            if (start(threads))
                wait(interrupt, progress);
            else
                read_alone(interrupt, progress);
        } catch (...) {
            check_.stop();
            throw;
        }
    }

    [[nodiscard]] std::uint64_t bytes() const { return check_.bytes(); }

  private:
    // As many as the system gives: whether there is one.
    bool start(std::vector<std::jthread>& threads) {
        try {
            while (threads.size() < side_by_side_)
                threads.emplace_back([this] { work(); });
        } catch (const std::system_error& error) {
            spdlog::debug("{} threads in place of {}: {}", threads.size(), side_by_side_, error.what());
            end_threads(side_by_side_ - static_cast<unsigned>(threads.size()));
        }
        return !threads.empty();
    }

    // Looks up from the work after each frame.
    void read_alone(const Interrupt& interrupt, Progress& progress) {
        const std::uint64_t total = total_bytes();
        std::exception_ptr interrupted;
        const auto look_up = [&] {
            try {
                interrupt.throw_if_pending();
            } catch (const Error&) {
                interrupted = std::current_exception();
                check_.stop();
            }
            progress.bytes(check_.bytes(), total);
        };
        for (VerifiedCheckpoint& one : checkpoints_)
            if (!check_.stopped())
                read(one, look_up);
        if (interrupted)
            std::rethrow_exception(interrupted);
    }

    void wait(const Interrupt& interrupt, Progress& progress) const {
        constexpr int k_tell_every_ms = 200;
        const std::uint64_t total = total_bytes();
        std::array<pollfd, 2> set = {{{ended_.fd(), POLLIN, 0}, {interrupt.fd(), POLLIN, 0}}};
        while (set[0].revents == 0) {
            if (::poll(set.data(), set.size(), k_tell_every_ms) < 0 && errno != EINTR)
                throw OsFailure().error("cannot poll");
            interrupt.throw_if_pending();
            progress.bytes(check_.bytes(), total);
        }
    }

    [[nodiscard]] std::uint64_t total_bytes() const {
        std::uint64_t total = 0;
        for (const VerifiedCheckpoint& one : checkpoints_) {
            std::error_code error;
            const std::uint64_t size = std::filesystem::file_size(one.path, error);
            total += error ? 0 : size;
        }
        return total;
    }

    void work() noexcept {
        for (std::size_t i = next_++; i < checkpoints_.size() && !check_.stopped(); i = next_++)
            read(checkpoints_[i], [] {});
        end_threads(1);
    }

    void end_threads(unsigned count) noexcept {
        if ((running_ -= count) == 0)
            ended_.set();
    }

    void read(VerifiedCheckpoint& one, const std::function<void()>& pulse) noexcept {
        try {
            one.manifest = check_.run(one.path, pulse);
        } catch (const Error& error) {
            one.flaw = error;
        } catch (const std::exception& error) {
            one.flaw = Error(Fault::internal, fmt::format("cannot verify {}: {}", one.path.string(), error.what()));
        }
    }

    std::vector<VerifiedCheckpoint>& checkpoints_;
    unsigned side_by_side_;
    WholeCheck check_;
    EventFd ended_;
    std::atomic<std::size_t> next_ = 0;
    std::atomic<unsigned> running_ = 0;
};

std::vector<Error> refusals_here(const VerifiedCheckpoint& one, const VerifyRequest& request,
                                 const Interrupt& interrupt) {
    try {
        return plan_restore({.checkpoint = one.path,
                             .config = request.config,
                             .keyring = request.keyring,
                             .caller = request.caller,
                             .lazy = request.config.client_lazy_restore},
                            interrupt)
            .refusals;
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted)
            throw;
        return {error};
    }
}

// What others can change is not restored, not even to try it: criu would do as root what stands in it.
Proof proof_of(const VerifiedCheckpoint& one, const VerifyRequest& request, const Interrupt& interrupt,
               Progress& progress) {
    try {
        require_trusted_checkpoint(request.config, request.caller, one.path);
        const Checkpoint checkpoint(one.path, request.keyring);
        const CriuProgram criu = require_criu(request.config);
        require_own_state_folder();
        return prove({.checkpoint = checkpoint, .config = request.config, .criu = criu.path}, interrupt, progress);
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted)
            throw;
        return Proof::not_provable(error.message());
    }
}

// Whoever is asked for a passphrase is asked before threads begin to read.
void ask_ahead(const VerifyRequest& request) {
    for (const auto& path : request.checkpoints) {
        if (!request.keyring.may_ask())
            return;
        try {
            const ZipReader zip(path);
            static_cast<void>(open_manifest(zip, read_state(zip, request.keyring), request.keyring));
        } catch (const Error& error) {
            // What is wrong with it is told in its turn.
            if (error.fault() == Fault::interrupted)
                throw;
        }
    }
}

} // namespace

VerifyResult verify(const VerifyRequest& request, const Interrupt& interrupt, Progress& progress) {
    if (request.prove)
        require_root("try whether checkpoints come back");
    Stopwatch watch;
    ask_ahead(request);
    VerifyResult result;
    for (const auto& path : request.checkpoints) {
        std::error_code ignored;
        result.checkpoints.push_back({.path = std::filesystem::absolute(path, ignored).lexically_normal(),
                                      .flaw = std::nullopt,
                                      .manifest = std::nullopt,
                                      .refusals = {}});
    }
    progress.phase("verifying");
    Reading reading(result.checkpoints, usual_threads(request.config), request.keyring);
    reading.run(interrupt, progress);
    for (VerifiedCheckpoint& one : result.checkpoints)
        if (!one.flaw)
            one.refusals = refusals_here(one, request, interrupt);
    for (VerifiedCheckpoint& one : result.checkpoints)
        if (!one.flaw && request.prove)
            one.proof = proof_of(one, request, interrupt, progress);
    result.bytes_read = reading.bytes();
    result.seconds = watch.seconds();
    return result;
}

std::optional<Error> worst_of(const VerifyResult& result) {
    std::optional<Error> first;
    for (const VerifiedCheckpoint& one : result.checkpoints) {
        if (one.flaw && one.flaw->fault() == Fault::checkpoint)
            return one.flaw;
        if (!first && one.flaw)
            first = one.flaw;
        if (!first && !one.refusals.empty())
            first = one.refusals.front();
        if (!first && one.proof && one.proof->failure)
            first = one.proof->failure;
    }
    return first;
}

} // namespace cedana
