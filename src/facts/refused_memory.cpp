// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/facts/refusal.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "close_hint.hpp"

namespace cedana {

namespace {

constexpr std::string_view k_memory_file = "/memfd:";

// CRIU keeps the program by its path alone (criu/files-reg.c, get_task_exe... at the restore "No entry for
// reg-file-ID").
std::optional<Refusal> refuse_program_in_memory(const Procfs& procfs, const TreeProcess& process) {
    if (process.stat.is_zombie() || !process.executable.native().starts_with(k_memory_file) ||
        !procfs.link(process.pid(), "exe").value_or("").ends_with(" (deleted)"))
        return std::nullopt;
    return Refusal{.pid = process.pid(),
                   .sentence = fmt::format("{} was started from memory (its program is {}), and CRIU could not restore "
                                           "that",
                                           described(process.stat), printable(process.executable.native())),
                   .hint = "start the program from a file"};
}

// Seals are asked of a descriptor. Where the process has one it is borrowed. Else the mapping is opened: a memfd, which
// no other process can find by a name, and for reading, which breaks no lease for reading (fcntl(2)).
int seals_of(const Procfs& procfs, const Holdings& one, const MappedFile& file) {
    for (const OpenFile& open : one.open) {
        if (!file.info || !open.info || open.info->st_ino != file.info->st_ino ||
            open.info->st_dev != file.info->st_dev)
            continue;
        const UniqueFd ours = copy_descriptor(one.process.handle.pidfd(), open.fd);
        if (const int seals = ours ? ::fcntl(ours.get(), F_GET_SEALS) : -1; seals >= 0)
            return seals;
    }
    const UniqueFd mapped = procfs.open(one.process.pid(), file.read_shared.c_str());
    const int seals = mapped ? ::fcntl(mapped.get(), F_GET_SEALS) : -1;
    return std::max(seals, 0);
}

// At the restore CRIU seals a memfd when it is mapped already, as a file that may be written to, and the kernel refuses
// that: "Cannot apply seals on memfd: Device or resource busy" (criu/memfd.c, apply_memfd_seals). A mapping of a
// descriptor that is open for reading alone does not count (mm/memfd.c, memfd_add_seals).
std::optional<Refusal> refuse_sealed(const Procfs& procfs, const Holdings& one, const MappedFile& file) {
    if (file.read_shared.empty())
        return std::nullopt;
    const auto link = procfs.link_itself(one.process.pid(), file.read_shared.c_str());
    if (!link || (link->st_mode & S_IWUSR) == 0 || (seals_of(procfs, one, file) & F_SEAL_WRITE) == 0)
        return std::nullopt;
    return Refusal{.pid = one.process.pid(),
                   .sentence = fmt::format("{} has memory mapped shared that is sealed against writing ({}), and CRIU "
                                           "could not restore that",
                                           described(one.process.stat), printable(file.target)),
                   .hint = "let the program map it privately (MAP_PRIVATE), or unmap it before the dump, for instance "
                           "in its handler of SIGUSR1 (client.signal_process_pre_dump)",
                   .program_can_help = true};
}

// criu/proc_parse.c: "Unknown shit 100600 (/secretmem (deleted))" and the same of an io_uring.
std::optional<Refusal> refuse_unreadable(const TreeProcess& process, const MappedFile& file) {
    Refusal refusal{.pid = process.pid(), .sentence = {}, .hint = k_close_hint, .program_can_help = true};
    if (file.target == "/secretmem (deleted)")
        refusal.sentence =
            fmt::format("{} has secret memory mapped (memfd_secret), which nobody but it can read, CRIU neither",
                        described(process.stat));
    else if (file.target == "anon_inode:[io_uring]") {
        refusal.sentence =
            fmt::format("{} has an io_uring instance mapped, which CRIU cannot dump", described(process.stat));
        refusal.hint = io_uring_hint(process);
    }
    return refusal.sentence.empty() ? std::nullopt : std::optional(std::move(refusal));
}

// At the restore CRIU first reserves room for all private mappings at once, beside its own program (criu/mem.c,
// prepare_mappings: "Unable to reserve memory"). On x86-64 that program lies at two thirds of the 2^47 bytes, or up to
// 2^40 above (arch/x86/include/asm/elf.h, ELF_ET_DYN_BASE), and what is below it is the largest room.
std::optional<Refusal> refuse_reservations(const Holdings& one) {
#ifdef __x86_64__
    constexpr std::uint64_t k_largest_room = (std::uint64_t{1} << 47) / 3 * 2 + (std::uint64_t{1} << 40);
    if (one.private_bytes <= k_largest_room)
        return std::nullopt;
    return Refusal{.pid = one.process.pid(),
                   .sentence = fmt::format("{} has reserved {} of addresses, and CRIU could not restore more than {}",
                                           described(one.process.stat), human_bytes(one.private_bytes),
                                           human_bytes(k_largest_room)),
                   .hint = "start a program without what reserves it; ThreadSanitizer and MemorySanitizer do so "
                           "(AddressSanitizer can be restored)"};
#else
    static_cast<void>(one);
    return std::nullopt;
#endif
}

// criu/proc_parse.c: "PID 42 has uprobes vma". The mapping stays when the probe has gone.
std::optional<Refusal> refuse_probed(const Holdings& one) {
    if (!one.probed)
        return std::nullopt;
    return Refusal{.pid = one.process.pid(),
                   .sentence = fmt::format("{} has been probed (uprobes: perf, bpftrace), and CRIU does not dump what "
                                           "the kernel has put into it for that",
                                           described(one.process.stat)),
                   .hint = "end the probes, and pass --criu-arg=--allow-uprobes: it is dumped without them",
                   .passed_with = "--allow-uprobes"};
}

} // namespace

std::vector<Refusal> refused_memory(const Procfs& procfs, const TreeHoldings& tree) {
    std::vector<Refusal> refusals;
    const auto add = [&](std::optional<Refusal> refusal) {
        if (refusal)
            refusals.push_back(std::move(*refusal));
    };
    for (const Holdings& one : tree) {
        add(refuse_program_in_memory(procfs, one.process));
        add(refuse_reservations(one));
        add(refuse_probed(one));
        for (const MappedFile& file : one.mapped) {
            add(refuse_sealed(procfs, one, file));
            add(refuse_unreadable(one.process, file));
        }
    }
    return refusals;
}

} // namespace cedana
