// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/podman_storage.hpp"

#include <utility>

#include <gtest/gtest.h>

namespace cedana::containers {
namespace {

constexpr const char* k_listed = "aa11\tExited (0) 2 minutes ago\tweb\t/bin/counter\n"
                                 "bb22\tStorage\tother,copy\tstorage\n"
                                 "cc33\tStorage\tbuilt\tbuildah\n";

TEST(PodmanStorage, KnowsWhatTheStorageAloneHasByIdAndByName) {
    for (const auto& [id, name] : {std::pair("bb22", "nobody"), std::pair("", "copy")}) {
        const auto stored = stored_in(k_listed, id, name);
        ASSERT_TRUE(stored);
        EXPECT_EQ(stored->id, "bb22");
        EXPECT_FALSE(stored->is_known || stored->is_of_others);
    }
}

TEST(PodmanStorage, TellsWhatPodmanKnowsOnlyByItsId) {
    EXPECT_TRUE(stored_in(k_listed, "aa11", "copied")->is_known);
    EXPECT_FALSE(stored_in(k_listed, "", "web"));
    EXPECT_FALSE(stored_in(k_listed, "aa", "we"));
}

TEST(PodmanStorage, LeavesToBuildahWhatIsItsOwn) { EXPECT_TRUE(stored_in(k_listed, "", "built")->is_of_others); }

} // namespace
} // namespace cedana::containers
