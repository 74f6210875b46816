// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/copier.hpp"

#include "cedana/base/unix_socket.hpp"
#include "cedana/roles/plans.hpp"
#include "cedana/roles/relays.hpp"

#include <array>
#include <csignal>

#include <nlohmann/json.hpp>

#include <poll.h>
#include <unistd.h>

namespace cedana::roles {

namespace {

constexpr const char* k_copier = "copier";

// False once nobody can ask any more.
bool answer(const UniqueFd& asked, Traffic& traffic) {
    char question = 0;
    if (::read(asked.get(), &question, 1) != 1)
        return false;
    traffic.drain(k_drain_limit);
    [[maybe_unused]] const ssize_t count = ::write(asked.get(), &question, 1);
    return true;
}

int run_copier(const nlohmann::json& json) {
    const auto plan = json.get<CopierPlan>();
    Traffic traffic(plan.lasting ? plan.copies : std::vector<std::pair<int, int>>{}, plan.feeds);
    if (!plan.lasting)
        for (const auto& [from, to] : plan.copies)
            traffic.add(Relay(UniqueFd(from), UniqueFd(to), LineEnds::as_they_are, TargetEnd::drops));
    UniqueFd asked(plan.asked);
    while (!traffic.empty()) {
        std::array<pollfd, 1> others = {{{.fd = asked.get(), .events = POLLIN, .revents = 0}}};
        traffic.turn(others);
        if (others[0].revents != 0 && !answer(asked, traffic))
            asked.reset();
        if (!asked && !plan.lasting)
            break;
    }
    return 0;
}

} // namespace

UniqueFd start_copier(std::vector<Copy> copies, CopierLasts lasts) {
    if (copies.empty())
        return {};
    auto [ours, asked] = make_socket_pair(SOCK_STREAM);
    SpawnRequest request{.argv = {}, .session = Session::own};
    const PassedCopies passed = pass_copies(request, copies);
    const CopierPlan plan{.copies = passed.copies,
                          .feeds = passed.feeds,
                          .asked = pass(request, asked),
                          .lasting = lasts == CopierLasts::until_all_is_copied};
    start_role(k_copier, plan, std::move(request)).detach();
    // The copier alone has them from here on.
    copies.clear();
    return std::move(ours);
}

PassedCopies pass_copies(SpawnRequest& role, const std::vector<Copy>& copies) {
    PassedCopies passed;
    for (const Copy& copy : copies) {
        const int from = pass(role, copy.from);
        auto& of_its_flow = copy.flow == Flow::out_of_tree ? passed.copies : passed.feeds;
        of_its_flow.emplace_back(from, pass(role, copy.to));
    }
    return passed;
}

std::vector<int> ignored_by_copiers() { return {SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE, SIGXFSZ}; }

std::vector<int> endings() { return {SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO}; }

Role copier() {
    std::vector<int> ignored = ignored_by_copiers();
    for (const int number : endings())
        ignored.push_back(number);
    return {.name = k_copier, .ignored_signals = std::move(ignored), .orphans = Orphans::left, .run = run_copier};
}

} // namespace cedana::roles
