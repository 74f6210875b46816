// SPDX-License-Identifier: Apache-2.0
#include "cedana/engine/criu_options.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// A deleted file may grow between the look and the freeze.
constexpr std::uint64_t k_ghost_room = 16UL * 1024 * 1024;

// Which files those are cannot all be seen.
constexpr const char* k_in_flight = "descriptors are on their way through its unix sockets";

std::string reason_for_shell_job(const TreeFacts& facts) {
    if (facts.external_terminals.empty())
        return "the root process is not the leader of its session";
    return fmt::format("the terminal {} belongs to somebody outside the tree",
                       facts.external_terminals.front().path.empty() ? "that controls it"
                                                                     : facts.external_terminals.front().path);
}

std::string reason_for_unix_sockets(const TreeFacts& facts) {
    return facts.external_unix_sockets == Answer::unknown
               ? "whether a unix socket leads outside the tree cannot be seen from here"
               : "a unix socket leads outside the tree";
}

bool chooses_cgroups(const std::vector<std::string>& extra) {
    return std::ranges::any_of(extra, [](const std::string& one) { return one.starts_with("--manage-cgroups"); });
}

} // namespace

CriuOptions choose_criu_options(const TreeFacts& facts, const std::vector<std::string>& extra) {
    CriuOptions options{.shell_job = facts.shell_job,
                        .tcp_established = facts.tcp_established,
                        .network_lock = {},
                        .external_unix_sockets = facts.external_unix_sockets != Answer::no,
                        .file_locks = facts.file_locks,
                        .link_remap = !facts.renamed_files.empty(),
                        .ignore_cgroups = facts.cgroups == CgroupPlace::nothing_of_its_own && !chooses_cgroups(extra),
                        .ghost_limit = 0,
                        .extra = extra};
    if (facts.ghost_bytes > 0)
        options.ghost_limit = facts.ghost_bytes + k_ghost_room;
    if (facts.in_flight) {
        options.link_remap = true;
        options.ghost_limit = std::max(options.ghost_limit, k_largest_ghost);
    }
    return options;
}

std::vector<ChosenOption> explain(const CriuOptions& options, const TreeFacts& facts) {
    std::vector<ChosenOption> chosen;
    const auto add = [&](bool is_set, const std::string& option, const std::string& reason) {
        if (is_set)
            chosen.push_back({.option = option, .reason = reason});
    };
    add(options.shell_job, "--shell-job", reason_for_shell_job(facts));
    add(options.tcp_established, "--tcp-established", "it has TCP connections");
    add(!options.network_lock.empty(), "--network-lock " + options.network_lock,
        "how this host can hold the connections' packets back");
    add(options.external_unix_sockets, "--ext-unix-sk", reason_for_unix_sockets(facts));
    add(options.file_locks, "--file-locks", "it holds locks on files");
    add(options.link_remap, "--link-remap",
        facts.renamed_files.empty() ? k_in_flight : "a file that it has open has lost the name by which it was opened");
    add(options.ignore_cgroups, "--manage-cgroups=ignore", "it has no control groups of its own");
    add(options.ghost_limit != 0, fmt::format("--ghost-limit {}", options.ghost_limit),
        facts.ghost_bytes == 0
            ? k_in_flight
            : fmt::format("it has deleted files open, the largest of {}", human_bytes(facts.ghost_bytes)));
    for (const std::string& kind : facts.entered)
        add(true, fmt::format("in its {} namespace", kind == "mnt" ? "mount" : kind),
            facts.unit.is_service()
                ? fmt::format("systemd has made it for {}, and CRIU could not make such", printable(facts.unit.name))
                : "its mounts follow those of the host, and CRIU could not make such");
    add(!facts.outer_dev_tty.empty(), "--external " + facts.outer_dev_tty,
        "it has /dev/tty open, which is the terminal of a session that begins outside of the tree");
    for (const OutsideFile& file : facts.outside_files)
        add(true, "--external " + file.id,
            fmt::format("it has {} open by a mount of another mount namespace", printable(file.path)));
    for (const JournalStream& stream : facts.journal_streams)
        add(true, "--external " + external_id(stream),
            stream.unit.empty() ? std::string("it writes to the journal")
                                : fmt::format("it writes to the journal, as {}", printable(stream.unit)));
    for (const std::string& argument : options.extra)
        add(true, argument, "criu.extra_args or --criu-arg");
    return chosen;
}

} // namespace cedana
