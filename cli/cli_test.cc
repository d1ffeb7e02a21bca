#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command_line.h"
#include "cli/findings.h"
#include "server/admin_socket.h"
#include "server/credentials_file.h"
#include "server/reset_credentials.h"
#include "server/settings.h"
#include "server/small_files.h"

namespace entrepot::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class CommandLineTest : public testing::Test {
 protected:
  CommandLineTest() {
    std::string name = testing::TempDir() + "cli_test_XXXXXX";
    scratch_ = ::mkdtemp(name.data());
    config_.data_dir = scratch_ / "data";
  }
  ~CommandLineTest() override { std::filesystem::remove_all(scratch_); }

  int Run(const std::vector<std::string>& arguments) {
    out_.str("");
    error_.str("");
    const Surroundings surroundings{
        .out = out_,
        .error = error_,
        .environment = [this](const std::string& name) -> std::optional<std::string> {
          const auto found = environment_.find(name);
          return found == environment_.end() ? std::nullopt : std::optional(found->second);
        },
        .serve = [this](const server::Config& config) -> Result<int> {
          served_ = config;
          return 0;
        },
        .reset_administrator_key = [](const server::Config&, const server::DataDirectory&)
            -> Result<access::AccessKey> { return access::AccessKey{"AKIARESETBYTHECOMMAND", "new-secret"}; },
        .open_storage = [this](const server::Config&) -> Result<server::AdminCommands> { return store_; },
        .terminal = terminal_,
    };
    return cli::Run(arguments, surroundings);
  }

  // As a server's start leaves it.
  server::DataDirectory StartedDirectory() {
    auto directory = server::DataDirectory::Open(config_);
    EXPECT_TRUE(directory) << directory.error().ToString();
    EXPECT_TRUE(server::WriteCredentials(directory->layout(), {"AKIAIOSFODNN7EXAMPLE", "secret"}));
    EXPECT_TRUE(server::WriteClientSettings(directory->layout(), {"us-west-2", "http://127.0.0.1:1", ""}));
    return *std::move(directory);
  }
  std::string DataDir() const { return config_.data_dir.string(); }

  std::filesystem::path scratch_;
  server::Config config_;
  std::map<std::string, std::string> environment_{{"HOME", "/nowhere"}};
  std::optional<server::Config> served_;
  server::AdminCommands store_;  // the commands of a store that no server holds
  bool terminal_ = false;
  std::ostringstream out_, error_;
};

TEST_F(CommandLineTest, ServeTakesFlagsOfEverySetting) {
  EXPECT_EQ(Run({"serve", "--listen", "127.0.0.1:1,[::1]:2", "--listen", "127.0.0.1:3", "--ephemeral",
                 "--log-level=debug"}),
            kSucceeded)
      << error_.str();
  ASSERT_TRUE(served_);
  EXPECT_EQ(served_->listen.size(), 3u);
  EXPECT_TRUE(served_->ephemeral);
  EXPECT_EQ(served_->log_level, log::Level::kDebug);
  EXPECT_EQ(Run({"serve", "--help"}), kSucceeded);
  for (const server::Setting& setting : server::Settings())
    EXPECT_THAT(out_.str(), HasSubstr(setting.flag()));
}

TEST_F(CommandLineTest, PrintConfigServesNothing) {
  EXPECT_EQ(Run({"serve", "--print-config", "--region", "eu-west-1"}), kSucceeded);
  EXPECT_THAT(out_.str(), HasSubstr("region = \"eu-west-1\"  # --region\n"));
  EXPECT_FALSE(served_);
}

TEST_F(CommandLineTest, ConfigFileMayComeFromTheEnvironment) {
  ASSERT_TRUE(server::WriteFileAtomically(scratch_ / "e.toml", "region = \"eu-west-2\"\n", 0600));
  environment_["ENTREPOT_CONFIG"] = (scratch_ / "e.toml").string();
  EXPECT_EQ(Run({"serve", "--print-config"}), kSucceeded) << error_.str();
  EXPECT_THAT(out_.str(), HasSubstr("region = \"eu-west-2\"  # " + (scratch_ / "e.toml").string() + ":1\n"));
}

