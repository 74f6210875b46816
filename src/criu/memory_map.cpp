// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/memory_map.hpp"

#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana::criu {

namespace {

// The status of a mapping (criu/include/image.h). One has several of these: the first that fits tells what it is.
constexpr std::array k_kinds = {
    std::pair{1U << 2, MappingKind::vsyscall}, std::pair{1U << 3, MappingKind::vdso},
    std::pair{1U << 12, MappingKind::vvar},    std::pair{1U << 14, MappingKind::memfd},
    std::pair{1U << 5, MappingKind::heap},     std::pair{1U << 1, MappingKind::stack},
    std::pair{1U << 6, MappingKind::file},     std::pair{1U << 7, MappingKind::file},
    std::pair{1U << 8, MappingKind::shared},   std::pair{1U << 9, MappingKind::anonymous},
};

MappingKind kind_of(std::uint64_t status) {
    const auto found = std::ranges::find_if(k_kinds, [&](const auto& one) { return (status & one.first) != 0; });
    return found == k_kinds.end() ? MappingKind::other : found->second;
}

// As in mmap(2). Of the stack of the first thread CRIU keeps only that it grows.
void take_flags(Mapping& mapping, std::uint64_t flags) {
    constexpr std::uint64_t k_map_shared = 1;
    constexpr std::uint64_t k_map_grows_down = 0x100;
    constexpr std::uint64_t k_map_locked = 0x2000;
    constexpr std::uint64_t k_map_no_reserve = 0x4000;
    constexpr std::uint64_t k_map_huge = 0x40000;
    constexpr unsigned k_map_huge_shift = 26;
    constexpr std::uint64_t k_map_huge_mask = 0x3f;
    mapping.is_shared = (flags & k_map_shared) != 0;
    mapping.is_not_reserved = (flags & k_map_no_reserve) != 0;
    mapping.is_locked = (flags & k_map_locked) != 0;
    mapping.is_huge = (flags & k_map_huge) != 0;
    if (const std::uint64_t size = flags >> k_map_huge_shift & k_map_huge_mask; mapping.is_huge && size != 0)
        mapping.huge_page = std::uint64_t{1} << size;
    if ((flags & k_map_grows_down) != 0)
        mapping.kind = MappingKind::stack;
}

Mapping parse_mapping(std::string_view message) {
    Mapping mapping;
    std::uint64_t object = 0;
    std::uint64_t flags = 0;
    for (auto entry = fields_of<VmaEntry>(message); entry.next();) {
        switch (entry.tag()) {
        case VmaEntry::start:
            mapping.start = number_of(entry);
            break;
        case VmaEntry::end:
            mapping.end = number_of(entry);
            break;
        case VmaEntry::pgoff:
            mapping.offset = number_of(entry);
            break;
        case VmaEntry::shmid:
            object = number_of(entry);
            break;
        case VmaEntry::prot:
            mapping.protection = static_cast<unsigned>(number_of(entry));
            break;
        case VmaEntry::flags:
            flags = number_of(entry);
            break;
        case VmaEntry::status:
            mapping.kind = kind_of(number_of(entry));
            break;
        default:
            entry.skip();
        }
    }
    take_flags(mapping, flags);
    if (mapping.end <= mapping.start)
        throw damaged_image("a mapping ends before it begins");
    if (mapping.offset > std::numeric_limits<std::uint64_t>::max() - (mapping.end - mapping.start))
        throw damaged_image("a mapping reaches behind the end of every file");
    if (mapping.kind == MappingKind::file || mapping.kind == MappingKind::memfd || mapping.kind == MappingKind::shared)
        mapping.object = object;
    return mapping;
}

// In the order of the fields, from r15 on.
constexpr std::array<const char*, 27> k_x86 = {
    "r15", "r14",     "r13", "r12", "bp",    "bx", "r11", "r10",     "r9",      "r8", "ax", "cx", "dx", "si",
    "di",  "orig_ax", "ip",  "cs",  "flags", "sp", "ss",  "fs_base", "gs_base", "ds", "es", "fs", "gs"};

void take_x86(ThreadState& thread, std::string_view info) {
    std::array<std::uint64_t, k_x86.size()> values{};
    static_assert(static_cast<std::size_t>(UserX86RegsEntry::gs) == k_x86.size());
    const auto value_of = [&](UserX86RegsEntry one) -> std::uint64_t& {
        return values.at(static_cast<std::size_t>(one) - 1);
    };
    for (auto all = fields_of<UserX86RegsEntry>(bytes_in(fields_of<ThreadInfoX86>(info), ThreadInfoX86::gpregs));
         all.next();) {
        if (all.tag() <= UserX86RegsEntry::gs)
            value_of(all.tag()) = number_of(all);
        else
            all.skip();
    }
    for (std::size_t i = 0; i < k_x86.size(); ++i)
        thread.registers.emplace_back(k_x86.at(i), values.at(i));
    thread.instruction = value_of(UserX86RegsEntry::ip);
    thread.stack = value_of(UserX86RegsEntry::sp);
}

void take_aarch64(ThreadState& thread, std::string_view info) {
    using Register = UserAarch64RegsEntry;
    const auto all = fields_of<Register>(bytes_in(fields_of<ThreadInfoAarch64>(info), ThreadInfoAarch64::gpregs));
    for (auto one = all; one.next(Register::regs);)
        thread.registers.emplace_back(fmt::format("x{}", thread.registers.size()), number_of(one));
    thread.stack = number_in(all, Register::sp, 0);
    thread.instruction = number_in(all, Register::pc, 0);
    thread.registers.emplace_back("sp", *thread.stack);
    thread.registers.emplace_back("pc", *thread.instruction);
    thread.registers.emplace_back("pstate", number_in(all, Register::pstate, 0));
}

} // namespace

