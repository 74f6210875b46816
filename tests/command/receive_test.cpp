// SPDX-License-Identifier: Apache-2.0
// The end of a migration that has the tree at last, with a source that is made up: what it takes, whatever that says.
// What a line of sudoers for it grants is in docs/security.md.
#include "cedana/archive/zip_reader.hpp"
#include "cedana/base/files.hpp"
#include "cedana/keys/key_text.hpp"
#include "cedana/keys/signature.hpp"
#include "cedana/migration/frame.hpp"
#include "cedana/migration/messages.hpp"
#include "cedana/model/manifest.hpp"

#include <cstring>
#include <optional>

#include <unistd.h>

#include "command/command_fixture.hpp"
#include "support/made_checkpoint.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using migration::FrameType;

std::string source_says(FrameType type, const std::string& payload = {}) {
    const migration::Header header = migration::write_header({.type = type, .length = payload.size()});
    return std::string(reinterpret_cast<const char*>(header.data()), header.size()) + payload;
}

// Of the last frame of this type.
std::optional<std::string> heard(std::string_view text, FrameType type) {
    std::optional<std::string> payload;
    while (text.size() >= migration::k_header_size) {
        migration::Header header{};
        std::memcpy(header.data(), text.data(), header.size());
        const migration::FrameHead head = migration::parse_header(header, migration::Side::target);
        if (head.type == type)
            payload = text.substr(migration::k_header_size, head.length);
        text.remove_prefix(migration::k_header_size + head.length);
    }
    return payload;
}

class Receive : public WithFakeCriu {
  protected:
    [[nodiscard]] CedanaRun hear(const std::string& frames) {
        write_text(scratch("frames"),
                   source_says(FrameType::hello,
                               migration::write_hello(
                                   {.protocol = migration::k_protocol_version, .cedana_version = "0", .host = "h"})) +
                       frames);
        write_script(scratch("receive"), "#!/bin/sh\nexec " + cedana_executable().string() + " client receive <" +
                                             scratch("frames").string() + "\n");
        options.executable = scratch("receive");
        return cedana({});
    }
    [[nodiscard]] static std::string offers(const Manifest& manifest, const std::string& key_id = {}) {
        return source_says(FrameType::offer,
                           migration::write_offer(
                               {.id = migration::new_id(), .manifest = write_manifest(manifest), .key_id = key_id}));
    }
    // `before_the_end`: what else.
    [[nodiscard]] static std::string sends(const fs::path& checkpoint, const std::string& before_the_end = {}) {
        const std::string content = read_file(checkpoint);
        return source_says(FrameType::begin, migration::write_begin("made")) +
               source_says(FrameType::data,
                           migration::write_data_head(0, std::as_bytes(std::span(content))) + content) +
               before_the_end + source_says(FrameType::complete, migration::write_complete(content.size()));
    }
    // All that it answers, in one.
    [[nodiscard]] static std::string reasons_of(const CedanaRun& run) {
        return heard(run.out, FrameType::answer).value_or("no answer: " + run.err);
    }
};

// A source that does not heed the answer.
TEST_F(Receive, TakesNothingThatItHasRefused) {
    options.environment["CEDANA_SHARED_STORAGE_DUMP_STORAGE_DIR"] = store();
    const CedanaRun run =
        hear(source_says(FrameType::offer, migration::write_offer({.id = std::string(32, 'a'), .manifest = "{}"})) +
             source_says(FrameType::begin, migration::write_begin("x")));
    EXPECT_EQ(run.exit_code, 12) << run.err;
    EXPECT_TRUE(holds(run.err, "the source goes on though it was refused"));
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
}

TEST_F(Receive, KnowsNothingOfAMigrationThatNeverWas) {
    const CedanaRun run = cedana({"client", "receive", "--status", std::string(32, 'a')});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out, "unknown: this host knows of no such migration\n");
    EXPECT_EQ(cedana({"client", "receive", "--status", "../../etc"}).exit_code, 2);
}

// As root's configuration has it.
class ReceivedCheckpoint : public Receive {
  protected:
    void SetUp() override {
        Receive::SetUp();
        if (IsSkipped())
            return;
        ASSERT_EQ(cedana({"config", "keygen", scratch("key")}).exit_code, 0);
        options.environment["CEDANA_SHARED_STORAGE_DUMP_STORAGE_DIR"] = store();
    }
    [[nodiscard]] std::string key_id() const {
        return parse_public_keys(KeyKind::ed25519, read_file(scratch("key.pub")), "").front().id();
    }
    // That it puts a file back is not in the offer. `signed_text`: empty: nothing is signed.
    [[nodiscard]] std::string why_ended(const std::string& signed_text) {
        const std::string text = read_file(scratch("key"));
        const SigningKey key(
            parse_private_key(KeyKind::ed25519, SecretBytes::copy_of(std::as_bytes(std::span(text))), ""));
        make_checkpoint(scratch("sent.zip"),
                        {.files = {{scratch("put-back"), "of the archive"}}, .sign = [&](const std::string&) {
                             return signed_text.empty() ? std::string() : key.sign(signed_text);
                         }});
        const CedanaRun run = hear(offers(plain_manifest(), key_id()) + sends(scratch("sent.zip")));
        EXPECT_TRUE(reasons_of(run).starts_with("{\"reasons\":[],")) << reasons_of(run) << run.err;
        EXPECT_TRUE(criu_runs("restore").empty()) << run.err;
        EXPECT_FALSE(fs::exists(scratch("put-back")));
        EXPECT_EQ(names_in(store()), std::vector<std::string>());
        return heard(run.out, FrameType::ended).value_or("not told: " + run.err);
    }
};

