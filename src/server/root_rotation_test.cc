// The root key is replaced while the power may go at any step: every row always names a key whose file is
// there (design-storage 2.11).

#include "server/root_rotation.h"

#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "access/administrator.h"
#include "blobs/faulty_files.h"
#include "keys/key_ring.h"
#include "metadata/sql/faulty_vfs.h"

namespace entrepot::server {
namespace {

using metadata::sql::FaultyVfs;

const keys::RepositoryRef kRepository{1, 2, "arn:aws:ecr:us-west-2:123456789012:repository/app"};

class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "root_rotation.XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

/// A registry with an administrator, a token key and a repository's key, whose machine may stop.
class Machine {
 public:
  /// Everything that is sealed is opened on the way.
  Result<> Start() {
    TRY(Open());
    TRY(access::EnsureAdministrator(*store_, secrets(), AccountId::Trusted("123456789012"), std::nullopt));
    TRY(access::MakeAccess(*store_, secrets(), clock_));
    keys::KeyRing ring(seals_->service_keys, *store_, keys::FileEncryption::kServiceKey);
    TRY(store_->Write(
        [&](metadata::WriteTransaction& transaction) { return ring.Current(transaction, kRepository); }));
    return {};
  }

  Result<RootRotation> Rotate() { return RotateRoot(files, directory_ / "keys", *store_, *seals_); }
  Result<> Check() {
    return store_->Read([&](metadata::sql::Session& session) -> Result<> {
      keys::KeyRing ring(seals_->service_keys, *store_, keys::FileEncryption::kServiceKey);
      TRY(ring.Load(session, kRepository, 1));
      return access::CheckSeals(session, secrets());
    });
  }
  std::string root() const { return seals_->service_keys.Current().root; }
  std::size_t key_files() {
    const auto all = std::filesystem::directory_iterator(directory_ / "keys");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  /// From now on what is written to the column loses its last byte.
  Result<> Spoil(std::string_view table, std::string_view column) {
    return store_->Write([&](metadata::WriteTransaction& transaction) {
      return transaction->RunScript(
          fmt::format("CREATE TRIGGER spoil AFTER UPDATE ON {0} BEGIN"
                      " UPDATE {0} SET {1} = substr(NEW.{1}, 1, length(NEW.{1}) - 1) WHERE rowid = NEW.rowid;"
                      " END",
                      table, column));
    });
  }
  void RemoveKeyFiles() {
    store_.reset();
    std::filesystem::remove_all(directory_ / "keys");
    std::filesystem::create_directory(directory_ / "keys");
  }
  void LoseUnsynced(FaultyVfs::Survival survival, std::uint32_t seed) {
    store_.reset();
    seals_.reset();
    files.Crash(seed);
    vfs.Restart(survival, seed);
  }

  blobs::FaultyFiles files;
  FaultyVfs vfs{"root rotation"};

 private:
  Result<> Open() {
    store_ = TRY(metadata::OpenStore(
        {.url = "sqlite:" + (directory_ / "db"), .readers = 1, .clock = &clock_, .sqlite_vfs = vfs.name()}));
    seals_ = TRY(LoadSeals(files, directory_ / "keys", *store_));
    return {};
  }
  access::AccessSecrets secrets() const { return {seals_->access_keys, seals_->token_keys}; }

  Directory directory_;
  SystemClock clock_;
  std::unique_ptr<metadata::Store> store_;
  std::optional<keys::RootSeals> seals_;
};

TEST(RootRotation, SealsEverythingAnewAndRemovesTheOldKey) {
  Machine machine;
  ASSERT_TRUE(machine.Start());
  const std::string old = machine.root();
  const auto rotated = machine.Rotate();
  ASSERT_TRUE(rotated) << rotated.error().ToString();
  EXPECT_NE(rotated->root_key, old);
  EXPECT_EQ(rotated->sealed_anew, 3);  // a service key, an access key, a token key
  EXPECT_EQ(machine.root(), rotated->root_key);
  EXPECT_EQ(machine.key_files(), 1u);
  EXPECT_TRUE(machine.Check()) << "without a restart";
  machine.LoseUnsynced(FaultyVfs::Survival::kNothing, 1);
  ASSERT_TRUE(machine.Start());
  EXPECT_EQ(machine.root(), rotated->root_key);
}

TEST(RootRotation, TheOldKeyStaysUntilEveryRowWasReadBack) {
  const std::pair<const char*, const char*> sealed[] = {
      {"service_keys", "wrapped"}, {"access_keys", "sealed_secret"}, {"token_keys", "sealed"}};
  for (const auto& [table, column] : sealed) {
    SCOPED_TRACE(table);
    Machine machine;
    ASSERT_TRUE(machine.Start());
    const Result<> spoiled = machine.Spoil(table, column);
    ASSERT_TRUE(spoiled) << spoiled.error().ToString();
    EXPECT_FALSE(machine.Rotate());
    EXPECT_EQ(machine.key_files(), 2u);
  }
}

TEST(RootRotation, AMissingKeyIsNamedAndNeverReplaced) {
  Machine machine;
  ASSERT_TRUE(machine.Start());
  const std::string root = machine.root();
  machine.RemoveKeyFiles();
  const Result<> started = machine.Start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code(), ErrorCode::kConfiguration);
  EXPECT_NE(started.error().ToString().find(root), std::string::npos);
  EXPECT_EQ(machine.key_files(), 0u);
}

/// One rotation that `fail` disturbs; afterwards the registry starts, reads everything, and rotates.
template <class Fail>
bool SurvivesOne(Fail fail, FaultyVfs::Survival survival, std::uint32_t seed) {
  Machine machine;
  EXPECT_TRUE(machine.Start());
  const std::string before = machine.root();
  fail(machine);
  const auto rotated = machine.Rotate();
  const bool disturbed = machine.files.stopped() || machine.files.failed() || machine.vfs.crashed();
  machine.LoseUnsynced(survival, seed);
  const Result<> started = machine.Start();
  EXPECT_TRUE(started) << started.error().ToString();
  if (!started) return false;
  if (rotated) EXPECT_EQ(machine.root(), rotated->root_key);
  EXPECT_TRUE(machine.Check());
  EXPECT_TRUE(machine.Rotate());
  EXPECT_NE(machine.root(), before);
  EXPECT_EQ(machine.key_files(), 1u) << "another rotation tidies up";
  return disturbed;
}

TEST(RootRotation, ThePowerMayGoAtEveryCallOnFiles) {
  int call = 1;
  const auto stop = [&](Machine& machine) { machine.files.StopAt(call); };
  while (SurvivesOne(stop, FaultyVfs::Survival::kSome, static_cast<std::uint32_t>(call)) &&
         !testing::Test::HasFailure())
    ++call;
  EXPECT_GT(call, 8);
}

TEST(RootRotation, EveryCallOnFilesMayFail) {
  int call = 1;
  const auto fail = [&](Machine& machine) { machine.files.FailAt(call, EIO); };
  while (SurvivesOne(fail, FaultyVfs::Survival::kEverything, 0) && !testing::Test::HasFailure()) ++call;
  EXPECT_GT(call, 8);
}

TEST(RootRotation, ThePowerMayGoAtEveryWriteOfTheDatabase) {
  for (const auto survival : {FaultyVfs::Survival::kNothing, FaultyVfs::Survival::kSome}) {
    int event = 1;
    const auto stop = [&](Machine& machine) {
      machine.vfs.FailAt(FaultyVfs::Event::kAny, event, FaultyVfs::Fault::kCrash);
    };
    while (SurvivesOne(stop, survival, static_cast<std::uint32_t>(event)) && !testing::Test::HasFailure())
      ++event;
    EXPECT_GT(event, 2);
  }
}

}  // namespace
}  // namespace entrepot::server
