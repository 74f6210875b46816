// SPDX-License-Identifier: Apache-2.0
// A tree that was given to another host: the note of it beside its checkpoint, and what becomes of it where the
// connection does not tell.
#pragma once

#include "cedana/action/dump.hpp"
#include "cedana/action/migrate.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/migration/messages.hpp"

#include <filesystem>
#include <optional>
#include <string>

#include <sys/types.h>

namespace cedana {

class GivenAway {
  public:
    // `id`: of the migration. All must outlive this.
    GivenAway(const MigrateRequest& request, const std::string& id, const Interrupt& interrupt, Progress& progress)
        : request_(request), id_(id), interrupt_(interrupt), progress_(progress) {}

    // What opens its checkpoint here, whoever it is encrypted for.
    void opened_by(const Keyring& keyring) { keyring_ = keyring; }
    // From now on the tree counts as given away. Throws Error: it does not.
    void note(const std::filesystem::path& checkpoint);
    // Where it was when it was noted.
    [[nodiscard]] const std::optional<std::filesystem::path>& checkpoint() const { return checkpoint_; }
    // The checkpoint may have been moved since.
    void follow(const std::filesystem::path& checkpoint);
    // It runs here, or was lost with its dump.
    void take_back() noexcept;

    // The connection was lost after the note, for the reason `why`. Asks the other host until it tells: the root's pid
    // there. Throws as the two below where it runs nowhere; Error(Fault::outcome_unknown) where that cannot be learned.
    // `had_run`: the other host has said that it runs.
    [[nodiscard]] pid_t learn(const DumpResult& dumped, const Error& why, bool had_run);
    // It is known that it runs nowhere, nor will there.
    [[noreturn]] void bring_back(const DumpResult& dumped, const Error& why);
    // It has run there, so what it did meanwhile would be done again: whether it is brought back is the user's to say.
    [[noreturn]] void end_without_memory(const DumpResult& dumped, const Error& why);

  private:
    [[nodiscard]] std::string target() const;
    [[nodiscard]] std::string status_command() const;
    [[nodiscard]] migration::Status asked() const;

    const MigrateRequest& request_;
    const std::string& id_;
    const Interrupt& interrupt_;
    Progress& progress_;
    Keyring keyring_;
    std::optional<std::filesystem::path> checkpoint_;
};

} // namespace cedana
