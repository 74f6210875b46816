// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/transfers.hpp"

#include "cedana/base/text.hpp"
#include "cedana/base/users.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/lazy/transfers.hpp"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

Json to_json(const LazyTransfer& transfer) {
    const criu::FillProgress& progress = transfer.progress;
    return {{"pid", transfer.pid != 0 ? Json(transfer.pid) : Json(nullptr)},
            {"name", transfer.name},
            {"container_name", text_or_null(transfer.container)},
            {"checkpoint", transfer.checkpoint},
            {"keeper", transfer.keeper},
            {"bytes_lazy", progress.bytes_total},
            {"bytes_served", served(progress)},
            {"bytes_left", progress.bytes_left},
            {"pages_waited_for", progress.pages_wanted},
            {"failure", text_or_null(transfer.failure)}};
}

std::string name_in_table(const LazyTransfer& transfer) {
    return transfer.container.empty() ? printable(transfer.name)
                                      : fmt::format("container {}", printable(transfer.container));
}

} // namespace

void list_transfers(const CommonArguments& common) {
    require_root("see transfers");
    const std::vector<LazyTransfer> transfers = lazy_transfers();
    if (common.format == Format::json) {
        Json all = Json::array();
        for (const LazyTransfer& transfer : transfers)
            all.push_back(to_json(transfer));
        return print_json({{"transfers", all}});
    }
    if (transfers.empty())
        return print_note("no lazy restore is on its way");
    Table table({{.title = "PID", .align = Align::right},
                 {.title = "NAME"},
                 {.title = "SERVED", .align = Align::right},
                 {.title = "LEFT", .align = Align::right},
                 {.title = "STATE", .elastic = true}});
    for (const LazyTransfer& transfer : transfers)
        table.add({transfer.pid != 0 ? std::to_string(transfer.pid) : "-", name_in_table(transfer),
                   human_bytes(served(transfer.progress)), human_bytes(transfer.progress.bytes_left),
                   transfer.failure.empty() ? "running" : printable(transfer.failure)});
    print_table(table);
}

} // namespace cedana
