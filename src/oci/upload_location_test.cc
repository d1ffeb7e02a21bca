#include "oci/upload_location.h"

#include <string>

#include <gtest/gtest.h>

#include "http/request.h"
#include "oci/fake_access.h"

namespace entrepot::oci {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kOpened{1'700'000'000'000'000};

class UploadLocations : public testing::Test {
 protected:
  registry::Repository Named(std::int64_t id, std::string name) {
    return {.registry = access_.registry,
            .id = registry::RepositoryId(id),
            .name = RepositoryName::Trusted(std::move(name)),
            .kms_key = "",
            .tag_exclusions = {}};
  }
  std::string StateOf(const std::string& path) {
    return http::QueryParameter(path.substr(path.find('?') + 1), "_state").value_or("");
  }
  Result<UploadLocation> Read(std::string_view principal, std::string_view id, std::string_view state,
                              std::chrono::microseconds age = 0s) {
    return ReadUploadLocation(access_, repository_, principal, id, state, kOpened + age);
  }

  FakeAccess access_;
  registry::Repository repository_ = Named(7, "team/app");
  UploadLocation location_{
      {"0b7cdd0c-4a3c-4a37-9d2c-2a8c1f0d3b11", repository_.id, "AIDAONE", kOpened, HashAlgorithm::kSha512},
      4096,
      ShortChunks::kInTheMiddle};
  std::string path_ = WriteUploadLocation(access_, repository_, location_);
  std::string state_ = StateOf(path_);
};

TEST_F(UploadLocations, ComeBackAsTheyWent) {
  EXPECT_TRUE(path_.starts_with("/v2/team/app/blobs/uploads/0b7cdd0c-4a3c-4a37-9d2c-2a8c1f0d3b11?_state="))
      << path_;
  const Result<UploadLocation> read = Read("AIDAONE", location_.ticket.id, state_);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->ticket.id, location_.ticket.id);
  EXPECT_EQ(read->ticket.repository, location_.ticket.repository);
  EXPECT_EQ(read->ticket.principal, "AIDAONE");
  EXPECT_EQ(read->ticket.opened_at, kOpened);
  EXPECT_EQ(read->ticket.algorithm, HashAlgorithm::kSha512);
  EXPECT_EQ(read->offset, 4096u);
  EXPECT_EQ(read->short_chunks, ShortChunks::kInTheMiddle);
}

TEST_F(UploadLocations, TellAClientNothing) {
  for (const char* secret : {"AIDAONE", "4096"}) EXPECT_EQ(path_.find(secret), std::string::npos) << path_;
}

TEST_F(UploadLocations, AreRefusedToAnyoneElse) {
  EXPECT_FALSE(Read("AIDATWO", location_.ticket.id, state_));
  EXPECT_FALSE(Read("AIDAONE", "another-id", state_));
  const registry::Repository recreated = Named(8, "team/app");
  EXPECT_FALSE(ReadUploadLocation(access_, recreated, "AIDAONE", location_.ticket.id, state_, kOpened));
  FakeAccess elsewhere;
  EXPECT_FALSE(ReadUploadLocation(elsewhere, repository_, "AIDAONE", location_.ticket.id, state_, kOpened));
}

TEST_F(UploadLocations, AreRefusedWhenAltered) {
  EXPECT_FALSE(Read("AIDAONE", location_.ticket.id, ""));
  EXPECT_FALSE(Read("AIDAONE", location_.ticket.id, "nonsense"));
  for (std::size_t i = 0; i < state_.size(); ++i) {
    std::string altered = state_;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(Read("AIDAONE", location_.ticket.id, altered)) << i;
  }
  EXPECT_FALSE(Read("AIDAONE", location_.ticket.id,
                    access_.Seal("another-purpose", *access_.Open("upload-location", state_))));
}

TEST_F(UploadLocations, EndAfterADay) {
  EXPECT_TRUE(Read("AIDAONE", location_.ticket.id, state_, 24h));
  const Result<UploadLocation> late = Read("AIDAONE", location_.ticket.id, state_, 24h + 1us);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kUploadNotFound);
  EXPECT_EQ(late.error().fact("repository"), "team/app");
  EXPECT_EQ(late.error().fact("account"), "123456789012");
}

TEST_F(UploadLocations, OfTheSameSessionDifferByOffset) {
  location_.offset = 8192;
  const Result<UploadLocation> read =
      Read("AIDAONE", location_.ticket.id, StateOf(WriteUploadLocation(access_, repository_, location_)));
  EXPECT_EQ(read->offset, 8192u);
}

}  // namespace
}  // namespace entrepot::oci
