// SPDX-License-Identifier: Apache-2.0
// Images that are in memory, as a sink and as a source.
#pragma once

#include "cedana/base/event_fd.hpp"
#include "cedana/model/image_stream.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace cedana::test {

class SinkInMemory : public ImageSink {
  public:
    int begin(const std::string& name) override {
        names_.push_back(name);
        return static_cast<int>(names_.size()) - 1;
    }
    std::span<std::byte> space(int /*image*/) override { return space_; }
    void filled(int image, std::size_t count) override {
        images[names_.at(static_cast<std::size_t>(image))].append(reinterpret_cast<const char*>(space_.data()), count);
    }
    void refer(int image, std::span<const std::byte> bytes) override {
        images[names_.at(static_cast<std::size_t>(image))].append(reinterpret_cast<const char*>(bytes.data()),
                                                                  bytes.size());
    }
    void end(int /*image*/) override {}
    [[nodiscard]] int space_ready() const override { return event_.fd(); }

    std::map<std::string, std::string> images;

  private:
    std::vector<std::string> names_;
    std::vector<std::byte> space_ = std::vector<std::byte>(1000);
    EventFd event_;
};

class SourceInMemory : public ImageSource {
  public:
    explicit SourceInMemory(std::map<std::string, std::string> images) : images_(std::move(images)) {}
    [[nodiscard]] bool exists(const std::string& name) override { return images_.contains(name); }
    int open(const std::string& name) override {
        rest_ = images_.at(name);
        return 0;
    }
    [[nodiscard]] std::span<const std::byte> ready(int /*stream*/) override {
        return std::as_bytes(std::span(rest_)).first(std::min<std::size_t>(rest_.size(), 700));
    }
    void passed(int /*stream*/, std::size_t count) override { rest_.remove_prefix(count); }
    void released(int /*stream*/, std::size_t /*count*/) override {}
    [[nodiscard]] bool at_end(int /*stream*/) override { return rest_.empty(); }
    void close(int /*stream*/) override {}
    [[nodiscard]] int data_ready() const override { return event_.fd(); }

  private:
    std::map<std::string, std::string> images_;
    std::string_view rest_;
    EventFd event_;
};

} // namespace cedana::test
