// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/read_ahead.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace cedana::testing {
namespace {

class ReadingAhead : public ::testing::Test {
  protected:
    ReadingAhead() {
        for (const char* name : {"core-1.img", "pages-1.img", "pages-2.img", "pages-3.img"}) {
            ImageRecord record;
            record.name = name;
            record.frames.resize(2);
            index.images.insert(std::move(record));
        }
        ImageRecord empty;
        empty.name = "pages-4.img";
        index.images.insert(std::move(empty));
    }
    SharedStream open(const std::string& name) { return ahead.take(*index.find(name)); }
    // The name of the image whose next frame is decoded now; empty if there is none.
    std::string decode_next() {
        const bool is_told_of = ahead.has_next();
        const SharedStream stream = ahead.next();
        EXPECT_EQ(stream != nullptr, is_told_of);
        if (stream == nullptr)
            return {};
        ++stream->next;
        return stream->record->name;
    }

    FrameIndex index;
    ReadAhead ahead{index, [](const ImageRecord& record) { return std::make_shared<FrameStream>(record, nullptr); }};
};

TEST_F(ReadingAhead, DoesNothingBeforeItIsStarted) { EXPECT_EQ(decode_next(), ""); }

TEST_F(ReadingAhead, TakesTheFirstFrameOfAllPagesBeforeTheSecondOfAny) {
    ahead.start();
    for (int round = 0; round < 2; ++round)
        for (const char* name : {"pages-1.img", "pages-2.img", "pages-3.img"})
            EXPECT_EQ(decode_next(), name);
    EXPECT_EQ(decode_next(), "");
}

TEST_F(ReadingAhead, LeavesOutWhatIsOpen) {
    static_cast<void>(open("pages-1.img"));
    ahead.start();
    EXPECT_EQ(decode_next(), "pages-2.img");
    static_cast<void>(open("pages-2.img"));
    for (const char* name : {"pages-3.img", "pages-3.img", ""})
        EXPECT_EQ(decode_next(), name);
}

TEST_F(ReadingAhead, HandsOverWhatWasReadOfAnImage) {
    ahead.start();
    EXPECT_EQ(decode_next(), "pages-1.img");
    EXPECT_EQ(open("pages-1.img")->next, 1U);
    // Opened again, it begins anew.
    EXPECT_EQ(open("pages-1.img")->next, 0U);
    EXPECT_EQ(open("core-1.img")->next, 0U);
}

} // namespace
} // namespace cedana::testing
