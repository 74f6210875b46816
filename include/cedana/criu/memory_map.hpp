// SPDX-License-Identifier: Apache-2.0
// What a task's memory consisted of and where its threads stood, from CRIU's mm-PID.img, core-TID.img and files.img
// (images/mm.proto, vma.proto, core.proto and fdinfo.proto).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cedana::criu {

enum class MappingKind { anonymous, shared, file, heap, stack, vdso, vvar, vsyscall, memfd, other };

// "anonymous", "vdso"
[[nodiscard]] std::string_view name_of(MappingKind kind);

struct Mapping {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    // PROT_READ, PROT_WRITE and PROT_EXEC of mmap(2).
    unsigned protection = 0;
    bool is_shared = false;
    // MAP_NORESERVE: it counts for nothing until it is touched.
    bool is_not_reserved = false;
    // MAP_LOCKED.
    bool is_locked = false;
    // MAP_HUGETLB.
    bool is_huge = false;
    // Of a huge page, in bytes; 0: the usual size of the host.
    std::uint64_t huge_page = 0;
    MappingKind kind = MappingKind::other;
    // In the file.
    std::uint64_t offset = 0;
    // Of a file or memfd its number in files.img; of shared memory the N of pagemap-shmem-N.img.
    std::optional<std::uint64_t> object = {};

    bool operator==(const Mapping&) const = default;
};

struct ThreadState {
    std::string comm;
    // By the processor's names, in its order: "ax", "r15", "ip"; empty for a processor that is not known here.
    std::vector<std::pair<std::string, std::uint64_t>> registers = {};
    // Where it goes on, and its stack.
    std::optional<std::uint64_t> instruction = {};
    std::optional<std::uint64_t> stack = {};
};

// Each throws Error(Fault::checkpoint) for what is no such image.

// Of mm-PID.img, by address.
[[nodiscard]] std::vector<Mapping> parse_mappings(std::string_view image);
// Of core-TID.img.
[[nodiscard]] ThreadState parse_thread(std::string_view image);
// Of files.img: the paths of regular files by their number.
[[nodiscard]] std::map<std::uint64_t, std::string> parse_file_names(std::string_view image);

} // namespace cedana::criu