TEST_F(CommandLineTest, ExitStatusTellsUsageFromConfiguration) {
  EXPECT_EQ(Run({}), kWrongUsage);
  EXPECT_EQ(Run({"serv"}), kWrongUsage);
  EXPECT_THAT(error_.str(), HasSubstr("unknown command serv; did you mean serve?"));
  EXPECT_EQ(Run({"serve", "--lisen", "127.0.0.1:1"}), kWrongUsage);
  EXPECT_THAT(error_.str(), HasSubstr("serve does not take --lisen; did you mean --listen?"));
  EXPECT_EQ(Run({"serve", "--listen"}), kWrongUsage);
  EXPECT_EQ(Run({"env", "--listen", "127.0.0.1:1"}), kWrongUsage);
  EXPECT_EQ(Run({"credentials"}), kWrongUsage);
  EXPECT_EQ(Run({"serve", "--listen", "nowhere"}), kWrongConfiguration);
  EXPECT_THAT(error_.str(), HasSubstr("entrepot: --listen: \"nowhere\" is not allowed"));
  EXPECT_FALSE(served_);
}

TEST_F(CommandLineTest, VersionAndHelp) {
  EXPECT_EQ(Run({"version"}), kSucceeded);
  EXPECT_EQ(out_.str(), "entrepot " ENTREPOT_VERSION "\n");
  EXPECT_EQ(Run({"version", "--json"}), kSucceeded);
  EXPECT_EQ(out_.str(), "{\"version\":\"" ENTREPOT_VERSION "\"}\n");
  EXPECT_EQ(Run({"--help"}), kSucceeded);
  for (const Command& command : Commands())
    EXPECT_THAT(out_.str(), HasSubstr(std::string(command.name.substr(0, command.name.find(' ')))));
}

TEST_F(CommandLineTest, EnvPrintsWhatTheDirectoryHolds) {
  EXPECT_EQ(Run({"env", "--data-dir", DataDir()}), kWrongConfiguration);
  EXPECT_THAT(error_.str(), HasSubstr("no server was ever started"));
  EXPECT_THAT(out_.str(), IsEmpty());
  {
    const server::DataDirectory running = StartedDirectory();
    EXPECT_EQ(Run({"env", "--data-dir", DataDir()}), kSucceeded);
    EXPECT_THAT(out_.str(), HasSubstr("export AWS_ENDPOINT_URL='http://127.0.0.1:1'\n"));
    EXPECT_THAT(error_.str(), IsEmpty());
  }
  environment_["ENTREPOT_DATA_DIR"] = DataDir();
  EXPECT_EQ(Run({"env", "--json"}), kSucceeded);
  EXPECT_THAT(out_.str(), HasSubstr("\"secret_access_key\":\"secret\""));
  EXPECT_THAT(error_.str(), HasSubstr("no server runs on"));
}

TEST_F(CommandLineTest, ResetOpensTheStoreWhenNoServerRuns) {
  EXPECT_EQ(Run({"credentials", "reset", "--data-dir", DataDir()}), kWrongConfiguration);
  EXPECT_FALSE(std::filesystem::exists(config_.data_dir)) << "a reset must not make a data directory";
  StartedDirectory();
  EXPECT_EQ(Run({"credentials", "reset", "--data-dir", DataDir()}), kSucceeded) << error_.str();
  EXPECT_THAT(out_.str(), HasSubstr("AKIARESETBYTHECOMMAND"));
  EXPECT_THAT(out_.str(), testing::Not(HasSubstr("new-secret")));
  EXPECT_EQ(server::ReadCredentials(server::DataLayout(config_.data_dir))->secret, "new-secret");
}

TEST_F(CommandLineTest, ResetAsksTheRunningServer) {
  const server::DataDirectory running = StartedDirectory();
  server::AdminCommands commands;
  commands[std::string(server::kResetCredentialsCommand)] = [&](const boost::json::object&) {
    return server::ResetCredentials(running.layout(), []() -> Result<access::AccessKey> {
      return access::AccessKey{"AKIARESETBYTHESERVER", "server-secret"};
    });
  };
  const auto socket = server::AdminSocket::Start(running.layout().admin_socket(), std::move(commands));
  ASSERT_TRUE(socket) << socket.error().ToString();
  EXPECT_EQ(Run({"credentials", "reset", "--json", "--data-dir", DataDir()}), kSucceeded) << error_.str();
  EXPECT_THAT(out_.str(), HasSubstr("\"access_key_id\":\"AKIARESETBYTHESERVER\""));
  EXPECT_EQ(server::ReadCredentials(running.layout())->secret, "server-secret");
}

