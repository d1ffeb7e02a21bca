#include "server/config.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/settings.h"

namespace entrepot::server {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    sources_.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    };
    environment_["HOME"] = "/nowhere";
  }

  ~ConfigTest() override {
    if (sources_.file) std::filesystem::remove(*sources_.file);
  }

  void WriteFile(const std::string& text) {
    sources_.file =
        testing::TempDir() + "config_test_" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::ofstream(*sources_.file) << text;
  }
  std::string FailureDetail() {
    const auto loaded = LoadConfig(sources_);
    if (loaded) return "it was accepted";
    EXPECT_EQ(loaded.error().code(), ErrorCode::kConfiguration);
    return std::string(loaded.error().fact("detail"));
  }
  std::string FileFailure(const std::string& text) {
    WriteFile(text);
    return FailureDetail();
  }
  std::string FlagFailure(const std::string& key, const std::string& value) {
    sources_.flags = {{key, {value}}};
    return FailureDetail();
  }

  ConfigSources sources_;
  std::map<std::string, std::string> environment_;
};

TEST_F(ConfigTest, DefaultsAreThoseOfTheDesign) {
  const auto loaded = LoadConfig(sources_);
  ASSERT_TRUE(loaded) << loaded.error().ToString();
  const Config& config = loaded->config;
  EXPECT_EQ(config.listen, (std::vector{HostPort{"127.0.0.1", 5000}}));
  EXPECT_EQ(config.region.str(), "us-west-2");
  EXPECT_EQ(config.account_id.str(), "123456789012");
  EXPECT_EQ(config.storage_encryption, StorageEncryption::kServiceKey);
  EXPECT_EQ(config.compat_json_auth_status, 400);
  EXPECT_EQ(config.limits_body_memory, 256u << 20);
  EXPECT_FALSE(config.uses_tls());
  EXPECT_FALSE(config.metrics_listen);
  EXPECT_EQ(loaded->origins.at("region"), "default");
}

TEST_F(ConfigTest, EverySettingHasADefaultItAccepts) {
  for (const Setting& setting : Settings()) {
    Config config;
    EXPECT_TRUE(setting.assign(setting, std::string(setting.fallback), config)) << setting.key;
    EXPECT_FALSE(setting.doc.empty()) << setting.key;
  }
}

TEST_F(ConfigTest, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  WriteFile("region = \"eu-west-1\"\naccount_id = \"111111111111\"\ndrain_seconds = 3\n");
  environment_["ENTREPOT_REGION"] = "eu-west-2";
  environment_["ENTREPOT_ACCOUNT_ID"] = "222222222222";
  sources_.flags = {{"region", {"eu-west-3"}}};
  const auto loaded = LoadConfig(sources_);
  ASSERT_TRUE(loaded) << loaded.error().ToString();
  EXPECT_EQ(loaded->config.region.str(), "eu-west-3");
  EXPECT_EQ(loaded->origins.at("region"), "--region");
  EXPECT_EQ(loaded->config.account_id.str(), "222222222222");
  EXPECT_EQ(loaded->origins.at("account_id"), "ENTREPOT_ACCOUNT_ID");
  EXPECT_EQ(loaded->config.drain_seconds.count(), 3);
  EXPECT_EQ(loaded->origins.at("drain_seconds"), sources_.file->string() + ":3");
}

TEST_F(ConfigTest, PrintedConfigReadsBackTheSame) {
  environment_["ENTREPOT_LISTEN"] = "127.0.0.1:1,[::1]:2";
  environment_["ENTREPOT_LIMITS_BODY_MEMORY"] = "1GiB";
  environment_["ENTREPOT_DATA_DIR"] = "/with \"quotes\" and \\";
  sources_.flags = {{"log.level", {"debug"}}, {"metrics.listen", {"127.0.0.1:9"}}};
  const auto first = LoadConfig(sources_);
  ASSERT_TRUE(first) << first.error().ToString();
  const std::string printed = PrintConfig(*first);
  EXPECT_THAT(printed, HasSubstr("level = \"debug\"  # --log-level"));
  EXPECT_THAT(printed, HasSubstr("listen = [\"127.0.0.1:1\", \"[::1]:2\"]  # ENTREPOT_LISTEN"));

  environment_ = {{"HOME", "/nowhere"}};
  sources_.flags.clear();
  WriteFile(printed);
  const auto second = LoadConfig(sources_);
  ASSERT_TRUE(second) << second.error().ToString();
  EXPECT_EQ(second->config.limits_body_memory, 1u << 30);
  for (const Setting& setting : Settings())
    EXPECT_EQ(setting.print(first->config), setting.print(second->config)) << setting.key;
}

