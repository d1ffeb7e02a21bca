#include "server/admin_socket.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace entrepot::server {
namespace {

using boost::json::object;
using testing::HasSubstr;

class AdminSocketTest : public testing::Test {
 protected:
  AdminSocketTest() {
    // Longer than a socket's address can be.
    std::string name = testing::TempDir() + "admin_socket_test_" + std::string(120, 'x') + "_XXXXXX";
    directory_ = ::mkdtemp(name.data());
    socket_ = directory_ / "admin.sock";
  }
  ~AdminSocketTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<AdminSocket> Start() {
    AdminCommands commands;
    commands["echo"] = [](const object& arguments) -> Result<object> { return arguments; };
    commands["fail"] = [](const object&) -> Result<object> {
      return Fail(ErrorCode::kStorageFull, "no space");
    };
    auto started = AdminSocket::Start(socket_, std::move(commands));
    EXPECT_TRUE(started) << started.error().ToString();
    return *std::move(started);
  }

  std::filesystem::path directory_, socket_;
};

TEST_F(AdminSocketTest, AnswersCommandsOneAfterAnother) {
  const auto server = Start();
  struct stat status{};
  ASSERT_EQ(::stat(socket_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(AskServer(socket_, "echo", {{"n", i}}).value(), (object{{"n", i}}));
}

TEST_F(AdminSocketTest, ErrorsKeepTheirCodeAndDetail) {
  const auto server = Start();
  const auto failed = AskServer(socket_, "fail");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::kStorageFull);
  EXPECT_EQ(failed.error().fact("detail"), "no space");
  const auto unknown = AskServer(socket_, "dance");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(std::string(unknown.error().fact("detail")), HasSubstr("no command \"dance\""));
}

TEST_F(AdminSocketTest, NobodyThereIsUnavailable) {
  EXPECT_EQ(AskServer(socket_, "echo").error().code(), ErrorCode::kUnavailable);
  Start().reset();
  EXPECT_FALSE(std::filesystem::exists(socket_));
  EXPECT_EQ(AskServer(directory_ / "absent" / "admin.sock", "echo").error().code(), ErrorCode::kUnavailable);
}

TEST_F(AdminSocketTest, ReplacesTheSocketOfAnEndedServer) {
  const auto first = Start();
  const auto second = Start();
  EXPECT_TRUE(AskServer(socket_, "echo"));
}

TEST_F(AdminSocketTest, ClosesOnLinesThatAreTooLong) {
  const auto server = Start();
  EXPECT_EQ(AskServer(socket_, "echo", {{"text", std::string(2 << 20, 'a')}}).error().code(),
            ErrorCode::kUnavailable);
  EXPECT_TRUE(AskServer(socket_, "echo"));
}

TEST_F(AdminSocketTest, RefusesOtherUsers) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  const auto server = Start();
  // Open to everyone, so that only the check of the peer is left.
  ::chmod(directory_.c_str(), 0777);
  ::chmod(socket_.c_str(), 0777);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setresuid(65534, 65534, 65534) != 0) ::_exit(2);
    const auto answer = AskServer(socket_, "echo");
    const bool connected = !answer && !answer.error().fact("detail").starts_with("no server answers");
    ::_exit(connected ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace entrepot::server
