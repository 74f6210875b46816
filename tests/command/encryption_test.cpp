// SPDX-License-Identifier: Apache-2.0
// Encrypted checkpoints: who can read them, and what is said to those who cannot.
#include "cedana/archive/zip_reader.hpp"
#include "cedana/archive/zip_writer.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/keys/envelope.hpp"
#include "cedana/model/manifest.hpp"

#include <algorithm>
#include <functional>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/command_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Encryption : public WithFakeCriu {
  protected:
    void SetUp() override {
        WithFakeCriu::SetUp();
        if (IsSkipped())
            return;
        keygen("key", "--encryption");
        encrypt_with("key");
    }
    fs::path keygen(const std::string& name, const std::string& kind) const {
        return only_line(cedana({"config", "keygen", scratch(name), kind}).out);
    }
    void set(const std::string& setting, const std::string& name) {
        options.environment["CEDANA_SECURITY_" + setting] = name.empty() ? "" : scratch(name).string();
    }
    void encrypt_with(const std::string& name) { set("ENCRYPTION_KEY", name); }

    void expect_taken(const fs::path& zip, const std::vector<std::string>& more = {}) const {
        for (const char* command : {"verify", "inspect", "restore"}) {
            std::vector<std::string> arguments = {"client", command, zip};
            arguments.insert(arguments.end(), more.begin(), more.end());
            const CedanaRun run = cedana(arguments);
            EXPECT_EQ(run.exit_code, 0) << command << run.err;
        }
        EXPECT_FALSE(criu_runs("restore").empty());
    }
    // With no key for it.
    CedanaRun expect_unreadable(const fs::path& zip, const std::vector<std::string>& more = {}) const {
        CedanaRun last;
        for (const char* command : {"verify", "inspect", "restore"}) {
            std::vector<std::string> arguments = {"client", command, zip};
            arguments.insert(arguments.end(), more.begin(), more.end());
            last = cedana(arguments);
            EXPECT_EQ(last.exit_code, 4) << command << last.err;
            EXPECT_TRUE(holds(last.err, "is encrypted, and ")) << last.err;
        }
        EXPECT_TRUE(criu_runs("restore").empty());
        return last;
    }
    void expect_damaged(const fs::path& zip) const {
        for (const char* command : {"verify", "restore"})
            EXPECT_EQ(cedana({"client", command, zip}).exit_code, 8) << command;
    }

    CedanaRun with_passphrase(const std::vector<std::string>& arguments, const std::string& passphrase) const {
        write_text(scratch("passphrase"), passphrase);
        return run_with_passphrase(arguments, options, scratch("passphrase"));
    }
    fs::path checkpoint_with_passphrase(const std::string& passphrase) const {
        const Target target({"/bin/sleep", "infinity"});
        const CedanaRun run =
            with_passphrase({"client", "dump", "-p", target.pid_text(), "-d", store(), "--stop"}, passphrase);
        EXPECT_EQ(run.exit_code, 0) << run.err;
        return only_line(run.out);
    }
};

TEST_F(Encryption, WithAKeyIsReadWithThatKey) {
    const fs::path zip = checkpoint();
    expect_taken(zip);
    EXPECT_EQ(Json::parse(cedana({"client", "inspect", zip, "--json"}).out).at("encrypted"), true);
}

TEST_F(Encryption, HidesTheProcess) {
    const Target target(sleeper_at(scratch("program-of-that-name")));
    const fs::path zip = only_line(dump(target).out);
    const std::string archive = read_file(zip);
    for (const char* text : {"pages-1", "inventory", "command_line", "program-of-that-name"})
        EXPECT_EQ(archive.find(text), std::string::npos) << text;
    const std::string state = ZipReader(zip).read(k_manifest_entry, 1'000'000);
    const Json envelope = Json::parse(state);
    EXPECT_EQ(envelope.at("format_version"), 2);
    for (const char* key : {"name", "host", "tree", "files", "created"})
        EXPECT_FALSE(envelope.contains(key)) << key;
}

TEST_F(Encryption, IsNotReadWithoutItsKey) {
    const fs::path zip = checkpoint();
    encrypt_with("");
    const CedanaRun run = expect_unreadable(zip);
    EXPECT_TRUE(holds(field_of(run.err, "cause"), "security.encryption_key")) << run.err;
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "--passphrase-fd")) << run.err;
    keygen("other", "--encryption");
    encrypt_with("other");
    expect_unreadable(zip);
}

TEST_F(Encryption, ForRecipientsIsReadByEachOfThemAndNotByWhoeverDumped) {
    encrypt_with("");
    write_text(scratch("recipients"),
               read_file(keygen("ann", "--recipient")) + read_file(keygen("bob", "--recipient")));
    keygen("eve", "--recipient");
    set("RECIPIENTS", "recipients");
    const fs::path zip = checkpoint();
    expect_unreadable(zip);
    set("IDENTITY", "eve");
    expect_unreadable(zip);
    for (const char* recipient : {"ann", "bob"}) {
        set("IDENTITY", recipient);
        expect_taken(zip);
    }
}