std::string_view name_of(MappingKind kind) {
    switch (kind) {
    case MappingKind::anonymous:
        return "anonymous";
    case MappingKind::shared:
        return "shared";
    case MappingKind::file:
        return "file";
    case MappingKind::heap:
        return "heap";
    case MappingKind::stack:
        return "stack";
    case MappingKind::vdso:
        return "vdso";
    case MappingKind::vvar:
        return "vvar";
    case MappingKind::vsyscall:
        return "vsyscall";
    case MappingKind::memfd:
        return "memfd";
    case MappingKind::other:
        break;
    }
    return "other";
}

std::vector<Mapping> parse_mappings(std::string_view image) {
    return parse_image([&] {
        std::vector<Mapping> mappings;
        for (auto mm = fields_of<MmEntry>(ImageReader(image, ImageKind::mm).next()); mm.next(MmEntry::vmas);)
            mappings.push_back(parse_mapping(bytes_of(mm)));
        std::ranges::sort(mappings, {}, &Mapping::start);
        return mappings;
    });
}

// Each thread has an image of its own.
ThreadState parse_thread(std::string_view image) {
    return parse_image([&] {
        const auto core = fields_of<CoreEntry>(ImageReader(image, ImageKind::core).next());
        ThreadState thread;
        // Only a process's first thread has task_core_entry, and older releases kept no name of the others.
        const std::string_view own =
            bytes_in(fields_of<ThreadCoreEntry>(bytes_in(core, CoreEntry::thread_core)), ThreadCoreEntry::comm);
        thread.comm =
            own.empty() ? bytes_in(fields_of<TaskCoreEntry>(bytes_in(core, CoreEntry::tc)), TaskCoreEntry::comm) : own;
        if (const std::string_view x86 = bytes_in(core, CoreEntry::thread_info); !x86.empty())
            take_x86(thread, x86);
        else if (const std::string_view aarch64 = bytes_in(core, CoreEntry::ti_aarch64); !aarch64.empty())
            take_aarch64(thread, aarch64);
        return thread;
    });
}

std::map<std::uint64_t, std::string> parse_file_names(std::string_view image) {
    return parse_image([&] {
        std::map<std::uint64_t, std::string> names;
        for (ImageReader messages(image, ImageKind::files); !messages.at_end();) {
            const auto file = fields_of<FileEntry>(messages.next());
            const auto regular = fields_of<RegFileEntry>(bytes_in(file, FileEntry::reg));
            if (const std::string_view name = bytes_in(regular, RegFileEntry::name); !name.empty())
                names.emplace(number_in(file, FileEntry::id, 0), name);
        }
        return names;
    });
}

} // namespace cedana::criu
