// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/channel.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/lazy/job.hpp"
#include "cedana/undo/end_trees.hpp"

#include <array>
#include <cerrno>
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

void LazyWitness::opened(int fault, pid_t pid) {
    if (auto pidfd = pid != 0 ? open_pidfd(pid) : std::nullopt)
        tree_.insert_or_assign(pid, std::move(*pidfd));
    send(channel_.get(), Json({{"opened", fault}, {"pid", pid}}).dump(), fault);
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
