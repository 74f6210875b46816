// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/step.hpp"

#include <csignal>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <unistd.h>

namespace cedana {
namespace {

class PhaseList : public Progress {
  public:
    void phase(std::string_view name) override { names.emplace_back(name); }
    std::vector<std::string> names;
};

class StepsTest : public ::testing::Test {
  protected:
    [[nodiscard]] std::function<void()> note(std::string what) {
        return [this, what = std::move(what)] { done.push_back(what); };
    }
    [[nodiscard]] static std::function<void()> refuse(Fault fault, std::string why) {
        return [fault, why = std::move(why)] { throw Error(fault, why); };
    }
    [[nodiscard]] static std::vector<std::string> messages(const Errors& refusals) {
        std::vector<std::string> texts;
        for (const Error& error : refusals)
            texts.push_back(error.message());
        return texts;
    }
    [[nodiscard]] Error error_of(const Steps& steps) {
        try {
            carry_out(steps, progress);
        } catch (const Error& error) {
            return error;
        }
        return {Fault::internal, "nothing was thrown"};
    }

    PhaseList progress;
    std::vector<std::string> done;
};

using Names = std::vector<std::string>;

TEST_F(StepsTest, AreCarriedOutInTheirOrder) {
    carry_out({look("a", note("looked")), check("b", note("checked")), touch("c", note("touched"))}, progress);
    EXPECT_EQ(done, (Names{"looked", "checked", "touched"}));
}

TEST_F(StepsTest, EndWithTheFirstError) {
    const Error error = error_of({check("a", refuse(Fault::storage, "no room")), touch("b", note("touched")),
                                  check("c", refuse(Fault::usage, "no name"))});
    EXPECT_EQ(error.fault(), Fault::storage);
    EXPECT_EQ(error.message(), "no room");
    EXPECT_EQ(done, Names());
}

TEST_F(StepsTest, TellThePhasesAmongThem) {
    carry_out({check("seen", note("checked")), phase(touch("moving", note("touched"))), touch("quiet", note("more"))},
              progress);
    EXPECT_EQ(progress.names, Names{"moving"});
}

TEST_F(StepsTest, TouchNothingInARehearsal) {
    EXPECT_TRUE(
        rehearse({look("a", note("looked")), touch("b", note("touched")), check("c", note("checked"))}).empty());
    EXPECT_EQ(done, (Names{"looked", "checked"}));
}

TEST_F(StepsTest, AreAllAskedInARehearsal) {
    const Errors refusals = rehearse({check("a", refuse(Fault::storage, "no room")), touch("b", note("touched")),
                                      check("c", refuse(Fault::usage, "no name")), check("d", note("checked"))});
    EXPECT_EQ(messages(refusals), (Names{"no room", "no name"}));
    EXPECT_EQ(done, Names{"checked"});
}

TEST_F(StepsTest, RefuseInARehearsalFirstWhatTheyRefuseInTheAction) {
    const auto locked = refuse(Fault::dump_failed, "locked");
    const Steps steps = {touch("a", note("touched")), touch("b", locked, locked),
                         check("c", refuse(Fault::storage, "no room"))};
    EXPECT_EQ(messages(rehearse(steps)), (Names{"locked", "no room"}));
    EXPECT_EQ(error_of(steps).message(), "locked");
}

TEST_F(StepsTest, ThatLookEndARehearsalToo) {
    EXPECT_THROW(static_cast<void>(rehearse({look("a", refuse(Fault::no_process, "gone")), check("b", note("asked"))})),
                 Error);
    EXPECT_EQ(done, Names());
}

TEST_F(StepsTest, AreInterruptedInARehearsalToo) {
    EXPECT_THROW(static_cast<void>(rehearse({check("a", refuse(Fault::interrupted, "Ctrl-C"))})), Error);
}

class PendingInterrupt : public StepsTest {
  protected:
    const Interrupt interrupt = Interrupt::install();
};

TEST_F(PendingInterrupt, ComesBetweenTheLooksOfARehearsal) {
    const Steps steps = {look("a", [] {}), check("b", note("asked"))};
    ::kill(::getpid(), SIGTERM);
    EXPECT_THROW(static_cast<void>(rehearse(steps, interrupt)), Error);
    EXPECT_EQ(done, Names());
}

TEST_F(PendingInterrupt, ComesBetweenTheStepsOfAnAction) {
    ::kill(::getpid(), SIGTERM);
    EXPECT_THROW(carry_out({check("b", note("asked"))}, progress, interrupt), Error);
    EXPECT_EQ(done, Names());
}

TEST_F(StepsTest, ThatForetellAreForARehearsalAlone) {
    const Steps steps = {foretell("a", note("foretold"))};
    carry_out(steps, progress);
    EXPECT_EQ(done, Names());
    EXPECT_TRUE(rehearse(steps).empty());
    EXPECT_EQ(done, Names{"foretold"});
}

class CheckOfSeveral : public StepsTest {
  protected:
    Steps steps = {check_each("a", [] {
        return Errors{Error(Fault::permission, "one").hint("do"), Error(Fault::usage, "two"),
                      Error(Fault::usage, "three")};
    })};
};

TEST_F(CheckOfSeveral, EndsTheActionWithTheFirstAndNamesTheOthers) {
    const Error error = error_of(steps);
    EXPECT_EQ(error.fault(), Fault::permission);
    EXPECT_EQ(error.message(), "one");
    EXPECT_EQ(error.cause(), "also: two; three");
    EXPECT_EQ(error.hint(), "do");
}

TEST_F(CheckOfSeveral, NamesNotHundreds) {
    const Error error = error_of({check_each("a", [] { return Errors(300, Error(Fault::usage, "one")); })});
    EXPECT_EQ(error.cause(), "also: one; one; one; one; one; and 294 more");
}

TEST_F(CheckOfSeveral, GivesARehearsalEachOfThem) {
    EXPECT_EQ(messages(rehearse(steps)), (Names{"one", "two", "three"}));
}

} // namespace
} // namespace cedana
