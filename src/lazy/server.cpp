// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/server.hpp"

#include "cedana/archive/frame_reader.hpp"
#include "cedana/base/log.hpp"
#include "cedana/base/memory.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/keys/keyring.hpp"
#include "cedana/lazy/channel.hpp"
#include "cedana/lazy/job.hpp"
#include "cedana/lazy/memory.hpp"
#include "cedana/lazy/shelter.hpp"
#include "cedana/lazy/supply.hpp"
#include "cedana/lazy/transfers.hpp"

#include <cerrno>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

namespace cedana {

namespace {

class FramePages : public criu::PageReader {
  public:
    FramePages(const Checkpoint& checkpoint, const std::string& supply)
        : index_(checkpoint.index()), reader_(checkpoint.zip(), k_images_folder) {
        if (!supply.empty())
            supply_.emplace(supply);
    }

    std::span<const std::byte> read(const std::string& image, std::uint64_t number) override {
        const ImageRecord& record = *index_.find(image);
        frame_.resize(record.frames.at(number).size);
        if (supply_)
            supply_->await(reader_.place(record, number));
        reader_.read(record, number, frame_);
        return frame_;
    }

  private:
    const FrameIndex& index_;
    FrameReader reader_;
    std::optional<Supply> supply_;
    std::vector<std::byte> frame_;
};

// The command that restores the checkpoint has verified its signature; the digest of the manifest shows that it is the
// same checkpoint.
Keyring keyring_of(const UniqueFd& pipe) {
    if (!pipe)
        return {};
    SecretBytes data_key(k_data_key_size);
    std::size_t filled = 0;
    while (filled < data_key.size()) {
        const ssize_t count = ::read(pipe.get(), data_key.bytes().data() + filled, data_key.size() - filled);
        const int err = errno;
        if (count < 0 && err == EINTR)
            continue;
        if (count <= 0)
            throw Error(Fault::internal, "there is no key for an encrypted checkpoint");
        filled += static_cast<std::size_t>(count);
    }
    return Keyring::of_data_key(std::move(data_key));
}

// Shows others how far the transfer is. A failure to write it is no reason to end the tree.
class StateFile {
  public:
    explicit StateFile(const LazyJob& job) : job_(job) {}

    void write(const criu::FillProgress& progress) noexcept {
        try {
            write_transfer(job_.folder, {.pid = job_.pid,
                                         .name = job_.name,
                                         .container = job_.container,
                                         .checkpoint = job_.checkpoint,
                                         .progress = progress,
                                         .server = ::getpid()});
            failed_ = false;
        } catch (const std::exception& error) {
            // It is tried twice a second.
            if (!std::exchange(failed_, true))
                spdlog::warn("how far the memory is cannot be told: {}", error.what());
        }
    }

  private:
    const LazyJob& job_;
    bool failed_ = false;
};

void serve(const LazyServerPlan& plan, LazyWitness& witness) {
    LazyJob job = plan.job;
    const Checkpoint checkpoint(job.checkpoint, keyring_of(UniqueFd(plan.key)));
    if (checkpoint.manifest_digest() != job.manifest_digest)
        throw Error(Fault::checkpoint, fmt::format("{} was replaced while it was restored", printable(job.checkpoint)));
    LazyMemory memory = read_lazy_memory(checkpoint);
    if (!job.container.empty())
        job.pid = witness.await_root();
    criu::LazyFill fill(UniqueFd(plan.criu), std::move(memory.tasks),
                        [&] { return std::make_unique<FramePages>(checkpoint, job.supply); }, witness,
                        {.threads = job.threads, .piece_size = k_frame_size});
    StateFile state(job);
    try {
        fill.run([&](const criu::FillProgress& progress) { state.write(progress); });
    } catch (...) {
        // The userfaultfds for which a tree without its memory waits are still open here.
        witness.end_tree_if_alone();
        throw;
    }
    spdlog::info("all memory is in place; {} pages were waited for, at most {} of memory was used",
                 fill.progress().pages_wanted, human_bytes(peak_memory()));
}

int run_server(const nlohmann::json& json) {
    set_up_log(Verbosity::verbose);
    const auto plan = json.get<LazyServerPlan>();
    const UniqueFd folder_lock(plan.folder_lock);
    LazyWitness witness{UniqueFd(plan.channel)};
    try {
        serve(plan, witness);
        return 0;
    } catch (const Error& error) {
        spdlog::error("{}", error.message());
        witness.failed(error);
    } catch (const std::exception& error) {
        spdlog::error("{}", error.what());
        witness.failed(Error(Fault::internal, error.what()));
    }
    return 1;
}

} // namespace

roles::Role lazy_server() {
    return {.name = k_server_role,
            .ignored_signals = ignored_signals(),
            .orphans = roles::Orphans::left,
            .run = run_server};
}

} // namespace cedana