TEST_F(ConfigTest, UnknownKeySuggestsTheNearest) {
  EXPECT_THAT(FileFailure("[log]\nlevle = \"info\"\n"),
              HasSubstr(":2: unknown key log.levle; did you mean log.level?"));
  EXPECT_THAT(FileFailure("completely_different = 1\n"),
              testing::EndsWith("unknown key completely_different"));
}

TEST_F(ConfigTest, BadValuesNameSourceValueAndWhatIsAllowed) {
  EXPECT_EQ(FlagFailure("log.level", "loud"),
            "--log-level: \"loud\" is not allowed for log.level: expected debug, info, warning or error");
  EXPECT_THAT(FlagFailure("listen", "registry.example:5000"),
              StartsWith("--listen: \"registry.example:5000\" is not"));
  EXPECT_THAT(FlagFailure("listen", "127.0.0.1:99999"), HasSubstr("expected addresses as host:port"));
  EXPECT_THAT(FlagFailure("listen", ""), HasSubstr("is not allowed for listen"));
  EXPECT_THAT(FlagFailure("account_id", "12"), HasSubstr("twelve digits"));
  EXPECT_THAT(FlagFailure("region", "Moon"), HasSubstr("a region name"));
  EXPECT_THAT(FlagFailure("drain_seconds", "-1"), HasSubstr("from 0 to 3600"));
  EXPECT_THAT(FlagFailure("limits.body_memory", "9999999999999GiB"), HasSubstr("bytes from 16MiB up"));
  EXPECT_THAT(FlagFailure("limits.connections", "12x"), HasSubstr("a number from 1"));
  EXPECT_THAT(FlagFailure("database", "mysql://x"), HasSubstr("sqlite:<path> or postgresql://"));
  EXPECT_THAT(FlagFailure("domain", "Upper.example"), HasSubstr("in lower case"));
  EXPECT_THAT(FlagFailure("tls_names", "a..b"), HasSubstr("host names"));
  EXPECT_THAT(FlagFailure("compat.json_auth_status", "401"), HasSubstr("400 or 403"));
  sources_.flags.clear();
  environment_["ENTREPOT_EPHEMERAL"] = "perhaps";
  EXPECT_THAT(FailureDetail(), StartsWith("ENTREPOT_EPHEMERAL: \"perhaps\""));
}

TEST_F(ConfigTest, BadFilesAreRefusedWithTheLine) {
  EXPECT_THAT(FileFailure("region = \"us-west-2\"\nlisten = \n"), HasSubstr(":2: "));
  EXPECT_THAT(FileFailure("ephemeral = \"yes\"\n"), HasSubstr(":1: \"yes\" is not allowed for ephemeral"));
  EXPECT_THAT(FileFailure("region = 5\n"), HasSubstr(":1: \"5\" is not allowed for region"));
  EXPECT_THAT(FileFailure("listen = [1, 2]\n"), HasSubstr("list of text"));
  EXPECT_THAT(FileFailure("drain_seconds = 1.5\n"), HasSubstr("drain_seconds must be"));
  sources_.file = "/nowhere/entrepot.toml";
  EXPECT_EQ(FailureDetail(), "cannot read the configuration file /nowhere/entrepot.toml");
}

