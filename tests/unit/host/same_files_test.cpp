// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/host/same_files.hpp"

#include <cstring>
#include <filesystem>

#include <gtest/gtest.h>

#include <elf.h>
#include <sys/stat.h>

#include "support/assertions.hpp"
#include "unit/temp_folder.hpp"

namespace cedana {
namespace {

namespace fs = std::filesystem;

template <typename Value>
void put(std::string& bytes, std::size_t at, const Value& value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
}

// A program with two notes, of which the second is its build-ID.
template <typename FileHeader, typename ProgramHeader>
std::string program(unsigned char file_class, const std::string& id) {
    constexpr std::size_t k_notes = 512;
    std::string bytes(1024, '\0');
    FileHeader file{};
    std::memcpy(file.e_ident, ELFMAG, SELFMAG);
    file.e_ident[EI_CLASS] = file_class;
    file.e_phoff = sizeof file;
    file.e_phnum = 2;
    put(bytes, 0, file);
    ProgramHeader loaded{};
    loaded.p_type = PT_LOAD;
    put(bytes, sizeof file, loaded);
    ProgramHeader notes{};
    notes.p_type = PT_NOTE;
    notes.p_offset = k_notes;
    notes.p_filesz = 200;
    put(bytes, sizeof file + sizeof loaded, notes);
    // {name size, content size, type}, then both filled up to words.
    put(bytes, k_notes, Elf64_Nhdr{.n_namesz = 4, .n_descsz = 5, .n_type = 1});
    const std::size_t second = k_notes + sizeof(Elf64_Nhdr) + 4 + 8;
    put(bytes, second,
        Elf64_Nhdr{.n_namesz = 4, .n_descsz = static_cast<unsigned>(id.size()), .n_type = NT_GNU_BUILD_ID});
    bytes.replace(second + sizeof(Elf64_Nhdr) + 4, id.size(), id);
    return bytes;
}

std::string program64(const std::string& id) { return program<Elf64_Ehdr, Elf64_Phdr>(ELFCLASS64, id); }

TEST(BuildId, IsFoundInProgramsOfBothClasses) {
    EXPECT_EQ(build_id_in(program64("12345678")), "12345678");
    EXPECT_EQ(build_id_in(program<Elf32_Ehdr, Elf32_Phdr>(ELFCLASS32, "12345678")), "12345678");
    EXPECT_EQ(build_id_in(program64("12345")), std::string("12345\0\0\0", 8));
}

TEST(BuildId, IsNoneOfWhatIsNoProgramOrIsCutShort) {
    EXPECT_EQ(build_id_in("#!/bin/sh\n"), "");
    EXPECT_EQ(build_id_in(""), "");
    const std::string whole = program64("12345678");
    for (std::size_t size = 0; size < 540; ++size)
        EXPECT_EQ(build_id_in(std::string_view(whole).substr(0, size)), "") << size;
}

TEST(BuildId, OfThisProgramIsReadFromItsFile) {
    const auto id = build_id_of("/proc/self/exe", LeasesAhead());
    ASSERT_TRUE(id);
    EXPECT_EQ(id->size() % 4, 0U);
}

class SameFiles : public test::InTempFolder {
  protected:
    SameFiles() { fs::permissions(write("a", program64("12345678")), fs::perms(0644)); }

    [[nodiscard]] std::vector<std::string> look_at(const std::string& id, std::uint32_t mode,
                                                   const std::vector<std::string>& arguments = {}) const {
        const criu::DumpedFile file{.path = path("a").string(), .mode = mode, .build_id = id};
        return changed_files({.files = {file}}, manifest, arguments, LeasesAhead());
    }

    Manifest manifest;
};

TEST_F(SameFiles, AreThoseWithTheSameBuildIdAndMode) {
    EXPECT_TRUE(look_at("12345678", S_IFREG | 0644).empty());
    EXPECT_TRUE(look_at("", S_IFREG | 0644).empty());
}

TEST_F(SameFiles, AreNotThoseOfAnotherBuild) {
    const auto changed = look_at("87654321", S_IFREG | 0644);
    ASSERT_EQ(changed.size(), 1U);
    EXPECT_TRUE(testing::holds(changed.front(), "another build"));
    EXPECT_TRUE(look_at("87654321", S_IFREG | 0644, {"--file-validation=filesize"}).empty());
    EXPECT_TRUE(look_at("87654321", S_IFREG | 0644, {"--file-validation", "filesize"}).empty());
}

TEST_F(SameFiles, AreNotThoseOfAnotherModeUnlessThatIsNotCompared) {
    EXPECT_EQ(look_at("12345678", S_IFREG | 0600).size(), 1U);
    EXPECT_TRUE(look_at("12345678", S_IFREG | 0600, {"--skip-file-rwx-check"}).empty());
    EXPECT_EQ(look_at("12345678", S_IFDIR | 0644, {"--skip-file-rwx-check"}).size(), 1U);
}

// A program may have the link itself open (O_PATH | O_NOFOLLOW).
TEST_F(SameFiles, MayBeLinks) {
    fs::create_symlink(path("a"), path("link"));
    const criu::DumpedFile link{.path = path("link").string(), .mode = S_IFLNK | 0777};
    EXPECT_TRUE(changed_files({.files = {link}}, manifest, {}, LeasesAhead()).empty());
    fs::remove(path("link"));
    write("link", "");
    EXPECT_EQ(changed_files({.files = {link}}, manifest, {}, LeasesAhead()).size(), 1U);
}

TEST_F(SameFiles, AreThoseThatArePutBack) {
    manifest.files.push_back({.path = path("a").string()});
    EXPECT_TRUE(look_at("87654321", S_IFREG | 0600).empty());
}

TEST_F(SameFiles, TellNamesOfCriuThatAreGone) {
    write("link_remap.1", "");
    EXPECT_TRUE(changed_files({.links = {path("link_remap.1").string()}}, manifest, {}, LeasesAhead()).empty());
    EXPECT_THROW(require_same_files({.links = {path("link_remap.2").string()}}, manifest, {}, LeasesAhead()), Error);
}

// The program may have removed it itself as it ended.
// It gets its name again before the next restore (files/remap_guard).
TEST_F(SameFiles, AreThereUnderTheNameOfARestoreThatFailed) {
    write(".cedana-kept-link_remap.1", "");
    EXPECT_TRUE(changed_files({.links = {path("link_remap.1").string()}}, manifest, {}, LeasesAhead()).empty());
}

TEST_F(SameFiles, NeedNoOtherNameThatIsPutBack) {
    const std::string link = path("link_remap.1").string();
    manifest.link_remaps.push_back({.lost = path("lost").string(), .link = link, .name = path("semaphore").string()});
    EXPECT_EQ(changed_files({.links = {link}}, manifest, {}, LeasesAhead()).size(), 1U);
    manifest.files.push_back({.path = path("semaphore").string(), .entry = "0"});
    EXPECT_TRUE(changed_files({.links = {link}}, manifest, {}, LeasesAhead()).empty());
}

TEST_F(SameFiles, AreNotAskedForInAMountNamespaceOfTheTreesOwn) {
    EXPECT_TRUE(changed_files({.own_mounts = true, .links = {"/gone"}}, manifest, {}, LeasesAhead()).empty());
}

} // namespace
} // namespace cedana
