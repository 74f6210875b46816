// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/start.hpp"

#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/lazy/channel.hpp"
#include "cedana/lazy/handover.hpp"
#include "cedana/lazy/job.hpp"
#include "cedana/process/procfs.hpp"
#include "cedana/roles/role.hpp"
#include "cedana/undo/clean.hpp"
#include "cedana/undo/end_trees.hpp"

#include <array>
#include <cerrno>
#include <exception>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cedana {

namespace {

// Reads to the end; empty if the keeper was killed. If the keeper has not read all that was sent to it, ECONNRESET
// follows what it has said (unix(7)), which is no reason to forget that.
std::string all_that_is_said(const UniqueFd& channel) {
    std::string text;
    std::array<char, 4096> part{};
    while (true) {
        const ssize_t count = ::read(channel.get(), part.data(), part.size());
        if (count > 0)
            text.append(part.data(), static_cast<std::size_t>(count));
        else if (count == 0 || errno != EINTR)
            return text;
    }
}

void wait_for_word(const UniqueFd& channel, const Interrupt& interrupt) {
    std::array<pollfd, 2> set = {{{.fd = channel.get(), .events = POLLIN, .revents = 0},
                                  {.fd = interrupt.fd(), .events = POLLIN, .revents = 0}}};
    while (set[0].revents == 0) {
        ::poll(set.data(), set.size(), -1);
        interrupt.throw_if_pending();
    }
}

// They wait more than they work. What each has asked for comes before a page that somebody waits for.
constexpr unsigned k_waiting_threads = 2;

// A pipe with the data key in it, which its buffer holds; nothing if the checkpoint is not encrypted.
UniqueFd pipe_with_key(const Checkpoint& checkpoint) {
    if (!checkpoint.is_encrypted())
        return {};
    Pipe pipe = make_pipe();
    write_all(pipe.write_end.get(), checkpoint.seal()->data_key().bytes(), "a pipe");
    return std::move(pipe.read_end);
}

} // namespace

LazyStart::LazyStart(const Checkpoint& checkpoint, const Config& config, const std::filesystem::path& work,
                     const std::filesystem::path& supply, const std::string& container) {
    const Manifest& manifest = checkpoint.manifest();
    if (container.empty())
        reaper_.emplace();
    const LazyJob job{.checkpoint = checkpoint.zip().path().string(),
                      .manifest_digest = checkpoint.manifest_digest(),
                      .pid = container.empty() ? manifest.tree.front().pid : 0,
                      .name = manifest.name,
                      .container = container,
                      .threads = supply.empty() ? static_cast<unsigned>(config.archive_threads) : k_waiting_threads,
                      .supply = supply.string()};
    const UniqueFd listener = listen_unix(work / criu::k_lazy_socket);
    auto [ours, theirs] = make_socket_pair(SOCK_STREAM);
    channel_ = std::move(ours);
    const UniqueFd key = pipe_with_key(checkpoint);
    SpawnRequest request{.argv = {}, .session = Session::own};
    const LazyKeeperPlan plan{.job = job,
                              .listener = roles::pass(request, listener),
                              .command = roles::pass(request, theirs),
                              .key = roles::pass(request, key)};
    ChildProcess keeper = roles::start_role(k_keeper_role, plan, std::move(request));
    keeper_ = keeper.pid();
    keeper.detach();
}

LazyStart::~LazyStart() {
    if (is_committed_)
        return;
    try {
        end();
        // What the keeper has left.
        clean({});
    } catch (const std::exception&) {
        // They end by themselves when CRIU is gone.
    }
}

void LazyStart::end() const {
    // The keeper's server becomes a child of this process when the keeper ends.
    if (reaper_)
        return reaper_->kill_all();
    // A child of this process, which has not reaped it: the pid is its own.
    if (auto pidfd = open_pidfd(keeper_))
        end_tree(keeper_, std::move(*pidfd));
    kill_child(keeper_);
}

void LazyStart::tell_root(pid_t root) const {
    auto handle = open_pidfd(root);
    const auto status = Procfs().status(root);
    if (!handle || !status || status->namespace_pids.empty())
        throw Error(Fault::restore_failed, "the root of the container has ended before it was restored");
    const std::vector<pid_t>& numbers = status->namespace_pids;
    if (numbers.size() > 1 && numbers.back() != 1)
        throw Error(Fault::restore_failed, "it lives in the pid namespace of another container, and --lazy could not "
                                           "end all of it if its memory cannot be completed")
            .hint("restore it without --lazy");
    pass_root(channel_.get(),
              LazyRoot{.pid = root,
                       .numbers = numbers.size() > 1 ? TaskNumbers::of_the_tree : TaskNumbers::of_this_host,
                       .handle = std::move(*handle)});
}

void LazyStart::await_hold(pid_t root, const Interrupt& interrupt) const {
    try {
        wait_for_word(channel_, interrupt);
        static_assert(k_tree_is_held.size() == 1);
        char word = 0;
        if (::read(channel_.get(), &word, 1) == 1 && word == k_tree_is_held.front())
            return;
        auto error = parse_error(word + all_that_is_said(channel_));
        if (error && error->fault() != Fault::interrupted)
            throw std::move(*error);
        throw Error(Fault::restore_failed, "the process that looks after the memory of the tree was killed before the "
                                           "tree ran; nothing of it runs");
    } catch (...) {
        // Before the keeper, which may hold its userfaultfds.
        if (auto pidfd = open_pidfd(root)) {
            std::map<pid_t, UniqueFd> tree;
            tree.emplace(root, std::move(*pidfd));
            end_trees(tree);
        }
        throw;
    }
}

void LazyStart::commit() noexcept {
    is_committed_ = true;
    reaper_.reset();
    // A keeper that is gone has said why.
    [[maybe_unused]] const ssize_t said = ::send(channel_.get(), "!", 1, MSG_NOSIGNAL);
}

std::optional<Error> LazyStart::failure() const { return parse_error(all_that_is_said(channel_)); }

std::optional<Error> LazyStart::failure_so_far() const {
    pollfd entry{.fd = channel_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, 0) > 0 ? failure() : std::nullopt;
}

void LazyStart::wait(const Interrupt& interrupt) const {
    wait_for_word(channel_, interrupt);
    const std::string text = all_that_is_said(channel_);
    if (auto error = parse_error(text))
        throw std::move(*error);
    if (text != k_all_is_there)
        throw Error(Fault::restore_failed,
                    "the process that looks after the memory of the tree was killed; the one that "
                    "brings it goes on alone")
            .hint("cedana client list --lazy says what is still on its way");
}

} // namespace cedana
