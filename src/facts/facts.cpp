// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/facts.hpp"

#include "cedana/base/file_id.hpp"
#include "cedana/base/text.hpp"
#include "cedana/facts/closed_connections.hpp"
#include "cedana/facts/end_holders.hpp"
#include "cedana/facts/entered_namespaces.hpp"
#include "cedana/facts/external_ends.hpp"
#include "cedana/facts/in_flight.hpp"
#include "cedana/facts/outside_files.hpp"
#include "cedana/facts/record.hpp"
#include "cedana/facts/shared_memory.hpp"
#include "cedana/process/holdings.hpp"
#include "cedana/process/open_files.hpp"
#include "cedana/process/sockets.hpp"
#include "cedana/process/systemd_unit.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <sys/socket.h>

namespace cedana {

namespace {

void find_external_ends(TreeFacts& facts, const Procfs& procfs, const TreeHoldings& tree) {
    facts.external_terminals = external_terminals(tree);
    facts.external_pipes = external_pipes(procfs, tree);
    const ProcessStat& root = tree.front().process.stat;
    facts.shell_job = root.session != root.pid || !facts.external_terminals.empty();
}

bool is_regular_without_name(std::string_view target, const std::optional<struct ::stat>& info) {
    return info && S_ISREG(info->st_mode) && target.ends_with(k_deleted) && !is_shared_memory(target);
}

// What CRIU writes of the tree, but for some kilobytes a process. Of memory that processes share since a fork each has
// a copy of its own there (criu/mem.c, generate_iovs).
std::uint64_t image_bytes(const Procfs& procfs, const TreeHoldings& tree, const std::vector<DeletedFile>& deleted) {
    std::uint64_t bytes = shared_memory(tree);
    for (const Holdings& one : tree)
        bytes += one.process.status.memory.anonymous + one.process.status.memory.swapped + own_huge_pages(procfs, one);
    for (const DeletedFile& file : deleted)
        bytes += file.allocated;
    return bytes;
}

// A file can be called "a (deleted)": then it is the one that this name leads to.
bool name_leads_to(const Procfs& procfs, pid_t pid, const std::string& target, const struct ::stat& info) {
    const auto named = procfs.file(pid, ("root" + target).c_str());
    return named && file_id(*named) == file_id(info);
}

void find_deleted_files(TreeFacts& facts, const Procfs& procfs, const TreeHoldings& tree) {
    constexpr std::uint64_t k_block = 512;
    std::set<FileId> known;
    const auto add = [&](pid_t pid, const std::string& target, const std::optional<struct ::stat>& info) {
        if (!is_regular_without_name(target, info) || !known.insert(file_id(*info)).second)
            return;
        if (info->st_nlink > 0) {
            if (!name_leads_to(procfs, pid, target, *info))
                facts.renamed_files.push_back({.path = target.substr(0, target.size() - k_deleted.size()),
                                               .device = info->st_dev,
                                               .inode = info->st_ino,
                                               .pid = pid,
                                               .size = static_cast<std::uint64_t>(info->st_size)});
            return;
        }
        facts.deleted_files.push_back({.pid = pid,
                                       .path = target.substr(0, target.size() - k_deleted.size()),
                                       .allocated = static_cast<std::uint64_t>(info->st_blocks) * k_block,
                                       .size = static_cast<std::uint64_t>(info->st_size)});
        facts.ghost_bytes = std::max(facts.ghost_bytes, facts.deleted_files.back().allocated);
    };
    for (const Holdings& one : tree) {
        for (const OpenFile& file : one.open)
            add(one.process.pid(), file.target, file.info);
        for (const MappedFile& file : one.mapped)
            add(one.process.pid(), file.target, file.info);
    }
}

bool is_gpu_device(std::string_view path) {
    return path.starts_with("/dev/nvidia") || path.starts_with("/dev/dri/") || path == "/dev/kfd";
}

void find_gpu_devices(TreeFacts& facts, const TreeHoldings& tree) {
    std::set<std::pair<pid_t, std::string>> devices;
    for (const Holdings& one : tree) {
        for (const OpenFile& file : one.open)
            if (is_gpu_device(file.target))
                devices.emplace(one.process.pid(), file.target);
        for (const MappedFile& file : one.mapped)
            if (is_gpu_device(file.target))
                devices.emplace(one.process.pid(), file.target);
    }
    for (const auto& [pid, path] : devices)
        facts.gpu_devices.push_back({.pid = pid, .path = path});
}

void find_maps(TreeFacts& facts, const TreeHoldings& tree) {
    for (const Holdings& one : tree)
        for (const OpenFile& file : one.open)
            if (file.map_type)
                facts.bpf_maps.push_back({.pid = one.process.pid(), .fd = file.fd});
}

void find_locks(TreeFacts& facts, const TreeHoldings& tree) {
    for (const Holdings& one : tree)
        facts.file_locks = facts.file_locks || std::any_of(one.open.begin(), one.open.end(),
                                                           [](const OpenFile& file) { return !file.locks.empty(); });
}

// Those in a network namespace of the tree's own come back with it and its addresses.
void find_tcp(TreeFacts& facts, const TreeSockets& sockets, const Namespaces& own) {
    for (const auto& [inode, owner] : sockets.owners) {
        const auto socket = sockets.inet.find(inode);
        if (socket == sockets.inet.end() || !socket->second.is_connection())
            continue;
        facts.tcp_established = true;
        if (!differ(owner->namespaces, own, "net"))
            facts.tcp_connections.push_back(socket->second.ends);
    }
}

// Only datagram sockets can be given their peer back, by its name (CRIU: "Can't dump half of stream unix connection",
// "Can't dump name-less external socket").
Refusal refuse_unix_peer(const TreeProcess& owner, const char* connection, const std::string& other) {
    return {.pid = owner.pid(),
            .sentence =
                fmt::format("{} has {} to {}, which is not part of its tree", described(owner.stat), connection, other),
            .hint = "close the connection first, in the program's handler of SIGUSR1 for instance "
                    "(client.signal_process_pre_dump), or checkpoint both under a common parent, as a job has them "
                    "(cedana client run --job NAME -- COMMAND)",
            .program_can_help = true};
}

bool are_seen(const TreeSockets& sockets, const Holdings& owner, const Namespaces& own) {
    return sockets.unix_ones && own.get("net") && owner.namespaces.get("net") == own.get("net");
}

// A connection of the tree to a socket that none of its processes has.
struct LooseConnection {
    const TreeProcess* owner = nullptr;
    int type = 0;
    std::uint64_t inode = 0;
    std::uint64_t peer = 0;
    // Empty: none, or it is not known.
    std::string peer_name = {};
    bool peer_has_no_name = false;

