// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/huge_memory.hpp"

#include "cedana/archive/frame_reader.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/memory.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <unistd.h>

namespace cedana {

namespace {

std::vector<ByteRange> ranges_of(const std::vector<criu::PageRun>& runs) {
    std::vector<ByteRange> ranges;
    for (const criu::PageRun& run : runs)
        ranges.push_back({.from = run.first * page_size(), .to = (run.first + run.pages) * page_size()});
    std::ranges::sort(ranges, {}, &ByteRange::from);
    return ranges;
}

// What is in `all` and not in `taken`; both ascend.
std::vector<ByteRange> difference(const std::vector<ByteRange>& all, const std::vector<ByteRange>& taken) {
    std::vector<ByteRange> left;
    for (ByteRange range : all) {
        for (const ByteRange& hole : taken) {
            if (hole.to <= range.from || hole.from >= range.to)
                continue;
            if (hole.from > range.from)
                left.push_back({.from = range.from, .to = hole.from});
            range.from = std::min(range.to, hole.to);
        }
        if (range.from < range.to)
            left.push_back(range);
    }
    return left;
}

class HugeMemoryReader {
  public:
    explicit HugeMemoryReader(const Checkpoint& checkpoint)
        : index_(checkpoint.index()), reader_(checkpoint.zip(), k_images_folder) {}

    HugeMemory read() {
        for (const ImageRecord& image : index_.images)
            if (const auto pid = criu::task_of_image(image.name, "mm-"))
                add(*pid, criu::parse_huge_mappings(reader_.read_all(image, k_text_limit)));
        return std::move(memory_);
    }

  private:
    void add(pid_t pid, const std::vector<criu::HugeMapping>& mappings) {
        const ImageRecord* const record = mappings.empty() ? nullptr : index_.find(fmt::format("pagemap-{}.img", pid));
        if (record == nullptr)
            return;
        const criu::Pagemap map = criu::parse_pagemap(reader_.read_all(*record, k_text_limit));
        for (const criu::HugeMapping& mapping : mappings)
            require_writable(mapping, map, pid);
        if (auto runs = criu::huge_runs(map, mappings); !runs.empty())
            memory_.tasks[pid] = {.image = map.pages_image(), .runs = std::move(runs)};
    }

    static void require_writable(const criu::HugeMapping& mapping, const criu::Pagemap& map, pid_t pid) {
        if (!mapping.is_shared && !mapping.is_writable && !criu::huge_runs(map, {mapping}).empty())
            throw Error(Fault::environment,
                        fmt::format("process {} has huge pages at {:#x} that it has made read-only, which nobody else "
                                    "can put in place",
                                    pid, mapping.range.start));
    }

    const FrameIndex& index_;
    FrameReader reader_;
    HugeMemory memory_;
};

// The memory of a task by its address.
class TaskMemory {
  public:
    explicit TaskMemory(pid_t pid) : path_(fmt::format("/proc/{}/mem", pid)), file_(open_file(path_, O_WRONLY)) {}

    void write(std::uint64_t address, std::span<const std::byte> bytes) const {
        while (!bytes.empty()) {
            const ssize_t count = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(address));
            const int err = errno;
            if (count < 0 && err == EINTR)
                continue;
            if (count <= 0)
                throw os_error(err, fmt::format("cannot put huge pages in place at {:#x} of {}", address, path_),
                               Fault::restore_failed)
                    .hint("the kernel has no huge page left: raise vm.nr_hugepages");
            address += static_cast<std::uint64_t>(count);
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        }
    }

  private:
    std::string path_;
    UniqueFd file_;
};

// An image's frames one by one, of which what belongs to a run is written.
class TaskFill {
  public:
    TaskFill(const HugeMemory::Task& task, const ImageRecord& record, FrameReader& reader, TaskMemory memory)
        : runs_(task.runs), record_(record), reader_(reader), memory_(std::move(memory)) {
        std::ranges::sort(runs_, {}, &criu::PageRun::first);
    }

    void run(const Interrupt& interrupt) {
        std::uint64_t start = 0;
        for (std::size_t number = 0; number < record_.frames.size() && next_ < runs_.size(); ++number) {
            const std::uint64_t end = start + record_.frames[number].size;
            if (begin_in_image(runs_[next_]) < end) {
                interrupt.throw_if_pending();
                frame_.resize(record_.frames[number].size);
                reader_.read(record_, number, frame_);
                write_runs(start, end);
            }
            start = end;
        }
    }

  private:
    static std::uint64_t begin_in_image(const criu::PageRun& run) { return run.first * page_size(); }
    static std::uint64_t end_in_image(const criu::PageRun& run) { return (run.first + run.pages) * page_size(); }

    // What the frame, which has the image's bytes from `start` up to `end`, has of runs; the last may go on in the
    // next.
    void write_runs(std::uint64_t start, std::uint64_t end) {
        for (; next_ < runs_.size() && begin_in_image(runs_[next_]) < end; ++next_) {
            const criu::PageRun& run = runs_[next_];
            const std::uint64_t from = std::max(start, begin_in_image(run));
            const std::uint64_t to = std::min(end, end_in_image(run));
            memory_.write(run.address + (from - begin_in_image(run)),
                          std::span(frame_).subspan(from - start, to - from));
            if (end_in_image(run) > end)
                return;
        }
    }

    std::vector<criu::PageRun> runs_;
    const ImageRecord& record_;
    FrameReader& reader_;
    TaskMemory memory_;
    std::vector<std::byte> frame_ = {};
    std::size_t next_ = 0;
};

} // namespace

HugeMemory read_huge_memory(const Checkpoint& checkpoint) { return HugeMemoryReader(checkpoint).read(); }

ImageParts without(const HugeMemory& memory, const FrameIndex& index, ImageParts parts) {
    for (const auto& [pid, task] : memory.tasks) {
        const ImageRecord* const record = index.find(task.image);
        if (record == nullptr)
            throw Error(Fault::checkpoint, fmt::format("the checkpoint does not hold the pages of process {}", pid));
        std::vector<ByteRange>& ranges =
            parts.try_emplace(task.image, std::vector{ByteRange{.from = 0, .to = record->size}}).first->second;
        ranges = difference(ranges, ranges_of(task.runs));
    }
    return parts;
}

void put_in_place(const HugeMemory& memory, const Checkpoint& checkpoint, const std::function<pid_t(pid_t)>& pid_of,
                  const Interrupt& interrupt) {
    FrameReader reader(checkpoint.zip(), k_images_folder);
    for (const auto& [pid, task] : memory.tasks)
        if (const ImageRecord* const record = checkpoint.index().find(task.image))
            TaskFill(task, *record, reader, TaskMemory(pid_of(pid))).run(interrupt);
}

} // namespace cedana
