// SPDX-License-Identifier: Apache-2.0
#include "supervisor_space.hpp"

#include "cedana/base/error.hpp"
#include "cedana/process/procfs.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

#include <poll.h>
#include <unistd.h>

namespace cedana::job {

namespace fs = std::filesystem;

namespace {

// The tree has written something that nobody has taken, or has still a way to write.
bool has_more_to_say(const Space& space) {
    for (const UniqueFd* end : {&space.output(), &space.error_output(), &space.terminal()}) {
        pollfd entry{.fd = end->get(), .events = POLLIN, .revents = 0};
        if (*end && ::poll(&entry, 1, 0) >= 0 && ((entry.revents & POLLIN) != 0 || (entry.revents & POLLHUP) == 0))
            return true;
    }
    return false;
}

} // namespace

pid_t TendedSpace::outside(pid_t number) const {
    const Procfs procfs;
    if (space_->pids() == SpacePids::of_host)
        return procfs.stat(number) ? number : 0;
    for (const pid_t pid : space_->members())
        if (const auto status = procfs.status(pid);
            status && status->namespace_pids.size() > 1 && status->namespace_pids.back() == number)
            return pid;
    return 0;
}

std::size_t TendedSpace::left_behind() const {
    if (!space_ || is_gone_)
        return 0;
    const Procfs procfs;
    return static_cast<std::size_t>(std::ranges::count_if(space_->members(), [&](pid_t pid) {
        const auto stat = procfs.stat(pid);
        return pid != space_->init() && stat && !stat->is_zombie();
    }));
}

void TendedSpace::make(SpaceRequest request) {
    request.place = place_;
    take(Space::make(request));
}

void TendedSpace::take(Space space) {
    space_ = std::move(space);
    word_ = {};
    is_gone_ = false;
    copy_output();
    if (space_->terminal())
        terminal_.join(space_->terminal());
    taken_(space_->init());
    loop_.watch(space_->words(), POLLIN, [this](short) {
        if (!space_->read(word_))
            loop_.unwatch(space_->words());
    });
    loop_.watch(space_->pidfd().get(), POLLIN, [this](short) {
        is_gone_ = true;
        loop_.unwatch(space_->pidfd().get());
    });
}

// Who copies ends by itself when nobody is left who could write.
void TendedSpace::copy_output() {
    output_.emplace(*space_, output_target_);
    loop_.watch(output_->end(), POLLIN, [this](short) {
        loop_.unwatch(output_->end());
        if (has_more_to_say(*space_))
            copy_output();
    });
}

bool TendedSpace::find() {
    auto space = Space::find(place_);
    if (!space)
        return false;
    take(std::move(*space));
    while (!is_gone_ && word_.root == 0 && space_->read(word_) && word_.root == 0 && word_.failed.empty()) {}
    if (word_.root != 0 && !is_gone_)
        return true;
    leave();
    return false;
}

void TendedSpace::leave() {
    if (!space_)
        return;
    loop_.unwatch(space_->words());
    loop_.unwatch(space_->pidfd().get());
    loop_.unwatch(output_->end());
    output_->finish();
    terminal_.leave();
    space_->end();
    output_.reset();
    space_.reset();
}

void TendedSpace::end() {
    if (space_)
        space_->end();
}

void TendedSpace::run_task(const std::vector<std::string>& words, Space::Ends ends, const std::string& more) {
    std::vector<std::string> env = env_;
    if (!more.empty())
        env.push_back(more);
    was_task_begun_ = false;
    try {
        task_.emplace(*space_, words, std::move(env), ends);
    } catch (const Error&) {
        if (!space_->is_ending())
            throw;
        // It ended its tree while this process hung in a file server: no failure of the command's.
        is_gone_ = true;
        task_code_ = static_cast<int>(Fault::process_lost);
        task_result_ = nullptr;
        return;
    }
    loop_.watch(task_->messages(), POLLIN, [this](short) { read_messages(); });
    loop_.watch(task_->output(), POLLIN, [this](short) {
        if (!task_->read())
            end_task();
    });
}

void TendedSpace::read_messages() {
    const auto lines = task_->read_messages();
    if (!lines)
        return loop_.unwatch(task_->messages());
    for (const std::string& line : *lines) {
        auto said = nlohmann::ordered_json::parse(line, nullptr, false);
        was_task_begun_ |= said.is_object() && said.value("phase", "") == "restoring";
        hear(said.is_object() && said.contains("phase") ? said : nlohmann::ordered_json{{"message", line}});
    }
}

// A line that moves is not for a terminal on which the program writes.
void TendedSpace::hear(const nlohmann::ordered_json& said) const {
    if (terminal_.is_joined() && said.contains("phase") && ::isatty(STDERR_FILENO) == 1)
        return;
    terminal_.print([&] { hear_(said); });
}

void TendedSpace::end_task() {
    loop_.unwatch(task_->output());
    task_code_ = task_->finish();
    // What it has said just before its end.
    pollfd entry{.fd = task_->messages(), .events = POLLIN, .revents = 0};
    while (::poll(&entry, 1, 0) == 1 && (entry.revents & POLLIN) != 0)
        read_messages();
    loop_.unwatch(task_->messages());
    task_result_ = task_->result();
    task_.reset();
    hear(nullptr);
}

std::string TendedSpace::task_message(const std::string& otherwise) const {
    if (!task_result_.is_object())
        return otherwise;
    const auto cause = task_result_.find("cause");
    std::string message = task_result_.value("message", otherwise);
    const std::string why = cause != task_result_.end() && cause->is_string() ? cause->get<std::string>() : "";
    return why.empty() ? message : fmt::format("{} ({})", message, why);
}

void TendedSpace::drop_task() {
    if (!task_)
        return;
    loop_.unwatch(task_->output());
    loop_.unwatch(task_->messages());
    task_.reset();
    hear(nullptr);
}

} // namespace cedana::job