TEST_F(Encryption, WithAPassphraseIsReadWithThatAlone) {
    encrypt_with("");
    const fs::path zip = checkpoint_with_passphrase("correct horse\n");
    // No terminal to ask on.
    expect_unreadable(zip);
    for (const char* command : {"verify", "inspect"}) {
        const CedanaRun wrong = with_passphrase({"client", command, zip}, "battery staple");
        EXPECT_EQ(wrong.exit_code, 4) << wrong.err;
        EXPECT_TRUE(holds(wrong.err, "this passphrase does not open it")) << wrong.err;
    }
    EXPECT_EQ(with_passphrase({"client", "verify", zip}, "correct horse").exit_code, 0);
    const CedanaRun run = with_passphrase({"client", "restore", zip}, "correct horse\nmore");
    EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST_F(Encryption, WithAPassphraseBesideAKeyIsReadWithEither) {
    const fs::path zip = checkpoint_with_passphrase("correct horse");
    expect_taken(zip);
    encrypt_with("");
    EXPECT_EQ(with_passphrase({"client", "verify", zip}, "correct horse").exit_code, 0);
}

TEST_F(Encryption, NeedsAPassphraseThatIsOne) {
    const Target target({"/bin/sleep", "infinity"});
    for (const std::string& bad : {std::string(), std::string("\n"), std::string(1025, 'a')})
        EXPECT_EQ(with_passphrase({"client", "dump", "-p", target.pid_text(), "-d", store()}, bad).exit_code, 2);
    EXPECT_EQ(dump(target, {"--passphrase-fd", "9"}).exit_code, 2);
    EXPECT_EQ(dump(target, {"--passphrase"}).exit_code, 2);
    EXPECT_TRUE(criu_runs("dump").empty());
}

TEST_F(Encryption, KeyThatOthersMayReadIsRefusedBeforeAnythingIsDumped) {
    const Target target({"/bin/sleep", "infinity"});
    ASSERT_EQ(::chmod(scratch("key").c_str(), 0644), 0);
    EXPECT_EQ(dump(target).exit_code, 4);
    ASSERT_EQ(::chmod(scratch("key").c_str(), 0600), 0);
    write_text(scratch("key"), "too short");
    EXPECT_EQ(dump(target).exit_code, 2);
    EXPECT_TRUE(criu_runs("dump").empty());
    EXPECT_TRUE(target.runs());
}

TEST_F(Encryption, IsShownByAListing) {
    const fs::path zip = checkpoint();
    EXPECT_TRUE(holds(cedana({"client", "list", store()}).out, "sleep")) << "with the key";
    encrypt_with("");
    const Json listing = Json::parse(cedana({"client", "list", store(), "--json"}).out);
    const Json& entry = listing.at("entries").at(0);
    EXPECT_EQ(entry.at("kind"), "encrypted");
    EXPECT_FALSE(entry.contains("name"));
    const std::string stem = zip.stem().string();
    std::string when = entry.at("created");
    std::erase_if(when, [](char c) { return c == '-' || c == ':'; });
    EXPECT_TRUE(holds(stem, when)) << stem << " " << when;
    EXPECT_TRUE(holds(cedana({"client", "list", store()}).out, "encrypted: no key here opens it"));
}

TEST_F(Encryption, IsPassedOverForTheLatestByWhoCannotReadIt) {
    encrypt_with("");
    const fs::path plain = checkpoint();
    encrypt_with("key");
    static_cast<void>(checkpoint());
    encrypt_with("");
    const CedanaRun run = cedana({"client", "restore", "latest", "-d", store(), "--dry-run"});
    EXPECT_TRUE(holds(run.err, plain.string())) << run.err;
    EXPECT_TRUE(holds(run.err, "1 encrypted checkpoint passed over: no key here opens it")) << run.err;
    fs::remove(plain);
    const CedanaRun none = cedana({"client", "restore", "latest", "-d", store(), "--dry-run"});
    EXPECT_EQ(none.exit_code, 4);
    EXPECT_TRUE(holds(none.err, "are encrypted, and no key here opens one")) << none.err;
}

TEST_F(Encryption, IsNotPrunedByWhoCannotReadIt) {
    for (int i = 0; i < 3; ++i)
        static_cast<void>(checkpoint());
    encrypt_with("");
    EXPECT_EQ(cedana({"client", "prune", store(), "--keep-last", "1"}).exit_code, 0);
    EXPECT_EQ(names_in(store(), ".zip").size(), 3U);
}

// Tampering, by somebody without the key.

// Found when CRIU asks for the frame, which it does not get.
TEST_F(Encryption, WithFramesOfAnotherCheckpointIsDamaged) {
    const std::string one = read_file(checkpoint());
    const fs::path zip = checkpoint();
    std::string other = read_file(zip);
    // The first entry of both, which is of the same image.
    constexpr std::size_t k_data = 30 + 6 + 20;
    ASSERT_EQ(other.substr(30, 6), "data/0");
    other.replace(k_data, 100, one, k_data, 100);
    write_text(zip, other);
    expect_damaged(zip);
}

TEST_F(Encryption, WhoseEnvelopeIsOfAnotherCheckpointIsDamaged) {
    const fs::path one = checkpoint();
    const fs::path zip = checkpoint();
    const UniqueFd fd = open_file(zip, O_RDWR);
    ZipWriter(fd.get(), zip, ZipContent::archive)
        .replace({.name = k_manifest_entry,
                  .source = memory_entry(ZipReader(one).read(k_manifest_entry, 100'000), Method::deflate, 9)});
    expect_damaged(zip);
    EXPECT_TRUE(criu_runs("restore").empty());
}

class Envelopes : public Encryption {
  protected:
    // A checkpoint whose envelope says something else.
    fs::path changed(const std::function<void(Json&)>& change) const {
        fs::path zip = checkpoint();
        Json envelope = Json::parse(ZipReader(zip).read(k_manifest_entry, 100'000));
        change(envelope);
        const UniqueFd fd = open_file(zip, O_RDWR);
        ZipWriter(fd.get(), zip, ZipContent::archive)
            .replace({.name = k_manifest_entry, .source = memory_entry(envelope.dump(), Method::deflate, 9)});
        return zip;
    }
};

TEST_F(Envelopes, ThatAskForAllMemoryAreRefused) {
    const fs::path zip = changed([](Json& json) {
        json["key_slots"] = {{{"kind", "passphrase"},
                              {"derivation", "argon2id"},
                              {"operations", 3},
                              {"memory_bytes", 1ULL << 40},
                              {"salt", to_base64(std::vector<std::byte>(16))},
                              {"wrapped", to_base64(std::vector<std::byte>(72))}}};
    });
    const CedanaRun run = with_passphrase({"client", "restore", zip}, "x");
    EXPECT_EQ(run.exit_code, 8) << run.err;
    EXPECT_TRUE(holds(run.err, "which no dump would")) << run.err;
}

TEST_F(Envelopes, OfAnotherIdAreRefused) {
    const fs::path zip = changed([](Json& json) { json["id"] = to_base64(std::vector<std::byte>(16)); });
    EXPECT_EQ(restore(zip).exit_code, 4);
}

TEST_F(Envelopes, WithAnotherKeyInASlotAreRefused) {
    const fs::path zip = changed([](Json& json) { json["key_check"] = std::string(64, '0'); });
    EXPECT_EQ(restore(zip).exit_code, 8);
}

TEST_F(Envelopes, WithoutADigestAreRefused) {
    const fs::path zip = changed([](Json& json) { json["digests"].erase("index"); });
    EXPECT_EQ(restore(zip).exit_code, 8);
}

// The key goes from process to process, to the one that brings the memory.
TEST_F(Encryption, GoesTogetherWithALazyRestore) {
    const CedanaRun run = restore(checkpoint(), {"--lazy", "--wait", "--verify", "--json"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Orphan restored(Json::parse(only_line(run.out)).at("pid").get<pid_t>());
    EXPECT_TRUE(holds(only(criu_runs("restore")), "--lazy-pages"));
}

// Signing covers what is encrypted, and needs no key for it.

TEST_F(Encryption, GoesTogetherWithSigning) {
    const fs::path pub = only_line(cedana({"config", "keygen", scratch("signing")}).out);
    set("SIGNING_KEY", "signing");
    set("TRUSTED_KEYS", "signing.pub");
    const fs::path zip = checkpoint();
    expect_taken(zip);
    options.environment.erase("CEDANA_SECURITY_SIGNING_KEY");
    const fs::path older = checkpoint();
    EXPECT_EQ(cedana({"client", "verify", older}).exit_code, 8);
    set("SIGNING_KEY", "signing");
    encrypt_with("");
    EXPECT_EQ(cedana({"client", "sign", older}).exit_code, 0);
    encrypt_with("key");
    expect_taken(older);
}

// Who reads the process list, the log or the output sees nothing of keys.
TEST_F(Encryption, TellsNothingOfThePassphrase) {
    encrypt_with("");
    const Target target({"/bin/sleep", "infinity"});
    const std::string passphrase = "correct-horse-battery";
    const CedanaRun run =
        with_passphrase({"-v", "client", "dump", "-p", target.pid_text(), "-d", store(), "--json"}, passphrase);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_FALSE(holds(run.out + run.err, passphrase));
    EXPECT_FALSE(holds(read_file(Json::parse(run.out).at("checkpoint").get<std::string>()), passphrase));
}

} // namespace
} // namespace cedana::testing
