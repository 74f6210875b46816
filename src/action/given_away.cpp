// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/given_away.hpp"

#include "cedana/action/restore.hpp"
#include "cedana/base/text.hpp"
#include "cedana/migration/record.hpp"
#include "cedana/migration/session.hpp"
#include "cedana/migration/ssh.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana {

namespace {

namespace fs = std::filesystem;

// As long as the target waits for go, and some more.
constexpr auto k_learn_limit = std::chrono::seconds(100);
constexpr auto k_status_limit = std::chrono::seconds(40);
constexpr auto k_ask_again_after = std::chrono::seconds(1);

std::vector<std::string> status_words(const std::string& id) {
    return {"cedana", "client", "receive", "--status", id, "--json"};
}

} // namespace

void GivenAway::note(const fs::path& checkpoint) {
    migration::note_commit(checkpoint, status_command());
    checkpoint_ = checkpoint;
}

void GivenAway::follow(const fs::path& checkpoint) {
    if (!checkpoint_ || *checkpoint_ == checkpoint)
        return;
    migration::note_commit(checkpoint, status_command());
    migration::remove_commit(std::exchange(*checkpoint_, checkpoint));
}

void GivenAway::take_back() noexcept {
    if (checkpoint_)
        migration::remove_commit(*checkpoint_);
}

pid_t GivenAway::learn(const DumpResult& dumped, const Error& why, bool had_run) {
    progress_.phase("asking what became of it");
    const auto until = std::chrono::steady_clock::now() + k_learn_limit;
    bool is_interrupted = false;
    do {
        const migration::Status status = asked();
        if (status.outcome == migration::Outcome::runs)
            return status.pid.value_or(dumped.pid);
        if (status.outcome == migration::Outcome::ended && (had_run || status.had_run))
            end_without_memory(dumped, why);
        if (status.outcome == migration::Outcome::ended)
            bring_back(dumped, why);
        if (status.outcome == migration::Outcome::unknown)
            break;
        is_interrupted = interrupt_.pending_within(k_ask_again_after);
    } while (std::chrono::steady_clock::now() < until && !is_interrupted);
    throw Error(Fault::outcome_unknown,
                fmt::format("process {} ({}) was given to {}, and whether it runs there is not known: {}", dumped.pid,
                            printable(dumped.name), target(), why.message()))
        .cause(why.cause())
        .hint(fmt::format("look there: {}; where it does not run, bring it back here: rm {} && cedana client "
                          "restore {}",
                          status_command(), shell_word(migration::commit_of(dumped.checkpoint).string()),
                          shell_word(dumped.checkpoint.string())));
}

void GivenAway::bring_back(const DumpResult& dumped, const Error& why) {
    migration::remove_commit(dumped.checkpoint);
    const RestoreRequest back{.checkpoint = dumped.checkpoint,
                              .config = request_.dump.config,
                              .keyring = keyring_,
                              .caller = request_.dump.caller};
    try {
        static_cast<void>(restore(back, Interrupt::none(), progress_));
    } catch (const Error& error) {
        throw Error(error.fault(), fmt::format("{}; and it could not be brought back here: {}; it runs nowhere",
                                               why.message(), error.message()))
            .cause(error.cause())
            .hint(fmt::format("its checkpoint is whole: cedana client restore {}",
                              shell_word(dumped.checkpoint.string())))
            .log(error.log());
    }
    throw Error(why.fault(), fmt::format("{}; process {} ({}) was brought back here and runs on", why.message(),
                                         dumped.pid, printable(dumped.name)))
        .cause(why.cause())
        .hint(why.hint());
}

void GivenAway::end_without_memory(const DumpResult& dumped, const Error& why) {
    migration::remove_commit(dumped.checkpoint);
    throw Error(Fault::restore_failed,
                fmt::format("process {} ({}) ran on {}, and was ended there before all of its memory had come: {}; it "
                            "runs nowhere",
                            dumped.pid, printable(dumped.name), target(), why.message()))
        .cause(why.cause())
        .hint(fmt::format("bring it back here, as it was when it left: cedana client restore {}",
                          shell_word(dumped.checkpoint.string())));
}

std::string GivenAway::target() const { return printable(request_.ssh.host); }

std::string GivenAway::status_command() const { return migration::shown(request_.ssh, status_words(id_)); }

migration::Status GivenAway::asked() const {
    try {
        const std::string text =
            migration::run_there(request_.ssh, request_.dump.caller, status_words(id_), k_status_limit);
        migration::Status status = migration::parse_status(text);
        if (status.id == id_)
            return status;
    } catch (const Error& error) {
        spdlog::debug("{}: {}", error.message(), error.cause());
    }
    return {.id = id_, .outcome = migration::Outcome::busy};
}

} // namespace cedana
