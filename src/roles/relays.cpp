// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/relays.hpp"

#include "cedana/base/error.hpp"

#include <algorithm>
#include <cerrno>

namespace cedana::roles {

namespace {

using Clock = std::chrono::steady_clock;

void serve_one(Relay& relay, int input, int output) {
    if ((output & (POLLERR | POLLHUP)) != 0)
        return relay.give_up();
    if (input != 0)
        relay.read_some();
    if (relay.has_output() && (input != 0 || output != 0))
        relay.write_some();
}

} // namespace

Relays::Relays(const std::vector<std::pair<int, int>>& pairs) {
    for (const auto& [from, to] : pairs)
        relays_.emplace_back(UniqueFd(from), UniqueFd(to), LineEnds::as_they_are);
}

void Relays::append_to(std::vector<pollfd>& set) const {
    for (const Relay& relay : relays_) {
        set.push_back({.fd = relay.wants_input() ? relay.from() : -1, .events = POLLIN, .revents = 0});
        // Without output as well: the reader of a pipe may go away (POLLERR).
        const auto wanted = static_cast<short>(relay.has_output() ? POLLOUT : 0);
        set.push_back({.fd = relay.to(), .events = wanted, .revents = 0});
    }
}

const pollfd* Relays::serve(const pollfd* looked_at) {
    for (Relay& relay : relays_) {
        serve_one(relay, looked_at[0].revents, looked_at[1].revents);
        looked_at += 2;
    }
    std::erase_if(relays_, [](const Relay& relay) { return relay.done(); });
    return looked_at;
}

void Relays::drain(std::chrono::milliseconds limit) {
    const auto deadline = Clock::now() + limit;
    for (auto left = limit; left.count() > 0;
         left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now())) {
        std::vector<pollfd> set;
        append_to(set);
        const bool has_output = std::ranges::any_of(relays_, &Relay::has_output);
        const int ready = ::poll(set.data(), set.size(), has_output ? static_cast<int>(left.count()) : 0);
        if (ready <= 0 && !has_output)
            return;
        serve(set.data());
    }
}

void Traffic::turn(std::span<pollfd> others) {
    std::vector<pollfd> set(others.begin(), others.end());
    copies_.append_to(set);
    feeds_.append_to(set);
    if (::poll(set.data(), set.size(), -1) < 0) {
        const int err = errno;
        if (err == EINTR)
            return;
        throw os_error(err, "cannot poll");
    }
    feeds_.serve(copies_.serve(set.data() + others.size()));
    std::copy_n(set.begin(), others.size(), others.begin());
}

} // namespace cedana::roles
