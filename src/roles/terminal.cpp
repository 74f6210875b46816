// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/terminal.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/criu/command.hpp"
#include "cedana/criu/environment.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

using Json = nlohmann::json;

// Gives descriptors their numbers in the keeper, above those that CRIU inherits (command.hpp).
class Numbers {
  public:
    explicit Numbers(SpawnRequest& request) : request_(request) {
        for (const auto& [fd, number] : request.fds)
            next_ = std::max(next_, number + 1);
    }
    int give(const UniqueFd& fd) {
        request_.fds.emplace_back(fd.get(), next_);
        return next_++;
    }

  private:
    SpawnRequest& request_;
    int next_ = STDERR_FILENO + 1;
};

UniqueFd open_master() {
    UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    if (!master || ::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0) {
        const int err = errno;
        throw os_error(err, "cannot make a pseudo-terminal", Fault::environment);
    }
    return master;
}

// The kernel gives the lowest number that is free.
UniqueFd open_master_beside(const std::vector<unsigned>& reserved) {
    std::vector<UniqueFd> unusable;
    while (true) {
        UniqueFd master = open_master();
        unsigned number = 0;
        ::ioctl(master.get(), TIOCGPTN, &number);
        if (std::ranges::count(reserved, number) == 0)
            return master;
        unusable.push_back(std::move(master));
    }
}

void add_copies(KeeperPlan& plan, Numbers& numbers, const std::vector<Copy>& copies) {
    for (const Copy& copy : copies) {
        const int from = numbers.give(copy.from);
        auto& of_its_flow = copy.flow == Flow::out_of_tree ? plan.copies : plan.feeds;
        of_its_flow.emplace_back(from, numbers.give(copy.to));
    }
}

ChildProcess start_keeper(SpawnRequest request, const KeeperPlan& plan) {
    request.argv.insert(request.argv.begin(), "/proc/self/exe");
    request.env->push_back(fmt::format("{}={}", k_keeper, write_plan(plan)));
    request.session = Session::own;
    return ChildProcess::spawn(std::move(request));
}

} // namespace

UniqueFd start_copier(std::vector<Copy> copies) {
    if (copies.empty())
        return {};
    auto [ours, asked] = make_socket_pair(SOCK_STREAM);
    SpawnRequest request{.argv = {}, .cwd = "/", .env = clean_environment()};
    KeeperPlan plan;
    Numbers numbers(request);
    plan.asked = numbers.give(asked);
    add_copies(plan, numbers, copies);
    start_keeper(std::move(request), plan).detach();
    return std::move(ours);
}

KeptCriu start_on_new_terminal(SpawnRequest criu, UniqueFd output, std::vector<Copy> copies,
                               const std::filesystem::path& root_file, const std::vector<unsigned>& reserved) {
    const UniqueFd master = open_master_beside(reserved);
    Pipe told = make_pipe();
    KeeperPlan plan{.root_file = root_file.string()};
    if (std::ranges::any_of(criu.fds, [](const auto& one) { return one.second == k_held; }))
        plan.held = k_held;
    Numbers numbers(criu);
    plan.master = numbers.give(master);
    plan.output = numbers.give(output);
    plan.told = numbers.give(told.write_end);
    add_copies(plan, numbers, copies);
    return {.keeper = start_keeper(std::move(criu), plan), .told = std::move(told.read_end)};
}

std::string write_plan(const KeeperPlan& plan) {
    return Json{{"copies", plan.copies}, {"feeds", plan.feeds}, {"asked", plan.asked}, {"master", plan.master},
                {"output", plan.output}, {"told", plan.told},   {"held", plan.held},   {"root_file", plan.root_file}}
        .dump();
}

KeeperPlan read_plan(std::string_view text) {
    try {
        const Json json = Json::parse(text);
        return {.copies = json.at("copies").get<std::vector<std::pair<int, int>>>(),
                .feeds = json.at("feeds").get<std::vector<std::pair<int, int>>>(),
                .asked = json.at("asked").get<int>(),
                .master = json.at("master").get<int>(),
                .output = json.at("output").get<int>(),
                .told = json.at("told").get<int>(),
                .held = json.at("held").get<int>(),
                .root_file = json.at("root_file").get<std::string>()};
    } catch (const Json::exception& error) {
        throw Error(Fault::internal, fmt::format("the plan of a keeper cannot be read: {}", error.what()));
    }
}

} // namespace cedana::criu