TEST_F(ReceivedCheckpoint, PutsNoFileOfWhichTheOfferSaidNothing) {
    options.environment["CEDANA_SECURITY_RECEIVE_UNSIGNED"] = "true";
    EXPECT_TRUE(holds(why_ended(""), "is not to be put here by another host"));
}

TEST_F(ReceivedCheckpoint, IsNotTakenUnsignedThoughTheOfferNamesATrustedKey) {
    options.environment["CEDANA_SECURITY_TRUSTED_KEYS"] = scratch("key.pub");
    EXPECT_TRUE(holds(why_ended(""), "is not signed"));
}

// They are on the disk by then.
TEST_F(ReceivedCheckpoint, GivesNoFileItsNameThatNobodyHasSigned) {
    options.environment["CEDANA_SECURITY_TRUSTED_KEYS"] = scratch("key.pub");
    options.environment["CEDANA_SECURITY_RECEIVE_FOLDERS"] = folder();
    make_checkpoint(scratch("sent.zip"), {.files = {{scratch("put-back"), "of the archive"}}});
    const ZipReader zip(scratch("sent.zip"));
    const std::string files = migration::write_files(
        {.manifest = zip.read(k_manifest_entry, 1 << 20), .index = zip.read(k_files_index_entry, 1 << 20)});
    const CedanaRun run =
        hear(offers(plain_manifest(), key_id()) + sends(scratch("sent.zip"), source_says(FrameType::files, files)));
    EXPECT_TRUE(heard(run.out, FrameType::kept)) << run.err;
    EXPECT_TRUE(holds(heard(run.out, FrameType::ended).value_or(""), "is not signed")) << run.err;
    EXPECT_FALSE(fs::exists(scratch("put-back")));
    EXPECT_EQ(names_in(store()), std::vector<std::string>());
}

TEST_F(ReceivedCheckpoint, IsNotTakenWithASignatureOfAnother) {
    options.environment["CEDANA_SECURITY_TRUSTED_KEYS"] = scratch("key.pub");
    EXPECT_TRUE(holds(why_ended("another"), "its signature is not that of its manifest"));
}

// Behind the line of sudoers: all else is the user's to say.
class ReceiveBehindSudo : public ReceivedCheckpoint {
  protected:
    void SetUp() override {
        ReceivedCheckpoint::SetUp();
        options.environment["SUDO_USER"] = "nobody";
        options.environment["SUDO_COMMAND"] = "/usr/bin/cedana";
        fs::create_directory(scratch("own"));
        ASSERT_EQ(::chown(scratch("own").c_str(), k_nobody, k_nobody), 0);
        options.environment["CEDANA_SHARED_STORAGE_DUMP_STORAGE_DIR"] = scratch("own");
    }
};

TEST_F(ReceiveBehindSudo, TrustsNobodyWhomTheUserNames) {
    options.environment["CEDANA_SECURITY_TRUSTED_KEYS"] = scratch("key.pub");
    options.environment["CEDANA_SECURITY_RECEIVE_UNSIGNED"] = "true";
    const CedanaRun run = hear(offers(plain_manifest(), key_id()));
    EXPECT_TRUE(holds(reasons_of(run), "this host names no trusted keys")) << reasons_of(run);
}

TEST_F(ReceiveBehindSudo, PutsNoFileWhereTheUserNamesAFolder) {
    options.environment["CEDANA_SECURITY_RECEIVE_FOLDERS"] = "/";
    Manifest manifest = plain_manifest();
    manifest.files = {{.path = scratch("put-back"), .entry = "0", .size = 1, .digest = std::string(64, '0')}};
    const CedanaRun run = hear(offers(manifest, key_id()));
    EXPECT_TRUE(holds(reasons_of(run), "is not to be put here by another host")) << reasons_of(run);
}

// Root would write there what another host sends.
TEST_F(ReceiveBehindSudo, KeepsNothingInAFolderOfRootThatTheUserNames) {
    options.environment["CEDANA_SHARED_STORAGE_DUMP_STORAGE_DIR"] = store();
    const CedanaRun run = hear(offers(plain_manifest(), key_id()));
    EXPECT_EQ(run.exit_code, 4) << run.err;
    EXPECT_TRUE(holds(run.err, "is not one in which user nobody may make files")) << run.err;
}

} // namespace
} // namespace cedana::testing
