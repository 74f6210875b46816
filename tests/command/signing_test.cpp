// SPDX-License-Identifier: Apache-2.0
// Whom a restore trusts: what was tampered with is refused with exit 8 before CRIU starts and any file is put back.
#include "cedana/archive/zip_reader.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/keys/signature.hpp"

#include <functional>
#include <map>
#include <span>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <sys/stat.h>
#include <unistd.h>

#include "command/command_fixture.hpp"
#include "support/made_checkpoint.hpp"
#include "support/synthetic_checkpoint.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Signing : public WithFakeCriu {
  protected:
    // The public key's file.
    fs::path keygen(const std::string& name) const {
        return only_line(cedana({"config", "keygen", scratch(name)}).out);
    }
    void sign_with(const std::string& name) { options.environment["CEDANA_SECURITY_SIGNING_KEY"] = scratch(name); }
    void trust(const fs::path& file) { options.environment["CEDANA_SECURITY_TRUSTED_KEYS"] = file; }
    void SetUp() override {
        WithFakeCriu::SetUp();
        if (IsSkipped())
            return;
        mine = keygen("key");
        sign_with("key");
        trust(mine);
    }

    // By restore, verify, inspect and a dry run alike.
    void expect_refused(const fs::path& zip, const std::string& why) const {
        for (const std::vector<std::string>& words : {std::vector<std::string>{"restore"},
                                                      {"restore", "--dry-run"},
                                                      {"verify"},
                                                      {"inspect"},
                                                      {"inspect", "--json"}}) {
            std::vector<std::string> arguments = {"client"};
            arguments.insert(arguments.end(), words.begin(), words.end());
            arguments.push_back(zip);
            const CedanaRun run = cedana(arguments);
            EXPECT_EQ(run.exit_code, 8) << words.front() << run.err;
            EXPECT_TRUE(holds(run.out + run.err, why)) << words.front() << run.err;
        }
        EXPECT_TRUE(criu_runs("restore").empty());
    }
    void expect_taken(const fs::path& zip) const {
        EXPECT_EQ(cedana({"client", "verify", zip}).exit_code, 0) << cedana({"client", "verify", zip}).err;
        EXPECT_EQ(restore(zip).exit_code, 0);
    }
    [[nodiscard]] fs::path unsigned_checkpoint() {
        options.environment.erase("CEDANA_SECURITY_SIGNING_KEY");
        fs::path zip = checkpoint();
        sign_with("key");
        return zip;
    }
    static std::string signature_of(const fs::path& zip) {
        return ZipReader(zip).read(k_signature_entry, k_signature_limit);
    }

    fs::path mine;
};

TEST_F(Signing, OfADumpIsTakenByWhoTrustsItsKey) {
    const fs::path zip = checkpoint();
    expect_taken(zip);
    const Json json = Json::parse(only_line(cedana({"client", "inspect", zip, "--json"}).out));
    EXPECT_EQ(json.at("signature"), "trusted");
    EXPECT_EQ(json.at("signed_by").get<std::string>().size(), 16U);
}

TEST_F(Signing, IsNoHindranceToWhoTrustsEverybody) {
    const fs::path zip = checkpoint();
    options.environment.erase("CEDANA_SECURITY_TRUSTED_KEYS");
    expect_taken(zip);
    EXPECT_EQ(Json::parse(cedana({"client", "inspect", zip, "--json"}).out).at("signature"), "not checked");
}

TEST_F(Signing, ThatIsMissingIsRefused) { expect_refused(unsigned_checkpoint(), "is not signed"); }

TEST_F(Signing, OfAnotherKeyIsRefused) {
    keygen("other");
    sign_with("other");
    expect_refused(checkpoint(), "which is not trusted here");
}

TEST_F(Signing, OfOneOfSeveralTrustedKeysIsTaken) {
    const fs::path other = keygen("other");
    write_text(scratch("trusted"), "# both\n" + read_file(other) + "\n" + read_file(mine));
    trust(scratch("trusted"));
    const fs::path first = checkpoint();
    sign_with("other");
    expect_taken(first);
    expect_taken(checkpoint());
}

