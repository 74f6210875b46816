// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/checkpoint/file_restore.hpp"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace cedana {
namespace {

const FileRules k_usual = {};
const FileRules k_cutting = {.truncate_grown = true};

const std::vector<FileUse> k_open = {{.pid = 10, .fd = 3, .flags = 1}};

CapturedFile copied() { return {.path = "/var/log/a", .entry = "0", .size = 100, .digest = "d", .uses = k_open}; }
CapturedFile described_only() { return {.path = "/var/log/a", .size = 100, .digest = "d", .uses = k_open}; }
CapturedFile without_uses(CapturedFile file) {
    file.uses.clear();
    return file;
}

struct Case {
    FileState state;
    FileRules rules;
    // Absent: refused.
    std::optional<FileAction> action_if_copied;
    std::optional<FileAction> action_if_described;
};

class ChooseFileAction : public ::testing::TestWithParam<Case> {
  protected:
    static std::optional<FileAction> action(const CapturedFile& file) {
        try {
            return choose_action(file, GetParam().state, 150, GetParam().rules);
        } catch (const Error& error) {
            EXPECT_EQ(error.fault(), Fault::restore_failed);
            EXPECT_NE(error.message().find(file.path), std::string::npos);
            EXPECT_NE(error.hint(), "");
            return std::nullopt;
        }
    }
};

INSTANTIATE_TEST_SUITE_P(Table, ChooseFileAction,
                         ::testing::Values(Case{FileState::same, k_usual, FileAction::unchanged, FileAction::unchanged},
                                           Case{FileState::same, k_cutting, FileAction::unchanged,
                                                FileAction::unchanged},
                                           Case{FileState::missing, k_usual, FileAction::created, std::nullopt},
                                           Case{FileState::missing, k_cutting, FileAction::created, std::nullopt},
                                           Case{FileState::changed, k_usual, FileAction::replaced, std::nullopt},
                                           Case{FileState::changed, k_cutting, FileAction::replaced, std::nullopt},
                                           Case{FileState::grown, k_usual, FileAction::replaced, std::nullopt},
                                           Case{FileState::grown, k_cutting, FileAction::replaced, FileAction::cut}));

TEST_P(ChooseFileAction, OfWhatWasCopied) { EXPECT_EQ(action(copied()), GetParam().action_if_copied); }
TEST_P(ChooseFileAction, OfWhatWasOnlyDescribed) {
    EXPECT_EQ(action(described_only()), GetParam().action_if_described);
}

TEST_P(ChooseFileAction, OfWhatWasCopiedAndNotOpenIsTheSame) {
    EXPECT_EQ(action(without_uses(copied())), GetParam().action_if_copied);
}
TEST_P(ChooseFileAction, OfWhatWasOnlyDescribedAndNotOpenKeepsNoRestoreBack) {
    EXPECT_EQ(action(without_uses(described_only())), GetParam().action_if_described.value_or(FileAction::left));
}

struct AllowedCase {
    std::string path;
    std::vector<std::filesystem::path> folders;
    bool is_allowed;
};
class AllowedPlace : public ::testing::TestWithParam<AllowedCase> {};

INSTANTIATE_TEST_SUITE_P(Table, AllowedPlace,
                         ::testing::Values(AllowedCase{"/srv/a/b", {"/var", "/srv/a"}, true},
                                           AllowedCase{"/srv/a/b", {"/srv/a/"}, true},
                                           AllowedCase{"/srv/a", {"/srv/a"}, true}, AllowedCase{"/srv/a", {"/"}, true},
                                           AllowedCase{"/srv/ab", {"/srv/a"}, false},
                                           AllowedCase{"/srv/a/../b", {"/srv/a"}, false},
                                           AllowedCase{"/srv", {"/srv/a"}, false}, AllowedCase{"/srv/a", {}, false},
                                           AllowedCase{"/srv/a", {"srv"}, false}, AllowedCase{"/srv/a", {""}, false}));

TEST_P(AllowedPlace, LiesBelowAFolderThatIsNamed) {
    std::optional<Fault> refused;
    try {
        require_allowed_place(GetParam().path, {.only_below = GetParam().folders});
    } catch (const Error& error) {
        refused = error.fault();
    }
    EXPECT_EQ(refused, GetParam().is_allowed ? std::nullopt : std::optional(Fault::permission));
}

TEST(ChooseFileActionText, HasBothSizes) {
    try {
        static_cast<void>(choose_action(described_only(), FileState::changed, 3UL << 30, k_usual));
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_NE(error.message().find("3.0 GiB (3221225472 bytes) now"), std::string::npos) << error.message();
        EXPECT_NE(error.message().find("had 100 bytes at the checkpoint"), std::string::npos) << error.message();
    }
}

} // namespace
} // namespace cedana
