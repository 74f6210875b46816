// SPDX-License-Identifier: Apache-2.0
#include "cedana/undo/raised_limits.hpp"

#include <string>

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

class ARaisedLimit : public test::InTempFolder {
  protected:
    ARaisedLimit() {
        write("memory.limit_in_bytes", "40960000");
        limit.files = {{.path = path("memory.limit_in_bytes"), .value = "40960000", .wanted = "81920000"}};
    }
    [[nodiscard]] std::string present() const {
        const std::string content = read_file(path("memory.limit_in_bytes"));
        // A plain file keeps what it had beyond what was written.
        return content.substr(0, 8);
    }

    MemoryLimit limit{.group = path(""), .limit = 40960000, .usage = 40000000, .needed = 40960000};
};

TEST_F(ARaisedLimit, IsPutBack) {
    {
        RaisedLimits raised({limit}, path(""));
        EXPECT_EQ(present(), "81920000");
        EXPECT_TRUE(raised.put_back());
    }
    EXPECT_EQ(present(), "40960000");
    EXPECT_TRUE(put_back_limits(path("")).done.empty());
}

TEST_F(ARaisedLimit, OfOneThatWasKilledIsPutBackByTheNext) {
    // What is noted before anything is raised is all that is left of it.
    const pid_t child = ::fork();
    if (child == 0) {
        const RaisedLimits raised({limit}, path(""));
        ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    ASSERT_EQ(present(), "81920000");
    EXPECT_EQ(put_back_limits(path("")).done, std::vector<std::filesystem::path>{path("memory.limit_in_bytes")});
    EXPECT_EQ(present(), "40960000");
}

TEST_F(ARaisedLimit, ThatSomebodyElseHasSetSinceStaysSo) {
    RaisedLimits raised({limit}, path(""));
    write("memory.limit_in_bytes", "99999999");
    EXPECT_TRUE(raised.put_back());
    EXPECT_EQ(present(), "99999999");
}

TEST_F(ARaisedLimit, IsNotTouchedWhereThereIsRoom) {
    limit.usage = 0;
    limit.needed = 1000;
    const RaisedLimits raised({limit}, path(""));
    EXPECT_EQ(present(), "40960000");
}

} // namespace
} // namespace cedana
