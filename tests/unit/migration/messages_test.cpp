// SPDX-License-Identifier: Apache-2.0
#include "cedana/migration/messages.hpp"

#include <functional>
#include <random>

#include <gtest/gtest.h>

namespace cedana::migration {
namespace {

std::span<const std::byte> as_bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string data_payload(std::uint64_t offset, std::string_view bytes) {
    return write_data_head(offset, as_bytes_of(bytes)).append(bytes);
}

TEST(MigrationMessage, OffersWhatWasOffered) {
    const Offer offer = parse_offer(write_offer(
        {.id = std::string(32, 'a'),
         .manifest = "{\"x\": 1}",
         .bytes_files = 7,
         .key_id = "k",
         .lazy = true,
         .new_pid_namespace = true,
         .files = {{.path = "/bin/x", .mode = 0100755, .build_id = std::string("\0\xff\1\2", 4)}, {.path = "/y"}},
         .envelope = "e"}));
    EXPECT_TRUE(offer.lazy);
    EXPECT_TRUE(offer.new_pid_namespace);
    EXPECT_EQ(offer.files,
              (std::vector<OfferedFile>{{.path = "/bin/x", .mode = 0100755, .build_id = std::string("\0\xff\1\2", 4)},
                                        {.path = "/y"}}));
    EXPECT_EQ(offer.envelope, "e");
    EXPECT_EQ(offer.manifest, "{\"x\": 1}");
    EXPECT_EQ(offer.bytes_files, 7U);
    EXPECT_EQ(offer.key_id, "k");
}

TEST(MigrationMessage, ListsTheFilesThatHaveCome) {
    const Files files =
        parse_files(write_files({.manifest = "{\"a\": 1}", .index = "cedana-index 1\n", .envelope = "e"}));
    EXPECT_EQ(files.manifest, "{\"a\": 1}");
    EXPECT_EQ(files.index, "cedana-index 1\n");
    EXPECT_EQ(files.envelope, "e");
    EXPECT_THROW(static_cast<void>(parse_files("{}")), Error);
}

TEST(MigrationMessage, TellsEveryReason) {
    const Error error = Error(Fault::environment, "no /usr/bin/x").cause("it is missing").hint("apt-get install x");
    const Answer answer = parse_answer(write_answer({.reasons = {reason_of(error), {.message = "b"}}}));
    ASSERT_EQ(answer.reasons.size(), 2U);
    EXPECT_EQ(answer.reasons[0].hint, "apt-get install x");
    EXPECT_EQ(answer.reasons[0].cause, "it is missing");
    EXPECT_EQ(answer.reasons[1].message, "b");
}

TEST(MigrationMessage, HasAnIdOfItsOwn) {
    EXPECT_TRUE(is_id(new_id()));
    EXPECT_NE(new_id(), new_id());
    for (const std::string_view text :
         {"", "a", "../../../../../../../../../../etc", "0123456789ABCDEF0123456789abcdef"})
        EXPECT_FALSE(is_id(text));
}

TEST(MigrationMessage, CarriesAPieceOfAFile) {
    const std::string payload = data_payload(1UL << 40, "abc");
    EXPECT_EQ(parse_data(payload).offset, 1UL << 40);
    EXPECT_EQ(parse_data(payload).bytes, "abc");
}

TEST(MigrationMessage, RefusesAPieceOfWhichAnyByteHasChanged) {
    const std::string payload = data_payload(4096, "some bytes");
    for (std::size_t at = 0; at < payload.size(); ++at) {
        std::string changed = payload;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        EXPECT_THROW(static_cast<void>(parse_data(changed)), Error) << at;
    }
}

TEST(MigrationMessage, CarriesWhatComesAheadAndWhereItBelongs) {
    const std::string payload = write_ahead_head(7, as_bytes_of("abc")).append("abc");
    EXPECT_EQ(parse_ahead(payload).number, 7U);
    EXPECT_EQ(parse_ahead(payload).bytes, "abc");
    std::string changed = payload;
    changed.back() = 'd';
    EXPECT_THROW(static_cast<void>(parse_ahead(changed)), Error);
    EXPECT_THROW(static_cast<void>(parse_ahead(write_ahead_head(0, as_bytes_of("abc")).append("abc"))), Error);
    const Repeat repeat = parse_repeat(write_repeat({.offset = 1UL << 40, .number = 7, .from = 1, .size = 2}));
    EXPECT_EQ(repeat.offset, 1UL << 40);
    EXPECT_EQ(repeat.number, 7U);
    EXPECT_EQ(repeat.from, 1U);
    EXPECT_EQ(repeat.size, 2U);
    for (const Repeat& refused :
         {Repeat{.number = 0, .size = 1}, Repeat{.number = 1, .size = 0},
          Repeat{.number = 1, .size = k_longest_ahead + 1}, Repeat{.number = 1, .from = k_longest_ahead, .size = 1},
          Repeat{.number = 1, .from = ~0UL, .size = 2}, Repeat{.offset = 1UL << 63, .number = 1, .size = 1}})
        EXPECT_THROW(static_cast<void>(parse_repeat(write_repeat(refused))), Error);
}

TEST(MigrationMessage, WantsNoMoreThanAPieceOfWhatAFileCanHave) {
    const Want want = parse_want(write_want({.offset = 1UL << 40, .size = k_longest_piece}));
    EXPECT_EQ(want.offset, 1UL << 40);
    EXPECT_EQ(want.size, k_longest_piece);
    for (const Want& refused : {Want{.offset = 0, .size = 0}, Want{.offset = 0, .size = k_longest_piece + 1},
                                Want{.offset = 1UL << 63, .size = 1}, Want{.offset = ~0UL, .size = 2}})
        EXPECT_THROW(static_cast<void>(parse_want(write_want(refused))), Error);
}

TEST(MigrationMessage, NamesNoFileButACheckpoint) {
    EXPECT_EQ(parse_begin("redis-server_20261122T164510Z"), "redis-server_20261122T164510Z");
    for (const std::string_view name : {"", ".", "..", ".x", "a/b", "/etc/passwd", "a b", "a\nb"})
        EXPECT_THROW(static_cast<void>(parse_begin(name)), Error) << name;
    EXPECT_THROW(static_cast<void>(parse_begin(std::string(200, 'a'))), Error);
}

TEST(MigrationMessage, TakesNoPidThatIsNone) {
    EXPECT_EQ(parse_runs(write_runs(4242)), 4242);
    for (const std::string_view text : {"{\"pid\": 0}", "{\"pid\": -1}", "{\"pid\": 1.5}", "{\"pid\": 99999999999}",
                                        "{\"pid\": \"1\"}", "{}", "[]", "1", ""})
        EXPECT_THROW(static_cast<void>(parse_runs(text)), Error) << text;
}

// Whatever comes is taken or is an Error of the connection: messages that are cut, with bytes changed, and noise.
TEST(MigrationMessage, TakesAnyBytesOrRefusesThem) {
    const std::vector<std::function<void(std::string_view)>> parsers = {
        [](std::string_view text) { static_cast<void>(parse_hello(text)); },
        [](std::string_view text) { static_cast<void>(parse_offer(text)); },
        [](std::string_view text) { static_cast<void>(parse_answer(text)); },
        [](std::string_view text) { static_cast<void>(parse_ended(text)); },
        [](std::string_view text) { static_cast<void>(parse_begin(text)); },
        [](std::string_view text) { static_cast<void>(parse_data(text)); },
        [](std::string_view text) { static_cast<void>(parse_ahead(text)); },
        [](std::string_view text) { static_cast<void>(parse_repeat(text)); },
        [](std::string_view text) { static_cast<void>(parse_complete(text)); },
        [](std::string_view text) { static_cast<void>(parse_want(text)); },
        [](std::string_view text) { static_cast<void>(parse_status(text)); },
        [](std::string_view text) { static_cast<void>(parse_runs(text)); }};
    const std::vector<std::string> messages = {write_hello({.protocol = 1, .cedana_version = "1", .host = "h"}),
                                               write_offer({.id = std::string(32, 'a'), .manifest = "m"}),
                                               write_answer({.reasons = {{.message = "m"}}}),
                                               data_payload(3, "abc"),
                                               write_complete(5),
                                               write_repeat({.offset = 1, .number = 2, .from = 3, .size = 4}),
                                               write_want({.offset = 1, .size = 2}),
                                               write_status({.id = "a", .pid = 7, .had_run = true}),
                                               write_runs(5),
                                               std::string(100'000, '['),
                                               "{\"reasons\": " + std::string(100'000, '[')};
    std::mt19937 random(1); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
    for (const std::string& message : messages)
        for (int round = 0; round < 200; ++round) {
            std::string text = message.substr(0, random() % (message.size() + 1));
            if (!text.empty())
                text[random() % text.size()] = static_cast<char>(random());
            for (const auto& parse : parsers)
                try {
                    parse(text);
                } catch (const Error& error) {
                    EXPECT_EQ(error.fault(), Fault::connection) << error.message();
                }
        }
}

} // namespace
} // namespace cedana::migration
