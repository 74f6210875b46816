// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/file_id.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/text.hpp"
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "close_hint.hpp"

namespace cedana {

namespace {

// criu/include/pipes.h, NR_PIPES_WITH_DATA: CRIU remembers so many of either kind, empty ones too, whose content it has
// copied ("OOM storing pipe"). It does not look into those that are open for writing alone.
constexpr std::size_t k_most_pipes = 1024;

enum class PipeKind { pipe, fifo };

bool is_of_kind(const OpenFile& file, PipeKind kind) {
    if (kind == PipeKind::pipe)
        return inode_of(file.target, "pipe").has_value();
    return file.info && S_ISFIFO(file.info->st_mode) && file.target.starts_with('/');
}

std::size_t count_pipes(const TreeHoldings& tree, PipeKind kind) {
    std::set<FileId> pipes;
    for (const Holdings& one : tree)
        for (const OpenFile& file : one.open)
            if (file.info && file.readable() && (file.flags & O_PATH) == 0 && is_of_kind(file, kind))
                pipes.insert(file_id(*file.info));
    return pipes.size();
}

std::optional<Refusal> refuse_many(const TreeHoldings& tree, PipeKind kind) {
    const std::size_t count = count_pipes(tree, kind);
    if (count <= k_most_pipes)
        return std::nullopt;
    const TreeProcess& root = tree.front().process;
    return Refusal{.pid = root.pid(),
                   .sentence = fmt::format("{}{} has {} {} open, and CRIU cannot dump more than {}",
                                           described(root.stat), tree.size() > 1 ? " with its descendants" : "", count,
                                           kind == PipeKind::pipe ? "pipes" : "named pipes", k_most_pipes),
                   .hint = "let the program close those that it does not need, or dump a part of its tree alone "
                           "(-p with the pid of a descendant)",
                   .program_can_help = true};
}

// Those that autofs tells its daemon by, whose packets CRIU knows (criu/autofs.c): "pipe_ino=17".
std::set<std::uint64_t> pipes_of_autofs(const Procfs& procfs, pid_t pid) {
    constexpr std::string_view k_inode = "pipe_ino=";
    std::set<std::uint64_t> inodes;
    for (const Mount& mount : parse_mounts(procfs.read(pid, "mountinfo").value_or("")))
        if (mount.type == "autofs")
            for (const std::string& option : split(mount.options, ','))
                if (std::int64_t inode = 0;
                    option.starts_with(k_inode) && parse_number(option.substr(k_inode.size()), inode))
                    inodes.insert(static_cast<std::uint64_t>(inode));
    return inodes;
}

// pipe(2), O_DIRECT. CRIU: "The packetized mode for pipes is not supported yet".
std::optional<Refusal> refuse_packets(const Procfs& procfs, const TreeProcess& process, const OpenFile& file) {
    const auto inode = inode_of(file.target, "pipe");
    if (!inode || (file.flags & O_DIRECT) == 0 || pipes_of_autofs(procfs, process.pid()).contains(*inode))
        return std::nullopt;
    return Refusal{
        .pid = process.pid(),
        .sentence = fmt::format("{} has a pipe in packet mode open (O_DIRECT, descriptor {}), which CRIU cannot dump",
                                described(process.stat), file.fd),
        .hint = k_close_hint,
        .program_can_help = true};
}

} // namespace

std::vector<Refusal> refused_pipes(const Procfs& procfs, const TreeHoldings& tree) {
    std::vector<Refusal> refusals;
    for (const PipeKind kind : {PipeKind::pipe, PipeKind::fifo})
        if (auto refusal = refuse_many(tree, kind))
            refusals.push_back(std::move(*refusal));
    for (const Holdings& one : tree)
        for (const OpenFile& file : one.open)
            if (auto refusal = refuse_packets(procfs, one.process, file))
                refusals.push_back(std::move(*refusal));
    return refusals;
}

} // namespace cedana