class Tampered : public Signing {
  protected:
    // A checkpoint that puts a file back, with the signature that `sign` makes of its manifest.
    fs::path made(
        const std::string& name, const std::function<std::string(const std::string&)>& sign,
        const std::function<void(Manifest&)>& change = [](Manifest&) {}) const {
        make_checkpoint(scratch(name),
                        {.files = {{scratch("put-back"), "of the archive"}}, .change = change, .sign = sign});
        return scratch(name);
    }
    [[nodiscard]] SigningKey key() const {
        const std::string text = read_file(scratch("key"));
        return SigningKey(
            parse_private_key(KeyKind::ed25519, SecretBytes::copy_of(std::as_bytes(std::span(text))), ""));
    }
    void expect_nothing_put_back() const { EXPECT_FALSE(fs::exists(scratch("put-back"))); }
};

TEST_F(Tampered, ManifestIsRefused) {
    const SigningKey signing = key();
    std::string original;
    made("good.zip", [&](const std::string& text) { return original = signing.sign(text); });
    const fs::path bad = made(
        "bad.zip", [&](const std::string&) { return original; }, [](Manifest& manifest) { manifest.name = "evil"; });
    expect_refused(bad, "its signature is not that of its manifest");
    options.environment.erase("CEDANA_SECURITY_TRUSTED_KEYS");
    expect_refused(bad, "its signature is not that of its manifest");
    expect_nothing_put_back();
}

TEST_F(Tampered, SignatureOfAnotherCheckpointIsRefused) {
    std::string stolen = signature_of(checkpoint());
    expect_refused(made("bad.zip", [&](const std::string&) { return stolen; }), "its signature is not that of");
    expect_nothing_put_back();
}

TEST_F(Tampered, SignatureThatNamesATrustedKeyIsRefused) {
    const std::string trusted = key().sign("");
    const auto forge = [&](const std::string& text) {
        std::string forged = SigningKey::generate().sign(text);
        const std::size_t second = forged.find('\n') + 1;
        const std::size_t third = forged.find('\n', second);
        return forged.replace(second, third - second, trusted, second, third - second);
    };
    expect_refused(made("bad.zip", forge), "its signature is not that of");
    expect_nothing_put_back();
}

TEST_F(Tampered, SignatureThatIsNoneIsRefused) {
    expect_refused(made("bad.zip", [](const std::string&) { return "cedana-signature 1\n"; }), "signature is damaged");
    expect_nothing_put_back();
}

// Who trusts nobody never gets to the manifest.
TEST_F(Tampered, ManifestIsNotEvenParsedWithoutATrustedSignature) {
    const auto rewrite = [](std::string& text) { text = "no JSON"; };
    make_checkpoint(scratch("bad.zip"), {.rewrite = rewrite});
    expect_refused(scratch("bad.zip"), "is not signed");
}

TEST_F(Tampered, ImageOfASignedCheckpointIsRefused) {
    const SigningKey signing = key();
    const fs::path zip = made("bad.zip", [&](const std::string& text) { return signing.sign(text); });
    std::string content = read_file(zip);
    const ZipReader reader(zip);
    ASSERT_EQ(reader.entries().front().name, "images/inventory.img");
    content.at(60) ^= 1;
    write_text(zip, content);
    EXPECT_EQ(cedana({"client", "verify", zip}).exit_code, 8);
    const CedanaRun run = restore(zip);
    EXPECT_NE(run.exit_code, 0);
    expect_nothing_put_back();
}

// What is in the store.

TEST_F(Signing, IsShownByAListing) {
    keygen("other");
    const fs::path plain = unsigned_checkpoint();
    const fs::path good = checkpoint();
    sign_with("other");
    const fs::path other = checkpoint();
    const CedanaRun run = cedana({"client", "list", store()});
    EXPECT_TRUE(matches(run.out, "[^]* SIGNED +NOW[^]*")) << run.out;
    EXPECT_TRUE(holds(run.out, " trusted ")) << run.out;
    EXPECT_TRUE(holds(run.out, " other key ")) << run.out;
    EXPECT_TRUE(holds(run.out, " unsigned ")) << run.out;
    const Json listing = Json::parse(cedana({"client", "list", store(), "--json"}).out);
    std::map<std::string, std::string> found;
    for (const Json& entry : listing.at("entries"))
        found[entry.at("checkpoint")] = entry.at("signature");
    EXPECT_EQ(found,
              (std::map<std::string, std::string>{{plain, "unsigned"}, {good, "trusted"}, {other, "other key"}}));
}

