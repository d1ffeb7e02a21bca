#include "events/event_file.h"

#include <fstream>
#include <iterator>
#include <unistd.h>

#include <gtest/gtest.h>

#include "metadata/sql/test_database.h"

namespace entrepot::events {
namespace {

class EventFileTest : public testing::Test {
 protected:
  std::string Read(const std::string& suffix = "") {
    std::ifstream file(path_ + suffix, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// Events of one repository with these contents.
  Attempt Send(EventFile& file, const std::vector<std::string>& contents) {
    rows_.clear();
    for (const std::string& content : contents) rows_.push_back({.content = content});
    Attempt attempt{.events = rows_, .error = ""};
    file.Deliver(std::span(&attempt, 1));
    return attempt;
  }

  metadata::sql::TestDirectory directory_;
  const std::string path_ = directory_.File("events.jsonl");
  std::vector<metadata::EventRow> rows_;
};

TEST_F(EventFileTest, AppendsALineAnEvent) {
  EventFile file({.path = path_, .rotate_at = 4096, .keep = 2});
  EXPECT_EQ(Send(file, {"one", "two"}).delivered, 2u);
  EXPECT_EQ(Send(file, {"three"}).delivered, 1u);
  EXPECT_EQ(Read(), "one\ntwo\nthree\n");
}

TEST_F(EventFileTest, SetsAFullFileAsideAndKeepsSoMany) {
  EventFile file({.path = path_, .rotate_at = 10, .keep = 2});
  for (const char* content : {"1234567", "a", "bbbbbbb", "ccccccc", "d"}) Send(file, {content});
  EXPECT_EQ(Read(), "ccccccc\nd\n");
  EXPECT_EQ(Read(".1"), "bbbbbbb\n");
  EXPECT_EQ(Read(".2"), "1234567\na\n");
  Send(file, {"eeeeeee"});
  EXPECT_EQ(Read(".2"), "bbbbbbb\n");
  EXPECT_EQ(Read(".3"), "");
}

TEST_F(EventFileTest, ALineThatACrashToreGoes) {
  std::ofstream(path_) << "whole\ntor";
  EventFile file({.path = path_, .rotate_at = 4096, .keep = 1});
  Send(file, {"torn, again"});
  EXPECT_EQ(Read(), "whole\ntorn, again\n");
}

TEST_F(EventFileTest, AFileThatWasMovedAwayBeginsAnew) {
  EventFile file({.path = path_, .rotate_at = 4096, .keep = 1});
  Send(file, {"one"});
  std::filesystem::rename(path_, path_ + ".moved");
  Send(file, {"two"});
  EXPECT_EQ(Read(), "two\n");
  EXPECT_EQ(Read(".moved"), "one\n");
}

TEST_F(EventFileTest, SaysWhyNothingWasDelivered) {
  EventFile file({.path = directory_.File("absent/events.jsonl"), .rotate_at = 4096, .keep = 1});
  const Attempt attempt = Send(file, {"one"});
  EXPECT_EQ(attempt.delivered, 0u);
  EXPECT_TRUE(attempt.error.contains("absent/events.jsonl")) << attempt.error;
}

TEST_F(EventFileTest, AFullDiskLeavesNoPartOfALine) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "there is no /dev/full";
  std::filesystem::create_symlink("/dev/full", path_);
  EventFile file({.path = path_, .rotate_at = 4096, .keep = 1});
  const Attempt attempt = Send(file, {"one"});
  EXPECT_EQ(attempt.delivered, 0u);
  EXPECT_FALSE(attempt.error.empty());
}

}  // namespace
}  // namespace entrepot::events
