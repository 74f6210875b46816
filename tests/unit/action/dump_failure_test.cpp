// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/dump_failure.hpp"

#include <new>
#include <system_error>
#include <utility>

#include <gtest/gtest.h>

#include "unit/process/forked.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

class CancelledDump : public test::InTempFolder {
  protected:
    CancelledDump() {
        const Procfs procfs;
        ProcessHandle handle = ProcessHandle::open(procfs, root.pid());
        tree.processes.push_back({.handle = std::move(handle),
                                  .stat = *procfs.stat(root.pid()),
                                  .status = {},
                                  .executable = {},
                                  .command_line = {},
                                  .threads = {}});
    }
    [[nodiscard]] Error explained(const std::exception& exception) const {
        try {
            explain_cancelled({.tree = tree, .target = "process 42 (a)", .record = record, .work = path("work")},
                              exception);
        } catch (const Error& error) {
            return error;
        }
    }

    testing::Forked root;
    ProcessTree tree;
    DumpRecord record;
};

TEST_F(CancelledDump, KeepsTheFaultOfAnError) {
    const Error error = explained(Error(Fault::interrupted, "interrupted").hint("try again"));
    EXPECT_EQ(error.fault(), Fault::interrupted);
    EXPECT_EQ(error.message(), "interrupted; process 42 (a) runs on");
    EXPECT_EQ(error.hint(), "try again");
}

TEST_F(CancelledDump, TellsTheFateOfTheTreeAfterAFailureOfTheLibrary) {
    const std::system_error failure(EIO, std::generic_category(), "directory iterator cannot advance");
    const Error error = explained(failure);
    EXPECT_EQ(error.fault(), Fault::storage);
    EXPECT_EQ(error.message(), "directory iterator cannot advance: Input/output error; process 42 (a) runs on");
}

TEST_F(CancelledDump, TellsALossAfterAFailureThatHasNoErrno) {
    root.kill_only();
    EXPECT_EQ(explained(std::bad_alloc()).fault(), Fault::process_lost);
}

} // namespace
} // namespace cedana
