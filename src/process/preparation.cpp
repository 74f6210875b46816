// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/preparation.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/process/signal.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

namespace cedana {

bool Preparation::ask(const ProcessTree& tree, const Interrupt& interrupt, Progress& progress) {
    if (!config_.client_signal_process_pre_dump)
        return false;
    PreDumpSignal request{.timeout = config_.client_signal_process_timeout};
    if (!config_.client_signal_process_done_file.empty())
        request.done_file = config_.client_signal_process_done_file;
    if (config_.files_capture != Capture::none)
        start_watch(tree);
    request.watch = watch_ ? &*watch_ : nullptr;
    request.waits = [&](std::chrono::seconds left) {
        progress.phase(
            fmt::format("waiting for process {} to prepare on SIGUSR1, {} s at most", tree.root().pid(), left.count()));
    };
    signal_before_dump(procfs_, tree.root().handle, request, interrupt);
    return true;
}

void Preparation::start_watch(const ProcessTree& tree) {
    record_.emplace();
    try {
        watch_.emplace(procfs_, tree, ::getpid());
    } catch (const Error& error) {
        record_->available = false;
        record_->gaps.push_back(error.message());
    }
}

WrittenFiles Preparation::written() const { return watch_ ? watch_->seen().written : WrittenFiles{}; }

WrittenFiles Preparation::finish() {
    if (!watch_)
        return {};
    WatchedFiles watched = watch_->finish();
    watch_.reset();
    std::ranges::move(watched.gaps, std::back_inserter(record_->gaps));
    return std::move(watched.written);
}

void warn_of_gaps(const std::optional<WatchRecord>& record, const std::string& program) {
    if (record && !record->complete())
        spdlog::warn("not all of the files that {} wrote when it was asked to prepare may be in the checkpoint: {}",
                     printable(program), printable(fmt::format("{}", fmt::join(record->gaps, "; "))));
}

} // namespace cedana
