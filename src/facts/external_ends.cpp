// SPDX-License-Identifier: Apache-2.0
#include "cedana/facts/external_ends.hpp"

#include "cedana/base/alike.hpp"
#include "cedana/base/child_process.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/facts/end_holders.hpp"
#include "cedana/process/pseudo_terminal.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <poll.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace cedana {

namespace {

bool is_hardware_terminal(dev_t device) {
    constexpr unsigned k_virtual_and_serial = 4;
    constexpr unsigned k_alternative = 5;
    return major(device) == k_virtual_and_serial || device == makedev(k_alternative, 1);
}

std::set<unsigned> own_masters(const TreeHoldings& tree) {
    std::set<unsigned> masters;
    for (const Holdings& one : tree)
        for (const OpenFile& file : one.open)
            if (file.master_of)
                masters.insert(*file.master_of);
    return masters;
}

bool is_external_terminal(dev_t device, const std::set<unsigned>& masters) {
    const auto number = pts_number(device);
    return number ? !masters.contains(*number) : is_hardware_terminal(device);
}

// The device and the file system, as CRIU names a terminal (criu/tty.c, get_tty_driver).
std::string terminal_id(const struct ::stat& info) { return fmt::format("tty[{:x}:{:x}]", info.st_rdev, info.st_dev); }

// Its emulator has gone: CRIU brings it back as it is, good for nothing, and needs no terminal for that.
bool has_hung_up(const OpenFile& file) { return without_deleted(file.target) != file.target; }

struct Holder {
    const TreeProcess& process;
    int fd;
};

// The ends of one pipe that are in the tree.
struct HeldEnds {
    std::vector<Holder> readers;
    std::vector<Holder> writers;
};

// Asked of a descriptor of our own, since the holder outside may be one that cannot be seen (another pid namespace).
// Where the kernel does not give us one, the end is taken to be held.
bool other_end_is_held(const Holder& holder) {
    const UniqueFd ours = copy_descriptor(holder.process.handle.pidfd(), holder.fd);
    pollfd entry{.fd = ours.get(), .events = 0, .revents = 0};
    return !ours || ::poll(&entry, 1, 0) == 0;
}

void add_if_held(std::vector<ExternalPipe>& pipes, std::uint64_t inode, PipeEnd end,
                 const std::vector<Holder>& holders) {
    if (!other_end_is_held(holders.front()))
        return;
    ExternalPipe pipe{.inode = inode, .end = end};
    for (const Holder& holder : holders)
        pipe.descriptors.push_back({.pid = holder.process.pid(), .fd = holder.fd});
    pipes.push_back(std::move(pipe));
}

// Whose other end somebody holds, outside or in a queue of the tree.
std::vector<ExternalPipe> pipes_with_one_end(const TreeHoldings& tree) {
    std::map<std::uint64_t, HeldEnds> by_inode;
    for (const Holdings& one : tree) {
        for (const OpenFile& file : one.open) {
            const auto inode = inode_of(file.target, "pipe");
            if (inode && file.readable())
                by_inode[*inode].readers.push_back({.process = one.process, .fd = file.fd});
            if (inode && file.writable())
                by_inode[*inode].writers.push_back({.process = one.process, .fd = file.fd});
        }
    }
    std::vector<ExternalPipe> pipes;
    for (const auto& [inode, ends] : by_inode) {
        if (ends.writers.empty())
            add_if_held(pipes, inode, PipeEnd::read, ends.readers);
        else if (ends.readers.empty())
            add_if_held(pipes, inode, PipeEnd::write, ends.writers);
    }
    return pipes;
}

const char* place_after_restore(PipeEnd end, int fd) {
    if (end == PipeEnd::read)
        return fd == STDIN_FILENO ? "a restore reads from its own standard input there, if that suits"
                                  : "it is at its end after a restore";
    if (fd == STDOUT_FILENO || fd == STDERR_FILENO)
        return fd == STDOUT_FILENO ? "a restore leads it to its own standard output, if that suits"
                                   : "a restore leads it to its own standard error, if that suits";
    return "a restore leads it to /dev/null";
}

Said said_of(const ProcessTree& tree, const ExternalPipe& pipe) {
    const Descriptor& first = *std::ranges::min_element(pipe.descriptors, {}, &Descriptor::fd);
    const auto process = std::ranges::find(tree.processes, first.pid, &TreeProcess::pid);
    const std::string whose =
        process == tree.processes.end() ? fmt::format("process {}", first.pid) : described(process->stat);
    const std::string place = place_after_restore(pipe.end, first.fd);
    return {.sentence = fmt::format("the pipe that {} {} (descriptor {}) leads out of the tree: {}", whose,
                                    pipe.end == PipeEnd::read ? "reads from" : "writes to", first.fd, place),
            .object = fmt::format("descriptor {} of {}", first.fd, whose),
            .kind = place};
}

PipeEnd other(PipeEnd end) { return end == PipeEnd::read ? PipeEnd::write : PipeEnd::read; }

} // namespace

