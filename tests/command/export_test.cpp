// SPDX-License-Identifier: Apache-2.0
// Archives of podman's out of checkpoints; that podman takes them is tried in tests/containers.
#include "cedana/base/files.hpp"

#include <utility>

#include "command/command_fixture.hpp"
#include "support/made_checkpoint.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class Export : public WithFakeCriu {
  protected:
    [[nodiscard]] CedanaRun export_to(const fs::path& archive, std::vector<std::string> more = {}) const {
        std::vector<std::string> words = {"client", "export", scratch("web.zip"), archive};
        words.insert(words.end(), more.begin(), more.end());
        return cedana(std::move(words));
    }
    void make(const std::function<void(Manifest&)>& change) const {
        CheckpointParts parts = parts_of_podmans_container();
        parts.change = [change, all_else = parts.change](Manifest& manifest) {
            all_else(manifest);
            change(manifest);
        };
        make_checkpoint(scratch("web.zip"), parts);
    }
    void make() const {
        make([](Manifest&) {});
    }
};

TEST_F(Export, WritesAnArchiveForItsOwnerAlone) {
    make();
    const CedanaRun run = export_to(scratch("web.tar"));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, scratch("web.tar").string() + "\n");
    EXPECT_EQ(fs::status(scratch("web.tar")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    const std::string archive = read_file(scratch("web.tar"));
    for (const char* name : {"config.dump", "spec.dump", "checkpoint/descriptors.json", "checkpoint/inventory.img",
                             "checkpoint/pages-1.img"})
        EXPECT_TRUE(holds(archive, name)) << name;
    EXPECT_TRUE(holds(archive, std::string(5000, 'p')));
}

TEST_F(Export, OverwritesNothingUnasked) {
    make();
    write_text(scratch("web.tar"), "mine");
    EXPECT_EQ(export_to(scratch("web.tar")).exit_code, 2);
    EXPECT_EQ(read_file(scratch("web.tar")), "mine");
    EXPECT_EQ(export_to(scratch("web.tar"), {"--force"}).exit_code, 0);
    EXPECT_NE(read_file(scratch("web.tar")), "mine");
    fs::create_symlink(scratch("elsewhere"), scratch("link.tar"));
    EXPECT_EQ(export_to(scratch("link.tar"), {"--force"}).exit_code, 2);
    EXPECT_EQ(export_to(scratch("nowhere") / "web.tar").exit_code, 9);
}

TEST_F(Export, RefusesWhatPodmanCouldNotRestore) {
    make_checkpoint(scratch("web.zip"));
    CedanaRun run = export_to(scratch("web.tar"));
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "no checkpoint of a container of podman's")) << run.err;
    fs::remove(scratch("web.zip"));
    make([](Manifest& manifest) { manifest.container->has_terminal = true; });
    run = export_to(scratch("web.tar"));
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(run.err, "terminal")) << run.err;
    EXPECT_FALSE(fs::exists(scratch("web.tar")));
}

} // namespace
} // namespace cedana::testing
