// SPDX-License-Identifier: Apache-2.0
// checkpoint_state.json: what a checkpoint holds and where it came from. It carries the SHA-256 of the frame index and
// of every other entry, so whoever trusts the manifest can trust all the rest. Pure: text in, text out.
#pragma once

#include "cedana/model/captured_file.hpp"
#include "cedana/model/container.hpp"
#include "cedana/model/criu_options.hpp"
#include "cedana/model/external_ends.hpp"
#include "cedana/model/link_remap.hpp"
#include "cedana/model/named_place.hpp"
#include "cedana/model/outside_file.hpp"
#include "cedana/model/process_attributes.hpp"
#include "cedana/model/process_memory.hpp"
#include "cedana/model/recorded_facts.hpp"
#include "cedana/model/required_file.hpp"
#include "cedana/model/socket_options.hpp"
#include "cedana/model/tcp_connection.hpp"
#include "cedana/model/unit_entry.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana {

// Of a checkpoint that any version of cedana can use, and of one that needs features which an older version must not
// ignore: version 1 is written wherever that is possible.
inline constexpr int k_manifest_version = 1;
inline constexpr int k_manifest_version_with_features = 2;
// The feature of a checkpoint that was made though it was known that no restore of it works.
inline constexpr std::string_view k_never_restored = "never-restored";
// The feature of a checkpoint whose restore must give CRIU files (Manifest::outside_files).
inline constexpr std::string_view k_outside_files = "outside-files";
// The feature of one whose images name no file for a /dev/tty (criu/image_mends.hpp, with_dev_tty_named).
inline constexpr std::string_view k_outer_dev_tty = "outer-dev-tty";
// The feature of one whose restore must give it streams to the journal (Manifest::journal_streams).
inline constexpr std::string_view k_journal_streams = "journal-streams";
// The feature of one that only a container engine can restore (Manifest::container).
inline constexpr std::string_view k_in_container = "container";
// The feature of one of a container whose files are in two archives, the second of which changes what the first says.
inline constexpr std::string_view k_files_ahead = "container-files-ahead";
// The feature of one that holds files twice (Manifest::superseded_files).
inline constexpr std::string_view k_superseded_files = "superseded-files";
inline constexpr const char* k_manifest_entry = "checkpoint_state.json";
inline constexpr const char* k_index_entry = "index";
inline constexpr const char* k_sums_entry = "sums";
inline constexpr const char* k_dump_log_entry = "criu/dump.log";
inline constexpr const char* k_images_folder = "images/";

struct ManifestProcess {
    pid_t pid = 0;
    pid_t parent = 0;
    // Ticks since the boot of the host (proc(5)).
    std::uint64_t start_time = 0;
    std::string comm;
    std::string executable;
    std::vector<std::string> command_line;
    std::vector<pid_t> threads;
    std::uint64_t resident_bytes = 0;
    // As seen shortly before the freeze; checkpoints of before it was looked at have none.
    std::optional<ProcessMemory> memory = {};
};

struct ManifestHost {
    std::string name;
    std::string kernel;
    std::string machine;
    std::string cpu_model;
    std::vector<std::string> cpu_flags;
};

// How the program was watched when it was asked to prepare for the dump: whether all that it wrote is in the
// checkpoint.
struct WatchRecord {
    // False where the kernel could not tell what is written.
    bool available = true;
    // Why some files may be missing.
    std::vector<std::string> gaps = {};

    [[nodiscard]] bool complete() const noexcept { return available && gaps.empty(); }
    bool operator==(const WatchRecord&) const = default;
};