std::vector<ExternalTerminal> external_terminals(const TreeHoldings& tree) {
    const std::set<unsigned> masters = own_masters(tree);
    std::map<dev_t, ExternalTerminal> by_device;
    for (const Holdings& one : tree) {
        for (const OpenFile& file : one.open) {
            if (!file.info || !S_ISCHR(file.info->st_mode) || !is_external_terminal(file.info->st_rdev, masters) ||
                has_hung_up(file))
                continue;
            ExternalTerminal& terminal = by_device[file.info->st_rdev];
            terminal.path = file.target;
            terminal.descriptors.push_back({.pid = one.process.pid(), .fd = file.fd});
        }
        const dev_t controlling = one.process.stat.terminal;
        if (controlling != 0 && is_external_terminal(controlling, masters)) {
            ExternalTerminal& terminal = by_device[controlling];
            const auto number = pts_number(controlling);
            if (terminal.path.empty() && number)
                terminal.path = fmt::format("/dev/pts/{}", *number);
            for (const OpenFile& file : one.open)
                if (is_dev_tty(file))
                    terminal.descriptors.push_back({.pid = one.process.pid(), .fd = file.fd});
        }
    }
    std::vector<ExternalTerminal> terminals;
    for (auto& [device, terminal] : by_device)
        terminals.push_back(std::move(terminal));
    return terminals;
}

const OpenFile* find_dev_tty(const Holdings& one) {
    const auto found = std::ranges::find_if(one.open, is_dev_tty);
    return found == one.open.end() ? nullptr : &*found;
}

// All of the tree is looked at for the few that have it open alone.
bool has_outer_dev_tty(const TreeHoldings& tree, const Holdings& one) {
    const ProcessStat& stat = one.process.stat;
    return find_dev_tty(one) != nullptr && pts_number(stat.terminal) &&
           is_external_terminal(stat.terminal, own_masters(tree)) &&
           std::ranges::none_of(tree, [&](const Holdings& other) { return other.process.pid() == stat.session; });
}

std::string outer_dev_tty(const TreeHoldings& tree) {
    const auto holder = std::ranges::find_if(tree, [&](const Holdings& one) { return has_outer_dev_tty(tree, one); });
    return holder == tree.end() ? std::string() : terminal_id(*find_dev_tty(*holder)->info);
}

std::vector<unsigned> own_terminals(const TreeHoldings& tree) {
    const std::set<unsigned> masters = own_masters(tree);
    return {masters.begin(), masters.end()};
}

std::vector<Refusal> refused_terminals(const TreeHoldings& tree, const std::vector<ExternalTerminal>& terminals) {
    std::vector<std::string> open;
    for (const ExternalTerminal& terminal : terminals)
        if (!terminal.descriptors.empty() && terminal.path.starts_with("/dev/pts/"))
            open.push_back(printable(terminal.path));
    if (open.size() < 2)
        return {};
    const ProcessStat& root = tree.front().process.stat;
    return {
        {.pid = root.pid,
         .sentence = fmt::format("{} and its descendants use {} terminals of others ({}), and CRIU can bring back one",
                                 described(root), open.size(), fmt::join(open, ", ")),
         .hint = "dump only the part of the tree that uses one of them, or start it with the terminal of one"}};
}

std::vector<ExternalPipe> external_pipes(const Procfs& procfs, const TreeHoldings& tree) {
    std::vector<ExternalPipe> pipes = pipes_with_one_end(tree);
    if (!has_descriptors_in_flight(tree))
        return pipes;
    PipeEnds others;
    for (const ExternalPipe& pipe : pipes)
        others.emplace(pipe.inode, other(pipe.end));
    const PipeEnds outside = held_outside(procfs, tree, others);
    std::erase_if(pipes, [&](const ExternalPipe& pipe) { return !outside.contains({pipe.inode, other(pipe.end)}); });
    return pipes;
}

std::vector<ExternalPipe> external_pipes_of_frozen(const TreeHoldings& tree, const std::vector<ExternalPipe>& before) {
    std::vector<ExternalPipe> pipes = pipes_with_one_end(tree);
    if (has_descriptors_in_flight(tree))
        std::erase_if(pipes, [&](const ExternalPipe& pipe) {
            return std::ranges::none_of(
                before, [&](const ExternalPipe& known) { return known.inode == pipe.inode && known.end == pipe.end; });
        });
    return pipes;
}

std::vector<std::string> sentences_of(const ProcessTree& tree, const std::vector<ExternalPipe>& pipes) {
    std::vector<Said> all;
    for (const ExternalPipe& pipe : pipes)
        all.push_back(said_of(tree, pipe));
    return said_once(all);
}

} // namespace cedana
