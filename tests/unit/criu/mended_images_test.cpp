// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/event_fd.hpp"
#include "cedana/criu/mended_images.hpp"

#include <csignal>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sys/mman.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;
using testing::image;
namespace magic = testing::magic;

constexpr std::uint64_t k_granted = std::uint64_t{1} << 40;

std::string core_wanting(int signal, bool in_poll = false) {
    const std::string registers = field(11, static_cast<std::uint64_t>(-4)) + field(16, 7) + field(17, 1000);
    return image(magic::core, {field(1, 1) + (in_poll ? field(2, field(2, registers)) : "") + field(3, field(5, 0)) +
                               field(5, field(1, 1) + (signal == 0 ? "" : field(8, static_cast<unsigned>(signal))))});
}

std::string pstree() {
    const auto process = [](unsigned pid, unsigned parent, unsigned thread) {
        return field(1, pid) + field(2, parent) + field(5, pid) + field(5, thread);
    };
    return image(magic::pstree, {process(7, 0, 71), process(8, 7, 81)});
}

std::string mm() {
    return image(magic::mm, {field(14, field(1, 0x1000) + field(2, 0x2000) + field(5, PROT_NONE) +
                                           field(6, MAP_PRIVATE | MAP_ANONYMOUS) + field(7, 513))});
}

std::string pagemap(std::uint64_t address) {
    return image(magic::pagemap, {field(1, 1), field(1, address) + field(4, 4) + field(5, 1)});
}

// Gives `piece` bytes at a time, and those of what is in `late` only later.
class PieceSource : public ImageSource {
  public:
    explicit PieceSource(std::map<std::string, std::string> images) : images_(std::move(images)) {}
    [[nodiscard]] bool exists(const std::string& name) override { return images_.contains(name); }
    int open(const std::string& name) override {
        streams_.push_back({.name = name});
        return static_cast<int>(streams_.size() - 1);
    }
    [[nodiscard]] std::span<const std::byte> ready(int stream) override {
        const Stream& one = streams_.at(static_cast<std::size_t>(stream));
        if (late.contains(one.name))
            return {};
        const std::string& content = images_.at(one.name);
        return std::as_bytes(std::span(content).subspan(one.passed, std::min(piece, content.size() - one.passed)));
    }
    void passed(int stream, std::size_t count) override {
        streams_.at(static_cast<std::size_t>(stream)).passed += count;
    }
    void released(int stream, std::size_t count) override {
        streams_.at(static_cast<std::size_t>(stream)).released += count;
    }
    [[nodiscard]] bool at_end(int stream) override {
        const Stream& one = streams_.at(static_cast<std::size_t>(stream));
        return !late.contains(one.name) && one.passed == images_.at(one.name).size();
    }
    void close(int) override { ++closed; }
    [[nodiscard]] int data_ready() const override { return event_.fd(); }
    [[nodiscard]] std::size_t opened() const { return streams_.size(); }
    [[nodiscard]] std::size_t released_of(int stream) const {
        return streams_.at(static_cast<std::size_t>(stream)).released;
    }

    std::size_t piece = 3;
    std::set<std::string> late = {};
    std::size_t closed = 0;

  private:
    struct Stream {
        std::string name;
        std::size_t passed = 0;
        std::size_t released = 0;
    };
    std::map<std::string, std::string> images_;
    std::vector<Stream> streams_;
    EventFd event_;
};

class MendedImagesTest : public ::testing::Test {
  protected:
    [[nodiscard]] std::string rest_of(int stream) {
        std::string content;
        while (!mended_.at_end(stream)) {
            const auto piece = mended_.ready(stream);
            if (piece.empty())
                break;
            content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
            const std::size_t count = piece.size();
            mended_.passed(stream, count);
            mended_.released(stream, count);
        }
        return content;
    }
    [[nodiscard]] std::string read(const std::string& name) {
        const int stream = mended_.open(name);
        std::string content = rest_of(stream);
        mended_.close(stream);
        return content;
    }

    PieceSource source_{{{"pstree.img", pstree()},
                         {"core-7.img", core_wanting(SIGTERM, true)},
                         {"core-71.img", core_wanting(SIGKILL)},
                         {"core-8.img", core_wanting(SIGTERM)},
                         {"core-81.img", core_wanting(0)},
                         {"mm-7.img", mm()},
                         {"pagemap-7.img", pagemap(0x5000)},
                         {"mm-8.img", mm()},
                         {"pagemap-8.img", pagemap(0x1000)},
                         {"mm-9.img", mm()},
                         {"pages-1.img", std::string(10000, 'p')}}};
    MendedImages mended_{source_, k_granted, HugePages::sent};
};

TEST_F(MendedImagesTest, PassOthersOnAsTheyAre) {
    const int stream = mended_.open("pages-1.img");
    EXPECT_EQ(mended_.ready(stream).size(), source_.piece);
    EXPECT_EQ(rest_of(stream), std::string(10000, 'p'));
    EXPECT_EQ(source_.released_of(0), 10000U);
    mended_.close(stream);
    EXPECT_EQ(source_.closed, 1U);
    EXPECT_EQ(mended_.made(), std::set<Mend>{});
    EXPECT_TRUE(mended_.exists("mm-7.img"));
    EXPECT_FALSE(mended_.exists("mm-6.img"));
}

