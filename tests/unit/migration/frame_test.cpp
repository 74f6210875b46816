// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/migration/frame.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace cedana::migration {
namespace {

constexpr std::array k_all = {FrameType::hello, FrameType::greeting, FrameType::offer,    FrameType::answer,
                              FrameType::begin, FrameType::data,     FrameType::complete, FrameType::ready,
                              FrameType::go,    FrameType::runs,     FrameType::ended,    FrameType::bye,
                              FrameType::want,  FrameType::whole,    FrameType::alive,    FrameType::hold,
                              FrameType::ahead, FrameType::repeat,   FrameType::files,    FrameType::kept};

Side other(Side side) { return side == Side::source ? Side::target : Side::source; }

TEST(FrameHeader, IsReadAsItWasWritten) {
    for (const FrameType type : k_all) {
        const FrameHead head = parse_header(write_header({.type = type, .length = longest(type)}), sender_of(type));
        EXPECT_EQ(head.type, type);
        EXPECT_EQ(head.length, longest(type));
    }
}

TEST(FrameHeader, IsRefusedFromTheEndThatHasNotToSayIt) {
    for (const FrameType type : k_all)
        EXPECT_THROW(static_cast<void>(parse_header(write_header({.type = type}), other(sender_of(type)))), Error);
}

TEST(FrameHeader, IsRefusedWithALengthAboveItsType) {
    for (const FrameType type : k_all)
        EXPECT_THROW(
            static_cast<void>(parse_header(write_header({.type = type, .length = longest(type) + 1}), sender_of(type))),
            Error);
}

// Of all values of every byte of it nothing but an Error of the connection comes.
TEST(FrameHeader, TakesAnyBytesOrRefusesThem) {
    const Header good = write_header({.type = FrameType::data, .length = 1});
    for (std::size_t at = 0; at < good.size(); ++at)
        for (int value = 0; value < 256; ++value) {
            Header header = good;
            header.at(at) = static_cast<std::byte>(value);
            try {
                EXPECT_LE(parse_header(header, Side::source).length, longest(FrameType::offer));
            } catch (const Error& error) {
                EXPECT_EQ(error.fault(), Fault::connection);
            }
        }
}

TEST(MigrationStage, GoesThroughAMigration) {
    Stage stage = Stage::opened;
    for (const FrameType type :
         {FrameType::hello, FrameType::greeting, FrameType::offer, FrameType::answer, FrameType::begin, FrameType::data,
          FrameType::ahead, FrameType::repeat, FrameType::data, FrameType::complete, FrameType::ready, FrameType::go,
          FrameType::runs})
        stage = after(stage, type);
    EXPECT_EQ(stage, Stage::running);
}

TEST(MigrationStage, HasFilesKeptBeforeAllIsThere) {
    Stage stage = Stage::copying;
    for (const FrameType type : {FrameType::data, FrameType::files, FrameType::alive, FrameType::kept, FrameType::data})
        stage = after(stage, type);
    EXPECT_EQ(stage, Stage::copying);
    EXPECT_THROW(static_cast<void>(after(Stage::restoring, FrameType::kept)), Error);
    EXPECT_THROW(static_cast<void>(after(Stage::answered, FrameType::files)), Error);
}

TEST(MigrationStage, LetsPagesComeFromTheRestoreOnUntilAllAreThere) {
    Stage stage = Stage::restoring;
    for (const FrameType type : {FrameType::want, FrameType::hold, FrameType::data, FrameType::alive, FrameType::ready,
                                 FrameType::hold, FrameType::want, FrameType::go, FrameType::data, FrameType::want,
                                 FrameType::runs, FrameType::want, FrameType::data})
        stage = after(stage, type);
    EXPECT_EQ(after(stage, FrameType::ended), Stage::over);
    EXPECT_EQ(after(stage, FrameType::whole), Stage::over);
    EXPECT_THROW(static_cast<void>(after(Stage::copying, FrameType::want)), Error);
    EXPECT_THROW(static_cast<void>(after(Stage::released, FrameType::whole)), Error);
    EXPECT_THROW(static_cast<void>(after(Stage::over, FrameType::want)), Error);
    EXPECT_THROW(static_cast<void>(after(Stage::released, FrameType::hold)), Error);
}

TEST(MigrationStage, NeverSaysGoBeforeReadyNorRunsBeforeGo) {
    for (const Stage stage : {Stage::opened, Stage::greeting, Stage::greeted, Stage::asked, Stage::answered,
                              Stage::copying, Stage::restoring, Stage::released, Stage::over})
        EXPECT_THROW(static_cast<void>(after(stage, FrameType::go)), Error);
    for (const Stage stage : {Stage::opened, Stage::greeting, Stage::greeted, Stage::asked, Stage::answered,
                              Stage::copying, Stage::restoring, Stage::held, Stage::over})
        EXPECT_THROW(static_cast<void>(after(stage, FrameType::runs)), Error);
}

TEST(MigrationStage, CannotBeTakenBackAfterGo) {
    EXPECT_EQ(after(Stage::held, FrameType::bye), Stage::over);
    for (const Stage stage : {Stage::released, Stage::running})
        EXPECT_THROW(static_cast<void>(after(stage, FrameType::bye)), Error);
}

} // namespace
} // namespace cedana::migration
