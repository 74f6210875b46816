// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/event_fd.hpp"
#include "cedana/criu/memory_map.hpp"
#include "cedana/criu/trial_images.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "unit/criu/image_bytes.hpp"

namespace cedana::criu {
namespace {

using testing::field;
using testing::image;

constexpr std::uint32_t k_core_magic = 0x55053847;
constexpr std::uint32_t k_memory_magic = 0x57492820;
constexpr std::uint64_t k_ip = 0x401000;
constexpr std::uint64_t k_everything = ~std::uint64_t{0};

// images/core-x86.proto: gpregs, of which 1 is r15 and 17 ip.
std::string x86(std::uint64_t mode) {
    return field(2, field(1, 1) + field(2, field(1, 15) + field(17, k_ip) + field(20, 0x7fff0000) + field(28, mode)));
}

std::string first_thread() {
    return image(k_core_magic, {field(1, 1) + x86(1) + field(3, field(1, 1) + field(5, 6) + field(6, "app")) +
                                field(5, field(6, 4) + field(13, "app"))});
}

// Where the kernel is: bit 63 is set.
bool is_nowhere(std::uint64_t address) { return address >> 63 != 0; }

TEST(TrialImages, NoThreadHasAWayOn) {
    const ThreadState thread = parse_thread(without_way_on(first_thread()));
    EXPECT_TRUE(is_nowhere(thread.instruction.value()));
    EXPECT_EQ(thread.stack, 0x7fff0000U);
    EXPECT_EQ(thread.comm, "app");
    EXPECT_EQ(thread.registers.front().second, 15U);
}

TEST(TrialImages, AThirtyTwoBitProgramHasNoneEither) {
    const std::string core = image(k_core_magic, {field(1, 1) + x86(2) + field(5, field(6, 4))});
    EXPECT_EQ(parse_thread(without_way_on(core)).instruction, 0xfffff000U);
}

TEST(TrialImages, EachThreadBlocksEverySignal) {
    const std::string changed = without_way_on(first_thread());
    EXPECT_NE(changed.find(field(5, k_everything)), std::string::npos);
    EXPECT_NE(changed.find(field(6, k_everything)), std::string::npos);
    // A thread whose mask was not kept gets one.
    const std::string plain = image(k_core_magic, {field(1, 1) + x86(1) + field(5, field(13, "t"))});
    EXPECT_NE(without_way_on(plain).find(field(6, k_everything)), std::string::npos);
}

TEST(TrialImages, OneThatHasEndedStaysAsItIs) {
    const std::string ended = image(k_core_magic, {field(1, 1) + field(3, field(1, 2) + field(6, "app"))});
    EXPECT_NO_THROW(static_cast<void>(without_way_on(ended)));
}

TEST(TrialImages, AProcessorThatIsNotKnownCannotBeTried) {
    // images/core.proto: 13 is riscv64.
    const std::string core = image(k_core_magic, {field(1, 8) + field(13, field(1, 1)) + field(3, field(1, 1))});
    try {
        static_cast<void>(without_way_on(core));
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::environment);
    }
}

TEST(TrialImages, NoCoreDumpIsLeft) {
    const std::string changed = without_core_dump(image(k_memory_magic, {field(1, 1) + field(15, 1)}));
    EXPECT_EQ(changed, image(k_memory_magic, {field(1, 1) + field(15, std::uint64_t{0})}));
}

// Gives each image a few bytes at a time.
class InPieces : public ImageSource {
  public:
    std::map<std::string, std::string> images;

    [[nodiscard]] bool exists(const std::string& name) override { return images.contains(name); }
    int open(const std::string& name) override {
        rest_[++last_] = images.at(name);
        return last_;
    }
    [[nodiscard]] std::span<const std::byte> ready(int stream) override {
        return std::as_bytes(std::span(rest_.at(stream)).first(std::min<std::size_t>(7, rest_.at(stream).size())));
    }
    void passed(int stream, std::size_t count) override { rest_.at(stream).erase(0, count); }
    void released(int /*stream*/, std::size_t /*count*/) override {}
    [[nodiscard]] bool at_end(int stream) override { return rest_.at(stream).empty(); }
    void close(int stream) override { rest_.erase(stream); }
    [[nodiscard]] int data_ready() const override { return ready_.fd(); }

  private:
    std::map<int, std::string> rest_;
    int last_ = 0;
    EventFd ready_;
};

std::string whole(ImageSource& source, const std::string& name) {
    std::string content;
    const int stream = source.open(name);
    while (!source.at_end(stream)) {
        const std::span<const std::byte> piece = source.ready(stream);
        content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        source.passed(stream, piece.size());
        source.released(stream, piece.size());
    }
    source.close(stream);
    return content;
}

TEST(TrialImages, ChangesThreadsAndMemoryAndPassesAllElse) {
    InPieces source;
    const std::string memory = image(k_memory_magic, {field(1, 1)});
    source.images = {{"core-4.img", first_thread()}, {"mm-4.img", memory}, {"pages-1.img", std::string(100, 'x')}};
    TrialImages images(source);
    EXPECT_FALSE(images.exists("core-5.img"));
    source.images.emplace("cgroup.img", "x");
    EXPECT_FALSE(images.exists("cgroup.img"));
    EXPECT_EQ(whole(images, "core-4.img"), without_way_on(first_thread()));
    EXPECT_EQ(whole(images, "mm-4.img"), without_core_dump(memory));
    EXPECT_EQ(whole(images, "pages-1.img"), std::string(100, 'x'));
}

} // namespace
} // namespace cedana::criu
