// SPDX-License-Identifier: Apache-2.0
// Whether a checkpoint can be restored here, tried: it is restored into namespaces of its own (roles/trial.hpp), to the
// point at which all of the tree is there, and taken away. Not one instruction of it runs, and nothing outside of the
// namespaces is touched, so it may stand beside an original that lives. Where it would have to touch something, nothing
// is tried, and the proof says so: it is never said to be made where it was not.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/leases.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/criu/trial_look.hpp"
#include "cedana/model/config.hpp"
#include "cedana/model/manifest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cedana {

enum class ProofState { proved, not_provable, failed };

// "proved", "not_provable", "failed"
[[nodiscard]] std::string_view name_of(ProofState state);

struct Proof {
    ProofState state = ProofState::not_provable;
    // Of one that is not provable.
    std::vector<std::string> reasons = {};
    // Of one that failed: why the checkpoint does not come back.
    std::optional<Error> failure = std::nullopt;
    double seconds = 0;

    [[nodiscard]] static Proof not_provable(std::string reason) { return {.reasons = {std::move(reason)}}; }
};

struct ProofRequest {
    const Checkpoint& checkpoint;
    const Config& config;
    // The program.
    std::string criu;
};

// Throws Error(Fault::interrupted), Error(Fault::checkpoint) for one that is damaged, and Error where the state folder
// cannot be written to. On every path nothing of the trial is left.
[[nodiscard]] Proof prove(const ProofRequest& request, const Interrupt& interrupt, Progress& progress);

// What is known of the host when a trial is to be made.
struct TrialHost {
    // 0: not known.
    std::uint64_t available_memory = 0;
    std::vector<Lease> leases = {};
};

// Why a trial cannot be made: by what the manifest says, by the images, and by the host. Looks at files by their paths
// and opens none.
[[nodiscard]] std::vector<std::string> obstacles(const Manifest& manifest,
                                                 const std::vector<std::string>& criu_arguments,
                                                 const criu::TrialLook& look, const TrialHost& host);

// "proved in 0.4 s", "not proved, since it cannot be tried: it has a FIFO open (/run/x)"
[[nodiscard]] std::string text_of(const Proof& proof);

} // namespace cedana