TEST_F(ConfigTest, PlainHttpStaysOnLoopback) {
  for (const char* address : {"0.0.0.0:5000", "[::]:5000", "192.0.2.1:5000"})
    EXPECT_THAT(FlagFailure("listen", address), HasSubstr("--insecure-http")) << address;
  for (const char* address : {"127.1.2.3:5000", "[::1]:5000", "localhost:5000"}) {
    sources_.flags = {{"listen", {address}}};
    EXPECT_TRUE(LoadConfig(sources_)) << address;
  }
  sources_.flags = {{"listen", {"0.0.0.0:5000"}}, {"tls", {"auto"}}};
  EXPECT_TRUE(LoadConfig(sources_));
  sources_.flags = {{"listen", {"0.0.0.0:5000"}}, {"insecure_http", {"true"}}};
  EXPECT_TRUE(LoadConfig(sources_));
}

TEST_F(ConfigTest, SettingsThatExcludeOrNeedEachOther) {
  sources_.flags = {{"tls_cert", {"/c.pem"}}};
  EXPECT_EQ(FailureDetail(), "--tls-cert needs --tls-key too");
  sources_.flags = {{"tls_key", {"/k.pem"}}};
  EXPECT_EQ(FailureDetail(), "--tls-key needs --tls-cert too");
  sources_.flags = {{"tls_cert", {"/c.pem"}}, {"tls_key", {"/k.pem"}}, {"tls", {"auto"}}};
  EXPECT_THAT(FailureDetail(), HasSubstr("exclude each other"));
  sources_.flags = {{"ephemeral", {"true"}}, {"data_dir", {"/somewhere"}}};
  EXPECT_THAT(FailureDetail(), HasSubstr("leave --data-dir out"));
  sources_.flags = {{"create_on_push", {"true"}}, {"compat.ecr_quirks", {"true"}}};
  EXPECT_THAT(FailureDetail(), HasSubstr("exclude each other"));
  sources_.flags = {{"region", {"eu-west-1"}}, {"regions", {"us-east-1,us-east-2"}}};
  EXPECT_THAT(FailureDetail(), HasSubstr("not one of the regions that --regions allows"));
  sources_.flags = {{"listen", {"127.0.0.1:1", "127.0.0.1:1"}}};
  EXPECT_THAT(FailureDetail(), HasSubstr("given twice"));
}

TEST_F(ConfigTest, DataDirectoryFollowsTheUser) {
  const auto environment = sources_.environment;
  EXPECT_EQ(DefaultDataDirectory(environment, true), "/var/lib/entrepot");
  EXPECT_EQ(DefaultDataDirectory(environment, false), "/nowhere/.local/share/entrepot");
  environment_["XDG_DATA_HOME"] = "/data";
  EXPECT_EQ(DefaultDataDirectory(environment, false), "/data/entrepot");
  environment_.clear();
  EXPECT_EQ(DefaultDataDirectory(environment, false), "");
}

TEST_F(ConfigTest, EphemeralForgetsADirectoryFromTheEnvironment) {
  environment_["ENTREPOT_DATA_DIR"] = "/precious";
  sources_.flags = {{"ephemeral", {"true"}}};
  const auto loaded = LoadConfig(sources_);
  ASSERT_TRUE(loaded) << loaded.error().ToString();
  EXPECT_EQ(loaded->config.data_dir, "");
}

TEST(HostPortTest, KnowsWhatOthersCanReach) {
  EXPECT_TRUE(HostPort::Parse("127.0.0.53:1")->loopback());
  EXPECT_TRUE(HostPort::Parse("[::1]:1")->loopback());
  EXPECT_FALSE(HostPort::Parse("[::2]:1")->loopback());
  EXPECT_TRUE(HostPort::Parse("[::]:1")->wildcard());
  EXPECT_EQ(HostPort::Parse("[::]:1")->Reachable().ToString(), "[::1]:1");
  EXPECT_EQ(HostPort::Parse("0.0.0.0:1")->Reachable().ToString(), "127.0.0.1:1");
  for (const char* bad :
       {"", ":1", "1", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "::1:1", "[::1]", "[127.0.0.1]:1",
        "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 1", "evil.127.0.0.1:1"})
    EXPECT_FALSE(HostPort::Parse(bad)) << bad;
}

}  // namespace
}  // namespace entrepot::server
