// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/criu/image_mends.hpp"

#include <string>

#include <gtest/gtest.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;

constexpr std::uint32_t k_cgroup_magic = 0x59383330;

std::string folder(const std::string& name, const std::string& more = {}) {
    return field(1, name) + more + field(4, field(1, 0755));
}

std::string cgroups(const std::string& below_the_top) {
    return testing::image(k_cgroup_magic,
                          {field(1, field(1, 1)) + field(2, field(1, "cpu") + field(2, folder("", below_the_top)))});
}

TEST(CgroupImage, HasNoGroupThatCedanaMadeForCriu) {
    const std::string kept = field(2, folder("job", field(2, folder("part"))));
    const std::string own = folder("cedana-criu.42.7.4026531836", field(3, field(1, "cgroup.procs")));
    const auto mended = without_groups_of_cedana(
        cgroups(field(2, own) + field(2, folder("job", field(2, own) + field(2, folder("part"))))));
    EXPECT_EQ(mended, cgroups(kept));
    EXPECT_FALSE(without_groups_of_cedana(cgroups(kept)).has_value());
    EXPECT_THROW(static_cast<void>(without_groups_of_cedana("none")), Error);
}

} // namespace
} // namespace cedana::criu
