// SPDX-License-Identifier: Apache-2.0
#include "cedana/migration/messages.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/secret_bytes.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "json.hpp"

namespace cedana::migration {

namespace {

constexpr std::size_t k_id_size = 32;
constexpr std::size_t k_number_size = 8;
constexpr std::size_t k_digest_size = 32;
static_assert(k_data_head == k_number_size + k_digest_size && k_want_size == 2 * k_number_size &&
              k_repeat_size == 4 * k_number_size);
// Longer ones would fill a screen, and more of them several.
constexpr std::size_t k_most_reasons = 100;
constexpr std::size_t k_longest_text = 16UL * 1024;
// Of 512 bytes, the longest that CRIU takes.
constexpr std::size_t k_most_words_of_build_id = 128;
// A file of this size cannot be made anywhere.
constexpr std::uint64_t k_largest_file = std::numeric_limits<std::int64_t>::max();

[[noreturn]] void refuse_message(std::string_view what) {
    throw Error(Fault::connection, fmt::format("{} that came from the other host is not usable", what));
}

std::string text_in(const nlohmann::json& json, const char* name, std::size_t longest = k_longest_text) {
    std::string text = json.at(name).get<std::string>();
    if (text.size() > longest)
        refuse_message(name);
    return text;
}

std::string big_endian(std::uint64_t number) {
    std::string bytes;
    for (std::size_t i = k_number_size; i-- > 0;)
        bytes += static_cast<char>(number >> (8 * i) & 0xff);
    return bytes;
}

std::uint64_t read_big_endian(std::string_view bytes) {
    std::uint64_t number = 0;
    for (const char c : bytes)
        number = number << 8 | static_cast<unsigned char>(c);
    return number;
}

Sha256 digest_of(std::string_view number, std::span<const std::byte> bytes) {
    Sha256Stream stream;
    stream.add(std::as_bytes(std::span(number)));
    stream.add(bytes);
    return stream.finish();
}

// A number, the SHA-256 of it and of the bytes, and the bytes.
struct NumberedBytes {
    std::uint64_t number = 0;
    std::string_view bytes;
};

// All but the bytes.
std::string write_numbered(std::uint64_t number, std::span<const std::byte> bytes) {
    std::string head = big_endian(number);
    const Sha256 digest = digest_of(head, bytes);
    for (const std::byte byte : digest)
        head += static_cast<char>(byte);
    return head;
}

NumberedBytes parse_numbered(std::string_view payload, const char* what) {
    if (payload.size() <= k_data_head)
        refuse_message(what);
    const std::string_view number = payload.substr(0, k_number_size);
    const NumberedBytes piece{.number = read_big_endian(number), .bytes = payload.substr(k_data_head)};
    const Sha256 digest = digest_of(number, std::as_bytes(std::span(piece.bytes)));
    const auto given = std::as_bytes(std::span(payload.substr(k_number_size, k_digest_size)));
    if (!std::ranges::equal(digest, given))
        throw Error(Fault::connection, fmt::format("{} came damaged: its digest is another one", what));
    return piece;
}

// In words, as CRIU's images have them.
nlohmann::ordered_json to_object(const OfferedFile& file) {
    std::vector<std::uint32_t> words;
    for (std::size_t at = 0; at < file.build_id.size(); at += sizeof(std::uint32_t)) {
        std::uint32_t word = 0;
        file.build_id.copy(reinterpret_cast<char*>(&word), sizeof word, at);
        words.push_back(word);
    }
    return {{"path", file.path}, {"mode", file.mode}, {"build_id", words}};
}

std::uint32_t word_in(const nlohmann::json& json) {
    if (!json.is_number_unsigned() || json.get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max())
        refuse_message("the offer");
    return json.get<std::uint32_t>();
}

OfferedFile offered_file_in(const nlohmann::json& json) {
    const nlohmann::json& words = json.at("build_id");
    if (!words.is_array() || words.size() > k_most_words_of_build_id)
        refuse_message("the offer");
    OfferedFile file{.path = text_in(json, "path"), .mode = word_in(json.at("mode"))};
    for (const nlohmann::json& json_word : words) {
        const std::uint32_t word = word_in(json_word);
        file.build_id.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    return file;
}

nlohmann::ordered_json to_object(const Reason& reason) {
    return {{"message", reason.message}, {"cause", reason.cause}, {"hint", reason.hint}};
}

Reason reason_in(const nlohmann::json& json) {
    return {.message = text_in(json, "message"), .cause = text_in(json, "cause"), .hint = text_in(json, "hint")};
}

constexpr std::array<std::string_view, 4> k_outcomes = {"runs", "ended", "busy", "unknown"};

pid_t pid_in(const nlohmann::json& json) {
    const std::uint64_t pid = number_in(json, "pid");
    // Linux's PID_MAX_LIMIT on 64 bits.
    constexpr std::uint64_t k_top_pid = 4UL * 1024 * 1024;
    if (pid == 0 || pid > k_top_pid)
        refuse_message("the pid");
    return static_cast<pid_t>(pid);
}

// As checkpoint_stem() makes it: no path, and no hidden file.
bool is_stem(std::string_view text) {
    constexpr std::size_t k_longest_stem = 150;
    const auto is_allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
    };
    return !text.empty() && text.size() <= k_longest_stem && text.front() != '.' &&
           std::ranges::all_of(text, is_allowed);
}

} // namespace

std::string write_hello(const Hello& hello) {
    return write_object({{"protocol", hello.protocol}, {"cedana", hello.cedana_version}, {"host", hello.host}});
}

Hello parse_hello(std::string_view payload) {
    return read_object(payload, "the greeting", [](const nlohmann::json& json) {
        const std::uint64_t protocol = number_in(json, "protocol");
        if (protocol > static_cast<std::uint64_t>(std::numeric_limits<int>::max()))
            refuse_message("the greeting");
        return Hello{.protocol = static_cast<int>(protocol),
                     .cedana_version = text_in(json, "cedana"),
                     .host = text_in(json, "host")};
    });
}

std::string new_id() {
    std::array<std::byte, k_id_size / 2> bytes{};
    fill_random(bytes);
    std::string id;
    for (const std::byte byte : bytes)
        id += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    return id;
}

bool is_id(std::string_view text) {
    return text.size() == k_id_size && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string write_offer(const Offer& offer) {
    nlohmann::ordered_json files = nlohmann::ordered_json::array();
    for (const OfferedFile& file : offer.files)
        files.push_back(to_object(file));
    return write_object({{"id", offer.id},
                         {"bytes_files", offer.bytes_files},
                         {"key_id", offer.key_id},
                         {"lazy", offer.lazy},
                         {"new_pidns", offer.new_pid_namespace},
                         {"files", files},
                         {"envelope", offer.envelope},
                         {"manifest", offer.manifest}});
}

Offer parse_offer(std::string_view payload) {
    return read_object(payload, "the offer", [&](const nlohmann::json& json) {
        Offer offer{.id = text_in(json, "id"),
                    .manifest = text_in(json, "manifest", payload.size()),
                    .bytes_files = number_in(json, "bytes_files"),
                    .key_id = text_in(json, "key_id"),
                    .lazy = json.at("lazy").get<bool>(),
                    .new_pid_namespace = json.at("new_pidns").get<bool>(),
                    .envelope = text_in(json, "envelope", payload.size())};
        const nlohmann::json& files = json.at("files");
        if (!is_id(offer.id) || offer.bytes_files > k_largest_file || !files.is_array())
            refuse_message("the offer");
        for (const nlohmann::json& file : files)
            offer.files.push_back(offered_file_in(file));
        return offer;
    });
}

Reason reason_of(const Error& error) {
    const auto cut = [](const std::string& text) { return text.substr(0, k_longest_text / 8); };
    return {.message = cut(error.message()), .cause = cut(error.cause()), .hint = cut(error.hint())};
}

std::string write_files(const Files& files) {
    return write_object({{"manifest", files.manifest}, {"index", files.index}, {"envelope", files.envelope}});
}

Files parse_files(std::string_view payload) {
    return read_object(payload, "the list of files", [&](const nlohmann::json& json) {
        return Files{.manifest = text_in(json, "manifest", payload.size()),
                     .index = text_in(json, "index", payload.size()),
                     .envelope = text_in(json, "envelope", payload.size())};
    });
}

std::string write_answer(const Answer& answer) {
    nlohmann::ordered_json reasons = nlohmann::ordered_json::array();
    for (const Reason& reason : answer.reasons)
        if (reasons.size() < k_most_reasons)
            reasons.push_back(to_object(reason));
    return write_object({{"reasons", reasons}, {"takes_ahead", answer.takes_ahead}});
}

Answer parse_answer(std::string_view payload) {
    return read_object(payload, "the answer", [](const nlohmann::json& json) {
        const nlohmann::json& reasons = json.at("reasons");
        if (!reasons.is_array() || reasons.size() > k_most_reasons)
            refuse_message("the answer");
        Answer answer;
        for (const nlohmann::json& one : reasons)
            answer.reasons.push_back(reason_in(one));
        answer.takes_ahead = json.at("takes_ahead").get<bool>();
        return answer;
    });
}

std::string write_ended(const Reason& reason) { return write_object(to_object(reason)); }

Reason parse_ended(std::string_view payload) { return read_object(payload, "the reason", reason_in); }

std::string write_begin(std::string_view stem) { return std::string(stem); }

std::string parse_begin(std::string_view payload) {
    if (!is_stem(payload))
        refuse_message("the checkpoint's name");
    return std::string(payload);
}

std::string write_data_head(std::uint64_t offset, std::span<const std::byte> bytes) {
    return write_numbered(offset, bytes);
}

Data parse_data(std::string_view payload) {
    constexpr const char* k_what = "a piece of the checkpoint";
    const NumberedBytes piece = parse_numbered(payload, k_what);
    if (piece.number > k_largest_file - piece.bytes.size())
        refuse_message(k_what);
    return {.offset = piece.number, .bytes = piece.bytes};
}

std::string write_ahead_head(std::uint64_t number, std::span<const std::byte> bytes) {
    return write_numbered(number, bytes);
}

Ahead parse_ahead(std::string_view payload) {
    constexpr const char* k_what = "a piece that came ahead";
    const NumberedBytes piece = parse_numbered(payload, k_what);
    if (piece.number == 0)
        refuse_message(k_what);
    return {.number = piece.number, .bytes = piece.bytes};
}

std::string write_repeat(const Repeat& repeat) {
    return big_endian(repeat.offset) + big_endian(repeat.number) + big_endian(repeat.from) + big_endian(repeat.size);
}

Repeat parse_repeat(std::string_view payload) {
    constexpr const char* k_what = "a piece that came ahead";
    if (payload.size() != k_repeat_size)
        refuse_message(k_what);
    const auto number_at = [&](std::size_t index) {
        return read_big_endian(payload.substr(index * k_number_size, k_number_size));
    };
    const Repeat repeat{.offset = number_at(0), .number = number_at(1), .from = number_at(2), .size = number_at(3)};
    if (repeat.number == 0 || repeat.size == 0 || repeat.size > k_longest_ahead ||
        repeat.from > k_longest_ahead - repeat.size || repeat.offset > k_largest_file - repeat.size)
        refuse_message(k_what);
    return repeat;
}

std::string write_want(const Want& want) { return big_endian(want.offset) + big_endian(want.size); }

Want parse_want(std::string_view payload) {
    constexpr const char* k_what = "what is wanted of the checkpoint";
    if (payload.size() != k_want_size)
        refuse_message(k_what);
    const Want want{.offset = read_big_endian(payload.substr(0, k_number_size)),
                    .size = read_big_endian(payload.substr(k_number_size))};
    if (want.size == 0 || want.size > k_longest_piece || want.offset > k_largest_file - want.size)
        refuse_message(k_what);
    return want;
}

std::string write_complete(std::uint64_t size) { return write_object({{"size", size}}); }

std::uint64_t parse_complete(std::string_view payload) {
    return read_object(payload, "the checkpoint's size", [](const nlohmann::json& json) {
        const std::uint64_t size = number_in(json, "size");
        if (size > k_largest_file)
            refuse_message("the checkpoint's size");
        return size;
    });
}

std::string write_runs(pid_t pid) { return write_object({{"pid", pid}}); }

pid_t parse_runs(std::string_view payload) { return read_object(payload, "the pid", pid_in); }

std::string_view name_of(Outcome outcome) { return k_outcomes.at(static_cast<std::size_t>(outcome)); }

std::string write_status(const Status& status) {
    nlohmann::ordered_json json = {
        {"id", status.id}, {"state", name_of(status.outcome)}, {"name", status.name}, {"reason", status.why}};
    json["had_run"] = status.had_run;
    json["pid"] = status.pid ? nlohmann::ordered_json(*status.pid) : nlohmann::ordered_json(nullptr);
    return write_object(json);
}

Status parse_status(std::string_view text) {
    return read_object(text, "what became of the migration", [](const nlohmann::json& json) {
        Status status{.id = text_in(json, "id"), .name = text_in(json, "name"), .why = text_in(json, "reason")};
        const auto found = std::ranges::find(k_outcomes, text_in(json, "state"));
        if (found == k_outcomes.end())
            refuse_message("what became of the migration");
        status.outcome = static_cast<Outcome>(found - k_outcomes.begin());
        status.had_run = json.at("had_run").get<bool>();
        if (!json.at("pid").is_null())
            status.pid = pid_in(json);
        return status;
    });
}

} // namespace cedana::migration
