// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/host/memory_kinds.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t k_mib = 1024UL * 1024;
constexpr std::uint64_t k_huge = 2 * k_mib;

class MemoryKinds : public test::InTempFolder {
  protected:
    MemoryKinds() {
        fs::create_directories(path(k_pool));
        fs::create_directories(path("sys/vm"));
        pool(10, 4, 0, 0);
        overcommit("0");
        write("meminfo", "MemTotal: 1024 kB\nSwapTotal: 1024 kB\nCommitLimit: 4096 kB\nCommitted_AS: 3072 kB\n"
                         "Hugepagesize: 2048 kB\n");
    }
    void pool(int free, int promised, int more, int made) {
        const auto put = [&](const char* name, int value) {
            write(std::string(k_pool) + "/" + name, std::to_string(value) + "\n");
        };
        put("free_hugepages", free);
        put("resv_hugepages", promised);
        put("nr_overcommit_hugepages", more);
        put("surplus_hugepages", made);
    }
    void overcommit(const std::string& mode) { write("sys/vm/overcommit_memory", mode + "\n"); }
    void huge(std::uint64_t pages, std::uint64_t size = k_huge) const {
        require_huge_pages({.huge = {{size, pages * k_huge}}}, "java", path(""), path(""));
    }
    void promise(std::uint64_t committed, std::uint64_t largest) const {
        require_commitment({.committed = committed, .largest = largest}, "java", path(""));
    }

    static constexpr const char* k_pool = "kernel/mm/hugepages/hugepages-2048kB";
};

TEST_F(MemoryKinds, AreHugePagesThatAreFreeAndNotPromised) {
    EXPECT_NO_THROW(huge(6));
    EXPECT_THROW(huge(7), Error);
}

TEST_F(MemoryKinds, AreHugePagesThatTheKernelMayMake) {
    pool(0, 0, 5, 2);
    EXPECT_NO_THROW(huge(3));
    EXPECT_THROW(huge(4), Error);
}

TEST_F(MemoryKinds, AreHugePagesOfTheUsualSizeAndOfNoneThatIsNotThere) {
    EXPECT_THROW(huge(7, 0), Error);
    EXPECT_THROW(huge(1, 1024 * k_mib), Error);
}

TEST_F(MemoryKinds, AreNotRefusedWhereNothingIsKnown) {
    fs::remove_all(path("kernel"));
    fs::remove_all(path("sys"));
    EXPECT_NO_THROW(huge(1000));
    EXPECT_NO_THROW(promise(1000 * k_mib, 1000 * k_mib));
}

TEST_F(MemoryKinds, AreWhatTheKernelPromisesAtAGuess) {
    EXPECT_NO_THROW(promise(1000 * k_mib, 2 * k_mib));
    EXPECT_THROW(promise(2 * k_mib, 3 * k_mib), Error);
}

TEST_F(MemoryKinds, AreWhatTheKernelPromisesStrictly) {
    overcommit("2");
    EXPECT_NO_THROW(promise(k_mib, k_mib));
    EXPECT_THROW(promise(k_mib + 1, 0), Error);
}

TEST_F(MemoryKinds, AreAsMuchAsOneLikesWhereTheKernelPromisesAll) {
    overcommit("1");
    EXPECT_NO_THROW(promise(1000 * k_mib, 1000 * k_mib));
}

TEST_F(MemoryKinds, AreWhatAControlGroupHasFree) {
    const std::vector<MemoryRoom> rooms = {
        {.group = "/g/a", .file = "/g/a/memory.max", .limit = 300 * k_mib, .usage = 100 * k_mib, .free = 200 * k_mib},
        {.group = "/g", .file = "/g/memory.max", .limit = 100 * k_mib, .usage = 60 * k_mib, .free = 40 * k_mib}};
    EXPECT_NO_THROW(require_group_memory({.charged = 40 * k_mib}, "java", rooms));
    EXPECT_NO_THROW(require_group_memory({.charged = 400 * k_mib}, "java", {}));
    try {
        require_group_memory({.charged = 60 * k_mib}, "java", rooms);
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::environment);
        EXPECT_EQ(error.message(),
                  "java cannot run here: it has 60 MiB of memory, and the control group /g in which it "
                  "would be has 40 MiB free (its limit is 100 MiB, and 60 MiB are in use)");
        EXPECT_NE(error.hint().find("(/g/memory.max) to 120 MiB or more"), std::string::npos) << error.hint();
    }
}

TEST(GroupsAtReturn, AreThoseOfWhoRestoresWhereTheTreeHadNone) {
    Manifest manifest;
    const std::string own = "5:memory:/user\n0::/session\n";
    EXPECT_EQ(groups_at_return(manifest, {}, own), own);
    manifest.facts = RecordedFacts{.processes = {{.pid = 1, .cgroups = {"4:memory:/service"}}}};
    EXPECT_EQ(groups_at_return(manifest, {}, own), "4:memory:/service\n0::/session\n");
    EXPECT_EQ(groups_at_return(manifest, {"--manage-cgroups=ignore"}, own), own);
    manifest.criu_options.ignore_cgroups = true;
    EXPECT_EQ(groups_at_return(manifest, {}, own), own);
}

} // namespace
} // namespace cedana
