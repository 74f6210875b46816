// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include <sched.h>

namespace cedana::testing {

// In a network namespace of its own, which is gone with its thread. What it throws fails the test. False: that is not
// permitted here.
[[nodiscard]] inline bool in_own_network(const std::function<void()>& work) {
    bool is_permitted = false;
    std::thread([&] {
        try {
            is_permitted = ::unshare(CLONE_NEWNET) == 0;
            if (is_permitted)
                work();
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
    }).join();
    return is_permitted;
}

} // namespace cedana::testing
