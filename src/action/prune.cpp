// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/prune.hpp"

#include "cedana/action/checkpoint_reader.hpp"
#include "cedana/action/whole_check.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"

#include <algorithm>
#include <cerrno>
#include <thread>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

class Prune {
  public:
    Prune(const PruneRequest& request, const Interrupt& interrupt) : request_(request), interrupt_(interrupt) {}

    PruneResult run() {
        if (!request_.rules.any())
            throw Error(Fault::usage, "what is to be kept was not said")
                .hint("pass --keep-last N or --keep-days N, or set shared_storage.keep_last or keep_days");
        auto catalog = read_catalog(request_.store, request_.keyring, interrupt_);
        result_.untrusted = drop_untrusted(catalog, request_.keyring);
        for (const RetentionGroup& group : apply(request_.rules, catalog, std::chrono::system_clock::now())) {
            result_.kept += group.kept.size();
            if (!group.surplus.empty())
                thin_out(group);
        }
        if (request_.pruning == Pruning::real && result_.bytes_removed != 0)
            sync_folder(request_.store);
        return std::move(result_);
    }

  private:
    void thin_out(const RetentionGroup& group) {
        // The rules count damaged ones too: none of what stays may be whole.
        bool whole_one_stays = std::ranges::any_of(group.kept, [&](const auto& entry) { return is_whole(entry); });
        for (const CatalogEntry& entry : group.surplus) {
            interrupt_.throw_if_pending();
            std::string spared = flaw_of(entry);
            if (spared.empty() && !whole_one_stays) {
                whole_one_stays = is_whole(entry);
                spared = whole_one_stays ? "it is the last whole one of its program" : "it is not whole";
            }
            if (spared.empty())
                remove(entry);
            result_.surplus.push_back({.entry = entry, .spared = std::move(spared)});
        }
    }

    bool is_whole(const CatalogEntry& entry) {
        interrupt_.throw_if_pending();
        try {
            return WholeCheck(std::max(1U, std::thread::hardware_concurrency()), request_.keyring)
                .run(entry.path)
                .has_value();
        } catch (const Error&) {
            return false;
        }
    }

    // Empty if it opens as a checkpoint.
    [[nodiscard]] std::string flaw_of(const CatalogEntry& entry) const {
        try {
            static_cast<void>(Checkpoint(entry.path, request_.keyring));
            return {};
        } catch (const Error& error) {
            return error.message();
        }
    }

    void remove(const CatalogEntry& entry) {
        if (request_.pruning == Pruning::real && ::unlink(entry.path.c_str()) != 0) {
            const int err = errno;
            throw os_error(err, fmt::format("cannot remove {}", printable(entry.path.string())), Fault::storage);
        }
        result_.bytes_removed += entry.bytes;
    }

    const PruneRequest& request_;
    const Interrupt& interrupt_;
    PruneResult result_;
};

} // namespace

PruneResult prune(const PruneRequest& request, const Interrupt& interrupt) { return Prune(request, interrupt).run(); }

} // namespace cedana
