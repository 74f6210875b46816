// SPDX-License-Identifier: Apache-2.0
// How images go from CRIU into a checkpoint and back: the two sides know each other by this alone. CRIU's stream writes
// into a sink and reads from a source; the archive is both.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace cedana {

// Where the images of a dump go. For one thread.
class ImageSink {
  public:
    virtual ~ImageSink() = default;
    // A new image; its number.
    virtual int begin(const std::string& name) = 0;
    // Memory for the next bytes of an image; empty while there is none (back-pressure).
    virtual std::span<std::byte> space(int image) = 0;
    virtual void filled(int image, std::size_t count) = 0;
    // The next bytes of an image lie elsewhere: they stay there, unchanged, until the sink is done with all images. An
    // image is either referred to or filled, never both.
    virtual void refer(int image, std::span<const std::byte> bytes) = 0;
    virtual void end(int image) = 0;
    // An eventfd, set when space() may succeed again after it gave none, and when the sink has failed (space() then
    // throws). Whoever fills the sink reads it.
    [[nodiscard]] virtual int space_ready() const = 0;
};

// Where the images of a restore come from. For one thread; any call may throw Error, which ends the restore.
class ImageSource {
  public:
    virtual ~ImageSource() = default;
    [[nodiscard]] virtual bool exists(const std::string& name) = 0;
    // Begins to read an image from its start; the number of this stream.
    virtual int open(const std::string& name) = 0;
    // Bytes that can be sent now; empty while none are ready and after the last.
    [[nodiscard]] virtual std::span<const std::byte> ready(int stream) = 0;
    // The first `count` of them are in the pipe, which may refer to their pages: they must not change until released()
    // counts them, and after close() not at all (unmapped they may be).
    virtual void passed(int stream, std::size_t count) = 0;
    virtual void released(int stream, std::size_t count) = 0;
    [[nodiscard]] virtual bool at_end(int stream) = 0;
    virtual void close(int stream) = 0;
    // An eventfd, set when ready() may give more for a stream that had none, and when the source has failed. Whoever
    // reads the source reads it.
    [[nodiscard]] virtual int data_ready() const = 0;
};

} // namespace cedana
