// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/dump_plan.hpp"

#include "cedana/action/dump_steps.hpp"
#include "cedana/action/dump_target.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/users.hpp"
#include "cedana/facts/external_ends.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

std::vector<PlannedFile> plan_files(const Procfs& procfs, const SeenTree& seen, const Config& config) {
    if (config.files_capture == Capture::none)
        return {};
    std::vector<PlannedFile> files;
    std::vector<FileId> ids;
    for (const WrittenFile& file : seen.written.files) {
        files.push_back({.path = file.path,
                         .size = static_cast<std::uint64_t>(file.info.st_size),
                         .copied = is_copied(file, config)});
        ids.push_back(file_id(file.info));
    }
    for (const OutsideWriter& writer : outside_writers(procfs, ids, seen.pids(), ::getpid())) {
        const auto place = static_cast<std::size_t>(std::ranges::find(ids, writer.file) - ids.begin());
        files[place].other_writers.push_back(fmt::format("process {} ({})", writer.pid, printable(writer.comm)));
    }
    return files;
}

} // namespace

DumpPlan plan_dump(const DumpRequest& request, const Interrupt& interrupt) {
    require_root("look into processes");
    Progress silent;
    DumpDraft draft(request, interrupt, silent);
    DumpPlan plan;
    plan.refusals = rehearse(steps_before_dump(draft), interrupt);
    const SeenTree& seen = *draft.seen;
    plan.name = seen.name;
    plan.tree = describe(seen.tree);
    plan.resident_bytes = seen.tree.resident_bytes();
    plan.bytes_images = seen.facts.image_bytes;
    plan.folder = draft.folder;
    plan.leave_running = request.config.client_leave_running;
    plan.criu_version = draft.criu.version;
    plan.facts = seen.facts.record;
    plan.ends_outside = sentences_of(seen.tree, seen.facts.external_pipes);
    if (draft.unit && !plan.leave_running)
        std::ranges::move(stop_sentences(*draft.unit), std::back_inserter(plan.ends_outside));
    plan.options = explain(seen.options, seen.facts);
    plan.cannot_be_restored = draft.passed_over;
    plan.files = plan_files(draft.procfs, seen, request.config);
    return plan;
}

} // namespace cedana
