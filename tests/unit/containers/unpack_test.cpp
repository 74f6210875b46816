// SPDX-License-Identifier: Apache-2.0
// Archives of whoever means harm.
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/containers/tar_writer.hpp"
#include "cedana/containers/unpack.hpp"

#include <sys/stat.h>

#include "unit/containers/images_in_memory.hpp"
#include "unit/temp_folder.hpp"

namespace cedana::containers {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_image = "a.tar";

struct ::stat info_of(mode_t mode) {
    struct ::stat info {};
    info.st_mode = mode;
    info.st_nlink = 1;
    return info;
}

class HostileArchive : public test::InTempFolder {
  protected:
    HostileArchive() {
        fs::create_directories(path("root"));
        write("outside", "safe");
    }
    void unpack_these(const std::vector<TarEntry>& entries, ArchiveTrust trust = ArchiveTrust::nobody_vouches) {
        test::SinkInMemory sink;
        TarWriter archive(sink, k_image, none);
        for (const TarEntry& entry : entries)
            archive.add(entry, -1);
        archive.finish();
        test::SourceInMemory source(sink.images);
        unpack(RootFolder(path("root")), source, k_image, trust, none);
    }
    void expect_refused(const std::vector<TarEntry>& entries) {
        EXPECT_THROW(unpack_these(entries), Error);
        EXPECT_EQ(read_file(path("outside")), "safe");
    }

    Interrupt none = Interrupt::none();
};

TEST_F(HostileArchive, WithAPathUpwardsIsRefused) {
    expect_refused({{.name = "../outside", .info = info_of(S_IFREG | 0600)}});
}

TEST_F(HostileArchive, WithAFileBehindALinkIsRefused) {
    expect_refused({{.name = "up", .info = info_of(S_IFLNK | 0777), .target = ".."},
                    {.name = "up/outside", .info = info_of(S_IFREG | 0600)}});
}

TEST_F(HostileArchive, WithAHardLinkOutIsRefused) {
    expect_refused({{.name = "twin", .info = info_of(S_IFREG | 0600), .same_as = "../outside"}});
    expect_refused({{.name = "up", .info = info_of(S_IFLNK | 0777), .target = ".."},
                    {.name = "twin", .info = info_of(S_IFREG | 0600), .same_as = "up/outside"}});
}

TEST_F(HostileArchive, GetsTheFoldersThatItLacks) {
    unpack_these({{.name = "a/b/file", .info = info_of(S_IFREG | 0600)}});
    EXPECT_TRUE(fs::is_regular_file(path("root/a/b/file")));
}

TEST_F(HostileArchive, ReplacesALinkAndNotWhatItLeadsTo) {
    unpack_these({{.name = "file", .info = info_of(S_IFLNK | 0777), .target = "../outside"},
                  {.name = "file", .info = info_of(S_IFREG | 0600)}});
    EXPECT_EQ(read_file(path("outside")), "safe");
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(path("root/file"))));
}

TEST_F(HostileArchive, WithADeviceIsRefused) { expect_refused({{.name = "disk", .info = info_of(S_IFBLK | 0600)}}); }

TEST_F(HostileArchive, WithAProgramThatChangesTheUserIsRefused) {
    expect_refused({{.name = "su", .info = info_of(S_IFREG | 04755)}});
}

TEST_F(HostileArchive, WithAnAttributeOfTheKernelsIsRefused) {
    expect_refused({{.name = "f", .info = info_of(S_IFREG | 0600), .attributes = {{"security.capability", "all"}}}});
}

TEST_F(HostileArchive, OfSomebodyWhoIsTrustedMayChangeTheUser) {
    unpack_these({{.name = "su", .info = info_of(S_IFREG | 04755)}}, ArchiveTrust::signed_by_trusted);
    EXPECT_NE(fs::status(path("root/su")).permissions() & fs::perms::set_uid, fs::perms::none);
}

} // namespace
} // namespace cedana::containers
