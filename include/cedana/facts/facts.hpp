// SPDX-License-Identifier: Apache-2.0
// What was seen in a tree that matters to CRIU: read from /proc before anything is touched. Which options
// follow from it is not decided here.
#pragma once

#include "cedana/facts/losses.hpp"
#include "cedana/facts/refusal.hpp"
#include "cedana/facts/renamed_file.hpp"
#include "cedana/model/external_ends.hpp"
#include "cedana/model/outside_file.hpp"
#include "cedana/model/recorded_facts.hpp"
#include "cedana/model/tcp_connection.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/systemd_unit.hpp"
#include "cedana/process/tree.hpp"
#include "cedana/process/written_files.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cedana {

// A file without a name that the tree has open or mapped; CRIU keeps such "ghosts" in the checkpoint.
struct DeletedFile {
    pid_t pid = 0;
    std::string path;
    // What it occupies, which is what CRIU compares with --ghost-limit.
    std::uint64_t allocated = 0;
    std::uint64_t size = 0;
};

struct DeviceFile {
    pid_t pid = 0;
    std::string path;
};

struct OpenMap {
    pid_t pid = 0;
    int fd = -1;
};

enum class Answer { no, yes, unknown };

// nothing_of_its_own: every thread where cedana is, or all of them at the top, as if there were no control groups.
// partly_at_top: CRIU would take all groups of the host for the tree's.
enum class CgroupPlace { nothing_of_its_own, partly_at_top, elsewhere };

struct TreeFacts {
    // The root is no session leader, or a terminal belongs to somebody else.
    bool shell_job = false;
    bool tcp_established = false;
    // Connected to a process outside. unknown: another network namespace, or a kernel without unix_diag.
    Answer external_unix_sockets = Answer::no;
    bool file_locks = false;
    // The largest of deleted_files, 0 if there is none.
    std::uint64_t ghost_bytes = 0;
    // What CRIU will write: the memory that is the processes' own, swapped out or not, and each shared object and
    // deleted file once.
    std::uint64_t image_bytes = 0;
    // CRIU is to link them anew (--link-remap).
    std::vector<RenamedFile> renamed_files;
    // Descriptors are on their way through unix sockets: of what kind cannot all be seen before the tree stands still.
    bool in_flight = false;
    CgroupPlace cgroups = CgroupPlace::elsewhere;
    // The root lives in a mount namespace, or in a network namespace, that CRIU dumps.
    bool own_mounts = false;
    bool own_network = false;
    // That the root belongs to.
    SystemdUnit unit;
    // Of its namespaces, those in which CRIU works in place of dumping them (entered_namespaces.hpp).
    std::vector<std::string> entered;
    // That it has open by mounts of others; CRIU is to leave them out (--external).
    std::vector<OutsideFile> outside_files;
    // Those by addresses of this host.
    std::vector<TcpConnection> tcp_connections;
    std::vector<DeletedFile> deleted_files;
    std::vector<ExternalTerminal> external_terminals;
    // How CRIU is told of the /dev/tty of outer sessions (external_ends.hpp); empty: there is none, or CRIU dumps its
    // mount namespace, and would have to find it there.
    std::string outer_dev_tty;
    std::vector<ExternalPipe> external_pipes;
    std::vector<JournalStream> journal_streams;
    // Only with CRIU's plug-in for them can they be dumped.
    std::vector<DeviceFile> gpu_devices;
    // BPF maps of a kind that CRIU knows, if it was built to know any.
    std::vector<OpenMap> bpf_maps;
    // Of unix sockets that the tree is connected to and does not have: who has them, as far as it matters.
    std::map<std::uint64_t, std::string> peers_outside;
    std::vector<Refusal> refusals;
    // What shuts a process in and would not come back; what else would not, as sentences.
    std::vector<SandboxLoss> sandbox;
    std::vector<std::string> losses;
    // All of it for the manifest.
    RecordedFacts record;
};

// From where its files are looked at.
[[nodiscard]] inline LookedAtFrom looked_at_from(const TreeFacts& facts) {
    return facts.entered.empty() ? LookedAtFrom::here : LookedAtFrom::among_its_mounts;
}

// Does not touch the processes. `holdings`: of the tree; `self`: the pid of cedana.
[[nodiscard]] TreeFacts read_facts(const Procfs& procfs, const ProcessTree& tree, const TreeHoldings& holdings,
                                   pid_t self);

} // namespace cedana
