// SPDX-License-Identifier: Apache-2.0
// An action as a list of steps, each with a name. The action runs the list in its order, and the first error ends it. A
// rehearsal (--dry-run, verify) goes through the same list, leaves out what touches anything, and goes on past what is
// refused: what one refuses, all refuse.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/progress.hpp"
#include "cedana/base/signals.hpp"

#include <functional>
#include <string>
#include <vector>

namespace cedana {

using Errors = std::vector<Error>;

struct Step {
    // As it is told to whoever watches: "putting files back".
    std::string name;
    // Throws Error if it cannot be done, or if what it asks for is not so.
    std::function<void()> run;
    // In its place when nothing may be touched: adds what run() would throw, as far as that can be known. Empty: the
    // step is left out.
    std::function<void(Errors&)> rehearse = {};
    // It may take its time: it is a phase for whoever watches.
    bool is_phase = false;
};

using Steps = std::vector<Step>;
void append(Steps& steps, Steps more);

// Finds something out that the following steps need: its error ends a rehearsal too.
[[nodiscard]] Step look(std::string name, std::function<void()> work);
// Asks whether something is as it must be, and changes nothing.
[[nodiscard]] Step check(std::string name, std::function<void()> work);
// As check(), where more than one thing can be refused: the action ends with the first, and tells the others as its
// cause; a rehearsal has them all.
[[nodiscard]] Step check_each(std::string name, std::function<Errors()> work);
// Changes something. A rehearsal leaves it out, or does `probe`: a check that throws what the work would.
[[nodiscard]] Step touch(std::string name, std::function<void()> work, std::function<void()> probe = {});

// What a later step refuses by itself before it changes anything: for a rehearsal alone.
[[nodiscard]] Step foretell(std::string name, std::function<void()> probe);

// The same step, as a phase for whoever watches.
[[nodiscard]] Step phase(Step step);

// Throws the first Error, and Error(Fault::interrupted) between steps.
void carry_out(const Steps& steps, Progress& progress, const Interrupt& interrupt = Interrupt::none());

// Throws what a look throws, and Error(Fault::interrupted). What else the action would end with is returned, in the
// order in which it would meet it.
[[nodiscard]] Errors rehearse(const Steps& steps, const Interrupt& interrupt = Interrupt::none());

} // namespace cedana
