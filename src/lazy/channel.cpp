// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/channel.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/lazy/job.hpp"
#include "cedana/undo/end_trees.hpp"

#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <poll.h>

namespace cedana {

namespace {

using Json = nlohmann::json;

void send(int channel, std::string_view text, int passed) {
    while (send_with_fd(channel, text, passed) < 0) {
        const int err = errno;
        if (err == EINTR)
            continue;
        spdlog::warn("the other side of a lazy restore does not hear: {}", errno_text(err));
        return;
    }
}

struct RootMessage {
    std::int32_t pid = 0;
    std::int32_t numbers = 0;
};

LazyNews news_of(std::string_view text, UniqueFd passed) {
    if (auto error = parse_error(text))
        return std::move(*error);
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_object() && json.contains("closing"))
        return WitnessedEnd{.number = json.at("closing").get<int>()};
    if (json.is_object() && json.contains("opened"))
        return WitnessedFault{
            .number = json.at("opened").get<int>(), .pid = json.value("pid", 0), .fault = std::move(passed)};
    if (json.is_object() && json.contains("goes_on"))
        return WitnessedTree{};
    throw Error(Fault::internal, "the server of a lazy restore says what nobody understands");
}

} // namespace

std::pair<UniqueFd, UniqueFd> make_lazy_channel() { return make_socket_pair(SOCK_SEQPACKET); }

void pass_root(int channel, const std::optional<LazyRoot>& root) {
    const RootMessage message{.pid = root ? root->pid : 0,
                              .numbers = static_cast<std::int32_t>(root ? root->numbers : TaskNumbers::of_the_tree)};
    const auto bytes = std::bit_cast<std::array<char, sizeof message>>(message);
    send(channel, {bytes.data(), bytes.size()}, root ? root->handle.get() : -1);
}

std::optional<LazyRoot> receive_root(int channel) {
    std::array<char, sizeof(RootMessage)> bytes{};
    UniqueFd handle;
    ssize_t count = 0;
    do
        count = receive_with_fd(channel, bytes, handle, 0);
    while (count < 0 && errno == EINTR);
    if (count != sizeof bytes || !handle)
        return std::nullopt;
    const auto message = std::bit_cast<RootMessage>(bytes);
    return LazyRoot{
        .pid = message.pid, .numbers = static_cast<TaskNumbers>(message.numbers), .handle = std::move(handle)};
}

pid_t LazyWitness::await_root() {
    auto root = receive_root(channel_.get());
    if (!root)
        throw Error(Fault::interrupted, "nobody comes to restore the container");
    numbers_ = root->numbers;
    tree_.insert_or_assign(root->pid, std::move(root->handle));
    return root->pid;
}

void LazyWitness::opened(int fault, pid_t pid) {
    const pid_t here = numbers_ == TaskNumbers::of_this_host ? pid : 0;
    if (auto pidfd = here != 0 ? open_pidfd(here) : std::nullopt)
        tree_.insert_or_assign(here, std::move(*pidfd));
    send(channel_.get(), Json({{"opened", fault}, {"pid", here}}).dump(), fault);
}

void LazyWitness::closing(int fault) { send(channel_.get(), Json({{"closing", fault}}).dump(), -1); }

void LazyWitness::tree_goes_on() { send(channel_.get(), Json({{"goes_on", true}}).dump(), -1); }

void LazyWitness::failed(const Error& error) { send(channel_.get(), to_text(error), -1); }

void LazyWitness::end_tree_if_alone() const {
    pollfd entry{.fd = channel_.get(), .events = 0, .revents = 0};
    if (::poll(&entry, 1, 0) > 0 && (entry.revents & POLLHUP) != 0)
        end_trees(tree_);
}

void pass_criu(int channel, int connection) { send(channel, "!", connection); }

std::optional<LazyNews> next_news(int channel) {
    std::array<char, 64UL * 1024> text;
    UniqueFd passed;
    ssize_t count = 0;
    do
        count = receive_with_fd(channel, text, passed, 0);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        throw OsFailure().error("cannot hear the server of a lazy restore");
    if (count == 0)
        return std::nullopt;
    return news_of({text.data(), static_cast<std::size_t>(count)}, std::move(passed));
}

} // namespace cedana
