// SPDX-License-Identifier: Apache-2.0
// New streams to the journal of systemd, for trees that had some.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/model/external_ends.hpp"

namespace cedana::roles {

// A journal listens here.
[[nodiscard]] bool has_journal();

// As systemd makes it for a unit (src/core/exec-invoke.c, connect_logger_as): nothing can be read from it, and what is
// written to it are lines, of the stream's unit and identifier. Where the journal of its namespace is not there it is
// that of the host. Throws Error(Fault::environment).
[[nodiscard]] UniqueFd open_journal(const JournalStream& stream);

} // namespace cedana::roles