TEST_F(MendedImagesTest, TakeTheSignalFromTheRootAloneAndItsThreads) {
    EXPECT_EQ(read("pstree.img"), pstree());
    EXPECT_NE(read("core-7.img"), core_wanting(SIGTERM, true));
    EXPECT_EQ(mended_.made(), (std::set{Mend::parent_death_signal, Mend::interrupted_call}));
    EXPECT_EQ(read("core-71.img"), core_wanting(0));
    EXPECT_EQ(read("core-8.img"), core_wanting(SIGTERM));
    EXPECT_EQ(read("core-81.img"), core_wanting(0));
}

TEST_F(MendedImagesTest, LeaveThreadsOfAnUnknownTreeAlone) {
    EXPECT_EQ(read("core-7.img"), core_wanting(SIGTERM, true));
    EXPECT_EQ(mended_.made(), std::set<Mend>{});
}

TEST(MendedImages, HaveLocksOfWhichCriuWroteNone) {
    const DumpedLock lock{.pid = 8, .fd = 3, .start = 100, .length = 1};
    PieceSource source({{"pstree.img", pstree()}});
    MendedImages without(source, k_granted, HugePages::sent);
    EXPECT_FALSE(without.exists("filelocks.img"));
    MendedImages mended(source, k_granted, HugePages::sent, {}, {}, std::nullopt, {lock});
    ASSERT_TRUE(mended.exists("filelocks.img"));
    const int stream = mended.open("filelocks.img");
    const auto piece = mended.ready(stream);
    const std::string content(reinterpret_cast<const char*>(piece.data()), piece.size());
    mended.passed(stream, piece.size());
    EXPECT_TRUE(mended.at_end(stream));
    mended.close(stream);
    EXPECT_EQ(parse_file_locks(content), std::vector{lock});
    EXPECT_EQ(mended.made(), std::set{Mend::posix_lock});
}

TEST(MendedImages, TakeALimitFromWhomItIsPutBackTo) {
    std::string limits;
    for (int resource = 0; resource < 16; ++resource)
        limits += field(1, field(1, 5) + field(2, 5));
    const std::string core =
        image(magic::core, {field(1, 1) + field(3, field(5, 0) + field(8, limits)) + field(5, "")});
    PieceSource source({{"pstree.img", pstree()}, {"core-7.img", core}, {"core-8.img", core}});
    MendedImages mended(source, k_granted, HugePages::sent, {}, {8});
    const auto read = [&](const std::string& name) {
        const int stream = mended.open(name);
        std::string content;
        while (!mended.at_end(stream)) {
            const auto piece = mended.ready(stream);
            content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
            mended.passed(stream, piece.size());
        }
        return content;
    };
    read("pstree.img");
    EXPECT_EQ(read("core-7.img"), core);
    EXPECT_NE(read("core-8.img"), core);
    EXPECT_EQ(mended.made(), std::set{Mend::raised_limit});
}

TEST(MendedImages, LeaveATreeInTheTimeNamespaceThatIsThere) {
    const auto inventory = [](unsigned time) {
        const std::string message = field(1, 1) + field(3, field(1, 3) + field(12, time));
        return testing::number(0x58313116) + testing::number(static_cast<std::uint32_t>(message.size())) + message;
    };
    PieceSource source({{"inventory.img", inventory(8)},
                        {"ids-7.img", image(0x54432030, {field(1, 1) + field(12, 15)})},
                        {"timens-0.img", "clocks"}});
    MendedImages mended(source, k_granted, HugePages::sent, {}, {}, 7);
    EXPECT_FALSE(mended.exists("timens-0.img"));
    EXPECT_TRUE(mended.exists("inventory.img"));
    const int stream = mended.open("inventory.img");
    std::string content;
    while (!mended.at_end(stream)) {
        const auto piece = mended.ready(stream);
        content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        mended.passed(stream, piece.size());
    }
    EXPECT_EQ(content, inventory(15));
    EXPECT_EQ(mended.made(), std::set{Mend::time_namespace});
}

TEST_F(MendedImagesTest, LookAtThePagesOfAMapping) {
    EXPECT_NE(read("mm-7.img"), mm());
    EXPECT_EQ(mended_.made(), std::set{Mend::empty_mapping});
    EXPECT_EQ(read("mm-8.img"), mm());
    EXPECT_EQ(read("mm-9.img"), mm()) << "its pages are not known";
    EXPECT_EQ(source_.closed, source_.opened());
}

TEST_F(MendedImagesTest, WaitForAllThatTheyNeed) {
    source_.late = {"pagemap-7.img"};
    const int stream = mended_.open("mm-7.img");
    EXPECT_TRUE(mended_.ready(stream).empty());
    EXPECT_FALSE(mended_.at_end(stream));
    source_.late.clear();
    EXPECT_GT(rest_of(stream).size(), 0U);
    EXPECT_TRUE(mended_.at_end(stream));
}

TEST_F(MendedImagesTest, CanBeLeftBeforeTheyAreWhole) {
    source_.late = {"pagemap-7.img"};
    const int stream = mended_.open("mm-7.img");
    EXPECT_TRUE(mended_.ready(stream).empty());
    mended_.close(stream);
    EXPECT_EQ(source_.closed, source_.opened());
}

} // namespace
} // namespace cedana::criu
