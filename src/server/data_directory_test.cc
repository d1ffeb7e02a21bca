#include "server/data_directory.h"

#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/credentials_file.h"
#include "server/first_start.h"
#include "server/small_files.h"

namespace entrepot::server {
namespace {

using testing::HasSubstr;

mode_t ModeOf(const std::filesystem::path& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777;
}

class DataDirectoryTest : public testing::Test {
 protected:
  DataDirectoryTest() {
    std::string name = testing::TempDir() + "data_directory_test_XXXXXX";
    scratch_ = ::mkdtemp(name.data());
    config_.data_dir = scratch_ / "parent" / "data";
  }
  ~DataDirectoryTest() override { std::filesystem::remove_all(scratch_); }

  std::string Failure() const {
    const auto opened = DataDirectory::Open(config_);
    return opened ? "it opened" : std::string(opened.error().fact("detail"));
  }

  std::filesystem::path scratch_;
  Config config_;
};

TEST_F(DataDirectoryTest, IsMadePrivateAndLockedUntilTheEnd) {
  const DataLayout layout(config_.data_dir);
  EXPECT_FALSE(LockHolder(layout));
  {
    const auto opened = DataDirectory::Open(config_);
    ASSERT_TRUE(opened) << opened.error().ToString();
    EXPECT_EQ(ModeOf(config_.data_dir), 0700u);
    EXPECT_EQ(ModeOf(layout.lock()), 0600u);
    EXPECT_EQ(LockHolder(layout), ::getpid());
    const auto second = DataDirectory::Open(config_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), ErrorCode::kConfiguration);
    EXPECT_EQ(second.error().fact("pid"), std::to_string(::getpid()));
    EXPECT_THAT(std::string(second.error().fact("detail")),
                HasSubstr("in use by process " + std::to_string(::getpid())));
  }
  EXPECT_FALSE(LockHolder(layout));
  EXPECT_TRUE(DataDirectory::Open(config_));
}

TEST_F(DataDirectoryTest, LockOfAKilledProcessIsFree) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto opened = DataDirectory::Open(config_);
    const char said = opened ? 'y' : 'n';
    if (::write(ready[1], &said, 1) != 1) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  char said = 'n';
  ASSERT_EQ(::read(ready[0], &said, 1), 1);
  ASSERT_EQ(said, 'y');
  EXPECT_EQ(LockHolder(DataLayout(config_.data_dir)), child);
  EXPECT_THAT(Failure(), HasSubstr("process " + std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(DataDirectory::Open(config_));
}

TEST_F(DataDirectoryTest, LeavesOtherPeoplesFilesAlone) {
  std::filesystem::create_directories(config_.data_dir);
  std::ofstream(config_.data_dir / "thesis.tex") << "…";
  EXPECT_THAT(Failure(), HasSubstr("holds files that are not Entrepot's"));
  EXPECT_FALSE(std::filesystem::exists(DataLayout(config_.data_dir).lock()));
}

TEST_F(DataDirectoryTest, TakesAnEmptyDirectory) {
  std::filesystem::create_directories(config_.data_dir / "lost+found");
  EXPECT_TRUE(DataDirectory::Open(config_));
}

TEST_F(DataDirectoryTest, SaysWhyItCannotBeMade) {
  std::ofstream(scratch_ / "file") << "x";
  config_.data_dir = scratch_ / "file";
  EXPECT_THAT(Failure(), HasSubstr("is no directory"));
  config_.data_dir = scratch_ / "file" / "data";
  EXPECT_THAT(Failure(), HasSubstr("Not a directory"));
  config_.data_dir = "/proc/entrepot";
  EXPECT_THAT(Failure(), HasSubstr("cannot create /proc/entrepot"));
}

TEST_F(DataDirectoryTest, EphemeralGoesWithTheObject) {
  config_ = Config{};
  config_.ephemeral = true;
  std::filesystem::path root;
  {
    auto opened = DataDirectory::Open(config_);
    ASSERT_TRUE(opened) << opened.error().ToString();
    const DataDirectory moved = *std::move(opened);
    root = moved.layout().root();
    EXPECT_EQ(ModeOf(root), 0700u);
    std::ofstream(root / "something") << "x";
  }
  EXPECT_FALSE(std::filesystem::exists(root));
}

TEST_F(DataDirectoryTest, CredentialsAndClientSettingsReadBack) {
  ASSERT_TRUE(CreatePrivateDirectory(config_.data_dir));
  const DataLayout layout(config_.data_dir);
  const ClientSettings written{"eu-west-1", "https://[::1]:5000", "/some where/ca.crt"};
  ASSERT_TRUE(WriteCredentials(layout, {"AKIAIOSFODNN7EXAMPLE", "wJalr/XUt=nFEMI+"}));
  ASSERT_TRUE(WriteClientSettings(layout, written));
  EXPECT_EQ(ModeOf(layout.credentials()), 0600u);
  const auto key = ReadCredentials(layout);
  ASSERT_TRUE(key) << key.error().ToString();
  EXPECT_EQ(key->id, "AKIAIOSFODNN7EXAMPLE");
  EXPECT_EQ(key->secret, "wJalr/XUt=nFEMI+");
  const auto settings = ReadClientSettings(layout);
  ASSERT_TRUE(settings) << settings.error().ToString();
  EXPECT_EQ(settings->region, written.region);
  EXPECT_EQ(settings->endpoint_url, written.endpoint_url);
  EXPECT_EQ(settings->ca_bundle, written.ca_bundle);
  for (const auto& entry : std::filesystem::directory_iterator(layout.root()))
    EXPECT_NE(entry.path().extension(), ".new") << "a temporary file was left";
}

TEST_F(DataDirectoryTest, MissingOrBrokenCredentialsSayWhatToDo) {
  const DataLayout layout(config_.data_dir);
  const auto never = ReadCredentials(layout);
  ASSERT_FALSE(never);
  EXPECT_THAT(std::string(never.error().fact("detail")), HasSubstr("no server was ever started"));
  ASSERT_TRUE(CreatePrivateDirectory(layout.root()));
  ASSERT_TRUE(WriteFileAtomically(layout.credentials(), "[other]\naws_access_key_id = X\n", 0600));
  const auto broken = ReadCredentials(layout);
  ASSERT_FALSE(broken);
  EXPECT_THAT(std::string(broken.error().fact("detail")), HasSubstr("has no aws_access_key_id"));
}

TEST_F(DataDirectoryTest, ClientsOnThisMachineReachAWildcardByLoopback) {
  const DataLayout layout(config_.data_dir);
  config_.region = Region::Trusted("us-west-2");
  EXPECT_EQ(ClientSettingsOf(config_, layout, {"0.0.0.0", 5000}).endpoint_url, "http://127.0.0.1:5000");
  config_.tls = TlsMode::kAuto;
  const ClientSettings settings = ClientSettingsOf(config_, layout, {"::", 5000});
  EXPECT_EQ(settings.endpoint_url, "https://[::1]:5000");
  EXPECT_EQ(settings.ca_bundle, layout.tls_authority().string());
}

TEST(ShellEnvironmentTest, QuotesEveryValue) {
  const std::string text =
      ShellEnvironment({"ID", "it's $(secret)"}, {"us-west-2", "http://127.0.0.1:5000", "/ca"});
  EXPECT_THAT(text, HasSubstr("export AWS_SECRET_ACCESS_KEY='it'\\''s $(secret)'\n"));
  EXPECT_THAT(text, HasSubstr("export AWS_CA_BUNDLE='/ca'\n"));
  EXPECT_THAT(text, testing::EndsWith("unset AWS_SESSION_TOKEN AWS_PROFILE\n"));
  EXPECT_THAT(ShellEnvironment({"ID", "S"}, {"r", "e", ""}), testing::Not(HasSubstr("AWS_CA_BUNDLE")));
}

TEST(GivenAdministratorKeyTest, WantsBothAndTheirForm) {
  std::map<std::string, std::string> variables;
  const Environment environment = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  EXPECT_EQ(GivenAdministratorKey(environment).value(), std::nullopt);
  variables["ENTREPOT_ADMIN_ACCESS_KEY_ID"] = "AKIAIOSFODNN7EXAMPLE";
  EXPECT_FALSE(GivenAdministratorKey(environment));
  variables["ENTREPOT_ADMIN_SECRET_ACCESS_KEY"] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  EXPECT_EQ(GivenAdministratorKey(environment).value()->id, "AKIAIOSFODNN7EXAMPLE");
  variables["ENTREPOT_ADMIN_SECRET_ACCESS_KEY"] = "short secret";
  const auto refused = GivenAdministratorKey(environment);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().ToString(), testing::Not(HasSubstr("short secret")));
  variables["ENTREPOT_ADMIN_ACCESS_KEY_ID"] = "AKIA-not-allowed-here";
  EXPECT_FALSE(GivenAdministratorKey(environment));
}

TEST(GreetingTest, FirstStartShowsFiveLinesToCopy) {
  Greeting greeting{.listening = {{"127.0.0.1", 5000}, {"::1", 5000}},
                    .first_start = true,
                    .data_dir = "/var/lib/entrepot",
                    .client = {"us-west-2", "http://127.0.0.1:5000", ""},
                    .credentials = "/var/lib/entrepot/credentials"};
  const std::string text = GreetingText(greeting);
  EXPECT_THAT(text, HasSubstr("listens on http://127.0.0.1:5000 http://[::1]:5000\n"));
  EXPECT_THAT(text, HasSubstr("Credentials: /var/lib/entrepot/credentials\n"));
  EXPECT_THAT(text, HasSubstr("docker push 127.0.0.1:5000/hello:v1\n"));
  greeting.first_start = false;
  EXPECT_THAT(GreetingText(greeting), testing::Not(HasSubstr("docker push")));
}

}  // namespace
}  // namespace entrepot::server
