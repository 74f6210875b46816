// SPDX-License-Identifier: Apache-2.0
// Images that are changed as they pass to CRIU: one that may be is read whole before the first of its bytes is given,
// which is small; all others go through as they are. So none waits for another.
#pragma once

#include "cedana/model/image_stream.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cedana::criu {

class WholeImages : public ImageSource {
  public:
    // `images` must outlive this.
    explicit WholeImages(ImageSource& images) : images_(images) {}

    [[nodiscard]] bool exists(const std::string& name) override { return images_.exists(name); }
    int open(const std::string& name) override;
    [[nodiscard]] std::span<const std::byte> ready(int stream) override;
    void passed(int stream, std::size_t count) override;
    void released(int stream, std::size_t count) override;
    [[nodiscard]] bool at_end(int stream) override;
    // What was read whole is kept until the end: a pipe may refer to it.
    void close(int stream) override;
    [[nodiscard]] int data_ready() const override { return images_.data_ready(); }

  private:
    // Of an image that may be changed: what else must be known for that, another image or "". Nothing for one that goes
    // through.
    [[nodiscard]] virtual std::optional<std::string> companion_of(const std::string& name) const = 0;
    // `companion`: null if there is none. `image`: empty where it is not there, and yet was opened.
    virtual void change(const std::string& name, std::string& image, const std::string* companion) = 0;

    // Of `images`.
    struct Input {
        int stream;
        bool open = true;
        std::string content = {};
    };
    struct Stream {
        std::string name;
        // The image, and what else must be known to change it. One that goes through has the first alone, unread.
        std::vector<Input> inputs;
        bool may_be_changed = false;
        bool whole = false;
        std::size_t passed = 0;
    };

    [[nodiscard]] Stream& whole(int stream);
    [[nodiscard]] bool read(Input& input);

    ImageSource& images_;
    std::map<int, Stream> streams_;
    int last_ = 0;
};

} // namespace cedana::criu
