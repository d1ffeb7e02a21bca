#pragma once

// The door over a real registry in a directory of its own, with an Access that does as the test says.

#include <atomic>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stdlib.h>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "blobs/blob_store.h"
#include "blobs/file_layer.h"
#include "keys/key_ring.h"
#include "keys/root_key.h"
#include "metadata/store.h"
#include "oci/door.h"
#include "oci/fake_access.h"

namespace entrepot::oci {

using http::Method;

inline constexpr Timestamp kNow{1'700'000'000'000'000};

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "entrepot-oci-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

inline std::string DigestOf(std::string_view content) {
  return Digest::Of(HashAlgorithm::kSha256, AsBytes(content)).ToString();
}

struct Answer {
  int status = 0;
  std::string fields, body;
  std::optional<std::uint64_t> head_length;
  bool answered_inline = false;

  std::string Field(std::string_view name) const {
    const std::size_t at = ("\r\n" + fields).find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 2;
    return fields.substr(begin, fields.find("\r\n", begin) - begin);
  }
};

class Door : public testing::Test {
 protected:
  /// Once as the connection does it: on the loop where that is possible, else by a worker, a body over the
  /// plan's limit as a stream.
  Answer Send(Method method, std::string_view target, std::string body = "", bool may_answer_inline = true) {
    http::RequestHead head;
    head.method = method;
    const std::size_t query = std::min(target.find('?'), target.size());
    head.path = target.substr(0, query);
    head.query = target.substr(std::min(query + 1, target.size()));
    head.target = target;
    head.host = host_;
    head.peer = &peer_;
    if (method == Method::kPut || method == Method::kPatch || method == Method::kPost)
      head.content_length = body.size();
    head.headers = headers_;

    http::Response response;
    if (may_answer_inline && !head.has_body() && door_.TryAnswer(head, response)) return Read(response, true);
    const http::BodyPlan plan = door_.PlanBody(head);
    const bool stream = body.size() > plan.buffer_up_to;
    if (stream && !plan.stream_beyond) return Read(door_.Refuse(head, http::Refusal::kBodyTooLarge), false);
    if (std::unique_ptr<http::BodySink> sink = stream ? door_.TryReceive(head) : nullptr) {
      Feed(*sink, body);
      if (sink->TryFinish(response)) return Read(response, true);
      return Read(sink->Finish(), false);
    }
    http::Reply reply = door_.Handle(head, stream ? "" : body, stream);
    if (auto* sink = std::get_if<std::unique_ptr<http::BodySink>>(&reply)) {
      Feed(**sink, body);
      return Read((*sink)->Finish(), false);
    }
    return Read(std::get<http::Response>(reply), false);
  }

  static void Feed(http::BodySink& sink, std::string_view body) {
    std::atomic<int> blocks = 0;
    while (!body.empty()) {
      const std::string_view part = body.substr(0, http::Block::kCapacity);
      body.remove_prefix(part.size());
      std::shared_ptr<std::uint8_t> memory(
          static_cast<std::uint8_t*>(std::aligned_alloc(4096, http::Block::kCapacity)),
          [&](std::uint8_t* bytes) {
            std::free(bytes);
            if (--blocks == 0) blocks.notify_all();
          });
      std::memcpy(memory.get(), part.data(), part.size());
      ++blocks;
      sink.Append(http::Block(std::move(memory), part.size()));
    }
    for (int left = blocks; left > 0; left = blocks) blocks.wait(left);
  }

  static Answer Read(const http::Response& response, bool answered_inline) {
    Answer answer{.status = response.status,
                  .fields = response.fields,
                  .body = "",
                  .head_length = response.head_length,
                  .answered_inline = answered_inline};
    if (const auto* text = std::get_if<std::string>(&response.body)) answer.body = *text;
    if (const auto* shared = std::get_if<http::SharedText>(&response.body)) answer.body = **shared;
    if (const auto* source = std::get_if<std::unique_ptr<http::BodySource>>(&response.body)) {
      answer.body.resize((*source)->length());
      const std::span all(reinterpret_cast<std::uint8_t*>(answer.body.data()), answer.body.size());
      EXPECT_EQ((*source)->Read(all), answer.body.size());
    }
    return answer;
  }

  std::string OpenUpload() { return Send(Method::kPost, "/v2/team/app/blobs/uploads/").Field("Location"); }

  std::string PushBlob(const std::string& content) {
    const Answer answer = Send(Method::kPut, OpenUpload() + "&digest=" + DigestOf(content), content);
    EXPECT_EQ(answer.status, 201) << answer.body;
    return DigestOf(content);
  }

  std::string PushImage(const std::string& tag, const std::string& layer) {
    const auto descriptor = [&](const char* type, const std::string& content) {
      return R"({"mediaType":")" + std::string(type) + R"(","digest":")" + PushBlob(content) +
             R"(","size":)" + std::to_string(content.size()) + "}";
    };
    const std::string manifest =
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
        descriptor("application/vnd.oci.image.config.v1+json", "{}") + R"(,"layers":[)" +
        descriptor("application/vnd.oci.image.layer.v1.tar", layer) + "]}";
    const Answer answer = Send(Method::kPut, "/v2/team/app/manifests/" + tag, manifest);
    EXPECT_EQ(answer.status, 201) << answer.body;
    return manifest;
  }

  void Expire(std::chrono::microseconds ago) {
    access_.expired = true;
    access_.expires_at = clock_.Now() - ago;
  }

  ScratchDirectory scratch_;
  ManualClock clock_{kNow};
  blobs::PosixFiles files_;
  std::unique_ptr<metadata::Store> store_ = metadata::OpenStore({.url = "sqlite:" + (scratch_ / "store.db"),
                                                                 .clock = &clock_,
                                                                 .on_broken = [] {},
                                                                 .sqlite_vfs = ""})
                                                .value();
  keys::RootKey root_key_ =
      keys::RootKey::Load(files_, scratch_ / "keys", keys::RootKeyPolicy::kMayCreate).value();
  keys::KeyRing keys_{root_key_, *store_, keys::FileEncryption::kServiceKey};
  std::unique_ptr<blobs::BlobStore> blobs_ =
      blobs::BlobStore::Open(files_, scratch_ / "blobs", store_->store_id(), store_->boot_epoch(),
                             blobs::RootPolicy::kMayCreate)
          .value();
  registry::Caches caches_{*store_, 1 << 20};
  registry::Repositories repositories_{*store_, keys_, caches_};
  registry::Grace grace_;
  events::Outbox outbox_;
  registry::Images images_{*store_, caches_, grace_, outbox_};
  registry::Referrers referrers_{*store_};
  registry::Layers layers_{*store_, *blobs_, keys_, caches_, grace_};
  ThreadPool workers_{"workers", 2, 64};
  ThreadPool body_pool_{"bodies", 2, 64};
  registry::Uploads uploads_{*store_, *blobs_, keys_, grace_, workers_, body_pool_, {}};
  FakeAccess access_;
  registry::AccountSettings account_settings_{*store_, /*mounting=*/true};
  registry::CreationTemplates creation_templates_{*store_, repositories_};
  registry::PullTimeExclusions pull_time_exclusions_{*store_, {}};
  registry::Traffic traffic_{10};
  registry::Pulls pulls_{*store_, pull_time_exclusions_, outbox_};
  Rooms rooms_{access_,           repositories_,       images_, referrers_, layers_, uploads_,
               account_settings_, creation_templates_, pulls_,  traffic_,   clock_,  "registry.test"};
  OciDoor door_{rooms_};

  std::string host_ = "localhost:5000";
  http::Peer peer_{.address = "127.0.0.1", .tls_server_name = ""};
  std::vector<http::HeaderField> headers_ = {{"Authorization", "Basic fake"}};
  registry::RepositoryPtr repository_ =
      repositories_
          .Create(access_.registry,
                  {.name = RepositoryName::Trusted("team/app"), .tag_exclusions = {}, .tags = {}})
          .value();
  const std::string arn_ = "arn:aws:ecr:us-west-2:123456789012:repository/team/app";
};

}  // namespace entrepot::oci
