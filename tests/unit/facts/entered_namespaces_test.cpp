// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/facts/entered_namespaces.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <unistd.h>

#include "unit/process/fake_proc.hpp"
#include "unit/process/forked.hpp"
#include "unit/process/look_at.hpp"

namespace cedana {
namespace {

using testing::FakeProc;
using testing::Forked;
using testing::Look;

constexpr const char* k_of_a_unit = "24 1 0:22 / / rw shared:30 master:1 - ext4 /dev/vda rw\n";

// A process in a mount namespace of its own, beside cedana in that of the host.
class EnteredNamespaces : public ::testing::Test {
  protected:
    EnteredNamespaces() {
        proc.add({.pid = ::getpid(), .comm = "cedana"});
        proc.add({.pid = root.pid(), .comm = "root", .start_time = Procfs().stat(root.pid())->start_time});
        for (const char* kind : {"mnt", "pid", "user", "uts"}) {
            proc.link(::getpid(), std::string("ns/") + kind, std::string(kind) + ":[1]");
            proc.link(root.pid(), std::string("ns/") + kind, std::string(kind) + ":[1]");
        }
        make_own("mnt");
    }
    void make_own(const std::string& kind) {
        proc.unlink(root.pid(), "ns/" + kind);
        proc.link(root.pid(), "ns/" + kind, kind + ":[2]");
    }
    [[nodiscard]] std::vector<std::string> entered(const std::string& mounts) {
        proc.write(root.pid(), "mountinfo", mounts);
        const Look look(proc.procfs(), root.pid());
        return entered_namespaces(proc.procfs(), look.holdings.front(), Namespaces(proc.procfs(), ::getpid()));
    }

    Forked root;
    FakeProc proc;
};

using Kinds = std::vector<std::string>;

TEST_F(EnteredNamespaces, AreThoseWhoseMountsFollowThoseOfOthers) { EXPECT_EQ(entered(k_of_a_unit), Kinds{"mnt"}); }

TEST_F(EnteredNamespaces, HaveTheNameOfTheHostWithThem) {
    make_own("uts");
    EXPECT_EQ(entered(k_of_a_unit), (Kinds{"uts", "mnt"}));
}

TEST_F(EnteredNamespaces, AreNotThoseThatCriuCanMake) {
    EXPECT_EQ(entered("24 1 0:22 / / rw - ext4 /dev/vda rw\n"), Kinds());
    EXPECT_EQ(entered("24 1 0:22 / / rw shared:30 - ext4 /dev/vda rw\n"
                      "25 24 0:22 /a /b rw master:30 - ext4 /dev/vda rw\n"),
              Kinds());
}

TEST_F(EnteredNamespaces, AreNotThoseOfCedanaItself) {
    proc.unlink(root.pid(), "ns/mnt");
    proc.link(root.pid(), "ns/mnt", "mnt:[1]");
    EXPECT_EQ(entered(k_of_a_unit), Kinds());
}

TEST_F(EnteredNamespaces, AreNotThoseOfAContainer) {
    make_own("pid");
    EXPECT_EQ(entered(k_of_a_unit), Kinds());
}

TEST_F(EnteredNamespaces, ChangeThoseOfCriu) {
    const Look look(proc.procfs(), root.pid());
    const Namespaces& its = look.holdings.front().namespaces;
    const Namespaces own(proc.procfs(), ::getpid());
    EXPECT_TRUE(differ(its, own, "mnt"));
    EXPECT_FALSE(differ(its, namespaces_of_criu(own, its, {"mnt"}), "mnt"));
}

TEST(OpenNamespaces, NeedAProcessThatIsThere) {
    const Procfs procfs;
    const ProcessHandle self = ProcessHandle::open(procfs, ::getpid());
    EXPECT_EQ(open_namespaces(procfs, self, {"uts", "mnt"}).size(), 2U);
    EXPECT_THROW(static_cast<void>(open_namespaces(procfs, self, {"none"})), Error);
}

} // namespace
} // namespace cedana
