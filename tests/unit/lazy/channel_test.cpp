// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/child_process.hpp"
#include "cedana/base/files.hpp"
#include "cedana/lazy/channel.hpp"
#include "cedana/lazy/handover.hpp"
#include "cedana/lazy/job.hpp"

#include <csignal>
#include <cstdint>
#include <optional>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

namespace cedana {
namespace {

TEST(LazyChannel, CarriesDescriptorsEndsAndFailuresInTheirOrder) {
    auto [keeper, server] = make_lazy_channel();
    Pipe pipe = make_pipe();
    {
        LazyWitness witness(std::move(server));
        witness.opened(pipe.write_end.get(), 42);
        witness.closing(17);
        witness.tree_goes_on();
        witness.failed(Error(Fault::checkpoint, "a frame").hint("do"));
    }
    auto news = next_news(keeper.get());
    ASSERT_TRUE(news && std::holds_alternative<WitnessedFault>(*news));
    const auto& opened = std::get<WitnessedFault>(*news);
    EXPECT_EQ(opened.number, pipe.write_end.get());
    EXPECT_EQ(opened.pid, 42);
    ASSERT_EQ(::write(opened.fault.get(), "x", 1), 1);
    char byte = 0;
    EXPECT_EQ(::read(pipe.read_end.get(), &byte, 1), 1);
    news = next_news(keeper.get());
    ASSERT_TRUE(news && std::holds_alternative<WitnessedEnd>(*news));
    EXPECT_EQ(std::get<WitnessedEnd>(*news).number, 17);
    news = next_news(keeper.get());
    EXPECT_TRUE(news && std::holds_alternative<WitnessedTree>(*news));
    news = next_news(keeper.get());
    ASSERT_TRUE(news && std::holds_alternative<Error>(*news));
    EXPECT_EQ(std::get<Error>(*news).fault(), Fault::checkpoint);
    EXPECT_EQ(std::get<Error>(*news).hint(), "do");
    EXPECT_FALSE(next_news(keeper.get()));
}

TEST(LazyChannel, LetsTheServerGoOnWithoutAKeeper) {
    auto [keeper, server] = make_lazy_channel();
    keeper.reset();
    LazyWitness witness(std::move(server));
    witness.closing(17);
}

TEST(LazyChannel, CarriesTheConnectionOfCriu) {
    auto [keeper, server] = make_lazy_channel();
    auto [criu, accepted] = make_lazy_channel();
    pass_criu(keeper.get(), accepted.get());
    keeper.reset();
    auto handover = criu::LazyHandover::receive_passed(server.get());
    const std::int32_t finished = 0x52535446;
    ASSERT_EQ(::write(criu.get(), &finished, sizeof finished), static_cast<ssize_t>(sizeof finished));
    const auto message = handover.next();
    EXPECT_TRUE(message && std::holds_alternative<criu::LazyHandover::TreeGoesOn>(*message));
    EXPECT_THROW(static_cast<void>(criu::LazyHandover::receive_passed(server.get())), Error);
}

TEST(LazyChannel, TellsTheRootOfAContainerAndNoOtherNumbers) {
    auto [keeper, server] = make_lazy_channel();
    ChildProcess root = ChildProcess::spawn({.argv = {"sleep", "60"}});
    LazyWitness witness(std::move(server));
    pass_root(
        keeper.get(),
        LazyRoot{.pid = root.pid(), .numbers = TaskNumbers::of_the_tree, .handle = std::move(*open_pidfd(root.pid()))});
    EXPECT_EQ(witness.await_root(), root.pid());
    const Pipe pipe = make_pipe();
    // Another process here than there.
    witness.opened(pipe.write_end.get(), 1);
    const auto news = next_news(keeper.get());
    ASSERT_TRUE(news && std::holds_alternative<WitnessedFault>(*news));
    EXPECT_EQ(std::get<WitnessedFault>(*news).pid, 0);
    keeper.reset();
    witness.end_tree_if_alone();
    EXPECT_EQ(root.wait().signal(), SIGKILL);
}

TEST(LazyChannel, SaysThatNoContainerComes) {
    auto [keeper, server] = make_lazy_channel();
    LazyWitness witness(std::move(server));
    pass_root(keeper.get(), std::nullopt);
    EXPECT_THROW(static_cast<void>(witness.await_root()), Error);
    keeper.reset();
    EXPECT_THROW(static_cast<void>(witness.await_root()), Error);
}

TEST(LazyJob, ComesBackAsItWas) {
    const LazyJob job{.checkpoint = "/a \"b\".zip",
                      .manifest_digest = "00",
                      .pid = 42,
                      .name = "n",
                      .container = "c",
                      .threads = 3,
                      .folder = "/f"};
    const nlohmann::json plan = job;
    EXPECT_EQ(plan.get<LazyJob>(), job);
    EXPECT_THROW(static_cast<void>(nlohmann::json::object().get<LazyJob>()), nlohmann::json::exception);
}

TEST(LazyOutcome, IsAnErrorOnlyIfItIsOne) {
    EXPECT_FALSE(parse_error("{}"));
    EXPECT_FALSE(parse_error(""));
    const auto error = parse_error(to_text(Error(Fault::storage, "m").cause("c").log("l")));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->fault(), Fault::storage);
    EXPECT_EQ(error->message(), "m");
    EXPECT_EQ(error->cause(), "c");
    EXPECT_EQ(error->log(), "l");
}

} // namespace
} // namespace cedana
