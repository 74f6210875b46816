// SPDX-License-Identifier: Apache-2.0
// Who may run a job: one supervisor, wherever the store is mounted. By link(2) and rename(2) alone, which file servers
// do for one client at a time; no clock of another host is read.
//
//   lease.0007    the highest number rules. It was taken by linking a complete file to that name, which only one can.
//                 Its holder rewrites it again and again; whoever sees that it does not change for longer than it lasts
//                 may take the next number.
#pragma once

#include "cedana/base/process_mark.hpp"
#include "cedana/base/signals.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace cedana::job {

// Where a supervisor runs. Two with the same boot and the same pid namespace see each other's processes; machines that
// were cloned while they ran have both in common, and are told apart by their names.
struct HostMark {
    std::string name = {};
    std::string boot = {};
    std::uint64_t pid_namespace = 0;
    friend bool operator==(const HostMark&, const HostMark&) = default;

    [[nodiscard]] bool sees(const HostMark& other) const {
        return name == other.name && boot == other.boot && pid_namespace == other.pid_namespace;
    }
};
[[nodiscard]] HostMark own_host();

struct LeaseWord {
    HostMark host = {};
    ProcessMark supervisor = {};
    // The first process of the space; no pid before there is one.
    ProcessMark init = {};
    // How long it lasts without a change; zero: nobody else has the store.
    std::int64_t lasts_ms = 0;
    std::uint64_t count = 0;
    bool released = false;
    friend bool operator==(const LeaseWord&, const LeaseWord&) = default;
};
[[nodiscard]] std::string to_text(const LeaseWord& word);
[[nodiscard]] std::optional<LeaseWord> parse_lease(std::string_view text);

// free: it was released, or its holder is gone. orphaned: its holder is gone, and the tree lives. held: its holder is
// there. unseen: by another host, where only time tells.
enum class LeaseLook { free, orphaned, held, unseen };
[[nodiscard]] LeaseLook look_at(const LeaseWord& word, const HostMark& own,
                                const std::function<bool(const ProcessMark&)>& lives);

// What is not there for long: where the job runs, in one sentence.
struct HeldElsewhere {
    std::string message;
};

class Lease {
  public:
    // Waits for as long as it takes to know that a lease of another host is held no longer; `waits` is called once
    // before. Throws HeldElsewhere, Error(Fault::storage) also where a file server has no link(2),
    // Error(Fault::interrupted).
    [[nodiscard]] static Lease take(const std::filesystem::path& folder, std::chrono::milliseconds lasts,
                                    const Interrupt& interrupt,
                                    const std::function<void(const LeaseWord&, std::chrono::milliseconds)>& waits);

    [[nodiscard]] int epoch() const noexcept { return epoch_; }
    [[nodiscard]] std::chrono::milliseconds lasts() const noexcept { return std::chrono::milliseconds(word_.lasts_ms); }
    // When it was renewed last.
    [[nodiscard]] std::chrono::steady_clock::time_point renewed() const noexcept { return renewed_; }

    // Its file is there, and no higher number. Throws Error(Fault::storage): it is not known.
    [[nodiscard]] bool is_held() const { return look() == Look::held; }
    // A lease of somebody else's is there; where there is none at all it is neither held nor lost. Throws as is_held().
    [[nodiscard]] bool is_lost() const { return look() == Look::lost; }
    // False if it is lost; else others see that it is held. After a gap of half its time, or where its file is gone, it
    // is taken anew, under the next number. Where it could not be written down on a file system of this host alone,
    // which takes nothing from anybody then, it is held all the same. Throws as is_held().
    [[nodiscard]] bool renew();
    // Why that was not written down when it was renewed last; else empty.
    [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }
    void set_init(const ProcessMark& init);
    // Another one may take it at once; once it has run out, with a warning, where that cannot be written down.
    void release();

  private:
    enum class Look { held, gone, lost };
    [[nodiscard]] Look look() const;
    void write_down();
    Lease(std::filesystem::path folder, int epoch, LeaseWord word);

    std::filesystem::path folder_;
    int epoch_;
    LeaseWord word_;
    std::chrono::steady_clock::time_point renewed_;
    std::string trouble_;
};

// The highest number in a folder, 0 if there is none; and what it says.
[[nodiscard]] int highest_lease(const std::filesystem::path& folder);
[[nodiscard]] std::optional<LeaseWord> read_lease(const std::filesystem::path& folder, int epoch);

} // namespace cedana::job