TEST_F(CommandLineTest, ResetFailsWhenTheRunningServerDoesNotAnswer) {
  const server::DataDirectory running = StartedDirectory();
  EXPECT_EQ(Run({"credentials", "reset", "--data-dir", DataDir()}), kFailed);
  EXPECT_THAT(error_.str(), HasSubstr("no server answers at"));
  EXPECT_EQ(server::ReadCredentials(running.layout())->id, "AKIAIOSFODNN7EXAMPLE");
}

TEST_F(CommandLineTest, CollectionShowsAPersonHowFarItIs) {
  StartedDirectory();
  int steps = 0;
  store_["gc preview"] = [](const boost::json::object&) -> Result<boost::json::object> {
    return boost::json::object{
        {"links", 2}, {"blobs", 5}, {"bytes", 70}, {"uploads", 1}, {"repositories", 0}};
  };
  store_["gc step"] = [&](const boost::json::object&) -> Result<boost::json::object> {
    return boost::json::object{{"links", 1},
                               {"blobs", 2},
                               {"bytes", 30},
                               {"artifacts", 0},
                               {"uploads", 0},
                               {"orphans", 0},
                               {"more", ++steps % 2 == 1}};
  };
  EXPECT_EQ(Run({"gc", "--data-dir", DataDir()}), kSucceeded);
  EXPECT_THAT(error_.str(), IsEmpty());
  EXPECT_EQ(out_.str(), "freed 4 blobs (60 bytes), 2 links, 0 uploads\n");
  terminal_ = true;
  EXPECT_EQ(Run({"gc", "--data-dir", DataDir()}), kSucceeded);
  const std::string expected = " of about 5 blobs (70 bytes), 2 links, 1 uploads";
  EXPECT_EQ(error_.str(), "\r\x1b[Kcollecting: 2 blobs (30 bytes), 1 links, 0 uploads" + expected +
                              "\r\x1b[Kcollecting: 4 blobs (60 bytes), 2 links, 0 uploads" + expected +
                              "\r\x1b[K");
  EXPECT_EQ(out_.str(), "freed 4 blobs (60 bytes), 2 links, 0 uploads\n");
}

TEST_F(CommandLineTest, ACheckShowsAPersonWhereItStands) {
  StartedDirectory();
  bool done = true;
  store_["fsck step"] = [&](const boost::json::object& arguments) -> Result<boost::json::object> {
    EXPECT_EQ(arguments.at("restart").as_bool(), done) << "only the first piece begins anew";
    done = !done;
    return boost::json::object{{"done", done},        {"stage", "blobs"}, {"checked", 7},
                               {"findings_total", 0}, {"repaired", 0},    {"findings", boost::json::array{}}};
  };
  terminal_ = true;
  EXPECT_EQ(Run({"fsck", "--restart", "--data-dir", DataDir()}), kSucceeded) << error_.str();
  EXPECT_THAT(error_.str(), HasSubstr("\r\x1b[Kchecking blobs: 7 checked, 0 findings"));
  EXPECT_EQ(out_.str(), "7 checked, 0 findings, 0 repaired\n");
}

TEST_F(CommandLineTest, CompletionKnowsCommandsAndFlags) {
  EXPECT_EQ(Run({"completion", "bash"}), kSucceeded);
  const std::string script = out_.str() + R"(
COMP_WORDS=(entrepot serve --insec); COMP_CWORD=2; _entrepot; echo "${COMPREPLY[@]}"
COMP_WORDS=(entrepot cred); COMP_CWORD=1; _entrepot; echo "${COMPREPLY[@]}"
COMP_WORDS=(entrepot credentials re); COMP_CWORD=2; _entrepot; echo "${COMPREPLY[@]}"
)";
  ASSERT_TRUE(server::WriteFileAtomically(scratch_ / "complete", script, 0600));
  FILE* shell = ::popen(("bash " + (scratch_ / "complete").string()).c_str(), "r");
  ASSERT_NE(shell, nullptr);
  char text[256] = "";
  const std::size_t size = std::fread(text, 1, sizeof text - 1, shell);
  EXPECT_EQ(::pclose(shell), 0);
  EXPECT_EQ(std::string(text, size), "--insecure-http\ncredentials\nreset\n");
}

