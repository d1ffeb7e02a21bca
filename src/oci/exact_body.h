#pragma once

// A body that must be as long as its Content-Range says and whose own length was not said beforehand
// (OCI Distribution v1.1, "Pushing a blob in chunks"): what lies behind the range is not taken, and what came
// of a body of another length is kept as one whose line broke. Used as any http::BodySink is.

#include <cstdint>
#include <functional>
#include <memory>

#include "http/body.h"
#include "http/response.h"

namespace entrepot::oci {

class ExactBody final : public http::BodySink {
 public:
  /// `refuse` makes the answer to a body of another length.
  ExactBody(std::unique_ptr<http::BodySink> inner, std::uint64_t length,
            std::function<http::Response()> refuse)
      : inner_(std::move(inner)), length_(length), refuse_(std::move(refuse)) {}

  void Append(http::Block block) override {
    received_ += block.bytes().size();
    if (received_ <= length_) inner_->Append(std::move(block));
  }
  bool failed() const noexcept override { return received_ > length_ || inner_->failed(); }
  bool finishes_ahead() const noexcept override { return inner_->finishes_ahead(); }
  bool TryFinish(http::Response& response) override {
    return received_ == length_ && inner_->TryFinish(response);
  }
  http::Response Finish() override {
    if (received_ == length_ || inner_->failed()) return inner_->Finish();
    inner_->Abort();
    return refuse_();
  }
  void Abort() override { inner_->Abort(); }

 private:
  const std::unique_ptr<http::BodySink> inner_;
  const std::uint64_t length_;
  const std::function<http::Response()> refuse_;
  std::uint64_t received_ = 0;
};

}  // namespace entrepot::oci
