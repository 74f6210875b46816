// SPDX-License-Identifier: Apache-2.0
// Archives of podman's into checkpoints; that they come back is tried in tests/containers.
#include "cedana/base/files.hpp"

#include "command/command_fixture.hpp"
#include "support/podman_archive.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class Import : public WithFakeCriu {
  protected:
    [[nodiscard]] CedanaRun import() const {
        return cedana({"client", "import", scratch("web.tar"), "-d", folder().string()});
    }
    void make() const { containers::write_small_tar(scratch("web.tar"), podmans_archive()); }
};

TEST_F(Import, MakesACheckpointThatIsWhole) {
    make();
    const CedanaRun run = import();
    EXPECT_EQ(run.exit_code, 0) << run.err;
    const std::string checkpoint = run.out.substr(0, run.out.find('\n'));
    EXPECT_TRUE(fs::path(checkpoint).filename().string().starts_with("web_")) << checkpoint;
    const std::string inspection = cedana({"client", "inspect", checkpoint}).out;
    for (const char* said : {"4e87063a369a of podman with runc", "the volume vol", "by nobody", "[counter]"})
        EXPECT_TRUE(holds(inspection, said)) << inspection;
}

TEST_F(Import, LeavesNothingOfWhatIsRefused) {
    make();
    fs::resize_file(scratch("web.tar"), fs::file_size(scratch("web.tar")) / 2);
    EXPECT_EQ(import().exit_code, 8);
    fs::remove(scratch("web.tar"));
    EXPECT_EQ(import().exit_code, 9);
    for (const auto& left : fs::directory_iterator(folder()))
        EXPECT_NE(left.path().extension(), ".zip") << left.path();
}

} // namespace
} // namespace cedana::testing
