// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/step.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana {

namespace {

void collect(Errors& refusals, const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        if (error.fault() == Fault::interrupted)
            throw;
        refusals.push_back(error);
    }
}

void throw_first(const Errors& refusals) {
    // Of a large tree there may be one for each process.
    constexpr std::size_t k_most_named = 6;
    if (refusals.empty())
        return;
    std::string others;
    for (std::size_t i = 1; i < std::min(refusals.size(), k_most_named); ++i)
        others += (i == 1 ? "also: " : "; ") + refusals[i].message();
    if (refusals.size() > k_most_named)
        others += fmt::format("; and {} more", refusals.size() - k_most_named);
    Error first = refusals.front();
    if (!others.empty())
        first.cause(others);
    throw Error(std::move(first));
}

} // namespace

void append(Steps& steps, Steps more) {
    for (Step& step : more)
        steps.push_back(std::move(step));
}

Step look(std::string name, std::function<void()> work) {
    return {.name = std::move(name), .run = work, .rehearse = [work = std::move(work)](Errors&) { work(); }};
}

Step check(std::string name, std::function<void()> work) {
    return {.name = std::move(name), .run = work, .rehearse = [work = std::move(work)](Errors& refusals) {
                collect(refusals, work);
            }};
}

Step check_each(std::string name, std::function<Errors()> work) {
    return {.name = std::move(name),
            .run = [work] { throw_first(work()); },
            .rehearse =
                [work = std::move(work)](Errors& refusals) {
                    for (Error& error : work())
                        refusals.push_back(std::move(error));
                }};
}

Step touch(std::string name, std::function<void()> work, std::function<void()> probe) {
    Step step{.name = std::move(name), .run = std::move(work)};
    if (probe)
        step.rehearse = [probe = std::move(probe)](Errors& refusals) { collect(refusals, probe); };
    return step;
}

Step foretell(std::string name, std::function<void()> probe) {
    return {.name = std::move(name), .run = [] {}, .rehearse = check({}, std::move(probe)).rehearse};
}

Step phase(Step step) {
    step.is_phase = true;
    return step;
}

void carry_out(const Steps& steps, Progress& progress, const Interrupt& interrupt) {
    for (const Step& step : steps) {
        interrupt.throw_if_pending();
        spdlog::debug("{}", step.name);
        if (step.is_phase)
            progress.phase(step.name);
        step.run();
    }
}

Errors rehearse(const Steps& steps, const Interrupt& interrupt) {
    Errors refusals;
    for (const Step& step : steps) {
        interrupt.throw_if_pending();
        if (step.rehearse)
            step.rehearse(refusals);
    }
    return refusals;
}

} // namespace cedana
