// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/lazy_channel.hpp"

#include "cedana/action/end_trees.hpp"
#include "cedana/action/lazy_job.hpp"
#include "cedana/base/child_process.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <sys/socket.h>

namespace cedana {

namespace {

using Json = nlohmann::json;

// Room for one descriptor beside a message.
struct Control {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

void send(int channel, std::string text, int passed) {
    iovec part{.iov_base = text.data(), .iov_len = text.size()};
    Control control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (passed >= 0) {
        message.msg_control = control.bytes.data();
        message.msg_controllen = control.bytes.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
    }
    while (::sendmsg(channel, &message, MSG_NOSIGNAL) < 0) {
        const int err = errno;
        if (err == EINTR)
            continue;
        spdlog::warn("the other side of a lazy restore does not hear: {}", errno_text(err));
        return;
    }
}

UniqueFd descriptor_in(msghdr& message) {
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    int fd = -1;
    if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return UniqueFd(fd);
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

std::pair<UniqueFd, UniqueFd> make_lazy_channel() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        const int err = errno;
        throw os_error(err, "cannot make a pair of sockets");
    }
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

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
    iovec part{.iov_base = text.data(), .iov_len = text.size()};
    Control control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    ssize_t count = 0;
    do
        count = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    if (count < 0) {
        const int err = errno;
        throw os_error(err, "cannot hear the server of a lazy restore");
    }
    if (count == 0)
        return std::nullopt;
    return news_of({text.data(), static_cast<std::size_t>(count)}, descriptor_in(message));
}

} // namespace cedana
