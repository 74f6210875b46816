// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/containers/podman_import.hpp"
#include "cedana/containers/tar_writer.hpp"

#include <functional>
#include <string>

#include "support/podman_archive.hpp"
#include "unit/containers/images_in_memory.hpp"
#include "unit/temp_folder.hpp"

namespace cedana::containers {
namespace {

class PodmanImportTest : public test::InTempFolder {
  protected:
    void import(const SmallFiles& files) {
        write_small_tar(path("web.tar"), files);
        import_again();
    }
    void import_again() {
        sink = {};
        archive.emplace(path("web.tar"), none);
        archive->read(sink, [](std::uint64_t) {});
    }
    // The fault of an archive that is changed so; success: none.
    Fault fault_of(const std::function<void(SmallFiles&)>& change) {
        SmallFiles files = testing::podmans_archive();
        change(files);
        try {
            import(files);
        } catch (const Error& error) {
            return error.fault();
        }
        return Fault::internal;
    }
    static std::string tar_with(const TarEntry& entry) {
        test::SinkInMemory out;
        TarWriter inner(out, "inner", Interrupt::none());
        inner.add(entry, -1);
        inner.finish();
        return out.images["inner"];
    }

    test::SinkInMemory sink;
    Interrupt none = Interrupt::none();
    std::optional<PodmanImport> archive;
};

TEST_F(PodmanImportTest, HasWhatPodmanWrote) {
    SmallFiles files = testing::podmans_archive();
    TarEntry folder{.name = "new"};
    folder.info.st_mode = S_IFDIR | 0755;
    files["rootfs-diff.tar"] = tar_with(folder);
    files["volumes/vol.tar"] = tar_with(folder);
    files["ctr.log"] = "is not taken";
    import(files);
    const ContainerRecord& record = archive->record();
    EXPECT_EQ(record.name, "web");
    EXPECT_EQ(record.runtime, "runc");
    EXPECT_EQ(record.image_id, "a4a4");
    EXPECT_EQ(record.networks, (std::vector<ContainerNetwork>{
                                   {.name = "net", .address = "10.88.0.38", .hardware_address = "56:bb:47:4e:d4:c8"}}));
    ASSERT_EQ(record.mounts.size(), 1U);
    EXPECT_EQ(record.mounts.front().source, "vol");
    EXPECT_TRUE(sink.images.contains(record.mounts.front().content + ".tar"));
    EXPECT_TRUE(sink.images.contains("container-rootfs.tar"));
    EXPECT_EQ(sink.images.at("pages-1.img").size(), 2 * page_size());
    EXPECT_EQ(archive->texts().at("container/removed"), std::string("app/gone\0", 9));
    EXPECT_EQ(archive->texts().at("container/podman/config.dump"), files.at("config.dump"));
}

// Also between two of its files.
TEST_F(PodmanImportTest, RefusesOneThatWasCutOff) {
    import(testing::podmans_archive());
    const std::string whole = read_file(path("web.tar"));
    for (std::size_t size = 0; size + 1024 < whole.size() && whole.find_first_not_of('\0', size) != std::string::npos;
         size += 512) {
        replace_file(path("web.tar"), whole.substr(0, size));
        EXPECT_THROW(import_again(), Error) << size;
    }
}

TEST_F(PodmanImportTest, RefusesWhatIsNotWhole) {
    for (const char* name : {"config.dump", "spec.dump", "checkpoint/descriptors.json", "checkpoint/core-1.img",
                             "checkpoint/inventory.img", "checkpoint/pages-1.img", "checkpoint/pstree.img"})
        EXPECT_EQ(fault_of([&](SmallFiles& files) { files.erase(name); }), Fault::checkpoint) << name;
    EXPECT_EQ(fault_of([](SmallFiles& files) { files["checkpoint/pages-1.img"].pop_back(); }), Fault::checkpoint);
    EXPECT_EQ(fault_of([](SmallFiles& files) { files["deleted.files"] = "{"; }), Fault::checkpoint);
    EXPECT_EQ(fault_of([](SmallFiles& files) { files["rootfs-diff.tar"] = "no archive"; }), Fault::checkpoint);
    EXPECT_EQ(fault_of([](SmallFiles&) {}), Fault::internal);
}

TEST_F(PodmanImportTest, RefusesWhatLeadsElsewhere) {
    EXPECT_EQ(fault_of([](SmallFiles& files) { files["checkpoint/../x.img"] = ""; }), Fault::checkpoint);
    EXPECT_EQ(fault_of([](SmallFiles& files) { files["checkpoint/a/b.img"] = ""; }), Fault::checkpoint);
    EXPECT_EQ(fault_of([](SmallFiles& files) { files["deleted.files"] = R"(["/../etc"])"; }), Fault::checkpoint);
    EXPECT_EQ(fault_of([](SmallFiles& files) { files["volumes/other.tar"] = ""; }), Fault::checkpoint);
    TarEntry entry{.name = "a/../../b"};
    entry.info.st_mode = S_IFDIR | 0755;
    EXPECT_EQ(fault_of([&](SmallFiles& files) { files["rootfs-diff.tar"] = tar_with(entry); }), Fault::checkpoint);
    EXPECT_EQ(fault_of([](SmallFiles& files) {
                  files["config.dump"] = R"({"id": "4e87", "name": "../web", "rootfsImageID": "a4a4"})";
              }),
              Fault::checkpoint);
}

TEST_F(PodmanImportTest, RefusesWhatOnlyOthersRestore) {
    EXPECT_EQ(fault_of([](SmallFiles& files) { files["config.dump"] = R"({"id": "4e87", "name": "web"})"; }),
              Fault::usage);
    EXPECT_EQ(fault_of([](SmallFiles& files) { files["checkpoint/parent"] = ""; }), Fault::usage);
    EXPECT_EQ(fault_of([](SmallFiles& files) { files["spec.dump"] = R"({"process": {"terminal": true}})"; }),
              Fault::usage);
}

} // namespace
} // namespace cedana::containers