TEST_F(CommandLineTest, DoctorNamesWhatIsWrongAndHowToMendIt) {
  EXPECT_EQ(Run({"doctor", "--data-dir", DataDir()}), kFailed);
  EXPECT_THAT(out_.str(), HasSubstr("problem  data directory: "));
  EXPECT_THAT(out_.str(), HasSubstr("mend: start a server"));
  StartedDirectory();
  EXPECT_EQ(Run({"doctor", "--data-dir", DataDir()}), kFailed);
  EXPECT_THAT(out_.str(), HasSubstr("ok       data directory: " + DataDir()));
  EXPECT_THAT(out_.str(), HasSubstr("problem  server: no server runs"));
  const server::DataDirectory running = StartedDirectory();
  EXPECT_EQ(Run({"doctor", "--json", "--data-dir", DataDir()}), kFailed);
  EXPECT_THAT(out_.str(), HasSubstr("Failed to connect"));
}

TEST_F(CommandLineTest, DoctorSeesOpenCredentials) {
  const server::DataDirectory running = StartedDirectory();
  EXPECT_EQ(CheckCredentials(running.layout()).state, Finding::State::kGood);
  ::chmod(running.layout().credentials().c_str(), 0644);
  EXPECT_EQ(CheckCredentials(running.layout()).state, Finding::State::kProblem);
  ::chmod(running.layout().root().c_str(), 0755);
  EXPECT_EQ(CheckDataDirectory(running.layout()).state, Finding::State::kWarning);
}

TEST_F(CommandLineTest, DoctorSeesAClockThatWentBack) {
  const server::DataDirectory running = StartedDirectory();
  std::filesystem::last_write_time(running.layout().credentials(),
                                   std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_EQ(CheckClock(running.layout()).state, Finding::State::kProblem);
}

TEST_F(CommandLineTest, DoctorSeesAnotherRegistryInTheShell) {
  const server::DataDirectory running = StartedDirectory();
  const server::Environment environment = [this](const std::string& name) -> std::optional<std::string> {
    const auto found = environment_.find(name);
    return found == environment_.end() ? std::nullopt : std::optional(found->second);
  };
  EXPECT_EQ(CheckShell(environment, running.layout()).state, Finding::State::kGood);
  environment_["AWS_ENDPOINT_URL"] = "http://127.0.0.1:2";
  EXPECT_EQ(CheckShell(environment, running.layout()).state, Finding::State::kWarning);
  environment_["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1";
  EXPECT_EQ(CheckShell(environment, running.layout()).state, Finding::State::kGood);
  environment_["AWS_PROFILE"] = "work";
  EXPECT_EQ(CheckShell(environment, running.layout()).state, Finding::State::kWarning);
}

TEST_F(CommandLineTest, DoctorKnowsWhichEndpointsContainerClientsRefuse) {
  std::filesystem::create_directories(scratch_ / "bin");
  for (const char* program : {"docker", "skopeo"})
    ASSERT_TRUE(server::WriteFileAtomically(scratch_ / "bin" / program, "#!/bin/sh\n", 0755));
  environment_["PATH"] = "/nowhere:" + (scratch_ / "bin").string();
  const server::Environment environment = [this](const std::string& name) {
    return std::optional(environment_[name]);
  };
  const server::ClientSettings loopback{"us-west-2", "http://127.0.0.1:5000", ""},
      plain{"us-west-2", "http://192.0.2.1:5000", ""},
      tls{"us-west-2", "https://192.0.2.1:5000", "/data/tls/ca.crt"};
  EXPECT_EQ(CheckDocker(environment, loopback).state, Finding::State::kGood);
  EXPECT_THAT(CheckDocker(environment, plain).mend,
              HasSubstr("\"insecure-registries\": [\"192.0.2.1:5000\"]"));
  EXPECT_THAT(CheckDocker(environment, tls).mend, HasSubstr("/etc/docker/certs.d/192.0.2.1:5000"));
  EXPECT_THAT(CheckPodman(environment, loopback).detail, HasSubstr("--tls-verify=false"));
  EXPECT_THAT(CheckPodman(environment, tls).mend, HasSubstr("/etc/containers/certs.d/192.0.2.1:5000"));
  environment_["PATH"] = "/nowhere";
  EXPECT_EQ(CheckDocker(environment, tls).detail, "not installed");
}

}  // namespace
}  // namespace entrepot::cli