    [[nodiscard]] bool is_journal() const { return type == SOCK_STREAM && log_namespace_of(peer_name); }
    [[nodiscard]] bool is_refused() const { return (type != SOCK_DGRAM && !is_journal()) || peer_has_no_name; }
};

// Made anew at the restore.
JournalStream journal_stream(const Procfs& procfs, const LooseConnection& one) {
    const std::string program = one.owner->executable.filename();
    return {.inode = one.inode,
            .unit = systemd_unit(procfs.read(one.owner->pid(), "cgroup").value_or("")).name,
            .identifier = program.empty() ? one.owner->stat.comm : program,
            .log_namespace = log_namespace_of(one.peer_name).value_or("")};
}

std::vector<LooseConnection> loose_connections(TreeFacts& facts, const TreeSockets& sockets, const Namespaces& own) {
    std::vector<LooseConnection> loose;
    for (const auto& [inode, owner] : sockets.owners) {
        if (sockets.inet.contains(inode))
            continue;
        if (!are_seen(sockets, *owner, own)) {
            facts.external_unix_sockets = Answer::unknown;
            continue;
        }
        const auto socket = sockets.unix_ones->find(inode);
        if (socket == sockets.unix_ones->end() || socket->second.peer == 0 ||
            sockets.owners.contains(socket->second.peer))
            continue;
        const auto peer = sockets.unix_ones->find(socket->second.peer);
        loose.push_back({.owner = &owner->process,
                         .type = socket->second.type,
                         .inode = inode,
                         .peer = socket->second.peer,
                         .peer_name = peer != sockets.unix_ones->end() ? peer->second.name : std::string(),
                         .peer_has_no_name = peer != sockets.unix_ones->end() && peer->second.name.empty()});
    }
    return loose;
}

// "process 612 (dbus-daemon) of dbus.service"; systemd itself keeps sockets for its units.
std::string described_with_unit(const Procfs& procfs, const ProcessStat& stat) {
    if (stat.pid == 1)
        return stat.comm == "systemd" ? "systemd" : described(stat);
    const SystemdUnit unit = systemd_unit(procfs.read(stat.pid, "cgroup").value_or(""));
    return unit.is_service() ? fmt::format("{} of {}", described(stat), printable(unit.name)) : described(stat);
}

void find_unix_peers(TreeFacts& facts, const Procfs& procfs, const TreeHoldings& tree, const TreeSockets& sockets,
                     const Namespaces& own) {
    std::vector<LooseConnection> loose = loose_connections(facts, sockets, own);
    const bool in_flight = has_descriptors_in_flight(tree);
    std::set<std::uint64_t> peers;
    for (const LooseConnection& one : loose)
        if (in_flight || one.is_refused())
            peers.insert(one.peer);
    for (const auto& [peer, pid] : holders_of_sockets(procfs, peers))
        if (const auto stat = procfs.stat(pid))
            facts.peers_outside.emplace(peer, described_with_unit(procfs, *stat));
    // In flight itself: CRIU dumps it with the queue that it lies in.
    if (in_flight)
        std::erase_if(loose, [&](const LooseConnection& one) { return !facts.peers_outside.contains(one.peer); });
    for (const LooseConnection& one : loose) {
        if (one.is_journal()) {
            facts.journal_streams.push_back(journal_stream(procfs, one));
            continue;
        }
        facts.external_unix_sockets = Answer::yes;
        if (!one.is_refused())
            continue;
        const auto other = facts.peers_outside.find(one.peer);
        facts.refusals.push_back(refuse_unix_peer(
            *one.owner,
            one.type == SOCK_DGRAM ? "a connection by a unix socket without a name" : "a unix stream connection",
            other == facts.peers_outside.end() ? "a process that cannot be seen" : other->second));
    }
}

// Of "4:memory:/a" (cgroups(7)).
bool is_top_line(std::string_view line) { return line.ends_with(":/"); }

// Where cedana could make CRIU a group of its own (base/own_cgroup.hpp): "0::/" is version 2, and "1:name=systemd:/"
// systemd's own hierarchy of version 1.
bool would_see_own_groups(const std::string& cgroups) {
    return std::ranges::any_of(split(cgroups, '\n'), [](const std::string& line) {
        return line == "0::/" || line.ends_with(":name=systemd:/");
    });
}

// In every hierarchy it is at the top or where cedana is. On a host with hierarchies of version 1 beside each other a
// tree is often at the top of most of them and limited in one.
bool has_no_group(const std::string& cgroups, const std::vector<std::string>& own) {
    return std::ranges::all_of(split(cgroups, '\n'), [&](const std::string& line) {
        return is_top_line(line) || std::ranges::count(own, line) != 0;
    });
}

// CRIU compares each thread's control groups with its own.
// Of each thread, /proc/PID/cgroup; none of one that has ended.
using Cgroups = std::map<pid_t, std::string>;

Cgroups cgroups_of(const Procfs& procfs, const ProcessTree& tree) {
    Cgroups cgroups;
    for (const TreeProcess& process : tree.processes)
        for (const pid_t thread : process.threads)
            if (auto text = procfs.read(thread, "cgroup"))
                cgroups.emplace(thread, std::move(*text));
    return cgroups;
}

CgroupPlace cgroup_place(const Cgroups& cgroups, const Procfs& procfs, pid_t self) {
    std::set<std::string> places;
    for (const auto& [thread, text] : cgroups)
        places.insert(text);
    if (places.size() == 1 && has_no_group(*places.begin(), split(procfs.read(self, "cgroup").value_or(""), '\n')))
        return CgroupPlace::nothing_of_its_own;
    return std::ranges::any_of(places, would_see_own_groups) ? CgroupPlace::partly_at_top : CgroupPlace::elsewhere;
}

void add_refusals(TreeFacts& facts, std::vector<Refusal> refusals) {
    std::ranges::move(refusals, std::back_inserter(facts.refusals));
}

} // namespace

TreeFacts read_facts(const Procfs& procfs, const ProcessTree& tree, const TreeHoldings& holdings, pid_t self) {
    const TreeSockets sockets = sockets_of(procfs, holdings);
    const Namespaces own(procfs, self);
    TreeFacts facts;
    facts.refusals = refused_processes(procfs, tree, self);
    add_refusals(facts, refused_sharing(procfs, tree));
    add_refusals(facts, refused_sessions(tree));
    find_external_ends(facts, procfs, holdings);
    find_deleted_files(facts, procfs, holdings);
    facts.image_bytes = image_bytes(procfs, holdings, facts.deleted_files);
    find_locks(facts, holdings);
    find_gpu_devices(facts, holdings);
    find_maps(facts, holdings);
    Cgroups cgroups = cgroups_of(procfs, tree);
    facts.cgroups = cgroup_place(cgroups, procfs, self);
    facts.unit = systemd_unit(cgroups[tree.root().pid()]);
    facts.entered = entered_namespaces(procfs, holdings.front(), own);
    const Namespaces of_criu = namespaces_of_criu(own, holdings.front().namespaces, facts.entered);
    facts.own_mounts = differ(holdings.front().namespaces, of_criu, "mnt");
    facts.own_network = differ(holdings.front().namespaces, of_criu, "net");
    if (!facts.own_mounts)
        facts.outer_dev_tty = outer_dev_tty(holdings);
    facts.outside_files = outside_files(procfs, holdings);
    add_refusals(facts, refused_namespaces(procfs, holdings, of_criu, facts.unit));
    add_refusals(facts, refused_terminals(holdings, facts.external_terminals));
    add_refusals(facts, refused_files(procfs, holdings));
    add_refusals(facts, refused_paths(procfs, holdings));
    add_refusals(facts, refused_memory(procfs, holdings));
    add_refusals(facts, refused_limits(procfs, holdings, self));
    add_refusals(facts, refused_pipes(procfs, holdings));
    add_refusals(facts, refused_owners(holdings));
    add_refusals(facts, refused_process_files(procfs, tree, holdings));
    add_refusals(facts, refused_terminal_files(procfs, holdings,
                                               facts.own_mounts ? OuterDevTty::as_any : OuterDevTty::external));
    add_refusals(facts, refused_watches(procfs, holdings));
    add_refusals(facts, refused_epolls(holdings));
    add_refusals(facts, refused_locks(procfs, holdings));
    add_refusals(facts, refused_sockets(procfs, holdings, sockets.inet));
    add_refusals(facts, refused_socket_states(holdings));
    facts.in_flight = has_descriptors_in_flight(holdings);
    InFlight in_flight = find_in_flight(holdings, Messages::first);
    add_refusals(facts, std::move(in_flight.refusals));
    std::ranges::move(in_flight.renamed, std::back_inserter(facts.renamed_files));
    facts.sandbox = find_sandbox_losses(procfs, tree);
    facts.losses = find_losses(procfs, tree);
    for (std::vector<std::string> more :
         {find_lost_watches(procfs, holdings), find_lost_semaphores(procfs, holdings), find_lost_sharing(procfs, tree),
          find_lost_names(sockets), find_lost_ends(tree), find_lost_children(tree), find_lost_places(procfs, holdings),
          std::move(in_flight.losses)})
        std::ranges::move(more, std::back_inserter(facts.losses));
    find_tcp(facts, sockets, own);
    facts.tcp_established = facts.tcp_established || has_closed_connection(procfs, sockets);
    find_unix_peers(facts, procfs, holdings, sockets, own);
    facts.record = record_facts(procfs, holdings, sockets, {.own = own, .self = self, .peers = facts.peers_outside});
    return facts;
}

} // namespace cedana
