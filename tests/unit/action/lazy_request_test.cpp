// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/lazy_request.hpp"
#include "cedana/base/error.hpp"

#include <gtest/gtest.h>

namespace cedana {
namespace {

TEST(LazyRoom, IsWantedForWhatComesLaterToo) {
    const LazyMemory memory{.tasks = {}, .lazy_bytes = 900, .eager_bytes = 101};
    try {
        require_room(memory, 1000);
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::storage);
        EXPECT_NE(error.message().find("1001 B of memory"), std::string::npos) << error.message();
    }
    EXPECT_NO_THROW(require_room(memory, 1001));
}

TEST(LazyRoom, IsNotAskedForWhereNobodyKnowsOfAny) {
    EXPECT_NO_THROW(require_room({.tasks = {}, .lazy_bytes = 900, .eager_bytes = 101}, 0));
}

TEST(LazyRequest, RefusesACopyBesideTheOriginal) {
    RestoreRequest request{.checkpoint = "a.zip", .config = {}, .new_pid_namespace = true, .lazy = true};
    try {
        refuse_lazy_requests(request);
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::usage);
    }
    request.lazy = false;
    EXPECT_NO_THROW(refuse_lazy_requests(request));
}

} // namespace
} // namespace cedana
