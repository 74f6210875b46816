// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/lazy_request.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/text.hpp"
#include "cedana/lazy/userfault.hpp"

#include <spdlog/fmt/fmt.h>

namespace cedana {

void refuse_lazy_requests(const RestoreRequest& request) {
    if (!request.lazy)
        return;
    if (request.new_pid_namespace)
        throw Error(Fault::usage,
                    "--lazy and --new-pidns do not go together: a lazy restore ends the tree by its pids if "
                    "its memory cannot be completed")
            .hint("leave one of them out");
    criu::require_userfault();
}

void require_room(const LazyMemory& memory, std::uint64_t available) {
    const std::uint64_t needed = memory.lazy_bytes + memory.eager_bytes;
    if (available == 0 || needed <= available)
        return;
    throw Error(Fault::storage, fmt::format("the tree has {} of memory, and {} are available here", human_bytes(needed),
                                            human_bytes(available)))
        .hint("end something else, or add memory: a lazy restore would run out of it while the tree runs");
}

std::optional<LazyMemory> prepare_lazy(const RestoreRequest& request, const Checkpoint& checkpoint) {
    if (!request.lazy)
        return std::nullopt;
    LazyMemory memory = read_lazy_memory(checkpoint);
    require_room(memory, available_memory());
    return memory;
}

} // namespace cedana
