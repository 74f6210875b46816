// SPDX-License-Identifier: Apache-2.0
#include "cedana/archive/image_check.hpp"

#include "cedana/archive/codec.hpp"
#include "cedana/base/checksums.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/parallel.hpp"
#include "cedana/base/text.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string_view>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

Error damaged(const ZipReader& zip, const ImageRecord& record, std::string_view what) {
    return {Fault::checkpoint,
            fmt::format("{} is damaged: {} of {}", printable(zip.path().string()), what, printable(record.name))};
}

// An image whose frames are being checked, by many threads at once.
class CheckedImage {
  public:
    CheckedImage(const ImageCheck& check, const ImageRecord& record)
        : zip_(check.zip), record_(record), sums_(check.sums), entry_(zip_.open_raw(record.entry_name(check.folder))),
          crcs_(record.frames.size()) {}

    [[nodiscard]] std::size_t frames() const { return record_.frames.size(); }

    // The frame's content, in `content`.
    std::span<const std::byte> decode(std::size_t number, FrameDecoder& decoder, std::vector<std::byte>& compressed,
                                      std::vector<std::byte>& content) {
        const FrameRecord& frame = record_.frames[number];
        compressed.resize(frame.compressed);
        entry_.read(frame.offset, compressed);
        if (sha256(compressed) != frame.digest)
            throw damaged(zip_, record_, fmt::format("frame {}", number));
        if (sums_ != nullptr && frame_sum(compressed) != sums_->at(record_.name, number))
            throw damaged(zip_, record_, fmt::format("the sum of frame {}", number));
        if (record_.seal)
            crcs_[number] = crc32_of(compressed);
        const std::span<const std::byte> opened = record_.seal
                                                      ? record_.seal->open(record_.place_of(number), compressed)
                                                      : std::span<const std::byte>(compressed);
        content.resize(frame.size);
        decoder.decode(record_.method, opened, content);
        if (!record_.seal)
            crcs_[number] = crc32_of(content);
        return content;
    }

    // Once every frame was decoded.
    void require_whole() const {
        std::uint32_t crc = 0;
        for (std::size_t i = 0; i < crcs_.size(); ++i)
            crc = crc32_join(crc, crcs_[i], record_.seal ? record_.frames[i].compressed : record_.frames[i].size);
        if (crc != record_.crc)
            throw damaged(zip_, record_, "the checksum");
        const std::vector<std::byte> table =
            record_.has_seek_table() ? seek_table(record_.frames) : std::vector<std::byte>();
        const std::uint64_t end = record_.end_of_frames();
        if (entry_.info().compressed != end + table.size())
            throw damaged(zip_, record_, "the end");
        std::vector<std::byte> found(table.size());
        entry_.read(end, found);
        if (found != table)
            throw damaged(zip_, record_, "the seek table");
    }

    void require_digest(const std::string& found, const std::string& expected) const {
        if (found != expected)
            throw damaged(zip_, record_, "the digest");
    }

  private:
    const ZipReader& zip_;
    const ImageRecord& record_;
    const FrameSums* sums_;
    RawEntry entry_;
    std::vector<std::uint32_t> crcs_;
};

// Frames of all images, one after the other, for whichever thread is free.
class Work {
  public:
    struct Piece {
        std::shared_ptr<CheckedImage> image;
        std::size_t frame;
        // Of the whole image, in place of one frame.
        const std::string* digest;
    };

    explicit Work(const ImageCheck& check) : check_(check), next_(check.index.images.begin()) {}

    std::optional<Piece> next_piece() {
        const std::scoped_lock lock(mutex_);
        if (check_.stop)
            return std::nullopt;
        while (!image_ || next_frame_ == image_->frames()) {
            if (next_ == check_.index.images.end())
                return std::nullopt;
            image_ = std::make_shared<CheckedImage>(check_, *next_);
            const auto digest = check_.digests.find(next_->name);
            ++next_;
            next_frame_ = 0;
            if (digest != check_.digests.end()) {
                next_frame_ = image_->frames();
                return Piece{.image = image_, .frame = 0, .digest = &digest->second};
            }
            images_.push_back(image_);
        }
        return Piece{.image = image_, .frame = next_frame_++, .digest = nullptr};
    }

    // Once every piece was checked.
    void finish() const {
        if (check_.stop)
            return;
        for (const auto& image : images_)
            image->require_whole();
    }

  private:
    const ImageCheck& check_;
    std::mutex mutex_;
    std::set<ImageRecord, ByName>::const_iterator next_;
    std::shared_ptr<CheckedImage> image_;
    std::size_t next_frame_ = 0;
    std::vector<std::shared_ptr<CheckedImage>> images_;
};

class Checker {
  public:
    Checker(const ImageCheck& check, Work& work) : check_(check), work_(work) {}

    void run(const std::stop_token& stop) {
        for (auto piece = work_.next_piece(); piece && !stop.stop_requested(); piece = work_.next_piece()) {
            if (piece->digest != nullptr)
                check_whole(*piece, stop);
            else
                decode(*piece->image, piece->frame);
        }
    }

  private:
    std::span<const std::byte> decode(CheckedImage& image, std::size_t frame) {
        const auto content = image.decode(frame, decoder_, compressed_, content_);
        check_.bytes += compressed_.size();
        check_.pulse();
        return content;
    }

    // A digest of all content is made from its start to its end.
    void check_whole(const Work::Piece& piece, const std::stop_token& stop) {
        Sha256Stream digest;
        for (std::size_t i = 0; i < piece.image->frames(); ++i) {
            if (check_.stop || stop.stop_requested())
                return;
            digest.add(decode(*piece.image, i));
        }
        piece.image->require_whole();
        piece.image->require_digest(hex(digest.finish()), *piece.digest);
    }

    const ImageCheck& check_;
    Work& work_;
    FrameDecoder decoder_;
    std::vector<std::byte> compressed_;
    std::vector<std::byte> content_;
};

} // namespace

void require_entry(const ZipReader& zip, const ImageRecord& record, const std::string& folder) {
    const EntryInfo* entry = zip.find(record.entry_name(folder));
    if (entry == nullptr || entry->method != record.entry_method() || entry->size != record.entry_size() ||
        entry->crc != record.crc || entry->compressed < record.end_of_frames())
        throw Error(Fault::checkpoint, fmt::format("{}: the image {} is not there as the index says",
                                                   zip.path().string(), printable(record.name)));
}

void check_images(const ImageCheck& check) {
    for (const ImageRecord& record : check.index.images)
        require_entry(check.zip, record, check.folder);
    Work work(check);
    // A decoder for each thread.
    parallel(check.threads, check.threads,
             [&](std::size_t, const std::stop_token& stop) { Checker(check, work).run(stop); });
    work.finish();
}

} // namespace cedana