TEST_F(Signing, IsNoColumnWhereNobodySigns) {
    static_cast<void>(unsigned_checkpoint());
    options.environment.erase("CEDANA_SECURITY_TRUSTED_KEYS");
    EXPECT_FALSE(holds(cedana({"client", "list", store()}).out, "SIGNED"));
}

// Planted, newer than all others.
TEST_F(Signing, DecidesWhatTheLatestIs) {
    const fs::path good = checkpoint();
    write_checkpoint(store() / "evil.zip", plausible_manifest("evil", 7, "2099-01-01T00:00:00Z"));
    const CedanaRun run = cedana({"client", "restore", "latest", "-d", store()});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(run.err, "taking " + good.string())) << run.err;
    EXPECT_TRUE(holds(run.err, "1 checkpoint passed over")) << run.err;
    const CedanaRun named = cedana({"client", "restore", "evil", "-d", store()});
    EXPECT_EQ(named.exit_code, 8) << named.err;
    EXPECT_TRUE(holds(named.err, "signed by a trusted key")) << named.err;
}

TEST_F(Signing, KeepsPlantedOnesFromHavingOthersRemoved) {
    const fs::path good = checkpoint();
    for (int i = 0; i < 3; ++i)
        write_checkpoint(store() / fmt::format("planted{}.zip", i),
                         plausible_manifest("sleep", 7, "2099-01-01T00:00:00Z"));
    const CedanaRun run = cedana({"client", "prune", store(), "--keep-last", "1"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(fs::exists(good));
    EXPECT_EQ(names_in(store(), ".zip").size(), 4U);
    EXPECT_TRUE(holds(run.err, "3 that no trusted key signed")) << run.err;
}

// Signing older ones.

TEST_F(Signing, OfAnOlderOneMakesItTaken) {
    const fs::path zip = unsigned_checkpoint();
    const std::uint64_t size = fs::file_size(zip);
    const CedanaRun run = cedana({"client", "sign", zip});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(holds(only_line(run.out), zip.string() + ": signed with the key ")) << run.out;
    expect_taken(zip);
    EXPECT_LT(fs::file_size(zip), size + 500);
    EXPECT_EQ(fs::status(zip).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    EXPECT_EQ(names_in(store(), ".zip.partial").size(), 0U);
}

TEST_F(Signing, ReplacesTheSignatureOfAnotherKey) {
    keygen("other");
    sign_with("other");
    const fs::path zip = checkpoint();
    const std::uint64_t size = fs::file_size(zip);
    sign_with("key");
    const CedanaRun run = cedana({"client", "sign", zip, "--json"});
    EXPECT_FALSE(Json::parse(only_line(run.out)).at("checkpoints").at(0).at("replaced").is_null());
    EXPECT_EQ(fs::file_size(zip), size);
    expect_taken(zip);
}

TEST_F(Signing, KeepsALinkALink) {
    const fs::path zip = unsigned_checkpoint();
    fs::create_symlink(zip, scratch("link.zip"));
    EXPECT_EQ(cedana({"client", "sign", scratch("link.zip")}).exit_code, 0);
    EXPECT_TRUE(fs::is_symlink(scratch("link.zip")));
    expect_taken(zip);
}

TEST_F(Signing, LeavesADamagedOneAsItIs) {
    const fs::path zip = unsigned_checkpoint();
    fs::resize_file(zip, fs::file_size(zip) - 1);
    const std::string before = read_file(zip);
    EXPECT_EQ(cedana({"client", "sign", zip}).exit_code, 8);
    EXPECT_EQ(read_file(zip), before);
}

TEST_F(Signing, LeavesWhatElseIsInTheFolder) {
    const fs::path zip = unsigned_checkpoint();
    write_text(zip.string() + ".partial", "somebody's");
    EXPECT_EQ(cedana({"client", "sign", zip}).exit_code, 0);
    EXPECT_EQ(read_file(zip.string() + ".partial"), "somebody's");
}

// Else who may call cedana through sudo could have root vouch for anything.
TEST_F(Signing, IsNotForAUserBehindSudo) {
    const fs::path zip = unsigned_checkpoint();
    options.environment["SUDO_USER"] = "nobody";
    const CedanaRun run = cedana({"client", "sign", zip});
    EXPECT_EQ(run.exit_code, 4) << run.err;
    EXPECT_TRUE(holds(run.err, "may not sign")) << run.err;
    EXPECT_EQ(ZipReader(zip).find(k_signature_entry), nullptr);
}

TEST_F(Signing, WithoutAKeyIsExit2WithWhatToDo) {
    const fs::path zip = unsigned_checkpoint();
    options.environment.erase("CEDANA_SECURITY_SIGNING_KEY");
    const CedanaRun run = cedana({"client", "sign", zip});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_TRUE(holds(field_of(run.err, "hint"), "cedana config keygen")) << run.err;
}

// Keys.

TEST_F(Signing, KeysAreMadeForTheirOwnerAlone) {
    struct ::stat info {};
    ASSERT_EQ(::stat(scratch("key").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600U);
    EXPECT_EQ(mine, scratch("key.pub"));
    EXPECT_TRUE(read_file(mine).starts_with("ed25519 "));
}

TEST_F(Signing, KeysAreNeverOverwritten) {
    const std::string before = read_file(scratch("key"));
    EXPECT_EQ(cedana({"config", "keygen", scratch("key")}).exit_code, 2);
    EXPECT_EQ(read_file(scratch("key")), before);
    fs::remove(scratch("key.pub"));
    EXPECT_EQ(cedana({"config", "keygen", scratch("key")}).exit_code, 2);
    EXPECT_EQ(read_file(scratch("key")), before);
    EXPECT_FALSE(fs::exists(scratch("key.pub")));
}

TEST_F(Signing, KeysAreMadeWithTheRightsOfTheUserBehindSudo) {
    options.environment["SUDO_USER"] = "nobody";
    const CedanaRun run = cedana({"config", "keygen", scratch("new")});
    EXPECT_EQ(run.exit_code, 4) << run.err;
    EXPECT_FALSE(fs::exists(scratch("new")));
    EXPECT_FALSE(fs::exists(scratch("new.pub")));
}

TEST_F(Signing, KeyThatOthersMayReadIsRefusedBeforeAnythingIsDumped) {
    ASSERT_EQ(::chmod(scratch("key").c_str(), 0640), 0);
    const Target target({"/bin/sleep", "infinity"});
    for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--dry-run"}}) {
        const CedanaRun run = dump(target, more);
        EXPECT_EQ(run.exit_code, 4) << run.err;
        EXPECT_TRUE(holds(run.err, "chmod 600 " + scratch("key").string())) << run.err;
    }
    EXPECT_TRUE(criu_runs("dump").empty());
    EXPECT_TRUE(target.runs());
}

TEST_F(Signing, TrustedKeysThatOthersMayWriteAreRefused) {
    const fs::path zip = checkpoint();
    ASSERT_EQ(::chmod(mine.c_str(), 0666), 0);
    const CedanaRun run = restore(zip);
    EXPECT_EQ(run.exit_code, 4) << run.err;
    EXPECT_TRUE(holds(run.err, "chmod o-w " + mine.string())) << run.err;
    EXPECT_TRUE(criu_runs("restore").empty());
}

TEST_F(Signing, TrustedKeysThatAreNotThereAreRefused) {
    const fs::path zip = checkpoint();
    trust(scratch("none"));
    EXPECT_EQ(restore(zip).exit_code, 2);
    EXPECT_TRUE(criu_runs("restore").empty());
}

TEST_F(Signing, IsWhatCheckTellsOf) {
    EXPECT_TRUE(matches(cedana({"check"}).out, "[^]*trusted keys +1 in [^]*"));
    keygen("other");
    sign_with("other");
    EXPECT_TRUE(holds(cedana({"check"}).out, "which is not among the trusted keys"));
    options.environment.erase("CEDANA_SECURITY_TRUSTED_KEYS");
    EXPECT_TRUE(holds(cedana({"check"}).out, "security.trusted_keys is not set"));
}

} // namespace
} // namespace cedana::testing
