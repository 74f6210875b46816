// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/container_rights.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/small_images.hpp"
#include "cedana/containers/entry_names.hpp"
#include "cedana/containers/podman.hpp"
#include "cedana/containers/specification_limits.hpp"
#include "cedana/criu/task_rights.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana {

namespace {

constexpr std::string_view k_image_end = ".img";

// The N of core-N.img; absent for another image.
std::optional<std::int64_t> task_in(std::string_view image, std::string_view kind) {
    std::int64_t task = 0;
    if (!image.starts_with(kind) || !image.ends_with(k_image_end))
        return std::nullopt;
    image.remove_prefix(kind.size());
    image.remove_suffix(k_image_end.size());
    return parse_number(image, task) ? std::optional(task) : std::nullopt;
}

Error refusal_of(std::int64_t task, const std::string& comm, const std::vector<std::string>& ways) {
    return Error(Fault::checkpoint,
                 fmt::format("the checkpoint is refused: task {}{} {}, which the container's specification does not "
                             "allow, and nobody who is trusted has signed it",
                             task, comm.empty() ? "" : fmt::format(" ({})", printable(comm)), fmt::join(ways, ", ")))
        .hint("sign checkpoints (security.signing_key) and trust the key (security.trusted_keys)");
}

std::string specification_in(const Checkpoint& checkpoint) {
    for (const std::string& name :
         {containers::k_podman_folder + std::string("spec.dump"), std::string(containers::k_specification_entry)})
        if (auto text = checkpoint.text(name))
            return *text;
    throw Error(Fault::checkpoint, "the checkpoint is refused: it has no specification of its container, and nobody "
                                   "who is trusted has signed it");
}

} // namespace

Errors check_container_rights(const RestoreDraft& draft) {
    Errors refused;
    const Checkpoint& checkpoint = *draft.checkpoint;
    if (checkpoint.signature().by == SignedBy::trusted)
        return refused;
    const containers::SpecificationLimits limits = containers::parse_limits(specification_in(checkpoint));
    SmallImages images(checkpoint);
    const criu::NamespaceNumbers host = criu::parse_host_namespaces(images.read("inventory.img").value_or(""));
    for (const ImageRecord& image : checkpoint.index().images) {
        if (const auto task = task_in(image.name, "core-")) {
            const criu::TaskRights rights = criu::parse_task_rights(images.read(image.name).value_or(""));
            if (const auto ways = containers::beyond(limits, rights); !ways.empty())
                refused.push_back(refusal_of(*task, rights.comm, ways));
        }
        if (const auto task = task_in(image.name, "ids-"))
            if (const auto ways = containers::beyond(limits, criu::parse_namespaces(*images.read(image.name)), host);
                !ways.empty())
                refused.push_back(refusal_of(*task, "", ways));
    }
    if (const auto unusual = containers::unusual_rights(limits); refused.empty() && !unusual.empty())
        spdlog::warn("the container has {}, and nobody who is trusted has signed the checkpoint",
                     fmt::join(unusual, ", "));
    return refused;
}

} // namespace cedana
