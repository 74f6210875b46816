// SPDX-License-Identifier: Apache-2.0
// Images that come as CRIU sends them, into a sink in memory.
#pragma once

#include "cedana/base/event_fd.hpp"
#include "cedana/criu/image_capture.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <unistd.h>

#include "unit/criu/streamer_peer.hpp"
#include "unit/temp_folder.hpp"

namespace cedana::criu::testing {

// Keeps what comes; gives no room for the images in `full`.
class MemorySink : public ImageSink {
  public:
    int begin(const std::string& name) override {
        names.push_back(name);
        contents.emplace_back();
        return static_cast<int>(names.size() - 1);
    }
    std::span<std::byte> space(int image) override {
        return full.contains(image) ? std::span<std::byte>() : std::span(buffer_);
    }
    void filled(int image, std::size_t count) override {
        contents[static_cast<std::size_t>(image)].append(reinterpret_cast<const char*>(buffer_.data()), count);
    }
    void refer(int image, std::span<const std::byte> bytes) override {
        contents[static_cast<std::size_t>(image)].append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        referred += bytes.size();
    }
    void end(int image) override { ended.insert(image); }
    [[nodiscard]] int space_ready() const override { return ready.fd(); }

    std::vector<std::string> names;
    std::vector<std::string> contents;
    std::set<int> ended;
    std::set<int> full;
    std::size_t referred = 0;
    EventFd ready;

    // Of an image by its name.
    [[nodiscard]] std::string content(const std::string& name) const {
        const auto found = std::ranges::find(names, name);
        return found == names.end() ? "" : contents[static_cast<std::size_t>(found - names.begin())];
    }

  private:
    std::array<std::byte, 100> buffer_{};
};

class ImageCaptureTest : public test::InTempFolder {
  protected:
    void run_until_quiet() {
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
    MemorySink sink_;
    ImageCapture capture_{loop_, path("."), sink_};
    test::StreamerPeer peer_{path("streamer-capture.sock")};
};

} // namespace cedana::criu::testing
