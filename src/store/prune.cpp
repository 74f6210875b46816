// SPDX-License-Identifier: Apache-2.0
#include "cedana/store/prune.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/parallel.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/checkpoint/whole_check.hpp"
#include "cedana/files/verified_file.hpp"
#include "cedana/migration/record.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

namespace cedana {

namespace {

class Prune {
  public:
    Prune(const PruneRequest& request, const Interrupt& interrupt) : request_(request), interrupt_(interrupt) {}

    PruneResult run() {
        if (!request_.rules.any())
            throw Error(Fault::usage, "no rule says what to keep")
                .hint("pass --keep-last N or --keep-days N, or set shared_storage.keep_last or keep_days");
        auto catalog = read_catalog(request_.store, request_.keyring, interrupt_);
        require_readable(catalog);
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
        std::vector<CatalogEntry> staying = group.kept;
        for (const CatalogEntry& entry : group.surplus) {
            interrupt_.throw_if_pending();
            std::optional<Checkpoint> checkpoint;
            std::string spared = open(entry, checkpoint);
            if (spared.empty() && !whole_one_stays) {
                whole_one_stays = is_whole(entry);
                spared = whole_one_stays             ? "it is the last whole one of its program"
                         : entry.summary->restorable ? "it is not whole"
                                                     : "";
            }
            if (spared.empty() && !entry.summary->leave_running && !has_whole_one_of(staying, entry.summary->pid))
                spared = "its process was stopped with it, and no newer one of it that stays is whole";
            if (spared.empty())
                spared = remove(entry, *checkpoint);
            if (!spared.empty())
                staying.push_back(entry);
            result_.surplus.push_back({.entry = entry, .spared = std::move(spared)});
        }
    }

    // A process that was restored has its pid again.
    bool has_whole_one_of(const std::vector<CatalogEntry>& entries, pid_t pid) {
        return std::ranges::any_of(entries,
                                   [&](const auto& entry) { return entry.summary->pid == pid && is_whole(entry); });
    }

    // One that cannot be restored is as good as none.
    bool is_whole(const CatalogEntry& entry) {
        interrupt_.throw_if_pending();
        if (!entry.summary->restorable)
            return false;
        if (const auto known = whole_.find(entry.path); known != whole_.end())
            return known->second;
        return whole_[entry.path] = reads_whole(entry.path);
    }

    [[nodiscard]] bool reads_whole(const std::filesystem::path& path) const {
        try {
            return WholeCheck(core_count(), request_.keyring).run(path).has_value();
        } catch (const Error&) {
            return false;
        }
    }

    // Empty if it opens as a checkpoint, and is the one that the rules were applied to.
    [[nodiscard]] std::string open(const CatalogEntry& entry, std::optional<Checkpoint>& checkpoint) const {
        try {
            checkpoint.emplace(entry.path, request_.keyring);
        } catch (const Error& error) {
            return error.message();
        }
        return checkpoint->manifest_digest() == entry.digest ? std::string() : k_replaced;
    }

    // Why it is not removed; empty if it was.
    std::string remove(const CatalogEntry& entry, const Checkpoint& checkpoint) {
        if (request_.pruning == Pruning::real) {
            std::optional<VerifiedFile> file;
            try {
                file.emplace(entry.path, checkpoint.zip().fd());
            } catch (const Error& error) {
                return error.message();
            }
            if (!file->remove())
                return k_replaced;
            migration::remove_commit(entry.path);
        }
        result_.bytes_removed += entry.bytes;
        return {};
    }

    static constexpr const char* k_replaced = "another file has its name since it was listed";

    const PruneRequest& request_;
    const Interrupt& interrupt_;
    PruneResult result_;
    // Those that were read, which takes long.
    std::map<std::filesystem::path, bool> whole_;
};

} // namespace

PruneResult prune(const PruneRequest& request, const Interrupt& interrupt) { return Prune(request, interrupt).run(); }

} // namespace cedana