struct Manifest {
    // Names of what whoever uses the checkpoint must know about; none in nearly all of them. What is not among
    // known_features() is refused.
    std::vector<std::string> required_features = {};
    // Why no restore of it works, each reason a sentence; empty unless it has the feature k_never_restored.
    std::vector<std::string> cannot_be_restored = {};
    // "2026-11-22T16:45:10Z"
    std::string created;
    std::string cedana_version;
    std::string criu_version;
    ManifestHost host;
    // The program's name, as in the checkpoint's file name.
    std::string name;
    // What whoever made it has written on it; empty in most.
    std::string label = {};
    std::string note = {};
    bool leave_running = true;
    // The container that the tree is the inside of; only with the feature k_in_container.
    std::optional<ContainerRecord> container = std::nullopt;
    CriuOptions criu_options;
    // The root first.
    std::vector<ManifestProcess> tree;
    // By path; checkpoints of before they were looked for have none.
    std::vector<RequiredFile> required_files = {};
    std::vector<TcpConnection> connections = {};
    // What led out of the tree when it was frozen. Of checkpoints of before it was looked for it is not known.
    std::vector<ExternalPipe> external_pipes = {};
    std::optional<std::vector<ExternalTerminal>> external_terminals = std::nullopt;
    // Only with the feature k_journal_streams.
    std::vector<JournalStream> journal_streams = {};
    // The N of /dev/pts/N of pseudo-terminals whose master it has itself. They come back under the same numbers.
    std::vector<unsigned> own_terminals = {};
    // The table of nftables that holds the connections' packets back until the restore, which removes it; empty if
    // there is none.
    std::string network_lock_table = {};
    // It lives in a mount namespace of its own; false in checkpoints of before that was noted.
    bool own_mounts = false;
    // Of its root's namespaces, those in which CRIU worked in place of dumping them ("mnt"): a restore brings it back
    // in those of whoever restores it.
    std::vector<std::string> entered_namespaces = {};
    // The service of systemd that it belonged to: "nginx.service"; empty: none.
    std::string systemd_unit = {};
    // What CRIU left out and is to be given at a restore; only with the feature k_outside_files.
    std::vector<OutsideFile> outside_files = {};
    // What systemd takes away with the unit, beside `files`; only with the feature k_unit_entries.
    std::vector<UnitEntry> unit_entries = {};
    // Names of files that CRIU made for the restore.
    std::vector<LinkRemap> link_remaps = {};
    // Of the processes that had not ended; checkpoints of before they were kept have none.
    std::vector<ProcessAttributes> attributes = {};
    std::vector<SocketOptions> socket_options = {};
    // What shut the program in and does not come back (--without-sandbox): sentences.
    std::vector<std::string> sandbox_lost = {};
    std::size_t images = 0;
    std::uint64_t bytes_images = 0;
    // Entry name → SHA-256 of its content in hexadecimal: the index, and all that is neither index nor image nor
    // manifest.
    std::map<std::string, std::string> digests;
    // Phase → seconds, by cedana's clock.
    std::map<std::string, double> timings;
    // By CRIU's clock; absent if the tree was to end, since CRIU says it only afterwards.
    std::optional<double> frozen_seconds = {};
    // Files that the tree had open for writing or had written when it was asked to prepare; checkpoints of before they
    // were captured have none.
    std::vector<CapturedFile> files = {};
    // Entries of files that were copied before the tree stood still, and had changed by then: another entry has what
    // counts. Only with the feature k_superseded_files.
    std::vector<std::string> superseded_files = {};
    // What is made for files that only go with it, before they are put there: a folder before what is in it.
    std::vector<NamedPlace> places = {};
    // Absent if it was not asked to prepare.
    std::optional<WatchRecord> watch = std::nullopt;
    // Absent in checkpoints of before they were recorded.
    std::optional<RecordedFacts> facts = std::nullopt;
};

// The features that this version knows.
[[nodiscard]] std::span<const std::string_view> known_features();

[[nodiscard]] std::string write_manifest(const Manifest& manifest);

// Throws Error(Fault::checkpoint) for anything that is not a manifest of a version known here, with features among
// `known` and with values that make sense (pids, sizes, a tree whose first process is its root).
[[nodiscard]] Manifest parse_manifest(std::string_view text,
                                      std::span<const std::string_view> known = known_features());

} // namespace cedana
