// SPDX-License-Identifier: Apache-2.0
// Images of a dump on their way into a checkpoint, counted for whoever watches.
#pragma once

#include "cedana/base/progress.hpp"
#include "cedana/criu/image_capture.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace cedana {

class ReportedImages : public criu::ImageSink {
  public:
    // `expected`: bytes in all, as far as can be said beforehand. All must outlive this.
    ReportedImages(criu::ImageSink& sink, Progress& progress, std::uint64_t expected)
        : sink_(sink), progress_(progress), expected_(expected) {}

    int begin(const std::string& name) override {
        // CRIU writes nothing before it has frozen the tree.
        if (!std::exchange(begun_, true))
            progress_.frozen(true);
        return sink_.begin(name);
    }
    std::span<std::byte> space(int image) override { return sink_.space(image); }
    void filled(int image, std::size_t count) override {
        sink_.filled(image, count);
        bytes_ += count;
        progress_.bytes(bytes_, expected_);
    }
    void end(int image) override { sink_.end(image); }
    [[nodiscard]] int space_ready() const override { return sink_.space_ready(); }

  private:
    criu::ImageSink& sink_;
    Progress& progress_;
    std::uint64_t expected_;
    std::uint64_t bytes_ = 0;
    bool begun_ = false;
};

} // namespace cedana
