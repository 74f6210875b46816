// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/memory_map.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "image_messages.hpp"

namespace cedana::criu {

namespace {

// criu/include/magic.h
constexpr std::uint32_t k_core_magic = 0x55053847;
constexpr std::uint32_t k_files_magic = 0x56303138;

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

// vma_entry: 1 start, 2 end, 3 pgoff, 4 shmid, 5 prot, 6 flags, 7 status.
Mapping parse_mapping(std::string_view message) {
    // mmap(2). Of the stack of the first thread CRIU keeps only that it grows.
    constexpr std::uint64_t k_map_shared = 1;
    constexpr std::uint64_t k_map_grows_down = 0x100;
    const MessageFields fields = fields_of(message);
    Mapping mapping{.start = fields.number_or(1, 0),
                    .end = fields.number_or(2, 0),
                    .protection = static_cast<unsigned>(fields.number_or(5, 0)),
                    .is_shared = (fields.number_or(6, 0) & k_map_shared) != 0,
                    .kind = kind_of(fields.number_or(7, 0)),
                    .offset = fields.number_or(3, 0)};
    if ((fields.number_or(6, 0) & k_map_grows_down) != 0)
        mapping.kind = MappingKind::stack;
    if (mapping.end <= mapping.start)
        throw damaged_image("a mapping ends before it begins");
    if (mapping.offset > std::numeric_limits<std::uint64_t>::max() - (mapping.end - mapping.start))
        throw damaged_image("a mapping reaches behind the end of every file");
    if (mapping.kind == MappingKind::file || mapping.kind == MappingKind::memfd || mapping.kind == MappingKind::shared)
        mapping.object = fields.number_or(4, 0);
    return mapping;
}

// user_x86_regs_entry has them as the fields 1 and up.
constexpr std::array<const char*, 27> k_x86 = {
    "r15", "r14",     "r13", "r12", "bp",    "bx", "r11", "r10",     "r9",      "r8", "ax", "cx", "dx", "si",
    "di",  "orig_ax", "ip",  "cs",  "flags", "sp", "ss",  "fs_base", "gs_base", "ds", "es", "fs", "gs"};

// thread_info_x86: 2 gpregs.
void take_x86(ThreadState& thread, std::string_view info) {
    const MessageFields registers = fields_of(fields_of(info).bytes_of(2));
    for (std::uint32_t i = 0; i < k_x86.size(); ++i)
        thread.registers.emplace_back(k_x86[i], registers.number_or(i + 1, 0));
    thread.instruction = registers.number_or(17, 0);
    thread.stack = registers.number_or(20, 0);
}

// thread_info_aarch64: 3 gpregs; of these 1 x0 and up, 2 sp, 3 pc, 4 pstate.
void take_aarch64(ThreadState& thread, std::string_view info) {
    const std::string_view message = fields_of(info).bytes_of(3);
    WireReader reader(message);
    while (const auto field = reader.next())
        if (field->number == 1 && field->value)
            thread.registers.emplace_back(fmt::format("x{}", thread.registers.size()), *field->value);
    const MessageFields registers = fields_of(message);
    thread.stack = registers.number_or(2, 0);
    thread.instruction = registers.number_or(3, 0);
    thread.registers.emplace_back("sp", *thread.stack);
    thread.registers.emplace_back("pc", *thread.instruction);
    thread.registers.emplace_back("pstate", registers.number_or(4, 0));
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
        for (const std::string_view message : mappings_in(image))
            mappings.push_back(parse_mapping(message));
        std::ranges::sort(mappings, {}, &Mapping::start);
        return mappings;
    });
}

// core_entry: 1 mtype, 2 thread_info (x86), 3 tc, 5 thread_core, 8 ti_aarch64. Each thread has its own.
ThreadState parse_thread(std::string_view image) {
    return parse_image([&] {
        const MessageFields core = fields_of(ImageMessages(image, k_core_magic).next());
        ThreadState thread;
        // Only a process's first thread has task_core_entry, and older releases kept no name of the others.
        const std::string_view own = fields_of(core.bytes_of(5)).bytes_of(13);
        thread.comm = own.empty() ? fields_of(core.bytes_of(3)).bytes_of(6) : own;
        if (core.bytes.contains(2))
            take_x86(thread, core.bytes_of(2));
        else if (core.bytes.contains(8))
            take_aarch64(thread, core.bytes_of(8));
        return thread;
    });
}

// file_entry: 2 id, 3 reg; reg_file_entry: 6 name.
std::map<std::uint64_t, std::string> parse_file_names(std::string_view image) {
    return parse_image([&] {
        std::map<std::uint64_t, std::string> names;
        ImageMessages messages(image, k_files_magic);
        while (!messages.at_end()) {
            const MessageFields file = fields_of(messages.next());
            if (const std::string_view name = fields_of(file.bytes_of(3)).bytes_of(6); !name.empty())
                names.emplace(file.number_or(2, 0), name);
        }
        return names;
    });
}

} // namespace cedana::criu
