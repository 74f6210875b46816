// SPDX-License-Identifier: Apache-2.0
#include "cedana/job/task.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/model/callers_place.hpp"
#include "cedana/model/settings.hpp"

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana::job {

namespace {

constexpr std::string_view k_epoch = "epoch ";
constexpr std::string_view k_after = " after ";

// What would lead a dump of a job elsewhere than to the job's folder.
bool is_of_jobs(std::string_view key) {
    return key == "client.process_name" || key == "shared_storage.mount_point" ||
           key == "shared_storage.require_mount" || key == "shared_storage.dump_storage_dir" ||
           key == "client.lazy_restore" || key == "metrics.textfile_dir";
}

std::string as_variable(const ConfigRow& row) {
    const nlohmann::json value = nlohmann::json::parse(row.value);
    return value.is_string() ? value.get<std::string>() : row.value;
}

} // namespace

std::vector<std::string> task_environment(const LoadedConfig& config) {
    std::vector<std::string> env = {"CEDANA_CONFIG=/dev/null"};
    for (const ConfigRow& row : config_rows(config))
        if (const Setting* setting = find_setting(row.key);
            setting != nullptr && !is_of_jobs(row.key) && row.origin != Origin{}.text())
            env.push_back(setting->environment_name() + "=" + as_variable(row));
    if (acts_as_root_for(config.caller) && may_become_root(config.caller))
        env.emplace_back("CEDANA_SECURITY_STRICT_PERMISSIONS=false");
    return criu::clean_environment(std::move(env));
}

std::vector<std::string> dump_words(const DumpTask& task) {
    std::vector<std::string> words = {"--json",
                                      "-q",
                                      "--progress",
                                      "json",
                                      "client",
                                      "dump",
                                      "-p",
                                      std::to_string(task.root),
                                      "-d",
                                      task.folder.string(),
                                      "--label",
                                      task.label,
                                      "--note",
                                      task.note,
                                      "--given-terminal",
                                      task.after == AfterDump::ends ? "--stop" : "--leave-running"};
    return words;
}

std::vector<std::string> restore_words(const std::filesystem::path& checkpoint) {
    return {"--json",       "--progress",
            "json",         "client",
            "restore",      checkpoint.string(),
            "--no-lazy",    "--verify",
            "--given-ends", std::to_string(Space::k_given_ends)};
}

std::string note_of(const Descent& descent) {
    return fmt::format("{}{}{}", k_epoch, descent.epoch,
                       descent.parent.empty() ? ", the first" : std::string(k_after) + descent.parent);
}

std::optional<Descent> descent_in(const std::string& note) {
    if (!note.starts_with(k_epoch))
        return std::nullopt;
    const std::string rest = note.substr(k_epoch.size());
    const std::size_t end = rest.find_first_not_of("0123456789");
    std::int64_t epoch = 0;
    if (end == std::string::npos || !parse_number(rest.substr(0, end), epoch))
        return std::nullopt;
    Descent descent{.epoch = static_cast<int>(epoch)};
    const std::string after = rest.substr(end);
    if (after.starts_with(k_after))
        descent.parent = after.substr(k_after.size());
    return descent;
}

Task::Task(Space& space, const std::vector<std::string>& words, std::vector<std::string> env, Space::Ends ends) {
    Pipe out = make_pipe();
    Pipe messages = make_pipe();
    SpawnRequest request{.argv = {"/proc/self/exe"},
                         .fds = {{out.write_end.get(), STDOUT_FILENO}, {messages.write_end.get(), STDERR_FILENO}},
                         .cwd = "/",
                         .env = std::move(env)};
    request.argv.insert(request.argv.end(), words.begin(), words.end());
    child_ = space.run(std::move(request), ends);
    output_ = std::move(out.read_end);
    messages_ = std::move(messages.read_end);
}

namespace {

// False at its end.
bool read_more(const UniqueFd& from, std::string& text) {
    std::array<char, 65536> buffer;
    const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (count <= 0)
        return false;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    return true;
}

} // namespace

bool Task::read() { return read_more(output_, said_); }

std::optional<std::vector<std::string>> Task::read_messages() {
    if (!read_more(messages_, pending_))
        return std::nullopt;
    const std::size_t whole = pending_.rfind('\n') + 1;
    std::vector<std::string> lines = split(std::string_view(pending_).substr(0, whole), '\n');
    pending_.erase(0, whole);
    std::erase(lines, "");
    return lines;
}

int Task::finish() { return child_->wait(); }

nlohmann::json Task::result() const {
    const std::string_view text = trim(said_);
    const std::size_t line = text.rfind('\n');
    return text.empty()
               ? nlohmann::json()
               : nlohmann::json::parse(line == std::string_view::npos ? text : text.substr(line + 1), nullptr, false);
}

} // namespace cedana::job
