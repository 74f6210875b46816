// SPDX-License-Identifier: Apache-2.0
// Which pages of a process CRIU writes into the image of its private memory, in its order (criu/mem.c): what is read of
// a process before CRIU does.
#pragma once

#include "cedana/process/memory_areas.hpp"
#include "cedana/process/page_table.hpp"
#include "cedana/process/procfs.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana {

// The kernel gives it to every process, and CRIU takes its code.
inline constexpr std::string_view k_vdso = "[vdso]";
// CRIU leaves these out (generate_vma_iovs() and should_dump_entire_vma() of criu/mem.c).
[[nodiscard]] bool is_of_kernel_alone(const MemoryArea& area);
// It has set aside much more than it uses. All of that is looked through, by an entry a page where the kernel has no
// better way (PAGEMAP_SCAN, Linux 6.7): whoever can do without leaves such a process alone. `resident`: bytes.
[[nodiscard]] bool is_sparse(const std::vector<MemoryArea>& areas, std::uint64_t resident);
// What CRIU leaves out whatever is in it (MAP_DROPPABLE): where each begins. `areas`: from smaps.
[[nodiscard]] std::vector<std::uint64_t> left_out_by_criu(const std::vector<MemoryArea>& areas);

// Whether CRIU works in the process already: it writes code into the first page that can be executed, and what was
// there back, so that the page is the process's own from then on (find_executable_area() of compel/src/lib/infect.c).
enum class Seized { not_yet, already };

// `left_out`: as left_out_by_criu() had it. Absent once the memory is gone. Of a process that runs it may be another
// answer the next moment.
[[nodiscard]] std::optional<std::vector<PageRange>> dumped_pages(const Procfs& procfs, pid_t pid,
                                                                 const PageTable& table,
                                                                 const std::vector<std::uint64_t>& left_out,
                                                                 Seized seized);

} // namespace cedana
