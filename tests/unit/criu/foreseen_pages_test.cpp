// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/event_fd.hpp"
#include "cedana/criu/foreseen_pages.hpp"
#include "cedana/criu/image_capture.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include "unit/criu/image_bytes.hpp"
#include "unit/criu/streamer_peer.hpp"
#include "unit/temp_folder.hpp"

namespace cedana::criu {
namespace {

using testing::field;

constexpr std::uint64_t k_page = 4096;

class SinkByName : public ImageSink {
  public:
    int begin(const std::string& name) override {
        names_.push_back(name);
        return static_cast<int>(names_.size()) - 1;
    }
    std::span<std::byte> space(int /*image*/) override { return space_; }
    void filled(int image, std::size_t count) override { add(image, std::span(space_).first(count)); }
    void refer(int image, std::span<const std::byte> bytes) override {
        add(image, bytes);
        referred += bytes.size();
    }
    void end(int /*image*/) override {}
    [[nodiscard]] int space_ready() const override { return event_.fd(); }

    std::map<std::string, std::string> images;
    std::size_t referred = 0;

  private:
    void add(int image, std::span<const std::byte> bytes) {
        images[names_.at(static_cast<std::size_t>(image))].append(reinterpret_cast<const char*>(bytes.data()),
                                                                  bytes.size());
    }

    std::vector<std::string> names_;
    std::vector<std::byte> space_ = std::vector<std::byte>(1000);
    EventFd event_;
};

// Of task 7: a page that is known, two that are not, one that is.
class FourPages : public ForeseenPages {
  public:
    FourPages() {
        std::ranges::fill(std::span(memory_).first(k_page), std::byte{'a'});
        std::ranges::fill(std::span(memory_).last(k_page), std::byte{'d'});
    }
    [[nodiscard]] std::optional<std::vector<ForeseenRun>> foresee(pid_t task) override {
        if (task != 7)
            return std::nullopt;
        return std::vector<ForeseenRun>{
            {.address = 0x1000, .size = k_page, .place = memory_.data(), .is_known = true},
            {.address = 0x2000, .size = 2 * k_page, .place = memory_.data() + k_page},
            {.address = 0x9000, .size = k_page, .place = memory_.data() + 3 * k_page, .is_known = true}};
    }

  private:
    std::vector<std::byte> memory_ = std::vector<std::byte>(4 * k_page);
};

std::string pages_of(char letter, std::size_t count) { return std::string(count * k_page, letter); }

// As CRIU sends it: a run of three pages, and one alone.
std::string pagemap_of(std::uint64_t pages_id, std::uint64_t last = 0x9000) {
    return testing::image(testing::magic::pagemap, {field(1, pages_id), field(1, 0x1000) + field(4, 4) + field(5, 3),
                                                    field(1, last) + field(4, 4) + field(5, 1)});
}

class ForeseenCapture : public test::InTempFolder {
  protected:
    void SetUp() override { capture_.expect(pages_); }
    // All of both, each in a pipe of its own.
    void send(int task, const std::string& pagemap, const std::string& pages) {
        UniqueFd map = open(fmt::format("pagemap-{}.img", task));
        UniqueFd data = open("pages-1.img");
        put(data, pages);
        data.reset();
        put(map, pagemap);
        map.reset();
        while (loop_.run_once(std::chrono::milliseconds(20))) {}
    }
    static void put(const UniqueFd& pipe, std::string_view text) {
        ASSERT_EQ(::write(pipe.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    [[nodiscard]] UniqueFd open(const std::string& name) const {
        peer_.request(name);
        return peer_.keep_write_end();
    }

    EventLoop loop_;
    SinkByName sink_;
    FourPages pages_;
    ImageCapture capture_{loop_, path("."), sink_};
    test::StreamerPeer peer_{path("streamer-capture.sock")};
};

// What is known is thrown away: here it comes as something else.
TEST_F(ForeseenCapture, TakesFromThePipeOnlyWhatIsNotKnown) {
    send(7, pagemap_of(1), pages_of('x', 1) + pages_of('b', 2) + pages_of('x', 1));
    EXPECT_EQ(sink_.images["pages-1.img"], pages_of('a', 1) + pages_of('b', 2) + pages_of('d', 1));
    EXPECT_EQ(sink_.images["pagemap-7.img"], pagemap_of(1));
    EXPECT_EQ(sink_.referred, 4 * k_page);
    EXPECT_TRUE(capture_.drained());
    EXPECT_EQ(capture_.bytes(), 4 * k_page + pagemap_of(1).size());
}

TEST_F(ForeseenCapture, ReadsAllOfATaskThatIsNotForeseen) {
    send(8, pagemap_of(1), pages_of('x', 4));
    EXPECT_EQ(sink_.images["pages-1.img"], pages_of('x', 4));
    EXPECT_EQ(sink_.referred, 0U);
}

TEST_F(ForeseenCapture, FailsIfAPageIsMissing) { EXPECT_THROW(send(7, pagemap_of(1), pages_of('x', 3)), OtherPages); }

TEST_F(ForeseenCapture, FailsIfAPageIsTooMuch) { EXPECT_THROW(send(7, pagemap_of(1), pages_of('x', 5)), OtherPages); }

TEST_F(ForeseenCapture, FailsIfAPageIsAnother) {
    EXPECT_THROW(send(7, pagemap_of(1, 0xa000), pages_of('x', 4)), OtherPages);
}

TEST_F(ForeseenCapture, FailsIfThePagesAreOfAnotherTask) {
    EXPECT_THROW(send(7, pagemap_of(2), pages_of('x', 4)), OtherPages);
}

} // namespace
} // namespace cedana::criu
